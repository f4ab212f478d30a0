//! What an exec credential plugin prints for kubectl.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Which `client.authentication.k8s.io` version to answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ExecApiVersion {
    V1,
    V1Beta1,
    /// Deprecated; echoed all the same.
    V1Alpha1,
}

impl ExecApiVersion {
    /// From the text of `KUBERNETES_EXEC_INFO`; with it, a note for stderr where the text is bad, empty or asks for
    /// the deprecated version. Without the variable, `v1beta1`.
    pub fn from_exec_info(info: Option<&str>) -> (ExecApiVersion, Option<&'static str>) {
        let Some(info) = info else { return (ExecApiVersion::V1Beta1, None) };
        let version = serde_json::from_str::<ExecInfo>(info).ok().and_then(|info| {
            [ExecApiVersion::V1, ExecApiVersion::V1Beta1, ExecApiVersion::V1Alpha1]
                .into_iter()
                .find(|version| version.as_str() == info.api_version)
        });
        match version {
            Some(ExecApiVersion::V1Alpha1) => (ExecApiVersion::V1Alpha1, Some(DEPRECATED)),
            Some(version) => (version, None),
            None => (ExecApiVersion::V1Beta1, Some(UNREADABLE)),
        }
    }

    /// As `apiVersion` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ExecApiVersion::V1 => "client.authentication.k8s.io/v1",
            ExecApiVersion::V1Beta1 => "client.authentication.k8s.io/v1beta1",
            ExecApiVersion::V1Alpha1 => "client.authentication.k8s.io/v1alpha1",
        }
    }
}

#[derive(Deserialize)]
struct ExecInfo {
    #[serde(rename = "apiVersion")]
    api_version: String,
}

const UNREADABLE: &str = "KUBERNETES_EXEC_INFO holds no known apiVersion, so the answer is in \
    client.authentication.k8s.io/v1beta1; update the Kubernetes client if it does not take that";
const DEPRECATED: &str = "the kubeconfig asks for client.authentication.k8s.io/v1alpha1, which is deprecated; write \
    it anew with update-kubeconfig";

/// How long after its signing a token says that it lives: a minute less than it does.
const STATED_LIFETIME: SignedDuration = SignedDuration::from_mins(14);

/// The `ExecCredential` for a token: it is said to expire 14 minutes after it was signed.
pub fn exec_credential(token: &str, signed_at: Timestamp, version: ExecApiVersion) -> serde_json::Value {
    let expires = signed_at.checked_add(STATED_LIFETIME).unwrap_or(signed_at);
    let seconds = Timestamp::from_second(expires.as_second()).unwrap_or(expires);
    serde_json::json!({
        "kind": "ExecCredential",
        "apiVersion": version.as_str(),
        "spec": {},
        "status": {"expirationTimestamp": seconds.to_string(), "token": token},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_asked_for() {
        let of = |text: &str| ExecApiVersion::from_exec_info(Some(text));
        assert_eq!(ExecApiVersion::from_exec_info(None), (ExecApiVersion::V1Beta1, None));
        let v1 = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{}}"#;
        assert_eq!(of(v1), (ExecApiVersion::V1, None));
        assert_eq!(of(&v1.replace("v1", "v1beta1")), (ExecApiVersion::V1Beta1, None));
        assert_eq!(of(&v1.replace("v1", "v1alpha1")), (ExecApiVersion::V1Alpha1, Some(DEPRECATED)));
        for text in ["", "{", "{}", "[]", &v1.replace("v1", "v2")] {
            assert_eq!(of(text), (ExecApiVersion::V1Beta1, Some(UNREADABLE)), "{text}");
        }
    }

    #[test]
    fn the_credential_lives_14_minutes_and_tells_it_to_the_second() {
        let signed: Timestamp = "2026-11-24T09:46:00.75Z".parse().unwrap();
        let made = exec_credential("k8s-aws-v1.x", signed, ExecApiVersion::V1);
        let expected = serde_json::json!({
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1",
            "spec": {},
            "status": {"expirationTimestamp": "2026-11-24T10:00:00Z", "token": "k8s-aws-v1.x"},
        });
        assert_eq!(made, expected);
    }
}
