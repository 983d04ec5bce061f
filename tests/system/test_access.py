"""Conversations under a name: an answer survives the end of its access token, and the worker knows
whose it is."""

import pytest

from chat import LONG_QUESTION, Chat, merged
from harness.jwt import key, token
from harness.process import wait_for
from harness.protocol import check_v2_events, text_of
from harness.raw_ws import Ended
from harness.stack import shared_stack

LOCATION = """
    location = /ws/chat {{ mr_ws chat; mr_ws_jwt_key_file {secret} HS256; mr_ws_jwt_leeway 0; }}
"""


@pytest.fixture(scope="module")
def site(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat",
                            locations=LOCATION.format(secret=key("HS256").file),
                            settings={"local_tokens_per_second": 12})


def access(**claims):
    return [f"bearer.{token(aud=None, **claims)}"]


def turns(site, chat):
    return [record for worker in site.workers
            for record in worker.logged("turn ended", session=chat.session)]


def test_an_answer_survives_the_end_of_its_token(site):
    """The connection is closed in the middle of it; the same user with the next token gets the
    rest, somebody else does not."""
    with Chat(site, offers=access(expires_in=2)) as chat:
        chat.ask(LONG_QUESTION)
        first = []
        with pytest.raises(Ended, match="closed with 1008 b'access token expired'"):
            while True:
                first.append(chat.event())
    assert first and first[-1]["type"] != "response_complete", "it was to end in the middle"
    with Chat(site, resume=chat, offers=access(sub="mallory")) as stranger:
        assert stranger.session != chat.session and stranger.greeting["recovered"] is False
    with Chat(site, resume=chat, offers=access()) as back:
        assert back.session == chat.session and back.greeting["recovered"] is True
        rest = back.until("response_complete")
    whole = merged(first, rest)
    assert whole == [event for event in first + rest if "id" in event], "nothing came twice"
    check_v2_events(whole)
    wait_for(lambda: turns(site, chat), "the turn's line in a worker's log")
    assert [record["subject"] for record in turns(site, chat)] == ["alice"]


def test_a_token_is_renewed_in_the_middle_of_an_answer(site):
    with Chat(site, offers=access(sub="bob", expires_in=3)) as chat:
        chat.ask(LONG_QUESTION)
        events = chat.until("text_chunk")
        chat.send(type="auth", token=token(aud=None, sub="bob"))
        events += chat.until("authenticated")
        events += chat.until("response_complete")
        events = [event for event in events if event["type"] != "authenticated"]
        check_v2_events(events)
        assert len(text_of(events)) > 100
        with Chat(site, offers=access(expires_in=1)) as clock:
            with pytest.raises(Ended):
                clock.event()
        chat.send(type="ping", t=1)
        assert chat.until("pong")
    wait_for(lambda: turns(site, chat), "the turn's line in a worker's log")
    assert [record["subject"] for record in turns(site, chat)] == ["bob"]


def test_a_conversation_goes_on_under_its_name(site):
    """Many sessions of one user, each for itself."""
    for _ in range(2):
        with Chat(site, offers=access()) as chat:
            chat.answer("How many projects do we have?")
        with Chat(site, resume=chat, offers=access()) as back:
            back.answer("and how many are open?")
            assert back.session == chat.session
        wait_for(lambda: len(turns(site, back)) == 2, "both turns are in the log")
        assert {record["subject"] for record in turns(site, back)} == {"alice"}
