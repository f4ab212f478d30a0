//! The front: services, signatures, forms of errors, bad input.

use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::client::{Api, signed_request};
use crate::http::{self, MAX_BODY};

fn plain(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "127.0.0.1:4780")
}

#[tokio::test]
async fn without_a_signature_in_the_form_of_the_service() {
    let api = Api::start(&["demo"]).await;
    let (status, headers, body) = api.send(plain("GET", "/clusters").body(Body::empty()).unwrap()).await;
    assert_eq!((status, headers["x-amzn-errortype"].to_str().unwrap()), (403, "MissingAuthenticationTokenException"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body,
        json!({ "__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token" })
    );
    for (path, namespace) in [
        ("/?Action=GetCallerIdentity&Version=2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/"),
        ("/?Action=ListRoles&Version=2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/"),
    ] {
        let (status, headers, body) = api.send(plain("GET", path).body(Body::empty()).unwrap()).await;
        let body = String::from_utf8(body).unwrap();
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (403, "text/xml"));
        assert!(body.contains("<Code>MissingAuthenticationToken</Code>") && body.contains(namespace), "{body}");
    }
    api.running.shutdown().await;
}

#[tokio::test]
async fn wrong_signatures() {
    let api = Api::start(&["demo"]).await;
    let mut wrong = api.admin.clone();
    wrong.credentials.secret = entryway_iam::SecretKey::new("another");
    let answer = api.eks_as(&wrong, "GET", "/clusters", Value::Null).await;
    assert_eq!((answer.status, answer.error.as_str()), (403, "InvalidSignatureException"));
    let (status, body) = api.query(&wrong, "sts", &[("Action", "GetCallerIdentity")]).await;
    assert!(status == 403 && body.contains("<Code>SignatureDoesNotMatch</Code>"), "{body}");
    // Signed for one path, sent to another; another body than the signed one.
    for (signed, sent) in [
        ("/clusters", "/clusters/demo"),
        ("/clusters/a", "/clusters/b"),
        ("/clusters?maxResults=1", "/clusters?maxResults=2"),
    ] {
        let answer = api.eks_raw(&api.admin, "GET", signed, sent, Vec::new()).await;
        assert_eq!(answer.error, "InvalidSignatureException", "{signed} {sent}");
    }
    let mut request =
        signed_request(&api.admin, "eks", "POST", "/clusters", "/clusters", "application/json", b"{}".to_vec());
    *request.body_mut() = Body::from("{\"name\":\"x\"}");
    assert_eq!(api.send(request).await.0, 403);
    let mut session = api.admin.clone();
    session.credentials.session_token = Some(entryway_iam::SecretKey::new("made up"));
    assert_eq!(api.eks_as(&session, "GET", "/clusters", Value::Null).await.error, "UnrecognizedClientException");
    for header in ["", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x", "Bearer x", "Basic eDp5"] {
        let request = plain("GET", "/clusters").header("authorization", header).body(Body::empty()).unwrap();
        assert_eq!(api.send(request).await.0, 403, "{header}");
    }
    api.running.shutdown().await;
}

/// Bodies of those who show no access key that exists are not read, but for the little that tells the service.
#[tokio::test]
async fn strangers_bodies_are_not_read() {
    let api = Api::start(&["demo"]).await;
    let unread =
        || Body::from_stream(futures::stream::poll_fn(|_| -> Poll<Option<Result<Bytes, Error>>> { panic!("read") }));
    let mut unknown = api.admin.clone();
    unknown.credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    for (service, code) in [("eks", "UnrecognizedClientException"), ("iam", "InvalidClientTokenId")] {
        let mut request = signed_request(&unknown, service, "POST", "/", "/", "application/json", Vec::new());
        *request.body_mut() = unread();
        let (status, headers, body) = api.send(request).await;
        let told = headers.get("x-amzn-errortype").map_or_else(Vec::new, |code| code.as_bytes().to_vec());
        assert_eq!(status, 403);
        assert!(String::from_utf8([told, body].concat()).unwrap().contains(code), "{service}");
    }
    let (status, ..) = api.send(plain("POST", "/clusters").body(unread()).unwrap()).await;
    assert_eq!(status, 403);

    let form = || plain("POST", "/").header("content-type", "application/x-www-form-urlencoded");
    for (filler, namespace) in [(0, "https://iam.amazonaws.com/doc/"), (20_000, "https://sts.amazonaws.com/doc/")] {
        let body = format!("Action=ListRoles&Version=2010-05-08&x={}", "x".repeat(filler));
        let (status, _, body) = api.send(form().body(Body::from(body)).unwrap()).await;
        let body = String::from_utf8(body).unwrap();
        assert!(status == 403 && body.contains(namespace) && body.contains("MissingAuthenticationToken"), "{body}");
    }
    api.running.shutdown().await;
}

/// What is refused whatever its body holds is refused before.
#[tokio::test]
async fn bodies_of_refused_heads_are_not_read() {
    let api = Api::start(&["demo"]).await;
    let unread =
        || Body::from_stream(futures::stream::poll_fn(|_| -> Poll<Option<Result<Bytes, Error>>> { panic!("read") }));
    let mut wrong = api.admin.clone();
    wrong.credentials.secret = entryway_iam::SecretKey::new("another");
    let sign = |keys| signed_request(keys, "eks", "POST", "/clusters", "/clusters", "application/json", b"{}".to_vec());
    let mut old = sign(&api.admin);
    let date = "20200101T000000Z";
    old.headers_mut().insert("x-amz-date", date.parse().unwrap());
    let credential = old.headers()["authorization"].to_str().unwrap().to_owned();
    let (start, rest) = credential.split_once('/').unwrap();
    let (_, rest) = rest.split_once('/').unwrap();
    old.headers_mut().insert("authorization", format!("{start}/20200101/{rest}").parse().unwrap());
    let mut unsigned = sign(&api.admin);
    unsigned.headers_mut().insert("x-amz-target", "x".parse().unwrap());
    // Signed with another secret, and the body's hash stated: that much is known before the body.
    let stated = stated_request(&wrong, b"{}");
    for (mut request, told) in
        [(old, "Signature expired"), (unsigned, "must be a 'SignedHeader'"), (stated, "does not match the signature")]
    {
        *request.body_mut() = unread();
        let (status, _, body) = api.send(request).await;
        let body = String::from_utf8(body).unwrap();
        assert!(status == 403 && body.contains(told), "{told}: {body}");
    }
    let (status, ..) = api.send(stated_request(&api.admin, b"{}")).await;
    assert_eq!(status, 400, "what passes is read");
    api.running.shutdown().await;
}

/// A request to make a cluster that states the hash of its body.
fn stated_request(keys: &super::Keys, body: &[u8]) -> Request<Body> {
    use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign};
    let payload = PayloadHash::of(body);
    let hash = payload.to_hex();
    let headers: [(&str, &[u8]); 2] = [("host", b"127.0.0.1:4780"), ("x-amz-content-sha256", hash.as_bytes())];
    let parts = RequestParts { method: "POST", path: "/clusters", query: "", headers: &headers };
    let scope = Scope { region: keys.region, service: "eks" };
    let more = sign(&parts, &keys.credentials, scope, payload, jiff::Timestamp::now()).unwrap();
    let mut request = Request::post("/clusters").header("host", "127.0.0.1:4780").header("x-amz-content-sha256", hash);
    for (name, value) in more {
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_vec())).unwrap()
}

/// Who knows the id of a key, and not its secret, can't be told from its owner before the body is there: he is in
/// nobody's way even so, and a stranger in none of those who sign in.
#[tokio::test]
async fn slow_bodies_stop_nobody() {
    let api = Api::start(&["demo"]).await;
    let arrived = Arc::new(AtomicUsize::new(0));
    let stuck = |bytes: usize| {
        let arrived = Arc::clone(&arrived);
        let begin = futures::stream::iter([Ok::<_, Error>(Bytes::from(vec![b' '; bytes]))]);
        Body::from_stream(begin.chain(futures::stream::poll_fn(move |_| {
            arrived.fetch_add(1, Ordering::SeqCst);
            Poll::Pending
        })))
    };
    let mut wrong = api.admin.clone();
    wrong.credentials.secret = entryway_iam::SecretKey::new("another");
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut request = signed_request(&wrong, "eks", "POST", "/clusters", "/clusters", "application/json", vec![]);
        *request.body_mut() = stuck(1 << 20);
        slow.push(request);
        let form = plain("POST", "/console/sign-in").header("content-type", "application/x-www-form-urlencoded");
        slow.push(form.body(stuck(16 << 10)).unwrap());
    }
    let router = http::router(Arc::clone(&api.plane));
    let slow: Vec<_> = slow.into_iter().map(|request| tokio::spawn(router.clone().oneshot(request))).collect();
    // The share of a key is 8 MiB; strangers hold as much as they sent.
    while arrived.load(Ordering::SeqCst) < 108 {
        tokio::task::yield_now().await;
    }
    let calls = async {
        let role = api.role("/", "x").await;
        api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
        let form = plain("POST", "/console/sign-in").header("content-type", "application/x-www-form-urlencoded");
        let fields = format!(
            "access-key-id={}&secret-access-key={}",
            api.admin.credentials.access_key_id,
            entryway_iam::sigv4::uri_encode(api.admin.credentials.secret.expose())
        );
        assert_eq!(api.send(form.body(Body::from(fields)).unwrap()).await.0, 303);
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), calls).await.expect("nobody waits for the slow ones");
    slow.iter().for_each(tokio::task::JoinHandle::abort);
    api.running.shutdown().await;
}

/// A page of another name can't be of one origin with the console, whatever its name leads to.
#[tokio::test]
async fn other_names_lead_nowhere() {
    let api = Api::start(&["demo"]).await;
    for (path, own) in [("/console", 401), ("/console/assets/none", 404), ("/metrics", 200)] {
        for (host, status) in [("evil.example:4780", 421), ("localhost:4780", own), ("[::1]:4780", own)] {
            let request = Request::get(path).header("host", host).body(Body::empty()).unwrap();
            let response = http::router(Arc::clone(&api.plane)).oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{host}{path}");
            let body = axum::body::to_bytes(response.into_body(), MAX_BODY as usize).await.unwrap();
            let told = String::from_utf8_lossy(&body).starts_with("`evil.example` is not a name of this control plane");
            assert_eq!(told, status == 421, "{host}{path}");
        }
    }
    // Over HTTP/2 there is no `Host`.
    let request = Request::get("http://evil.example/console").body(Body::empty()).unwrap();
    assert_eq!(http::router(Arc::clone(&api.plane)).oneshot(request).await.unwrap().status(), 421);
    // What is signed says itself for whom it is.
    let answer = api.eks("GET", "/clusters", Value::Null).await;
    assert_eq!(answer.status, 200);
    api.running.shutdown().await;
}

#[tokio::test]
async fn other_services_and_unknown_paths() {
    let api = Api::start(&["demo"]).await;
    let request =
        signed_request(&api.admin, "dynamodb", "POST", "/", "/", "application/x-amz-json-1.0", b"{}".to_vec());
    let (status, headers, body) = api.send(request).await;
    assert_eq!((status, headers["x-amzn-errortype"].to_str().unwrap()), (404, "UnknownServiceException"));
    assert!(String::from_utf8(body).unwrap().contains("signed for dynamodb"));
    let form = "application/x-www-form-urlencoded";
    for (service, element) in [("ec2", "<Errors>"), ("sqs", "<ErrorResponse>"), ("s3", "<Error>")] {
        let request = signed_request(&api.admin, service, "POST", "/", "/", form, b"Action=X".to_vec());
        let (status, _, body) = api.send(request).await;
        let body = String::from_utf8(body).unwrap();
        assert!(status == 404 && body.contains(element) && body.contains(service), "{body}");
    }
    for path in ["/", "/nothing", "/entryway/v1/nothing", "/clusters/demo/nothing", "/clusters/%ff"] {
        let answer = api.eks("GET", path, Value::Null).await;
        assert_eq!((answer.status, answer.error.as_str()), (404, "UnknownOperationException"), "{path}");
    }
    let answer = api.eks("POST", "/clusters/demo/node-groups", json!({})).await;
    assert_eq!((answer.status, answer.error.as_str()), (400, "InvalidRequestException"));
    assert!(answer.message().starts_with("CreateNodegroup is not supported"), "{}", answer.message());
    let (status, _, body) = api.send(plain("GET", "/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!((status, body), (200, b"ok".to_vec()));
    let (status, _, body) = api.send(plain("GET", "/metrics").body(Body::empty()).unwrap()).await;
    let body = String::from_utf8(body).unwrap();
    assert!(status == 200 && body.contains("entryway_requests_total{service=\"eks\",status=\"404\"} 5"), "{body}");
    assert_eq!(api.send(plain("GET", "/console").body(Body::empty()).unwrap()).await.0, 401);
    api.running.shutdown().await;
}

#[tokio::test]
async fn bad_input_is_an_error_of_the_right_form() {
    let api = Api::start(&["demo"]).await;
    for body in [&b"{"[..], b"[]", b"\xff\xfe", b"null", b"{\"tags\":1}", &[b'['; 10_000]] {
        let answer = api.eks_raw(&api.admin, "POST", "/clusters", "/clusters", body.to_vec()).await;
        assert_eq!((answer.status, answer.error.as_str()), (400, "SerializationException"));
    }
    let large = vec![b' '; MAX_BODY as usize + 1];
    let answer = api.eks_raw(&api.admin, "POST", "/clusters", "/clusters", large.clone()).await;
    assert_eq!((answer.status, answer.error.as_str()), (413, "RequestEntityTooLargeException"));
    let form = "application/x-www-form-urlencoded";
    let (status, _, body) = api.send(signed_request(&api.admin, "iam", "POST", "/", "/", form, large)).await;
    assert!(status == 413 && body.starts_with(b"<ErrorResponse"));
    // No signature can be of such a query.
    for query in ["?maxResults=%zz", "?nextToken=%ff", "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%"] {
        let answer = api.eks_raw(&api.admin, "GET", "/clusters", &format!("/clusters{query}"), Vec::new()).await;
        assert!([400, 403].contains(&answer.status), "{query} {answer:?}");
    }
    let long = "x".repeat(60_000);
    let answer = api.eks("GET", &format!("/clusters/{long}"), Value::Null).await;
    assert_eq!(answer.error, "ResourceNotFoundException");
    api.running.shutdown().await;
}

/// A panic is answered in the form of its service, over the connection that it came by.
#[tokio::test]
async fn panics_are_answered() {
    async fn boom() -> &'static str {
        panic!("for the test")
    }
    let router = crate::kubernetes::guarded(axum::Router::new().fallback(boom));
    let request = plain("GET", "/api/v1/pods").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = axum::body::to_bytes(response.into_body(), MAX_BODY as usize).await.unwrap();
    let status: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&status["kind"], &status["reason"], &status["code"]),
        (&json!("Status"), &json!("InternalError"), &json!(500))
    );
    for (path, form) in [
        ("/clusters", r#"{"__type":"ServerException","message":"an internal error occurred"#),
        ("/?Action=ListRoles&Version=2010-05-08", "<Code>ServiceFailure</Code>"),
    ] {
        let (head, ()) = plain("GET", path).body(()).unwrap().into_parts();
        let response = crate::http::panicked(&head, "for the test");
        assert_eq!((response.status().as_u16(), response.headers()["x-amzn-requestid"].len()), (500, 36));
        let body = axum::body::to_bytes(response.into_body(), MAX_BODY as usize).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(form), "{body:?}");
    }
}
