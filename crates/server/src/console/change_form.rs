//! The forms of changes, and what was filled in, in words.

use entryway_access::{AuthenticationMode, EntryType};
use maud::{Markup, html};

use super::cluster::Cluster;
use super::entries::{policy_options, short};
use super::fields::{FieldError, MOST_ROWS, numbered, rows};
use super::form::Form;
use super::page::csrf;
use super::part::Field;
use super::proposal::end_of;
use super::visit::Visit;
use super::{fields, undo, words};
use crate::eks::EntryRecord;

/// The form with what is so far, in fields that nothing was given for.
pub(super) fn filled(form: &Form, record: Option<&EntryRecord>) -> Form {
    let Some(record) = record else { return form.clone() };
    let so_far = match form.text("do") {
        "update" => Form::of(&[("username", &record.username), ("groups", &record.groups.join("\n"))]),
        "tags" => undo::tags(record, Form::default()),
        "associate" => {
            let policy = record.policies.contains_key(form.text("policy")).then(|| form.text("policy"));
            let until = policy.and_then(|policy| end_of(record, Some(policy)));
            Form::of(&[("until", &fields::end_text(until))])
        }
        _ => Form::default(),
    };
    let missing = so_far.pairs().filter(|(name, _)| form.get(name).is_none());
    missing.fold(form.clone(), |form, (name, value)| form.with(name, value))
}

/// What makes a field: its name, its label, its help.
type Fields<'a> = dyn Fn(&'a str, &'a str, &'a str) -> Field<'a> + 'a;

/// The form of a change. `entry` is the one that it is about, where there is one.
pub(super) fn form(
    visit: &Visit<'_>,
    cluster: &Cluster,
    form: &Form,
    entry: Option<&EntryRecord>,
    errors: &[FieldError],
) -> Markup {
    let what = form.text("do");
    let error = |name: &str| errors.iter().find(|error| error.field == name).map(|error| error.message.as_str());
    let others: Vec<&FieldError> = errors.iter().filter(|error| error.field == "do").collect();
    // The names of fields in rows are made first, so that the fields can borrow them.
    let names: Vec<RowNames> = (1..=MOST_ROWS).map(RowNames::new).collect();
    let field = |name, label, help| Field { name, label, value: form.text(name), help, error: error(name) };
    html! {
        @if !errors.is_empty() {
            div.notice.bad role="alert" tabindex="-1" data-focus {
                @for error in &others { p { (error.message) } }
                @if errors.len() > others.len() { p { (words::LOOK_BELOW) } }
            }
        }
        form.stack method="post" action=(cluster.url("/access/change")) data-form {
            (csrf(visit))
            input type="hidden" name="do" value=(what);
            input type="hidden" name="seen" value=(form.text("seen"));
            @if !matches!(what, "create" | "mode") { input type="hidden" name="principal" value=(form.text("principal")); }
            @match what {
                "create" => (create(cluster, form, &names, &field)),
                "update" => (naming(&field)),
                "associate" => @if let Some(names) = names.first() { (policy_and_scope(cluster, form, names, &field, false)) },
                "tags" => (tags(entry, &names, &field)),
                _ => {
                    p { "Now: " strong { (cluster.snapshot.mode().as_str()) } ". " (words::MODES_ONE_WAY) }
                    (field("mode", "Next mode", "").choice(&modes(cluster)))
                }
            }
            div.actions {
                button type="submit" name="step" value="preview" { "See what it means" }
                a href=(cluster.url("/access")) { "Cancel" }
            }
        }
    }
}

/// The names of the fields of a policy in one of several rows.
struct RowNames {
    policy: String,
    scope: String,
    namespaces: String,
    until: String,
}

impl RowNames {
    fn new(row: usize) -> RowNames {
        let of = |name| numbered(name, row);
        RowNames { policy: of("policy"), scope: of("scope"), namespaces: of("namespaces"), until: of("until") }
    }
}

fn create<'a>(cluster: &Cluster, form: &Form, names: &'a [RowNames], field: &Fields<'a>) -> Markup {
    let count = rows(form);
    html! {
        (field("principal", "IAM principal ARN", words::PRINCIPAL_HELP).line())
        (field("type", "Type", words::TYPE_HELP).choice(&kinds()))
        (naming(field))
        input type="hidden" name="rows" value=(count);
        @for (index, names) in names.iter().take(count).enumerate() {
            fieldset {
                legend { @if index == 0 { "First access policy" } @else { "Access policy " (index + 1) } }
                (policy_and_scope(cluster, form, names, field, true))
            }
        }
        @if count < MOST_ROWS {
            p { button.quiet type="submit" name="step" value="add" formnovalidate { "Add another policy" } }
        }
        (field("ends", "The entry ends", words::ENDS_HELP).moment())
        (field("tags", "Tags", words::TAGS_HELP).lines())
    }
}

fn tags<'a>(entry: Option<&'a EntryRecord>, names: &'a [RowNames], field: &Fields<'a>) -> Markup {
    html! {
        (field("ends", "The entry ends", words::ENDS_HELP).moment())
        @if let Some(entry) = entry {
            @for (names, arn) in names.iter().zip(entry.policies.keys()) {
                fieldset {
                    legend { (short(arn)) }
                    (field(&names.until, "Ends", words::UNTIL_HELP).moment())
                }
            }
        }
        (field("tags", "Tags", words::TAGS_HELP).lines())
    }
}

fn kinds() -> Vec<(String, String)> {
    EntryType::ALL.map(|kind| (kind.as_str().to_owned(), kind.as_str().to_owned())).to_vec()
}

fn modes(cluster: &Cluster) -> Vec<(String, String)> {
    let now = cluster.snapshot.mode();
    let next = AuthenticationMode::ALL.into_iter().filter(|to| now.step(*to).is_ok());
    next.map(|mode| (mode.to_string(), mode.to_string())).collect()
}

fn naming<'a>(field: &Fields<'a>) -> Markup {
    html! {
        (field("username", "Kubernetes username", words::USERNAME_HELP).line())
        (field("groups", "Kubernetes groups", words::GROUPS_HELP).lines())
    }
}

fn policy_and_scope<'a>(
    cluster: &Cluster,
    form: &Form,
    names: &'a RowNames,
    field: &Fields<'a>,
    optional: bool,
) -> Markup {
    let none = (String::new(), if optional { "None" } else { "Choose one" }.to_owned());
    let options: Vec<(String, String)> = std::iter::once(none).chain(policy_options(cluster)).collect();
    let in_namespaces = form.text(&names.scope) == "namespace";
    html! {
        (field(&names.policy, "Access policy", "").choice(&options))
        fieldset.choices {
            legend { "Scope" }
            label.tick { input type="radio" name=(names.scope) value="cluster" checked[!in_namespaces]; " The whole cluster" }
            label.tick { input type="radio" name=(names.scope) value="namespace" checked[in_namespaces]; " Some namespaces" }
        }
        (field(&names.namespaces, "Namespaces", words::NAMESPACES_HELP).lines())
        (field(&names.until, "Ends", words::UNTIL_HELP).moment())
    }
}

/// What was filled in.
pub(super) fn summary(form: &Form, entry: Option<&EntryRecord>) -> Markup {
    let text = |name: &str| form.text(name).to_owned();
    let mut lines = vec![
        ("Principal".to_owned(), text("principal")),
        ("Type".to_owned(), text("type")),
        ("Username".to_owned(), text("username")),
        ("Groups".to_owned(), form.words("groups").join(", ")),
        ("Mode".to_owned(), text("mode")),
        ("The entry ends".to_owned(), utc(form.text("ends"))),
        ("Tags".to_owned(), form.text("tags").lines().collect::<Vec<_>>().join(", ")),
    ];
    if form.text("do") == "tags" {
        let policies = entry.into_iter().flat_map(|entry| entry.policies.keys());
        let ends = (1..)
            .zip(policies)
            .map(|(row, arn)| (format!("{} ends", short(arn)), utc(form.text(&numbered("until", row)))));
        lines.extend(ends);
    } else {
        lines.extend((1..=rows(form)).map(|row| ("Policy".to_owned(), policy_text(form, row))));
    }
    html! { dl.facts { @for (name, value) in lines { @if !value.is_empty() { dt { (name) } dd { code { (value) } } } } } }
}

/// A policy of a form, with its scope and end.
fn policy_text(form: &Form, row: usize) -> String {
    let text = |name: &str| form.text(&numbered(name, row));
    let policy = short(text("policy"));
    if policy.is_empty() || form.text("do") == "disassociate" {
        return policy.to_owned();
    }
    let place = match text("scope") {
        "namespace" => format!("in {}", form.words(&numbered("namespaces", row)).join(", ")),
        _ => "in the whole cluster".to_owned(),
    };
    let end = utc(text("until"));
    if end.is_empty() { format!("{policy} {place}") } else { format!("{policy} {place}, until {end}") }
}

fn utc(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{} UTC", text.replace('T', " ")) }
}
