"""Stacks of the system tests: one that answers as fast as it can, one that takes its time."""

import sqlite3

import pytest

from chat import LONG_QUESTION, Chat
from harness.emulator import Emulator
from harness.protocol import text_of
from harness.provider import Provider
from harness.stack import shared_stack

LOCATIONS = """
    location = /ws/chat { mr_ws chat; }
    location = /ws/strict { mr_ws chat; mr_ws_compat strict; }
    location = /ws/voice { mr_ws chat; mr_ws_voice on; }
"""
# An answer of some seconds: long enough to be interrupted in the middle.
SLOW = {"local_tokens_per_second": 40}


@pytest.fixture(scope="session")
def stack(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat", locations=LOCATIONS,
                            settings={"local_tokens_per_second": 0})


@pytest.fixture(scope="session")
def slow_stack(data_dir):
    yield from shared_stack(data_dir, workers=2, apps="chat", locations=LOCATIONS, settings=SLOW)


@pytest.fixture(scope="session")
def reference(stack):
    """What the answer to LONG_QUESTION says, undisturbed."""
    with Chat(stack) as chat:
        return text_of(chat.answer(LONG_QUESTION))


@pytest.fixture(scope="session")
def company(stack, data_dir):
    """The company data the workers have made, to compute answers independently."""
    database = sqlite3.connect(f"file:{data_dir}/demo.db?mode=ro", uri=True)
    yield lambda query: database.execute(query).fetchall()
    database.close()


@pytest.fixture
def provider():
    """A language model of this test alone; `provider.settings()` make a worker ask it."""
    with Provider() as one:
        yield one
    assert not one.complaints


@pytest.fixture(scope="session")
def running_emulator(tmp_path_factory):
    """The provider emulator of the whole run; tests ask for `emulator`."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as one:
        yield one


@pytest.fixture
def emulator(running_emulator):
    """The provider emulator as it is at its start."""
    running_emulator.reset()
    return running_emulator
