//! What a cluster itself says that somebody may do (`SubjectAccessReview`).

use entryway_access::{AUTHENTICATED, UserInfo};
use entryway_analysis::ProbeAttributes;
use serde_json::{Value, json};

use crate::{Kubernetes, LiveError};

const PATH: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

impl Kubernetes {
    /// Whether the cluster allows it. Who asks must be allowed to create SubjectAccessReviews.
    pub async fn is_allowed(&self, user: &UserInfo, what: &ProbeAttributes) -> Result<bool, LiveError> {
        let answer = self.create(PATH, &review(user, what)).await?;
        let allowed = answer.pointer("/status/allowed").and_then(Value::as_bool);
        allowed.ok_or(LiveError::Incomplete { what: "SubjectAccessReview", member: "status.allowed" })
    }
}

fn review(user: &UserInfo, what: &ProbeAttributes) -> Value {
    let mut spec = json!({
        "user": user.username,
        "uid": user.uid,
        // The API server adds it to everybody who signs in.
        "groups": user.groups.iter().map(String::as_str).chain([AUTHENTICATED]).collect::<Vec<_>>(),
        "extra": user.extra,
    });
    let (member, attributes) = match what {
        ProbeAttributes::Resource { verb, group, resource, subresource, namespace, name } => (
            "resourceAttributes",
            json!({
                "verb": verb,
                "group": group,
                "resource": resource,
                "subresource": subresource,
                "namespace": namespace,
                "name": name,
            }),
        ),
        ProbeAttributes::Path { verb, path } => ("nonResourceAttributes", json!({ "verb": verb, "path": path })),
    };
    if let Some(spec) = spec.as_object_mut() {
        spec.insert(member.to_owned(), attributes);
    }
    json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reviews_ask_as_the_user_signs_in() {
        let extra = [("canonicalArn".to_owned(), vec!["arn:aws:iam::111122223333:role/Dev".to_owned()])];
        let user = UserInfo {
            username: "dev".to_owned(),
            uid: "aws-iam-authenticator:111122223333:AROA".to_owned(),
            groups: vec!["devs".to_owned()],
            extra: extra.into(),
        };
        let what = ProbeAttributes::Path { verb: "get".to_owned(), path: "/healthz".to_owned() };
        let spec = &review(&user, &what)["spec"];
        assert_eq!(spec["groups"], json!(["devs", "system:authenticated"]));
        assert_eq!(spec["nonResourceAttributes"], json!({ "verb": "get", "path": "/healthz" }));
        assert_eq!(spec["extra"]["canonicalArn"][0], "arn:aws:iam::111122223333:role/Dev");
        assert!(spec.get("resourceAttributes").is_none());
    }
}
