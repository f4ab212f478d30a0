//! Managed policies and their versions.

use std::collections::HashMap;

use entryway_directory::{
    EntityPath, Group, ManagedPolicy, Name, NewPolicy, Page, PageRequest, PolicyScope, PolicyVersion, Role, Usage, User,
};
use entryway_iam::policy::Context;

use super::super::xml::{Xml, second};
use super::super::{QueryError, Success, page};
use super::named::{Named, encoded, write_tags};
use super::tags::{listed, tag_keys};
use super::{Call, request_tags, resource_tags};

pub(super) async fn create(call: &Call<'_>) -> Result<Success, QueryError> {
    let parameters = call.parameters();
    let new = NewPolicy {
        name: Name::policy(parameters.required("PolicyName")?)?,
        path: parameters.get("Path").map(EntityPath::policy).transpose()?.unwrap_or_default(),
        document: parameters.required("PolicyDocument")?.to_owned(),
        description: parameters.get("Description").map(str::to_owned),
        tags: parameters.tags()?,
    };
    let arn = call.account().policy_arn(&new.path, &new.name);
    let shown = format!("policy {}", new.name);
    call.authorize(&arn, &shown, |context| request_tags(context, &new.tags))?;
    if !new.tags.is_empty() {
        call.authorize_action("TagPolicy", &arn, &shown, |context| request_tags(context, &new.tags))?;
    }
    let policy = call.account().create_policy(new, call.now()).await?;
    let mut xml = Xml::result();
    xml.nest("Policy", |inner| {
        write_summary(inner, &policy, Usage::default());
        if !policy.tags.is_empty() {
            write_tags(inner, &policy.tags);
        }
    });
    Ok(Success::of(xml))
}

pub(super) async fn get(call: &Call<'_>) -> Result<Success, QueryError> {
    let policy = authorized(call, |_| {}).await?;
    let usage = call.account().usage(&policy.arn).await?;
    let mut xml = Xml::result();
    xml.nest("Policy", |inner| {
        write_summary(inner, &policy, usage);
        inner.optional("Description", policy.description.as_ref());
        write_tags(inner, &policy.tags);
    });
    Ok(Success::of(xml))
}

pub(super) async fn list(call: &Call<'_>) -> Result<Success, QueryError> {
    let parameters = call.parameters();
    let prefix = call.path_prefix()?;
    let scope = match one_of(call, "Scope", &["All", "AWS", "Local"])? {
        "AWS" => PolicyScope::Aws,
        "Local" => PolicyScope::Local,
        _ => PolicyScope::All,
    };
    let only_attached = parameters.flag("OnlyAttached")?.unwrap_or(false);
    let filter = match parameters.get("PolicyUsageFilter") {
        None => None,
        Some(_) => Some(one_of(call, "PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"])?),
    };
    let arn = format!("arn:{}:iam::{}:policy{prefix}", call.account().partition(), call.account().id());
    call.authorize(&arn, &format!("policy path {prefix}"), |_| {})?;
    let asked = page::requested(parameters, call.action)?;
    let usages: HashMap<String, Usage> = call.account().usages().await?;
    let usage = |policy: &ManagedPolicy| usages.get(&policy.arn).copied().unwrap_or_default();
    let keep = |policy: &ManagedPolicy| {
        let usage = usage(policy);
        let used = match filter {
            Some("PermissionsBoundary") => usage.boundary > 0,
            Some(_) => usage.attached > 0,
            None => usage.is_used(),
        };
        used || (!only_attached && filter.is_none())
    };
    let policies = call.account().policies(scope, prefix, keep, &asked).await?;
    let mut xml = Xml::result();
    xml.list("Policies", &policies.items, |member, policy| write_summary(member, policy, usage(policy)));
    page::write(&mut xml, &policies, call.action);
    Ok(Success::of(xml))
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Success, QueryError> {
    let policy = authorized(call, |_| {}).await?;
    call.account().delete_policy(&policy.arn).await?;
    Ok(Success::done())
}

pub(super) async fn tag(call: &Call<'_>) -> Result<Success, QueryError> {
    let tags = call.parameters().tags()?;
    let policy = authorized(call, |context| request_tags(context, &tags)).await?;
    call.account().tag_policy(&policy.arn, &tags).await?;
    Ok(Success::done())
}

pub(super) async fn untag(call: &Call<'_>) -> Result<Success, QueryError> {
    let keys = tag_keys(call)?;
    let policy = authorized(call, |context| {
        context.set_all("aws:TagKeys", keys.clone());
    })
    .await?;
    call.account().untag_policy(&policy.arn, &keys).await?;
    Ok(Success::done())
}

pub(super) async fn list_tags(call: &Call<'_>) -> Result<Success, QueryError> {
    let policy = authorized(call, |_| {}).await?;
    listed(call, &policy.tags)
}

pub(super) async fn create_version(call: &Call<'_>) -> Result<Success, QueryError> {
    let document = call.parameters().required("PolicyDocument")?;
    let default = call.parameters().flag("SetAsDefault")?.unwrap_or(false);
    let policy = authorized(call, |_| {}).await?;
    let version = call.account().create_policy_version(&policy.arn, document, default, call.now()).await?;
    let mut xml = Xml::result();
    xml.nest("PolicyVersion", |inner| write_version(inner, &version, default));
    Ok(Success::of(xml))
}

pub(super) async fn get_version(call: &Call<'_>) -> Result<Success, QueryError> {
    let id = version_id(call)?;
    let policy = authorized(call, |_| {}).await?;
    let version = policy.version(id)?;
    let mut xml = Xml::result();
    xml.nest("PolicyVersion", |inner| {
        inner.leaf("Document", encoded(&version.document));
        write_version(inner, version, version.id == policy.default_version);
    });
    Ok(Success::of(xml))
}

pub(super) async fn list_versions(call: &Call<'_>) -> Result<Success, QueryError> {
    let policy = authorized(call, |_| {}).await?;
    let asked = page::requested(call.parameters(), call.action)?;
    // The newest first; a position is what is left to `v1`, so that positions ascend.
    let position = |version: &PolicyVersion| {
        let number: u32 = version.id.trim_start_matches('v').parse().unwrap_or_default();
        format!("{:010}", u32::MAX - number)
    };
    let versions = Page::of(policy.versions.iter().rev().cloned(), position, &asked);
    let mut xml = Xml::result();
    xml.list("Versions", &versions.items, |member, version| {
        write_version(member, version, version.id == policy.default_version);
    });
    page::write(&mut xml, &versions, call.action);
    Ok(Success::of(xml))
}

pub(super) async fn delete_version(call: &Call<'_>) -> Result<Success, QueryError> {
    let id = version_id(call)?;
    let policy = authorized(call, |_| {}).await?;
    call.account().delete_policy_version(&policy.arn, id, call.now()).await?;
    Ok(Success::done())
}

pub(super) async fn set_default_version(call: &Call<'_>) -> Result<Success, QueryError> {
    let id = version_id(call)?;
    let policy = authorized(call, |_| {}).await?;
    call.account().set_default_policy_version(&policy.arn, id, call.now()).await?;
    Ok(Success::done())
}

/// Roles, users and groups that use a policy.
pub(super) async fn list_entities(call: &Call<'_>) -> Result<Success, QueryError> {
    let prefix = call.path_prefix()?;
    let kinds = ["Role", "User", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];
    let kind = call.parameters().get("EntityFilter").map(|_| one_of(call, "EntityFilter", &kinds)).transpose()?;
    let uses = ["PermissionsPolicy", "PermissionsBoundary"];
    let usage =
        call.parameters().get("PolicyUsageFilter").map(|_| one_of(call, "PolicyUsageFilter", &uses)).transpose()?;
    let policy = authorized(call, |_| {}).await?;
    let asked = page::requested(call.parameters(), call.action)?;
    let mut found: Vec<(&str, String, String)> = Vec::new();
    if kind.is_none_or(|kind| kind == "Role") {
        found.extend(users_of::<Role>(call, &policy.arn, prefix, usage).await?);
    }
    if kind.is_none_or(|kind| kind == "User") {
        found.extend(users_of::<User>(call, &policy.arn, prefix, usage).await?);
    }
    if kind.is_none_or(|kind| kind == "Group") {
        found.extend(users_of::<Group>(call, &policy.arn, prefix, usage).await?);
    }
    let page = Page::of(found, |(title, name, _)| format!("{title}/{}", name.to_ascii_lowercase()), &asked);
    let mut xml = Xml::result();
    for title in ["Group", "User", "Role"] {
        let of_title = page.items.iter().filter(|(other, _, _)| *other == title);
        xml.list(&format!("Policy{title}s"), of_title, |member, (_, name, id)| {
            member.leaf(&format!("{title}Name"), name).leaf(&format!("{title}Id"), id);
        });
    }
    page::write(&mut xml, &page, call.action);
    Ok(Success::of(xml))
}

/// The title, name and id of each role, user or group that uses a policy, in the order of names.
async fn users_of<H: Named>(
    call: &Call<'_>,
    arn: &str,
    path_prefix: &str,
    usage: Option<&str>,
) -> Result<Vec<(&'static str, String, String)>, QueryError> {
    let all = call.account().list::<H>(path_prefix, &PageRequest::ALL).await?;
    let uses = |holder: &&H| {
        let grants = holder.grants();
        let (attached, bounded) = (grants.attached.contains(arn), grants.boundary.as_deref() == Some(arn));
        match usage {
            Some("PermissionsPolicy") => attached,
            Some(_) => bounded,
            None => attached || bounded,
        }
    };
    Ok(all.items.iter().filter(uses).map(|h| (H::TITLE, h.name().to_string(), h.id().to_owned())).collect())
}

/// Authorises the call on the policy that it names, and gives it if it is there.
async fn authorized(call: &Call<'_>, facts: impl FnOnce(&mut Context)) -> Result<ManagedPolicy, QueryError> {
    let arn = call.parameters().required("PolicyArn")?;
    let found = call.account().find_policy(arn).await?;
    call.authorize(arn, &format!("policy {arn}"), |context| {
        if let Some(policy) = &found {
            resource_tags(context, &policy.tags);
        }
        facts(context);
    })?;
    match found {
        Some(policy) => Ok(policy),
        None => Ok(call.account().policy(arn).await?),
    }
}

fn version_id<'a>(call: &Call<'a>) -> Result<&'a str, QueryError> {
    let id = call.parameters().required("VersionId")?;
    let number = id.strip_prefix('v').unwrap_or_default();
    if !number.is_empty() && !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(id);
    }
    let rule = "Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?";
    Err(entryway_directory::DirectoryError::constraint("versionId", rule).into())
}

/// A parameter that is one of some words; the first where it is absent.
fn one_of<'a>(call: &Call<'a>, name: &str, words: &[&'static str]) -> Result<&'a str, QueryError> {
    let first = words.first().copied().unwrap_or_default();
    let word = call.parameters().get(name).unwrap_or(first);
    if words.contains(&word) {
        return Ok(word);
    }
    let rule = format!("Member must satisfy enum value set: [{}]", words.join(", "));
    Err(entryway_directory::DirectoryError::constraint(&super::super::form::lower_first(name), rule).into())
}

fn write_summary(xml: &mut Xml, policy: &ManagedPolicy, usage: Usage) {
    xml.leaf("PolicyName", &policy.name)
        .leaf("PolicyId", &policy.id)
        .leaf("Arn", &policy.arn)
        .leaf("Path", &policy.path)
        .leaf("DefaultVersionId", &policy.default_version)
        .leaf("AttachmentCount", usage.attached)
        .leaf("PermissionsBoundaryUsageCount", usage.boundary)
        .leaf("IsAttachable", true)
        .leaf("CreateDate", second(policy.created))
        .leaf("UpdateDate", second(policy.updated));
}

fn write_version(xml: &mut Xml, version: &PolicyVersion, default: bool) {
    xml.leaf("VersionId", &version.id).leaf("IsDefaultVersion", default).leaf("CreateDate", second(version.created));
}
