//! STS: who am I, sessions of roles, sessions of users.

mod assume_role;

use entryway_directory::{Directory, IssuedSession, Name, SessionKind, User, user_id};
use jiff::SignedDuration;
use serde_json::json;

use super::form::lower_first;
use super::xml::{Xml, second};
use super::{Parameters, QueryCall, QueryError, Success};

/// The call that nobody can be denied.
pub(super) const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// Answers a call of STS.
pub(super) async fn answer(directory: &Directory, call: &QueryCall<'_>, action: &str) -> Result<Success, QueryError> {
    match action {
        GET_CALLER_IDENTITY => {
            let caller = &call.caller.caller;
            let mut xml = Xml::result();
            xml.leaf("Arn", &caller.arn).leaf("UserId", user_id(caller)).leaf("Account", call.caller.account.id());
            Ok(Success::of(xml))
        }
        "AssumeRole" => assume_role::answer(directory, call).await,
        "GetSessionToken" => session_token(call).await,
        other => Err(QueryError::no_action(other, "2011-06-15")),
    }
}

/// GetCallerIdentity's answer in JSON.
pub(super) fn identity_json(call: &QueryCall<'_>) -> String {
    let caller = &call.caller.caller;
    json!({"GetCallerIdentityResponse": {
        "GetCallerIdentityResult": {
            "Account": call.caller.account.id().as_str(),
            "Arn": caller.arn,
            "UserId": user_id(caller),
        },
        "ResponseMetadata": {"RequestId": call.request_id},
    }})
    .to_string()
}

async fn session_token(call: &QueryCall<'_>) -> Result<Success, QueryError> {
    no_mfa(call.parameters)?;
    let seconds = seconds(call.parameters, 129_600)?.unwrap_or(43_200);
    if call.caller.session != SessionKind::LongTerm {
        return Err(QueryError::access_denied("Cannot call GetSessionToken with session credentials"));
    }
    let account = &call.caller.account;
    let user = account.get::<User>(&Name::existing_user(call.caller.principal.name())?).await?;
    let issued = account.create_user_session(&user, SignedDuration::from_secs(i64::from(seconds)), call.now).await?;
    let mut xml = Xml::result();
    credentials(&mut xml, &issued);
    let elements = json!({"credentials": {
        "accessKeyId": issued.credentials.access_key_id,
        "expiration": second(issued.expires),
    }});
    Ok(Success { result: Some(xml), elements })
}

fn credentials(xml: &mut Xml, issued: &IssuedSession) {
    let token = issued.credentials.session_token.as_ref().map(|token| token.expose().to_owned());
    xml.nest("Credentials", |inner| {
        inner
            .leaf("AccessKeyId", &issued.credentials.access_key_id)
            .leaf("SecretAccessKey", issued.credentials.secret.expose())
            .optional("SessionToken", token)
            .leaf("Expiration", second(issued.expires));
    });
}

/// `DurationSeconds`, where it is given.
fn seconds(parameters: &Parameters, most: u32) -> Result<Option<u32>, QueryError> {
    let Some(seconds) = parameters.number("DurationSeconds")? else { return Ok(None) };
    let value = seconds.to_string();
    if seconds < 900 {
        let rule = "Member must have value greater than or equal to 900";
        return Err(QueryError::constraint("durationSeconds", &value, rule));
    }
    if seconds > most {
        let rule = format!("Member must have value less than or equal to {most}");
        return Err(QueryError::constraint("durationSeconds", &value, rule));
    }
    Ok(Some(seconds))
}

/// There are no MFA devices here, so no code can be right.
fn no_mfa(parameters: &Parameters) -> Result<(), QueryError> {
    if parameters.get("SerialNumber").is_none() && parameters.get("TokenCode").is_none() {
        return Ok(());
    }
    Err(QueryError::access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "))
}

fn length<'a>(
    parameters: &'a Parameters,
    name: &str,
    least: usize,
    most: usize,
) -> Result<Option<&'a str>, QueryError> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    let (count, parameter) = (text.chars().count(), lower_first(name));
    let shown: String = text.chars().take(most.min(256)).collect();
    if count < least {
        let rule = format!("Member must have length greater than or equal to {least}");
        return Err(QueryError::constraint(&parameter, &shown, rule));
    }
    if count > most {
        let rule = format!("Member must have length less than or equal to {most}");
        return Err(QueryError::constraint(&parameter, &shown, rule));
    }
    Ok(Some(text))
}

/// A text of letters, digits and `_+=,.@-`, and what `more` holds.
fn word(
    parameters: &Parameters,
    name: &str,
    least: usize,
    most: usize,
    more: &str,
) -> Result<Option<String>, QueryError> {
    let Some(text) = length(parameters, name, least, most)? else { return Ok(None) };
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) || more.contains(c)) {
        return Ok(Some(text.to_owned()));
    }
    let pattern = if more.is_empty() { "[\\w+=,.@-]*" } else { "[\\w+=,.@:\\/-]*" };
    let rule = format!("Member must satisfy regular expression pattern: {pattern}");
    Err(QueryError::constraint(&lower_first(name), text, rule))
}
