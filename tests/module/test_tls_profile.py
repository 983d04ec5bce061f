"""The TLS of conf-examples/, looked at as a scanner does: what is offered one by one, and taken or not."""

import re
import subprocess

import pytest

from backend import Backend
from harness.paths import ROOT
from harness.raw_ws import RawWs, request_text
from harness.stack import shared_stack
from test_coexistence import Example

FILES = ["full.conf", "drop-in-before.conf", "drop-in-after.conf"]
OLD = ["-ssl3", "-tls1", "-tls1_1"]
EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


@pytest.fixture(scope="module", params=FILES)
def port(request, data_dir):
    for stack in shared_stack(data_dir, apps="echo"):
        with Backend() as backend, Example(request.param, stack, backend) as example:
            yield example.port


def handshake(port, *options):
    """What s_client says of one handshake; None when there was none."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *options],
        input=b"", capture_output=True, timeout=20)
    text = done.stdout.decode(errors="replace")
    found = re.search(r"Cipher is (\S+)", text)
    return text if found and found[1] != "(NONE)" else None


def ciphers_of(*options):
    names = subprocess.run(["openssl", "ciphers", *options, EVERYTHING], capture_output=True,
                           check=True, text=True).stdout
    return names.strip().split(":")


@pytest.mark.parametrize("version", OLD)
def test_an_old_version_is_refused(port, version):
    assert handshake(port, version, "-cipher", EVERYTHING) is None


def test_ciphers_of_1_2_have_forward_secrecy_and_aead(port):
    offered = [name for name in ciphers_of("-s", "-tls1_2") if not name.startswith("TLS_")]
    assert len(offered) > 50
    taken = [name for name in offered
             if handshake(port, "-tls1_2", "-cipher", f"{name}:@SECLEVEL=0")]
    assert taken, "1.2 is served"
    assert all(re.fullmatch(r"ECDHE-(RSA|ECDSA)-(AES\d+-GCM-SHA\d+|CHACHA20-POLY1305)", name)
               for name in taken), taken


def test_1_3_is_served(port):
    assert "TLSv1.3" in handshake(port, "-tls1_3")


def test_sessions_are_kept_by_the_server(port):
    """No ticket: nothing that a leaked key of this process would open later."""
    text = handshake(port, "-tls1_2")
    assert "TLS session ticket:" not in text
    assert re.search(r"Session-ID: [0-9A-F]{64}", text), "but they can be resumed"


def test_no_compression_and_no_insecure_renegotiation(port):
    text = handshake(port, "-tls1_2")
    assert "Compression: NONE" in text and "Secure Renegotiation IS supported" in text


def test_browsers_are_told_to_stay_with_tls(port):
    with RawWs(port, tls=True) as plain:
        plain.send(request_text("/", [("Host", "localhost"), ("Connection", "close")]))
        response = plain.read_response()
        assert response.headers["strict-transport-security"] == "max-age=31536000"


def test_every_example_with_tls_has_this_profile():
    def profile(path):
        lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
        return [line for line in lines if re.match(r"ssl_(?!certificate)|add_header Strict", line)]

    profiles = {path.name: profile(path) for path in (ROOT / "conf-examples").glob("*.conf")
                if "ssl;" in path.read_text() or " ssl " in path.read_text()}
    assert set(profiles) == {*FILES, "access.conf"}
    assert len({tuple(lines) for lines in profiles.values()}) == 1
