//! What needs a pod's node: logs, commands, ports. There are no nodes here, so these answer what the real server does of
//! a pod that no node has taken yet; of a pod that was bound to one by hand, that the sandbox runs none.

use entryway_objects::status::Status;
use serde_json::Value;

use crate::failure::{Failure, not_implemented};
use crate::meta;
use crate::resource::ResourceCall;
use crate::respond::Answer;

/// `log`, `exec`, `attach`, `portforward` and `proxy` of a pod, a service or a node.
pub(crate) async fn open(call: &ResourceCall, plural: &str, subresource: &str) -> Result<Answer, Failure> {
    let what = format!("{plural}/{subresource}");
    if plural != "pods" || subresource == "proxy" {
        return Err(not_implemented(&what).into());
    }
    let found = call.call.api.storage.get(&call.target, call.namespace(), &call.path.name).await?;
    let pod = found.ok_or_else(|| call.not_found())?.object;
    if subresource != "portforward" {
        check_container(&pod, call.call.query.get("container").unwrap_or_default())?;
    }
    let node = pod.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default();
    match (subresource, node) {
        ("log", "") => Ok(Answer::nothing()),
        (_, "") => {
            let name = meta::name(&pod);
            Err(Status::bad_request(format!("pod {name} does not have a host assigned")).into())
        }
        _ => Err(not_implemented(&what).into()),
    }
}

/// The container must be one of the pod's; where there is but one, it need not be named.
fn check_container(pod: &Value, wanted: &str) -> Result<(), Status> {
    let pod_name = meta::name(pod);
    let names = |field: &str| -> Vec<&str> {
        let list = pod.pointer(&format!("/spec/{field}")).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|one| one.get("name")?.as_str()).collect()
    };
    let (containers, ephemeral) = (names("containers"), names("ephemeralContainers"));
    let all = || [names("initContainers"), containers.clone(), ephemeral].concat();
    if wanted.is_empty() {
        if containers.len() == 1 {
            return Ok(());
        }
        let all = all().join(" ");
        let why = format!("a container name must be specified for pod {pod_name}, choose one of: [{all}]");
        return Err(Status::bad_request(why));
    }
    if all().contains(&wanted) {
        return Ok(());
    }
    Err(Status::bad_request(format!("container {wanted} is not valid for pod {pod_name}")))
}
