//! The way back from a change: the form that proposes the reverse.

use entryway_access::EntryType;

use super::fields::{end_text, numbered};
use super::form::Form;
use super::proposal::{Edit, Proposal, end_of};
use crate::eks::EntryRecord;

/// The fields of the form that would undo a change, where one can.
pub(super) fn undo(proposal: &Proposal) -> Option<Form> {
    let form = |what: &str, principal: &str| Form::of(&[("do", what), ("principal", principal)]);
    Some(match proposal {
        Proposal::Create(new) => form("delete", new.entry.principal.as_str()),
        Proposal::Edit(old, Edit::Naming { .. }) => {
            form("update", &old.principal).with("username", &old.username).with("groups", &old.groups.join("\n"))
        }
        Proposal::Edit(old, Edit::Delete) => create(old),
        Proposal::Edit(old, Edit::Associate { policy, .. } | Edit::Disassociate { policy, .. }) => {
            let policy = policy.to_string();
            match old.policies.contains_key(&policy) {
                true => association(old, &policy, form("associate", &old.principal), 1),
                false => form("disassociate", &old.principal).with("policy", &policy),
            }
        }
        Proposal::Edit(old, Edit::Tags(_)) => tags(old, form("tags", &old.principal)),
        Proposal::Mode(_) => return None,
    })
}

/// The entry again, with all that it had.
fn create(old: &EntryRecord) -> Form {
    let mut form = Form::of(&[("do", "create"), ("principal", &old.principal), ("type", &old.kind)]);
    if old.kind == EntryType::Standard.as_str() {
        form = form.with("username", &old.username).with("groups", &old.groups.join("\n"));
    }
    form = tags(old, form).with("rows", &old.policies.len().max(1).to_string());
    (1..).zip(old.policies.keys()).fold(form, |form, (row, arn)| association(old, arn, form, row))
}

/// A policy with its scope and end.
fn association(old: &EntryRecord, arn: &str, form: Form, row: usize) -> Form {
    let Some(own) = old.policies.get(arn) else { return form };
    form.with(&numbered("policy", row), arn)
        .with(&numbered("scope", row), &own.scope)
        .with(&numbered("namespaces", row), &own.namespaces.join("\n"))
        .with(&numbered("until", row), &end_text(end_of(old, Some(arn))))
}

/// The tags that are no ends, the entry's end, and those of its policies.
pub(super) fn tags(old: &EntryRecord, form: Form) -> Form {
    let ends = super::fields::end_keys(old);
    let lines = super::tag_text::write(old.tags.iter().filter(|(key, _)| !ends.contains(*key)));
    let form = form.with("tags", &lines).with("ends", &end_text(end_of(old, None)));
    (1..)
        .zip(old.policies.keys())
        .fold(form, |form, (row, arn)| form.with(&numbered("until", row), &end_text(end_of(old, Some(arn)))))
}
