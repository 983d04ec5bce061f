"""No value of a label without a test: each that docs/metrics.md lists stands, as a string or a number
of its own, in a test that names its metric (itself or by a helper of harness/metrics.py), or behind
that name. What cannot be brought about would be listed here with the reason."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
DOCUMENT = TESTS.parent / "docs" / "metrics.md"
HELPERS = {"refusals": ("mr_ws_connections_refused_total", "mr_ws_handshakes_failed_total"),
           "closed": ("mr_ws_connections_closed_total",), "hits": ("mr_ws_limit_hits_total",)}
WITHOUT = {}  # by metric and value: why there is no test


def listed():
    """(metric, value) of every label that the document gives values for."""
    rows = re.findall(r"^\| `(mr_ws_[a-z_]+)` \| \w+ \| (.*?) \|", DOCUMENT.read_text(), re.M)
    return [(metric, value) for metric, labels in rows
            for values in re.findall(r"`[a-z]+`: ([^;]+)", labels) for value in values.split(", ")]


def words_of(path):
    """The names in a file, and the text of its strings and numbers, docstrings left out."""
    tree = ast.parse(path.read_text())
    names, words = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None  # a docstring
        elif isinstance(node, ast.Constant) and isinstance(node.value, (str, int)):
            words.append(str(node.value))
        elif isinstance(node, ast.Name):
            names.add(node.id)
    return names, words


def named_in_tests():
    """Words by the metrics that are named in the same test."""
    found = {}
    for path in [*TESTS.glob("module/test_*.py"), *TESTS.glob("system/test_*.py")]:
        names, words = words_of(path)
        text = "\n".join(words)
        metrics = set(re.findall(r"mr_ws_[a-z_]+", text))
        for helper in names & set(HELPERS):
            metrics.update(HELPERS[helper])
        for metric in metrics:
            found.setdefault(metric, set()).update(words)
        for metric, labels in re.findall(r"(mr_ws_[a-z_]+)\{([^}\n]*)", text):
            found[metric].update(re.findall(r'="(\w+)"', labels))
    return found


@pytest.fixture(scope="module")
def words():
    return named_in_tests()


@pytest.mark.parametrize("metric, value", listed())
def test_each_value_stands_in_a_test(words, metric, value):
    if (metric, value) in WITHOUT:
        assert value not in words.get(metric, ()), "it has a test now: take it off the list"
        pytest.skip(WITHOUT[metric, value])
    assert value in words.get(metric, ()), f'nothing tests {metric} of "{value}"'


def test_the_list_of_exceptions_names_what_there_is():
    assert set(WITHOUT) <= set(listed())
