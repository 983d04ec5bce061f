"""Certificates: a self-signed one for the whole run with the clients' trust in it, and an authority
of a test that issues good and bad ones."""

import atexit
import shutil
import socket
import ssl
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def certificate():
    """Directory with cert.pem and key.pem, for localhost."""
    directory = Path(tempfile.mkdtemp(prefix="mr-tls-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return directory


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    """Issues server certificates into one place, each in place of the one before: `cert`, `key`,
    and `ca` to trust."""

    def __init__(self, directory):
        self.directory = directory
        self.ca, self.cert, self.key = (directory / name for name in ("ca.pem", "crt.pem", "k.pem"))
        self.make_ca("ca")

    def make_ca(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", "2", "-subj", f"/CN=test {name}",
                "-keyout", self.directory / f"{name}-key.pem",
                "-out", self.directory / f"{name}.pem")

    def issue(self, *, name="localhost", expired=False, foreign=False):
        """A certificate for `name`; `foreign`: signed by somebody else of the same name."""
        signer = "ca"
        if foreign:
            signer = "other"
            self.make_ca(signer)
        request, extensions = self.directory / "request.pem", self.directory / "ext"
        extensions.write_text(f"subjectAltName=DNS:{name}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.directory / f"{signer}.pem",
                "-CAkey", self.directory / f"{signer}-key.pem", "-CAcreateserial",
                "-days", "-1" if expired else "2", "-extfile", extensions, "-out", self.cert)


    def presented(self, port):
        """The certificate that a server on this machine shows to who trusts the authority."""
        context = ssl.create_default_context(cafile=str(self.ca))
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as link:
                return link.getpeercert(binary_form=True)


@lru_cache(maxsize=1)
def client_context():
    return ssl.create_default_context(cafile=str(certificate() / "cert.pem"))
