"""An identity provider of the tests: keys by the openssl command, tokens signed here, not by the
product or its libraries."""

import atexit
import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path

SECRET = "a secret of the identity provider of these tests"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *map(str, words)], input=data, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


@lru_cache(maxsize=1)
def directory():
    made = Path(tempfile.mkdtemp(prefix="mr-jwt-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


class Key:
    """A key pair of one algorithm: `private` and `public` are PEM files, `file` is what nginx is
    given. For HS256 that is the secret."""

    def __init__(self, algorithm, name, secret=SECRET):
        self.algorithm = algorithm
        self.secret = secret
        self.private = directory() / f"{name}.key"
        self.public = directory() / f"{name}.pub"
        if algorithm == "HS256":
            self.file = directory() / f"{name}.secret"
            self.file.write_text(secret + "\n")
            return
        kind = (["rsa", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "RS256"
                else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        openssl("genpkey", "-algorithm", *kind, "-out", self.private)
        openssl("pkey", "-in", self.private, "-pubout", "-out", self.public)
        self.file = self.public

    def sign(self, data):
        if self.algorithm == "HS256":
            return hmac.new(self.secret.encode(), data, hashlib.sha256).digest()
        signature = openssl("dgst", "-sha256", "-sign", self.private, data=data)
        return signature if self.algorithm == "RS256" else raw_signature(signature)

    def jwk(self, **more):
        if self.algorithm == "HS256":
            return {"kty": "oct", "k": base64url(self.secret.encode()), **more}
        if self.algorithm == "RS256":
            line = openssl("rsa", "-pubin", "-in", self.public, "-modulus", "-noout").decode()
            modulus = bytes.fromhex(line.strip().split("=")[1])
            return {"kty": "RSA", "n": base64url(modulus), "e": "AQAB", **more}
        point = openssl("pkey", "-pubin", "-in", self.public, "-outform", "DER")[-64:]
        return {"kty": "EC", "crv": "P-256", "x": base64url(point[:32]),
                "y": base64url(point[32:]), **more}


def raw_signature(der):
    """r and s of 32 bytes each out of SEQUENCE { INTEGER, INTEGER }."""
    parts, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        parts += der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return parts


@lru_cache(maxsize=None)
def key(algorithm, name="own"):
    """Made once: RSA keys take their time."""
    secret = SECRET if name == "own" else f"{name}: another secret, as long as it has to be"
    return Key(algorithm, f"{name}-{algorithm}", secret)


def key_set(name, keys):
    """A file that holds these JWKs."""
    path = directory() / name
    path.write_text(json.dumps({"keys": keys}))
    return path


def token(algorithm="HS256", *, by=None, header=None, expires_in=300, **claims):
    """`claims` with the value None are left out."""
    by = by or key(algorithm)
    said = {"iss": "https://id.test", "aud": "chat", "sub": "alice",
            "exp": int(time.time()) + expires_in, **claims}
    said = {name: value for name, value in said.items() if value is not None}
    return token_of({"alg": algorithm, "typ": "JWT", **(header or {})}, said, by)


def token_of(header, payload, by):
    """`payload`: an object, or the bytes as they are."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    data = f"{base64url(json.dumps(header).encode())}.{base64url(body)}"
    return f"{data}.{base64url(by.sign(data.encode()))}"
