"""One self-signed certificate for the whole run, and the clients' trust in it."""

import atexit
import shutil
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


@lru_cache(maxsize=1)
def client_context():
    return ssl.create_default_context(cafile=str(certificate() / "cert.pem"))
