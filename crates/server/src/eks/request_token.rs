//! `clientRequestToken`: the same token and the same request again answers the first result, for a day; the same
//! token with another request is refused.
//!
//! A token belongs to an operation. What it stands for is written in the transaction of the change itself, so a
//! retry after a lost answer never does the change twice.

use entryway_store::Revision;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::call::{Answer, Call};
use super::error::EksError;

/// How long a token is remembered.
pub(crate) const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
const MAX_TOKEN: usize = 256;

/// What a token stood for.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    /// Of the request: path, query, body and caller.
    digest: String,
    at: Timestamp,
    answer: Value,
}

/// A request with a token that has not been seen (or not for long).
pub(crate) struct Fresh {
    key: String,
    digest: String,
    /// When something that is forgotten was written there.
    before: Option<Revision>,
}

/// What a request's token means.
pub(crate) enum Token {
    /// The request has none.
    None,
    /// To be remembered with the change.
    Fresh(Fresh),
    /// The first result.
    Again(Value),
}

/// Looks a request's token up.
pub(crate) async fn look_up(call: &Call<'_>, token: Option<&str>) -> Result<Token, EksError> {
    let Some(token) = token else { return Ok(Token::None) };
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Err(
            call.bad(format!("clientRequestToken must have 1 to {MAX_TOKEN} bytes, this one has {}", token.len()))
        );
    }
    let key = call.place.request(call.operation().name(), &hex::encode(Sha256::digest(token)));
    let digest = digest(call);
    let found = call.plane.store.get(&key).await?;
    if let Some(found) = &found
        && let Ok(remembered) = serde_json::from_slice::<Remembered>(&found.value)
        && call.now.duration_since(remembered.at) <= REMEMBERED
    {
        if remembered.digest != digest {
            return Err(call.bad("The clientRequestToken was used before with other parameters"));
        }
        return Ok(Token::Again(remembered.answer));
    }
    Ok(Token::Fresh(Fresh { key, digest, before: found.map(|found| found.modified) }))
}

/// For a request that came too late: the first result, if the same request came first; else `late`.
pub(crate) async fn first_answer(call: &Call<'_>, token: Option<&str>, late: EksError) -> Result<Answer, EksError> {
    match look_up(call, token).await? {
        Token::Again(answer) => Ok(Answer::read(answer)),
        Token::None | Token::Fresh(_) => Err(late),
    }
}

/// Whether a stored token has been forgotten and can be removed.
pub(crate) fn is_over(value: &[u8], now: Timestamp) -> bool {
    serde_json::from_slice::<Remembered>(value).map_or(true, |found| now.duration_since(found.at) > REMEMBERED)
}

/// The same members in another order are the same request.
fn digest(call: &Call<'_>) -> String {
    let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [call.who.arn(), &format!("{:?}", call.target), &sorted(&body)] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// A value's text with the members of every object in order.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<_> =
                members.into_iter().map(|(name, value)| format!("{name:?}:{}", sorted(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

impl Fresh {
    /// Adds the token to the transaction of its change, which fails where another request came first with it.
    pub(crate) fn remember(&self, txn: entryway_store::Txn, answer: &Value, now: Timestamp) -> entryway_store::Txn {
        let remembered = Remembered { digest: self.digest.clone(), at: now, answer: answer.clone() };
        match serde_json::to_vec(&remembered) {
            Ok(bytes) => match self.before {
                None => txn.absent(&self.key),
                Some(before) => txn.modified_at(&self.key, before),
            }
            .put(&self.key, bytes),
            // Values of strings and numbers always serialize.
            Err(_) => txn,
        }
    }
}

impl Token {
    /// Adds a fresh token to the transaction of its change.
    pub(crate) fn remember(&self, txn: entryway_store::Txn, answer: &Value, now: Timestamp) -> entryway_store::Txn {
        match self {
            Token::Fresh(fresh) => fresh.remember(txn, answer, now),
            Token::None | Token::Again(_) => txn,
        }
    }
}
