//! Reading a change from the fields of its form: each field is told what is wrong with it.

use std::collections::BTreeSet;

use entryway_access::{
    AccessEntry, AccessScope, ArnError, Association, AuthenticationMode, EXPIRES_AT, EntryError, EntryType, PolicyArn,
    PrincipalArn, parse_end,
};
use jiff::Timestamp;

use super::cluster::Cluster;
use super::form::Form;
use super::proposal::{Edit, NewEntry, Proposal, TagChange, end_key, end_of, end_value};
use super::{tag_text, words};
use crate::eks::{EntryRecord, Tags, check_tags};

/// The most policies that a form of a new entry takes.
pub(super) const MOST_ROWS: usize = 20;

/// What is wrong with which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldError {
    pub(super) field: String,
    pub(super) message: String,
}

type Errors = Vec<FieldError>;

fn wrong(field: impl Into<String>, message: impl ToString) -> FieldError {
    FieldError { field: field.into(), message: message.to_string() }
}

/// The name of a field in one of several rows; the first has the plain name.
pub(super) fn numbered(name: &str, row: usize) -> String {
    if row <= 1 { name.to_owned() } else { format!("{name}-{row}") }
}

/// How many rows for policies a form has.
pub(super) fn rows(form: &Form) -> usize {
    form.text("rows").parse().unwrap_or(1).clamp(1, MOST_ROWS)
}

/// An end as its field has it: UTC, without the zone.
pub(super) fn end_text(end: Option<Timestamp>) -> String {
    let Some(end) = end else { return String::new() };
    let seconds = end.as_second() % 60 != 0 || end.subsec_nanosecond() != 0;
    end.strftime(if seconds { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M" }).to_string()
}

/// The keys of the tags that stand in fields of their own: the end of the entry, and those of its policies.
pub(super) fn end_keys(entry: &EntryRecord) -> BTreeSet<String> {
    entry.policies.keys().map(|arn| end_key(arn)).chain([EXPIRES_AT.to_owned()]).collect()
}

/// Reads a form. `entry` is the one that it is about, where there is one.
pub(super) fn proposal(
    form: &Form,
    cluster: &Cluster,
    entry: Option<&EntryRecord>,
    now: Timestamp,
) -> Result<Proposal, Errors> {
    let edit = match form.text("do") {
        "create" => return create(form, cluster, now),
        "mode" => {
            let to: AuthenticationMode =
                form.text("mode").parse().map_err(|error: ArnError| vec![wrong("mode", error)])?;
            return cluster.snapshot.mode().step(to).map(Proposal::Mode).map_err(|error| vec![wrong("mode", error)]);
        }
        "update" => update,
        "delete" => |_: &Form, _: &Cluster, _: &EntryRecord, _: Timestamp| Ok(Edit::Delete),
        "associate" => associate,
        "disassociate" => disassociate,
        "tags" => tags,
        other => return Err(vec![wrong("do", format!("there is no change `{other}`"))]),
    };
    let entry = entry.ok_or_else(|| vec![wrong("do", words::GONE)])?;
    edit(form, cluster, entry, now).map(|edit| Proposal::Edit(Box::new(entry.clone()), edit))
}

/// A result, its errors among the others.
fn take<T>(errors: &mut Errors, result: Result<T, impl Into<Many>>) -> Option<T> {
    result.map_err(|more| errors.extend(more.into().0)).ok()
}

/// One error or several.
struct Many(Errors);

impl From<FieldError> for Many {
    fn from(error: FieldError) -> Many {
        Many(vec![error])
    }
}

impl From<Errors> for Many {
    fn from(errors: Errors) -> Many {
        Many(errors)
    }
}

fn create(form: &Form, cluster: &Cluster, now: Timestamp) -> Result<Proposal, Errors> {
    let principal =
        AccessEntry::parse_principal(form.text("principal")).map_err(|error| vec![wrong("principal", error)])?;
    if principal.partition() != cluster.place.partition() {
        return Err(vec![wrong("principal", EntryError::PrincipalFormat)]);
    }
    let kind = match form.text("type") {
        "" => EntryType::Standard,
        text => text.parse().map_err(|error: EntryError| vec![wrong("type", error)])?,
    };
    let mut errors = Errors::new();
    let entry = take(&mut errors, entry(principal, kind, form, cluster));
    let mut policies: Vec<Association> = Vec::new();
    for row in 1..=rows(form) {
        let field = numbered("policy", row);
        match form.text(&field) {
            "" => {}
            _ if !kind.takes_policies() => errors.push(wrong(field, EntryError::PoliciesWithNodeType)),
            _ => {
                let Some(own) = take(&mut errors, association(form, cluster, row, None, now)) else { continue };
                match policies.iter().any(|other| other.policy == own.policy) {
                    true => errors.push(wrong(field, words::POLICY_TWICE)),
                    false => policies.push(own),
                }
            }
        }
    }
    let mut keys: BTreeSet<String> = policies.iter().map(|own| end_key(&own.policy.to_string())).collect();
    keys.insert(EXPIRES_AT.to_owned());
    let all = take(&mut errors, typed_tags(form, &keys));
    let end = take(&mut errors, end(form, "ends", None, now));
    match (entry, all, end) {
        (Some(mut entry), Some(mut tags), Some(end)) if errors.is_empty() => {
            tags.extend(end.map(|end| (EXPIRES_AT.to_owned(), end_value(end))));
            let ends =
                policies.iter().filter_map(|own| Some((end_key(&own.policy.to_string()), end_value(own.expires?))));
            tags.extend(ends);
            check_tags(&tags).map_err(|problem| vec![wrong("tags", problem)])?;
            entry.policies = policies;
            let own_username = !form.text("username").is_empty();
            Ok(Proposal::Create(Box::new(NewEntry { entry, tags, own_username })))
        }
        _ => Err(errors),
    }
}

fn update(form: &Form, cluster: &Cluster, before: &EntryRecord, _: Timestamp) -> Result<Edit, Errors> {
    let principal: PrincipalArn = before.principal.parse().map_err(|error| vec![wrong("do", error)])?;
    let kind = before.kind.parse().map_err(|error: EntryError| vec![wrong("do", error)])?;
    let entry = entry(principal, kind, form, cluster)?;
    Ok(Edit::Naming { username: entry.username.as_str().to_owned(), groups: entry.groups })
}

fn associate(form: &Form, cluster: &Cluster, before: &EntryRecord, now: Timestamp) -> Result<Edit, Errors> {
    let Association { policy, scope, expires } = association(form, cluster, 1, Some(before), now)?;
    let key = end_key(&policy.to_string());
    // An end that was not touched keeps its tag as it was written.
    let unchanged = expires == entryway_access::end_of(&before.tags, &key);
    let tags = if unchanged { TagChange::default() } else { TagChange::of(&before.tags, &key, expires.map(end_value)) };
    Ok(Edit::Associate { policy, scope, tags })
}

fn disassociate(form: &Form, cluster: &Cluster, before: &EntryRecord, _: Timestamp) -> Result<Edit, Errors> {
    let policy = policy(form, cluster, "policy").map_err(|error| vec![error])?;
    let arn = policy.to_string();
    if !before.policies.contains_key(&arn) {
        return Err(vec![wrong("policy", words::NOT_ASSOCIATED)]);
    }
    let tags = TagChange::of(&before.tags, &end_key(&arn), None);
    Ok(Edit::Disassociate { policy, tags })
}

fn tags(form: &Form, _: &Cluster, before: &EntryRecord, now: Timestamp) -> Result<Edit, Errors> {
    let mut errors = Errors::new();
    let mut after = take(&mut errors, typed_tags(form, &end_keys(before))).unwrap_or_default();
    let own = [("ends".to_owned(), None)].into_iter();
    let policies = (1..).zip(before.policies.keys()).map(|(row, arn)| (numbered("until", row), Some(arn.as_str())));
    for (field, policy) in own.chain(policies) {
        let key = policy.map_or_else(|| EXPIRES_AT.to_owned(), end_key);
        let was = end_of(before, policy);
        let Some(is) = take(&mut errors, end(form, &field, was, now)) else { continue };
        let value = if is == was { before.tags.get(&key).cloned() } else { is.map(end_value) };
        after.extend(value.map(|value| (key, value)));
    }
    check_tags(&after).map_err(|problem| vec![wrong("tags", problem)])?;
    let change = TagChange::between(&before.tags, &after);
    if errors.is_empty() && change.is_empty() {
        errors.push(wrong("do", words::NO_TAG_CHANGES));
    }
    if errors.is_empty() { Ok(Edit::Tags(change)) } else { Err(errors) }
}

/// A policy with its scope and end, in one of the form's rows.
fn association(
    form: &Form,
    cluster: &Cluster,
    row: usize,
    before: Option<&EntryRecord>,
    now: Timestamp,
) -> Result<Association, Errors> {
    let mut errors = Errors::new();
    let policy = take(&mut errors, policy(form, cluster, &numbered("policy", row)));
    let scope = take(&mut errors, scope(form, row));
    let was = policy.as_ref().and_then(|policy| end_of(before?, Some(&policy.to_string())));
    let expires = take(&mut errors, end(form, &numbered("until", row), was, now));
    match (policy, scope, expires) {
        (Some(policy), Some(scope), Some(expires)) => Ok(Association { policy, scope, expires }),
        _ => Err(errors),
    }
}

fn policy(form: &Form, cluster: &Cluster, field: &str) -> Result<PolicyArn, FieldError> {
    match form.text(field) {
        "" => Err(wrong(field, words::CHOOSE_POLICY)),
        text => {
            let catalogue = cluster.snapshot.catalogue();
            catalogue.resolve(text, cluster.place.partition()).map_err(|error| wrong(field, error))
        }
    }
}

fn scope(form: &Form, row: usize) -> Result<AccessScope, FieldError> {
    let kind = match form.text(&numbered("scope", row)) {
        "" => "cluster",
        kind => kind,
    };
    let field = numbered("namespaces", row);
    let namespaces = if kind == "cluster" { Vec::new() } else { form.words(&field) };
    AccessScope::from_parts(kind, &namespaces).map_err(|error| wrong(field, error))
}

/// An end, in UTC. One that is not changed may have passed.
fn end(form: &Form, field: &str, was: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, FieldError> {
    let text = form.text(field);
    if text.is_empty() {
        return Ok(None);
    }
    if text == end_text(was) {
        return Ok(was);
    }
    let zoned = if text.ends_with(['Z', 'z']) { text.to_owned() } else { format!("{text}Z") };
    let end = parse_end(&zoned).map_err(|_| wrong(field, words::BAD_END))?;
    match end {
        end if end <= now => Err(wrong(field, words::END_PASSED)),
        end => Ok(Some(end)),
    }
}

/// The field that an error of the core is about.
fn field_of(error: &EntryError) -> &'static str {
    match error {
        EntryError::UnknownType => "type",
        EntryError::ReservedGroup { .. } | EntryError::BadGroup(_) | EntryError::GroupsWithNodeType(_) => "groups",
        EntryError::ReservedUsername { .. }
        | EntryError::BadUsername(_)
        | EntryError::SessionNameWithoutColon(_)
        | EntryError::UsernameWithNodeType(_) => "username",
        EntryError::PoliciesWithNodeType => "policy",
        _ => "principal",
    }
}

fn entry(principal: PrincipalArn, kind: EntryType, form: &Form, cluster: &Cluster) -> Result<AccessEntry, Errors> {
    let (username, groups) = (form.text("username"), form.words("groups"));
    let username = (!username.is_empty()).then_some(username);
    // Each field is told what is wrong with it, not only the first.
    let mut errors: Vec<EntryError> = Vec::new();
    errors.extend(AccessEntry::check_username(kind, username).err());
    errors.extend(AccessEntry::check_groups(kind, &groups).err());
    match AccessEntry::new(principal, kind, username, Some(&groups), &cluster.place.account) {
        Ok(entry) if errors.is_empty() => Ok(entry),
        Ok(_) => Err(errors.iter().map(|error| wrong(field_of(error), error)).collect()),
        Err(error) => {
            if !errors.contains(&error) {
                errors.push(error);
            }
            Err(errors.iter().map(|error| wrong(field_of(error), error)).collect())
        }
    }
}

/// The tags that were typed. Ends that have fields of their own are not written as tags.
fn typed_tags(form: &Form, ends: &BTreeSet<String>) -> Result<Tags, FieldError> {
    let tags = tag_text::read(form.text("tags")).map_err(|problem| wrong("tags", problem))?;
    if let Some(key) = tags.keys().find(|key| ends.contains(*key)) {
        return Err(wrong("tags", format!("`{key}` has a field of its own here; write the end there")));
    }
    check_tags(&tags).map_err(|problem| wrong("tags", problem))?;
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_times_in_utc_to_come() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let was: Timestamp = "2026-01-01T00:00:07Z".parse().unwrap();
        let read =
            |text: &str| end(&Form::of(&[("ends", text)]), "ends", Some(was), now).map_err(|error| error.message);
        let at = |text: &str| Ok(Some(text.parse::<Timestamp>().unwrap()));
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("2026-06-01T12:01"), at("2026-06-01T12:01:00Z"));
        assert_eq!(read("2026-06-01T12:00:01Z"), at("2026-06-01T12:00:01Z"));
        // What was there may stay.
        assert_eq!(end_text(Some(was)), "2026-01-01T00:00:07");
        assert_eq!(read("2026-01-01T00:00:07"), Ok(Some(was)));
        assert_eq!(read("2026-06-01T12:00"), Err(words::END_PASSED.to_owned()));
        for text in ["tomorrow", "2026-06-31T12:00", "2026-13-01T00:00", "2026-06-02T12:00+02:00", "99999-01-01T00:00"]
        {
            assert_eq!(read(text), Err(words::BAD_END.to_owned()), "{text}");
        }
    }

    #[test]
    fn rows_have_names_of_their_own() {
        assert_eq!((numbered("policy", 1), numbered("policy", 2)), ("policy".to_owned(), "policy-2".to_owned()));
        for (text, count) in [("", 1), ("0", 1), ("3", 3), ("999999", MOST_ROWS), ("x", 1)] {
            assert_eq!(rows(&Form::of(&[("rows", text)])), count);
        }
    }
}
