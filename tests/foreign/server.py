"""One throw-away server with an account that holds both formats, and a registration token."""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 10


@dataclass
class Server:
    url: str
    binary: Path
    registration_token: str = ""


@contextlib.contextmanager
def running(binary, folder):
    """Starts the server on a free loopback port with its data in `folder`; stops it at the end."""
    address = f"127.0.0.1:{_free_port()}"
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [binary, "serve", "--data", folder / "data", "--listen", address],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        server = Server(url=f"http://{address}", binary=binary)
        _wait_until_up(server, process, log_path)
        server.registration_token = _provision(server, folder)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def at(url, binary, folder, seals=True):
    """A server that others started. It gets an account of its own here, with sealed types unless it is too old for them."""
    server = Server(url=url, binary=binary)
    server.registration_token = _provision(server, folder, email=f"tests-{uuid.uuid4()}@example.com", seals=seals)
    yield server


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_up(server, process, log_path):
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{server.url}/v1/storage/servicecheck", timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"the server did not start:\n{log_path.read_text(errors='replace')}")


def _provision(server, folder, email="tests@example.com", seals=True):
    """An account, and a registration token of it, through our own command line."""
    password = "a long password for tests"
    environment = {
        "TOZSTORE_CONFIG_DIR": os.fspath(folder / "profiles"),
        "TOZSTORE_API_URL": server.url,
        "TOZSTORE_ACCOUNT_PASSWORD": password,
    }
    _tozstore(server, environment, "account", "create", "--name", "Tests", "--email", email)
    token = json.loads(_tozstore(server, environment, "--json", "token", "create"))["token"]
    if seals:
        _seal_types(server, {**environment, "TOZSTORE_REGISTRATION_TOKEN": token})
    return token


def _seal_types(server, environment):
    """Two clients of the account hold sealed types, shared and revoked, beside interop ones: whatever runs, runs beside them.
    The types have names that the suites of the packages use too."""
    owner, reader = (["--profile", f"{role}-{uuid.uuid4()}"] for role in ("owner", "reader"))
    for profile in (owner, reader):
        _tozstore(server, environment, *profile, "client", "register", "--name", "Holder of both formats")
    card = _tozstore(server, environment, *reader, "whoami", "--card").strip()
    reader_id = _tozstore(server, environment, *reader, "whoami", "--id").strip()
    for name in ("test", "contact"):
        _tozstore(server, environment, *owner, "sealed", "write", name, "word=sealed", "--plain", "test=true")
        _tozstore(server, environment, *owner, "sealed", "share", name, "--with", card)
    _tozstore(server, environment, *owner, "sealed", "revoke", "contact", "--from", reader_id)
    _tozstore(server, environment, *owner, "record", "write", "interop", "word=interop")
    _tozstore(server, environment, *owner, "share", "interop", "--with", reader_id)


def _tozstore(server, environment, *arguments):
    done = subprocess.run(
        [server.binary, *arguments], env={**os.environ, **environment}, text=True,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"tozstore {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
