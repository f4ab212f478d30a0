"""lightkube: list, create, watch, patch, apply, conflict, delete. Usage: … KUBECONFIG NAMESPACE"""
import sys

from lightkube import ApiError, Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret

client = Client(KubeConfig.from_file(sys.argv[1]), namespace=sys.argv[2], field_manager="lightkube")
ns = sys.argv[2]
assert "default" in [n.metadata.name for n in client.list(Namespace)]
made = client.create(ConfigMap(metadata=ObjectMeta(name="one", namespace=ns), data={"a": "1"}))
client.patch(ConfigMap, "one", {"data": {"b": "2"}}, namespace=ns)
assert client.get(ConfigMap, "one", namespace=ns).data == {"a": "1", "b": "2"}
try:
    client.replace(made)
    raise AssertionError("a stale object was taken")
except ApiError as e:
    assert e.status.code == 409 and e.status.reason == "Conflict", e.status
for kind, thing in client.watch(ConfigMap, namespace=ns, server_timeout=5):
    assert kind in ("ADDED", "MODIFIED")
    break
client.apply(Secret(metadata=ObjectMeta(name="s", namespace=ns), stringData={"p": "q"}))
assert client.get(Secret, "s", namespace=ns).data == {"p": "cQ=="}
client.delete(Secret, "s", namespace=ns)
try:
    client.get(Secret, "s", namespace=ns)
    raise AssertionError("it is still there")
except ApiError as e:
    assert e.status.code == 404
print("ok")
