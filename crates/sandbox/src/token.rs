//! Service-account tokens: JSON Web Tokens signed with ECDSA P-256 (`ES256`), made and checked here alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// A signing key can't be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the service-account signing key can't be used: {0}")]
pub struct KeyError(String);

/// The key that signs the service-account tokens of a cluster.
pub struct ServiceAccountKey {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    id: String,
}

impl std::fmt::Debug for ServiceAccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccountKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ServiceAccountKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError("no randomness".into()))?;
        Self::from_pkcs8(document.as_ref())
    }

    /// A kept key, in the form that [`ServiceAccountKey::as_pkcs8`] gives.
    ///
    /// # Errors
    /// When the bytes are no PKCS#8 private key of the curve P-256.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new())
            .map_err(|error| KeyError(error.to_string()))?;
        let digest = ring::digest::digest(&ring::digest::SHA256, pair.public_key().as_ref());
        let id = URL_SAFE_NO_PAD.encode(digest.as_ref());
        Ok(Self { pair, pkcs8: bytes.to_vec(), id })
    }

    /// The private key, to be kept somewhere private.
    pub fn as_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key as a JSON Web Key Set.
    pub(crate) fn key_set(&self) -> Value {
        // An uncompressed point: 0x04, then x and y of 32 bytes each.
        let point = self.pair.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default());
        json!({"keys": [{
            "use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256",
            "x": part(1..33), "y": part(33..65),
        }]})
    }

    /// Signs claims.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, KeyError> {
        let header = json!({"alg": "ES256", "kid": self.id});
        let input =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature =
            self.pair.sign(&SystemRandom::new(), input.as_bytes()).map_err(|_| KeyError("signing failed".into()))?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }

    /// The claims of a token that this key signed; `None` for anything else.
    pub(crate) fn verify(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let (input, signature) = token.rsplit_once('.')?;
        let (header, payload) = input.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        // The algorithm is ours, not the token's to choose.
        if header.get("alg").and_then(Value::as_str) != Some("ES256") {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref())
            .verify(input.as_bytes(), &signature)
            .ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    #[serde(default)]
    pub(crate) aud: Vec<String>,
    pub(crate) sub: String,
    /// Seconds; the tokens of Secrets never end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
    #[serde(rename = "kubernetes.io", default, skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<Bound>,
    #[serde(rename = "kubernetes.io/serviceaccount/namespace", default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret_namespace: Option<String>,
    #[serde(rename = "kubernetes.io/serviceaccount/secret.name", default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret_name: Option<String>,
    #[serde(
        rename = "kubernetes.io/serviceaccount/service-account.name",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) secret_account: Option<String>,
    #[serde(
        rename = "kubernetes.io/serviceaccount/service-account.uid",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) secret_account_uid: Option<String>,
}

/// What a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub(crate) namespace: String,
    pub(crate) serviceaccount: Named,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<Named>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Named>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<Named>,
}

/// An object by name and uid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Claims {
    /// Whether its times allow it now.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        self.exp.is_none_or(|exp| now < exp) && self.nbf.is_none_or(|nbf| nbf <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Value {
        json!({"iss": "i", "aud": ["a"], "sub": "s", "exp": 100, "nbf": 10})
    }

    #[test]
    fn only_its_own_signature_is_taken() {
        let key = ServiceAccountKey::generate().unwrap();
        let other = ServiceAccountKey::generate().unwrap();
        let token = key.sign(&claims()).unwrap();
        assert_eq!(key.verify(&token).unwrap().sub, "s");
        assert!(other.verify(&token).is_none());
        let kept = ServiceAccountKey::from_pkcs8(key.as_pkcs8()).unwrap();
        assert_eq!(kept.verify(&token), key.verify(&token));

        let mut parts: Vec<&str> = token.split('.').collect();
        let forged = URL_SAFE_NO_PAD.encode(json!({"iss": "i", "sub": "admin"}).to_string());
        parts[1] = &forged;
        assert!(key.verify(&parts.join(".")).is_none(), "another payload");
        let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
        assert!(key.verify(&format!("{none}.{forged}.")).is_none(), "no algorithm");
    }

    #[test]
    fn times_are_kept() {
        let claims: Claims = serde_json::from_value(claims()).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(!claims.is_current(at(9)));
        assert!(claims.is_current(at(10)) && claims.is_current(at(99)));
        assert!(!claims.is_current(at(100)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(token in ".{0,200}") {
            let key = ServiceAccountKey::generate().unwrap();
            proptest::prop_assert!(key.verify(&token).is_none());
        }
    }
}
