"""The vendors' own npm clients against the provider emulator: the judge that it is like the
services it stands for. Skipped where Node is too old for them or npm cannot fetch them."""

import os
import re
import subprocess

import pytest

from harness.emulator import Emulator
from harness.npm import installed
from harness.paths import ROOT

FILES = ("package.json", "package-lock.json", "judge.mjs")
JUDGE_LIMIT_S = 400


@pytest.fixture(scope="module")
def judge():
    """A directory with the vendors' clients."""
    return installed(ROOT / "tests/emulator/judge", "judge", FILES)


def test_the_vendors_clients_work_with_it(judge, tmp_path):
    with Emulator(tmp_path) as emulator:
        # Settings and keys of whoever runs this must not reach the clients.
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            ["node", "--test", "--test-reporter=tap", "judge.mjs"], cwd=judge, check=False,
            capture_output=True, text=True, timeout=JUDGE_LIMIT_S,
            env={**env, "NODE_EXTRA_CA_CERTS": str(emulator.ca_file),
                 "EMULATOR_PORT": str(emulator.port),
                 "EMULATOR_ACCOUNT": str(emulator.account_file)})
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        counts = dict(re.findall(r"^# (pass|fail|skipped) (\d+)$", done.stdout, re.M))
        assert counts == {"pass": "11", "fail": "0", "skipped": "0"}
        asked = {record["provider"] for record in emulator.requests()}
        assert asked == {"openai", "anthropic", "gemini", "vertex", "google", "bigquery", "search",
                         "hubspot", "deepgram", "elevenlabs"}
