//! Reading policy documents the way IAM does, with its refusals.

use entryway_access::Partition;

use super::condition::Condition;
use super::document::{Clause, Effect, Selection};
use super::json::Json;
use super::pattern::{ArnPattern, Pattern, Signs, split_parts};
use super::{MAX_POLICY_BYTES, PolicyError};

/// The two kinds of documents, which differ in their elements and in how IAM words its refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Identity,
    Trust,
}

/// How one document is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    kind: Kind,
    /// Policy variables came with version 2012-10-17; in older documents `${` is text.
    variables: bool,
}

/// A statement's elements, each there at most once.
pub(super) struct RawStatement(Vec<(String, Json)>);

impl RawStatement {
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
/// What a trust policy may allow, in small letters.
const TRUST_ACTIONS: [&str; 3] = ["sts:tagsession", "sts:setsourceidentity", "sts:setcontext"];

impl Reader {
    /// Reads all but what is in the statements.
    pub(super) fn open(text: &str, kind: Kind) -> Result<(Reader, Vec<RawStatement>), PolicyError> {
        let bad_json = if kind == Kind::Identity { PolicyError::Syntax } else { PolicyError::InvalidJson };
        if text.len() > MAX_POLICY_BYTES {
            return Err(bad_json);
        }
        let Ok(Json::Object(document)) = serde_json::from_str(text) else { return Err(bad_json) };
        let mut reader = Reader { kind, variables: false };
        let mut raw = None;
        for (key, value) in document {
            match (key.as_str(), value) {
                ("Version", Json::String(version)) if version == "2012-10-17" => reader.variables = true,
                ("Version", Json::String(version)) if version == "2008-10-17" => {}
                ("Version", _) => return Err(PolicyError::Version),
                ("Id", Json::String(_)) => {}
                ("Statement", Json::Array(list)) if !list.is_empty() => raw = Some(list),
                ("Statement", statement @ Json::Object(_)) => raw = Some(vec![statement]),
                ("Id" | "Statement", _) => return Err(PolicyError::Syntax),
                _ => return Err(reader.unknown(key)),
            }
        }
        let raw = raw.ok_or_else(|| reader.missing("Statement", PolicyError::Syntax))?;
        let statements = raw.into_iter().map(|one| reader.statement(one)).collect::<Result<Vec<_>, _>>()?;
        check_sids(&statements)?;
        Ok((reader, statements))
    }

    pub(super) fn missing(&self, field: &'static str, identity: PolicyError) -> PolicyError {
        if self.kind == Kind::Identity { identity } else { PolicyError::MissingField(field) }
    }

    fn unknown(&self, field: String) -> PolicyError {
        if self.kind == Kind::Identity { PolicyError::Syntax } else { PolicyError::UnknownField(field) }
    }

    fn statement(&self, raw: Json) -> Result<RawStatement, PolicyError> {
        let Json::Object(elements) = raw else { return Err(PolicyError::Syntax) };
        for (key, _) in &elements {
            match (self.kind, key.as_str()) {
                (_, key) if !ELEMENTS.contains(&key) => return Err(self.unknown(key.to_owned())),
                (Kind::Identity, "Principal" | "NotPrincipal") => return Err(PolicyError::Principal),
                (Kind::Trust, "Resource" | "NotResource" | "NotAction") => {
                    return Err(PolicyError::ProhibitedField(key.clone()));
                }
                _ => {}
            }
        }
        Ok(RawStatement(elements))
    }

    /// Effect, actions and conditions.
    pub(super) fn clause(&self, statement: &RawStatement) -> Result<Clause, PolicyError> {
        let effect = match statement.get("Effect") {
            Some(Json::String(text)) if text == "Allow" => Effect::Allow,
            Some(Json::String(text)) if text == "Deny" => Effect::Deny,
            Some(_) => return Err(PolicyError::Syntax),
            None => return Err(self.missing("Effect", PolicyError::Syntax)),
        };
        let actions = selection(statement, "Action", "NotAction", |text| self.action(text))?
            .ok_or_else(|| self.missing("Action", PolicyError::NoActions))?;
        let mut conditions = Vec::new();
        match statement.get("Condition") {
            None => {}
            Some(Json::Object(operators)) => {
                for (operator, keys) in operators {
                    let Json::Object(keys) = keys else { return Err(PolicyError::Syntax) };
                    for (key, values) in keys {
                        conditions.push(self.condition(operator, key, values)?);
                    }
                }
            }
            Some(_) => return Err(PolicyError::Syntax),
        }
        Ok(Clause { effect, actions, conditions })
    }

    fn action(&self, text: &str) -> Result<Pattern, PolicyError> {
        let lower = text.to_ascii_lowercase();
        if self.kind == Kind::Trust && !lower.starts_with("sts:assumerole") && !TRUST_ACTIONS.contains(&lower.as_str())
        {
            return Err(PolicyError::NotAssumeRole);
        }
        if text != "*" && text != "*:*" {
            let (vendor, name) = text.split_once(':').ok_or(PolicyError::NoVendor)?;
            if name.contains(':') {
                return Err(PolicyError::Colons);
            }
            if vendor.is_empty() || !vendor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(PolicyError::Vendor(vendor.to_owned()));
            }
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?".contains(&b)) {
                return Err(PolicyError::Syntax);
            }
        }
        Ok(Pattern::parse(text, Signs { wildcards: true, variables: false }))
    }

    fn condition(&self, operator: &str, key: &str, values: &Json) -> Result<Condition, PolicyError> {
        if !key.contains(':') {
            return Err(PolicyError::NoVendor);
        }
        let values = match values {
            Json::Array(list) if list.is_empty() => return Err(PolicyError::Syntax),
            Json::Array(list) => list.iter().map(scalar).collect::<Option<Vec<_>>>(),
            one => scalar(one).map(|value| vec![value]),
        };
        Condition::parse(operator, key, &values.ok_or(PolicyError::Syntax)?, self.variables)
    }

    /// An identity policy's resources.
    pub(super) fn resources(&self, statement: &RawStatement) -> Result<Selection<ArnPattern>, PolicyError> {
        selection(statement, "Resource", "NotResource", |text| self.resource(text))?.ok_or(PolicyError::NoResources)
    }

    fn resource(&self, text: &str) -> Result<ArnPattern, PolicyError> {
        if text != "*" {
            let mut parts = split_parts(text, self.variables).into_iter();
            let (Some("arn"), Some(partition)) = (parts.next(), parts.next()) else {
                return Err(PolicyError::ResourceForm(text.to_owned()));
            };
            let open = |part: &str| part.contains(['*', '?', '$']);
            if !open(partition) && partition.parse::<Partition>().is_err() {
                return Err(PolicyError::ResourcePartition { partition: partition.into(), resource: text.into() });
            }
            let Some(service) = parts.next().filter(|service| !service.is_empty() && !open(service)) else {
                return Err(PolicyError::ResourceVendor);
            };
            if !service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(PolicyError::Vendor(service.to_owned()));
            }
        }
        Ok(ArnPattern::parse(text, self.variables))
    }
}

fn check_sids(statements: &[RawStatement]) -> Result<(), PolicyError> {
    let mut seen = Vec::new();
    for statement in statements {
        match statement.get("Sid") {
            None => {}
            Some(Json::String(sid)) if sid.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                if !sid.is_empty() && seen.contains(&sid) {
                    return Err(PolicyError::SidNotUnique);
                }
                seen.push(sid);
            }
            Some(Json::String(_)) => return Err(PolicyError::SidForm),
            Some(_) => return Err(PolicyError::Syntax),
        }
    }
    Ok(())
}

/// An element or its `Not…` form; both at once are refused, `None` where neither is there.
pub(super) fn selection<T>(
    statement: &RawStatement,
    name: &str,
    not_name: &str,
    parse: impl Fn(&str) -> Result<T, PolicyError>,
) -> Result<Option<Selection<T>>, PolicyError> {
    match (statement.get(name), statement.get(not_name)) {
        (None, None) => Ok(None),
        (Some(only), None) => texts(only, parse).map(|items| Some(Selection::Only(items))),
        (None, Some(but)) => texts(but, parse).map(|items| Some(Selection::AllBut(items))),
        (Some(_), Some(_)) => Err(PolicyError::Syntax),
    }
}

/// A text, or a list of some.
pub(super) fn texts<T>(json: &Json, parse: impl Fn(&str) -> Result<T, PolicyError>) -> Result<Vec<T>, PolicyError> {
    let text = |json: &Json| match json {
        Json::String(text) => parse(text),
        _ => Err(PolicyError::Syntax),
    };
    match json {
        Json::Array(list) if list.is_empty() => Err(PolicyError::Syntax),
        Json::Array(list) => list.iter().map(text).collect(),
        one => text(one).map(|item| vec![item]),
    }
}

/// Condition values may be written without quotes.
fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) | Json::Number(text) => Some(text.clone()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
