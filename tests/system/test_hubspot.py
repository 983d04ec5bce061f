"""The CRM is HubSpot: what the worker asks the emulator, which is as strict as the real one, and
what the client is told."""

import pytest

from chat import Chat
from harness.emulator import KEY
from harness.protocol import check_v2_events
from harness.stack import shared_stack

QUESTION = "Show me the open CRM deals over $40 million"


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator):
    yield from shared_stack(data_dir, apps="chat", settings=running_emulator.hubspot_settings())


def crm_of(events):
    return [event for event in events if event.get("tool") == "hubspot"]


def test_the_search_is_one_that_hubspot_takes(shared, emulator):
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        assert events[-1]["status"] == "ok"
        [done] = [event for event in crm_of(events) if event["type"] == "tool_complete"]
        assert done["rows"] == 3 and done["truncated"] is False
        assert done["preview"][0]["name"] == "Deal 1"
        assert done["preview"][0]["Stage"] == "Presentation scheduled"
    labels, search = emulator.ended("hubspot", 2)
    for record in labels, search:
        assert (record["problem"], record["notes"], record["secure"]) == ("", [], True)
        assert record["headers"]["authorization"] == f"Bearer {KEY}"
    assert labels["path"] == "/hubspot/crm/v3/pipelines/deals"
    assert search["path"] == "/hubspot/crm/v3/objects/deals/search"
    assert search["json"] == {
        "filterGroups": [], "limit": 20,
        "properties": ["dealname", "amount", "closedate", "dealstage", "pipeline"],
        "sorts": [{"propertyName": "closedate", "direction": "DESCENDING"}]}
    assert all(KEY not in worker.log.text() for worker in shared.workers)


def test_a_refused_search_is_said_and_the_turn_goes_on(shared, emulator):
    emulator.script(hubspot={"default": {"status": 403}})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        [failed] = [event for event in crm_of(events) if event["type"] == "tool_complete"]
        assert failed["status"] == "error" and "refused us access" in str(failed["error"])
        assert KEY not in str(events)
    assert all(KEY not in worker.log.text() for worker in shared.workers)
