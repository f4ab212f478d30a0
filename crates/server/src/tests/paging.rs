//! Pages of every list operation.

use serde_json::{Value, json};

use super::client::{Api, entry_path};

#[tokio::test]
async fn entries_are_paged_in_order_while_they_change() {
    let api = Api::start(&["demo"]).await;
    let entries = "/clusters/demo/access-entries";
    let principal = |n: usize| format!("arn:aws:iam::444455556666:role/r{n:02}");
    for n in 0..25 {
        api.eks("POST", entries, json!({ "principalArn": principal(n) })).await.ok();
    }
    let (mut seen, mut token, mut pages) = (Vec::<String>::new(), None::<String>, 0);
    loop {
        let next = token.map(|token| format!("&nextToken={token}")).unwrap_or_default();
        let page = api.eks("GET", &format!("{entries}?maxResults=10{next}"), Value::Null).await.ok();
        let names = page["accessEntries"].as_array().unwrap();
        assert!(names.len() <= 10);
        seen.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
        // Where the next page begins, something goes and something comes.
        api.eks("DELETE", &entry_path("demo", &principal(8 + pages)), Value::Null).await.ok();
        api.eks("POST", entries, json!({ "principalArn": format!("arn:aws:iam::444455556666:role/a{pages}") }))
            .await
            .ok();
        pages += 1;
        match page["nextToken"].as_str() {
            Some(next) => token = Some(next.to_owned()),
            None => break,
        }
    }
    let stayed: Vec<String> = (0..25).filter(|n| !(8..11).contains(n)).map(principal).collect();
    for name in &stayed {
        assert_eq!(seen.iter().filter(|s| *s == name).count(), 1, "{name}");
    }
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!(seen, sorted);
    api.running.shutdown().await;
}

#[tokio::test]
async fn tokens_belong_to_their_request() {
    let api = Api::start(&["demo", "other"]).await;
    for n in 0..3 {
        let principal = format!("arn:aws:iam::444455556666:role/r{n}");
        api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": principal })).await.ok();
    }
    let of = async |path: &str| {
        let page = api.eks("GET", &format!("{path}?maxResults=1"), Value::Null).await.ok();
        page["nextToken"].as_str().unwrap().to_owned()
    };
    let entries = of("/clusters/demo/access-entries").await;
    let (policies, clusters) = (of("/access-policies").await, of("/clusters").await);
    let refused = "InvalidParameterException";
    for (path, token) in [
        ("/clusters/other/access-entries", &entries),
        ("/clusters/demo/access-entries", &clusters),
        ("/clusters", &policies),
        ("/access-policies", &entries),
        ("/clusters/demo/updates", &entries),
        ("/cluster-versions", &entries),
    ] {
        let answer = api.eks("GET", &format!("{path}?nextToken={token}"), Value::Null).await;
        answer.fails(400, refused, "The nextToken parameter is not valid for this request");
    }
    let associated = format!("{}/access-policies", entry_path("demo", "arn:aws:iam::444455556666:role/r0"));
    // Not modelled there, so another error.
    assert_eq!(
        api.eks("GET", &format!("{associated}?nextToken={entries}"), Value::Null).await.error,
        "InvalidRequestException"
    );
    for limit in ["0", "101", "-1", "x", "1.5", "%2B5"] {
        let answer = api.eks("GET", &format!("/clusters?maxResults={limit}"), Value::Null).await;
        answer.fails(
            400,
            refused,
            &format!("maxResults must be a number from 1 to 100, not {}", limit.replace("%2B", "+")),
        );
    }
    let page = api.eks("GET", &format!("/clusters?maxResults=1&nextToken={clusters}"), Value::Null).await.ok();
    assert_eq!(page, json!({ "clusters": ["other"] }));

    // Of the same name, but another cluster.
    api.eks("DELETE", "/clusters/demo", Value::Null).await.ok();
    let again = json!({
        "name": "demo",
        "roleArn": "arn:aws:iam::111122223333:role/cluster",
        "resourcesVpcConfig": {},
        "accessConfig": { "authenticationMode": "API" },
    });
    api.eks("POST", "/clusters", again).await.ok();
    let answer = api.eks("GET", &format!("/clusters/demo/access-entries?nextToken={entries}"), Value::Null).await;
    answer.fails(400, refused, "The nextToken parameter is not valid for this request");
    api.running.shutdown().await;
}
