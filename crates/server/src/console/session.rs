//! Sessions of the console, and links that sign in once. Both are kept in memory, by the hash of their secret, so
//! that nothing in a core dump or a log signs anybody in; a restart ends them.
//!
//! A session names an access key of the directory and holds no secret of it: whether the key still exists, and whose
//! it is, is looked up at each request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::form::Form;

/// A session ends when nobody used it for so long.
const IDLE: SignedDuration = SignedDuration::from_mins(30);
/// However much it is used, it ends then.
const LIFE: SignedDuration = SignedDuration::from_hours(12);
/// A link that nobody used is good for so long.
pub(crate) const LINK_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// The most sessions, and the most links. The one used longest ago goes for a new one.
const MOST: usize = 10_000;

/// What a secret is kept under.
type Hash = [u8; 32];

/// A secret of 256 random bits, as text.
fn fresh() -> String {
    let bytes: [u8; 32] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether two secrets are the same; takes the same time wherever they differ.
pub(super) fn is_same(left: &str, right: &str) -> bool {
    hash(left) == hash(right)
}

/// Something to be told on the next page, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flash {
    /// What was done.
    pub(super) text: String,
    /// The form that proposes the reverse, and where it is sent.
    pub(super) undo: Option<(String, Form)>,
}

/// A session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The access key that somebody signed in with.
    pub(super) own_key: String,
    /// The access key of the role's session that is used instead.
    pub(super) role_key: Option<String>,
    /// Goes along with each change.
    pub(super) csrf: String,
    flash: Option<Flash>,
    begun: Timestamp,
    used: Timestamp,
}

impl Session {
    /// The access key whose rights are used.
    pub(super) fn key(&self) -> &str {
        self.role_key.as_deref().unwrap_or(&self.own_key)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.used) >= IDLE || now.duration_since(self.begun) >= LIFE
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<Hash, Session>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<Hash, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session of an access key; gives the secret for the cookie.
    pub(super) fn begin(&self, key: &str, now: Timestamp) -> String {
        let secret = fresh();
        let mut all = self.all();
        all.retain(|_, session| !session.is_over(now));
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, session)| session.used).map(|(hash, _)| *hash)
        {
            all.remove(&oldest);
        }
        let session =
            Session { own_key: key.to_owned(), role_key: None, csrf: fresh(), flash: None, begun: now, used: now };
        all.insert(hash(&secret), session);
        secret
    }

    /// The session of a secret, if it is not over. Only what a person does (`by_hand`) keeps it from ending.
    pub(super) fn find(&self, secret: &str, by_hand: bool, now: Timestamp) -> Option<Session> {
        let mut all = self.all();
        let place = hash(secret);
        let session = all.get_mut(&place)?;
        if session.is_over(now) {
            all.remove(&place);
            return None;
        }
        if by_hand {
            session.used = now;
        }
        Some(session.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, secret: &str) {
        self.all().remove(&hash(secret));
    }

    /// Uses a role's session from now on, or the own identity again.
    pub(super) fn act_as(&self, secret: &str, key: Option<String>) {
        if let Some(session) = self.all().get_mut(&hash(secret)) {
            session.role_key = key;
        }
    }

    /// Has something told on the next page.
    pub(super) fn tell(&self, secret: &str, flash: Flash) {
        if let Some(session) = self.all().get_mut(&hash(secret)) {
            session.flash = Some(flash);
        }
    }

    /// What is to be told; it is told once.
    pub(super) fn told(&self, secret: &str) -> Option<Flash> {
        self.all().get_mut(&hash(secret)).and_then(|session| session.flash.take())
    }
}

/// Links that sign in, each once.
#[derive(Debug, Default)]
pub(crate) struct Links(Mutex<HashMap<Hash, (String, Timestamp)>>);

impl Links {
    /// Makes a link's secret for an access key.
    pub(crate) fn make(&self, key: &str, now: Timestamp) -> String {
        let secret = fresh();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, made)| now.duration_since(*made) < LINK_LIFE);
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, (_, made))| *made).map(|(hash, _)| *hash)
        {
            all.remove(&oldest);
        }
        all.insert(hash(&secret), (key.to_owned(), now));
        secret
    }

    /// The access key of a link that has not been used and is not over.
    pub(super) fn look(&self, secret: &str, now: Timestamp) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, made) = all.get(&hash(secret))?;
        (now.duration_since(*made) < LINK_LIFE).then(|| key.clone())
    }

    /// The same; the link is used up by this.
    pub(super) fn take(&self, secret: &str, now: Timestamp) -> Option<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, made) = all.remove(&hash(secret))?;
        (now.duration_since(made) < LINK_LIFE).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn links_work_once_and_not_for_long() {
        let links = Links::default();
        let link = links.make("AKIA1", at(0));
        assert_eq!(links.take("other", at(1)), None);
        assert_eq!(links.take(&link, at(1)).as_deref(), Some("AKIA1"));
        assert_eq!(links.take(&link, at(1)), None);
        let link = links.make("AKIA1", at(0));
        assert_eq!(links.take(&link, at(10)), None);
    }

    #[test]
    fn sessions_end_when_idle_when_old_and_at_sign_out() {
        let sessions = Sessions::default();
        let secret = sessions.begin("AKIA1", at(0));
        assert_eq!(sessions.find(&secret, true, at(29)).unwrap().key(), "AKIA1");
        assert!(sessions.find(&secret, false, at(58)).is_some());
        assert!(sessions.find(&secret, true, at(59)).is_none(), "watching is not using");

        let secret = sessions.begin("AKIA1", at(0));
        for quarter in 1..48 {
            assert!(sessions.find(&secret, true, at(quarter * 15)).is_some());
        }
        assert!(sessions.find(&secret, true, at(12 * 60)).is_none(), "12 hours are all");

        let secret = sessions.begin("AKIA1", at(0));
        sessions.end(&secret);
        assert!(sessions.find(&secret, true, at(0)).is_none());
    }

    #[test]
    fn roles_and_messages() {
        let sessions = Sessions::default();
        let secret = sessions.begin("AKIA1", at(0));
        sessions.act_as(&secret, Some("ASIA2".to_owned()));
        assert_eq!(sessions.find(&secret, true, at(0)).unwrap().key(), "ASIA2");
        sessions.act_as(&secret, None);
        assert_eq!(sessions.find(&secret, true, at(0)).unwrap().key(), "AKIA1");
        let flash = Flash { text: "done".to_owned(), undo: None };
        sessions.tell(&secret, flash.clone());
        assert_eq!((sessions.told(&secret), sessions.told(&secret)), (Some(flash), None));
    }
}
