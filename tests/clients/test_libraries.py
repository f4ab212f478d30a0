"""Client libraries of other languages, each driven by a script of its own."""
import sys
from pathlib import Path

import pytest

from clients.conftest import HERE, find_node, package_version
from conftest import ROOT

PYTHON = ROOT / ".venv-clients" / "bin" / "python"


@pytest.mark.parametrize("script,package", [("python_kubernetes.py", "kubernetes"), ("python_lightkube.py", "lightkube")])
def test_python(admin_up, ns, tried, script, package):
    assert admin_up.run(PYTHON, HERE / script, admin_up.kubeconfig, ns).ok().out.endswith("ok\n")
    version = admin_up.run(PYTHON, "-c", f"import importlib.metadata as m; print(m.version('{package}'))").ok().out.strip()
    tried(f"{package} (Python)", version, "list, create, watch, patch, apply, conflict, forbidden, delete")


def test_node_kubernetes(admin_up, ns, tried):
    assert admin_up.run(find_node(), HERE / "node/kubernetes.mjs", admin_up.kubeconfig, ns, env=admin_up.env(NODE_EXTRA_CA_CERTS=None)).ok().out.endswith("ok\n")
    tried("@kubernetes/client-node", package_version("@kubernetes/client-node"), "list, create, watch, patch, conflict, delete")


def test_node_aws(up, tried):
    assert up.run(find_node(), HERE / "node/aws.mjs").ok().out.endswith("ok\n")
    for package in ("client-eks", "client-iam", "client-sts"):
        tried(f"@aws-sdk/{package}", package_version(f"@aws-sdk/{package}"), "the walkthrough's calls, errors by name, paginators, waiters, AssumeRole")
