//! The aws-auth ConfigMap: one parser, with positions within each string (`authn.md` §4, `formats.md` §6).
//!
//! It reads what the authenticator reads, and reports what that passes over in silence. A key whose text
//! is no YAML is lost whole; an element that is wrong is lost alone. What is lost can only take access
//! away, and is always named.

use std::collections::{BTreeMap, HashMap};

use crate::yaml::{self, Node, Value};
use crate::{AccountId, PrincipalArn, Template};

/// A place within the text of one key of the ConfigMap, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// Whom a line maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappedPrincipal {
    /// An ARN that parsed.
    Arn(PrincipalArn),
    /// Something else that stands in `rolearn` or `userarn` (kept to be shown; matches nobody).
    Unusable(String),
}

/// One line of `mapRoles` or `mapUsers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Whom.
    pub principal: MappedPrincipal,
    /// Username; absent where the line has none (it then maps nobody).
    pub username: Option<Template>,
    /// Groups.
    pub groups: Vec<Template>,
    /// Where the element begins.
    pub position: Position,
}

/// What is wrong or worth knowing in the text. Never takes the rest of the map down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsAuthProblem {
    /// `mapRoles`, `mapUsers` or `mapAccounts` (or the key that is none of them).
    pub key: String,
    /// Where.
    pub position: Position,
    /// What, and what to do.
    pub message: String,
    /// Whether the element (or key) is out of force because of it.
    pub dropped: bool,
}

/// The parsed aws-auth: what is in force, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsAuth {
    /// `mapRoles`.
    pub roles: Vec<Mapping>,
    /// `mapUsers`.
    pub users: Vec<Mapping>,
    /// `mapAccounts`.
    pub accounts: Vec<AccountId>,
}

const MAP_ROLES: &str = "mapRoles";
const MAP_USERS: &str = "mapUsers";
const MAP_ACCOUNTS: &str = "mapAccounts";

impl AwsAuth {
    /// Parses the `data` of the ConfigMap. Never fails: what can't be read is a problem, and the other
    /// keys and elements stay in force. Problems come by key, then by place.
    pub fn parse(data: &BTreeMap<String, String>) -> (AwsAuth, Vec<AwsAuthProblem>) {
        let mut aws_auth = AwsAuth::default();
        let mut problems = Vec::new();
        for (key, text) in data {
            let mut report = Report { key, problems: Vec::new() };
            match key.as_str() {
                MAP_ROLES => aws_auth.roles = read_mappings(text, &ROLE_LINE, &mut report),
                MAP_USERS => aws_auth.users = read_mappings(text, &USER_LINE, &mut report),
                MAP_ACCOUNTS => aws_auth.accounts = read_accounts(text, &mut report),
                _ => report_key(key, &mut report),
            }
            report.problems.sort_by_key(|problem| problem.position);
            problems.append(&mut report.problems);
        }
        (aws_auth, problems)
    }
}

/// Collects the problems of one key.
struct Report<'k> {
    key: &'k str,
    problems: Vec<AwsAuthProblem>,
}

impl Report<'_> {
    /// Something is out of force.
    fn dropped(&mut self, position: Position, message: impl Into<String>) {
        self.add(position, message.into(), true);
    }
    /// Something is odd, and in force all the same.
    fn noted(&mut self, position: Position, message: impl Into<String>) {
        self.add(position, message.into(), false);
    }
    fn add(&mut self, position: Position, message: String, dropped: bool) {
        self.problems.push(AwsAuthProblem { key: self.key.to_owned(), position, message, dropped });
    }
}

const START: Position = Position { line: 1, column: 1 };

fn report_key(key: &str, report: &mut Report<'_>) {
    match [MAP_ROLES, MAP_USERS, MAP_ACCOUNTS].into_iter().find(|known| known.eq_ignore_ascii_case(key)) {
        Some(known) => report.dropped(START, format!("the key `{key}` is ignored: its letter case must be `{known}`")),
        None => report.dropped(
            START,
            format!("the key `{key}` is ignored: only {MAP_ROLES}, {MAP_USERS} and {MAP_ACCOUNTS} mean anything"),
        ),
    }
}

/// The list in a key's text. An empty text, whatever stands for one, is an empty list.
fn read_list(text: &str, report: &mut Report<'_>) -> Vec<Node> {
    // Two backticks are how some templates write nothing; YAML knows no backtick.
    if text.trim().is_empty() || text.trim() == "``" {
        return Vec::new();
    }
    let document = match yaml::parse(text) {
        Ok(Some(document)) => document,
        Ok(None) => return Vec::new(),
        Err(error) => {
            report.dropped(error.position, format!("all of {} is out of force: {}", report.key, error.message));
            return Vec::new();
        }
    };
    if let Some(position) = document.second {
        report.dropped(position, "only the first YAML document is read; join the lists into one");
    }
    match document.root.value {
        Value::Null => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::List(items) => items,
        Value::String(_) | Value::Other(_) | Value::Map(_) => {
            let message =
                format!("all of {} is out of force: it must be a list, each element begun by `- `", report.key);
            report.dropped(document.root.position, message);
            Vec::new()
        }
    }
}

/// What the two kinds of lines call their ARN.
struct LineForm {
    arn_key: &'static str,
    other_key: &'static str,
}

const ROLE_LINE: LineForm = LineForm { arn_key: "rolearn", other_key: "userarn" };
const USER_LINE: LineForm = LineForm { arn_key: "userarn", other_key: "rolearn" };

fn read_mappings(text: &str, form: &LineForm, report: &mut Report<'_>) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for node in read_list(text, report) {
        let position = node.position;
        match read_mapping(node, form, report) {
            Ok(mapping) => mappings.extend(mapping),
            Err(message) => report.dropped(position, message),
        }
    }
    report_repeated(&mappings, report);
    mappings
}

/// Of several lines for one ARN the last one wins; the others are named.
fn report_repeated(mappings: &[Mapping], report: &mut Report<'_>) {
    let mut last: HashMap<String, Position> = HashMap::new();
    for mapping in mappings.iter().rev() {
        let MappedPrincipal::Arn(arn) = &mapping.principal else { continue };
        match last.get(&arn.as_str().to_ascii_lowercase()) {
            None => {
                last.insert(arn.as_str().to_ascii_lowercase(), mapping.position);
            }
            Some(winner) => {
                let message = format!("the line for `{arn}` at {winner} comes later and wins; groups are not merged");
                report.dropped(mapping.position, message);
            }
        }
    }
}

/// The members of an element, by their names in lower case.
#[derive(Default)]
struct Members {
    arn: Option<Node>,
    username: Option<Node>,
    groups: Option<Node>,
}

/// One element; `Ok(None)` for one that says nothing at all.
fn read_mapping(node: Node, form: &LineForm, report: &mut Report<'_>) -> Result<Option<Mapping>, String> {
    let position = node.position;
    let pairs = match node.value {
        Value::Map(pairs) if pairs.is_empty() => return Ok(None),
        Value::Null => return Ok(None),
        Value::Map(pairs) => pairs,
        Value::String(_) | Value::Other(_) | Value::List(_) => {
            return Err(format!("an element must have the members {}, username and groups", form.arn_key));
        }
    };
    let mut members = Members::default();
    let mut foreign = None;
    for (key, value) in merged(pairs) {
        let place = match key.to_ascii_lowercase().as_str() {
            name if name == form.arn_key => &mut members.arn,
            "username" => &mut members.username,
            "groups" => &mut members.groups,
            "userid" => continue,
            "group" => {
                report.noted(value.position, "`group` is ignored; the member is called `groups`, and is a list");
                continue;
            }
            name if name == form.other_key => {
                foreign = Some(form.other_key);
                continue;
            }
            "sso" => {
                foreign = Some("sso");
                continue;
            }
            _ => {
                report.noted(value.position, format!("the member `{key}` is ignored"));
                continue;
            }
        };
        if place.is_some() {
            report.noted(value.position, format!("`{key}` is there twice; the later one counts"));
        }
        *place = Some(value);
    }
    let arn = text_member(members.arn, form.arn_key)?.filter(|(text, _)| !text.is_empty());
    let Some((arn, arn_position)) = arn else {
        return Err(match foreign {
            Some("sso") => "`sso` is switched off on EKS; name the role's ARN in `rolearn`".to_owned(),
            Some(other) => {
                format!("`{other}` does not belong in {}; the member is called `{}`", report.key, form.arn_key)
            }
            None => format!("`{}` is missing", form.arn_key),
        });
    };
    let username = text_member(members.username, "username")?.map(|(text, _)| text).filter(|text| !text.is_empty());
    let groups = read_groups(members.groups)?;
    if username.is_none() {
        report.dropped(position, format!("`{arn}` has no username, and is mapped to nobody; add `username`"));
    }
    let principal = read_principal(arn, arn_position, report);
    Ok(Some(Mapping { principal, username: username.map(Template::new), groups, position }))
}

/// The pairs with YAML's merge key `<<` resolved: what is merged counts less than what is written.
fn merged(pairs: Vec<(String, Node)>) -> Vec<(String, Node)> {
    let mut base = Vec::new();
    let mut own = Vec::new();
    for (key, node) in pairs {
        if key != "<<" {
            own.push((key, node));
            continue;
        }
        let maps = match node.value {
            Value::Map(_) => vec![node],
            // The first of a list counts most.
            Value::List(items) => items.into_iter().rev().collect(),
            Value::Null | Value::String(_) | Value::Other(_) => Vec::new(),
        };
        base.extend(
            maps.into_iter().filter_map(|map| if let Value::Map(pairs) = map.value { Some(pairs) } else { None }),
        );
    }
    let is_own = |key: &str, own: &[(String, Node)]| own.iter().any(|(name, _)| name.eq_ignore_ascii_case(key));
    let mut all: Vec<(String, Node)> = Vec::new();
    for (key, node) in base.into_iter().flatten().filter(|(key, _)| !is_own(key, &own)) {
        all.retain(|(name, _)| !name.eq_ignore_ascii_case(&key));
        all.push((key, node));
    }
    all.extend(own);
    all
}

/// A member that must be a text, if it is there.
fn text_member(node: Option<Node>, name: &str) -> Result<Option<(String, Position)>, String> {
    let Some(node) = node else { return Ok(None) };
    match node.value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some((text, node.position))),
        Value::Other(text) => Err(format!("`{name}: {text}` is no text for YAML; put it in quotes")),
        Value::List(_) | Value::Map(_) => Err(format!("`{name}` must be a text")),
    }
}

fn read_groups(node: Option<Node>) -> Result<Vec<Template>, String> {
    let items = match node.map(|node| node.value) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::List(items)) => items,
        Some(Value::String(_) | Value::Other(_) | Value::Map(_)) => {
            return Err("`groups` must be a list, each group begun by `- `".to_owned());
        }
    };
    let groups = items.into_iter().map(|item| text_member(Some(item), "groups"));
    let texts = groups.collect::<Result<Vec<_>, _>>()?;
    Ok(texts.into_iter().flatten().map(|(text, _)| text).filter(|text| !text.is_empty()).map(Template::new).collect())
}

/// An ARN as a line has it. Those that can never match are reported, and kept to be shown.
fn read_principal(text: String, position: Position, report: &mut Report<'_>) -> MappedPrincipal {
    match parse_any_case(&text) {
        Ok(principal) => {
            if principal.is_role() && principal.path() != "/" {
                let without = principal.without_path();
                let why = "STS never tells a role's path, so this line matches nobody";
                report.dropped(position, format!("`{principal}`: {why}; write `{without}`"));
            }
            MappedPrincipal::Arn(principal)
        }
        Err(why) => {
            report.dropped(position, format!("matches nobody: {why}"));
            MappedPrincipal::Unusable(text)
        }
    }
}

/// ARNs are compared without regard to case here, so `arn:aws:iam::…:Role/Dev` is one too.
fn parse_any_case(text: &str) -> Result<PrincipalArn, crate::ArnError> {
    text.parse().or_else(|error| {
        let (head, tail) = text.split_once('/').map_or((text, None), |(head, tail)| (head, Some(tail)));
        let lower =
            tail.map_or_else(|| head.to_ascii_lowercase(), |tail| format!("{}/{tail}", head.to_ascii_lowercase()));
        lower.parse().map_err(|_| error)
    })
}

fn read_accounts(text: &str, report: &mut Report<'_>) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> = Vec::new();
    for node in read_list(text, report) {
        let digits = match &node.value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            // Without quotes YAML takes it for a number and may lose its zeros: so the raw text counts.
            Value::Other(raw) => format!("{raw:0>12}"),
            Value::List(_) | Value::Map(_) => {
                report.dropped(node.position, "an account must be 12 digits in quotes");
                continue;
            }
        };
        match digits.parse() {
            Ok(account) if accounts.contains(&account) => {}
            Ok(account) => accounts.push(account),
            Err(error) => report.dropped(node.position, format!("{error}, in quotes")),
        }
    }
    accounts
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
