"""Runs the official clients against our server. `./dev test` calls this; it also runs by itself:

    python3 tests/foreign/run.py --binary target/debug/tozstore [--only python-suite]
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

import packages  # noqa: E402
import server  # noqa: E402
import suites  # noqa: E402

SUITES = {
    "python-suite": suites.run_python,
    "js-suite": suites.run_js,
    "js-search": suites.run_js_search,
    "js-scenarios": suites.run_js_scenarios,
    "cross-read": suites.run_cross_read,
}


def main():
    options = _options()
    # A stop from outside must reach the `finally` that stops the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    packages.install()
    lines, failed = [], 0
    with tempfile.TemporaryDirectory(prefix="tozstore-foreign-") as folder:
        folder = Path(folder)
        with server.running(options.binary.resolve(), folder) as running:
            for name in options.only or SUITES:
                print(f"-- {name}", flush=True)
                started = time.monotonic()
                count = SUITES[name](running, folder)
                failed += count.failed
                lines.append(f"{name}: {count.passed} passed, {count.failed} failed, {time.monotonic() - started:.0f} s")
        if failed:
            log = (folder / "server.log").read_text(errors="replace").splitlines()
            print("-- end of the server's log, without the plain answers")
            print("\n".join([line for line in log if " INFO " not in line][-40:]))
    print("\n".join(lines))
    return 1 if failed else 0


def _options():
    parser = argparse.ArgumentParser(description="Runs the official clients against our server.")
    parser.add_argument("--binary", type=Path, required=True, help="the tozstore binary")
    parser.add_argument("--only", action="append", choices=SUITES, help="run this suite alone; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
