//! The forms of changes, and what was filled in, in words.

use entryway_access::{AuthenticationMode, EntryType};
use maud::{Markup, html};

use super::cluster::Cluster;
use super::entries::{policy_options, short};
use super::form::Form;
use super::page::csrf;
use super::part::Field;
use super::proposal::FieldError;
use super::visit::Visit;
use crate::eks::EntryRecord;

/// The form with what is so far, in fields that nothing was given for.
pub(super) fn filled(form: &Form, record: Option<&EntryRecord>) -> Form {
    let mut form = form.clone();
    if form.text("do") == "update"
        && let Some(record) = record
    {
        if form.get("username").is_none() {
            form = form.with("username", &record.username);
        }
        if form.get("groups").is_none() {
            form = form.with("groups", &record.groups.join("\n"));
        }
    }
    form
}

/// The form of a change.
pub(super) fn form(visit: &Visit<'_>, cluster: &Cluster, form: &Form, errors: &[FieldError]) -> Markup {
    let what = form.text("do");
    let error = |name: &str| errors.iter().find(|error| error.field == name).map(|error| error.message.as_str());
    let field = |name, label, help| Field { name, label, value: form.text(name), help, error: error(name) };
    let others: Vec<&FieldError> = errors.iter().filter(|error| error.field == "do").collect();
    html! {
        @if !errors.is_empty() {
            p.notice.bad role="alert" tabindex="-1" data-focus {
                @for error in &others { (error.message) " " }
                @if errors.len() > others.len() { "Please look at what is marked below." }
            }
        }
        form.stack method="post" action=(cluster.url("/access/change")) data-form {
            (csrf(visit))
            input type="hidden" name="do" value=(what);
            input type="hidden" name="seen" value=(form.text("seen"));
            @match what {
                "create" => {
                    (field("principal", "IAM principal ARN", "A role or user, not a session: arn:aws:iam::111122223333:role/team/developer").line())
                    (field("type", "Type", "STANDARD for people and CI; the others are for nodes, which bring their own username and groups.").choice(&kinds()))
                    (naming(&field))
                    fieldset {
                        legend { "First access policy" }
                        (policy_and_scope(cluster, form, &field, true))
                    }
                    (field("tags", "Tags", "One a line, key=value. entryway:expires-at=2030-01-31T00:00:00Z ends the entry then.").lines())
                }
                "update" => {
                    input type="hidden" name="principal" value=(form.text("principal"));
                    (naming(&field))
                }
                "associate" => {
                    input type="hidden" name="principal" value=(form.text("principal"));
                    (policy_and_scope(cluster, form, &field, false))
                }
                _ => {
                    p { "Now: " strong { (cluster.snapshot.mode().as_str()) } ". Modes go one way: CONFIG_MAP, API_AND_CONFIG_MAP, API." }
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

fn kinds() -> Vec<(String, String)> {
    EntryType::ALL.map(|kind| (kind.as_str().to_owned(), kind.as_str().to_owned())).to_vec()
}

fn modes(cluster: &Cluster) -> Vec<(String, String)> {
    let now = cluster.snapshot.mode();
    let next = AuthenticationMode::ALL.into_iter().filter(|to| now.step(*to).is_ok());
    next.map(|mode| (mode.to_string(), mode.to_string())).collect()
}

fn naming<'a>(field: &dyn Fn(&'static str, &'static str, &'static str) -> Field<'a>) -> Markup {
    html! {
        (field("username", "Kubernetes username", "Empty for EKS's default. May hold {{SessionName}}, with a colon somewhere before it.").line())
        (field("groups", "Kubernetes groups", "One a line, for RBAC bindings of your own. Names that begin with system:, eks:, aws:, amazon: or iam: are reserved.").lines())
    }
}

fn policy_and_scope<'a>(
    cluster: &Cluster,
    form: &Form,
    field: &dyn Fn(&'static str, &'static str, &'static str) -> Field<'a>,
    optional: bool,
) -> Markup {
    let none = (String::new(), if optional { "None" } else { "Choose one" }.to_owned());
    let options: Vec<(String, String)> = std::iter::once(none).chain(policy_options(cluster)).collect();
    let in_namespaces = form.text("scope") == "namespace";
    html! {
        (field("policy", "Access policy", "").choice(&options))
        fieldset.choices {
            legend { "Scope" }
            label.tick { input type="radio" name="scope" value="cluster" checked[!in_namespaces]; " The whole cluster" }
            label.tick { input type="radio" name="scope" value="namespace" checked[in_namespaces]; " Some namespaces" }
        }
        (field("namespaces", "Namespaces", "One a line; * stands for any letters, as in team-a-*. Only for the scope of some namespaces.").lines())
    }
}

/// What was filled in.
pub(super) fn summary(form: &Form) -> Markup {
    let rows = [
        ("Principal", form.text("principal").to_owned()),
        ("Type", form.text("type").to_owned()),
        ("Username", form.text("username").to_owned()),
        ("Groups", form.words("groups").join(", ")),
        ("Policy", short(form.text("policy")).to_owned()),
        ("Scope", if form.text("policy").is_empty() { String::new() } else { form.text("scope").to_owned() }),
        (
            "Namespaces",
            if form.text("scope") == "namespace" { form.words("namespaces").join(", ") } else { String::new() },
        ),
        ("Tags", form.text("tags").replace("\r\n", ", ")),
        ("Mode", form.text("mode").to_owned()),
    ];
    html! { dl.facts { @for (name, value) in rows { @if !value.is_empty() { dt { (name) } dd { code { (value) } } } } } }
}
