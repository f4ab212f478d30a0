"""lightkube: list, create, watch, patch, apply, conflict, forbidden, delete. Usage: … KUBECONFIG NAMESPACE"""
import sys

from lightkube import ApiError, Client, KubeConfig
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Context, User
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.rbac_v1 import PolicyRule, RoleRef, Subject
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret, ServiceAccount, ServiceAccountToken
from lightkube.resources.rbac_authorization_v1 import Role, RoleBinding

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

# as a service account, by a token asked for: nothing is granted, then a little
client.create(ServiceAccount(metadata=ObjectMeta(name="robot", namespace=ns)))
token = client.create(ServiceAccountToken(metadata=ObjectMeta(), spec=TokenRequestSpec(audiences=[])), "robot", namespace=ns).status.token
config = KubeConfig.from_file(sys.argv[1])
robot = Client(SingleConfig(
    context_name="robot", context=Context(cluster="c", user="robot"), cluster=config.get().cluster, user=User(token=token), fname=None), namespace=ns)
try:
    robot.get(ConfigMap, "one", namespace=ns)
    raise AssertionError("it may read what nobody let it read")
except ApiError as e:
    assert e.status.code == 403 and e.status.reason == "Forbidden", e.status
    assert f'User "system:serviceaccount:{ns}:robot" cannot get resource "configmaps"' in e.status.message, e.status
client.create(Role(metadata=ObjectMeta(name="read", namespace=ns), rules=[PolicyRule(apiGroups=[""], resources=["configmaps"], verbs=["get"])]))
client.create(RoleBinding(
    metadata=ObjectMeta(name="read", namespace=ns), roleRef=RoleRef(apiGroup="rbac.authorization.k8s.io", kind="Role", name="read"),
    subjects=[Subject(kind="ServiceAccount", name="robot", namespace=ns)]))
assert robot.get(ConfigMap, "one", namespace=ns).data == {"a": "1", "b": "2"}
print("ok")
