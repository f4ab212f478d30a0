//! What an exec credential plugin prints for kubectl.

use jiff::Timestamp;

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
        let _ = info;
        todo!()
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

/// The `ExecCredential` for a token: it is said to expire 14 minutes after it was signed.
pub fn exec_credential(token: &str, signed_at: Timestamp, version: ExecApiVersion) -> serde_json::Value {
    let _ = (token, signed_at, version);
    todo!()
}
