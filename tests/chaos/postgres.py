"""PostgreSQL servers of a run: a primary that survives power cuts, and a synchronous standby that can take its place."""

import os
import shutil
import subprocess
import time
from pathlib import Path

START_TIMEOUT_S = 60


def programs():
    """The folder of PostgreSQL's programs, which Debian keeps out of the path; the newest, if there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    if not initdb:
        raise SystemExit("PostgreSQL is needed: apt-get install postgresql")
    return Path(initdb).parent


class Postgres:
    """A primary, and after `add_standby` a standby."""

    def __init__(self, folder, ports):
        self.folder, self.ports = folder, ports
        self.bin = programs()
        # It refuses to run as root.
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        folder.mkdir()
        if self.as_user:
            shutil.chown(folder, "postgres")

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"postgres://test@{hosts}/postgres?target_session_attrs=read-write"

    def start(self):
        self._run("initdb", "-D", self._data(0), "-U", "test", "-A", "trust", "--no-instructions", "-E", "UTF8",
                  "--locale=C.UTF-8")  # fmt: skip
        self._start(0)

    def add_standby(self):
        """A copy of the primary that follows it; from then on no write is acknowledged before both have it."""
        self._run("pg_basebackup", "-h", "127.0.0.1", "-p", str(self.ports[0]), "-U", "test", "-D", self._data(1), "-R",
                  "-c", "fast")  # fmt: skip
        self._start(1)
        self._sql(0, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._sql(0, "SELECT pg_reload_conf()")
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._sql(0, "SELECT sync_state FROM pg_stat_replication") != "sync":
            if time.monotonic() > deadline:
                raise SystemExit("the standby does not follow the primary")
            time.sleep(0.1)

    def restart(self, mode):
        """`fast` ends sessions and writes everything down; `immediate` is a crash."""
        self._stop(0, mode)
        self._start(0)

    def promote(self):
        """The primary dies for good, and the standby takes its place."""
        self._stop(0, "immediate")
        self._run("pg_ctl", "-D", self._data(1), "-w", "promote")

    def stop(self):
        for number in range(2):
            if (self.folder / f"data{number}" / "postmaster.pid").exists():
                self._stop(number, "immediate")

    def _data(self, number):
        return str(self.folder / f"data{number}")

    def _start(self, number):
        settings = {
            "listen_addresses": "127.0.0.1",
            "max_connections": "200",
            # A standby whose primary was away looks for it again soon.
            "wal_retrieve_retry_interval": "200ms",
        }
        options = [f"-k {self.folder}", f"-p {self.ports[number]}"]
        options += [f"-c {name}={value}" for name, value in settings.items()]
        self._run("pg_ctl", "-D", self._data(number), "-w", "-t", str(START_TIMEOUT_S), "-l",
                  str(self.folder / f"log{number}"), "-o", " ".join(options), "start")  # fmt: skip

    def _stop(self, number, mode):
        self._run("pg_ctl", "-D", self._data(number), "-w", "-m", mode, "stop")

    def _sql(self, number, sql):
        return self._run("psql", "-h", "127.0.0.1", "-p", str(self.ports[number]), "-U", "test", "-d", "postgres", "-Atc",
                         sql).strip()  # fmt: skip

    def _run(self, program, *arguments):
        command = [*self.as_user, str(self.bin / program), *arguments]
        # A server that stays must not hold the pipes.
        output = self.folder / f"{program}.out"
        with output.open("wb") as out:
            done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        text = output.read_text(errors="replace")
        if done.returncode != 0:
            raise SystemExit(f"{program} {' '.join(arguments)} failed:\n{text}")
        return text
