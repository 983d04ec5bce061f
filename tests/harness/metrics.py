"""What nginx and the workers export under /metrics, read strictly: text format 0.0.4 of Prometheus."""

import re

from harness.http import request
from harness.process import wait_for

# Whose members say how something ended: where one moves, the others are still.
OUTCOMES = tuple(f"mr_ws_{name}_total" for name in (
    "connections_accepted", "connections_refused", "handshakes_failed", "connections_closed",
    "limit_hits", "zone_full", "sessions_created", "resumes", "mail_stored", "mail_refused"))

LABELS = r'\{((?:[a-z_]+="[^"\\\n]*",?)+)\}'
SAMPLE = re.compile(r"([a-z_][a-z0-9_]*)(?:" + LABELS + r")? ([0-9]+(?:\.[0-9]+)?)")


SUFFIXES = {"summary": ("_sum", "_count"), "histogram": ("_bucket", "_sum", "_count")}


class Scrape:
    """`samples`: {'name{labels}': value}; `types` and `helps` by family."""

    def __init__(self, text):
        self.samples, self.types, self.helps = {}, {}, {}
        assert text.endswith("\n")
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, words = line.split(" ", 3)
                assert name not in self.helps, "a family stands together"
                self.helps[name] = words
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name in self.helps and name not in self.types
                self.types[name] = kind
            else:
                self.take(line)

    def take(self, line):
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        family = next(reversed(self.types))
        suffix = SUFFIXES.get(self.types[family], ("",))
        assert name in [family + one for one in suffix], f"{name} stands under {family}"
        key = name + ("{" + labels + "}" if labels else "")
        assert key not in self.samples, f"{key} twice"
        self.samples[key] = float(value) if "." in value else int(value)

    def __getitem__(self, key):
        return self.samples[key]


def scrape(port):
    response = request(port, "/metrics")
    assert response.status == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4"
    return Scrape(response.body.decode())


class Watched:
    """Metrics of one nginx, and how they have moved since this was made."""

    def __init__(self, port):
        self.port = port
        self.before = scrape(port).samples

    def moved(self):
        """What is not as it was; that of the probes, which move by themselves, left out."""
        now = scrape(self.port).samples
        return {key: value - self.before[key] for key, value in now.items()
                if value != self.before[key] and not key.startswith("mr_ws_redis_")}

    def wait(self, wanted):
        """Until each of `wanted` has moved by just so much."""
        def reached():
            now = scrape(self.port).samples
            return all(now[key] - self.before[key] == value for key, value in wanted.items())
        try:
            wait_for(reached, "the metrics move")
        except AssertionError:
            raise AssertionError(f"moved {self.moved()}, wanted {wanted}") from None

    def wait_only(self, wanted):
        """The same, and of all OUTCOMES nothing else has moved."""
        self.wait(wanted)
        moved = {key: value for key, value in self.moved().items() if key.startswith(OUTCOMES)}
        assert moved == {key: value for key, value in wanted.items() if key.startswith(OUTCOMES)}


def refusals(reason, status, count=1):
    """The counters of so many refused handshakes."""
    return {f'mr_ws_connections_refused_total{{reason="{reason}"}}': count,
            f'mr_ws_handshakes_failed_total{{status="{status}"}}': count}


def closed(code, count=1):
    return {f'mr_ws_connections_closed_total{{code="{code}"}}': count}


def hits(limit, count=1):
    return {f'mr_ws_limit_hits_total{{limit="{limit}"}}': count}
