//! Who gets in, and what is in force when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/client.rs"]
mod client;

mod support;

use client::Client;
use serde_json::{Value, json};
use support::{ADMIN, NOBODY};

async fn cluster() -> (support::Cluster, Client) {
    let cluster = support::start("127.0.0.1:6443").await;
    let client = Client::new(cluster.sandbox.router());
    (cluster, client)
}

fn review(verb: &str, resource: &str, namespace: &str) -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": namespace}}})
}

const SELF_REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

#[tokio::test]
async fn without_credentials_only_what_is_public() {
    let (_cluster, anyone) = cluster().await;
    for open in ["/version", "/healthz", "/livez", "/readyz"] {
        assert_eq!(anyone.get(open).await.status, 200, "{open}");
    }
    for closed in ["/api", "/apis", "/openapi/v3", "/api/v1/namespaces/default/configmaps", "/nope", "/"] {
        let answer = anyone.get(closed).await;
        let status = answer.expect(401);
        assert_eq!(
            (status["message"].as_str(), status["reason"].as_str()),
            (Some("Unauthorized"), Some("Unauthorized")),
            "{closed}"
        );
    }
    assert_eq!(anyone.token("nonsense").get("/version").await.status, 401, "a wrong token is worse than none");
    assert_eq!(anyone.token("k8s-aws-v1.unknown").get("/version").await.status, 401, "nothing maps it");
    assert_eq!(anyone.as_user("system:anonymous").get("/api").await.status, 401, "impersonation takes somebody");
}

/// `/namespaces/dev/namespaces/victim` is authorized in `dev`: it must lead nowhere.
#[tokio::test]
async fn a_namespace_is_no_way_to_another() {
    let (_cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    for name in ["dev", "victim"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        admin.post("/api/v1/namespaces", namespace).await.expect(201);
    }
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "all-of-dev"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jo"}]});
    admin.post("/apis/rbac.authorization.k8s.io/v1/namespaces/dev/rolebindings", binding).await.expect(201);
    let jo = admin.as_user("jo");
    jo.get("/api/v1/namespaces/dev").await.expect(200);
    jo.delete("/api/v1/namespaces/victim").await.expect(403);
    let inside = "/api/v1/namespaces/dev/namespaces";
    let victim = format!("{inside}/victim");
    let other = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "another"}});
    let labelled = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}});
    for answer in [
        jo.get(inside).await,
        jo.get(&victim).await,
        jo.post(inside, other).await,
        jo.merge(&victim, labelled).await,
        jo.put(&format!("{victim}/finalize"), json!({"metadata": {"name": "victim"}})).await,
        jo.delete(&victim).await,
    ] {
        answer.expect(404);
    }
    let left = admin.get("/api/v1/namespaces/victim").await.expect(200);
    assert_eq!(left.pointer("/status/phase"), Some(&json!("Active")));
}

/// What a definition's type has is deleted with the definition.
#[tokio::test]
async fn a_definition_takes_nothing_from_built_in_types() {
    let (_cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let before = admin.get(roles).await.expect(200)["items"].as_array().map(Vec::len);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = |annotations: Value| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "clusterroles.rbac.authorization.k8s.io", "annotations": annotations},
        "spec": {"group": "rbac.authorization.k8s.io", "scope": "Cluster",
            "names": {"plural": "clusterroles", "singular": "clusterrole", "kind": "Mine", "listKind": "MineList"},
            "versions": [{"name": "v9", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
    };
    let refused = admin.post(definitions, definition(json!({}))).await.expect(422);
    let wanted =
        "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval";
    assert!(refused["message"].as_str().unwrap().contains(wanted), "{refused}");
    let approved = json!({"api-approved.kubernetes.io": "unapproved, an attempt"});
    let refused = admin.post(definitions, definition(approved)).await.expect(422);
    assert!(refused["message"].as_str().unwrap().contains("spec.group: Forbidden"), "{refused}");
    admin.get("/apis/rbac.authorization.k8s.io/v9/clusterroles").await.expect(404);
    assert_eq!(admin.get(roles).await.expect(200)["items"].as_array().map(Vec::len), before);
}

#[tokio::test]
async fn what_is_bound_to_strangers_stays_closed_to_them() {
    let (_cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "open-doors"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}]});
    admin.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding).await.expect(201);
    for pretender in [anyone.clone(), anyone.as_user(""), anyone.as_user("system:anonymous"), anyone.as_user("jo")] {
        pretender.get("/api/v1/secrets").await.expect(401);
    }
    // Whoever pretends to be a stranger is known, and may see what RBAC says.
    admin.as_user("system:anonymous").get("/api/v1/secrets").await.expect(200);
}

#[tokio::test]
async fn nobody_waits_for_a_strangers_body() {
    let (_cluster, anyone) = cluster().await;
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    assert_eq!(anyone.raw("GET", "/version", axum::body::Body::from_stream(never)).await.status, 200);
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let path = "/api/v1/namespaces/default/configmaps";
    assert_eq!(anyone.raw("POST", path, axum::body::Body::from_stream(never)).await.status, 401);
}

#[tokio::test]
async fn an_entry_without_policies_has_what_everybody_has() {
    let (_cluster, anyone) = cluster().await;
    let nobody = anyone.token(NOBODY);
    nobody.get("/api").await.expect(200);
    let refused = nobody.get("/api/v1/namespaces/default/secrets").await;
    refused.expect(403);
    assert_eq!(
        refused.message(),
        r#"secrets is forbidden: User "arn:aws:iam::111122223333:user/nobody" cannot list resource "secrets" in API group "" in the namespace "default""#
    );
    let who = nobody.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).await.expect(201);
    let user = &who["status"]["userInfo"];
    assert_eq!(user["groups"], json!(["system:authenticated"]));
    assert_eq!(user["extra"]["canonicalArn"], json!(["arn:aws:iam::111122223333:user/nobody"]));
}

#[tokio::test]
async fn an_impersonator_loses_his_policies_whatever_he_sends() {
    let (_cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    admin.get("/api/v1/secrets").await.expect(200);
    let arn = "arn:aws:iam::111122223333:user/admin";
    let pretender = admin
        .as_user(arn)
        .with("impersonate-uid", "aws-iam-authenticator:111122223333:AIDAADMIN")
        .with("impersonate-extra-canonicalArn", arn)
        .with("impersonate-extra-arn", arn)
        .with("impersonate-extra-principalId", "AIDAADMIN");
    pretender.get("/api/v1/secrets").await.expect(403);
    // Nor does an encoded capital spell the keys.
    let pretender =
        pretender.with("impersonate-extra-canonical%41rn", arn).with("impersonate-extra-principal%49d", "AIDAADMIN");
    pretender.get("/api/v1/secrets").await.expect(403);
}

#[tokio::test]
async fn a_binding_is_in_force_at_the_next_request() {
    let (_cluster, anyone) = cluster().await;
    let (admin, nobody) = (anyone.token(ADMIN), anyone.token(NOBODY));
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    for _ in 0..20 {
        nobody.get("/api/v1/namespaces/default/configmaps").await.expect(403);
        let binding = json!({"metadata": {"name": "b"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "User", "name": "arn:aws:iam::111122223333:user/nobody"}]});
        admin.post(bindings, binding).await.expect(201);
        nobody.get("/api/v1/namespaces/default/configmaps").await.expect(200);
        let answer = nobody.post(SELF_REVIEW, review("list", "pods", "default")).await.expect(201);
        assert_eq!(
            answer["status"]["reason"],
            r#"RBAC: allowed by RoleBinding "b/default" of ClusterRole "view" to User "arn:aws:iam::111122223333:user/nobody""#
        );
        admin.delete(&format!("{bindings}/b")).await.expect(200);
    }
}

#[tokio::test]
async fn aws_auth_is_in_force_at_the_next_request() {
    let (_cluster, anyone) = cluster().await;
    let mapped = anyone.token("k8s-aws-v1.mapped");
    mapped.get("/version").await.expect(401);
    let map = json!({"metadata": {"name": "aws-auth"}, "data": {
        "mapUsers": "- userarn: arn:aws:iam::111122223333:user/mapped\n  username: jo\n  groups: [system:masters]\n"}});
    anyone.token(ADMIN).post("/api/v1/namespaces/kube-system/configmaps", map).await.expect(201);
    mapped.get("/api/v1/secrets").await.expect(200);
    anyone.token(ADMIN).delete("/api/v1/namespaces/kube-system/configmaps/aws-auth").await.expect(200);
    mapped.get("/version").await.expect(401);
}

#[tokio::test]
async fn a_policy_says_why_as_on_eks() {
    let (_cluster, anyone) = cluster().await;
    let answer = anyone.token(ADMIN).post(SELF_REVIEW, review("delete", "pods", "")).await.expect(201);
    assert_eq!(
        answer["status"],
        json!({"allowed": true, "reason": "EKS Access Policy: allowed by ClusterRoleBinding \"arn:aws:iam::111122223333:user/admin+arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy\" of ClusterRole \"arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy\" to User \"AIDAADMIN\""})
    );
}

#[tokio::test]
async fn the_first_refusal_of_impersonation_speaks_of_the_constrained_kind() {
    let (_cluster, anyone) = cluster().await;
    let refused = anyone.token(NOBODY).as_user("zoe").get("/api/v1/namespaces/default/pods").await;
    refused.expect(403);
    assert_eq!(
        refused.message(),
        r#"pods is forbidden: User "arn:aws:iam::111122223333:user/nobody" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "default""#
    );
}

async fn token(admin: &Client, namespace: &str, name: &str, spec: Value) -> client::Answer {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    admin.post(&path, json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})).await
}

#[tokio::test]
async fn a_service_accounts_token_lives_as_long_as_the_account() {
    let (_cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    admin.post(accounts, json!({"metadata": {"name": "bot"}})).await.expect(201);
    let given = token(&admin, "default", "bot", json!({})).await.expect(201);
    assert_eq!(given["spec"]["expirationSeconds"], 3600);
    assert_eq!(given["spec"]["audiences"], json!(["https://kubernetes.default.svc"]));
    let text = given["status"]["token"].as_str().unwrap().to_owned();
    let bot = anyone.token(&text);
    bot.get("/api").await.expect(200);
    let reviewed =
        admin.post("/apis/authentication.k8s.io/v1/tokenreviews", json!({"spec": {"token": text}})).await.expect(201);
    assert_eq!(reviewed["status"]["authenticated"], true);
    assert_eq!(reviewed["status"]["user"]["username"], "system:serviceaccount:default:bot");

    admin.delete(&format!("{accounts}/bot")).await.expect(200);
    bot.get("/api").await.expect(401);
    admin.post(accounts, json!({"metadata": {"name": "bot"}})).await.expect(201);
    bot.get("/api").await.expect(401);
    let reviewed =
        admin.post("/apis/authentication.k8s.io/v1/tokenreviews", json!({"spec": {"token": text}})).await.expect(201);
    assert_eq!(reviewed["status"]["authenticated"], Value::Null);
}

#[tokio::test]
async fn a_token_is_for_its_audience() {
    let (_cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    let given = token(&admin, "default", "default", json!({"audiences": ["vault"]})).await.expect(201);
    let text = given["status"]["token"].as_str().unwrap().to_owned();
    anyone.token(&text).get("/api").await.expect(401);
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let for_vault = admin.post(path, json!({"spec": {"token": text, "audiences": ["vault", "x"]}})).await.expect(201);
    assert_eq!(for_vault["status"]["audiences"], json!(["vault"]));
    let short = token(&admin, "default", "default", json!({"expirationSeconds": 60})).await;
    short.expect(422);
    assert!(short.message().contains("may not specify a duration less than 10 minutes"), "{}", short.message());
}

#[tokio::test]
async fn a_secret_that_asks_for_a_token_gets_one() {
    let (_cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    let secrets = "/api/v1/namespaces/default/secrets";
    let mut events = admin.watch(&format!("{secrets}?watch=1&fieldSelector=metadata.name%3Dt")).await;
    let secret = json!({"metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "default"}},
        "type": "kubernetes.io/service-account-token"});
    admin.post(secrets, secret).await.expect(201);
    assert_eq!(events.line().await, "ADDED t");
    let filled = events.next().await.unwrap();
    let encoded = filled["object"]["data"]["token"].as_str().unwrap();
    use base64::Engine;
    let text = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()).unwrap();
    anyone.token(&text).get("/api").await.expect(200);
    admin.delete(&format!("{secrets}/t")).await.expect(200);
    anyone.token(&text).get("/api").await.expect(401);
}

/// A watch of whoever a token names. What opens with all there is tells a first event before anything changes.
async fn watch(anyone: &Client, token: &str) -> client::Events {
    let mut events =
        anyone.token(token).watch("/api/v1/namespaces/kube-system/secrets?watch=1&timeoutSeconds=999999999").await;
    assert_eq!(events.line().await, "ADDED first");
    events
}

async fn secret(admin: &Client, name: &str) {
    let secret = json!({"metadata": {"name": name}, "stringData": {"k": "v"}});
    admin.post("/api/v1/namespaces/kube-system/secrets", secret).await.expect(201);
}

fn reader(subject: Value) -> Value {
    json!({
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [subject],
    })
}

/// Nothing that happens after rights have ended is told, and the watch says why.
#[tokio::test]
async fn a_watch_ends_with_the_rights_it_was_opened_by() {
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let user = format!("arn:aws:iam::{}:user/nobody", support::ACCOUNT);
    for how in ["binding", "entry", "user", "account", "impersonated"] {
        let (cluster, anyone) = cluster().await;
        let admin = anyone.token(ADMIN);
        secret(&admin, "first").await;
        let subject = match how {
            "account" => json!({"kind": "ServiceAccount", "namespace": "default", "name": "bot"}),
            "impersonated" => json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "other"}),
            _ => json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}),
        };
        admin.post(bindings, reader(subject)).await.expect(201);
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        admin.post(accounts, json!({"metadata": {"name": "bot"}})).await.expect(201);
        let given = token(&admin, "default", "bot", json!({})).await.expect(201);
        let (client, token) = match how {
            "account" => (anyone.clone(), given["status"]["token"].as_str().unwrap()),
            "impersonated" => (anyone.as_user("other"), ADMIN),
            _ => (anyone.clone(), NOBODY),
        };
        let mut events = watch(&client, token).await;
        // What changes nothing for this one ends nothing.
        admin
            .post(
                bindings,
                json!({"metadata": {"name": "x"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole", "name": "view"}}),
            )
            .await
            .expect(201);
        admin.delete(&format!("{accounts}/none")).await.expect(404);
        secret(&admin, "second").await;
        assert_eq!(events.line().await, "ADDED second", "{how}");

        let code = match how {
            "binding" | "impersonated" => {
                admin.delete(&format!("{bindings}/reader")).await.expect(200);
                403
            }
            "entry" => {
                cluster.authority.end("nobody", jiff::Timestamp::now());
                401
            }
            "user" => {
                cluster.authority.forget("nobody");
                401
            }
            _ => {
                admin.delete(&format!("{accounts}/bot")).await.expect(200);
                401
            }
        };
        secret(&admin, "third").await;
        let last = events.next().await.unwrap();
        assert_eq!(
            (last["type"].as_str(), last["object"]["code"].as_u64()),
            (Some("ERROR"), Some(code)),
            "{how} {last}"
        );
        assert_eq!(events.next().await, None, "{how}");
    }
}

/// An end that comes with time alone changes no snapshot.
#[tokio::test]
async fn a_watch_ends_at_the_end_of_its_entry() {
    let (cluster, anyone) = cluster().await;
    let admin = anyone.token(ADMIN);
    secret(&admin, "first").await;
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1500);
    cluster.authority.end("admin", end);
    let mut events = watch(&anyone, ADMIN).await;
    let until = end.duration_since(jiff::Timestamp::now()).unsigned_abs();
    tokio::time::sleep(until).await;
    // Nobody is left to make anything: straight into the store.
    let key = entryway_sandbox::keys::object_key(support::CLUSTER, "", "secrets", Some("kube-system"), "late");
    let object =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late", "namespace": "kube-system"}});
    let _ = cluster.store.commit(entryway_store::Txn::new().put(key, object.to_string().into_bytes())).await.unwrap();
    let last = events.next().await.unwrap();
    assert_eq!((last["type"].as_str(), last["object"]["code"].as_u64()), (Some("ERROR"), Some(401)), "{last}");
}
