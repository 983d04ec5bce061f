"""Google's token server and metadata server for tests: strict about what they are asked, and they
check the signature of each assertion. Tokens are "token-1", "token-2", ..."""

import base64
import json
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

EMAIL = "worker@project-1.iam.gserviceaccount.com"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"


def _decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class GoogleTokens:
    """`directory` gets the key; `key_file()` is what a service account's owner downloads."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.given = 0
        self.complaints = []
        self.status, self.error = 200, None  # of the next ones
        self.private = self.directory / "account.pem"
        self.public = self.directory / "account.pub"
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt",
                        "rsa_keygen_bits:2048", "-out", self.private], check=True)
        subprocess.run(["openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public],
                       check=True)

    def key_file(self):
        path = self.directory / "account.json"
        path.write_text(json.dumps({
            "type": "service_account", "client_email": EMAIL, "private_key_id": "key-1",
            "private_key": self.private.read_text(), "token_uri": f"{self.url}/token"}))
        return path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                tokens._answer(self, self.path == "/token" and tokens._wrong_with(parse_qs(body)))

            def do_GET(self):
                flavor = self.headers["metadata-flavor"] == "Google"
                tokens._answer(self, None if flavor and self.path == METADATA else "metadata")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def _wrong_with(self, form):
        if form.get("grant_type") != [GRANT]:
            return "grant_type"
        head, claims, signature = form["assertion"][0].split(".")
        told = json.loads(_decoded(claims))
        if json.loads(_decoded(head)) != {"alg": "RS256", "typ": "JWT", "kid": "key-1"}:
            return "header"
        if abs(told["iat"] - time.time()) > 300 or told["exp"] - told["iat"] != 3600:
            return "times"
        if told["iss"] != EMAIL or told["aud"] != "https://oauth2.googleapis.com/token":
            return "issuer or audience"
        with tempfile.NamedTemporaryFile(dir=self.directory) as file:
            file.write(_decoded(signature))
            file.flush()
            checked = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public,
                                      "-signature", file.name], input=f"{head}.{claims}".encode(),
                                     stdout=subprocess.DEVNULL, check=False)
        return None if checked.returncode == 0 else "signature"

    def _answer(self, handler, wrong):
        if wrong is not None:
            self.complaints.append(wrong)
        if wrong is None and self.status == 200:
            self.given += 1
            status, body = 200, {"access_token": f"token-{self.given}", "expires_in": 3599,
                                 "token_type": "Bearer"}
        else:
            status, body = (400 if wrong else self.status), {"error": self.error or "invalid_grant"}
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Metadata-Flavor", "Google")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
