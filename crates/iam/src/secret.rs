//! Secrets that do not print and do not linger.

use std::fmt;

use zeroize::Zeroizing;

/// A secret access key (or any text that must not be printed). `Debug` shows dots, there is no `Display`, and
/// the memory is wiped on drop.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<String>);

impl SecretKey {
    /// Takes the secret over.
    pub fn new(secret: impl Into<String>) -> Self {
        SecretKey(Zeroizing::new(secret.into()))
    }

    /// The secret itself; for signing and for the private file that holds it, for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl From<String> for SecretKey {
    fn from(secret: String) -> Self {
        SecretKey::new(secret)
    }
}

/// What a request is signed with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `AKIA…` for a long-term key, `ASIA…` for a session's.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: SecretKey,
    /// A session's token; none for a long-term key.
    pub session_token: Option<SecretKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let credentials = Credentials {
            access_key_id: "AKIAEXAMPLE".into(),
            secret: SecretKey::new("very-secret"),
            session_token: Some(SecretKey::new("token-secret")),
        };
        let printed = format!("{credentials:?} {credentials:#?}");
        assert!(printed.contains("AKIAEXAMPLE"));
        assert!(!printed.contains("secret-") && !printed.contains("very-") && !printed.contains("token-"), "{printed}");
    }
}
