//! Pages: `maxResults` and `nextToken`.
//!
//! A token names the last item of the page before, and is bound by an HMAC to the request it continues: operation,
//! place, cluster and filters. The key is kept in the store, so tokens outlive a restart. Items are listed by key, so
//! paging while they change neither repeats nor skips one that was there all the time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What pagination tokens are signed with.
#[derive(Clone)]
pub(crate) struct PageSecret(pub(crate) [u8; 32]);

impl std::fmt::Debug for PageSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageSecret(…)")
    }
}

const MAC_BYTES: usize = 32;

impl PageSecret {
    fn mac(&self, request: &str, last: &str) -> Hmac<Sha256> {
        // The key of HMAC-SHA256 has the size of a block: shorter ones are filled up with zeros.
        let mut key = [0; 64];
        key.iter_mut().zip(self.0).for_each(|(place, byte)| *place = byte);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&key.into());
        for part in [request, last] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }

    /// The token for the page after `last`.
    pub(crate) fn token(&self, request: &str, last: &str) -> String {
        let mut bytes = self.mac(request, last).finalize().into_bytes().to_vec();
        bytes.extend_from_slice(last.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What [`PageSecret::token`] was given as `last`; `None` for a forged token or one of another request.
    pub(crate) fn open(&self, request: &str, token: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (mac, last) = bytes.split_at_checked(MAC_BYTES)?;
        let last = std::str::from_utf8(last).ok()?;
        self.mac(request, last).verify_slice(mac).ok()?;
        Some(last.to_owned())
    }
}

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// 1 to 100 in EKS's lists.
    pub(crate) limit: usize,
    /// The last item of the page before.
    pub(crate) after: Option<String>,
}

/// The items of a page, and whether more follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Items<T> {
    pub(crate) items: Vec<T>,
    /// The name of the last item, where more follow.
    pub(crate) more_after: Option<String>,
}

impl Page {
    /// Cuts a page out of names in ascending order.
    pub(crate) fn cut<T>(&self, sorted: impl IntoIterator<Item = (String, T)>) -> Items<T> {
        let mut rest =
            sorted.into_iter().skip_while(|(name, _)| self.after.as_ref().is_some_and(|after| name <= after));
        let (mut last, mut items) = (None, Vec::new());
        for (name, item) in rest.by_ref().take(self.limit) {
            last = Some(name);
            items.push(item);
        }
        Items { items, more_after: rest.next().and(last) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_are_bound_to_their_request() {
        let (secret, other) = (PageSecret([7; 32]), PageSecret([8; 32]));
        let token = secret.token("ListClusters 1", "demo");
        assert_eq!(secret.open("ListClusters 1", &token).as_deref(), Some("demo"));
        assert_eq!(secret.open("ListClusters 2", &token), None);
        assert_eq!(other.open("ListClusters 1", &token), None);
        // The parts can't be shifted into each other.
        assert_eq!(secret.open("ListClusters 1d", &secret.token("ListClusters 1", "demo")), None);
    }

    proptest! {
        #[test]
        fn forged_tokens_are_refused(token in ".{0,80}", raw in proptest::collection::vec(any::<u8>(), 0..80)) {
            let secret = PageSecret([7; 32]);
            prop_assert_eq!(secret.open("r", &token), None);
            prop_assert_eq!(secret.open("r", &URL_SAFE_NO_PAD.encode(raw)), None);
        }

        #[test]
        fn pages_cover_everything_once(count in 0usize..30, limit in 1usize..10) {
            let all: Vec<String> = (0..count).map(|n| format!("{n:02}")).collect();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = Page { limit, after: after.clone() }.cut(all.iter().map(|n| (n.clone(), n.clone())));
                prop_assert!(page.items.len() <= limit);
                seen.extend(page.items);
                after = page.more_after;
                if after.is_none() { break }
            }
            prop_assert_eq!(seen, all);
        }
    }
}
