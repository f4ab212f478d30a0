//! Unique ids and access keys, in AWS's forms.
//!
//! An access key id holds its account, as AWS's do: after the four letters come 80 bits in base32, of which the
//! first is set, 40 are the account, and the rest are random. So a key is found with one read of the store, and
//! whether a key could be a local one is known without any.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entryway_access::AccountId;
use entryway_iam::SecretKey;

use crate::Entropy;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// How many bits of an access key id are random.
const RANDOM_BITS: u32 = 39;

/// What an id is of: its four letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdKind {
    Role,
    User,
    Group,
    Policy,
}

impl IdKind {
    fn letters(self) -> &'static str {
        match self {
            Self::Role => "AROA",
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Policy => "ANPA",
        }
    }
}

/// A new unique id: 21 characters, never used before (85 random bits).
pub(crate) fn unique_id(kind: IdKind, entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 17];
    entropy.fill(&mut bytes);
    let mut id = kind.letters().to_owned();
    id.extend(bytes.iter().map(|byte| letter(u64::from(*byte))));
    id
}

/// A new access key id of an account: `AKIA…` for a long-term key, `ASIA…` for a session.
pub(crate) fn access_key_id(session: bool, account: &AccountId, entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    let random = u128::from(u64::from_be_bytes(bytes) & ((1 << RANDOM_BITS) - 1));
    let account = u128::from(account.as_str().parse::<u64>().unwrap_or_default());
    let bits = 1 << 79 | account << RANDOM_BITS | random;
    let mut id = if session { "ASIA" } else { "AKIA" }.to_owned();
    id.extend((0..16).rev().map(|place| letter((bits >> (5 * place)) as u64)));
    id
}

/// The account that an access key id names. `None` for a text that is no access key id, and for AWS's old ones
/// that name none.
pub fn account_of_key(access_key_id: &str) -> Option<AccountId> {
    let digits = access_key_id.strip_prefix("AKIA").or_else(|| access_key_id.strip_prefix("ASIA"))?;
    if digits.len() != 16 {
        return None;
    }
    let mut bits = 0u128;
    for byte in digits.bytes() {
        let value = BASE32.iter().position(|letter| *letter == byte)?;
        bits = bits << 5 | value as u128;
    }
    if bits >> 79 != 1 {
        return None;
    }
    let account = bits >> RANDOM_BITS & ((1 << 40) - 1);
    format!("{account:012}").parse().ok()
}

/// A new secret access key: 40 characters of base64.
pub(crate) fn secret(entropy: &dyn Entropy) -> SecretKey {
    let mut bytes = [0; 30];
    entropy.fill(&mut bytes);
    SecretKey::new(STANDARD.encode(bytes))
}

/// A new session token: opaque, as AWS's are, and short enough for a token of Kubernetes.
pub(crate) fn session_token(entropy: &dyn Entropy) -> SecretKey {
    let mut bytes = [0; 96];
    entropy.fill(&mut bytes);
    SecretKey::new(format!("IQoJ{}", STANDARD.encode(bytes)))
}

fn letter(value: u64) -> char {
    BASE32.get((value % 32) as usize).map_or('A', |letter| char::from(*letter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn ids_have_the_forms_of_aws() {
        for (kind, letters) in
            [(IdKind::Role, "AROA"), (IdKind::User, "AIDA"), (IdKind::Group, "AGPA"), (IdKind::Policy, "ANPA")]
        {
            let id = unique_id(kind, &SystemEntropy);
            assert_eq!(id.len(), 21);
            assert!(id.starts_with(letters), "{id}");
            assert!(id.bytes().all(|b| BASE32.contains(&b)), "{id}");
        }
        assert_eq!(secret(&SystemEntropy).expose().len(), 40);
    }

    #[test]
    fn a_published_key_id_names_its_account() {
        // From a public write-up of how AWS's own ids hold the account.
        assert_eq!(account_of_key("ASIAQNZGKIQY56JQ7WML").unwrap().as_str(), "029608264753");
    }

    #[test]
    fn what_names_no_account() {
        for id in
            ["", "AKIA", "AKIAIOSFODNN7EXAMPLE", "akiaqnzgkiqy56jq7wml", "AKIAQNZGKIQY56JQ7WM", "AROAQNZGKIQY56JQ7WML"]
        {
            assert_eq!(account_of_key(id), None, "{id}");
        }
    }

    proptest! {
        #[test]
        fn a_key_id_holds_its_account(account in 0u64..1_000_000_000_000, session: bool) {
            let account: AccountId = format!("{account:012}").parse().unwrap();
            let id = access_key_id(session, &account, &SystemEntropy);
            prop_assert_eq!(id.len(), 20);
            prop_assert_eq!(account_of_key(&id), Some(account));
        }

        #[test]
        fn any_text_is_taken(text in ".*") {
            let _ = account_of_key(&text);
        }
    }
}
