"""The CRM is HubSpot: what the worker asks the emulator, which is as strict as the real one, and
what the client is told."""

import pytest

from chat import Chat
from harness.emulator import KEY
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.stack import shared_stack

QUESTION = "Show me the open CRM deals over $40 million"
HARBOR = "Show me the CRM deals on Harbor Point"
HARBOR_CODE = "MR-23-009"


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


@pytest.fixture(scope="module")
def by_associations(data_dir, running_emulator):
    """Projects are records of a custom object there; the key stands in a file."""
    key_file = running_emulator.directory / "hubspot.key"
    key_file.write_text(KEY + "\n")
    settings = running_emulator.hubspot_settings()
    del settings["hubspot_api_key"]
    settings |= {"hubspot_api_key_file": key_file, "hubspot_project_object": "2-101",
                 "hubspot_project_property": "code"}
    yield from shared_stack(data_dir, apps="chat", settings=settings)


def project_record(code):
    return {"when": {"path": "/2-101/search"},
            "answer": {"results": [{"id": "77", "properties": {"code": code}}]}}


def test_records_are_those_associated_with_the_project(by_associations, emulator):
    links = {"results": [{"from": {"id": "77"}, "to": [{"toObjectId": 2}, {"toObjectId": "3"}]}]}
    emulator.script(hubspot={"rules": [
        project_record(HARBOR_CODE),
        {"when": {"path": "/associations/"}, "status": 207, "answer": links}]})
    with Chat(by_associations) as chat:
        events = chat.answer(HARBOR)
        check_v2_events(events)
        [done] = [event for event in crm_of(events) if event["type"] == "tool_complete"]
        assert done["rows"] == 2, done
        assert [row["name"] for row in done["preview"]] == ["Deal 3", "Deal 2"]
    labels, project, linked, read = emulator.ended("hubspot", 4)
    for record in labels, project, linked, read:
        assert (record["problem"], record["notes"]) == ("", [])
        assert record["headers"]["authorization"] == f"Bearer {KEY}"
    assert project["path"] == "/hubspot/crm/v3/objects/2-101/search"
    assert project["json"] == {
        "filterGroups": [{"filters": [{"propertyName": "code", "operator": "IN",
                                       "values": [HARBOR_CODE.lower()]}]}],
        "properties": ["code"], "limit": 200}
    assert linked["path"] == "/hubspot/crm/v4/associations/2-101/deals/batch/read"
    assert linked["json"] == {"inputs": [{"id": "77"}]}
    assert read["path"] == "/hubspot/crm/v3/objects/deals/batch/read"
    assert read["json"] == {
        "inputs": [{"id": "2"}, {"id": "3"}],
        "properties": ["dealname", "amount", "closedate", "dealstage", "pipeline"]}
    assert all(KEY not in worker.log.text() for worker in by_associations.workers)


def test_without_the_projects_record_nothing_is_shown(by_associations, emulator):
    emulator.script(hubspot={"rules": [project_record("MR-22-002")]})
    with Chat(by_associations) as chat:
        events = chat.answer(HARBOR)
        check_v2_events(events)
        [failed] = [event for event in crm_of(events) if event["type"] == "tool_complete"]
        assert failed["status"] == "error" and "filter" in str(failed["error"])
        assert "Deal" not in text_of(events)


def test_a_stop_ends_the_request(shared, emulator):
    emulator.script(hubspot={"rules": [{"when": {"path": "/search"}, "hang": True}]})
    with Chat(shared) as chat:
        chat.ask(QUESTION)
        emulator.held("hubspot")
        chat.send(type="cancel")
        assert chat.until("response_complete")[-1]["status"] == "cancelled"
    def gone():
        return [one for one in emulator.requests("hubspot")
                if one["endpoint"] == "search" and one["outcome"] == "gone"]
    wait_for(gone, "HubSpot sees that its client has gone", 30)


def test_a_refused_search_is_said_and_the_turn_goes_on(shared, emulator):
    emulator.script(hubspot={"default": {"status": 403}})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION)
        check_v2_events(events)
        [failed] = [event for event in crm_of(events) if event["type"] == "tool_complete"]
        assert failed["status"] == "error" and "refused us access" in str(failed["error"])
        assert KEY not in str(events)
    assert all(KEY not in worker.log.text() for worker in shared.workers)
