//! One access entry: what it says, and what may be done with it.

use maud::{Markup, html};

use super::cluster::Cluster;
use super::entries::{principal, scope, short};
use super::findings;
use super::form::Form;
use super::page::{Problem, Reply};
use super::part;
use super::proposal::end_of;
use super::subject::Subject;
use super::visit::Visit;
use super::words;
use crate::eks::EntryRecord;

/// `GET …/access/entry?principal=ARN`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let entry = cluster.entry(visit, visit.query.text("principal")).await?.record;
    let to = |what: &str, more: &[(&str, &str)]| {
        let pairs: Vec<(&str, &str)> =
            [("do", what), ("principal", entry.principal.as_str())].into_iter().chain(more.iter().copied()).collect();
        cluster.url(&format!("/access/change?{}", Form::of(&pairs).to_query()))
    };
    let may = |operation| cluster.offers_on(visit, operation, &entry);
    let kind: Option<entryway_access::EntryType> = entry.kind.parse().ok();
    let seen = cluster.analysis_if_seen(visit).await?;
    let content = html! {
        div.actions {
            @if may("UpdateAccessEntry") && kind.is_some_and(|kind| kind.takes_groups_and_username()) { a.button.quiet href=(to("update", &[])) { "Edit" } }
            @if may("TagResource") || may("UntagResource") { a.button.quiet href=(to("tags", &[])) { "Tags and ends" } }
            @if may("DeleteAccessEntry") { a.button.quiet.danger href=(to("delete", &[])) { "Delete" } }
        }
        (facts(visit, cluster, &entry))
        section aria-labelledby="policies" {
            div.headed {
                h2 #policies { "Access policies" }
                @if kind.is_some_and(|kind| kind.takes_policies()) && may("AssociateAccessPolicy") { p { a.button href=(to("associate", &[])) { "Associate policy" } } }
            }
            @if entry.policies.is_empty() {
                (part::empty(words::NO_POLICIES, html! {}))
            } @else {
                table.cards {
                    caption.unseen { "Access policies" }
                    thead { tr { th scope="col" { "Policy" } th scope="col" { "Scope" } th scope="col" { "Since" } th scope="col" { "Last change" } th scope="col" { span.unseen { "Actions" } } } }
                    tbody { @for (arn, association) in &entry.policies {
                        tr {
                            th scope="row" data-label="Policy" { a href=(cluster.url(&format!("/policies?{}", Form::of(&[("policy", short(arn))]).to_query()))) { (short(arn)) } }
                            td data-label="Scope" { (scope(&association.scope, &association.namespaces)) (ends(visit, &entry, arn)) }
                            td data-label="Since" { (part::time(association.associated_at, visit.now)) }
                            td data-label="Last change" { (part::time(association.modified_at, visit.now)) }
                            td data-label="" {
                                @if may("AssociateAccessPolicy") {
                                    a href=(to("associate", &[("policy", arn), ("scope", &association.scope), ("namespaces", &association.namespaces.join("\n"))])) { "Change scope" span.unseen { " of " (short(arn)) } }
                                }
                                " "
                                @if may("DisassociateAccessPolicy") { a.danger href=(to("disassociate", &[("policy", arn)])) { "Disassociate" span.unseen { " " (short(arn)) } } }
                            }
                        }
                    } }
                }
            }
        }
        @if let Some(seen) = &seen { (findings::section(visit, cluster, seen, &entry.principal)) }
    };
    let title = short(&entry.principal).to_owned();
    Ok(cluster.page("access", title, content).live(cluster.live_findings()).into())
}

/// The end of a policy, if it has one.
fn ends(visit: &Visit<'_>, entry: &EntryRecord, policy: &str) -> Markup {
    html! { @if let Some(end) = end_of(entry, Some(policy)) {
        br; @if end <= visit.now { (part::badge("bad", "ended")) " " } @else { "until " } (part::time(end, visit.now))
    } }
}

fn facts(visit: &Visit<'_>, cluster: &Cluster, entry: &EntryRecord) -> Markup {
    let subject = Subject::Principal(entry.principal.clone());
    let user = subject.user(&cluster.snapshot, visit.now);
    let about = Form::of(&[("kind", "principal"), ("subject", &entry.principal)]).to_query();
    html! {
        dl.facts {
            dt { "Principal" } dd { (principal(&entry.principal)) }
            dt { "Type" } dd { (entry.kind) }
            dt { "Username" } dd { code { (entry.username) } @if user.is_none() { " " (part::badge("bad", "gives no identity now")) } }
            dt { "Kubernetes groups" } dd { @if entry.groups.is_empty() { span.muted { "none" } } @else { (part::words(&entry.groups)) } }
            dt { "Tags" } dd { @if entry.tags.is_empty() { span.muted { "none" } } @else { ul.plain { @for (key, value) in &entry.tags { li { code { (key) } " = " code { (value) } } } } } }
            @if let Some(end) = end_of(entry, None) { dt { "Ends" } dd { (part::time(end, visit.now)) @if end <= visit.now { " " (part::badge("bad", "ended")) } } }
            dt { "Created" } dd { (part::time(entry.created_at, visit.now)) }
            dt { "Last change" } dd { (part::time(entry.modified_at, visit.now)) }
            dt { "ARN" } dd { code { (entry.arn) } }
        }
        p {
            a href=(cluster.url(&format!("/explain?{about}"))) { "What it can do, and why" } " · "
            a href=(cluster.url(&format!("/paths?{}", Form::of(&[("q", entry.principal.as_str()), ("direct", "on")]).to_query()))) { "Whom it can become" } " · "
            a href=(cluster.url(&format!("/access/history?{}", Form::of(&[("principal", &entry.principal)]).to_query()))) { "What it was before" } " · "
            a href={ "/console/audit?" (Form::of(&[("q", &entry.principal), ("since", "7d")]).to_query()) } { "Its audit records" }
        }
    }
}
