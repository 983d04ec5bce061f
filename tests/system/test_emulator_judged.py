"""The vendors' own npm clients against the provider emulator: the judge that it is like the
services it stands for. Skipped where Node is too old for them or npm cannot fetch them."""

import os
import re
import shutil
import subprocess

import pytest

from harness.emulator import Emulator
from harness.paths import BUILD, ROOT

SOURCE = ROOT / "tests/emulator/judge"
FILES = ("package.json", "package-lock.json", "judge.mjs")
NODE_AT_LEAST = (20, 15)
INSTALL_LIMIT_S = 240
JUDGE_LIMIT_S = 400


def node_version():
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    text = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


@pytest.fixture(scope="module")
def judge():
    """A directory with the clients of the lock file, installed once per build directory."""
    version = node_version()
    if version is None or version < NODE_AT_LEAST:
        pytest.skip(f"the vendors' clients need Node {NODE_AT_LEAST}; here is {version}")
    directory = BUILD / "judge"
    directory.mkdir(parents=True, exist_ok=True)
    lock, stamp = SOURCE / "package-lock.json", directory / "installed"
    for name in FILES:
        shutil.copy(SOURCE / name, directory / name)
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        try:
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                            "--loglevel=error"], cwd=directory, check=True, capture_output=True,
                           timeout=INSTALL_LIMIT_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm cannot install the vendors' clients: {error}")
        shutil.copy(lock, stamp)
    return directory


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
        assert counts == {"pass": "9", "fail": "0", "skipped": "0"}
        asked = {record["provider"] for record in emulator.requests()}
        assert asked == {"openai", "anthropic", "gemini", "vertex", "google", "bigquery", "search",
                         "hubspot"}
