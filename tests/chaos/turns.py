"""One question and the events of its answer as one tab saw them: is that a whole, right turn?"""

from harness.protocol import units

ENDS = ("ok", "cancelled")


class TurnFault(Exception):
    """What is wrong with a turn."""


def need(condition, what):
    if not condition:
        raise TurnFault(what)


class Question:
    """What was asked, by which message id, and whether it was to be stopped."""

    def __init__(self, script, message_id):
        self.script, self.message_id = script, message_id
        self.turn_id = None
        self.sent = False
        self.stopped = False  # a cancel was sent
        self.refused = 0      # times the gateway said that it could not be taken

    def __str__(self):
        return f"{self.message_id} ({self.script.words})"


class Turn:
    """Takes the events of one turn of one tab; `check` judges them when the terminal one is in."""

    def __init__(self, turn_id):
        self.turn_id = turn_id
        self.kinds = []
        self.text = ""
        self.tools = {}  # call_id or tool: status, None while it runs
        self.phases = []
        self.attempts = []
        self.whole = True  # False: begun by a snapshot, or joined in the middle
        self.end = None

    def take(self, event):
        kind = event["type"]
        need(self.end is None, f"{kind} behind the terminal event")
        self.kinds.append(kind)
        handler = getattr(self, f"take_{kind}", None)
        if handler is not None:
            handler(event)

    def take_text_chunk(self, event):
        need(event["content"], "an empty text_chunk")
        need(event["offset"] == units(self.text),
             f"text at {event['offset']} where {units(self.text)} was to come")
        self.text += event["content"]

    def take_text_snapshot(self, event):
        self.whole = False
        self.text = event["content"]
        self.tools = {tool["call_id"]: tool.get("status") for tool in event["tools"]}

    def take_tool_start(self, event):
        need(event["call_id"] not in self.tools, f"tool_start {event['call_id']} twice")
        self.tools[event["call_id"]] = None

    def take_tool_complete(self, event):
        need(self.tools.get(event["call_id"], "missing") is None,
             f"tool_complete {event['call_id']} without its one tool_start")
        self.tools[event["call_id"]] = event["status"]

    def take_phase_complete(self, event):
        need(event["phase"] not in self.phases, f"phase_complete {event['phase']} twice")
        self.phases.append(event["phase"])

    def take_attempt(self, event):
        self.attempts.append(event["attempt"])

    def take_response_complete(self, event):
        self.end = event

    def check(self, question):
        status = self.end["status"]
        need(status in ENDS, f"ended as {status}")
        need(status == "ok" or question.stopped, "cancelled, and nobody had asked for it")
        need(self.end["text_length"] == units(self.text),
             f"text of {units(self.text)} units, {self.end['text_length']} announced")
        running = [call for call, state in self.tools.items() if state is None]
        need(not running, f"tools without an end: {running}")
        expected = question.script.text()
        if status == "ok":
            need(self.text == expected, f"the text is not the script's: {first_difference(self.text, expected)}")
            need(len(self.tools) == question.script.tools,
                 f"{len(self.tools)} tools, {question.script.tools} in the script")
        else:
            need(expected.startswith(self.text) or self.text == "Stopped.",
                 "the text of a stopped answer is no beginning of the script's: "
                 + first_difference(self.text, expected))


def first_difference(got, expected):
    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b),
              min(len(got), len(expected)))
    return (f"at {at} of {len(expected)} (got {len(got)}): "
            f"{got[max(0, at - 20):at + 30]!r} for {expected[max(0, at - 20):at + 30]!r}")
