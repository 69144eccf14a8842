"""Two versions side by side: three servers of an older commit behind HAProxy, under load, are exchanged for today's one after the other.

    python3 tests/upgrade/run.py --commit COMMIT --binary target/debug/tozstore --load target/debug/chaos

Builds the older commit in a work tree of its own. What must hold: the load, which is the older commit's SDK and then today's,
sees no failure that it must not see; the official Python suite passes while versions are mixed; what was acknowledged is read back,
by the SDKs of both; the older program refuses to start on the newer schema, and says why.
`./dev upgrade COMMIT` runs this.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
CHAOS = Path(__file__).resolve().parents[1] / "chaos"
sys.path.insert(0, os.fspath(CHAOS))

from postgres import Postgres  # noqa: E402
from replicas import COUNT, ROOT, Objects, Proxy, Replicas, free_ports  # noqa: E402
from run import Load  # noqa: E402

REFUSAL = "start a newer program"


def build(commit, folder, target):
    """Builds the older commit's programs in a work tree of its own; returns where they are."""
    tree = folder / "tree"
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", "--quiet", tree, commit], check=True)
    try:
        subprocess.run(
            ["cargo", "build", "--locked", "--workspace", "--bins"],
            cwd=tree, env={**os.environ, "CARGO_TARGET_DIR": os.fspath(target)}, check=True,
        )  # fmt: skip
        for name in ["tozstore", "chaos"]:
            shutil.copy(target / "debug" / name, folder / name)
        return folder
    finally:
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True)


class Upgrade:
    def __init__(self, options, old, folder):
        self.options, self.old, self.folder = options, old, folder
        self.new = options.binary.resolve()
        self.passed, self.failed, self.failures = 0, 0, []
        self.postgres = Postgres(folder / "postgres", free_ports(2))
        self.objects = Objects(options.load.resolve(), folder)
        self.replicas = Replicas(old, folder, self.postgres.url, self.objects.settings)
        self.proxy = None

    def start(self):
        self.postgres.start()
        for number in range(COUNT):
            self.replicas.start(number)
            self.replicas.wait_until_ready(number)
        self.proxy = Proxy(self.folder, self.replicas.ports)

    def stop(self):
        if self.proxy:
            self.proxy.stop()
        self.replicas.stop()
        self.objects.stop()
        self.postgres.stop()

    def phase(self, name, binary, act):
        """Runs the load while `act` is at work; what it wrote is read back in the end."""
        load = Load(binary, self.proxy.url, self.options.tasks, "--strict")
        try:
            problems = act()
            found = load.finish()
        finally:
            load.stop()
        problems = [*problems, *found["violations"]]
        if found["calls"] < 100 or found["checked"] < 50:
            problems.append(f"too little was done: {found}")
        self.tell(f"{name}: {found['calls']} calls, {found['checked']} read back", problems)

    def tell(self, name, problems):
        print(f"{'FAILED' if problems else 'ok'}  {name}", *problems, sep="\n    ", flush=True)
        self.passed += not problems
        self.failed += bool(problems)
        self.failures += problems

    def exchange(self, numbers):
        """Stops servers gracefully, and starts today's program in their place."""
        self.replicas.binary = self.new
        for number in numbers:
            self.replicas.restart_gracefully(number)

    def one_is_new(self):
        """The first one, which changes the schema; then both versions serve for as long as the Python suite runs."""
        self.exchange([0])
        return self.suite()

    def all_are_new(self):
        self.exchange(range(1, COUNT))
        return []

    def suite(self):
        command = [
            sys.executable, ROOT / "tests/foreign/run.py", "--binary", self.new, "--url", self.proxy.url,
            "--interop-only", "--only", "python-suite",
        ]  # fmt: skip
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        lines = done.stdout.strip().splitlines()
        return [] if done.returncode == 0 else ["the Python suite failed:", *lines[-40:], done.stderr[-2000:]]

    def schema(self):
        return int(self.postgres._sql(0, "SELECT max(version) FROM tozstore_versions"))

    def old_is_refused(self):
        """Started on a newer schema, the older program says so."""
        self.replicas.processes[0].send_signal(signal.SIGTERM)
        self.replicas.processes[0].wait()
        self.replicas.binary = self.old
        self.replicas.start(0)
        code = self.replicas.processes[0].wait(60)
        log = self.replicas.log_end(0)
        problems = [] if code != 0 and REFUSAL in log else [f"it ended with {code}:", log]
        return problems


def main():
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="tozstore-upgrade-") as folder:
        folder = Path(folder)
        folder.chmod(0o755)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        old = (options.old or build(options.commit, folder, target.resolve())).resolve()
        run = Upgrade(options, old / "tozstore", folder)
        try:
            run.start()
            before = run.schema()
            run.phase("one of three is new; the older SDK, and the Python suite", old / "chaos", run.one_is_new)
            between = run.schema()
            run.phase("all are new; the SDK of today", options.load.resolve(), run.all_are_new)
            print(f"    the schema had version {before}, then {between}")
            if between > before:
                run.tell("the older program refuses the newer schema", run.old_is_refused())
        finally:
            run.stop()
            if run.failures:
                for number in range(COUNT):
                    print(f"-- end of the log of server {number}\n{run.replicas.log_end(number)}")
    print(f"upgrade: {run.passed} passed, {run.failed} failed")
    return 1 if run.failures else 0


def _options():
    parser = argparse.ArgumentParser(description="Servers of two versions on one database, under load.")
    older = parser.add_mutually_exclusive_group(required=True)
    older.add_argument("--commit", help="the older version, which is built")
    older.add_argument("--old", type=Path, help="folder with tozstore and chaos of the older version, if they are built already")
    parser.add_argument("--binary", type=Path, required=True, help="today's tozstore binary")
    parser.add_argument("--load", type=Path, required=True, help="today's chaos binary of crates/e2e")
    parser.add_argument("--tasks", type=int, default=2, help="tasks of each kind in the load")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
