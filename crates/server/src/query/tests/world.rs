//! An account with its administrator, and callers to call with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entryway_access::{AccountId, Partition};
use entryway_directory::{Account, Directory, Entropy};
use entryway_iam::Credentials;
use entryway_store::MemoryStore;
use jiff::Timestamp;

use crate::query::{Parameters, QueryAnswer, QueryCall, Service, handle};

/// Counts, so that ids and secrets are the same in each run.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = (count.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(place as u32 * 8 % 64) >> 24) as u8;
        }
    }
}

pub(super) struct World {
    pub(super) directory: Directory,
    pub(super) account: Account,
    pub(super) admin: Credentials,
    pub(super) now: Timestamp,
}

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
pub(super) const TRUST_ROOT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;

impl World {
    pub(super) async fn new() -> Self {
        let now = "2026-11-24T10:00:00.25Z".parse().unwrap();
        let id: AccountId = ACCOUNT.parse().unwrap();
        let directory =
            Directory::with_entropy(Arc::new(MemoryStore::new()), Counting(AtomicU64::new(1))).await.unwrap();
        assert!(directory.ensure_account(Partition::Aws, &id, now).await.unwrap());
        let account = directory.account(&id).unwrap();
        let admin = directory.administrator(&id).await.unwrap().unwrap();
        Self { directory, account, admin, now }
    }

    /// Calls with a key; `form` as clients send it, but with spaces and such unencoded in values.
    pub(super) async fn call_with(
        &self,
        credentials: &Credentials,
        service: Service,
        form: &[(&str, &str)],
    ) -> QueryAnswer {
        self.call_as(credentials, service, form, false).await
    }

    pub(super) async fn call_as(
        &self,
        credentials: &Credentials,
        service: Service,
        form: &[(&str, &str)],
        wants_json: bool,
    ) -> QueryAnswer {
        let credential = self.directory.credentials(&credentials.access_key_id).await.unwrap().expect("the key exists");
        assert!(!credential.is_expired(self.now));
        let caller = self.directory.caller(&credential).await.unwrap().expect("its principal exists");
        let mut context = caller.context.clone();
        context.set("aws:SourceIp", "127.0.0.1");
        context.set("aws:CurrentTime", self.now.to_string());
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", entryway_iam::sigv4::uri_encode(value))).collect();
        let parameters = Parameters::parse("", body.join("&").as_bytes()).unwrap();
        let call = QueryCall {
            service,
            parameters: &parameters,
            caller: &caller,
            context: &context,
            now: self.now,
            request_id: "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE",
            wants_json,
        };
        handle(&self.directory, &call).await
    }

    /// Calls as the administrator.
    pub(super) async fn iam(&self, form: &[(&str, &str)]) -> QueryAnswer {
        self.call_with(&self.admin, Service::Iam, form).await
    }

    pub(super) async fn sts(&self, form: &[(&str, &str)]) -> QueryAnswer {
        self.call_with(&self.admin, Service::Sts, form).await
    }

    /// Calls as the administrator, and it must go well.
    pub(super) async fn iam_ok(&self, form: &[(&str, &str)]) -> String {
        ok(self.iam(form).await)
    }

    /// A user with this one inline policy, and a key of it.
    pub(super) async fn user(&self, name: &str, policy: Option<&str>) -> Credentials {
        self.iam_ok(&[("Action", "CreateUser"), ("UserName", name)]).await;
        if let Some(policy) = policy {
            let form =
                [("Action", "PutUserPolicy"), ("UserName", name), ("PolicyName", "p"), ("PolicyDocument", policy)];
            self.iam_ok(&form).await;
        }
        let answer = self.iam_ok(&[("Action", "CreateAccessKey"), ("UserName", name)]).await;
        Credentials {
            access_key_id: element(&answer, "AccessKeyId"),
            secret: element(&answer, "SecretAccessKey").into(),
            session_token: None,
        }
    }

    pub(super) async fn role(&self, name: &str, trust: &str) {
        let form = [("Action", "CreateRole"), ("RoleName", name), ("AssumeRolePolicyDocument", trust)];
        self.iam_ok(&form).await;
    }
}

/// The body of a good answer.
pub(super) fn ok(answer: QueryAnswer) -> String {
    assert_eq!((answer.status, &answer.record.error), (200, &None), "{}", answer.body);
    answer.body
}

/// Status, code and message of a bad one, after a look at its form.
pub(super) fn error(answer: QueryAnswer) -> (u16, String, String) {
    let (code, message) = answer.record.error.expect("an error is recorded");
    assert_eq!(element(&answer.body, "Code"), code);
    assert_eq!(element(&answer.body, "Type"), if answer.status < 500 { "Sender" } else { "Receiver" });
    assert_eq!(answer.content_type, "text/xml");
    (answer.status, code, message)
}

/// The text of the first element of this name.
pub(super) fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once(&format!("</{name}>")).unwrap().0.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The credentials in an answer of STS.
pub(super) fn session(xml: &str) -> Credentials {
    Credentials {
        access_key_id: element(xml, "AccessKeyId"),
        secret: element(xml, "SecretAccessKey").into(),
        session_token: Some(element(xml, "SessionToken").into()),
    }
}
