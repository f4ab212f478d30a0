//! What admission asks of other objects before a pod is made: its service account, its priority, its runtime class.

use entryway_objects::status::Status;
use serde_json::{Value, json};

use crate::failure::{Failure, forbidden};
use crate::meta;
use crate::resource::ResourceCall;
use crate::storage::Target;

/// So often a service account that its controller makes is looked for, as on the real server.
const TRIES: usize = 10;
const BETWEEN_TRIES: std::time::Duration = std::time::Duration::from_millis(100);

/// What the other objects say of the new one.
pub(crate) struct Admitted {
    /// Whether the service account's token is mounted where the pod does not say.
    pub(crate) mounts_token: bool,
    /// Fields of the pod's spec that are filled in.
    spec: Vec<(&'static str, Value)>,
}

impl Admitted {
    /// Fills in what the pod did not say.
    pub(crate) fn complete(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            for (field, value) in &self.spec {
                spec.insert((*field).to_owned(), value.clone());
            }
        }
    }
}

/// Looks at a new object. Only pods are asked anything.
pub(crate) async fn admit(call: &ResourceCall, object: &Value) -> Result<Admitted, Failure> {
    let mut admitted = Admitted { mounts_token: true, spec: Vec::new() };
    let served = &call.target.served;
    if served.group.is_empty() && served.plural == "pods" {
        account(call, object, &mut admitted).await?;
        priority(call, object, &mut admitted).await?;
        runtime_class(call, object).await?;
    }
    Ok(admitted)
}

fn text<'a>(pod: &'a Value, field: &str) -> &'a str {
    pod.pointer(&format!("/spec/{field}")).and_then(Value::as_str).unwrap_or_default()
}

fn refused(pod: &Value, why: &str) -> Failure {
    let name = match meta::name(pod) {
        "" => meta::text(pod, "generateName"),
        name => name,
    };
    forbidden("", "pods", name, why).into()
}

async fn find(
    call: &ResourceCall,
    target: Option<Target>,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<Value>, Status> {
    let Some(target) = target else { return Ok(None) };
    Ok(call.call.api.storage.get(&target, namespace, name).await?.map(|stored| stored.object))
}

fn cluster_type(call: &ResourceCall, group: &str, plural: &str) -> Option<Target> {
    Target::find(&call.call.api.registry.load(), group, "v1", plural)
}

async fn account(call: &ResourceCall, pod: &Value, admitted: &mut Admitted) -> Result<(), Failure> {
    let name = match text(pod, "serviceAccountName") {
        "" => match text(pod, "serviceAccount") {
            "" => "default",
            name => name,
        },
        name => name,
    };
    let namespace = call.namespace().unwrap_or_default();
    let mut found = None;
    // The controller makes a new namespace's own account: it is waited for.
    for attempt in 0..if name == "default" { TRIES } else { 1 } {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        found = find(call, call.call.api.core("serviceaccounts"), Some(namespace), name).await?;
        if found.is_some() {
            break;
        }
    }
    let Some(account) = found else {
        let why = format!("error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found");
        return Err(refused(pod, &why));
    };
    admitted.mounts_token = account.get("automountServiceAccountToken") != Some(&Value::Bool(false));
    let own = pod.pointer("/spec/imagePullSecrets").and_then(Value::as_array);
    if own.is_none_or(Vec::is_empty)
        && let Some(secrets) = account.get("imagePullSecrets")
    {
        admitted.spec.push(("imagePullSecrets", secrets.clone()));
    }
    Ok(())
}

async fn priority(call: &ResourceCall, pod: &Value, admitted: &mut Admitted) -> Result<(), Failure> {
    let classes = cluster_type(call, "scheduling.k8s.io", "priorityclasses");
    let name = text(pod, "priorityClassName");
    let class = if name.is_empty() {
        let all = match &classes {
            Some(classes) => call.call.api.storage.all(classes, None).await?,
            None => Vec::new(),
        };
        all.into_iter().find(|class| class.get("globalDefault") == Some(&Value::Bool(true)))
    } else {
        let Some(class) = find(call, classes, None, name).await? else {
            return Err(refused(pod, &format!("no PriorityClass with name {name} was found")));
        };
        Some(class)
    };
    let value = class.as_ref().and_then(|class| class.get("value")).and_then(Value::as_i64).unwrap_or(0);
    if let Some(given) = pod.pointer("/spec/priority").and_then(Value::as_i64).filter(|given| *given != value) {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {value} from the given PriorityClass name"
        );
        return Err(refused(pod, &why));
    }
    admitted.spec.push(("priority", json!(value)));
    if let Some(class) = class {
        admitted.spec.push(("priorityClassName", json!(meta::name(&class))));
        let policy = class.get("preemptionPolicy").cloned().unwrap_or_else(|| json!("PreemptLowerPriority"));
        admitted.spec.push(("preemptionPolicy", policy));
    }
    Ok(())
}

async fn runtime_class(call: &ResourceCall, pod: &Value) -> Result<(), Failure> {
    let name = text(pod, "runtimeClassName");
    if name.is_empty() {
        return Ok(());
    }
    let classes = cluster_type(call, "node.k8s.io", "runtimeclasses");
    match find(call, classes, None, name).await? {
        Some(_) => Ok(()),
        None => Err(refused(pod, &format!("pod rejected: RuntimeClass \"{name}\" not found"))),
    }
}
