"""What the tests of this folder stand on."""

import socket

from harness import nginx


def test_a_port_that_others_take_first_is_no_failure(make_stack, monkeypatch):
    """nginx begins anew with other ports, and its logs say nothing of the first try."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [[taken.getsockname()[1], *nginx.free_ports(1)]]
        real = nginx.free_ports
        monkeypatch.setattr(nginx, "free_ports",
                            lambda count: ports.pop() if ports else real(count))
        stack = make_stack()
        assert not ports, "it was tried"
        assert stack.nginx.process.alive()
        assert taken.getsockname()[1] not in (stack.nginx.http_port, stack.nginx.https_port)
        assert "Address already in use" not in stack.nginx.console.text() + stack.nginx.log.text()
