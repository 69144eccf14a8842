"""Which official packages run, in which versions, and how they are installed under `.dev`."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / ".dev"

PYTHON_SDK = "e3db==2.3.0"
# The test runner of the SDK's own suite, and what that suite imports.
PYTHON_SUITE = ["pytest>=8,<10", "pytest-cov", "responses", "setuptools<81"]

JS_SDK = "@toznysecure/sdk@1.5.1"
# It has calls that the release lacks: bulk deletion, bulk listings of groups, giving up a share, editing in groups.
JS_PRERELEASE = "@toznysecure/sdk@1.5.16-alpha.57"
JS_SUITE = ["dotenv@8", "jest@26", "jest-circus@26", "jest-environment-node@26"]

# What checks the OpenAPI document and asks by it, and what signs its requests.
OPENAPI = ["openapi-spec-validator==0.9.0", "PyNaCl==1.6.2", "schemathesis==4.32.5"]

PYTHON_HOME = DEV / "python"
OPENAPI_HOME = DEV / "openapi"
JS_CLIENT_HOME = DEV / "js" / "client"
JS_PRERELEASE_HOME = DEV / "js" / "prerelease"
# Beside each other: copies of both packages, and what runs their suites.
JS_SUITES_HOME = DEV / "js" / "suites"
JS_SUITE_HOME = JS_SUITES_HOME / "release"
JS_PRERELEASE_SUITE_HOME = JS_SUITES_HOME / "prerelease"

PYTHON = PYTHON_HOME / "bin" / "python"


def install():
    """Installs what is missing or was installed for other versions."""
    _once(PYTHON_HOME, [PYTHON_SDK, *PYTHON_SUITE, sys.version], lambda: _pip_install(PYTHON_HOME, PYTHON_SDK, *PYTHON_SUITE))
    _once(OPENAPI_HOME, [*OPENAPI, sys.version], lambda: _pip_install(OPENAPI_HOME, *OPENAPI))
    _once(JS_CLIENT_HOME, [JS_SDK], lambda: _npm_install(JS_CLIENT_HOME, JS_SDK))
    _once(JS_PRERELEASE_HOME, [JS_PRERELEASE], lambda: _npm_install(JS_PRERELEASE_HOME, JS_PRERELEASE))
    _once(JS_SUITES_HOME, [JS_SDK, JS_PRERELEASE, *JS_SUITE], _install_js_suites)


def sdk_in(home):
    """Where the JavaScript package lies in one of the homes."""
    return home / "node_modules" / "@toznysecure" / "sdk"


def _once(home, wanted, make):
    stamp = home / ".installed"
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"Installing into {home.relative_to(ROOT)}", flush=True)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    make()
    stamp.write_text(digest)


def _pip_install(home, *packages):
    _run([sys.executable, "-m", "venv", home])
    _run([home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])


def _install_js_suites():
    """A suite starts only from a package of its own, without the build steps of its authors."""
    _npm_install(JS_SUITES_HOME, JS_SDK, *JS_SUITE)
    for client, home in [(JS_CLIENT_HOME, JS_SUITE_HOME), (JS_PRERELEASE_HOME, JS_PRERELEASE_SUITE_HOME)]:
        shutil.copytree(sdk_in(client), home, ignore=shutil.ignore_patterns("node_modules"))
        manifest = home / "package.json"
        package = json.loads(manifest.read_text())
        package.pop("scripts", None)
        manifest.write_text(json.dumps(package, indent=2))


def _npm_install(home, *packages):
    (home / "package.json").write_text('{"private": true}\n')
    _run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", *packages], cwd=home)


def _run(command, cwd=ROOT):
    subprocess.run([os.fspath(part) for part in command], cwd=cwd, check=True, stdin=subprocess.DEVNULL)
