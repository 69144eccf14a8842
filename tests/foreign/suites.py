"""The packages' own test suites: what is run, and what is left out, with the reason.

docs/compatibility.md says the same to people; keep the two together.
"""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import packages

PYTHON_MODULES = ["test_integration", "test_share_integration", "test_crypto", "test_tsv1_auth", "test_notes", "test_search_integration"]

# Name of the test -> why it is left out.
PYTHON_LEFT_OUT = {}

# Tests that skip themselves, all in the NIST mode. That mode does not start with today's `cryptography` package.
PYTHON_SKIPPED = {
    "test_generate_nist_keypair",
    "test_nist_public_key_encoding",
    "test_nist_private_key_encoding",
    "test_nist_public_key_sharing",
}

JS_TESTS = [
    "can register a client",
    "can perform CRUD on records",
    "allows sharing of records",
    "allows authorization of record sharing",
    "can write, read, update by name, and delete basic notes",
    "can write, read, and delete anonymous notes",
    "can handle list groups when no groups are returned",
    "can create groups",
    "can delete a group",
    "can read a group by groupID",
    "can list groups",
    "can list groups with specific names",
    "can create groups with specified capabilities",
    "can add a group member to a group",
    "can remove a group member from a group",
    "can list group members from a group",
    "can list records shared with groups",
    "can share records with a group and list the record",
    "can paginate through records shared with group",
    "It can share and unshare a record with a group",
    "can return a group based on group name",
    "can return an empty group",
]

SUITE_TIMEOUT_S = 300


@dataclass
class Count:
    passed: int
    failed: int


def run_python(server, folder):
    """The suite inside `e3db`. Its home is a folder of ours: it writes a credentials file into its home."""
    report = folder / "python.xml"
    left_out = " and ".join(f"not {name}" for name in PYTHON_LEFT_OUT)
    modules = [f"e3db.tests.{module}" for module in PYTHON_MODULES]
    command = [
        packages.PYTHON, "-m", "pytest", "--pyargs", *modules, "-k", left_out, "-q", "--tb=short",
        "-p", "no:cacheprovider", "-W", "ignore", f"--junitxml={report}",
    ]  # fmt: skip
    environment = {
        "DEFAULT_API_URL": server.url,
        "REGISTRATION_TOKEN": server.registration_token,
        "TZ": "America/Phoenix",
        "HOME": os.fspath(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    _run(command, folder, environment)
    return _count_junit(report, PYTHON_SKIPPED)


def run_js(server, folder):
    """Tests of `storage.test.js` inside the npm package."""
    report = folder / "jest.json"
    names = "|".join(f"^Tozny {re.escape(name)}$" for name in JS_TESTS)
    command = [
        "node", "node_modules/jest/bin/jest.js", "-i", "--ci", "__tests__/storage.test.js",
        "-t", names, "--silent", "--json", f"--outputFile={report}",
    ]  # fmt: skip
    environment = {
        "API_URL": server.url,
        "CLIENT_REGISTRATION_TOKEN": server.registration_token,
        "TEST_TARGET": "node",
    }
    output = _run(command, packages.JS_SUITE_HOME, environment, show=False)
    if not report.exists():
        print(output)
        return Count(0, len(JS_TESTS))
    cases = [case for suite in json.loads(report.read_text())["testResults"] for case in suite["assertionResults"]]
    by_name = {case["title"]: case for case in cases}
    passed = 0
    for name in JS_TESTS:
        case = by_name.get(name, {"status": "not found", "failureMessages": []})
        print(f"{case['status']:8} {name}")
        for message in case["failureMessages"]:
            print(message)
        passed += case["status"] == "passed"
    return Count(passed, len(JS_TESTS) - passed)


def run_js_search(server, folder):
    """All of `search.test.js` inside the npm package. It waits for half a minute by itself."""
    report = folder / "jest-search.json"
    command = [
        "node", "node_modules/jest/bin/jest.js", "-i", "--ci", "__tests__/search.test.js",
        "--silent", "--json", f"--outputFile={report}",
    ]  # fmt: skip
    environment = {
        "API_URL": server.url,
        "CLIENT_REGISTRATION_TOKEN": server.registration_token,
        "TEST_TARGET": "node",
    }
    output = _run(command, packages.JS_SUITE_HOME, environment, show=False)
    if not report.exists():
        print(output)
        return Count(0, 1)
    cases = [case for suite in json.loads(report.read_text())["testResults"] for case in suite["assertionResults"]]
    for case in cases:
        print(f"{case['status']:8} {case['title']}")
        for message in case["failureMessages"]:
            print(message)
    passed = sum(case["status"] == "passed" for case in cases)
    return Count(passed, len(cases) - passed) if cases else Count(0, 1)


def run_js_scenarios(server, folder):
    """Our own scenarios with the JavaScript SDK."""
    scenarios = sorted((packages.ROOT / "tests/foreign/js").glob("*.test.js"))
    command = ["node", "--test", "--test-reporter=tap", *scenarios]
    environment = {
        "API_URL": server.url,
        "REGISTRATION_TOKEN": server.registration_token,
        "NODE_PATH": os.fspath(packages.JS_CLIENT_HOME / "node_modules"),
    }
    output = _run(command, folder, environment)
    passed = re.search(r"^# pass (\d+)$", output, re.MULTILINE)
    failed = re.search(r"^# fail (\d+)$", output, re.MULTILINE)
    if not passed or not failed or passed[1] == "0":
        return Count(0, 1)
    return Count(int(passed[1]), int(failed[1]))


def run_cross_read(server, folder):
    """The matrix of three SDKs."""
    report = folder / "cross_read.xml"
    command = [
        packages.PYTHON, "-m", "pytest", packages.ROOT / "tests/foreign/cross_read.py", "-q", "--tb=short",
        "-p", "no:cacheprovider", f"--rootdir={folder}", f"--junitxml={report}",
    ]  # fmt: skip
    environment = {
        "API_URL": server.url,
        "REGISTRATION_TOKEN": server.registration_token,
        "TOZSTORE": os.fspath(server.binary),
        "NODE_PATH": os.fspath(packages.JS_CLIENT_HOME / "node_modules"),
        "HOME": os.fspath(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    _run(command, folder, environment)
    return _count_junit(report)


def _run(command, folder, environment, show=True):
    """Runs to the end and returns the output. A suite that hangs is stopped and counts as failed."""
    command = [os.fspath(part) for part in command]
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, timeout=SUITE_TIMEOUT_S, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        output = done.stdout
    except subprocess.TimeoutExpired as expired:
        output = f"{expired.output or ''}\nstopped after {SUITE_TIMEOUT_S} s"
    if show:
        print(output, flush=True)
    return output


def _count_junit(report, may_skip=frozenset()):
    """A test that skips itself unexpectedly counts as failed, and so does a run without tests."""
    if not report.exists():
        return Count(0, 1)
    passed = failed = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcomes = {child.tag for child in case} & {"failure", "error", "skipped"}
        if outcomes == {"skipped"} and case.get("name") in may_skip:
            continue
        if outcomes:
            print(f"not passed: {case.get('name')}: {', '.join(sorted(outcomes))}")
            failed += 1
        else:
            passed += 1
    return Count(passed, failed) if passed + failed else Count(0, 1)
