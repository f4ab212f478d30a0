"""Where the clients are, and the record of what was tried: `docs/compatibility.md` is written from it."""
import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from conftest import BIN, ROOT  # noqa: F401  (the folder above is on the path)

HERE = Path(__file__).resolve().parent
TOOLS = ROOT / ".tools"
TRIED = []  # (client, version, what was tried)


@pytest.fixture
def tried(request):
    """Called with (client, version, what) when all of it has worked; a failing test writes nothing."""
    return lambda client, version, what: TRIED.append((client, version, what))


@pytest.fixture
def ns(admin_up):
    """A namespace of the test's own."""
    name = "t-" + uuid.uuid4().hex[:8]
    admin_up.kubectl("create", "namespace", name).ok()
    yield name
    admin_up.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def admin_up(shared_up):
    """A control plane whose KUBECONFIG is the administrator's."""
    shared_up.aws("eks", "update-kubeconfig", "--name", "demo").ok()
    return shared_up


def pytest_sessionfinish(session, exitstatus):
    """Writes the page, when every client was tried and nothing failed."""
    if exitstatus != 0 or not os.environ.get("ENTRYWAY_WRITE_COMPATIBILITY"):
        return
    lines = ["# Compatibility", "", "Each line is a test that drove the unmodified client against a running `entryway up`. The tests write this page",
             "(`ENTRYWAY_WRITE_COMPATIBILITY=1 ./test clients`); a client that fails has no line.", "",
             "| client | version | what was tried |", "| --- | --- | --- |"]
    lines += [f"| {client} | {version} | {what} |" for client, version, what in sorted(set(TRIED))]
    (ROOT / "docs" / "compatibility.md").write_text("\n".join(lines) + "\n")


def version_of(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True).stdout.strip()


def find_node():
    return shutil.which("node")


def package_version(name):
    return json.loads((HERE / "node" / "node_modules" / name / "package.json").read_text())["version"]
