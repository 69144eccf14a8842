"""Runs the official clients against our server. `./dev test` calls this; it also runs by itself:

    python3 tests/foreign/run.py --binary target/debug/tozstore [--only python-suite] [--url http://HOST:PORT]
"""

import argparse
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True

import packages  # noqa: E402
import server  # noqa: E402
import suites  # noqa: E402

SUITES = {
    "js-prerelease-suite": suites.run_js_prerelease,
    "js-suite": suites.run_js,
    "python-suite": suites.run_python,
    "openapi": suites.run_openapi,
    "js-scenarios": suites.run_js_scenarios,
    "js-prerelease-scenarios": suites.run_js_prerelease_scenarios,
    "browser": suites.run_browser,
    "cross-read": suites.run_cross_read,
    "two-formats": suites.run_two_formats,
}
# The first two sleep most of their time, so that they cost the others little.
AT_ONCE = 3


def main():
    options = _options()
    # A stop from outside must reach the `finally` that stops the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    packages.install()
    lines, failed = [], 0
    with tempfile.TemporaryDirectory(prefix="tozstore-foreign-") as folder:
        folder = Path(folder)
        binary = options.binary.resolve()
        there = options.url and server.at(options.url, binary, folder, seals=not options.interop_only)
        with there or server.running(binary, folder) as running:
            pool = ThreadPoolExecutor(AT_ONCE)
            try:
                runs = {name: pool.submit(_timed, name, running, folder) for name in options.only or SUITES}
                for name, run in runs.items():
                    outcome, seconds = run.result()
                    print(f"-- {name}\n{outcome.output.rstrip()}", flush=True)
                    failed += outcome.failed
                    lines.append(f"{name}: {outcome.passed} passed, {outcome.failed} failed, {seconds:.0f} s")
            finally:
                # Does not wait: without a server, what still runs comes to its end.
                pool.shutdown(wait=False, cancel_futures=True)
        if failed and not options.url:
            log = (folder / "server.log").read_text(errors="replace").splitlines()
            print("-- end of the server's log, without the plain answers")
            print("\n".join([line for line in log if " INFO " not in line][-40:]))
    print("\n".join(lines))
    return 1 if failed else 0


def _timed(name, running, folder):
    started = time.monotonic()
    return SUITES[name](running, folder), time.monotonic() - started


def _options():
    parser = argparse.ArgumentParser(description="Runs the official clients against our server.")
    parser.add_argument("--binary", type=Path, required=True, help="the tozstore binary")
    parser.add_argument("--url", help="use the server at this address instead of starting one")
    parser.add_argument("--interop-only", action="store_true", help="with --url: make no sealed types, for an older server")
    parser.add_argument("--only", action="append", choices=SUITES, help="run this suite alone; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
