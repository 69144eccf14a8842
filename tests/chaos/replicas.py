"""Three servers on one database and one bucket, and HAProxy before them, as docs/operating.md sets them up."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HAPROXY_CONFIG = ROOT / "packaging/haproxy/haproxy.cfg"
COUNT = 3
DRAIN_S = 2
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


def free_ports(count):
    """Ports that were free a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Objects:
    """An S3 server, which stays."""

    def __init__(self, binary, folder):
        secret = folder / "s3-secret"
        secret.write_text("a secret of the run\n")
        self.process = subprocess.Popen(
            [binary, "objects", folder / "objects", "chaos", secret.read_text().strip()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"the S3 server did not start: {line!r}")
        self.settings = {
            "TOZSTORE_FILES_URL": "s3://bucket/files",
            "TOZSTORE_FILES_ENDPOINT": line.split()[-1],
            "TOZSTORE_FILES_ACCESS_KEY": "chaos",
            "TOZSTORE_FILES_SECRET_KEY_FILE": os.fspath(secret),
        }

    def stop(self):
        self.process.kill()
        self.process.wait()


class Replicas:
    """The servers. Each keeps its port over restarts."""

    def __init__(self, binary, folder, store_url, settings):
        self.binary, self.folder = binary, folder
        self.ports = free_ports(COUNT)
        self.processes = [None] * COUNT
        key = folder / "server.key"
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, os.urandom(32))
        os.close(descriptor)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOZSTORE_")},
            "TOZSTORE_STORE_URL": store_url,
            "TOZSTORE_SERVER_KEY_FILE": os.fspath(key),
            "TOZSTORE_LISTEN_DRAIN_S": str(DRAIN_S),
            "TOZSTORE_JOBS_INTERVAL_S": "2",
            "TOZSTORE_RATES_PROXIES": "1",
            "TOZSTORE_RATES_PROCESSES": str(COUNT),
            # All clients of the run come from one address.
            "TOZSTORE_RATES_ADDRESS_PER_S": "3000",
            "TOZSTORE_RATES_ADDRESS_BURST": "9000",
            **settings,
        }

    def start(self, number):
        log = (self.folder / f"server{number}.log").open("ab")
        self.processes[number] = subprocess.Popen(
            [self.binary, "serve", "--listen", f"127.0.0.1:{self.ports[number]}"],
            env={**self.environment, "TOZSTORE_DATA_DIR": os.fspath(self.folder / f"data{number}")}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    def wait_until_ready(self, number):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.processes[number].poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.ports[number]}/readyz", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"server {number} did not start:\n{self.log_end(number)}")

    def restart_gracefully(self, number):
        process = self.processes[number]
        process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_TIMEOUT_S)
        if code != 0:
            raise SystemExit(f"server {number} ended with {code}:\n{self.log_end(number)}")
        self.start(number)
        self.wait_until_ready(number)

    def kill(self, number):
        self.processes[number].kill()
        self.processes[number].wait()

    def stop(self):
        for process in filter(None, self.processes):
            process.kill()
            process.wait()

    def log_end(self, number):
        text = (self.folder / f"server{number}.log").read_text(errors="replace")
        return "\n".join([line for line in text.splitlines() if " INFO " not in line][-30:])


class Proxy:
    """HAProxy with the configuration that is shipped, but for the addresses."""

    def __init__(self, folder, ports):
        self.port = free_ports(1)[0]
        text = HAPROXY_CONFIG.read_text()
        exchanges = {"bind *:80\n": f"bind 127.0.0.1:{self.port}\n"}
        for number, port in enumerate(ports, 1):
            exchanges[f"10.0.0.1{number}:8080"] = f"127.0.0.1:{port}"
        for old, new in exchanges.items():
            if text.count(old) != 1:
                raise SystemExit(f"{HAPROXY_CONFIG} does not say {old!r} once")
            text = text.replace(old, new)
        if re.search(r"10\.0\.0\.", text):
            raise SystemExit(f"{HAPROXY_CONFIG} has more servers than there are")
        config = folder / "haproxy.cfg"
        config.write_text(text)
        self.log = (folder / "haproxy.log").open("wb")
        self.process = subprocess.Popen(
            ["haproxy", "-db", "-f", config], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self._wait_until_up()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _wait_until_up(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=5).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"HAProxy did not start:\n{Path(self.log.name).read_text(errors='replace')}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
