"""The official Python client: list, create, watch, patch, forbidden, conflict, delete, impersonate. Usage: … KUBECONFIG NAMESPACE"""
import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

api = config.new_client_from_config(sys.argv[1])
ns = sys.argv[2]
v1, apps, rbac = client.CoreV1Api(api), client.AppsV1Api(api), client.RbacAuthorizationV1Api(api)


def refused(status, reason, call):
    import json
    try:
        call()
    except ApiException as e:
        assert e.status == status, e
        assert json.loads(e.body)["reason"] == reason, e.body
        return json.loads(e.body)
    raise AssertionError(f"not refused with {status}")


assert client.VersionApi(api).get_code().major == "1"
assert "kube-system" in [n.metadata.name for n in v1.list_namespace().items]

made = v1.create_namespaced_config_map(ns, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="one", labels={"a": "b"}), data={"k": "1"}))
assert made.metadata.uid and made.metadata.resource_version
refused(409, "AlreadyExists", lambda: v1.create_namespaced_config_map(ns, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="one"))))
assert [c.metadata.name for c in v1.list_namespaced_config_map(ns, label_selector="a=b").items] == ["one"]
assert v1.list_namespaced_config_map(ns, limit=1).metadata._continue

# watch from what was listed
at = v1.list_namespaced_config_map(ns).metadata.resource_version
v1.patch_namespaced_config_map("one", ns, {"data": {"k": "2"}})
for event in watch.Watch().stream(v1.list_namespaced_config_map, ns, resource_version=at, timeout_seconds=10):
    assert event["type"] == "MODIFIED" and event["object"].data["k"] == "2", event
    break

# conflict
stale = made
stale.data = {"k": "3"}
refused(409, "Conflict", lambda: v1.replace_namespaced_config_map("one", ns, stale))

deployment = apps.create_namespaced_deployment(ns, client.V1Deployment(
    metadata=client.V1ObjectMeta(name="web"), spec=client.V1DeploymentSpec(
        selector=client.V1LabelSelector(match_labels={"app": "web"}),
        template=client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels={"app": "web"}), spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="nginx")])))))
assert deployment.spec.replicas == 1 and deployment.spec.strategy.type == "RollingUpdate"
scaled = apps.patch_namespaced_deployment_scale("web", ns, {"spec": {"replicas": 3}})
assert scaled.spec.replicas == 3 and apps.read_namespaced_deployment("web", ns).spec.replicas == 3

secret = v1.create_namespaced_secret(ns, client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"p": "q"}))
assert secret.data == {"p": "cQ=="} and secret.type == "Opaque"
invalid = refused(422, "Invalid", lambda: v1.patch_namespaced_secret("s", ns, {"type": "kubernetes.io/tls"}))
assert invalid["details"]["causes"][0]["field"] == "type"

# server-side apply through the dynamic client
dyn = dynamic.DynamicClient(api)
maps = dyn.resources.get(api_version="v1", kind="ConfigMap")
body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied", "namespace": ns}, "data": {"x": "1"}}
dyn.server_side_apply(maps, body=body, namespace=ns, field_manager="one")
body["data"]["x"] = "2"
conflict = refused(409, "Conflict", lambda: dyn.server_side_apply(maps, body=body, namespace=ns, field_manager="two"))
assert conflict["details"]["causes"][0]["reason"] == "FieldManagerConflict", conflict

# impersonated, nothing is granted
bob = config.new_client_from_config(sys.argv[1])
bob.set_default_header("Impersonate-User", "bob")
forbidden = refused(403, "Forbidden", lambda: client.CoreV1Api(bob).list_namespaced_secret(ns))
assert 'User "bob" cannot list resource "secrets"' in forbidden["message"], forbidden
review = client.AuthorizationV1Api(api).create_self_subject_access_review(client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(
    resource_attributes=client.V1ResourceAttributes(verb="delete", resource="secrets", namespace=ns))))
assert review.status.allowed

v1.delete_namespaced_secret("s", ns)
refused(404, "NotFound", lambda: v1.read_namespaced_secret("s", ns))
v1.delete_collection_namespaced_config_map(ns)
print("ok")
