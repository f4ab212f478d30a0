"""Where the clients are, and which versions of them."""
import json
import os
import shutil
import subprocess
import tomllib
import uuid
from pathlib import Path

import pytest

from conftest import BIN, ROOT  # noqa: F401  (the folder above is on the path)

HERE = Path(__file__).resolve().parent
TOOLS = ROOT / ".tools"


@pytest.fixture
def ns(admin_up):
    """A namespace of the test's own."""
    name = "t-" + uuid.uuid4().hex[:8]
    admin_up.kubectl("create", "namespace", name).ok()
    yield name
    admin_up.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def admin_up(shared_up):
    """A control plane whose KUBECONFIG is the administrator's.

    It asks Entryway for tokens, since the AWS CLI takes a second for each; the walkthrough and Helm's tests ask that.
    """
    shared_up.entryway("update-kubeconfig", "--name", "demo").ok()
    return shared_up


def version_of(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True).stdout.strip()


def find_node():
    return shutil.which("node")


def package_version(name):
    return json.loads((HERE / "node" / "node_modules" / name / "package.json").read_text())["version"]


def rust_client(name):
    """A program of tests/clients/rust, which `./test` has built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for profile in ("debug", "release"):
        if (target / profile / name).exists():
            return target / profile / name
    raise FileNotFoundError(f"no {name} in {target}/debug or /release: run `cargo build -p entryway-clients` first")


def crate_version(name):
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return next(package["version"] for package in packages if package["name"] == name)
