//! The catalogue of access policies: rules as a table, which entries use one, two side by side.

use entryway_access::{PolicyArn, PolicyRule, PolicyRules};
use maud::{Markup, html};

use super::cluster::{Cluster, may_see_access};
use super::entries::{principal, short};
use super::form::Form;
use super::page::{Problem, Reply};
use super::part::{self, Field};
use super::visit::Visit;
use super::words;

/// `GET …/policies?policy=NAME&with=NAME`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    if !visit.may("eks:ListAccessPolicies", "*", |_| {}) {
        return Err(Problem::new(axum::http::StatusCode::FORBIDDEN, words::NO_POLICY_LIST, words::DENIED_HINT));
    }
    let resolve = |name: &str| match visit.query.text(name) {
        "" => Ok(None),
        text => cluster.snapshot.catalogue().resolve(text, cluster.place.partition()).map(Some).map_err(Problem::bad),
    };
    let page = match (resolve("policy")?, resolve("with")?) {
        (Some(policy), other) => {
            for own in
                [Some(&policy), other.as_ref()].into_iter().flatten().filter(|own| matches!(own, PolicyArn::Own { .. }))
            {
                may_read(visit, own)?;
            }
            let title = policy.name().to_string();
            cluster
                .page("policies", title, one(visit, cluster, &policy, other.as_ref()))
                .crumb("Policies", cluster.url("/policies"))
        }
        (None, _) => cluster.page("policies", "Access policies", all(visit, cluster)),
    };
    Ok(page.live(cluster.live(false)).into())
}

/// The rules of one's own policies are for who may read them through the API.
fn may_read(visit: &Visit<'_>, policy: &PolicyArn) -> Result<(), Problem> {
    let arn = policy.to_string();
    if visit.may("entryway:GetPolicy", &arn, |_| {}) {
        return Ok(());
    }
    let text = format!("{} is not authorized to perform: entryway:GetPolicy on resource: {arn}", visit.who.arn());
    Err(Problem::new(axum::http::StatusCode::FORBIDDEN, text, words::DENIED_HINT))
}

/// Which entries have a policy.
fn users(cluster: &Cluster, policy: &PolicyArn) -> Vec<std::sync::Arc<entryway_access::AccessEntry>> {
    cluster
        .snapshot
        .entries()
        .into_iter()
        .filter(|entry| entry.policies.iter().any(|own| own.policy == *policy))
        .collect()
}

fn all(visit: &Visit<'_>, cluster: &Cluster) -> Markup {
    let sees = may_see_access(visit, cluster).is_ok();
    let entries = cluster.snapshot.entries();
    let mut used: std::collections::HashMap<&PolicyArn, usize> = std::collections::HashMap::new();
    for own in entries.iter().flat_map(|entry| &entry.policies) {
        *used.entry(&own.policy).or_default() += 1;
    }
    let arns = cluster.snapshot.catalogue().arns(cluster.place.partition());
    let rows: Vec<(PolicyArn, usize)> = arns.map(|arn| (arn.clone(), used.get(&arn).copied().unwrap_or(0))).collect();
    html! {
        table.cards {
            caption.unseen { "Access policies" }
            thead { tr { th scope="col" { "Policy" } th scope="col" { "Rules" } th scope="col" { "Entries that use it" } } }
            tbody { @for (arn, used) in &rows {
                @let rules = cluster.snapshot.catalogue().get(arn).map(|policy| &policy.rules);
                tr {
                    th scope="row" data-label="Policy" { a href=(url(arn)) { (arn.name().as_str()) } @if matches!(arn, PolicyArn::Own { .. }) { " " (part::badge("", "own")) } }
                    td data-label="Rules" { @match rules { Some(PolicyRules::Known(rules)) => (rules.len()), Some(PolicyRules::Unpublished) | None => span.muted { "not published" } } }
                    td data-label="Used by" { @if sees { (used) } @else { span.muted { (words::NOT_SEEN) } } }
                }
            } }
        }
    }
}

fn url(arn: &PolicyArn) -> String {
    format!("?{}", Form::of(&[("policy", &arn.to_string())]).to_query())
}

fn one(visit: &Visit<'_>, cluster: &Cluster, policy: &PolicyArn, other: Option<&PolicyArn>) -> Markup {
    let sees = may_see_access(visit, cluster).is_ok();
    let used = if sees { users(cluster, policy) } else { Vec::new() };
    let none = std::iter::once((String::new(), "Choose one".to_owned()));
    let options: Vec<(String, String)> = none.chain(super::entries::policy_options(cluster)).collect();
    let with = other.map(ToString::to_string).unwrap_or_default();
    let compare = Field { name: "with", label: "Compare with", value: &with, help: "", error: None };
    html! {
        p { code { (policy.to_string()) } }
        @if let Some(found) = cluster.snapshot.catalogue().get(policy) { p.muted { (found.source) } }
        form.search method="get" {
            input type="hidden" name="policy" value=(policy.to_string());
            (compare.choice(&options)) button.quiet type="submit" { "Compare" }
        }
        @match other {
            Some(other) => (compared(cluster, policy, other)),
            None => (rules(cluster, policy)),
        }
        section aria-labelledby="used" {
            h2 #used { "Used by" }
            @if !sees { p.muted { (words::NOT_SEEN) } } @else if used.is_empty() { p.muted { (words::POLICY_UNUSED) } }
            @else { ul.plain { @for entry in used.iter().take(200) {
                @let scopes = entry.policies.iter().find(|own| own.policy == *policy).map(|own| own.scope.to_string());
                li { a href=(cluster.url(&format!("/access/entry?{}", Form::of(&[("principal", entry.principal.as_str())]).to_query()))) { (principal(entry.principal.as_str())) } " " span.muted { (scopes.unwrap_or_default()) } }
            } } @if used.len() > 200 { p.muted { "and " (used.len() - 200) " more" } } }
        }
    }
}

fn known<'a>(cluster: &'a Cluster, policy: &PolicyArn) -> Option<&'a [PolicyRule]> {
    match cluster.snapshot.catalogue().get(policy).map(|found| &found.rules) {
        Some(PolicyRules::Known(rules)) => Some(rules),
        Some(PolicyRules::Unpublished) | None => None,
    }
}

fn rules(cluster: &Cluster, policy: &PolicyArn) -> Markup {
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "Rules" }
            @match known(cluster, policy) {
                None => p.notice { (words::UNPUBLISHED) },
                Some(rules) => (part::wide("Rules", rule_table(rules))),
            }
        }
    }
}

fn rule_table(rules: &[PolicyRule]) -> Markup {
    html! {
        table {
            caption.unseen { "Rules" }
            thead { tr { th scope="col" { "API group" } th scope="col" { "Resources" } th scope="col" { "Verbs" } th scope="col" { "Names" } } }
            tbody { @for rule in rules { tr {
                td { @for (index, group) in rule.api_groups.iter().enumerate() { @if index > 0 { ", " } @if group.is_empty() { span.muted { "core" } } @else { code { (group) } } } }
                td { (part::words(&rule.resources)) (part::words(&rule.non_resource_urls)) }
                td { (part::words(&rule.verbs)) }
                td { (part::words(&rule.resource_names)) }
            } } }
        }
    }
}

/// What one policy has and the other has not, cell by cell: a resource and its verbs.
fn compared(cluster: &Cluster, left: &PolicyArn, right: &PolicyArn) -> Markup {
    type Cells = std::collections::BTreeMap<String, std::collections::BTreeSet<String>>;
    let cells = |policy: &PolicyArn| {
        let mut cells = Cells::new();
        for rule in known(cluster, policy).unwrap_or_default() {
            for group in &rule.api_groups {
                for resource in &rule.resources {
                    let shown = if group.is_empty() { resource.clone() } else { format!("{resource} ({group})") };
                    cells.entry(shown).or_default().extend(rule.verbs.iter().cloned());
                }
            }
            for path in &rule.non_resource_urls {
                cells.entry(path.clone()).or_default().extend(rule.verbs.iter().cloned());
            }
        }
        cells
    };
    let (own, other) = (cells(left), cells(right));
    let all: std::collections::BTreeSet<&String> = own.keys().chain(other.keys()).collect();
    let differing: Vec<&String> = all.into_iter().filter(|cell| own.get(*cell) != other.get(*cell)).collect();
    let verbs =
        |cells: &Cells, cell: &String| -> Vec<String> { cells.get(cell).into_iter().flatten().cloned().collect() };
    html! {
        section aria-labelledby="compared" {
            h2 #compared { "Where they differ" }
            @if differing.is_empty() { p { (words::RULES_SAME) } }
            @else {
                (part::wide("Where they differ", html! { table {
                    caption.unseen { "Where they differ" }
                    thead { tr { th scope="col" { "Resource" } th scope="col" { (short(&left.to_string())) } th scope="col" { (short(&right.to_string())) } } }
                    tbody { @for cell in differing { tr {
                        th scope="row" { code { (cell) } }
                        @for cells in [&own, &other] { @let words = verbs(cells, cell); td { @if words.is_empty() { span.muted { "—" } } @else { (part::words(&words)) } } }
                    } } }
                } }))
            }
        }
    }
}
