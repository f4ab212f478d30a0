"""Client libraries of other languages, each driven by a script of its own."""
import sys
from pathlib import Path

import pytest

from clients.conftest import HERE, crate_version, find_node, package_version, rust_client
from conftest import ROOT

PYTHON = ROOT / ".venv-clients" / "bin" / "python"


@pytest.mark.parametrize("script,package,what", [
    ("python_kubernetes.py", "kubernetes", "list, create, watch, patch, apply, conflict, forbidden, delete, impersonate"),
    ("python_kubernetes_asyncio.py", "kubernetes-asyncio", "list in pages, create, watch, 410, patch, apply, conflict, forbidden, delete, impersonate"),
    ("python_lightkube.py", "lightkube", "list, create, watch, patch, apply, conflict, forbidden, delete, token of a service account"),
])
def test_python(admin_up, ns, tried, script, package, what):
    assert admin_up.run(PYTHON, HERE / script, admin_up.kubeconfig, ns).ok().out.endswith("ok\n")
    version = admin_up.run(PYTHON, "-c", f"import importlib.metadata as m; print(m.version('{package}'))").ok().out.strip()
    tried(f"{package} (Python)", version, what)


def test_node_kubernetes(admin_up, ns, tried):
    assert admin_up.run(find_node(), HERE / "node/kubernetes.mjs", admin_up.kubeconfig, ns, env=admin_up.env(NODE_EXTRA_CA_CERTS=None)).ok().out.endswith("ok\n")
    tried("@kubernetes/client-node", package_version("@kubernetes/client-node"), "list, create, watch, patch, apply, conflict, forbidden, delete, impersonate")


def test_node_aws(up, tried):
    assert up.run(find_node(), HERE / "node/aws.mjs").ok().out.endswith("ok\n")
    for package in ("client-eks", "client-iam", "client-sts"):
        tried(f"@aws-sdk/{package}", package_version(f"@aws-sdk/{package}"), "the walkthrough's calls, errors by name, paginators, waiters, AssumeRole")


def test_rust_kube(admin_up, ns, tried):
    assert admin_up.run(rust_client("kube-client"), admin_up.kubeconfig, ns).ok().out.endswith("ok\n")
    tried("kube (Rust)", crate_version("kube"), "list in pages, create, dry run, four patches, replace, apply, conflict, forbidden, delete, impersonate, discovery, watch, 410")
    tried("kube (Rust)", crate_version("kube"), "watcher and reflector, by list and watch and by streaming lists, with a restart after 410")


def test_rust_aws(up, tried):
    assert up.run(rust_client("aws-sdk-client")).ok().out.endswith("ok\n")
    for package in ("eks", "iam", "sts"):
        tried(f"aws-sdk-{package} (Rust)", crate_version(f"aws-sdk-{package}"), "the walkthrough's calls, errors by type, paginators, waiters, AssumeRole")
