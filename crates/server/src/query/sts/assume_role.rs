//! AssumeRole: what is asked, whether the caller may, and what the session is made of.

use entryway_access::{Arn, PrincipalArn, PrincipalKind};
use entryway_directory::{
    Account, Directory, LocalCaller, Name, NewRoleSession, Role, SessionKind, Tags, check_document,
};
use entryway_iam::policy::{
    Context, Denied, Layer, PolicyDocument, Request, TrustPolicy, TrustVerdict, Trustee, assume_role, evaluate,
};
use jiff::SignedDuration;
use serde_json::json;

use super::super::xml::{Xml, second};
use super::super::{Parameters, QueryCall, QueryError, Success};
use super::{credentials, length, no_mfa, seconds, word};

/// The longest session of a chain of roles, in seconds.
const CHAINED_SECONDS: u32 = 3600;
/// The most characters of the session policies of one call.
const SESSION_POLICY_SIZE: usize = 2048;
/// The most managed session policies.
const SESSION_POLICIES: usize = 10;

/// What AssumeRole was asked for, in valid form.
struct Asked {
    role: PrincipalArn,
    session_name: String,
    seconds: Option<u32>,
    policy: Option<String>,
    policy_arns: Vec<String>,
    tags: Tags,
    transitive: Vec<String>,
    external_id: Option<String>,
    source_identity: Option<String>,
}

impl Asked {
    fn parse(parameters: &Parameters) -> Result<Self, QueryError> {
        let role_arn = length(parameters, "RoleArn", 20, 2048)?;
        let role_arn = role_arn.map_or_else(|| parameters.required("RoleArn"), Ok)?;
        let invalid = || QueryError::validation(format!("{role_arn} is invalid"));
        role_arn.parse::<Arn>().map_err(|_| invalid())?;
        let role: PrincipalArn = role_arn.parse().map_err(|_| invalid())?;
        if !role.is_role() {
            return Err(invalid());
        }
        parameters.required("RoleSessionName")?;
        let policy = parameters.get("Policy").map(str::to_owned);
        if let Some(text) = &policy {
            check_document("policy", text)?;
        }
        let policy_arns = parameters.fields("PolicyArns", "arn")?;
        if policy_arns.len() > SESSION_POLICIES {
            return Err(QueryError::validation(format!(
                "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have \
                 length less than or equal to {SESSION_POLICIES}"
            )));
        }
        no_mfa(parameters)?;
        if parameters.get("ProvidedContexts.member.1.ProviderArn").is_some() {
            return Err(QueryError::validation(
                "ProvidedContexts are not supported: there are no context providers here",
            ));
        }
        Ok(Self {
            role,
            session_name: word(parameters, "RoleSessionName", 2, 64, "")?.unwrap_or_default(),
            seconds: seconds(parameters, 43_200)?,
            policy,
            policy_arns,
            tags: parameters.tags()?,
            transitive: parameters.texts("TransitiveTagKeys")?,
            external_id: word(parameters, "ExternalId", 2, 1224, ":/")?,
            source_identity: word(parameters, "SourceIdentity", 2, 256, "")?,
        })
    }

    /// The caller's facts and those of the session asked for.
    fn context(&self, call: &QueryCall<'_>) -> Context {
        let mut context = call.context.clone();
        context.set("sts:RoleSessionName", self.session_name.as_str());
        context.set("aws:ResourceAccount", self.role.account().as_str());
        for (key, value) in [("sts:ExternalId", &self.external_id), ("sts:SourceIdentity", &self.source_identity)] {
            if let Some(value) = value {
                context.set(key, value.as_str());
            }
        }
        for tag in self.tags.iter() {
            context.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
        }
        if !self.tags.is_empty() {
            context.set_all("aws:TagKeys", self.tags.iter().map(|tag| tag.key.clone()));
        }
        if !self.transitive.is_empty() {
            context.set_all("sts:TransitiveTagKeys", self.transitive.iter().cloned());
        }
        context
    }
}

pub(super) async fn answer(directory: &Directory, call: &QueryCall<'_>) -> Result<Success, QueryError> {
    let asked = Asked::parse(call.parameters)?;
    let (account, role) = permitted(directory, call, &asked).await?;
    let seconds = session_seconds(call.caller, &asked, &role)?;
    let (tags, transitive, source_identity) = inherited(call.caller, &asked)?;
    let (policies, packed) = session_policies(&account, &asked).await?;
    let new = NewRoleSession {
        session_name: asked.session_name.clone(),
        duration: SignedDuration::from_secs(i64::from(seconds)),
        policies,
        tags,
        transitive,
        source_identity: source_identity.clone(),
    };
    let issued = account.create_role_session(&role, new, call.now).await?;
    let arn =
        format!("arn:{}:sts::{}:assumed-role/{}/{}", account.partition(), account.id(), role.name, asked.session_name);
    let id = format!("{}:{}", role.id, asked.session_name);
    let mut xml = Xml::result();
    xml.nest("AssumedRoleUser", |user| {
        user.leaf("AssumedRoleId", &id).leaf("Arn", &arn);
    });
    credentials(&mut xml, &issued);
    xml.optional("PackedPolicySize", packed);
    xml.optional("SourceIdentity", source_identity);
    let elements = json!({
        "assumedRoleUser": {"assumedRoleId": id, "arn": arn},
        "credentials": {
            "accessKeyId": issued.credentials.access_key_id,
            "expiration": second(issued.expires),
        },
    });
    Ok(Success { result: Some(xml), elements })
}

/// The role, if the caller may have a session of it as it was asked for. Whether it exists is not told apart from
/// whether it trusts the caller.
async fn permitted(directory: &Directory, call: &QueryCall<'_>, asked: &Asked) -> Result<(Account, Role), QueryError> {
    let caller = call.caller;
    let mut context = asked.context(call);
    let refused = |denied: Denied, action: &str| {
        QueryError::access_denied(denied.message(&caller.caller.arn, action, asked.role.as_str()))
    };
    let stranger = Denied::Implicit(Layer::Trust);
    let found = match directory.account(asked.role.account()) {
        Some(account) => find_role(&account, &asked.role).await?.map(|role| (account, role)),
        None => None,
    };
    let (account, role) = found.ok_or_else(|| refused(stranger, "sts:AssumeRole"))?;
    let trust = account
        .trust_for(&role, &caller.principal, &caller.caller.unique_id)?
        .ok_or_else(|| refused(stranger, "sts:AssumeRole"))?;
    for tag in role.tags.iter() {
        context.set(&format!("aws:ResourceTag/{}", tag.key), tag.value.as_str());
        context.set(&format!("iam:ResourceTag/{}", tag.key), tag.value.as_str());
    }
    assume_role(&caller.caller, &asked.role, &trust, &caller.policies.as_set(), &context)
        .map_err(|denied| refused(denied, "sts:AssumeRole"))?;
    if !asked.tags.is_empty() || !asked.transitive.is_empty() {
        also_permitted(caller, &asked.role, &trust, "sts:TagSession", &context)?
            .map_err(|denied| refused(denied, "sts:TagSession"))?;
    }
    if asked.source_identity.is_some() {
        also_permitted(caller, &asked.role, &trust, "sts:SetSourceIdentity", &context)?
            .map_err(|denied| refused(denied, "sts:SetSourceIdentity"))?;
    }
    Ok((account, role))
}

async fn find_role(account: &Account, arn: &PrincipalArn) -> Result<Option<Role>, QueryError> {
    let PrincipalKind::Role { name, .. } = arn.kind() else { return Ok(None) };
    let Ok(name) = Name::role(name) else { return Ok(None) };
    let role = account.find::<Role>(&name).await?;
    Ok(role.filter(|role| account.arn(role) == arn.as_str()))
}

/// Whether trust policy and caller's policies allow what goes along with AssumeRole.
fn also_permitted(
    caller: &LocalCaller,
    role: &PrincipalArn,
    trust: &TrustPolicy,
    action: &str,
    context: &Context,
) -> Result<Result<(), Denied>, QueryError> {
    let request = Request { action, resource: role.as_str(), context };
    let own = caller.policies.as_set();
    match trust.evaluate(Trustee::Aws(&caller.caller), action, context) {
        TrustVerdict::Denied(denied) => Ok(Err(denied)),
        // The caller itself is trusted within its account: its policies need not allow, but may deny or limit.
        TrustVerdict::Direct(_) if caller.principal.account() == role.account() => {
            let anything = anything()?;
            let mut own = own;
            own.identity.push(&anything);
            Ok(evaluate(&own, &request).map(|_| ()))
        }
        TrustVerdict::Direct(_) | TrustVerdict::Account(_) => Ok(evaluate(&own, &request).map(|_| ())),
    }
}

/// The policy that allows everything.
fn anything() -> Result<PolicyDocument, QueryError> {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    Ok(PolicyDocument::parse(text)?)
}

fn session_seconds(caller: &LocalCaller, asked: &Asked, role: &Role) -> Result<u32, QueryError> {
    let seconds = asked.seconds.unwrap_or(3600);
    if matches!(caller.session, SessionKind::Role { .. }) && seconds > CHAINED_SECONDS {
        return Err(QueryError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    if seconds > role.max_session_seconds {
        return Err(QueryError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(seconds)
}

/// The tags, transitive keys and source identity of the new session: the call's, and what a chain passes on.
fn inherited(caller: &LocalCaller, asked: &Asked) -> Result<(Tags, Vec<String>, Option<String>), QueryError> {
    let mut tags = asked.tags.clone();
    let mut transitive = asked.transitive.clone();
    if let Some(key) = transitive.iter().find(|key| tags.get(key).is_none()) {
        return Err(QueryError::validation(format!(
            "The specified transitive tag key must be included in the requested tags: {key}"
        )));
    }
    let SessionKind::Role { source_identity, transitive_tags, .. } = &caller.session else {
        return Ok((tags, transitive, asked.source_identity.clone()));
    };
    for tag in transitive_tags.iter() {
        if tags.get(&tag.key).is_some() {
            return Err(QueryError::new(
                "InvalidParameterValue",
                400,
                format!(
                    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session: {}",
                    tag.key
                ),
            ));
        }
        transitive.push(tag.key.clone());
    }
    tags.merge(transitive_tags)?;
    match (source_identity, &asked.source_identity) {
        (Some(first), Some(other)) if first != other => Err(QueryError::access_denied(
            "The source identity of a session can't be changed: it was set when the first role of the chain was assumed",
        )),
        (first, other) => Ok((tags, transitive, first.clone().or_else(|| other.clone()))),
    }
}

/// The session policies, and how much of their room they take, in percent; none where there are neither policies nor
/// tags.
async fn session_policies(account: &Account, asked: &Asked) -> Result<(Vec<String>, Option<usize>), QueryError> {
    let mut policies = Vec::new();
    let mut size = 0;
    if let Some(text) = &asked.policy {
        PolicyDocument::parse(text)?;
        size += text.chars().count();
        policies.push(text.clone());
    }
    for arn in &asked.policy_arns {
        let policy = account.policy(arn).await?;
        size += arn.chars().count();
        policies.push(policy.document()?.to_owned());
    }
    if size > SESSION_POLICY_SIZE {
        return Err(QueryError::validation(format!(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less \
             than or equal to {SESSION_POLICY_SIZE}"
        )));
    }
    size += asked.tags.iter().map(|tag| tag.key.chars().count() + tag.value.chars().count()).sum::<usize>();
    let packed = size.div_ceil(50);
    if packed > 100 {
        return Err(QueryError::new(
            "PackedPolicyTooLarge",
            400,
            format!("Packed policy consumes {packed}% of allotted space, please use smaller policy."),
        ));
    }
    Ok((policies, (size > 0).then_some(packed)))
}
