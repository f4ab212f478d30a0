//! The crate `kube`: what a person and a controller do with it. Usage: `kube-client KUBECONFIG NAMESPACE`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise: that is its report"
)]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use http::{Request, Uri};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Status;
use kube::discovery::{Discovery, Scope, verbs};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Config, Error, ResourceExt};
use serde_json::{Value, json};
use tower::util::MapRequestLayer;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let (file, namespace) = (&words[1], &words[2]);
    let client = Client::try_from(config(file).await).unwrap();
    objects(&client, namespace).await;
    apply(&client, namespace).await;
    scale(&client, namespace).await;
    discovery(&client, namespace).await;
    impersonation(file, namespace).await;
    watch(&client, namespace).await;
    for strategy in [watcher::Config::default().page_size(2), watcher::Config::default().streaming_lists()] {
        watcher_and_reflector(file, namespace, strategy).await;
    }
    println!("ok");
}

async fn config(file: &str) -> Config {
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
}

/// The server's refusal, which has to be one.
fn refused<T: std::fmt::Debug>(answer: Result<T, Error>, code: u16, reason: &str) -> Status {
    match answer {
        Err(Error::Api(status)) => {
            assert_eq!((status.code, status.reason.as_str()), (code, reason), "{status:?}");
            *status
        }
        other => panic!("not refused with {code} {reason}: {other:?}"),
    }
}

fn config_map(name: &str, data: &[(&str, &str)]) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        data: Some(data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()),
        ..ConfigMap::default()
    }
}

fn data(map: &ConfigMap) -> BTreeMap<String, String> {
    map.data.clone().unwrap_or_default()
}

/// List, create, read, three patches, replace with a conflict, delete.
async fn objects(client: &Client, namespace: &str) {
    let version = client.apiserver_version().await.unwrap();
    assert_eq!(version.major, "1");
    let namespaces = Api::<Namespace>::all(client.clone()).list(&ListParams::default()).await.unwrap();
    assert!(namespaces.items.iter().any(|found| found.name_any() == "kube-system"));

    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let made = maps.create(&PostParams::default(), &config_map("one", &[("a", "1")])).await.unwrap();
    assert!(made.uid().is_some() && made.resource_version().is_some());
    refused(maps.create(&PostParams::default(), &made_again("one")).await, 409, "AlreadyExists");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    maps.create(&dry, &made_again("never")).await.unwrap();
    assert!(maps.get_opt("never").await.unwrap().is_none());
    let wrong = refused(maps.create(&PostParams::default(), &made_again("Not A Name")).await, 422, "Invalid");
    assert_eq!(wrong.details.unwrap().causes[0].field, "metadata.name");

    let manager = PatchParams { field_manager: Some("clients".to_owned()), ..PatchParams::default() };
    let merge = Patch::Merge(json!({"data": {"b": "2"}}));
    assert_eq!(data(&maps.patch("one", &manager, &merge).await.unwrap())["b"], "2");
    let strategic = Patch::Strategic(json!({"metadata": {"labels": {"x": "y"}}, "data": {"a": null}}));
    let patched = maps.patch("one", &manager, &strategic).await.unwrap();
    assert_eq!((patched.labels()["x"].as_str(), data(&patched).contains_key("a")), ("y", false));
    let steps = serde_json::from_value(json!([{"op": "test", "path": "/data/b", "value": "2"},
                                               {"op": "replace", "path": "/data/b", "value": "3"}]));
    let json_patch = Patch::<()>::Json(steps.unwrap());
    assert_eq!(data(&maps.patch("one", &manager, &json_patch).await.unwrap())["b"], "3");
    refused(maps.patch("one", &manager, &json_patch).await, 422, "Invalid");
    let noted = Patch::Merge(json!({"metadata": {"annotations": {"n": "m"}}}));
    assert_eq!(maps.patch_metadata("one", &manager, &noted).await.unwrap().annotations()["n"], "m");

    let labelled = maps.list(&ListParams::default().labels("x=y").fields("metadata.name=one")).await.unwrap();
    assert_eq!(labelled.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["one"]);
    let first = maps.list_metadata(&ListParams::default().limit(1)).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    let rest = maps.list_metadata(&ListParams::default().limit(1).continue_token(&token)).await.unwrap();
    assert_ne!(first.items[0].name_any(), rest.items[0].name_any());

    let stale = ConfigMap { data: Some(BTreeMap::new()), ..made };
    let conflict = refused(maps.replace("one", &PostParams::default(), &stale).await, 409, "Conflict");
    assert!(conflict.message.contains("the object has been modified"), "{conflict:?}");
    let mut fresh = maps.get("one").await.unwrap();
    fresh.data = Some(BTreeMap::from([("c".to_owned(), "4".to_owned())]));
    assert_eq!(data(&maps.replace("one", &PostParams::default(), &fresh).await.unwrap())["c"], "4");

    let foreign = DeleteParams {
        preconditions: Some(kube::api::Preconditions { uid: Some("0".to_owned()), resource_version: None }),
        ..DeleteParams::default()
    };
    refused(maps.delete("one", &foreign).await, 409, "Conflict");
    let uid = fresh.uid().unwrap();
    maps.delete("one", &DeleteParams::default()).await.unwrap();
    within(await_condition(maps.clone(), "one", conditions::is_deleted(&uid))).await.unwrap();
    refused(maps.get("one").await, 404, "NotFound");

    for name in ["d1", "d2"] {
        maps.create(&PostParams::default(), &config_map(name, &[]).labelled()).await.unwrap();
    }
    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("to=go")).await.unwrap();
    assert!(maps.list(&ListParams::default().labels("to=go")).await.unwrap().items.is_empty());
}

fn made_again(name: &str) -> ConfigMap {
    config_map(name, &[])
}

trait Labelled {
    fn labelled(self) -> Self;
}

impl Labelled for ConfigMap {
    fn labelled(mut self) -> Self {
        self.labels_mut().insert("to".to_owned(), "go".to_owned());
        self
    }
}

/// Server-side apply: ownership, a conflict with its cause, and force.
async fn apply(client: &Client, namespace: &str) {
    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let wish = |value: &str| {
        Patch::Apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"x": value}}),
        )
    };
    let made = maps.patch("applied", &PatchParams::apply("one"), &wish("1")).await.unwrap();
    assert_eq!(made.managed_fields()[0].manager.as_deref(), Some("one"));
    let conflict = refused(maps.patch("applied", &PatchParams::apply("two"), &wish("2")).await, 409, "Conflict");
    let cause = &conflict.details.unwrap().causes[0];
    assert_eq!((cause.reason.as_str(), cause.field.as_str()), ("FieldManagerConflict", ".data.x"));
    let forced = maps.patch("applied", &PatchParams::apply("two").force(), &wish("2")).await.unwrap();
    assert_eq!(data(&forced)["x"], "2");
    // What a manager leaves out of its next apply is gone.
    let nothing = Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}}));
    assert!(data(&maps.patch("applied", &PatchParams::apply("two"), &nothing).await.unwrap()).is_empty());

    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"p": "q"}});
    let secret = secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    assert_eq!(secret.data.unwrap()["p"].0, b"q");
}

/// Defaults, and the scale subresource.
async fn scale(client: &Client, namespace: &str) {
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
    let web = json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
        "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}});
    let web: Deployment = serde_json::from_value(web).unwrap();
    let made = deployments.create(&PostParams::default(), &web).await.unwrap();
    assert_eq!(made.spec.replicas, Some(1));
    let three = Patch::Merge(json!({"spec": {"replicas": 3}}));
    deployments.patch_scale("web", &PatchParams::default(), &three).await.unwrap();
    assert_eq!(deployments.get_scale("web").await.unwrap().spec.unwrap().replicas, Some(3));
}

/// Types found by asking, and an object of one of them.
async fn discovery(client: &Client, namespace: &str) {
    for found in [
        Discovery::new(client.clone()).run().await.unwrap(),
        Discovery::new(client.clone()).run_aggregated().await.unwrap(),
    ] {
        let group = found.get("rbac.authorization.k8s.io").unwrap();
        let (role, capabilities) = group.recommended_kind("Role").unwrap();
        assert_eq!((role.plural.as_str(), &capabilities.scope), ("roles", &Scope::Namespaced));
        assert!(capabilities.supports_operation(verbs::PATCH));
        let roles = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &role);
        let reader = DynamicObject::new("reader", &role)
            .data(json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]}));
        let made = roles.create(&PostParams::default(), &reader).await.unwrap();
        assert_eq!(made.data["rules"][0]["resources"], json!(["configmaps"]));
        roles.delete("reader", &DeleteParams::default()).await.unwrap();
    }
}

/// As somebody who may nothing, then as one to whom a little was granted.
async fn impersonation(file: &str, namespace: &str) {
    let mut config = config(file).await;
    let administrator = Client::try_from(config.clone()).unwrap();
    config.auth_info.impersonate = Some("bob".to_owned());
    config.auth_info.impersonate_groups = Some(vec!["devs".to_owned()]);
    let bob = Client::try_from(config).unwrap();
    let secrets = Api::<Secret>::namespaced(bob.clone(), namespace);
    let forbidden = refused(secrets.list(&ListParams::default()).await, 403, "Forbidden");
    let words = format!(
        r#"secrets is forbidden: User "bob" cannot list resource "secrets" in API group "" in the namespace "{namespace}""#
    );
    assert_eq!(forbidden.message, words);

    let post = |path: &str, body: Value| {
        Request::post(path.replace("NS", namespace)).body(body.to_string().into_bytes()).unwrap()
    };
    let role = json!({"metadata": {"name": "list"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]});
    let binding = json!({"metadata": {"name": "list"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "list"},
                         "subjects": [{"kind": "Group", "name": "devs", "apiGroup": "rbac.authorization.k8s.io"}]});
    let of_rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/";
    administrator.request::<Value>(post(&format!("{of_rbac}roles"), role)).await.unwrap();
    administrator.request::<Value>(post(&format!("{of_rbac}rolebindings"), binding)).await.unwrap();
    secrets.list(&ListParams::default()).await.unwrap();
    refused(secrets.get("s").await, 403, "Forbidden");
    refused(secrets.delete("s", &DeleteParams::default()).await, 403, "Forbidden");
}

/// The plain watch: resumed, and begun where history is gone.
async fn watch(client: &Client, namespace: &str) {
    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let from = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    maps.create(&PostParams::default(), &config_map("seen", &[])).await.unwrap();
    let params = WatchParams::default().fields("metadata.name=seen").timeout(20);
    let mut events = pin!(maps.watch(&params, &from).await.unwrap());
    match within(events.try_next()).await.unwrap() {
        Some(WatchEvent::Added(map)) => assert_eq!(map.name_any(), "seen"),
        other => panic!("{other:?}"),
    }
    maps.delete("seen", &DeleteParams::default()).await.unwrap();
    assert!(matches!(within(events.try_next()).await.unwrap(), Some(WatchEvent::Deleted(_))));

    let mut events = pin!(maps.watch(&params, "1").await.unwrap());
    match within(events.try_next()).await.unwrap() {
        Some(WatchEvent::Error(status)) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
}

/// `kube::runtime`: the initial list, changes, and a second list after the server said that history is gone.
async fn watcher_and_reflector(file: &str, namespace: &str, strategy: watcher::Config) {
    // Once armed, the next watch asks from a revision long gone, as after a long sleep.
    let asleep = Arc::new(AtomicBool::new(false));
    let forgetful = {
        let asleep = Arc::clone(&asleep);
        MapRequestLayer::new(move |request: Request<Body>| forget(request, &asleep))
    };
    let client = ClientBuilder::try_from(config(file).await).unwrap().with_layer(&forgetful).build();
    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    for name in ["w1", "w2", "w3"] {
        maps.create(&PostParams::default(), &config_map(name, &[("a", "1")])).await.unwrap();
    }
    let (reader, writer) = reflector::store::<ConfigMap>();
    let events = watcher(maps.clone(), strategy.fields("metadata.name!=applied").timeout(1));
    let mut events = pin!(reflector::reflector(writer, events));
    let before = initial(&mut events).await;
    assert!(["w1", "w2", "w3"].iter().all(|name| before.contains(&(*name).to_owned())), "{before:?}");
    assert_eq!(reader.len(), before.len());

    maps.patch("w1", &PatchParams::default(), &Patch::Merge(json!({"data": {"a": "2"}}))).await.unwrap();
    match next(&mut events).await {
        watcher::Event::Apply(map) => assert_eq!((map.name_any().as_str(), data(&map)["a"].as_str()), ("w1", "2")),
        other => panic!("{other:?}"),
    }
    let kept = reader.get(&ObjectRef::new("w1").within(namespace)).unwrap();
    assert_eq!(data(&kept)["a"], "2");
    maps.delete("w2", &DeleteParams::default()).await.unwrap();
    match next(&mut events).await {
        watcher::Event::Delete(map) => assert_eq!(map.name_any(), "w2"),
        other => panic!("{other:?}"),
    }
    assert!(reader.get(&ObjectRef::new("w2").within(namespace)).is_none());

    // The watch ends by its own timeout; the next one begins where history is gone, and the watcher starts again.
    asleep.store(true, Ordering::SeqCst);
    match within(events.next()).await.expect("a watcher does not end") {
        Err(watcher::Error::WatchError(status)) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
    assert!(!asleep.load(Ordering::SeqCst));
    let after = initial(&mut events).await;
    let kept: Vec<String> = before.into_iter().filter(|name| name != "w2").collect();
    assert_eq!(after, kept);
    assert_eq!(reader.len(), after.len());
    for name in ["w1", "w3"] {
        maps.delete(name, &DeleteParams::default()).await.unwrap();
    }

    let applied = watcher(maps, watcher::Config::default().fields("metadata.name=applied")).applied_objects();
    assert_eq!(within(pin!(applied).try_next()).await.unwrap().unwrap().name_any(), "applied");
}

/// The names that a watcher tells between the start and the end of its list, in order.
async fn initial(events: &mut (impl Stream<Item = watcher::Result<watcher::Event<ConfigMap>>> + Unpin)) -> Vec<String> {
    assert!(matches!(next(events).await, watcher::Event::Init));
    let mut names = Vec::new();
    loop {
        match next(events).await {
            watcher::Event::InitApply(map) => names.push(map.name_any()),
            watcher::Event::InitDone => {
                names.sort();
                return names;
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn next(
    events: &mut (impl Stream<Item = watcher::Result<watcher::Event<ConfigMap>>> + Unpin),
) -> watcher::Event<ConfigMap> {
    within(events.next()).await.expect("a watcher does not end").unwrap()
}

/// Rewrites the revision that a resumed watch asks from, if it is to be forgotten.
fn forget(mut request: Request<Body>, asleep: &AtomicBool) -> Request<Body> {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let resumed = path.contains("watch=true") && !path.contains("sendInitialEvents");
    if !(resumed && asleep.swap(false, Ordering::SeqCst)) {
        return request;
    }
    let old = path.split(['?', '&']).find(|pair| pair.starts_with("resourceVersion=")).unwrap();
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(path.replace(old, "resourceVersion=1").parse().unwrap());
    *request.uri_mut() = Uri::from_parts(parts).unwrap();
    request
}

/// So that what never comes is a failure that names its place, not a test that hangs.
#[track_caller]
fn within<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(Duration::from_secs(60), what).await {
            Ok(answer) => answer,
            Err(_) => panic!("nothing came within a minute, {place}"),
        }
    }
}
