//! Principals as people write them, and as callers that never signed anything.

use std::str::FromStr;

use entryway_access::{AccountId, ArnError, Caller, CallerError, Partition, PrincipalArn, PrincipalKind};

/// What may be written for a principal: its ARN, the ARN of a role's session, or `role/NAME`, `user/NAME` (with a
/// path where it has one: `role/team/x/NAME`), `root` in the caller's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalText {
    /// An ARN.
    Arn(PrincipalArn),
    /// `arn:P:sts::A:assumed-role/NAME/SESSION`: who a role's session is. No entry can be made for one.
    Session(String),
    /// Without account: `role/…`, `user/…` or `root`.
    InAccount(String),
}

impl FromStr for PrincipalText {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        if text.starts_with("arn:") && text.contains(":assumed-role/") {
            return Ok(PrincipalText::Session(text.to_owned()));
        }
        if text.starts_with("arn:") {
            return text.parse().map(PrincipalText::Arn);
        }
        let short = text.strip_prefix("role/").or_else(|| text.strip_prefix("user/"));
        if text != "root" && short.is_none_or(str::is_empty) {
            return Err(ArnError {
                what: "principal",
                value: text.to_owned(),
                rule: "it is written as an ARN (`arn:aws:iam::111122223333:role/NAME`), or as `role/NAME` or `user/NAME` in your own account".to_owned(),
            });
        }
        // The account is not known yet; any will do to check name and path.
        format!("arn:aws:iam::111122223333:{text}")
            .parse::<PrincipalArn>()
            .map_err(|error| ArnError { value: text.to_owned(), ..error })?;
        Ok(PrincipalText::InAccount(text.to_owned()))
    }
}

impl PrincipalText {
    /// Whether the caller's account has to be known.
    pub fn needs_account(&self) -> bool {
        matches!(self, PrincipalText::InAccount(_))
    }

    /// The principal, in that account where the text names none. A session is not a principal: the error names the
    /// role to write instead.
    pub fn principal(&self, partition: Partition, account: &AccountId) -> Result<PrincipalArn, ArnError> {
        match self {
            PrincipalText::Arn(arn) => Ok(arn.clone()),
            PrincipalText::InAccount(rest) => format!("arn:{partition}:iam::{account}:{rest}").parse(),
            PrincipalText::Session(arn) => {
                let role = arn.split('/').nth(1).unwrap_or_default();
                Err(ArnError {
                    what: "principal",
                    value: arn.clone(),
                    rule: format!("it is a session of a role; write the role, such as `role/{role}`"),
                })
            }
        }
    }

    /// The caller that the principal would be: for a session the session itself, else [`stand_in`].
    pub fn caller(&self, partition: Partition, account: &AccountId) -> Result<Caller, CallerError> {
        if let PrincipalText::Session(arn) = self {
            let session = arn.rsplit('/').next().unwrap_or_default();
            let account = arn.split(':').nth(4).unwrap_or_default();
            return Caller::from_sts(account, arn, &format!("{STAND_IN_ROLE_ID}:{session}"), "");
        }
        let principal = self.principal(partition, account).map_err(|error| CallerError(error.to_string()))?;
        stand_in(&principal)
    }
}

/// The session's name that a role has when nobody has assumed it.
const STAND_IN_SESSION: &str = "someone";
/// A unique id of a role, of the right form, that is nobody's: only the role's name is known to a question.
const STAND_IN_ROLE_ID: &str = "AROA00000000000000000";
/// The same for users.
const STAND_IN_USER_ID: &str = "AIDA00000000000000000";

/// The caller that STS would describe if `principal` signed a request. Roles get a session named `someone`.
pub fn stand_in(principal: &PrincipalArn) -> Result<Caller, CallerError> {
    let account = principal.account().as_str();
    let partition = principal.partition();
    match principal.kind() {
        PrincipalKind::Role { name, .. } => {
            let arn = format!("arn:{partition}:sts::{account}:assumed-role/{name}/{STAND_IN_SESSION}");
            Caller::from_sts(account, &arn, &format!("{STAND_IN_ROLE_ID}:{STAND_IN_SESSION}"), "")
        }
        PrincipalKind::User { .. } => Caller::from_sts(account, principal.as_str(), STAND_IN_USER_ID, ""),
        PrincipalKind::Root => Caller::from_sts(account, principal.as_str(), account, ""),
        PrincipalKind::FederatedUser { name } => {
            Caller::from_sts(account, principal.as_str(), &format!("{account}:{name}"), "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        "444455556666".parse().unwrap()
    }

    #[test]
    fn short_forms_are_of_the_callers_account() {
        for (text, arn) in [
            ("role/dev", "arn:aws-cn:iam::444455556666:role/dev"),
            ("role/team/x/dev", "arn:aws-cn:iam::444455556666:role/team/x/dev"),
            ("user/jo", "arn:aws-cn:iam::444455556666:user/jo"),
            ("root", "arn:aws-cn:iam::444455556666:root"),
            ("arn:aws:iam::111122223333:role/dev", "arn:aws:iam::111122223333:role/dev"),
        ] {
            let parsed: PrincipalText = text.parse().unwrap();
            assert_eq!(parsed.principal(Partition::AwsCn, &account()).unwrap().as_str(), arn);
        }
        for text in
            ["", "dev", "role/", "group/x", "role//x", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:group/x"]
        {
            assert!(text.parse::<PrincipalText>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_session_is_a_caller_but_no_principal() {
        let parsed: PrincipalText = "arn:aws:sts::111122223333:assumed-role/dev/jo".parse().unwrap();
        let error = parsed.principal(Partition::Aws, &account()).unwrap_err();
        assert!(error.to_string().contains("role/dev"), "{error}");
        let caller = parsed.caller(Partition::Aws, &account()).unwrap();
        assert_eq!(caller.session_name, "jo");
        assert_eq!(caller.principal.as_str(), "arn:aws:iam::111122223333:role/dev");
    }
}
