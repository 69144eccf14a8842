"""Three servers on PostgreSQL and S3 behind HAProxy, under load, while they are stopped, killed and cut off from their database.

    python3 tests/chaos/run.py --binary target/debug/tozstore --load target/debug/chaos [--minutes 10]

What was acknowledged must be there in the end, once. `./dev test` runs the short form, `./dev chaos` the long one.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

from postgres import Postgres  # noqa: E402
from replicas import COUNT, ROOT, Objects, Proxy, Replicas, free_ports  # noqa: E402

# Reading everything back takes longer the more there is.
CHECK_TIMEOUT_S = 600


class Load:
    """The Rust SDK at work."""

    def __init__(self, binary, url, tasks, *options):
        self.process = subprocess.Popen(
            [binary, "--url", url, "--tasks", str(tasks), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        if line.strip() != "ready":
            raise SystemExit(f"the load did not begin: {line!r}")

    def finish(self):
        """Lets it read everything back; returns what it found."""
        output, _ = self.process.communicate(timeout=CHECK_TIMEOUT_S)
        if self.process.returncode != 0:
            raise SystemExit("the load failed")
        return json.loads(output.strip().splitlines()[-1])

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Run:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.rows, self.failures, self.passed = [], [], 0
        self.postgres = Postgres(folder / "postgres", free_ports(2))
        self.objects = Objects(options.load.resolve(), folder)
        self.replicas = Replicas(options.binary.resolve(), folder, self.postgres.url, self.objects.settings)
        self.proxy = None

    def start(self):
        self.postgres.start()
        # The first one alone: it makes the tables, and the name of the place of files.
        self.replicas.start(0)
        self.replicas.wait_until_ready(0)
        for number in range(1, COUNT):
            self.replicas.start(number)
        for number in range(1, COUNT):
            self.replicas.wait_until_ready(number)
        self.proxy = Proxy(self.folder, self.replicas.ports)

    def stop(self):
        if self.proxy:
            self.proxy.stop()
        self.replicas.stop()
        self.objects.stop()
        self.postgres.stop()

    def phase(self, name, act, *options):
        """Runs the load while `act` is at work, and keeps what came of it."""
        print(f"-- {name}", flush=True)
        begun = time.monotonic()
        load = Load(self.options.load.resolve(), self.proxy.url, self.options.tasks, *options)
        try:
            events, problems = act()
            found = load.finish()
        finally:
            load.stop()
        problems = [*problems, *found["violations"]]
        # A run that checks nothing cannot fail.
        if found["calls"] < 100 or found["checked"] < 50:
            problems.append(f"too little was done: {found}")
        for problem in problems:
            print(f"   FAILED: {problem}", flush=True)
        self.passed += not problems
        self.failures += problems
        self.rows.append((name, events, time.monotonic() - begun, found))
        print(f"   {events}; {found['calls']} calls, longest {found['longest_ms']} ms", flush=True)

    # --- what happens to the servers ---

    def rolling_restarts(self):
        """Restarts one server after the other for as long as the official Python suite runs, and once at least."""
        command = [
            sys.executable, ROOT / "tests/foreign/run.py", "--binary", self.options.binary, "--url", self.proxy.url,
            "--only", "python-suite",
        ]  # fmt: skip
        log = self.folder / "python-suite.log"
        with log.open("wb") as out:
            suite = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        restarts = 0
        try:
            while suite.poll() is None or restarts < COUNT:
                self.replicas.restart_gracefully(restarts % COUNT)
                restarts += 1
        finally:
            if suite.poll() is None:
                suite.kill()
                suite.wait()
        lines = log.read_text(errors="replace").strip().splitlines()
        problems = [] if suite.returncode == 0 else ["the Python suite failed:", *lines[-60:]]
        return f"{restarts} graceful restarts; {lines[-1] if lines else 'no output'}", problems

    def kills(self, seconds):
        """Kills one or two servers at a time, at random moments."""
        kills, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(random.uniform(0.3, 2))
            victims = random.sample(range(COUNT), random.choice([1, 1, 2]))
            for number in victims:
                self.replicas.kill(number)
                kills += 1
            time.sleep(random.uniform(0, 1))
            for number in victims:
                self.replicas.start(number)
            for number in victims:
                self.replicas.wait_until_ready(number)
        return f"{kills} kills", []

    def database(self, seconds):
        """Restarts the database, crashes it, and lets the standby take its place."""
        self.postgres.add_standby()
        restarts, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline or restarts < 2:
            time.sleep(random.uniform(1, 3))
            self.postgres.restart(["fast", "immediate"][restarts % 2])
            restarts += 1
        time.sleep(2)
        self.postgres.promote()
        time.sleep(5)
        return f"{restarts} restarts of the database, half of them crashes; 1 promotion", []


def main():
    options = _options()
    random.seed(options.seed)
    print(f"seed {options.seed}", flush=True)
    # A stop from outside must reach the `finally` that stops the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Shared with the user that the database runs as.
    with tempfile.TemporaryDirectory(prefix="tozstore-chaos-") as folder:
        folder = Path(folder)
        folder.chmod(0o755)
        run = Run(options, folder)
        seconds = options.minutes * 60 / 3 if options.minutes else 12
        try:
            run.start()
            run.phase("rolling restarts", run.rolling_restarts, "--strict")
            run.phase("kills", lambda: run.kills(seconds))
            run.phase("database", lambda: run.database(0 if not options.minutes else seconds))
        finally:
            run.stop()
            if run.failures:
                for number in range(COUNT):
                    print(f"-- end of the log of server {number}\n{run.replicas.log_end(number)}")
    _print_table(run.rows)
    print(f"chaos: {run.passed} passed, {len(run.rows) - run.passed} failed")
    return 1 if run.failures else 0


def _print_table(rows):
    print("| what happens | events | s | calls | retries by the SDK | not settled | read back | p50 ms | p99 ms | longest ms |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, events, seconds, found in rows:
        figures = [found[key] for key in ["calls", "sdk_retries", "unsettled", "checked", "p50_ms", "p99_ms", "longest_ms"]]
        print(f"| {name} | {events} | {seconds:.0f} | {' | '.join(map(str, figures))} |")


def _options():
    parser = argparse.ArgumentParser(description="Three servers under load while things break.")
    parser.add_argument("--binary", type=Path, required=True, help="the tozstore binary")
    parser.add_argument("--load", type=Path, required=True, help="the chaos binary of crates/e2e")
    parser.add_argument("--minutes", type=float, help="length; without it, the short form of a minute or two")
    parser.add_argument("--tasks", type=int, default=2, help="tasks of each kind in the load")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of the moments of kills")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
