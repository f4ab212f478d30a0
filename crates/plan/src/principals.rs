//! Whom a declaration means: ARNs as they stand, permission sets and IAM groups looked up.

use entryway_access::{AccountId, Partition, PrincipalArn, PrincipalKind, Region};
use entryway_formats::{Diagnostic, Place, Placed, PrincipalRef};

use crate::{Readable, World};

/// A principal, and what it was resolved from where the file does not name its ARN.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) principal: PrincipalArn,
    pub(crate) from: Option<From>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum From {
    PermissionSet(String),
    Group(String),
}

impl From {
    pub(crate) fn shown(&self) -> String {
        match self {
            From::PermissionSet(name) => format!("SSO permission set {name}"),
            From::Group(name) => format!("IAM group {name}"),
        }
    }
}

/// The partition and account that a reference is about which names none: the cluster's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home<'a> {
    pub(crate) partition: Partition,
    pub(crate) account: &'a AccountId,
}

/// The principals of a reference; none where it can't be resolved, with an error that says why.
pub(crate) fn resolve_principal(
    reference: &Placed<PrincipalRef>,
    home: Home<'_>,
    world: &World,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Resolved> {
    let place = &reference.place;
    match &reference.value {
        PrincipalRef::Arn(principal) => vec![Resolved { principal: principal.clone(), from: None }],
        PrincipalRef::InAccount(kind) => match PrincipalArn::new(home.partition, home.account.clone(), kind.clone()) {
            Ok(principal) => vec![Resolved { principal, from: None }],
            Err(error) => {
                diagnostics.push(Diagnostic::error(error.to_string(), place.clone()));
                Vec::new()
            }
        },
        PrincipalRef::SsoPermissionSet { name, account, region } => {
            let account = account.as_ref().unwrap_or(home.account);
            match permission_set(name, account, region.as_ref(), world, place) {
                Ok(principal) => vec![Resolved { principal, from: Some(From::PermissionSet(name.clone())) }],
                Err(diagnostic) => {
                    diagnostics.push(diagnostic);
                    Vec::new()
                }
            }
        }
        PrincipalRef::IamGroup { name, account } => {
            let account = account.as_ref().unwrap_or(home.account);
            match world.group_members.get(&(account.clone(), name.clone())) {
                Some(Readable::Read(members)) => {
                    if members.is_empty() {
                        let message = format!(
                            "the IAM group `{name}` of account {account} has no users; nobody is granted anything"
                        );
                        diagnostics.push(Diagnostic::warning(message, place.clone()));
                    }
                    let from = || Some(From::Group(name.clone()));
                    members.iter().map(|member| Resolved { principal: member.clone(), from: from() }).collect()
                }
                other => {
                    let why = unreadable(other);
                    let message =
                        format!("the users of the IAM group `{name}` of account {account} are not known: {why}");
                    let help = "allow `iam:GetGroup`, or give the account's authorization details as a file";
                    diagnostics.push(Diagnostic::error(message, place.clone()).help(help));
                    Vec::new()
                }
            }
        }
        PrincipalRef::Unknown { label, reason } => {
            let message = format!("the principal of `{label}` can't be known from the text: {reason}");
            let help = "read the output of `terraform show -json` (or the rendered text) instead";
            diagnostics.push(Diagnostic::error(message, place.clone()).help(help));
            Vec::new()
        }
    }
}

fn unreadable<T>(found: Option<&Readable<T>>) -> &str {
    match found {
        Some(Readable::Unreadable(why)) => why,
        Some(Readable::Read(_)) | None => "nobody has looked them up",
    }
}

const SSO_PATH: &str = "/aws-reserved/sso.amazonaws.com/";
const SSO_PREFIX: &str = "AWSReservedSSO_";

/// The permission set of an SSO role, `Admins` of `AWSReservedSSO_Admins_0123456789abcdef`.
fn set_of(principal: &PrincipalArn) -> Option<&str> {
    let PrincipalKind::Role { path, name } = principal.kind() else { return None };
    let (set, suffix) = name.strip_prefix(SSO_PREFIX)?.rsplit_once('_')?;
    let is_suffix = suffix.len() == 16 && suffix.bytes().all(|b| b.is_ascii_hexdigit());
    (path.starts_with(SSO_PATH) && is_suffix).then_some(set)
}

/// The region in an SSO role's path; none where Identity Center is in us-east-1.
fn region_of(principal: &PrincipalArn) -> Option<&str> {
    principal.path().strip_prefix(SSO_PATH)?.strip_suffix('/')
}

fn permission_set(
    name: &str,
    account: &AccountId,
    region: Option<&Region>,
    world: &World,
    place: &Option<Place>,
) -> Result<PrincipalArn, Diagnostic> {
    let roles = match world.roles.get(account) {
        Some(Readable::Read(roles)) => roles,
        other => {
            let message = format!(
                "the role of the permission set `{name}` in account {account} is not known: {}",
                unreadable(other)
            );
            let help = "allow `iam:ListRoles`, or give the roles as a file";
            return Err(Diagnostic::error(message, place.clone()).help(help));
        }
    };
    let in_region =
        |role: &&PrincipalArn| region.is_none_or(|region| region_of(role).unwrap_or("us-east-1") == region.as_str());
    let found: Vec<&PrincipalArn> = roles.iter().filter(|role| set_of(role) == Some(name)).filter(in_region).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let sets: Vec<String> = roles.iter().filter_map(set_of).map(|set| format!("`{set}`")).collect();
            let there = match sets.is_empty() {
                true => "there are no SSO roles at all".to_owned(),
                false => format!("there are {}", sets.join(", ")),
            };
            let message = format!("account {account} has no role of the permission set `{name}`; {there}");
            let help = "a role appears once the permission set is assigned to somebody in the account";
            Err(Diagnostic::error(message, place.clone()).help(help))
        }
        several => {
            let names: Vec<String> = several.iter().map(|role| format!("`{role}`")).collect();
            let message =
                format!("account {account} has several roles of the permission set `{name}`: {}", names.join(", "));
            Err(Diagnostic::error(message, place.clone()).help("say which by `region`, or write the ARN"))
        }
    }
}
