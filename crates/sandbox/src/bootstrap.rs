//! What a new cluster holds, written in one transaction.

use entryway_access::bootstrap_rbac;
use entryway_objects::registry::split_api_version;
use entryway_objects::status::Status;
use entryway_store::{Revision, Txn, TxnOutcome};
use serde_json::{Value, json};

use crate::api::Api;
use crate::delete::seconds;
use crate::failure::{internal, store_failure};
use crate::meta;
use crate::service_accounts::{of_namespace, prepared};
use crate::storage::Target;

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The priorities of what the cluster itself needs.
const PRIORITIES: [(&str, i64, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// Creates the initial objects where the cluster has none yet; the revision at which it was born.
pub(crate) async fn bootstrap(api: &Api) -> Result<Revision, Status> {
    let namespaces = api.core("namespaces").ok_or_else(|| internal("the type Namespace is missing"))?;
    let mark = namespaces.key(&api.storage.cluster, None, "kube-system");
    let found = api.storage.store.get(&mark).await.map_err(|error| store_failure(&error))?;
    if let Some(found) = found {
        return Ok(found.created);
    }
    let mut writer = Writer { api, txn: Txn::new().absent(&mark) };
    for name in NAMESPACES {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        writer.prepare("namespaces", "", namespace)?;
        for (plural, object) in of_namespace(&api.config.ca_pem) {
            writer.prepare(plural, name, object)?;
        }
    }
    writer.prepare("services", "default", kubernetes_service())?;
    for (name, value, description) in PRIORITIES {
        writer.prepare_of(
            "scheduling.k8s.io",
            "priorityclasses",
            json!({
                "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
                "value": value, "description": description, "preemptionPolicy": "PreemptLowerPriority",
            }),
        )?;
    }
    if api.config.aws_auth {
        writer.prepare("configmaps", "kube-system", aws_auth())?;
    }
    writer.rbac()?;
    match api.storage.store.commit(writer.txn).await.map_err(|error| store_failure(&error))? {
        TxnOutcome::Committed(revision) => Ok(revision),
        // Somebody else was faster with the same.
        TxnOutcome::Conflict { current, .. } => Ok(current.map_or(0, |kv| kv.created)),
    }
}

fn kubernetes_service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.100.0.1", "clusterIPs": ["10.100.0.1"],
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 443}],
        },
    })
}

fn aws_auth() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth"},
        "data": {"mapRoles": "[]\n", "mapUsers": "[]\n"},
    })
}

struct Writer<'a> {
    api: &'a Api,
    txn: Txn,
}

impl Writer<'_> {
    /// Adds an object as a request for it would have made it.
    fn prepare(&mut self, plural: &str, namespace: &str, object: Value) -> Result<(), Status> {
        let target = self.api.core(plural).ok_or_else(|| internal("a core type is missing"))?;
        let object = prepared(self.api, &target, namespace, object)?;
        self.put(&target, namespace, object)
    }

    /// The same for a cluster-wide object of another group.
    fn prepare_of(&mut self, group: &str, plural: &str, object: Value) -> Result<(), Status> {
        let target = Target::find(&self.api.registry.load(), group, "v1", plural);
        let target = target.ok_or_else(|| internal("a built-in type is missing"))?;
        let object = prepared(self.api, &target, "", object)?;
        self.put(&target, "", object)
    }

    fn put(&mut self, target: &Target, namespace: &str, object: Value) -> Result<(), Status> {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        let key = target.key(&self.api.storage.cluster, namespace, meta::name(&object));
        let bytes = target.bytes(object)?;
        self.txn = std::mem::take(&mut self.txn).put(key, bytes);
        Ok(())
    }

    /// Adds the RBAC objects of a fresh cluster, which are recorded complete.
    fn rbac(&mut self) -> Result<(), Status> {
        let mut list: Value = serde_json::from_str(bootstrap_rbac()).map_err(|error| internal(&error.to_string()))?;
        let now = seconds(self.api.now());
        let items = list.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        for mut object in items {
            let (group, version) =
                split_api_version(object.get("apiVersion").and_then(Value::as_str).unwrap_or_default());
            let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
            let registry = self.api.registry.load();
            let served = registry.find_kind(group, version, kind).ok_or_else(|| internal("a RBAC type is missing"))?;
            let target = Target::new(&registry, served);
            drop(registry);
            meta::set(&mut object, "uid", uuid::Uuid::new_v4().to_string().into());
            meta::set(&mut object, "creationTimestamp", now.clone().into());
            let namespace = meta::namespace(&object).to_owned();
            self.put(&target, &namespace, object)?;
        }
        Ok(())
    }
}
