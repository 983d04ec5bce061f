"""The projects are a company's own, from a file: a language model finds their names in a question,
and their codes confine what is searched."""

import json

import pytest

from chat import Chat
from harness.protocol import check_v2_events
from harness.stack import shared_stack

PROJECTS = [{"id": "4711", "name": "North Pier Terminal", "code": "NPT-07",
             "aliases": ["the ferry job"]},
            {"id": "4712", "name": "Quarry Hill School", "code": "QHS-12"}]
QUESTION = "Which CRM contacts do we have for {}"


@pytest.fixture(scope="module")
def shared(data_dir, running_emulator, tmp_path_factory):
    file = tmp_path_factory.mktemp("projects") / "projects.json"
    file.write_text(json.dumps(PROJECTS))
    settings = running_emulator.openai_settings() | running_emulator.hubspot_settings() | {
        "projects_file": file, "extractor": "openai", "hubspot_project_property": "project_code"}
    yield from shared_stack(data_dir, apps="chat", settings=settings)


def turn_about(shared, emulator, name):
    """The events of a turn in which the model finds this name, and what HubSpot was asked."""
    emulator.script(openai={"default": {"tokens": 3}, "rules": [{
        "when": {"body": "json_schema"}, "answer": {"names": [name], "from_history": False}}]})
    with Chat(shared) as chat:
        events = chat.answer(QUESTION.format(name))
    check_v2_events(events)
    found = next(event["data"] for event in events
                 if event["type"] == "phase_complete" and "found" in (event.get("data") or {}))
    return events, found, [one["json"] for one in emulator.requests("hubspot")]


def test_a_project_by_its_alias_confines_the_search(shared, emulator):
    _, found, searches = turn_about(shared, emulator, "the ferry job")
    assert found["projects"] == ["North Pier Terminal"]
    assert searches and all(
        {"propertyName": "project_code", "operator": "IN", "values": ["npt-07"]} in
        [filters for group in search["filterGroups"] for filters in group["filters"]]
        for search in searches)


def test_a_name_that_nobody_knows_searches_nothing(shared, emulator):
    # Not one of ours, nor of the embedded data that this deployment has nothing to do with.
    for name in "Silver Lake Tower", "Harbor Point":
        emulator.reset()
        events, found, searches = turn_about(shared, emulator, name)
        assert found["projects"] == [] and searches == []
        assert name in json.dumps(events)
