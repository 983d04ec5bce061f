"""Redis forgets the end of an event log and breaks the links, as a failover to a replica that lacked
the last writes does. What followers have and the log has not is sent again by its owner (and must
not be shown twice), or is lost (and that must be said); a lower id is never taken for an old one."""

import pytest

from harness.lanes import followed_lane
from harness.raw_ws import RawWs
from harness.stack import shared_stack

LOCATIONS = "location = /ws/chat { mr_ws chat; }"
QUIET_S = 0.7


@pytest.fixture(scope="module")
def stack(data_dir):
    yield from shared_stack(data_dir, apps="echo", locations=LOCATIONS)


class Follower:
    """A client in each dialect on a session of its own, and the lane that the test writes."""

    def __init__(self, stack, v2):
        self.stack = stack
        self.v2 = v2
        self.ws = RawWs.open(stack.nginx.http_port, "/ws/chat", protocols=["mr.v2"] if v2 else [])
        self.session = self.ws.event()["session_id"]
        self.lane = followed_lane(stack.redis, self.session)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.drop()

    def begin(self, epoch, count):
        self.lane.claim(epoch, (0, 0))
        for seq in range(1, count + 1):
            self.lane.event(epoch, seq)
        assert self.places(count) == [f"{epoch}-{seq}" for seq in range(1, count + 1)]

    def places(self, count):
        return [self.ws.event()["id"] for _ in range(count)]

    def expect_end(self):
        """v1: the error and the end of the answer that it was in the middle of."""
        kinds = [self.ws.event()["type"] for _ in range(3)]
        assert kinds == ["error", "text_chunk", "response_complete"], kinds

    def expect_loss(self):
        event = self.ws.event()
        assert event["type"] == "connected" and event["recovered"] is False, event
        assert event["session_id"] == self.session

    def expect_broken(self):
        """The loss is announced, each dialect's way."""
        if self.v2:
            self.expect_loss()
        else:
            self.expect_end()

    def expect_quiet(self):
        with pytest.raises(TimeoutError):
            raise AssertionError(f"came uncalled for: {self.ws.event(QUIET_S)}")

    def break_links(self):
        """Returns when both are back and the lane is followed again."""
        redis = self.stack.redis
        for client in redis.clients("mr-ws-nginx"):
            redis.command("CLIENT", "KILL", "ID", client)
        self.stack.wait_linked()
        followed_lane(redis, self.session)


@pytest.fixture(params=["v1", "v2"])
def follower(stack, request):
    with Follower(stack, request.param == "v2") as made:
        yield made


def test_what_its_owner_sends_again_is_not_shown_again(follower):
    """Within the epoch: 4 and 5 are sent once more under their ids, 6 goes on."""
    follower.begin(1000, 5)
    follower.lane.set_back()
    follower.lane.claim(1000, (0, 0), publish=False)
    for seq in (1, 2, 3):
        follower.lane.event(1000, seq, publish=False)
    follower.break_links()
    follower.expect_quiet()
    for seq in (4, 5, 6):
        follower.lane.event(1000, seq, terminal=seq == 6)
    assert follower.places(1) == ["1000-6"]
    follower.expect_quiet()


def test_published_but_refused_by_the_log(follower):
    """A primary without its replicas refuses XADD and still publishes (NOREPLICAS)."""
    follower.begin(1000, 2)
    follower.lane.event(1000, 3, log=False)
    assert follower.places(1) == ["1000-3"]
    follower.break_links()
    follower.expect_quiet()
    follower.lane.event(1000, 3)
    follower.lane.event(1000, 4, terminal=True)
    assert follower.places(1) == ["1000-4"]
    follower.expect_quiet()


def test_a_loss_is_announced_when_somebody_else_goes_on(follower):
    """v2 gets everything that is left, from the beginning; v1 an error and the end of its answer."""
    follower.begin(1000, 5)
    follower.lane.set_back()
    follower.lane.claim(1000, (0, 0), publish=False)
    follower.lane.event(1000, 1, publish=False)
    follower.lane.event(1000, 2, publish=False)
    follower.break_links()
    follower.lane.claim(2000, (1000, 2))
    follower.lane.event(2000, 1, terminal=True)
    if follower.v2:
        follower.expect_loss()
        assert follower.places(3) == ["1000-1", "1000-2", "2000-1"]
    else:
        follower.expect_end()
    follower.expect_quiet()


def test_lower_ids_are_not_taken_for_old_ones(follower):
    """The claim was lost too, and the new primary's clock is behind the old one's."""
    follower.begin(5000, 3)
    follower.lane.set_back()
    follower.lane.claim(3000, (0, 0), publish=False)
    follower.lane.event(3000, 1, publish=False)
    follower.break_links()
    if follower.v2:
        follower.expect_loss()
        assert follower.places(1) == ["3000-1"]
    else:
        follower.expect_end()
    follower.lane.event(3000, 2, terminal=True)
    if follower.v2:
        assert follower.places(1) == ["3000-2"]
    follower.expect_quiet()


def test_the_same_while_the_log_is_still_empty(follower):
    follower.begin(5000, 3)
    follower.lane.set_back()
    follower.break_links()
    follower.expect_broken()
    follower.lane.claim(3000, (0, 0))
    follower.lane.event(3000, 1, terminal=True)
    if follower.v2:
        assert follower.places(1) == ["3000-1"]
    follower.expect_quiet()


def lose_the_turn(follower):
    """It was in the middle of turn 1 and is told of its loss; 2000-1 goes on with that turn."""
    follower.begin(1000, 3)
    follower.lane.set_back()
    follower.break_links()
    follower.expect_broken()
    follower.lane.claim(2000, (0, 0))
    follower.lane.event(2000, 1)


@pytest.mark.parametrize("ends", [True, False])
def test_the_turn_behind_a_lost_one_is_heard_to_its_end(follower, ends):
    """Also if nobody has ever heard the end of the lost one, or the beginning of the next."""
    lose_the_turn(follower)
    if ends:
        follower.lane.event(2000, 2, terminal=True)
    first = 3 if ends else 2
    follower.lane.event(2000, first, turn=2)
    follower.lane.event(2000, first + 1, turn=2, terminal=True)
    if follower.v2:
        assert follower.places(first - 1) == [f"2000-{seq}" for seq in range(1, first)]
    assert follower.places(2) == [f"2000-{first}", f"2000-{first + 1}"]
    follower.expect_quiet()


def test_what_belongs_to_no_turn_is_heard_behind_a_lost_one(follower):
    """As the refusal of another question is. It ends nothing."""
    lose_the_turn(follower)
    follower.lane.event(2000, 2, turn=0)
    follower.lane.event(2000, 3, terminal=True)
    follower.lane.event(2000, 4, turn=0, terminal=True)
    if follower.v2:
        assert follower.places(4) == [f"2000-{seq}" for seq in (1, 2, 3, 4)]
    else:
        assert follower.places(2) == ["2000-2", "2000-4"]
    follower.expect_quiet()


def test_lost_twice_is_said_once(follower):
    """v1: the turn has had its end; the next one, lost in its middle, gets one of its own."""
    lose_the_turn(follower)
    if follower.v2:
        follower.places(1)
    follower.lane.set_back()
    follower.break_links()
    if follower.v2:
        follower.expect_loss()
    follower.expect_quiet()
    follower.lane.claim(3000, (0, 0))
    follower.lane.event(3000, 1, turn=2)
    assert follower.places(1) == ["3000-1"]
    follower.lane.set_back()
    follower.break_links()
    follower.expect_broken()
    follower.expect_quiet()


def test_the_refusal_of_a_question_is_no_turn_to_lose(follower):
    follower.lane.claim(1000, (0, 0))
    follower.lane.event(1000, 1, turn=0)
    assert follower.places(1) == ["1000-1"]
    follower.lane.set_back()
    follower.break_links()
    if follower.v2:
        follower.expect_loss()
    follower.expect_quiet()


def test_a_log_that_has_expired_is_no_loss(follower):
    """The answer was seen to its end; its log has gone as it should."""
    follower.begin(1000, 2)
    follower.lane.event(1000, 3, terminal=True)
    assert follower.places(1) == ["1000-3"]
    follower.stack.redis.command("HSET", follower.lane.meta, "top", "1000-3")
    follower.lane.set_back()
    follower.break_links()
    follower.expect_quiet()
    follower.lane.claim(2000, (1000, 3))
    follower.lane.event(2000, 1, terminal=True)
    assert follower.places(1) == ["2000-1"]


def test_nothing_lost_is_nothing_said(follower):
    follower.begin(1000, 3)
    follower.lane.event(1000, 4, publish=False)
    follower.break_links()
    assert follower.places(1) == ["1000-4"], "what was not published is read"
    follower.lane.event(1000, 5, terminal=True)
    assert follower.places(1) == ["1000-5"]
    follower.expect_quiet()
