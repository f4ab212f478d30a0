//! Whether a request may be made: who makes it, as whom, and may they. A watch asks again while it runs: what it was
//! allowed by may end before it does.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use axum::http::{HeaderMap, header};
use entryway_access::{Snapshot, UserInfo};
use entryway_objects::status::Status;
use jiff::Timestamp;

use crate::api::Api;
use crate::failure::unauthorized;
use crate::request_info::RequestInfo;
use crate::{authenticate, authorize, impersonate};

/// What permits a request, to be told apart from what permits it later. Keeps no snapshot alive.
#[derive(Debug)]
pub(crate) struct Grounds {
    snapshot: Weak<Snapshot>,
    identities: u64,
    /// Of service accounts' tokens alone: what they are bound to.
    bound: Option<u64>,
    /// When an end that the snapshot holds comes next.
    until: Option<Timestamp>,
}

impl Grounds {
    /// Those of now, for nobody in particular.
    fn now(api: &Api) -> Grounds {
        Grounds {
            snapshot: Arc::downgrade(&api.config.authority.snapshot()),
            identities: api.config.authority.identities(),
            bound: Some(api.storage.ended_tokens.load(Ordering::Acquire)),
            until: None,
        }
    }

    /// Whether nothing has happened that could have ended the permission. Costs a few loads.
    pub(crate) fn hold(&self, api: &Api) -> bool {
        let authority = &api.config.authority;
        std::ptr::eq(self.snapshot.as_ptr(), Arc::as_ptr(&authority.snapshot()))
            && self.identities == authority.identities()
            && self.bound.is_none_or(|bound| bound == api.storage.ended_tokens.load(Ordering::Acquire))
            && self.until.is_none_or(|until| api.now() < until)
    }
}

/// Who may make a request, and in whose share its body is.
pub(crate) struct Permitted {
    /// Whom the caller is, or impersonates.
    pub(crate) user: UserInfo,
    /// The name of the caller himself.
    pub(crate) caller: String,
    pub(crate) grounds: Grounds,
}

/// Permits a request that came at `asked`, by what is in force now.
///
/// # Errors
/// 401 where nobody makes it, 403 where he may not, 400 for headers that can't be.
pub(crate) async fn permit(
    api: &Api,
    headers: &HeaderMap,
    info: &RequestInfo,
    asked: Timestamp,
) -> Result<Permitted, Status> {
    // Before anything is decided: what changes meanwhile counts as a change since.
    let mut grounds = Grounds::now(api);
    let caller = authenticate::authenticate(api, headers, asked).await?;
    // By the caller, whoever he then pretends to be, and whatever impersonation headers he sends.
    let is_stranger = caller.username == entryway_access::ANONYMOUS;
    if is_stranger && info.resource.is_some() {
        // As on EKS, nobody in particular may ask for what is public, and nothing else.
        return Err(unauthorized());
    }
    let refused = |refusal: Status| if is_stranger { unauthorized() } else { refusal };
    let snapshot = api.config.authority.snapshot();
    let now = api.now();
    grounds.until = snapshot.next_end(&caller, now);
    if authenticate::split_service_account(&caller.username).is_none() {
        grounds.bound = None;
    }
    let name = caller.username.clone();
    let user = match impersonate::wanted(headers)? {
        None => caller,
        Some(wanted) => {
            impersonate::impersonate(&snapshot, &api.last_modes, &caller, &wanted, info, now).map_err(refused)?
        }
    };
    authorize::authorize(&snapshot, &user, info, now).map_err(refused)?;
    Ok(Permitted { user, caller: name, grounds })
}

/// What a request asks, kept for asking again.
#[derive(Debug)]
pub(crate) struct Standing {
    headers: HeaderMap,
    info: RequestInfo,
    asked: Timestamp,
    grounds: Grounds,
}

impl Standing {
    pub(crate) fn new(headers: &HeaderMap, info: RequestInfo, asked: Timestamp, grounds: Grounds) -> Standing {
        let decides =
            |name: &header::HeaderName| *name == header::AUTHORIZATION || name.as_str().starts_with("impersonate-");
        let headers =
            headers.iter().filter(|(name, _)| decides(name)).map(|(name, value)| (name.clone(), value.clone()));
        // Collecting would keep one of several values.
        let mut kept = HeaderMap::new();
        headers.for_each(|(name, value)| {
            kept.append(name, value);
        });
        Standing { headers: kept, info, asked, grounds }
    }

    /// Refuses what would be refused now. The token may have run out: it was good when the request came.
    ///
    /// # Errors
    /// As [`permit`] refuses.
    pub(crate) async fn check(&mut self, api: &Api) -> Result<(), Status> {
        if !self.grounds.hold(api) {
            self.grounds = permit(api, &self.headers, &self.info, self.asked).await?.grounds;
        }
        Ok(())
    }
}
