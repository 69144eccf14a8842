"""Records a second that the official SDKs seal and open, beside which `./dev bench` sets our own.

    python3 tests/foreign/sealing.py --binary target/release/tozstore [--seconds 5]

A record of 10 fields of 100 bytes, on one core, without the network: the SDKs' own steps between a plain record and
the body of a request, called directly.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import packages  # noqa: E402
import server  # noqa: E402

# Runs in the environment of the package.
PYTHON_PROGRAM = """
import os, sys, time, e3db
url, token, seconds = os.environ["API_URL"], os.environ["REGISTRATION_TOKEN"], float(os.environ["SECONDS"])
public, private = e3db.Client.generate_keypair()
details = e3db.Client.register(token, "sealing", public, api_url=url)
config = e3db.Config(str(details.client_id), details.api_key_id, details.api_secret, public, private, api_url=url)
client = e3db.Client(config())
plain = client.write("bench.type", {f"field{n}": "v" * 100 for n in range(10)})
writer = plain.meta.writer_id
key = client._Client__get_access_key(writer, writer, writer, "bench.type")
sealed = client._Client__encrypt_record(plain).data
def fresh():
    return e3db.types.Record(meta=plain.meta, data=dict(sealed))
def rate(work):
    begun, times = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        work()
        times += 1
    return times / (time.perf_counter() - begun)
opened = client._Client__decrypt_record_with_key(fresh(), key)
assert dict(opened.data) == {f"field{n}": "v" * 100 for n in range(10)}
seal = rate(lambda: client._Client__encrypt_record(plain))
open_ = rate(lambda: client._Client__decrypt_record_with_key(fresh(), key))
print(f"{seal:.0f} {open_:.0f}")
"""


def main():
    parser = argparse.ArgumentParser(description="Measures how fast the official SDKs seal and open records.")
    parser.add_argument("--binary", type=Path, required=True, help="the tozstore binary")
    parser.add_argument("--seconds", type=float, default=5, help="length of each round")
    options = parser.parse_args()
    packages.install()
    with tempfile.TemporaryDirectory(prefix="tozstore-sealing-") as folder:
        folder = Path(folder)
        with server.running(options.binary.resolve(), folder) as running:
            environment = {
                **os.environ,
                "API_URL": running.url,
                "REGISTRATION_TOKEN": running.registration_token,
                "SECONDS": str(options.seconds),
                "NODE_PATH": os.fspath(packages.JS_CLIENT_HOME / "node_modules"),
                "HOME": os.fspath(folder),
            }
            script = packages.ROOT / "tests/foreign/js/sealing.js"
            for name, command in [
                ("Python `e3db`", [packages.PYTHON, "-W", "ignore", "-c", PYTHON_PROGRAM]),
                ("Node `@toznysecure/sdk`", ["node", script]),
            ]:
                done = subprocess.run(
                    command, env=environment, cwd=folder, text=True, stdout=subprocess.PIPE, check=True, timeout=300
                )
                seal, open_ = done.stdout.split()[-2:]
                print(f"| {name} | {seal} | {open_} |", flush=True)


if __name__ == "__main__":
    main()
