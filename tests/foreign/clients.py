"""Three SDKs behind one interface: the official Python one, the official JavaScript one, and ours.

Each operation takes credentials in the official JSON format, so that any SDK can act as any client.
What a client may not read raises `NotFound`, whichever SDK it came from; anything else that goes wrong is another error.
"""

import json
import os
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import e3db

API_URL = os.environ["API_URL"]
REGISTRATION_TOKEN = os.environ["REGISTRATION_TOKEN"]
TOZSTORE = os.environ["TOZSTORE"]
CALL_TIMEOUT_S = 60

# The exit code of `tozstore` for what is not there, or is kept from this client.
EXIT_NOT_FOUND = 3


class NotFound(Exception):
    """There is no such thing, or this client may not know of it: the server answers both in one way."""


@dataclass
class Read:
    id: str
    data: dict
    plain: dict


class Python:
    """The PyPI package, in this process. A new client each time: keys are cached in one."""

    name = "python"

    def register(self, name):
        public, private = e3db.Client.generate_keypair()
        public_signing, private_signing = e3db.Client.generate_signing_keypair()
        details = e3db.Client.register(
            REGISTRATION_TOKEN, name, public, api_url=API_URL,
            public_signing_key=public_signing, private_signing_key=private_signing,
        )  # fmt: skip
        config = e3db.Config(
            str(details.client_id), details.api_key_id, details.api_secret, public, private, api_url=API_URL,
            public_signing_key=public_signing, private_signing_key=private_signing,
        )  # fmt: skip
        return config()

    def write(self, credentials, record_type, data, plain):
        return _python_read(_python_call(lambda: _python_client(credentials).write(record_type, data, plain)))

    def read(self, credentials, record_id):
        return _python_read(_python_call(lambda: _python_client(credentials).read(record_id)))

    def update(self, credentials, record_id, changes):
        client = _python_client(credentials)
        record = _python_call(lambda: client.read(record_id))
        record.data.update(changes)
        _python_call(lambda: client.update(record))

    def list(self, credentials, writer, record_type):
        writers = [] if not writer else "all" if writer == "all" else [writer]
        query = {"record_type": [record_type], "writer": writers}
        return [_python_read(record) for record in _python_call(lambda: list(_python_client(credentials).query(**query)))]

    def list_all(self, credentials):
        return [_python_read(record) for record in _python_call(lambda: list(_python_client(credentials).query(writer="all")))]

    def outgoing(self, credentials):
        shares = _python_call(lambda: _python_client(credentials).outgoing_sharing())
        return [{"type": share.record_type, "other": str(share.reader_id)} for share in shares]

    def incoming(self, credentials):
        shares = _python_call(lambda: _python_client(credentials).incoming_sharing())
        return [{"type": share.record_type, "other": str(share.writer_id)} for share in shares]

    def share(self, credentials, record_type, reader):
        _python_call(lambda: _python_client(credentials).share(record_type, reader))

    def revoke(self, credentials, record_type, reader):
        _python_call(lambda: _python_client(credentials).revoke(record_type, reader))


def _python_client(credentials):
    return e3db.Client(credentials)


def _python_read(record):
    return Read(id=str(record.meta.record_id), data=dict(record.data), plain=dict(record.meta.plain or {}))


def _python_call(call):
    try:
        return call()
    except e3db.APIError as error:
        if "HTTP 404" in str(error):
            raise NotFound(str(error)) from error
        raise


class JavaScript:
    """The npm package, in a Node process that answers lines of JSON."""

    name = "javascript"

    def __init__(self):
        self._process = subprocess.Popen(
            ["node", Path(__file__).parent / "js" / "client.js"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def close(self):
        self._process.stdin.close()
        self._process.wait(CALL_TIMEOUT_S)

    def register(self, name):
        return self._call("register", token=REGISTRATION_TOKEN, name=name, apiUrl=API_URL)

    def write(self, credentials, record_type, data, plain):
        return _json_read(self._call("write", credentials=credentials, type=record_type, data=data, plain=plain))

    def read(self, credentials, record_id):
        return _json_read(self._call("read", credentials=credentials, id=record_id))

    def update(self, credentials, record_id, changes):
        self._call("update", credentials=credentials, id=record_id, changes=changes)

    def list(self, credentials, writer, record_type):
        found = self._call("list", credentials=credentials, writer=writer, type=record_type)
        return [_json_read(record) for record in found]

    def list_all(self, credentials):
        return [_json_read(record) for record in self._call("listAll", credentials=credentials)]

    def search(self, credentials, types):
        """Records of any of these types, its own and those of others."""
        return [_json_read(record) for record in self._call("search", credentials=credentials, types=types)]

    def outgoing(self, credentials):
        return self._call("outgoing", credentials=credentials)

    def incoming(self, credentials):
        return self._call("incoming", credentials=credentials)

    def share(self, credentials, record_type, reader):
        self._call("share", credentials=credentials, type=record_type, reader=reader)

    def revoke(self, credentials, record_type, reader):
        self._call("revoke", credentials=credentials, type=record_type, reader=reader)

    def create_group(self, credentials, name):
        return self._call("createGroup", credentials=credentials, name=name)

    def add_to_group(self, credentials, group, member, rights):
        self._call("addToGroup", credentials=credentials, group=group, member=member, rights=rights)

    def remove_from_group(self, credentials, group, member):
        self._call("removeFromGroup", credentials=credentials, group=group, member=member)

    def share_with_group(self, credentials, group, record_type):
        self._call("shareWithGroup", credentials=credentials, group=group, type=record_type)

    def group_records(self, credentials, group):
        return [_json_read(record) for record in self._call("groupRecords", credentials=credentials, group=group)]

    def _call(self, operation, **arguments):
        if operation != "register":
            self._exchange({"operation": "forget"})
        answer = self._exchange({"operation": operation, **arguments})
        if "error" in answer:
            raise NotFound() if answer["error"] == "Not Found" else RuntimeError(answer["error"])
        return answer["ok"]

    def _exchange(self, request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the JavaScript process ended"
        return json.loads(line)


def _json_read(record):
    return Read(id=record["id"], data=record["data"], plain=record["plain"])


class Rust:
    """Our SDK, through the binary `tozstore`: one process for each operation, one profile for each client."""

    name = "rust"

    def __init__(self):
        self._home = tempfile.TemporaryDirectory(prefix="tozstore-profiles-")
        self._environment = {
            **os.environ,
            "TOZSTORE_CONFIG_DIR": self._home.name,
            "TOZSTORE_API_URL": API_URL,
            "TOZSTORE_REGISTRATION_TOKEN": REGISTRATION_TOKEN,
        }
        self._placed = set()

    def close(self):
        self._home.cleanup()

    def register(self, name):
        profile = f"registered-{uuid.uuid4()}"
        self._run(profile, "client", "register", "--name", name)
        return json.loads(self._path_of(profile).read_text())

    def write(self, credentials, record_type, data, plain):
        profile = self._profile(credentials)
        fields = json.dumps(data, ensure_ascii=False)
        labels = [part for name, value in plain.items() for part in ("--plain", f"{name}={value}")]
        written = self._run(profile, "record", "write", record_type, "--from-json", "-", *labels, stdin=fields)
        return self.read(credentials, _record_id(json.loads(written)))

    def read(self, credentials, record_id):
        return _rust_read(json.loads(self._run(self._profile(credentials), "record", "read", record_id)))

    def update(self, credentials, record_id, changes):
        fields = json.dumps(changes, ensure_ascii=False)
        self._run(self._profile(credentials), "record", "update", record_id, "--from-json", "-", stdin=fields)

    def list(self, credentials, writer, record_type):
        writers = [] if not writer else ["--all-writers"] if writer == "all" else ["--writer", writer]
        profile = self._profile(credentials)
        output = self._run(profile, "record", "list", "--type", record_type, "--data", *writers)
        # Not `splitlines`: values may hold characters that it takes for line ends.
        return [_rust_read(json.loads(line)) for line in output.split("\n") if line]

    def share(self, credentials, record_type, reader):
        self._run(self._profile(credentials), "share", record_type, "--with", reader)

    def revoke(self, credentials, record_type, reader):
        self._run(self._profile(credentials), "revoke", record_type, "--from", reader)

    def create_group(self, credentials, name):
        return json.loads(self._run(self._profile(credentials), "group", "create", name))["group_id"]

    def add_to_group(self, credentials, group, member, rights):
        rights = [part for right in rights for part in ("--can", right)]
        self._run(self._profile(credentials), "group", "add", group, member, *rights)

    def remove_from_group(self, credentials, group, member):
        self._run(self._profile(credentials), "group", "remove", group, member)

    def share_with_group(self, credentials, group, record_type):
        self._run(self._profile(credentials), "group", "share", group, record_type)

    def group_records(self, credentials, group):
        output = self._run(self._profile(credentials), "group", "records", group, "--data")
        return [_rust_read(json.loads(line)) for line in output.split("\n") if line]

    def sealed_write(self, credentials, record_type, data):
        fields = json.dumps(data, ensure_ascii=False)
        profile = self._profile(credentials)
        return _record_id(json.loads(self._run(profile, "sealed", "write", record_type, "--from-json", "-", stdin=fields)))

    def sealed_read(self, credentials, writer, record_type, record_id):
        arguments = ["sealed", "read", record_type, record_id, "--writer", writer["client_id"]]
        return json.loads(self._run(self._profile(credentials), *arguments))["data"]

    def sealed_share(self, credentials, record_type, reader):
        """With `ID`, `ID#FINGERPRINT` or a contact card."""
        self._run(self._profile(credentials), "sealed", "share", record_type, "--with", reader)

    def contact(self, credentials):
        """This client with its fingerprint. Makes its keys for sealed types if it has none."""
        shown = json.loads(self._run(self._profile(credentials), "whoami"))
        return f"{shown['client_id']}#{shown['sealed_fingerprint']}"

    def _profile(self, credentials):
        """The official JSON file is a profile as it is."""
        profile = f"client-{credentials['client_id']}"
        if profile not in self._placed:
            path = self._path_of(profile)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(credentials))
            path.chmod(0o600)
            self._placed.add(profile)
        return profile

    def _path_of(self, profile):
        return Path(self._call(profile, "profile", "path").strip())

    def _run(self, profile, *arguments, stdin=""):
        return self._call(profile, "--json", *arguments, stdin=stdin)

    def _call(self, profile, *arguments, stdin=""):
        done = subprocess.run(
            [TOZSTORE, "--profile", profile, *arguments], env=self._environment, input=stdin, encoding="utf-8",
            capture_output=True, timeout=CALL_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode == EXIT_NOT_FOUND:
            raise NotFound(done.stderr.strip())
        if done.returncode != 0:
            raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout


def _rust_read(record):
    return Read(id=_record_id(record), data=record["data"], plain=record["plain"])


def _record_id(record):
    return record["record_id"]
