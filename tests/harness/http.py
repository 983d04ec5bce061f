"""Plain HTTP requests to nginx, for what is not a WebSocket."""

from harness.raw_ws import RawWs, request_text


def request(port, path, method="GET", *, tls=False, limit_s=2.0):
    """One request on a connection of its own."""
    with RawWs(port, tls=tls, limit_s=limit_s) as peer:
        headers = [("Host", "localhost"), ("Connection", "close")]
        peer.send(request_text(path, headers, method))
        return peer.read_response(body=method != "HEAD")


def ready(nginx):
    """What /readyz says: "ok", or the reason why not."""
    response = request(nginx.http_port, "/readyz")
    body = response.json
    assert (response.status, body["status"]) in ((200, "ok"), (503, "unavailable")), body
    return body.get("reason", "ok")
