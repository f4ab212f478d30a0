"""Whole manifests, applied and read back: what was sent is there, applying it again changes nothing.

cert-manager, ingress-nginx, Argo CD and kube-prometheus publish their manifests on GitHub and in chart repositories, and
no package of PyPI, npm, Debian or crates.io was found to carry them. So the real project here is Dask's operator, whose
chart (four CRDs, one of half a megabyte, with RBAC) comes with its package. Any other manifests are tried with

    ENTRYWAY_MANIFESTS=FOLDER ./test clients -k own_folder
"""
import json
import os

import pytest

from clients.conftest import HERE, TOOLS, version_of
from clients.manifests import compare, documents
from clients.tools import CHART
from conftest import BIN

FIELDS = ["--server-side", "--field-manager=tests"]


@pytest.fixture
def cluster(up):
    up.entryway("update-kubeconfig", "--name", "demo").ok()
    return up


def written(plane, name, text):
    path = plane.home / f"{name}.yaml"
    path.write_text(text)
    return path


def apply_in_order(plane, path, *flags):
    """Definitions before their objects, as everybody does it: `kubectl apply` once for what it can, then again."""
    first = plane.kubectl("apply", "-f", path, "-R", *flags)
    if "ensure CRDs are installed first" not in first.err and "no matches for kind" not in first.err:
        return first.ok()
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s").ok()
    return plane.kubectl("apply", "-f", path, "-R", *flags).ok()


def versions(plane, sent, namespace):
    return {(d["kind"], d["metadata"]["name"]): plane.kubectl(
        "get", f"{d['kind']}.{d['apiVersion'].split('/')[-1]}.{d['apiVersion'].rpartition('/')[0]}", d["metadata"]["name"],
        "-n", d["metadata"].get("namespace", namespace), "-o", "jsonpath={.metadata.resourceVersion}").ok().out for d in sent}


def holds(plane, path, namespace=None):
    """Applied server side: all of it is there, and the same again is no change and no difference."""
    sent, flags = documents(path), [*FIELDS, *(["-n", namespace] if namespace else [])]
    apply_in_order(plane, path, *flags)
    assert compare(plane.kubectl, sent, namespace or "default") == {}
    before = versions(plane, sent, namespace or "default")
    plane.kubectl("apply", "-f", path, "-R", *flags).ok()
    assert versions(plane, sent, namespace or "default") == before
    assert plane.kubectl("diff", "-f", path, "-R", *flags).ok().out == ""
    return sent


def test_kustomize(cluster, tried):
    rendered = cluster.kubectl("kustomize", HERE / "kustomize/overlay").ok().out
    path = written(cluster, "kustomized", rendered)
    cluster.kubectl("create", "namespace", "shelves").ok()
    sent = holds(cluster, path)
    assert len(sent) == 14
    # the definition's defaults, columns and rules
    assert cluster.kubectl("get", "sh", "-n", "shelves", "--no-headers").ok().out.split()[:2] == ["prod-large", "3"]
    cluster.kubectl("patch", "shelf", "prod-large", "-n", "shelves", "--type=merge", "-p", '{"spec":{"boards":10}}').fails(
        1, 'spec.boards: Invalid value: 10: spec.boards in body should be less than or equal to 9')
    cluster.kubectl("patch", "shelf", "prod-large", "-n", "shelves", "--type=merge", "-p", '{"spec":{"wood":"elm"}}').fails(
        1, 'spec.wood: Unsupported value: "elm": supported values: "oak", "pine"')
    cluster.kubectl("scale", "shelf", "prod-large", "-n", "shelves", "--replicas=5").ok()
    # and what the roles say holds
    keeper = ["--as", "system:serviceaccount:shelves:prod-keeper", "-n", "shelves"]
    assert cluster.kubectl("auth", "can-i", "delete", "shelves", *keeper).ok().out == "yes\n"
    cluster.kubectl("auth", "can-i", "delete", "deployments", *keeper).fails(1, "no")
    # the definition goes first and takes its objects along
    cluster.kubectl("delete", "-k", HERE / "kustomize/overlay", "--wait=false", "--ignore-not-found").ok()
    cluster.kubectl("get", "deploy", "-n", "shelves").ok()

    # the same, applied by the client: kubectl keeps what it sent in an annotation
    cluster.kubectl("wait", "--for=delete", "crd/shelves.shop.example.com", "--timeout=30s")
    apply_in_order(cluster, path)
    assert compare(cluster.kubectl, sent) == {}
    again = cluster.kubectl("apply", "-f", path).ok().out.splitlines()
    # kubectl finds a change where the server writes 1000m as 1, and replaces the selector of a budget each time
    assert len(again) == 14 and [line for line in again if not line.endswith(" unchanged")] == [
        "deployment.apps/prod-web configured", "poddisruptionbudget.policy/prod-web configured"]
    assert cluster.kubectl("diff", "-f", path).ok().out == ""
    tried("kustomize (in kubectl)", json.loads(version_of(BIN / "kubectl", "version", "--client", "-o", "json"))["kustomizeVersion"].lstrip("v"),
          "base and overlay with a CRD, RBAC and workloads: applied by the client and by the server, compared with what was sent, applied again, diffed, deleted")


def test_dask_operator(cluster, tried):
    chart = TOOLS / "chart-dask-kubernetes-operator"
    rendered = cluster.run(TOOLS / "helm-35", "template", "dask", chart, "--include-crds", "-n", "dask").ok().out
    path = written(cluster, "dask", rendered)
    cluster.kubectl("create", "namespace", "dask").ok()
    sent = holds(cluster, path, "dask")
    assert sum(d["kind"] == "CustomResourceDefinition" for d in sent) == 4
    project, version = CHART.split("==")
    tried(f"manifests of {project} (PyPI)", version, "four CRDs and RBAC, applied by the server, compared with what was sent, applied again, diffed")


if FOLDER := os.environ.get("ENTRYWAY_MANIFESTS"):
    @pytest.mark.timeout(900)
    def test_own_folder(cluster):
        for namespace in {d["metadata"].get("namespace") for d in documents(FOLDER)} - {None, "default", "kube-system"}:
            cluster.kubectl("create", "namespace", namespace)
        assert holds(cluster, FOLDER)
