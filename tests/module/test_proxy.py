"""The misbehaving proxy of the harness does what its modes say: other tests rely on it."""

import os
import socket
import threading
import time

import pytest

from harness.process import wait_for
from harness.proxy import Proxy

LIMIT_S = 5.0


class EchoServer:
    """Sends back what it gets; keeps the sockets it has accepted."""

    def __init__(self, listener):
        self.listener = listener
        self.accepted = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.accepted.append(peer)
            threading.Thread(target=self.echo, args=(peer,), daemon=True).start()

    @staticmethod
    def echo(peer):
        try:
            while data := peer.recv(65536):
                peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for peer in self.accepted:
            peer.close()


@pytest.fixture(params=["tcp", "unix"])
def upstream(request, tmp_path):
    if request.param == "tcp":
        listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
    else:
        address = tmp_path / "s"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(address))
        listener.listen()
    server = EchoServer(listener)
    yield address
    server.close()


@pytest.fixture
def proxy(upstream):
    with Proxy(upstream) as one:
        yield one


def client(proxy):
    peer = socket.create_connection(("127.0.0.1", proxy.port), LIMIT_S)
    peer.settimeout(LIMIT_S)
    return peer


def read(peer, size):
    data = b""
    while len(data) < size:
        piece = peer.recv(size - len(data))
        assert piece, f"ended after {len(data)} bytes"
        data += piece
    return data


def echoes(peer, data=b"hello"):
    peer.sendall(data)
    return read(peer, len(data)) == data


def silent(peer):
    peer.settimeout(0.15)
    try:
        return not peer.recv(1) and False
    except TimeoutError:
        return True
    finally:
        peer.settimeout(LIMIT_S)


def is_reset(peer):
    try:
        while peer.recv(65536):
            pass
        return False
    except ConnectionResetError:
        return True


def is_reset_on_connecting(proxy):
    try:
        peer = client(proxy)
    except ConnectionResetError:
        return True
    with peer:
        return is_reset(peer)


def test_pass_and_half_close(proxy):
    with client(proxy) as peer:
        data = os.urandom(2_000_000)
        got = []
        reader = threading.Thread(target=lambda: got.append(read(peer, len(data))))
        reader.start()
        peer.sendall(data)
        reader.join(LIMIT_S)
        assert got == [data]
        assert proxy.bytes == {"up": len(data), "down": len(data)}
        peer.sendall(b"last")
        peer.shutdown(socket.SHUT_WR)
        assert read(peer, 4) == b"last" and peer.recv(1) == b""
    wait_for(lambda: not proxy.links, "the link is forgotten")


def test_stall_loses_nothing(proxy):
    with client(proxy) as peer:
        assert echoes(peer)
        proxy.set_mode("stall")
        peer.sendall(b"held")
        with client(proxy) as late:
            late.sendall(b"late")
            assert silent(peer) and silent(late)
            proxy.set_mode("pass")
            assert read(peer, 4) == b"held" and read(late, 4) == b"late"
            assert echoes(peer) and echoes(late)


def test_stall_in_one_direction(proxy):
    with client(proxy) as peer:
        assert echoes(peer)
        proxy.set_mode("stall", direction="down")
        peer.sendall(b"12345")
        wait_for(lambda: proxy.bytes["up"] == 10, "it gets there")
        assert silent(peer)
        proxy.set_mode("pass")
        assert read(peer, 5) == b"12345"


def test_blackhole_loses_all_and_resets_at_its_end(proxy):
    with client(proxy) as peer, client(proxy) as untouched:
        assert echoes(peer) and echoes(untouched)
        proxy.set_mode("blackhole")
        peer.sendall(b"lost")
        assert silent(peer)
        proxy.set_mode("pass")
        assert is_reset(peer)
        assert echoes(untouched), "nothing of it was lost"


def test_reset(proxy):
    with client(proxy) as peer:
        assert echoes(peer)
        proxy.reset_all()
        assert is_reset(peer)
    with client(proxy) as peer:
        assert echoes(peer)
        proxy.set_mode("reset")
        assert is_reset(peer)
    assert is_reset_on_connecting(proxy)
    proxy.set_mode("pass")
    with client(proxy) as peer:
        assert echoes(peer)


def test_half_open(proxy):
    with client(proxy) as peer:
        assert echoes(peer)
        proxy.half_open_all()
        peer.sendall(b"into the void")
        assert silent(peer)
        with client(proxy) as fresh:
            assert echoes(fresh)
    wait_for(lambda: not proxy.links, "the links are forgotten")


def test_slices(proxy):
    proxy.set_mode("slice", direction="down", piece=3)
    with client(proxy) as peer:
        data = bytes(range(256)) * 8
        assert echoes(peer, data)
        proxy.set_mode("slice")
        assert echoes(peer, data)
        peer.sendall(data)
        proxy.set_mode("pass")
        assert read(peer, len(data)) == data


def test_latency_keeps_the_order(proxy):
    proxy.set_mode("latency", delay_ms=30, jitter_ms=20)
    with client(proxy) as peer:
        start = time.monotonic()
        for number in range(50):
            peer.sendall(b"%04d" % number)
        assert read(peer, 200) == b"".join(b"%04d" % number for number in range(50))
        assert time.monotonic() - start >= 0.02


def test_cut_after(proxy):
    with client(proxy) as peer, client(proxy) as other:
        assert echoes(peer) and echoes(other)
        proxy.cut_after(7)
        peer.sendall(b"0123456789")
        assert read(peer, 7) == b"0123456" and is_reset(peer)
        assert proxy.cuts == 1 and echoes(other), "only the one that passed the byte, only once"
        proxy.cut_after(5, direction="up")
        other.sendall(b"01234")
        assert is_reset(other)


def test_nobody_upstream(tmp_path):
    with Proxy(tmp_path / "nobody") as proxy:
        assert is_reset_on_connecting(proxy)
