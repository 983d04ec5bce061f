"""Typed questions on a voice connection: they travel with other frames in one mail, and are asked all
the same, each once, also when their worker dies with some of the mail unanswered."""

import json

from chat import LONG_QUESTION, Chat
from harness.process import wait_for
from harness.protocol import check_v2_events
from harness.raw_ws import TEXT, frame

LONG = 300  # characters that make it wait for others: voice_mail.h


def asked(message, **more):
    return frame(TEXT, json.dumps({"type": "ask", "message": message, **more}).encode())


def turns(chat, count):
    events = []
    for _ in range(count):
        events += chat.until("response_complete")
    check_v2_events(events)
    return [event["message_id"] for event in events if event["type"] == "turn_start"]


def test_questions_of_one_mail_are_asked_one_after_the_other(stack):
    long_question = LONG_QUESTION + " " * LONG
    with Chat(stack, path="/ws/voice") as chat:
        chat.ws.send(asked(long_question, message_id="1") + asked(long_question, message_id="2")
                     + asked("Which invoices are overdue?", message_id="3"))
        assert turns(chat, 3) == ["1", "2", "3"]
        lane = f"mr:*:i:{chat.session}"
        wait_for(lambda: not stack.redis.command("KEYS", lane), "the lane is empty", 10)


def test_a_long_question_waits_for_nobody(stack):
    with Chat(stack, path="/ws/voice") as chat:
        chat.ask(LONG_QUESTION + " " * LONG, message_id="alone")
        assert turns(chat, 1) == ["alone"]


def test_the_rest_of_a_mail_outlives_its_worker(data_dir, make_stack):
    locations = "location = /ws/voice { mr_ws chat; mr_ws_voice on; }"
    stack = make_stack(workers=1, apps="chat", locations=locations,
                       settings={"local_tokens_per_second": 40, "lease": "1s"})
    long_question = LONG_QUESTION + " " * LONG
    with Chat(stack, path="/ws/voice") as chat:
        chat.ws.send(asked(long_question, message_id="1") + asked("Hello?", message_id="2"))
        chat.until("text_chunk")
        keys = stack.redis.command("KEYS", f"mr:*:i:{chat.session}")
        assert stack.redis.command("XLEN", keys[0]) == 1, "the second question keeps the mail"
        stack.workers[0].kill()
        stack.add_worker("after")
        events = chat.until("response_complete")
        events += chat.until("response_complete")
        ends = [event["turn_id"] for event in events if event["type"] == "response_complete"]
        assert len(set(ends)) == 2
