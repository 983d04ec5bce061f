"""Other people's WebSocket stacks against the endpoint, with permessage-deflate and without: the
client of python3-websockets, and a browser."""

import asyncio
import http.server
import queue
import shutil
import tempfile
import threading
import urllib.parse
from pathlib import Path

import pytest
import websockets

from harness.process import Log, Process
from harness.tls import client_context

LIMIT_S = 60
TEXTS = ["", "a", "Grüße an 🌼 und alle anderen. " * 400, "x" * 100_000]
CHROMIUM = Path("/usr/bin/chromium")

PAGE = """<!doctype html><meta charset="utf-8"><script>
const report = (text) => fetch('REPORT?' + encodeURIComponent(text), {mode: 'no-cors'});
const texts = ['', 'a', 'Grüße an 🌼 und alle anderen. '.repeat(400), 'x'.repeat(100000)];
const bytes = new Uint8Array(50000).map((_, i) => i * i % 251);
const ws = new WebSocket(location.origin.replace('http', 'ws') + 'PATH', ['mr.v2']);
ws.binaryType = 'arraybuffer';
let at = 0;
const next = () => at < texts.length ? ws.send(texts[at]) : ws.send(bytes);
ws.onopen = next;
ws.onmessage = ({data}) => {
    if (at < texts.length) {
        if (data !== texts[at]) return report('wrong text ' + at);
        at++;
        return next();
    }
    const got = new Uint8Array(data);
    if (got.length !== bytes.length || got.some((value, i) => value !== bytes[i]))
        return report('wrong bytes');
    ws.close(3210, 'done');
};
ws.onclose = ({code, wasClean}) =>
    report([code, wasClean, ws.protocol, ws.extensions.split(';')[0]].join(' '));
</script>"""


@pytest.mark.parametrize("compression", ["deflate", None])
def test_python_websockets(port, tls, compression):
    async def talk():
        scheme = "wss" if tls else "ws"
        async with websockets.connect(f"{scheme}://localhost:{port}/ws/deflate-patient",
                                      ssl=client_context() if tls else None,
                                      compression=compression, max_size=None) as ws:
            assert [one.name for one in ws.extensions] == \
                (["permessage-deflate"] if compression else [])
            for message in [*TEXTS, bytes(range(256)) * 500]:
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(iter(["in ", "three ", "frames" * 1000]))
            assert await ws.recv() == "in three " + "frames" * 1000
            pong = await ws.ping()
            await pong
        assert ws.close_code == 1000
    asyncio.run(asyncio.wait_for(talk(), LIMIT_S))


class Reports(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith("/report?"):
            self.server.reports.put(urllib.parse.unquote(self.path.partition("?")[2]))
        self.send_response(204)
        self.end_headers()


@pytest.fixture
def reports():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reports)
    server.reports = queue.Queue()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def directory():
    path = Path(tempfile.mkdtemp(prefix="mr-page-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("path, extension", [("/ws/deflate", "permessage-deflate"),
                                             ("/ws/echo", "")])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_browser(make_stack, directory, reports, scheme, path, extension):
    (directory / "page.html").write_text(PAGE.replace(
        "REPORT", f"http://127.0.0.1:{reports.server_address[1]}/report").replace("PATH", path))
    stack = make_stack(apps="echo", locations=f"""
        location = /ws/echo {{ mr_ws echo; mr_ws_max_frame 256k; }}
        location = /ws/deflate {{ mr_ws echo; mr_ws_deflate on; mr_ws_deflate_max_ratio 0;
                                 mr_ws_max_frame 256k; }}
        location = /page.html {{ root {directory}; default_type text/html; }}""")
    port = stack.nginx.https_port if scheme == "https" else stack.nginx.http_port
    browser = Process("chromium", [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--disable-background-networking", "--ignore-certificate-errors",
        "--allow-running-insecure-content", "--remote-debugging-port=0",
        f"--user-data-dir={directory}/profile", f"{scheme}://127.0.0.1:{port}/page.html"],
        Log(directory / "chromium.log"))
    try:
        assert reports.reports.get(timeout=LIMIT_S) == f"3210 true mr.v2 {extension}"
    finally:
        browser.stop()
