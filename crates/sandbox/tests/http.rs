//! What goes over the wire besides objects: paths, forms, encodings, discovery.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/client.rs"]
mod client;
mod support;

use std::io::Read;

use client::Client;
use serde_json::json;
use support::{ADMIN, NOBODY};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

async fn cluster() -> (support::Cluster, Client) {
    let cluster = support::start("127.0.0.1:6443").await;
    let client = Client::new(cluster.sandbox.router()).token(ADMIN);
    (cluster, client)
}

#[tokio::test]
async fn paths_without_a_handler_are_refused_as_by_the_real_server() {
    let (_cluster, client) = cluster().await;
    let json_404 =
        ["/api/v1/nope", "/api/v2", "/version/x", "/apis/apps/v9", "/apis/apps/v1/nope", "/api/v1/configmaps/x"];
    for path in json_404 {
        let status = client.get(path).await.expect(404);
        assert_eq!(status["message"], "the server could not find the requested resource", "{path}");
    }
    for path in
        ["/nope", "/apis/nope.io", "/apis/nope.io/v1", "/apis/nope.io/v1/things", "/healthz/nope", "/openapi/v3/nope"]
    {
        let answer = client.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (404, b"404 page not found\n".as_slice()), "{path}");
    }
    for (method, path) in [
        ("POST", "/version"),
        ("DELETE", "/api/v1/namespaces"),
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/configmaps"),
        ("PUT", MAPS),
        ("POST", "/api/v1/namespaces/default/configmaps/x"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ] {
        let status = client.raw(method, path, "{}").await.expect(405);
        assert_eq!(status["reason"], "MethodNotAllowed", "{method} {path}");
    }
    client.with("content-type", "text/plain").raw("PATCH", &format!("{MAPS}/x"), "{}").await.expect(415);
}

/// Bodies have a time, and what has not arrived takes no room.
#[tokio::test(start_paused = true)]
async fn bodies_that_do_not_come_are_given_up() {
    let (_cluster, client) = cluster().await;
    let never = || axum::body::Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let map = |name: &str| json!({"metadata": {"name": name}});
    // Each may become 3 MiB long: together they could fill the budget of the tests' clusters.
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.raw("POST", MAPS, never()).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    client.post(MAPS, map("a")).await.expect(201);
    let status = client.raw("POST", MAPS, never()).await.expect(504);
    assert_eq!(status["message"], "Timeout: request did not complete within the allotted timeout");
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().expect(504)["reason"], "Timeout");
    }
    client.post(MAPS, map("b")).await.expect(201);
}

/// Whoever is let in but may do nothing can ask about himself: that takes nobody's room, not even his own.
#[tokio::test(start_paused = true)]
async fn a_caller_cannot_stop_others_writes() {
    use futures::StreamExt;
    let (cluster, client) = cluster().await;
    let nobody = Client::new(cluster.sandbox.router()).token(NOBODY);
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let stuck = |bytes: usize| {
        let begin = futures::stream::iter([Ok::<_, std::io::Error>(vec![b' '; bytes])]);
        axum::body::Body::from_stream(begin.chain(futures::stream::pending()))
    };
    nobody.raw("POST", reviews, stuck(257 << 10)).await.expect(413);
    let slow: Vec<_> = (0..120)
        .map(|_| {
            let (nobody, body) = (nobody.clone(), stuck(255 << 10));
            tokio::spawn(async move { nobody.raw("POST", reviews, body).await.status.as_u16() })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    let crowded = slow.iter().filter(|slow| slow.is_finished()).count();
    assert_eq!(120 - crowded, 24, "as many as a share of 6 MiB holds");
    let begun = tokio::time::Instant::now();
    let large = json!({"metadata": {"name": "large"}, "data": {"x": "x".repeat(1 << 20)}});
    client.post(MAPS, large).await.expect(201);
    let question = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    nobody.post(reviews, question).await.expect(201);
    assert!(begun.elapsed().is_zero(), "nobody waited");
    for slow in slow {
        assert!(matches!(slow.await.unwrap(), 429 | 504));
    }
}

/// Whatever a body is full of costs what the body does, and is told as far as the real server tells it.
#[tokio::test]
async fn of_many_problems_the_first_are_told() {
    let (_cluster, client) = cluster().await;
    let many = |field: &dyn Fn(usize) -> String| (0..100_000).map(field).collect::<Vec<_>>().join(",");
    let unknown = many(&|n| format!(r#""f{n}":1"#));
    let twice = many(&|n| format!(r#""k{}":"""#, n % 50_000));
    for (name, members) in [("unknown", unknown), ("twice", format!(r#""data":{{{twice}}}"#))] {
        let body = format!(r#"{{"metadata":{{"name":"{name}"}},{members}}}"#);
        let strict = client.raw("POST", &format!("{MAPS}?fieldValidation=Strict"), body.clone()).await.expect(400);
        assert_eq!(strict["message"].as_str().unwrap().matches(" field ").count(), 100, "{name}");
        let answer = client.raw("POST", &format!("{MAPS}?fieldValidation=Warn"), body).await;
        assert_eq!((answer.status.as_u16(), answer.headers.get_all("warning").iter().count()), (201, 100), "{name}");
    }
    let long = format!(
        r#"{{"metadata":{{"name":"long"}},{}}}"#,
        (0..50).map(|n| format!(r#""{n}{}":1"#, "x".repeat(900))).collect::<Vec<_>>().join(",")
    );
    let answer = client.raw("POST", &format!("{MAPS}?fieldValidation=Warn"), long).await;
    let lengths: Vec<usize> = answer.headers.get_all("warning").iter().map(|warning| warning.len()).collect();
    assert!(lengths.len() == 16 && lengths.iter().all(|length| *length < 300), "{lengths:?}");
    let keys = (0..20_000).map(|n| format!(r#""!{n}":"""#)).collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"metadata":{{"name":"keys"}},"data":{{{keys}}}}}"#);
    let status = client.raw("POST", MAPS, body).await.expect(422);
    assert_eq!(status["details"]["causes"].as_array().unwrap().len(), 20_000);
}

#[tokio::test]
async fn a_refusal_comes_before_any_look_at_what_is_there() {
    let (cluster, _) = cluster().await;
    let nobody = Client::new(cluster.sandbox.router()).token(NOBODY);
    for path in ["/api/v1/nope", "/apis/nope.io/v1/things", "/nope", "/api/v1/namespaces/none/secrets/none"] {
        nobody.get(path).await.expect(403);
    }
    nobody.with("content-type", "text/plain").raw("POST", MAPS, "no json").await.expect(403);
}

#[tokio::test]
async fn answers_come_in_the_form_that_was_asked_for() {
    let (_cluster, client) = cluster().await;
    client.post(MAPS, json!({"metadata": {"name": "a"}, "data": {"x": "y"}})).await.expect(201);
    let path = format!("{MAPS}/a");
    let yaml = client.with("accept", "application/yaml").get(&path).await;
    assert_eq!(yaml.headers["content-type"], "application/yaml");
    assert!(String::from_utf8_lossy(&yaml.body).starts_with("apiVersion: v1\n"));
    let protobuf = client.with("accept", "application/vnd.kubernetes.protobuf").get(&path).await;
    assert!(protobuf.body.starts_with(b"k8s\0"));
    let table = client.with("accept", TABLE).get(&path).await.expect(200);
    assert_eq!((table["kind"].as_str(), table["rows"][0]["cells"][1].as_u64()), (Some("Table"), Some(1)));
    let partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let metadata = client.with("accept", partial).get(&path).await.expect(200);
    assert_eq!((metadata["kind"].as_str(), metadata.get("data")), (Some("PartialObjectMetadata"), None));
    client.with("accept", "text/html").get(&path).await.expect(406);
    // A table has no protobuf form, so the next clause counts.
    let table = "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io, application/json";
    assert_eq!(client.with("accept", table).get(&path).await.expect(200)["kind"], "ConfigMap");
    // Errors follow the encoding, never the form.
    let missing = client.with("accept", &format!("{TABLE},application/json")).get(&format!("{MAPS}/none")).await;
    assert_eq!(missing.expect(404)["kind"], "Status");
    let head = client.raw("HEAD", &path, "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_take_it() {
    let (_cluster, client) = cluster().await;
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let text = "x".repeat(200_000);
    client.post(MAPS, json!({"metadata": {"name": "long"}, "data": {"x": text}})).await.expect(201);
    let plain = client.get(&format!("{MAPS}/long")).await;
    assert!(!plain.headers.contains_key("content-encoding"));
    let packed = client.with("accept-encoding", "gzip").get(&format!("{MAPS}/long")).await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_ref()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    let short = client.with("accept-encoding", "gzip").get(&format!("{roles}/view")).await;
    assert!(!short.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn discovery_has_both_forms_and_a_tag() {
    let (_cluster, client) = cluster().await;
    let aggregated =
        client.with("accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
    let first = aggregated.get("/apis").await;
    assert_eq!(first.expect(200)["kind"], "APIGroupDiscoveryList");
    let tag = first.headers["etag"].to_str().unwrap();
    let again = aggregated.with("if-none-match", tag).get("/apis").await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(client.get("/apis").await.expect(200)["kind"], "APIGroupList");
    assert_eq!(client.get("/api").await.expect(200)["kind"], "APIVersions");
    assert_eq!(client.get("/api/v1").await.expect(200)["kind"], "APIResourceList");
    assert_eq!(client.get("/apis/apps").await.expect(200)["kind"], "APIGroup");
    let index = client.get("/openapi/v3").await.expect(200);
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    assert!(client.get(url).await.expect(200)["components"]["schemas"].is_object());
}

#[tokio::test]
async fn version_and_health_are_what_clients_parse() {
    let (_cluster, client) = cluster().await;
    let version = client.get("/version").await.expect(200);
    assert_eq!((version["major"].as_str(), version["minor"].as_str()), (Some("1"), Some("36")));
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1.36."));
    let verbose = client.get("/readyz?verbose").await;
    let text = String::from_utf8_lossy(&verbose.body).into_owned();
    assert!(text.starts_with("[+]ping ok\n") && text.ends_with("readyz check passed\n"), "{text}");
}

#[tokio::test]
async fn warnings_travel_in_headers() {
    let (_cluster, client) = cluster().await;
    let answer = client.post(MAPS, json!({"metadata": {"name": "w"}, "nope\"": 1})).await;
    answer.expect(201);
    assert_eq!(answer.headers["warning"], r#"299 - "unknown field \"nope\\\"\"""#);
}
