"""scripts/mr/voice.sh, which fetches the recogniser's library and weights: against an npm of the
test's own, with a table of small files. Whatever goes wrong is one line and no error."""

import base64
import hashlib
import os
import stat
import subprocess
import tarfile

import pytest

from harness.paths import ROOT

MACHINE = os.uname().machine
LIBRARY = b"the library"
WORDS = b"one\ntwo\nthree"
SCRIPT = 'const words = "%s"\nconst other = "x"\n' % base64.b64encode(WORDS).decode()
TOOLS = ("awk base64 bash chmod cksum cp cut dirname env grep gzip head mkdir mktemp mv rm sed "
         "sha256sum tar timeout tr uname").split()

NPM = """#!/bin/bash
echo "$*" >>"{log}"
for last; do :; done
name=${{last//[@\\/]/-}}
[[ -f "{packages}/$name.tgz" ]] || {{ echo 'npm error code E404'; exit 1; }}
cp "{packages}/$name.tgz" .
"""


class SetUp:
    """A repository with the real scripts, a table of two packages, and a PATH of its own."""

    def __init__(self, folder):
        self.root = folder / "repo"
        self.kept = self.root / "build/voice"
        self.bin = folder / "bin"
        self.packages = folder / "packages"
        self.log = folder / "npm.log"
        for path in (self.root / "packaging/voice/licences", self.root / "scripts", self.bin,
                     self.packages):
            path.mkdir(parents=True)
        (self.root / "packaging/voice/licences/library.txt").write_text("MIT\n")
        (self.root / "scripts/mr").symlink_to(ROOT / "scripts/mr")
        for tool in TOOLS:
            path = next(path for path in ("/usr/bin", "/bin") if os.path.exists(f"{path}/{tool}"))
            (self.bin / tool).symlink_to(f"{path}/{tool}")
        self.table(("lib.so", "runtime@1.0.0", LIBRARY, "libonnxruntime.so", MACHINE),
                   ("words.js#words", "@some/words@2.0.0", WORDS, "moonshine/words.txt", "any"))
        self.package("runtime@1.0.0", {"lib.so": LIBRARY, "unwanted": b"x" * 1000})
        self.package("@some/words@2.0.0", {"words.js": SCRIPT.encode()})

    def table(self, *rows):
        lines = [f"{machine} {package} {path} {hashlib.sha256(content).hexdigest()} {kept}"
                 for path, package, content, kept, machine in rows]
        (self.root / "packaging/voice/files.txt").write_text("# comment\n" + "\n".join(lines) + "\n")

    def package(self, name, files):
        source = self.packages / "package"
        source.mkdir(exist_ok=True)
        target = self.packages / (name.replace("@", "-").replace("/", "-") + ".tgz")
        with tarfile.open(target, "w:gz") as archive:
            for path, content in files.items():
                (source / path).write_bytes(content)
                archive.add(source / path, f"package/{path}")

    def with_npm(self):
        npm = self.bin / "npm"
        npm.write_text(NPM.format(log=self.log, packages=self.packages))
        npm.chmod(npm.stat().st_mode | stat.S_IXUSR)

    def run(self):
        script = ("set -euo pipefail; MR_ROOT=$1 MR_BUILD=$1/build MR_RUN=$1/run; "
                  ". $1/scripts/mr/common.sh; . $1/scripts/mr/voice.sh; fill_voice; echo went on")
        done = subprocess.run(
            ["/bin/bash", "-c", script, "bash", str(self.root)], env={"PATH": str(self.bin)},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0 and done.stdout.endswith("went on\n"), done.stdout
        return done.stdout.removesuffix("went on\n")

    def fetched(self):
        """The packages npm was asked for since the last call."""
        asked = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line.split()[-1] for line in asked]

    def complete(self):
        return ((self.kept / "libonnxruntime.so").read_bytes() == LIBRARY
                and (self.kept / "moonshine/words.txt").read_bytes() == WORDS
                and (self.kept / "licences/library.txt").read_text() == "MIT\n"
                and not list(self.kept.glob("**/*.new")) and not list(self.kept.glob(".fetch*")))


@pytest.fixture
def setup(tmp_path):
    return SetUp(tmp_path)


def test_without_npm_one_line_names_the_cure(setup):
    said = setup.run()
    assert said.count("\n") == 1 and "npm is not installed (apt-get install npm" in said
    setup.with_npm()
    assert "fetched in" in setup.run()  # npm has come: no need to wait
    assert setup.complete()


def test_each_package_is_fetched_once_and_only_what_is_wanted_is_kept(setup):
    setup.with_npm()
    setup.run()
    assert setup.complete()
    assert setup.fetched() == ["runtime@1.0.0", "@some/words@2.0.0"]
    assert not (setup.kept / "unwanted").exists()
    assert setup.run() == ""
    assert setup.fetched() == []


def test_a_package_that_is_not_to_be_had_is_said_and_not_asked_for_again_at_once(setup):
    setup.with_npm()
    (setup.packages / "-some-words-2.0.0.tgz").unlink()
    said = setup.run()
    assert "npm could not fetch @some/words@2.0.0: npm error code E404" in said
    assert setup.fetched() == ["runtime@1.0.0", "@some/words@2.0.0", "@some/words@2.0.0"]
    assert "npm could not fetch @some/words@2.0.0" in setup.run()
    assert setup.fetched() == []


def test_what_is_there_already_is_not_fetched_again(setup):
    setup.with_npm()
    setup.run()
    setup.fetched()
    (setup.kept / "moonshine/words.txt").unlink()
    setup.run()
    assert setup.complete()
    assert setup.fetched() == ["@some/words@2.0.0"]


@pytest.mark.parametrize("content", [b"another library", b""])
def test_a_file_with_another_checksum_is_not_kept(setup, content):
    setup.with_npm()
    setup.package("runtime@1.0.0", {"lib.so": content})
    assert "lib.so is not the file that packaging/voice/files.txt names" in setup.run()
    assert not list(setup.kept.glob("lib*"))


def test_a_changed_table_replaces_what_it_changes(setup):
    setup.with_npm()
    setup.run()
    setup.fetched()
    newer = b"the newer library"
    setup.package("runtime@1.0.1", {"lib.so": newer})
    setup.table(("lib.so", "runtime@1.0.1", newer, "libonnxruntime.so", MACHINE),
                ("words.js#words", "@some/words@2.0.0", WORDS, "moonshine/words.txt", "any"))
    setup.run()
    assert setup.fetched() == ["runtime@1.0.1"]
    assert (setup.kept / "libonnxruntime.so").read_bytes() == newer


def test_a_machine_without_a_library_is_named(setup):
    setup.with_npm()
    setup.table(("lib.so", "runtime@1.0.0", LIBRARY, "libonnxruntime.so", "another"))
    assert f"onnxruntime is not published for {MACHINE}" in setup.run()
    assert setup.fetched() == []


def test_the_table_of_the_repository_names_what_the_engines_open(setup):
    rows = [line.split() for line in (ROOT / "packaging/voice/files.txt").read_text().splitlines()
            if line and not line.startswith("#")]
    assert all(len(row) == 5 and len(row[3]) == 64 for row in rows), rows
    for machine in ("x86_64", "aarch64"):
        kept = {row[4] for row in rows if row[0] in (machine, "any")}
        assert {"libonnxruntime.so", "moonshine/encoder_model.onnx",
                "moonshine/decoder_model_merged.onnx", "moonshine/vocabulary.txt",
                "silero/silero_vad_v5.onnx"} <= kept
