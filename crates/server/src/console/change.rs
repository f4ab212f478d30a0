//! Changing access: a form, then what the change would mean, then the change.
//!
//! Nothing is done before its effect has been shown. A change that somebody else made in between is shown beside
//! one's own; a lock-out is refused unless its box is ticked.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::act;
use super::change_form;
use super::cluster::{Cluster, Found, unprocessable};
use super::entries::short;
use super::fields::{self, FieldError};
use super::form::Form;
use super::page::{Page, Problem, Reply, csrf, hidden};
use super::part;
use super::preview;
use super::proposal::{Edit, Proposal};
use super::session::Flash;
use super::undo::undo;
use super::visit::Visit;
use super::words;
use crate::eks::{EksError, Fault};

/// `GET …/access/change?do=…`: the form; where there is nothing to fill in, what the change means.
pub(super) async fn form_page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let query = &visit.query;
    let found = entry_of(visit, cluster, query).await?;
    let form = query.with("seen", &seen(cluster, query, found.as_ref()));
    match query.text("do") {
        "delete" | "disassociate" => preview_page(visit, cluster, &form, found.as_ref(), None),
        what if has_form(what) => {
            let form = change_form::filled(&form, found.as_ref().map(|found| &found.record));
            Ok(form_with(visit, cluster, &form, found.as_ref(), &[]).into())
        }
        _ => Err(Problem::missing()),
    }
}

/// Whether there is something to fill in.
fn has_form(what: &str) -> bool {
    matches!(what, "create" | "update" | "associate" | "tags" | "mode")
}

/// `POST …/access/change`.
pub(super) async fn submit(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let mut form = visit.form.without(&["csrf"]);
    let step = visit.form.text("step");
    let found = entry_of(visit, cluster, &form).await?;
    let now = seen(cluster, &form, found.as_ref());
    // The reverse of a change is proposed for what is there now.
    if step == "preview" && form.text("seen").is_empty() {
        form = form.with("seen", &now);
    }
    match step {
        "edit" => return Ok(form_with(visit, cluster, &form, found.as_ref(), &[]).into()),
        "add" => {
            let rows = form.with("rows", &(fields::rows(&form) + 1).to_string());
            return Ok(form_with(visit, cluster, &rows, found.as_ref(), &[]).into());
        }
        _ => {}
    }
    if form.text("seen") != now && form.text("do") != "create" {
        return Ok(conflict(visit, cluster, &form, found.as_ref()).status(StatusCode::CONFLICT).into());
    }
    let proposal = match fields::proposal(&form, cluster, found.as_ref().map(|found| &found.record), visit.now) {
        Ok(proposal) => proposal,
        Err(errors) if has_form(form.text("do")) => {
            return Ok(unprocessable(form_with(visit, cluster, &form, found.as_ref(), &errors)).into());
        }
        Err(errors) => return Err(told(errors)),
    };
    if step != "apply" {
        return preview_page(visit, cluster, &form, found.as_ref(), None);
    }
    let after = proposal.after(cluster, visit.now);
    let locks = preview::lock_out(visit, cluster, &after);
    if locks.is_some() && !form.is_on("override") {
        return preview_page(visit, cluster, &form, found.as_ref(), Some(words::LOCK_OUT_TICK));
    }
    apply(visit, cluster, &form, found.as_ref(), &proposal).await
}

async fn apply(
    visit: &Visit<'_>,
    cluster: &Cluster,
    form: &Form,
    found: Option<&Found>,
    proposal: &Proposal,
) -> Result<Reply, Problem> {
    let mut done: Vec<String> = Vec::new();
    for call in proposal.calls(cluster) {
        match act::make(visit, &cluster.place, &call).await {
            Ok(_) => done.push(call.what),
            Err(error) if done.is_empty() => return refused(visit, cluster, form, found, error),
            Err(error) => {
                let problem = Problem::from(error);
                let text = format!("{} {}. {}", words::HALF_DONE, done.join(", "), problem.text);
                return Err(Problem::new(problem.status, text, words::HALF_DONE_HINT));
            }
        }
    }
    let undo = undo(proposal).map(|form| (cluster.url("/access/change"), form));
    visit.plane.console.sessions.tell(&visit.secret, Flash { text: proposal.done(), undo });
    let next = match proposal {
        Proposal::Create(new) => entry_url(cluster, new.entry.principal.as_str()),
        Proposal::Edit(_, Edit::Delete) | Proposal::Mode(_) => cluster.url("/access"),
        Proposal::Edit(entry, _) => entry_url(cluster, &entry.principal),
    };
    Ok(Reply::Redirect(next))
}

/// What is wrong with a change that has no form.
fn told(errors: Vec<FieldError>) -> Problem {
    let texts: Vec<String> = errors.into_iter().map(|error| error.message).collect();
    Problem::bad(texts.join("; "))
}

/// An operation said no: beside its field where it is about one, else above the form, which keeps what was typed.
fn refused(
    visit: &Visit<'_>,
    cluster: &Cluster,
    form: &Form,
    found: Option<&Found>,
    error: EksError,
) -> Result<Reply, Problem> {
    if !has_form(form.text("do")) || error.fault == Fault::AccessDenied {
        return Err(error.into());
    }
    let (field, status) = match error.fault {
        Fault::ResourceInUse => ("principal", StatusCode::UNPROCESSABLE_ENTITY),
        Fault::InvalidParameter if error.message.contains("principalArn") => {
            ("principal", StatusCode::UNPROCESSABLE_ENTITY)
        }
        _ => ("do", StatusCode::from_u16(error.fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)),
    };
    let hint = if error.fault == Fault::Server { format!(" {}", words::NOT_KEPT_HINT) } else { String::new() };
    let errors = [FieldError { field: field.to_owned(), message: error.message + &hint }];
    Ok(form_with(visit, cluster, form, found, &errors).status(status).into())
}

fn entry_url(cluster: &Cluster, principal: &str) -> String {
    cluster.url(&format!("/access/entry?{}", Form::of(&[("principal", principal)]).to_query()))
}

/// The entry that a change is about, if it is about one that is there.
async fn entry_of(visit: &Visit<'_>, cluster: &Cluster, form: &Form) -> Result<Option<Found>, Problem> {
    match form.text("do") {
        "create" | "mode" => Ok(None),
        _ => match cluster.entry(visit, form.text("principal")).await {
            Ok(found) => Ok(Some(found)),
            // Deleted since the form was opened: shown as such.
            Err(problem) if problem.status == StatusCode::NOT_FOUND && !form.text("seen").is_empty() => Ok(None),
            Err(problem) => Err(problem),
        },
    }
}

/// What tells whether somebody else changed what a form is about.
fn seen(cluster: &Cluster, form: &Form, found: Option<&Found>) -> String {
    match (form.text("do"), found) {
        ("mode", _) => cluster.snapshot.mode().to_string(),
        (_, Some(found)) => found.modified.to_string(),
        (_, None) => "none".to_owned(),
    }
}

fn titled(cluster: &Cluster, form: &Form, content: Markup) -> Page {
    let name = short(form.text("principal"));
    let title = match form.text("do") {
        "create" => "Create access entry".to_owned(),
        "update" => format!("Edit {name}"),
        "delete" => format!("Delete {name}"),
        "associate" => format!("Associate a policy with {name}"),
        "tags" => format!("Tags and ends of {name}"),
        "disassociate" => format!("Disassociate {} from {name}", short(form.text("policy"))),
        _ => "Change authentication mode".to_owned(),
    };
    let page = cluster.page("access", title, content);
    match form.text("do") {
        "create" | "mode" => page,
        _ => page.crumb(name, entry_url(cluster, form.text("principal"))),
    }
}

fn form_with(visit: &Visit<'_>, cluster: &Cluster, form: &Form, found: Option<&Found>, errors: &[FieldError]) -> Page {
    let entry = found.map(|found| &found.record);
    titled(cluster, form, change_form::form(visit, cluster, form, entry, errors)).live(cluster.live(false))
}

/// What the change means, with the way to make it.
fn preview_page(
    visit: &Visit<'_>,
    cluster: &Cluster,
    form: &Form,
    found: Option<&Found>,
    error: Option<&str>,
) -> Result<Reply, Problem> {
    let entry = found.map(|found| &found.record);
    let proposal = fields::proposal(form, cluster, entry, visit.now).map_err(told)?;
    let after = proposal.after(cluster, visit.now);
    let lock_out = preview::lock_out(visit, cluster, &after);
    let (action, danger) = match &proposal {
        Proposal::Create(_) => ("Create", false),
        Proposal::Edit(_, Edit::Naming { .. } | Edit::Tags(_)) => ("Save", false),
        Proposal::Edit(_, Edit::Delete) => ("Delete", true),
        Proposal::Edit(_, Edit::Associate { .. }) => ("Associate", false),
        Proposal::Edit(_, Edit::Disassociate { .. }) => ("Disassociate", true),
        Proposal::Mode(_) => ("Change mode", false),
    };
    let content = html! {
        @if let Some(error) = error { p.notice.bad role="alert" { (error) } }
        (change_form::summary(form, entry))
        (preview::effect(visit, cluster, &after))
        form.stack method="post" action=(cluster.url("/access/change")) {
            (csrf(visit)) (hidden(&kept(form)))
            @if let Some(lock_out) = &lock_out {
                div.notice.bad role="alert" {
                    p { strong { (words::LOCK_OUT) } }
                    ul { @for reason in &lock_out.reasons { li { (preview::reason(reason)) } } }
                }
                label.tick { input type="checkbox" name="override" value="on"; " " (words::LOCK_OUT_OVERRIDE) }
            }
            @if matches!(proposal, Proposal::Mode(_)) { p.notice.warn { (words::NO_WAY_BACK) } }
            div.actions {
                button.danger[danger] type="submit" name="step" value="apply" { (action) }
                @if has_form(form.text("do")) {
                    button.quiet type="submit" name="step" value="edit" { "Change it" }
                }
                a href=(cluster.url("/access")) { "Cancel" }
            }
        }
    };
    let page = titled(cluster, form, content);
    Ok(if error.is_some() { unprocessable(page).into() } else { page.into() })
}

/// The fields of a form, to be sent again.
fn kept(form: &Form) -> Form {
    form.without(&["step", "csrf", "override"])
}

/// Somebody else was faster.
fn conflict(visit: &Visit<'_>, cluster: &Cluster, form: &Form, found: Option<&Found>) -> Page {
    let fresh = form.with("seen", &seen(cluster, form, found));
    let content = html! {
        div.notice.warn role="alert" { p { strong { (words::CONFLICT) } } p { (words::CONFLICT_HINT) } }
        div.beside {
            section { h2 { "As it is now" } @match found {
                None => p { (words::IT_IS_GONE) },
                Some(found) => {
                    p.muted { "changed " (part::time(found.record.modified_at, visit.now)) }
                    dl.facts {
                        dt { "Username" } dd { code { (found.record.username) } }
                        dt { "Groups" } dd { (part::words(&found.record.groups)) }
                        @if !found.record.tags.is_empty() { dt { "Tags" } dd { code { (super::tag_text::write(found.record.tags.iter())) } } }
                        dt { "Policies" } dd { ul.plain { @for (arn, own) in &found.record.policies { li { (short(arn)) " " (super::entries::scope(&own.scope, &own.namespaces)) } } } }
                    }
                }
            } }
            section { h2 { "What you want" } (change_form::summary(form, found.map(|found| &found.record))) }
        }
        form.stack method="post" action=(cluster.url("/access/change")) {
            (csrf(visit)) (hidden(&kept(&fresh)))
            div.actions {
                @if found.is_some() || form.text("do") == "mode" { button type="submit" name="step" value="preview" { "Go on with mine" } }
                a href=(cluster.url("/access")) { "Leave it" }
            }
        }
    };
    titled(cluster, form, content)
}
