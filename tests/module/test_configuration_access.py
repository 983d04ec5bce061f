"""What `nginx -t` says of keys and names: the file, what is wrong with it, what helps."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.jwt import key, openssl
from harness.nginx import assert_verdict
from test_configuration import REDIS, check


def make_files(place):
    rsa, ec, secret = key("RS256"), key("ES256"), key("HS256")
    weak = place / "weak.key"
    openssl("genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024", "-out", weak)
    p384 = place / "p384.key"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", p384)
    certificate = subprocess.run(
        ["openssl", "req", "-x509", "-key", rsa.private, "-subj", "/CN=id", "-days", "2"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    texts = {
        "secret": secret.file.read_bytes(), "short": b"x" * 31 + b"\n", "empty": b"",
        "rsa": rsa.public.read_bytes(), "rsa-private": rsa.private.read_bytes(),
        "rsa.der": openssl("pkey", "-pubin", "-in", rsa.public, "-outform", "DER"),
        "certificate": certificate, "ec": ec.public.read_bytes(),
        "weak": openssl("pkey", "-in", weak, "-pubout"),
        "p384": openssl("pkey", "-in", p384, "-pubout"),
        "huge": b"x" * (256 * 1024 + 1),
        "set": json.dumps({"keys": [rsa.jwk(kid="1"), ec.jwk(), rsa.jwk(use="enc")]}).encode(),
        "no-set": b"[]", "no-json": b"{", "no-keys": b'{"keys":[]}',
        "foreign-set": json.dumps({"keys": [rsa.jwk(alg="RS512")]}).encode(),
        "twice-set": json.dumps({"keys": [rsa.jwk(kid="1"), rsa.jwk(kid="1")]}).encode(),
        "broken-set": b'{"keys":[{"kty":"RSA","n":"AQAB"}]}',
        "private-set": json.dumps({"keys": [rsa.jwk(d="AQAB")]}).encode(),
        "duplicate-set": b'{"keys":[],"keys":[]}',
    }
    for name, text in texts.items():
        (place / name).write_bytes(text)
    (place / "folder").mkdir()


@pytest.fixture(scope="module")
def place():
    directory = Path(tempfile.mkdtemp(prefix="mr-conf-"))
    make_files(directory)
    yield directory
    shutil.rmtree(directory)


KEY_FILES = [
    ("secret", "HS256", None), ("rsa", "RS256", None), ("ec", "ES256", None),
    ("certificate", "RS256", None),
    ("secret", "HS512", 'has the algorithm "HS512"; allowed: HS256, RS256, ES256'),
    ("secret", "none", 'has the algorithm "none"; allowed:'),
    ("secret", "hs256", 'has the algorithm "hs256"; allowed:'),
    ("short", "HS256", "a secret for HS256 needs at least 32 bytes"),
    ("empty", "HS256", "openssl rand -hex 32"),
    ("rsa", "HS256", "a key in PEM or DER, not a secret: name its algorithm, RS256 or ES256"),
    ("rsa-private", "HS256", "a key in PEM or DER, not a secret"),
    ("rsa.der", "HS256", "a key in PEM or DER, not a secret"),
    ("certificate", "HS256", "a key in PEM or DER, not a secret"),
    ("ec", "RS256", "RS256 needs an RSA key"),
    ("rsa", "ES256", "ES256 needs an elliptic curve key on P-256"),
    ("p384", "ES256", "ES256 needs an elliptic curve key on P-256"),
    ("weak", "RS256", "an RSA key needs 2048 to 8192 bits"),
    ("rsa-private", "RS256", "nginx needs the public half alone"),
    ("secret", "RS256", "there is no public key or certificate in PEM in it"),
    ("rsa.der", "RS256", "there is no public key or certificate in PEM in it"),
    ("set", "RS256", "there is no public key or certificate in PEM in it"),
    ("huge", "HS256", "which has more than 262144 bytes"),
    ("missing", "HS256", "which cannot be read (2: No such file or directory)"),
    ("folder", "RS256", "which cannot be read (21: Is a directory)"),
]


@pytest.mark.parametrize("name, algorithm, complaint", KEY_FILES)
def test_key_file(place, name, algorithm, complaint):
    code, said = check(place, location=f"mr_ws chat; mr_ws_jwt_key_file {name} {algorithm};")
    if complaint is None:
        assert code == 0, said
        return
    assert code == 1 and complaint in said and "nginx.conf:12" in said, said
    assert '"mr_ws_jwt_key_file"' in said
    assert "algorithm" in complaint or f'"{place}/{name}"' in said
    assert key("HS256").secret not in said


KEY_SETS = [
    ("set", None),
    ("no-set", 'it is no JSON object with a list "keys"'),
    ("no-json", 'it is no JSON object with a list "keys"'),
    ("duplicate-set", 'it is no JSON object with a list "keys"'),
    ("no-keys", "it has no key for HS256, RS256 or ES256 signatures"),
    ("foreign-set", "it has no key for HS256, RS256 or ES256 signatures"),
    ("twice-set", 'two keys of one algorithm have the same "kid"'),
    ("private-set", "a key holds its private half: nginx needs the public one alone"),
    ("broken-set", "its numbers are missing or wrong"),
    ("rsa", 'it is no JSON object with a list "keys"'),
    ("huge", "which has more than 262144 bytes"),
    ("missing", "which cannot be read"),
]


@pytest.mark.parametrize("name, complaint", KEY_SETS)
def test_key_set(place, name, complaint):
    code, said = check(place, http=REDIS + f" mr_ws_jwt_jwks_file {name};")
    if complaint is None:
        assert code == 0, said
        assert "1 of its keys are not for HS256, RS256 or ES256 signatures" in said
        return
    assert code == 1 and complaint in said and "nginx.conf:10" in said, said
    assert f'"mr_ws_jwt_jwks_file" is "{place}/{name}"' in said


OTHERS = [
    ("mr_ws_jwt_key_file secret HS256; mr_ws_jwt_key_file rsa RS256; mr_ws_jwt_jwks_file set;",
     None),
    ("mr_ws_jwt_key_file secret HS256; mr_ws_jwt_key_file secret HS256;",
     'two keys of one algorithm have no "kid"'),
    ("mr_ws_jwt_key_file secret;", "invalid number of arguments"),
    ("mr_ws_jwt_issuer a; mr_ws_jwt_issuer b;", "is duplicate"),
    ('mr_ws_jwt_issuer "";', '"mr_ws_jwt_issuer" is "": it is empty'),
    ("mr_ws_jwt_audience " + " ".join("abcdefghijklmnop") + ";", None),
    ("mr_ws_jwt_audience " + " ".join("abcdefghijklmnopq") + ";", "more than 16 audiences"),
    ('mr_ws_jwt_audience a "";', "an audience is empty"),
    ("mr_ws_jwt_audience a; mr_ws_jwt_audience b;", "is duplicate"),
    ("mr_ws_jwt_cookie __Host-token;", None),
    ('mr_ws_jwt_cookie "a b";', '"mr_ws_jwt_cookie" is "a b": this is no name of a cookie'),
    ("mr_ws_jwt_cookie a=b;", "this is no name of a cookie"),
    ("mr_ws_jwt_leeway 0;", None), ("mr_ws_jwt_leeway 5m;", None),
    ("mr_ws_jwt_leeway 301s;", '"mr_ws_jwt_leeway" is "301s"; allowed: a time from 1s to 5m, or 0'),
    ("mr_ws_jwt_leeway 1ms;", "allowed: a time from 1s to 5m, or 0"),
    ("mr_ws_jwt_required off;", None),
    ("mr_ws_jwt_required on;", '"mr_ws_jwt_required on" has no key to check tokens by'),
    ("mr_ws_jwt_required yes;", 'allowed are "on" and "off"'),
    ("mr_ws_jwt_required on; mr_ws_jwt_key_file secret HS256;", None),
    ("mr_ws_jwt_required on; mr_ws_jwt_required on;", "is duplicate"),
    ("mr_ws_subject $remote_user;", None),
    ('mr_ws_subject "cert:$ssl_client_s_dn";', None),
    ('mr_ws_subject "";', None),
    ("mr_ws_subject alice;", "everybody would be the same subject"),
    ("mr_ws_subject $no_such_variable_here;", 'unknown "no_such_variable_here" variable'),
    ("mr_ws_subject $remote_user; mr_ws_subject $remote_addr;", "is duplicate"),
]


@pytest.mark.parametrize("lines, complaint", OTHERS)
def test_other_directives(place, lines, complaint):
    assert_verdict(check(place, location="mr_ws chat; " + lines), complaint)


def test_a_required_token_without_keys_names_its_place(place):
    code, said = check(place, server="mr_ws_jwt_required on;")
    assert code == 1 and 'for "mr_ws" in ' in said and "nginx.conf:12" in said
    assert "mr_ws_jwt_key_file" in said and "mr_ws_jwt_jwks_file" in said, "the cure"
    assert check(place, server="mr_ws_jwt_required on;", location="return 200;")[0] == 0


@pytest.mark.parametrize("level", ["http", "server", "location"])
def test_every_level_takes_them(place, level):
    form = {"http": REDIS, "server": "", "location": "mr_ws chat;"}
    form[level] += (" mr_ws_jwt_key_file secret HS256; mr_ws_jwt_jwks_file set;"
                    " mr_ws_jwt_issuer i; mr_ws_jwt_audience a; mr_ws_jwt_cookie c;"
                    " mr_ws_jwt_leeway 1s; mr_ws_jwt_required on; mr_ws_subject $remote_user;")
    code, said = check(place, **form)
    assert code == 0, said


@pytest.mark.parametrize("line", ["mr_ws_jwt_key_file secret HS256;", "mr_ws_subject $x;",
                                  "mr_ws_jwt_required on;"])
def test_they_have_no_meaning_outside_http(place, line):
    code, said = check(place, main=line)
    assert code == 1 and "is not allowed here" in said
