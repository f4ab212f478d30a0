//! What a request says of itself before its body is read, and whether that is worth reading it.

use axum::body::Body;
use entryway_iam::sigv4::{Authorization, Rules, SigV4Error};
use entryway_sandbox::{BodyError, BufferedBody};
use hyper::body::Body as _;

use super::Family;
use crate::eks;
use crate::plane::ControlPlane;
use crate::received::Received;
use crate::who::Refused;

/// Who a request says it is from.
pub(super) struct Claim {
    pub(super) authorization: Result<Option<Authorization>, SigV4Error>,
    /// Why it is refused, where that was clear before its body.
    pub(super) refused: Option<SigV4Error>,
}

impl Claim {
    pub(super) fn region(&self) -> String {
        self.authorization.as_ref().ok().and_then(Option::as_ref).map(|a| a.region().to_owned()).unwrap_or_default()
    }

    /// What is to be checked with the body.
    pub(super) fn authorization(self) -> Result<Authorization, SigV4Error> {
        match self.refused {
            Some(error) => Err(error),
            None => self.authorization?.ok_or(SigV4Error::MissingAuthentication),
        }
    }
}

/// Why a body was not read.
pub(super) enum Unread {
    /// Whatever it holds, the request is refused.
    Refused(SigV4Error),
    Cut(BodyError),
}

/// The body, as far as it matters: what can be refused without it is.
pub(super) async fn body_of(
    plane: &ControlPlane,
    request: &Received,
    authorization: &Result<Option<Authorization>, SigV4Error>,
    body: Body,
) -> Result<BufferedBody, Unread> {
    if body.is_end_stream() {
        return Ok(BufferedBody::EMPTY);
    }
    match authorization {
        Ok(Some(authorization)) => {
            let (rules, signed_path) = match Family::of_scope(authorization.service()) {
                Family::Query(service) => (service.rules(), None),
                Family::Eks => (Rules::API, eks::route(&request.method, &request.path).and_then(|t| t.signed_path())),
                Family::Other => return Ok(BufferedBody::EMPTY),
            };
            let head = plane.identities.check_head(request, authorization, signed_path.as_deref(), &rules);
            match head.await {
                Ok(()) => plane.bodies.of_key(authorization.access_key_id(), body).await.map_err(Unread::Cut),
                Err(Refused::Signature(error)) => Err(Unread::Refused(error)),
                // Asked again, it is told.
                Err(Refused::Failed(_)) => Ok(BufferedBody::EMPTY),
            }
        }
        Ok(None) | Err(_) if request.is_form() => {
            Ok(plane.bodies.of_stranger(request.peer, body).await.unwrap_or(BufferedBody::EMPTY))
        }
        Ok(None) | Err(_) => Ok(BufferedBody::EMPTY),
    }
}
