"""What runs: the packages' own suites, with what is left out and why, and scenarios of ours.

docs/compatibility.md says the same to people; keep the two together.
"""

import json
import os
import re
import shutil
import subprocess
import urllib.request
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import packages

PYTHON_MODULES = [
    "test_integration", "test_share_integration", "test_crypto", "test_tsv1_auth", "test_notes", "test_search_integration",
    "test_identity",
]  # fmt: skip

# Tests that skip themselves, all in the NIST mode. That mode does not start with today's `cryptography` package.
PYTHON_SKIPPED = {
    "test_generate_nist_keypair",
    "test_nist_public_key_encoding",
    "test_nist_private_key_encoding",
    "test_nist_public_key_sharing",
}

JS_SUITE_FILES = ["__tests__/storage.test.js", "__tests__/search.test.js"]

# Tests of secure compute, which is out of scope.
JS_PRERELEASE_LEFT_OUT = {
    "Can fetch subscriptions to computations",
    "Can fetch all subscriptions to computations",
    "can subscribe to a computation",
    "can subscribe to a computation with no manager ",
    "can unsubscribe from a computation",
    "can update subscription to a computation",
    "can update subscription to a computation with no manager",
}

JS_SCENARIOS = packages.ROOT / "tests/foreign/js"
BROWSER_SCENARIOS = packages.ROOT / "tests/foreign/browser"

# Operations that made-up requests by the OpenAPI document must succeed with, of about 110. Others delete what is not
# there, or need what one cannot make up.
MIN_SUCCEEDED = 70

# Names of Chromium, the first that is there is taken.
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]

SUITE_TIMEOUT_S = 300


@dataclass
class Outcome:
    """How a suite went. A run without tests is a failure."""

    passed: int
    failed: int
    output: str = ""

    def __post_init__(self):
        if self.passed + self.failed == 0:
            self.failed = 1


def run_python(server, folder):
    """The suite inside `e3db`. Its home is a folder of ours: it writes a credentials file into its home."""
    report = folder / "python.xml"
    modules = [f"e3db.tests.{module}" for module in PYTHON_MODULES]
    command = [
        packages.PYTHON, "-m", "pytest", "--pyargs", *modules, "-q", "--tb=short", "-p", "no:cacheprovider",
        "-W", "ignore", f"--junitxml={report}",
    ]  # fmt: skip
    environment = {
        "DEFAULT_API_URL": server.url,
        "REGISTRATION_TOKEN": server.registration_token,
        "TZ": "America/Phoenix",
        "HOME": os.fspath(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return _count_junit(report, _run(command, folder, environment), PYTHON_SKIPPED)


def run_js(server, folder):
    """The suites of storage and search inside the npm package."""
    return _jest(server, packages.JS_SUITE_HOME, folder / "jest.json", frozenset())


def run_js_prerelease(server, folder):
    """The same of the prerelease."""
    return _jest(server, packages.JS_PRERELEASE_SUITE_HOME, folder / "jest-prerelease.json", JS_PRERELEASE_LEFT_OUT)


def run_js_scenarios(server, folder):
    """Our own scenarios with the JavaScript SDK."""
    return _node_tests(server, folder, packages.JS_CLIENT_HOME, JS_SCENARIOS.glob("*.test.js"))


def run_js_prerelease_scenarios(server, folder):
    """The same and more with the prerelease."""
    return _node_tests(server, folder, packages.JS_PRERELEASE_HOME, JS_SCENARIOS.glob("**/*.test.js"))


def run_browser(server, folder):
    """The browser build of both in a headless Chromium, from another origin than the server's."""
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not command:
        return Outcome(0, 1, f"No browser: install Debian's package `chromium`, or one of {', '.join(BROWSERS)}.")
    outcomes = []
    for home in [packages.JS_CLIENT_HOME, packages.JS_PRERELEASE_HOME]:
        script = packages.sdk_in(home) / "dist" / "tozny-sodium.min.js"
        more = {"CHROMIUM": command, "SDK_SCRIPT": os.fspath(script)}
        outcomes.append(_node_tests(server, folder, home, [BROWSER_SCENARIOS / "browser.test.js"], more))
    passed, failed = sum(one.passed for one in outcomes), sum(one.failed for one in outcomes)
    return Outcome(passed, failed, "\n".join(one.output for one in outcomes))


def run_openapi(server, folder):
    """The OpenAPI document, and answers to requests that are made up by it: the same ones at each run."""
    here, bin_home = packages.ROOT / "tests/foreign", packages.OPENAPI_HOME / "bin"
    document, report, succeeded = (folder / name for name in ["openapi.json", "openapi.xml", "succeeded.json"])
    with urllib.request.urlopen(f"{server.url}/openapi.json", timeout=30) as answer:
        document.write_bytes(answer.read())
    output = _run([bin_home / "openapi-spec-validator", "--schema", "3.1", document], folder, {})
    is_valid = output.strip().endswith("OK")
    command = [
        bin_home / "schemathesis", "--config-file", here / "schemathesis.toml", "run", document, "--url", server.url,
        "--report-junit-path", report, "--warnings", "off",
    ]  # fmt: skip
    environment = {
        "API_URL": server.url,
        "SUCCEEDED": os.fspath(succeeded),
        "PYTHONPATH": os.fspath(here),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    outcome = _count_junit(report, output + _run(command, folder, environment))
    count = len(json.loads(succeeded.read_text())) if succeeded.exists() else 0
    outcome.output += f"\n{count} operations succeeded, at least {MIN_SUCCEEDED} must"
    outcome.failed += (not is_valid) + (count < MIN_SUCCEEDED)
    return outcome


def run_cross_read(server, folder):
    """The matrix of three SDKs."""
    return _scenarios_of_all(server, folder, "cross_read")


def run_two_formats(server, folder):
    """Official SDKs on clients that hold sealed types as well."""
    return _scenarios_of_all(server, folder, "two_formats")


def _scenarios_of_all(server, folder, name):
    report = folder / f"{name}.xml"
    command = [
        packages.PYTHON, "-m", "pytest", packages.ROOT / f"tests/foreign/{name}.py", "-q", "--tb=short",
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
    return _count_junit(report, _run(command, folder, environment))


def _jest(server, home, report, left_out):
    """Both files at once: their tests sleep most of the time."""
    excluded = "|".join(re.escape(name) for name in sorted(left_out))
    names = ["-t", f"^Tozny (?!(?:{excluded})$)"] if left_out else []
    command = [
        "node", packages.JS_SUITES_HOME / "node_modules/jest/bin/jest.js", "--ci", "--maxWorkers=2", "--silent",
        "--json", f"--outputFile={report}", *names, *JS_SUITE_FILES,
    ]  # fmt: skip
    environment = {
        "API_URL": server.url,
        "CLIENT_REGISTRATION_TOKEN": server.registration_token,
        "TEST_TARGET": "node",
    }
    output = _run(command, home, environment)
    if not report.exists():
        return Outcome(0, 1, output)
    lines, passed, failed = [], 0, 0
    for file in json.loads(report.read_text())["testResults"]:
        if not file["assertionResults"]:
            lines.append(file["message"])
            failed += 1
        for case in file["assertionResults"]:
            if case["status"] == "pending" and case["title"] in left_out:
                continue
            lines += [f"{case['status']:8} {case['title']}", *case["failureMessages"]]
            passed += case["status"] == "passed"
            failed += case["status"] != "passed"
    return Outcome(passed, failed, "\n".join(lines))


def _node_tests(server, folder, home, scenarios, more=None):
    command = ["node", "--test", "--test-reporter=tap", *sorted(scenarios)]
    environment = {
        "API_URL": server.url,
        "REGISTRATION_TOKEN": server.registration_token,
        "NODE_PATH": os.fspath(home / "node_modules"),
        **(more or {}),
    }
    return _count_tap(_run(command, folder, environment))


def _run(command, folder, environment):
    """Runs to the end and returns the output. A suite that hangs is stopped and counts as failed."""
    command = [os.fspath(part) for part in command]
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, timeout=SUITE_TIMEOUT_S, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.stdout
    except subprocess.TimeoutExpired as expired:
        return f"{expired.output or ''}\nstopped after {SUITE_TIMEOUT_S} s"


def _count_tap(output):
    """Of the lines of TAP, those that name tests, and all of what failed."""
    passed = re.search(r"^# pass (\d+)$", output, re.MULTILINE)
    failed = re.search(r"^# (?:fail|cancelled) [1-9]", output, re.MULTILINE)
    if not passed or failed:
        return Outcome(int(passed[1]) if passed else 0, len(re.findall(r"^not ok ", output, re.MULTILINE)) or 1, output)
    return Outcome(int(passed[1]), 0, "\n".join(line for line in output.splitlines() if line.startswith("ok ")))


def _count_junit(report, output, may_skip=frozenset()):
    """A test that skips itself unexpectedly counts as failed."""
    if not report.exists():
        return Outcome(0, 1, output)
    passed, not_passed = 0, []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcomes = {child.tag for child in case} & {"failure", "error", "skipped"}
        if outcomes == {"skipped"} and case.get("name") in may_skip:
            continue
        if outcomes:
            not_passed.append(f"not passed: {case.get('name')}: {', '.join(sorted(outcomes))}")
        else:
            passed += 1
    return Outcome(passed, len(not_passed), "\n".join([output, *not_passed]))
