"""kubernetes-asyncio: list, create, watch, patch, apply, forbidden, conflict, delete, impersonate. Usage: … KUBECONFIG NAMESPACE"""
import asyncio
import json
import sys

from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.dynamic import DynamicClient

_, FILE, NS = sys.argv


async def refused(status, reason, call):
    try:
        await call
    except ApiException as e:
        assert e.status == status, e
        body = json.loads(e.body)
        assert body["reason"] == reason, body
        return body
    raise AssertionError(f"not refused with {status} {reason}")


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"by": "asyncio"}), data=data)


async def objects(api):
    v1 = client.CoreV1Api(api)
    assert "kube-system" in [n.metadata.name for n in (await v1.list_namespace()).items]
    made = await v1.create_namespaced_config_map(NS, config_map("one", a="1"))
    await refused(409, "AlreadyExists", v1.create_namespaced_config_map(NS, config_map("one")))
    # Many at once, over one pool of connections.
    await asyncio.gather(*(v1.create_namespaced_config_map(NS, config_map(f"m-{n}", n=str(n))) for n in range(20)))
    names, token = [], None
    while token != "":
        page = await v1.list_namespaced_config_map(NS, label_selector="by=asyncio", limit=6, **({"_continue": token} if token else {}))
        names += [c.metadata.name for c in page.items]
        token = page.metadata._continue or ""
    assert names == sorted(["one", *(f"m-{n}" for n in range(20))]), names

    made.data = {"a": "2"}
    replaced = await v1.replace_namespaced_config_map("one", NS, made)
    assert replaced.data == {"a": "2"}
    body = await refused(409, "Conflict", v1.replace_namespaced_config_map("one", NS, made))
    assert "the object has been modified" in body["message"]
    patched = await v1.patch_namespaced_config_map("one", NS, {"data": {"b": "3"}})
    assert patched.data == {"a": "2", "b": "3"}
    patched = await v1.patch_namespaced_config_map("one", NS, [{"op": "remove", "path": "/data/a"}], _content_type="application/json-patch+json")
    assert patched.data == {"b": "3"}
    body = await refused(422, "Invalid", v1.create_namespaced_config_map(NS, config_map("Not A Name")))
    assert body["details"]["causes"][0]["field"] == "metadata.name"


async def watching(api):
    v1 = client.CoreV1Api(api)
    at = (await v1.list_namespaced_config_map(NS)).metadata.resource_version
    seen = []
    async with watch.Watch().stream(v1.list_namespaced_config_map, NS, resource_version=at, timeout_seconds=30) as events:
        await v1.patch_namespaced_config_map("one", NS, {"data": {"b": "4"}})
        await v1.delete_namespaced_config_map("one", NS)
        async for event in events:
            seen.append((event["type"], event["object"].metadata.name))
            if event["type"] == "DELETED":
                break
    assert seen == [("MODIFIED", "one"), ("DELETED", "one")], seen
    await refused(404, "NotFound", v1.read_namespaced_config_map("one", NS))
    # Where history is gone, the stream says so.
    try:
        async with watch.Watch().stream(v1.list_namespaced_config_map, NS, resource_version="1", timeout_seconds=30) as events:
            async for event in events:
                raise AssertionError(event)
    except ApiException as e:
        assert e.status == 410, e
    else:
        raise AssertionError("a watch from revision 1 did not expire")


async def apply(api):
    def ask(value, manager, **more):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"x": value}}
        return client.CoreV1Api(api).patch_namespaced_config_map(
            "applied", NS, body, field_manager=manager, _content_type="application/apply-patch+yaml", **more)
    await ask("1", "one")
    conflict = await refused(409, "Conflict", ask("2", "two"))
    assert conflict["details"]["causes"][0]["field"] == ".data.x", conflict
    assert (await ask("2", "two", force=True)).data == {"x": "2"}
    # The dynamic client of this library gives refusals as it gives answers.
    maps = await (await DynamicClient(api)).resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied", "namespace": NS}, "data": {"x": "3"}}
    answer = await (await DynamicClient(api)).server_side_apply(maps, body=body, namespace=NS, field_manager="three")
    assert (answer.kind, answer.reason) == ("Status", "Conflict"), answer


async def impersonation(api):
    bob = await config.new_client_from_config(FILE)
    async with bob:
        bob.set_default_header("Impersonate-User", "bob")
        body = await refused(403, "Forbidden", client.CoreV1Api(bob).list_namespaced_secret(NS))
        assert 'User "bob" cannot list resource "secrets"' in body["message"], body
        review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(
            resource_attributes=client.V1ResourceAttributes(verb="list", resource="secrets", namespace=NS)))
        assert not (await client.AuthorizationV1Api(bob).create_self_subject_access_review(review)).status.allowed
    assert (await client.AuthorizationV1Api(api).create_self_subject_access_review(review)).status.allowed


async def main():
    async with await config.new_client_from_config(FILE) as api:
        await objects(api)
        await watching(api)
        await apply(api)
        await impersonation(api)
        await client.CoreV1Api(api).delete_collection_namespaced_config_map(NS, label_selector="by=asyncio")
        assert not (await client.CoreV1Api(api).list_namespaced_config_map(NS, label_selector="by=asyncio")).items
    print("ok")


asyncio.run(main())
