"""Helm 3 and 4: a chart with RBAC, a hook and a CRD, as an administrator and as a namespaced editor."""
import json

import pytest

from clients.conftest import HERE, TOOLS, version_of
from conftest import kubeconfig_for, make_role

CHART = HERE / "chart"


@pytest.mark.parametrize("binary", ["helm-30", "helm-35"])
def test_helm(up, tried, binary):
    helm = TOOLS / binary
    up.aws("eks", "update-kubeconfig", "--name", "demo").ok()
    up.kubectl("create", "namespace", "shop").ok()

    def h(*args, **kw):
        return up.run(helm, *args, "-n", "shop", **kw)
    h("install", "t", CHART).ok()
    assert json.loads(h("list", "-o", "json").ok().out)[0]["status"] == "deployed"
    assert up.kubectl("get", "cm", "t-greeting", "-n", "shop", "-o", "jsonpath={.data.greeting}").ok().out == "hello"
    assert up.kubectl("get", "widget", "t", "-n", "shop", "-o", "jsonpath={.spec.color}").ok().out == "red"
    h("upgrade", "t", CHART, "--set", "greeting=moin").ok()
    assert up.kubectl("get", "cm", "t-greeting", "-n", "shop", "-o", "jsonpath={.data.greeting}").ok().out == "moin"
    assert up.kubectl("get", "cm", "t-before", "-n", "shop", "-o", "jsonpath={.data.revision}").ok().out == "2"
    h("rollback", "t", "1").ok()
    assert up.kubectl("get", "cm", "t-greeting", "-n", "shop", "-o", "jsonpath={.data.greeting}").ok().out == "hello"
    h("upgrade", "t", CHART, "--set", "clusterWide=true").ok()
    up.kubectl("get", "clusterrole", "t-nodes").ok()
    h("uninstall", "t").ok()
    up.kubectl("get", "clusterrole", "t-nodes").fails(1, "NotFound")

    # an editor of the namespace may not do all of it
    role = make_role(up, "editor")
    up.aws("eks", "create-access-entry", "--cluster-name", "demo", "--principal-arn", role).ok()
    up.aws("eks", "associate-access-policy", "--cluster-name", "demo", "--principal-arn", role, "--policy-arn",
           "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy", "--access-scope", "type=namespace,namespaces=shop").ok()
    env = kubeconfig_for(up, role)
    h("install", "e", CHART, "--skip-crds", env=env).fails(1, "forbidden")
    tried("Helm", version_of(helm, "version", "--short").split("+")[0], "install, upgrade, rollback, list, uninstall with a hook and a CRD; as a namespaced editor refused what it may not")
