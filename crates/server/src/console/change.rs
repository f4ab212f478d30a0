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
use super::form::Form;
use super::page::{Page, Problem, Reply, csrf};
use super::part;
use super::preview;
use super::proposal::{FieldError, Proposal};
use super::session::Flash;
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
        "create" | "update" | "associate" | "mode" => {
            let form = change_form::filled(&form, found.as_ref().map(|found| &found.record));
            Ok(form_with(visit, cluster, &form, &[]).into())
        }
        _ => Err(Problem::missing()),
    }
}

/// `POST …/access/change`.
pub(super) async fn submit(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let form = visit.form.without(&["csrf"]);
    if form.text("step") == "edit" {
        return Ok(form_with(visit, cluster, &form, &[]).into());
    }
    let found = entry_of(visit, cluster, &form).await?;
    if form.text("seen") != seen(cluster, &form, found.as_ref()) && form.text("do") != "create" {
        return Ok(conflict(visit, cluster, &form, found.as_ref()).status(StatusCode::CONFLICT).into());
    }
    let proposal = match Proposal::parse(&form, cluster, found.as_ref().map(|found| &found.record)) {
        Ok(proposal) => proposal,
        Err(errors) => return Ok(unprocessable(form_with(visit, cluster, &form, &errors)).into()),
    };
    if form.text("step") != "apply" {
        return preview_page(visit, cluster, &form, found.as_ref(), None);
    }
    let after = proposal.after(cluster, visit.now);
    let locks = preview::lock_out(visit, cluster, &after);
    if locks.is_some() && !form.is_on("override") {
        return preview_page(visit, cluster, &form, found.as_ref(), Some(words::LOCK_OUT_TICK));
    }
    apply(visit, cluster, &form, &proposal, found.as_ref()).await
}

async fn apply(
    visit: &Visit<'_>,
    cluster: &Cluster,
    form: &Form,
    proposal: &Proposal,
    before: Option<&Found>,
) -> Result<Reply, Problem> {
    for (index, (method, path, body)) in proposal.calls(cluster).iter().enumerate() {
        match act::eks(visit, &cluster.place, method, path, "", body).await {
            Ok(_) => {}
            Err(error) if index > 0 => {
                let text = format!("The entry was created; its policy was not associated: {}", error.message);
                return Err(Problem::new(StatusCode::BAD_REQUEST, text, ""));
            }
            Err(error) => return refused(visit, cluster, form, error),
        }
    }
    let undo = proposal.undo(before.map(|found| &found.record));
    let undo = undo.map(|form| cluster.url(&format!("/access/change?{}", form.to_query())));
    visit.plane.console.sessions.tell(&visit.secret, Flash { text: proposal.done(), undo });
    let next = match (proposal, proposal.principal()) {
        (Proposal::Delete { .. } | Proposal::Mode(_), _) | (_, None) => cluster.url("/access"),
        (_, Some(principal)) => entry_url(cluster, principal.as_str()),
    };
    Ok(Reply::Redirect(next))
}

/// An operation said no: beside its field where it is about one, else above the form, which keeps what was typed.
fn refused(visit: &Visit<'_>, cluster: &Cluster, form: &Form, error: EksError) -> Result<Reply, Problem> {
    let has_form = matches!(form.text("do"), "create" | "update" | "associate" | "mode");
    if !has_form || error.fault == Fault::AccessDenied {
        return Err(error.into());
    }
    let (field, status) = match error.fault {
        Fault::ResourceInUse => ("principal", StatusCode::UNPROCESSABLE_ENTITY),
        Fault::InvalidParameter if error.message.contains("principalArn") => {
            ("principal", StatusCode::UNPROCESSABLE_ENTITY)
        }
        Fault::InvalidParameter if error.message.contains(" tag ") => ("tags", StatusCode::UNPROCESSABLE_ENTITY),
        _ => ("do", StatusCode::from_u16(error.fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)),
    };
    let errors = [FieldError { field, message: error.message }];
    Ok(form_with(visit, cluster, form, &errors).status(status).into())
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
        "disassociate" => format!("Disassociate {} from {name}", short(form.text("policy"))),
        _ => "Change authentication mode".to_owned(),
    };
    let page = cluster.page("access", title, content);
    match form.text("do") {
        "create" | "mode" => page,
        _ => page.crumb(name, entry_url(cluster, form.text("principal"))),
    }
}

fn form_with(visit: &Visit<'_>, cluster: &Cluster, form: &Form, errors: &[FieldError]) -> Page {
    titled(cluster, form, change_form::form(visit, cluster, form, errors)).live(cluster.live(false))
}

/// What the change means, with the way to make it.
fn preview_page(
    visit: &Visit<'_>,
    cluster: &Cluster,
    form: &Form,
    found: Option<&Found>,
    error: Option<&str>,
) -> Result<Reply, Problem> {
    let proposal = match Proposal::parse(form, cluster, found.map(|found| &found.record)) {
        Ok(proposal) => proposal,
        Err(errors) => {
            let text: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            return Err(Problem::bad(text.join("; ")));
        }
    };
    let after = proposal.after(cluster, visit.now);
    let lock_out = preview::lock_out(visit, cluster, &after);
    let danger = matches!(proposal, Proposal::Delete { .. } | Proposal::Disassociate { .. });
    let action = match proposal {
        Proposal::Create { .. } => "Create",
        Proposal::Update { .. } => "Save",
        Proposal::Delete { .. } => "Delete",
        Proposal::Associate { .. } => "Associate",
        Proposal::Disassociate { .. } => "Disassociate",
        Proposal::Mode(_) => "Change mode",
    };
    let content = html! {
        @if let Some(error) = error { p.notice.bad role="alert" { (error) } }
        (change_form::summary(form))
        (preview::effect(visit, cluster, &after))
        form.stack method="post" action=(cluster.url("/access/change")) {
            (csrf(visit)) (kept(form))
            @if let Some(lock_out) = &lock_out {
                div.notice.bad role="alert" {
                    p { strong { (words::LOCK_OUT) } }
                    ul { @for reason in &lock_out.reasons { li { (reason.to_string()) } } }
                }
                label.tick { input type="checkbox" name="override" value="on"; " " (words::LOCK_OUT_OVERRIDE) }
            }
            @if matches!(proposal, Proposal::Mode(_)) { p.notice.warn { "There is no way back to the mode before." } }
            div.actions {
                button.danger[danger] type="submit" name="step" value="apply" { (action) }
                @if matches!(form.text("do"), "create" | "update" | "associate" | "mode") {
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
fn kept(form: &Form) -> Markup {
    let form = form.without(&["step", "csrf", "override"]);
    html! { @for (name, value) in form.pairs() { input type="hidden" name=(name) value=(value); } }
}

/// Somebody else was faster.
fn conflict(visit: &Visit<'_>, cluster: &Cluster, form: &Form, found: Option<&Found>) -> Page {
    let fresh = form.with("seen", &seen(cluster, form, found));
    let content = html! {
        div.notice.warn role="alert" { p { strong { (words::CONFLICT) } } p { (words::CONFLICT_HINT) } }
        div.beside {
            section { h2 { "As it is now" } @match found {
                None => p { "It is gone." },
                Some(found) => {
                    p.muted { "changed " (part::time(found.record.modified_at, visit.now)) }
                    dl.facts {
                        dt { "Username" } dd { code { (found.record.username) } }
                        dt { "Groups" } dd { (part::words(&found.record.groups)) }
                        dt { "Policies" } dd { ul.plain { @for (arn, own) in &found.record.policies { li { (short(arn)) " " (super::entries::scope(&own.scope, &own.namespaces)) } } } }
                    }
                }
            } }
            section { h2 { "What you want" } (change_form::summary(form)) }
        }
        form.stack method="post" action=(cluster.url("/access/change")) {
            (csrf(visit)) (kept(&fresh))
            div.actions {
                @if found.is_some() || form.text("do") == "mode" { button type="submit" name="step" value="preview" { "Go on with mine" } }
                a href=(cluster.url("/access")) { "Leave it" }
            }
        }
    };
    titled(cluster, form, content)
}
