"""What a conversation must look like on the wire: v1 exactly as the original backend spoke it, v2
with all it adds. Checks only; never sends anything."""

import json
import re

PHASES = {
    "project_resolution": "Identifying projects in your question...",
    "routing": "Analyzing your question...",
    "merge": "Synthesizing findings...",
    "response": "Composing answer...",
}
TOOLS = {  # on the wire, by the routed name: its own name, start text, summary
    "vertex_search": ("vertex_search", "Searching documents...", r"Found \d+ documents"),
    "claude_sql": ("bigquery", "Querying analytics...", r"Returned \d+ row\(s\)"),
    "hubspot": ("hubspot", "Checking CRM...", r"CRM data retrieved"),
    "powerbi": ("powerbi", "Preparing visualization...", r"Visualization ready"),
}
FIELDS = {  # of v1, in their order
    "connected": ["type", "session_id"],
    "phase_start": ["type", "phase", "message"],
    "phase_complete": ["type", "phase", "data"],
    "tool_start": ["type", "tool", "message"],
    "tool_complete": ["type", "tool", "summary"],
    "text_chunk": ["type", "content"],
    "response_complete": ["type", "sources"],
    "error": ["type", "message"],
}
SOURCE_FIELDS = ["id", "title", "url", "snippet"]
V2_ONLY = {"turn_start", "queued", "tool_progress", "sources", "chart", "text_snapshot", "usage",
           "cancelled", "attempt", "going_away", "pong", "idle"}


class Expected:
    """Takes events one after the other."""

    def __init__(self, events):
        self.events = list(events)
        self.at = 0

    def next(self, kind, **fields):
        assert self.at < len(self.events), f"ended where {kind} was to come"
        event = self.events[self.at]
        self.at += 1
        assert event["type"] == kind, f"{event} where {kind} {fields} was to come"
        assert list(event)[:len(FIELDS[kind])] == FIELDS[kind], f"order of fields: {event}"
        for name, value in fields.items():
            assert event[name] == value, event
        return event

    def peek(self):
        return self.events[self.at]["type"] if self.at < len(self.events) else None


class Answer:
    """What a checked turn said."""

    def __init__(self):
        self.projects, self.tools, self.text, self.sources = [], [], "", []


def check_v1_turn(events):
    """Order and texts of a whole turn; fields beyond v1's are tolerated."""
    expected, answer = Expected(events), Answer()
    phase(expected, "project_resolution", answer)
    phase(expected, "routing", answer)
    tools(expected, answer)
    phase(expected, "merge", answer)
    expected.next("phase_start", phase="response", message=PHASES["response"])
    while expected.peek() == "text_chunk":
        content = expected.next("text_chunk")["content"]
        assert isinstance(content, str) and content, "a chunk is never empty"
        answer.text += content
    assert answer.text, "an answer has text"
    end = expected.next("response_complete")
    for source in end["sources"]:
        assert list(source) == SOURCE_FIELDS and all(isinstance(v, str) for v in source.values())
    answer.sources = end["sources"]
    assert expected.peek() is None, f"behind the end: {expected.events[expected.at:]}"
    return answer


def phase(expected, name, answer):
    expected.next("phase_start", phase=name, message=PHASES[name])
    data = expected.next("phase_complete", phase=name)["data"]
    if name == "project_resolution":
        assert list(data) == ["found", "projects"] and data["found"] == len(data["projects"])
        answer.projects = data["projects"]
    elif name == "routing":
        assert list(data) == ["tools", "reasoning"] and isinstance(data["reasoning"], str)
        assert set(data["tools"]) <= set(TOOLS)
        answer.tools = data["tools"]
    else:
        assert list(data) == ["insights_count"] and data["insights_count"] >= 0


def tools(expected, answer):
    """Tools run side by side; each starts once and completes once, behind its start."""
    known = {own: (start, summary) for own, start, summary in TOOLS.values()}
    started, completed = [], []
    while expected.peek() in ("tool_start", "tool_complete"):
        if expected.peek() == "tool_start":
            event = expected.next("tool_start")
            assert event["message"] == known[event["tool"].split("#")[0]][0]
            assert event["tool"] not in started
            started.append(event["tool"])
        else:
            event = expected.next("tool_complete")
            assert event["tool"] in started and event["tool"] not in completed
            summary = known[event["tool"].split("#")[0]][1]
            assert re.fullmatch(summary + "|Error: .+", event["summary"]), event
            completed.append(event["tool"])
    assert sorted(started) == sorted(completed), "every tool that starts completes"
    assert {tool.split("#")[0] for tool in started} == {TOOLS[tool][0] for tool in answer.tools}


def check_compact(text):
    """One compact JSON object, characters beyond ASCII as themselves."""
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


def order(event):
    epoch, seq = event["id"].split("-")
    return int(epoch), int(seq)


def check_v2_events(events):
    """Ids grow strictly; each turn has its events together, text without a gap, one end."""
    with_id = [event for event in events if "id" in event]
    positions = [order(event) for event in with_id]
    assert positions == sorted(set(positions)), "ids must grow"
    turns = {}
    for event in with_id:
        if event.get("turn_id"):
            turns.setdefault(event["turn_id"], []).append(event)
    for turn in turns.values():
        check_v2_turn(turn)
    return turns


def check_v2_turn(turn):
    kinds = [event["type"] for event in turn]
    assert kinds[0] == "turn_start", kinds
    assert kinds.count("response_complete") == 1 and kinds[-1] == "response_complete", kinds
    check_text(turn)
    calls = [event["call_id"] for event in turn if event["type"] == "tool_start"]
    ends = [event["call_id"] for event in turn if event["type"] == "tool_complete"]
    assert sorted(calls) == sorted(ends) and len(set(calls)) == len(calls)
    assert all(event["ts"] > 0 for event in turn)


def units(text):
    """Length in UTF-16, as the protocol counts."""
    return len(text.encode("utf-16-le")) // 2


def check_text(turn):
    text = ""
    for event in turn:
        if event["type"] == "text_chunk":
            assert event["content"], "a chunk is never empty"
            assert event["offset"] == units(text), "the text has a gap or a repetition"
            text += event["content"]
    assert text, "a turn says something"
    assert turn[-1]["text_length"] == units(text)
    return text


def text_of(events):
    return "".join(event["content"] for event in events if event["type"] == "text_chunk")
