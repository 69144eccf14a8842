"""What schemathesis loads before it asks: credentials, signatures, and the names of things that are there.

Made-up ids name nothing, so that every answer would be 404: in three cases of four they become those of clients,
records, a note and a group of an account that is made here. What deletes gets made-up ids alone.
"""

import atexit
import base64
import contextlib
import hashlib
import json
import os
import time
import urllib.parse
import urllib.request
import uuid
import zlib

import requests
import schemathesis
from nacl.public import PrivateKey
from nacl.signing import SigningKey

API_URL = os.environ["API_URL"]
PROFILE_TEXTS = ["auth_salt", "enc_salt", "paper_auth_salt", "paper_enc_salt"]


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _call(method, path, body=None, authorization=None):
    headers = {"Authorization": authorization} if authorization else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API_URL + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Client:
    """A client that was registered here, with what proves that a request is its own."""

    def __init__(self, name, registration_token):
        self.signing_key = SigningKey.generate()
        keys = {
            "public_key": {"curve25519": _base64url(PrivateKey.generate().public_key.encode())},
            "signing_key": {"ed25519": _base64url(self.signing_key.verify_key.encode())},
        }
        made = _call("POST", "/v1/account/e3db/clients/register",
                     {"token": registration_token, "client": {"name": name, **keys}})  # fmt: skip
        self.id = made["client_id"]
        self.basic = basic(made["api_key_id"], made["api_secret"])
        self.bearer = "Bearer " + _call("POST", "/v1/auth/token", authorization=self.basic)["access_token"]

    def signature(self, method, url):
        """`Authorization` of a signed request: docs/formats/interop.md."""
        parts = urllib.parse.urlsplit(url)
        query = "&".join(sorted(filter(None, parts.query.split("&")), key=lambda pair: pair.split("=")[0]))
        public_key = _base64url(self.signing_key.verify_key.encode())
        head = f"TSV1-ED25519-BLAKE2B; {public_key}; {int(time.time())}; {uuid.uuid4()}; uid:{self.id}"
        text = f"{parts.path}; {query}; {method.upper()}; {head}"
        digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
        return f"{head}; {_base64url(self.signing_key.sign(digest).signature)}"


def basic(name, secret):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def _account():
    """The account token, and the bearer token of the client that administers the account."""
    keys = [SigningKey.generate().verify_key.encode() for _ in range(3)]
    signing_key, paper_signing_key, client_key = ({"ed25519": _base64url(key)} for key in keys)
    profile = {"name": "OpenAPI", "email": f"openapi-{uuid.uuid4()}@example.com", "signing_key": signing_key,
               "paper_signing_key": paper_signing_key, **{name: "salt" for name in PROFILE_TEXTS}}  # fmt: skip
    encryption_key = {"curve25519": _base64url(PrivateKey.generate().public_key.encode())}
    account = {"public_key": encryption_key, "signing_key": client_key}
    session = _call("POST", "/v1/account/profile", {"profile": profile, "account": account})
    queen = session["account"]["client"]
    header = basic(queen["api_key_id"], queen["api_secret"])
    issued = _call("POST", "/v1/auth/token", authorization=header)
    return "Bearer " + session["token"], "Bearer " + issued["access_token"]


ACCOUNT, QUEEN = _account()
_TOKEN = _call("POST", "/v1/account/tokens", {"permissions": {"enabled": True}}, ACCOUNT)["token"]
CALLER, OTHER = Client("caller", _TOKEN), Client("other", _TOKEN)
_KEY = _base64url(CALLER.signing_key.verify_key.encode())
_META = {"writer_id": CALLER.id, "user_id": CALLER.id, "type": "type", "plain": {"name": "value"}}


def _file():
    """The id of a record with a file, announced, sent and committed."""
    file_meta = {"checksum": base64.b64encode(hashlib.md5(b"sealed").digest()).decode(), "size": 6}
    announced = _call("POST", "/v1/storage/files", {"meta": {**_META, "file_meta": file_meta}}, CALLER.bearer)
    requests.put(announced["file_url"], b"sealed", timeout=30).raise_for_status()
    return _call("PATCH", f"/v1/storage/files/{announced['id']}", None, CALLER.bearer)["meta"]["record_id"]


def _note():
    texts = ["mode", "writer_encryption_key", "encrypted_access_key", "signature"]
    note = {"recipient_signing_key": _KEY, "writer_signing_key": _KEY, "data": {"field": "sealed"},
            **{name: "text" for name in texts}, "eacp": {"tozny_otp_eacp": {"include": True}}}  # fmt: skip
    path = "/v2/storage/notes"
    return _call("POST", path, note, CALLER.signature("POST", API_URL + path))["note_id"]


def _group():
    capabilities = ["READ_CONTENT", "SHARE_CONTENT", "EDIT_CONTENT"]
    group = {"group_name": "group", "public_key": "key", "encrypted_group_key": "sealed", "capability": capabilities}
    return _call("POST", "/v2/storage/groups", group, CALLER.bearer)["group_id"]


RECORD = _call("POST", "/v1/storage/records", {"meta": _META, "data": {"field": "sealed"}}, CALLER.bearer)["meta"]
GROUP = _group()
# By the names of members of bodies, and of parameters. Each stands in for what was made up in the same form.
KNOWN = {
    "client_id": OTHER.id, "reader_id": OTHER.id, "user_id": CALLER.id, "writer_id": CALLER.id, "writer_ids": CALLER.id,
    "client_ids": OTHER.id, "record_id": RECORD["record_id"], "record_ids": RECORD["record_id"],
    "version": RECORD["version"], "group_id": GROUP, "group_ids": GROUP, "note_id": _note(), "id": _file(),
    "record_type": "type", "type": "type", "token": _TOKEN,
    "recipient_signing_key": _KEY, "writer_signing_key": _KEY,
    "public_key": {"curve25519": _KEY}, "signing_key": {"ed25519": _KEY}, "paper_signing_key": {"ed25519": _KEY},
}  # fmt: skip
SUCCEEDED = set()


@schemathesis.serializer("application/vnd.tozstore.sealed")
def sealed_body(_context, value):
    """Objects of the sealed format are bytes, which the document has as a list of numbers."""
    numbers = value if isinstance(value, list) else [value]
    return bytes(number % 256 for number in numbers if isinstance(number, int))


@schemathesis.hook
def before_call(_context, case, _kwargs):
    is_meant = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % 4 > 0
    if is_meant and case.method.upper() != "DELETE":
        for values in (case.path_parameters, case.query):
            for name in values or {}:
                values[name] = _known(name, values[name])
        case.body = _with_known(case.body)
    case.headers["Authorization"] = _authorization(case)


@schemathesis.hook
def after_call(_context, case, response):
    if not 200 <= response.status_code < 300 or case.method.upper() != case.operation.method.upper():
        return
    SUCCEEDED.add(case.operation.label)
    if case.operation.path == "/v1/account/e3db/clients/queen":
        _take_queen(response.json())
    with contextlib.suppress(ValueError, TypeError, KeyError):
        meta = response.json()["meta"]
        if meta["record_id"] == RECORD["record_id"]:
            KNOWN["version"] = meta["version"]


def _take_queen(client):
    """The client that administers the account is another one now."""
    global QUEEN
    header = basic(client["api_key_id"], client["api_secret"])
    QUEEN = "Bearer " + _call("POST", "/v1/auth/token", authorization=header)["access_token"]


@atexit.register
def _report():
    """What was answered with success at least once: a run in which nothing succeeds would show little."""
    with open(os.environ["SUCCEEDED"], "w") as file:
        json.dump(sorted(SUCCEEDED), file)


def _with_known(body):
    if isinstance(body, list):
        return [_with_known(item) for item in body]
    if isinstance(body, dict):
        return {name: _known(name, _with_known(value)) for name, value in body.items()}
    return body


def _known(name, value):
    known = KNOWN.get(name)
    if known and value and isinstance(value, list):
        return [known]
    return known if value and isinstance(value, type(known)) else value


def _authorization(case):
    schemes = case.operation.definition.raw.get("security")
    if schemes is None:
        return QUEEN if case.operation.path.startswith("/v1/client/admin") else CALLER.bearer
    if {"account": []} in schemes:
        return ACCOUNT
    if {"signature": []} in schemes:
        prepared = requests.Request(**case.as_transport_kwargs(base_url=API_URL)).prepare()
        return CALLER.signature(prepared.method, prepared.url)
    return CALLER.basic
