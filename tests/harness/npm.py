"""Packages of npm for tests: those of a lock file, installed once per build directory. Tests that
need them are skipped, with the reason, where Node is too old or npm cannot fetch them."""

import re
import shutil
import subprocess

import pytest

from harness.paths import BUILD

NODE_AT_LEAST = (20, 15)
INSTALL_LIMIT_S = 240


def node_version():
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    text = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def installed(source, name, files):
    """The directory `name` of the build, with these files of `source` (package.json,
    package-lock.json and programs) and the packages."""
    version = node_version()
    if version is None or version < NODE_AT_LEAST:
        pytest.skip(f"{name} needs Node {NODE_AT_LEAST}; here is {version}")
    directory = BUILD / name
    directory.mkdir(parents=True, exist_ok=True)
    lock, stamp = source / "package-lock.json", directory / "installed"
    for file in files:
        shutil.copy(source / file, directory / file)
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        try:
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                            "--loglevel=error"], cwd=directory, check=True, capture_output=True,
                           timeout=INSTALL_LIMIT_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm cannot install what {name} needs: {error}")
        shutil.copy(lock, stamp)
    return directory
