//! Who signed a request, and what IAM lets them do.

use entryway_access::{AccountId, PrincipalArn};
use entryway_directory::{Credential, Directory, DirectoryError, LocalCaller, PrincipalStatus, SessionKind};
use entryway_iam::policy::{Context, Request, evaluate};
use entryway_iam::sigv4::{Authorization, PayloadHash, RequestParts, Rules, SigV4Error};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::received::Received;

/// Why a request is nobody's.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The signature, or the key.
    Signature(SigV4Error),
    /// The identities could not be read.
    Failed(String),
}

impl From<SigV4Error> for Refused {
    fn from(error: SigV4Error) -> Self {
        Refused::Signature(error)
    }
}

impl From<DirectoryError> for Refused {
    fn from(error: DirectoryError) -> Self {
        Refused::Failed(error.to_string())
    }
}

/// A caller whose signature has been checked.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) local: LocalCaller,
}

/// Whether a principal exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// With this unique id.
    Known(String),
    /// Its account is kept here, and it is not in it.
    Missing,
    /// Its account is not kept here.
    Elsewhere,
}

/// The identities that signatures are checked against.
#[derive(Debug, Clone)]
pub(crate) struct Identities {
    pub(crate) directory: Directory,
}

impl Identities {
    /// Checks what can be checked of a request's signature before its body is there.
    pub(crate) async fn check_head(
        &self,
        request: &Received,
        authorization: &Authorization,
        signed_path: Option<&str>,
        rules: &Rules,
    ) -> Result<(), Refused> {
        let now = Timestamp::now();
        let credential = self.credential(authorization).await?;
        verify(request, signed_path, |parts| authorization.verify_head(parts, &credential.credentials, now, rules))?;
        if credential.is_expired(now) { Err(SigV4Error::ExpiredToken.into()) } else { Ok(()) }
    }

    /// Checks a request's signature. `signed_path` is what the client may have signed where a proxy decoded the path
    /// on its way; both mean the same.
    pub(crate) async fn authenticate(
        &self,
        request: &Received,
        authorization: &Authorization,
        signed_path: Option<&str>,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Signed, Refused> {
        let credential = self.credential(authorization).await?;
        let payload = PayloadHash::of(&request.body);
        verify(request, signed_path, |parts| {
            authorization.verify(parts, &credential.credentials, payload, now, rules)
        })?;
        if credential.is_expired(now) {
            return Err(SigV4Error::ExpiredToken.into());
        }
        let local = self.directory.caller(&credential).await?.ok_or(SigV4Error::InvalidToken)?;
        Ok(Signed { local })
    }

    async fn credential(&self, authorization: &Authorization) -> Result<Credential, Refused> {
        Ok(self.directory.credentials(authorization.access_key_id()).await?.ok_or(SigV4Error::InvalidToken)?)
    }

    /// Whether a principal exists.
    pub(crate) async fn principal(&self, principal: &PrincipalArn) -> Result<Principal, DirectoryError> {
        Ok(match self.directory.principal_status(principal).await? {
            PrincipalStatus::Exists(id) => Principal::Known(id),
            PrincipalStatus::Absent => Principal::Missing,
            PrincipalStatus::Elsewhere => Principal::Elsewhere,
        })
    }
}

/// Checks a signature by the path that came, and by the one that may have been signed.
fn verify(
    request: &Received,
    signed_path: Option<&str>,
    check: impl Fn(&RequestParts<'_>) -> Result<(), SigV4Error>,
) -> Result<(), SigV4Error> {
    match (request.with_parts(&request.path, &check), signed_path) {
        (Err(SigV4Error::Mismatch), Some(path)) if path != request.path => request.with_parts(path, check),
        (result, _) => result,
    }
}

impl Signed {
    /// As STS tells it.
    pub(crate) fn arn(&self) -> &str {
        &self.local.caller.arn
    }

    pub(crate) fn account(&self) -> &AccountId {
        self.local.account.id()
    }

    /// The role or user, path and all.
    pub(crate) fn principal(&self) -> &PrincipalArn {
        &self.local.principal
    }

    /// The role's or user's id, without the session's name.
    pub(crate) fn unique_id(&self) -> &str {
        let id = &self.local.caller.unique_id;
        id.split_once(':').map_or(id, |(id, _)| id)
    }

    /// The condition keys of the caller and of the request.
    pub(crate) fn context(&self, request: &Received, region: &str, now: Timestamp) -> Context {
        let mut context = self.local.context.clone();
        context.set("aws:RequestedRegion", region);
        // What is here is of the caller's own account, but for a role that AssumeRole names.
        context.set("aws:ResourceAccount", self.account().as_str());
        context.set("aws:ViaAWSService", "false");
        context.set("aws:SourceIp", request.peer.to_string());
        context.set_time(now);
        context.set("aws:SecureTransport", "false");
        if let Some(agent) = request.header("user-agent") {
            context.set("aws:UserAgent", agent);
        }
        context
    }

    /// Whether IAM allows it, or AWS's text of why not.
    pub(crate) fn may(&self, action: &str, resource: &str, context: &Context) -> Result<(), String> {
        let set = self.local.policies.as_set();
        evaluate(&set, &Request { action, resource, context })
            .map(|_| ())
            .map_err(|denied| denied.message(self.arn(), action, resource))
    }

    /// CloudTrail's `userIdentity`.
    pub(crate) fn user_identity(&self) -> Value {
        let caller = &self.local.caller;
        let attributes = |issued: &Timestamp| json!({ "creationDate": issued.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "mfaAuthenticated": "false" });
        let (kind, user_name, context) = match &self.local.session {
            SessionKind::LongTerm => ("IAMUser", Some(self.principal().name()), None),
            SessionKind::User { issued } => {
                ("IAMUser", Some(self.principal().name()), Some(json!({ "attributes": attributes(issued) })))
            }
            SessionKind::Role { issued, .. } => {
                let issuer = json!({
                    "type": "Role",
                    "principalId": self.unique_id(),
                    "arn": self.principal().as_str(),
                    "accountId": self.account().as_str(),
                    "userName": self.principal().name(),
                });
                ("AssumedRole", None, Some(json!({ "sessionIssuer": issuer, "attributes": attributes(issued) })))
            }
        };
        let members = [
            ("type", Some(json!(kind))),
            ("principalId", Some(json!(caller.unique_id))),
            ("arn", Some(json!(caller.arn))),
            ("accountId", Some(json!(self.account().as_str()))),
            ("accessKeyId", Some(json!(caller.access_key_id))),
            ("userName", user_name.map(|name| json!(name))),
            ("sessionContext", context),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
