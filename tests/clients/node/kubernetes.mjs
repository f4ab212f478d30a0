// @kubernetes/client-node: list, create, watch, patch, apply, conflict, forbidden, delete, impersonate. Usage: node kubernetes.mjs KUBECONFIG NAMESPACE
import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";

const [, , file, ns] = process.argv;
const config = new k8s.KubeConfig();
config.loadFromFile(file);
const core = config.makeApiClient(k8s.CoreV1Api);

const names = (await core.listNamespace()).items.map((n) => n.metadata.name);
assert(names.includes("kube-system"));
const made = await core.createNamespacedConfigMap({ namespace: ns, body: { metadata: { name: "one" }, data: { a: "1" } } });
assert(made.metadata.uid);

const list = await core.listNamespacedConfigMap({ namespace: ns });
const seen = new Promise((resolve, reject) => {
  const watch = new k8s.Watch(config);
  watch.watch(`/api/v1/namespaces/${ns}/configmaps`, { resourceVersion: list.metadata.resourceVersion, timeoutSeconds: 10 },
    (type, object) => resolve([type, object.data]), (error) => reject(error ?? new Error("the watch ended"))).catch(reject);
});
await core.patchNamespacedConfigMap({ namespace: ns, name: "one", body: [{ op: "replace", path: "/data/a", value: "2" }] },
  k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch));
assert.deepEqual(await seen, ["MODIFIED", { a: "2" }]);

made.data = { a: "3" };
await assert.rejects(core.replaceNamespacedConfigMap({ namespace: ns, name: "one", body: made }), (e) => e.code === 409 && JSON.parse(e.body).reason === "Conflict");
await core.deleteNamespacedConfigMap({ namespace: ns, name: "one" });
await assert.rejects(core.readNamespacedConfigMap({ namespace: ns, name: "one" }), (e) => e.code === 404);

// server-side apply, and who owns what
const apply = (manager, x, force) => core.patchNamespacedConfigMap(
  { namespace: ns, name: "applied", fieldManager: manager, force, body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data: { x } } },
  k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.ServerSideApply));
await apply("one", "1");
await assert.rejects(apply("two", "2"), (e) => e.code === 409 && JSON.parse(e.body).details.causes[0].field === ".data.x");
assert.deepEqual((await apply("two", "2", true)).data, { x: "2" });

// impersonated, nothing is granted
const other = new k8s.KubeConfig();
const user = { ...config.getCurrentUser(), impersonateUser: "bob" };
other.loadFromOptions({ clusters: config.clusters, users: [user], contexts: config.contexts, currentContext: config.currentContext });
await assert.rejects(other.makeApiClient(k8s.CoreV1Api).listNamespacedSecret({ namespace: ns }),
  (e) => e.code === 403 && JSON.parse(e.body).message.includes('User "bob" cannot list resource "secrets"'));
console.log("ok");
process.exit(0);
