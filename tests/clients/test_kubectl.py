"""kubectl of several versions, doing what a person does with it."""
import json

import pytest

from clients.conftest import TOOLS, version_of
from conftest import BIN

VERSIONS = {"1.37": BIN / "kubectl", **{f"1.{n}": TOOLS / f"kubectl-1.{n}" for n in (36, 35, 32, 30)}}


@pytest.fixture(params=VERSIONS, ids=lambda v: f"kubectl-{v}")
def k(request, admin_up, ns):
    def run(*args, **kw):
        return admin_up.run(VERSIONS[request.param], *args, "-n", ns, **kw)
    run.binary, run.up, run.ns = VERSIONS[request.param], admin_up, ns
    run.version = json.loads(version_of(run.binary, "version", "--client", "-o", "json"))["clientVersion"]["gitVersion"].lstrip("v")
    return run


def manifest(kind, name, api="v1", namespace=None, **rest):
    return json.dumps({"apiVersion": api, "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **rest})


def test_objects(k, tried):
    k("create", "configmap", "one", "--from-literal=a=1").ok()
    k("create", "configmap", "one").fails(1, "already exists")
    assert "one" in k("get", "cm").ok().out
    assert k("get", "cm", "one", "-o", "jsonpath={.data.a}").ok().out == "1"
    assert "NAME" in k("get", "cm", "-o", "wide").ok().out
    assert "kind: ConfigMap" in k("get", "cm", "one", "-o", "yaml").ok().out
    assert k("get", "cm", "one", "-o", "custom-columns=N:.metadata.name", "--no-headers").ok().out == "one\n"
    k("label", "cm", "one", "x=y").ok()
    k("annotate", "cm", "one", "note=hello").ok()
    assert k("get", "cm", "-l", "x=y", "-o", "name").ok().out == "configmap/one\n"
    k("patch", "cm", "one", "-p", '{"data":{"b":"2"}}').ok()
    k("patch", "cm", "one", "--type=json", "-p", '[{"op":"remove","path":"/data/a"}]').ok()
    k("patch", "cm", "one", "--type=merge", "-p", '{"data":{"c":"3"}}').ok()
    assert json.loads(k("get", "cm", "one", "-o", "jsonpath={.data}").ok().out) == {"b": "2", "c": "3"}
    assert "one" in k("describe", "cm", "one").ok().out
    k("replace", "-f", "-", stdin=manifest("ConfigMap", "one", data={"z": "nine"})).ok()
    assert k("get", "cm", "one", "-o", "jsonpath={.data}").ok().out == '{"z":"nine"}'
    editor = k.up.env(KUBE_EDITOR="sed -i s/nine/ten/")
    k("edit", "cm", "one", env=editor).ok()
    assert k("get", "cm", "one", "-o", "jsonpath={.data.z}").ok().out == "ten"
    k("delete", "cm", "one").ok()
    k("get", "cm", "one").fails(1, "NotFound")
    k("delete", "cm", "--all").ok()
    tried("kubectl", k.version, "create, get (wide, json, yaml, jsonpath, custom-columns), label, annotate, patch (three forms), describe, replace, edit, delete")


def test_apply(k, tried):
    k("apply", "-f", "-", stdin=manifest("ConfigMap", "a", data={"x": "1"})).ok()
    k("diff", "-f", "-", stdin=manifest("ConfigMap", "a", data={"x": "2"})).fails(1, '+  x: "2"', '-  x: "1"')
    assert "configured" in k("apply", "-f", "-", stdin=manifest("ConfigMap", "a", data={"x": "2"})).ok().out
    assert "unchanged" in k("apply", "-f", "-", stdin=manifest("ConfigMap", "a", data={"x": "2"})).ok().out
    assert "serverside-applied" in k("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=manifest("ConfigMap", "s", data={"x": "1"})).ok().out
    k("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=manifest("ConfigMap", "s", data={"x": "2"})).fails(1, "conflict", ".data.x")
    k("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=manifest("ConfigMap", "s", data={"x": "2"})).ok()
    k("apply", "-f", "-", stdin=manifest("ConfigMap", "bad", dta={})).fails(1, "unknown field")
    k("delete", "cm", "a", "--wait=true").ok()
    k("wait", "--for=delete", "cm/a", "--timeout=5s").ok()
    tried("kubectl", k.version, "apply, diff, apply --server-side with a conflict, validation, wait --for=delete")


def test_watch(k, tried):
    import subprocess
    k("create", "configmap", "w").ok()
    process = subprocess.Popen([str(k.binary), "get", "cm", "w", "-n", k.ns, "-w", "-o", "jsonpath={.data.a}{'\\n'}"], stdout=subprocess.PIPE, text=True, env=k.up.env())
    try:
        assert process.stdout.readline() == "\n"
        k("patch", "cm", "w", "-p", '{"data":{"a":"seen"}}').ok()
        assert process.stdout.readline() == "seen\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    tried("kubectl", k.version, "get -w")


def test_questions(k, tried):
    assert k("auth", "can-i", "create", "pods").ok().out == "yes\n"
    k("auth", "can-i", "create", "pods", "--as", "nobody").fails(1, "no")
    assert "selfsubjectreviews" in k("auth", "can-i", "--list").ok().out
    assert "arn:aws:iam::111122223333:user/admin" in k("auth", "whoami").ok().out
    assert "deployments" in k("api-resources").ok().out
    assert "apps/v1" in k("api-versions").ok().out
    assert "replicas" in k("explain", "deployment.spec").ok().out
    assert "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice" in k("get", "endpoints").ok().err
    assert k("create", "token", "default").ok().out.count(".") == 2
    assert "Kubernetes control plane" in k("cluster-info").ok().out
    assert "Server Version: v1.36" in k("version").ok().out
    tried("kubectl", k.version, "auth can-i, can-i --list, whoami, api-resources, explain, create token, cluster-info, version")


def test_rbac(k, tried):
    k("create", "role", "r", "--verb=get,list", "--resource=pods,deployments.apps").ok()
    k("create", "rolebinding", "b", "--role=r", "--user=ann").ok()
    k("get", "pods", "--as", "ann").ok()
    k("get", "secrets", "--as", "ann").fails(1, "Forbidden", 'User "ann" cannot list resource "secrets"')
    k("create", "role", "more", "--verb=get", "--resource=secrets", "--as", "ann").fails(1, "Forbidden")
    k("auth", "reconcile", "-f", "-", stdin=manifest("Role", "r", "rbac.authorization.k8s.io/v1", k.ns, rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}])).ok()
    k("get", "secrets", "--as", "ann").ok()
    assert "ann" in k("describe", "rolebinding", "b").ok().out
    k("delete", "rolebinding", "b").ok()
    k("get", "pods", "--as", "ann").fails(1, "Forbidden")
    tried("kubectl", k.version, "roles and bindings, --as, auth reconcile")


def test_workloads(k, tried):
    k("create", "deployment", "web", "--image=nginx", "--replicas=2").ok()
    assert "0/2" in k("get", "deploy", "web").ok().out
    k("scale", "deploy", "web", "--replicas=3").ok()
    k("set", "image", "deploy/web", "nginx=nginx:2").ok()
    assert "nginx:2" in k("get", "deploy", "-o", "wide").ok().out
    k("expose", "deploy", "web", "--port=80").ok()
    assert "ClusterIP" in k("get", "svc", "web").ok().out
    k("run", "p", "--image=busybox").ok()
    assert "Pending" in k("get", "pod", "p").ok().out
    assert k("logs", "p").ok().out == "", "no node has taken the pod"
    k("delete", "pod", "p", "--wait=false").ok()
    k("delete", "all", "--all", "--wait=false").ok()
    tried("kubectl", k.version, "create deployment, scale, set image, expose, run, delete all --all")


def test_kinds_and_rollouts(k, tried):
    k("create", "cronjob", "tick", "--image=busybox", "--schedule=*/5 * * * *").ok()
    k("create", "job", "once", "--from=cronjob/tick").ok()
    assert k("get", "job", "once", "-o", "jsonpath={.metadata.ownerReferences[0].kind}").ok().out == "CronJob"
    k("create", "ingress", "web", "--rule=foo.example.com/bar=web:8080,tls=cert").ok()
    assert "cert terminates foo.example.com" in k("describe", "ingress", "web").ok().out
    k("create", "quota", "small", "--hard=pods=2").ok()
    k("create", "poddisruptionbudget", "half", "--selector=app=web", "--min-available=50%").ok()
    assert "50%" in k("get", "pdb", "half").ok().out
    k("create", "deployment", "web", "--image=nginx").ok()
    k("rollout", "restart", "deploy/web").ok()
    assert k("get", "deploy", "web", "-o", "jsonpath={.spec.template.metadata.annotations}").ok().out.startswith('{"kubectl.kubernetes.io/restartedAt"')
    k("rollout", "pause", "deploy/web").ok()
    k("rollout", "resume", "deploy/web").ok()
    k("set", "env", "deploy/web", "A=b").ok()
    assert k("get", "deploy", "web", "-o", "jsonpath={.metadata.generation}").ok().out == "5"
    k("autoscale", "deploy", "web", "--min=1", "--max=4").ok()
    assert "Deployment/web" in k("get", "hpa", "web").ok().out
    k("wait", "--for=condition=Available", "deploy/web", "--timeout=1s").fails(1, "timed out")
    tried("kubectl", k.version, "create cronjob, job --from, ingress, quota, pdb; rollout restart, pause, resume; set env, autoscale")


def test_config(k, tried):
    def config(*args):
        return k.up.run(k.binary, "config", *args).ok().out
    before = config("current-context").strip()
    config("set-context", "other", "--cluster=" + before, "--user=" + before, "--namespace=kube-system")
    assert "kube-root-ca.crt" in k.up.run(k.binary, "--context", "other", "get", "configmaps").ok().out
    assert "other" in config("get-contexts", "-o", "name").splitlines()
    assert "DATA+OMITTED" in config("view")
    config("delete-context", "other")
    config("use-context", before)
    tried("kubectl", k.version, "config (contexts, view)")
