//! The checks against the core's decisions, and on a small company.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt::Write;

use entryway_access::{Attributes, Request, Resource, Snapshot};
use proptest::prelude::*;

use super::holding::Grants;
use super::vocabulary::{Powers, of_check};
use super::{Finding, Holder, Standing, Surroundings, checks, findings, permissions::CHECKS};
use crate::tests::company::{assert_golden, snapshot, surroundings};
use crate::tests::model::{NOW, binding, entry, model, role};
use crate::tests::risky::risky;
use crate::{KnownPrincipals, Place, PrincipalFacts};

fn known() -> KnownPrincipals {
    KnownPrincipals::default()
}

#[test]
fn checks_are_whole() {
    let ids: BTreeSet<&str> = checks().iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), checks().len(), "each id once");
    for check in checks() {
        for text in [check.title, check.why, check.remedy, &check.trigger_text()] {
            assert!(text.len() > 10, "{}: {text:?}", check.id);
        }
        assert!(check.elsewhere <= Some(check.severity), "{}", check.id);
    }
}

/// The page that lists every check says what the checks say.
#[test]
fn the_page_lists_every_check() {
    let mut text = include_str!("findings-head.md").to_owned();
    for check in checks() {
        let elsewhere = match check.elsewhere {
            Some(severity) if severity == check.severity => String::new(),
            Some(severity) => format!("; {severity} in other namespaces alone"),
            None if check.trigger_text() == told_as_fact(check) => String::new(),
            None => "; no finding in other namespaces alone".to_owned(),
        };
        writeln!(text, "\n### {}\n", check.title).unwrap();
        writeln!(text, "`{}`, {}{elsewhere}.\n", check.id, check.severity).unwrap();
        writeln!(text, "- **Found by**: {}", check.trigger_text().replace('*', "\\*")).unwrap();
        writeln!(text, "- **Why**: {}", check.why).unwrap();
        writeln!(text, "- **What to do**: {}", check.remedy).unwrap();
    }
    assert_golden("../../docs/findings.md", &text);
}

/// The trigger of a check that is no permission, where there are no places.
fn told_as_fact(check: &super::Check) -> &str {
    match check.trigger {
        super::Trigger::Fact(text) => text,
        super::Trigger::Permissions(_) => "",
    }
}

/// One line a finding.
fn told(finding: &Finding) -> String {
    let standing = match finding.standing {
        Standing::Own => "",
        Standing::Implied => " (implied)",
        Standing::WellKnown => " (well known)",
    };
    let (severity, id, kind) = (finding.severity, finding.check.id, finding.holder.kind());
    format!("{severity} {id}{standing}: {kind} {}: {}", finding.holder, finding.line())
}

#[test]
fn a_small_company() {
    let found = findings(&snapshot(), &surroundings(), &known(), NOW);
    assert!(found.left_out.is_empty());
    let mut text = String::new();
    for finding in found.own() {
        writeln!(text, "{}", told(finding)).unwrap();
    }
    assert_golden("src/tests/company-findings.txt", &text);
    let admins = ["arn:aws:iam::111122223333:role/platform/platform-admin", "web/operator"];
    for finding in &found.all {
        let of_admin = admins.contains(&finding.holder.to_string().as_str()) && !finding.grants.is_empty();
        let implied = of_admin && finding.check.id != "cluster-admin";
        assert_eq!(finding.standing == Standing::Implied, implied, "{}", told(finding));
    }
    let well_known = found.all.iter().filter(|finding| finding.standing == Standing::WellKnown).count();
    assert!(well_known > 30, "{well_known}");
}

/// Nothing of a fresh cluster is one's own business, but its mode.
#[test]
fn a_fresh_cluster_has_nothing_to_work_through() {
    let mut fresh = model(vec![]);
    let objects: serde_json::Value = serde_json::from_str(entryway_access::bootstrap_rbac()).unwrap();
    fresh.rbac = entryway_access::RbacObjects::from_values([&objects]).0;
    fresh.mode = entryway_access::AuthenticationMode::Api;
    let found = findings(&Snapshot::compile(fresh.clone()), &Surroundings::default(), &known(), NOW);
    assert_eq!(found.own().map(told).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(found.left_out.len() > 3);
    // A binding more to one of Kubernetes' own is.
    let subject = entryway_access::Subject::User("system:kube-scheduler".into());
    fresh.rbac.bindings.push(binding("more", None, "cluster-admin", subject));
    let found = findings(&Snapshot::compile(fresh), &Surroundings::default(), &known(), NOW);
    let own: Vec<&str> = found.own().map(|finding| finding.check.id).collect();
    assert_eq!(own, ["cluster-admin"]);
}

/// What takes several permissions is found where they come from several places, and not where one is missing.
#[test]
fn needs_come_together() {
    let mut state = model(vec![]);
    let certificates = "certificates.k8s.io";
    let to = |name: &str| entryway_access::Subject::User(name.into());
    state.rbac.roles = vec![
        role("request", &["create", "get"], certificates, &["certificatesigningrequests"]),
        role("approve", &["update"], certificates, &["certificatesigningrequests/approval"]),
        role("signer", &["approve"], certificates, &["signers"]),
        role("restart", &["delete"], "", &["pods"]),
        role("taint", &["patch"], "", &["nodes"]),
    ];
    state.rbac.bindings = vec![
        binding("1", None, "request", entryway_access::Subject::Group("system:authenticated".into())),
        binding("2", None, "approve", to("a")),
        binding("3", None, "signer", to("a")),
        binding("4", None, "approve", to("b")),
        binding("5", Some("kube-system"), "restart", to("c")),
        binding("6", None, "taint", to("c")),
        binding("7", Some("web"), "restart", to("d")),
        // Nodes are of the cluster: a right to them in a namespace is none.
        binding("8", Some("kube-system"), "taint", to("e")),
        binding("9", Some("kube-system"), "restart", to("e")),
    ];
    let found = findings(&Snapshot::compile(state), &Surroundings::default(), &known(), NOW);
    let who = |id: &str| -> Vec<String> {
        found.all.iter().filter(|finding| finding.check.id == id).map(|finding| finding.holder.to_string()).collect()
    };
    assert_eq!(who("approve-csr"), ["a"]);
    // `patch nodes` alone drives pods away and keeps them from elsewhere; with rights in kube-system alone it does not.
    assert_eq!(who("steal-pods"), ["c"]);
}

#[test]
fn severity_goes_by_place_and_names() {
    let mut state = model(vec![]);
    let user = |name: &str| entryway_access::Subject::User(name.into());
    let mut one = role("one", &["get"], "", &["secrets"]);
    one.rules[0].resource_names = vec!["database".into()];
    state.rbac.roles = vec![role("all", &["get"], "", &["secrets"]), one];
    state.rbac.bindings = vec![
        binding("1", None, "all", user("everywhere")),
        binding("2", Some("kube-system"), "all", user("system")),
        binding("3", Some("web"), "all", user("web")),
        binding("4", Some("web"), "one", user("one")),
        binding("5", None, "one", user("one-everywhere")),
    ];
    let found = findings(&Snapshot::compile(state), &Surroundings::default(), &known(), NOW);
    let severities: Vec<(String, &str)> = found
        .all
        .iter()
        .filter(|finding| finding.check.id == "read-secrets")
        .map(|finding| (finding.holder.to_string(), finding.severity.as_str()))
        .collect();
    let expected = [
        ("everywhere", "critical"),
        ("system", "critical"),
        ("one-everywhere", "high"),
        ("web", "medium"),
        ("one", "low"),
    ];
    assert_eq!(severities, expected.map(|(name, severity)| (name.to_owned(), severity)));
    let one = found.all.iter().find(|finding| finding.holder == Holder::User("one".into())).unwrap();
    assert!(one.grants[0].for_names && one.line().contains("of some names"), "{}", one.line());
}

#[test]
fn a_principal_has_what_its_sessions_are_bound_to() {
    let mut state = model(vec![entry("role/Dev")]);
    state.rbac.roles.push(role("all", &["*"], "", &["*"]));
    let session = "arn:aws:sts::111122223333:assumed-role/Dev/jo";
    state.rbac.bindings.push(binding("1", None, "all", entryway_access::Subject::User(session.into())));
    let found = findings(&Snapshot::compile(state), &Surroundings::default(), &known(), NOW);
    let of_role = found.own().find(|finding| matches!(finding.holder, Holder::Principal(_))).unwrap();
    assert_eq!(of_role.check.id, "cluster-admin", "whoever takes the role chooses the session's name");
}

fn here(place: &Place) -> &str {
    match place {
        Place::Cluster => "",
        Place::In(name) => name,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// What is said to be held is exactly what the core allows, question by question.
    #[test]
    fn what_is_held_is_what_is_allowed(state in risky()) {
        let state = Snapshot::compile(state);
        let mut grants = Grants::of(&state, NOW);
        let places = ["", "dev", "kube-system", "other"].map(|name| match name {
            "" => Place::Cluster,
            name => Place::In(name.to_owned()),
        });
        for holding in grants.holdings(&known()) {
            for place in &places {
                let mut held = Powers::default();
                let sources = holding.own.iter().chain(&holding.common);
                sources.filter(|source| source.place.covers(place)).for_each(|source| held |= source.powers);
                let every = (0..CHECKS.len()).fold(super::Permissions::default(), |all, index| all | of_check(index));
                for (verb, group, pattern) in every.questions() {
                    let (resource, subresource) = match pattern.split_once('/') {
                        Some((_, "*")) => continue, // Any subresource that a rule names.
                        Some(parts) => parts,
                        None if pattern == "*" => ("*", "any"),
                        None => (pattern, ""),
                    };
                    let any = |word: &'static str| if word == "*" { "any" } else { word };
                    let is_nameless = (verb == "create" && subresource.is_empty()) || verb == "deletecollection";
                    let one = super::Permissions::of(verb, group, pattern);
                    let said = held.all.meets(one);
                    let may = |name: &str| holding.users.iter().any(|user| {
                        let resource = Resource { group: any(group), resource: any(resource), subresource, namespace: here(place), name };
                        let attributes = Attributes::Resource { verb: any(verb), resource };
                        state.decide(&Request { user, attributes }, NOW).is_allowed()
                    });
                    let decided = if is_nameless { may("") } else { may("any") };
                    // Objects of the cluster are never in a namespace, where the core would be asked in vain.
                    let of_cluster = *place != Place::Cluster && of_cluster(verb, group, pattern);
                    if decided && !of_cluster {
                        prop_assert!(said, "{} may {verb} {pattern} in {place}", holding.holder);
                    }
                    let as_good = ["system:masters", "cluster-admin", "aws-auth"].iter().any(|name| may(name));
                    if said {
                        prop_assert!(decided || (!is_nameless && as_good), "{} may not {verb} {pattern} in {place}", holding.holder);
                    }
                }
            }
        }
    }
}

fn of_cluster(verb: &str, group: &str, pattern: &str) -> bool {
    let one = super::Permissions::of(verb, group, pattern);
    Powers { all: one, some: super::Permissions::default() }.local().all != one
}

#[test]
fn entries_of_principals_that_are_gone_or_made_again() {
    let of = |name: &str, id: &str| {
        let mut entry = entry(&format!("role/{name}"));
        entry.unique_id = Some(id.to_owned());
        entry
    };
    let entries = vec![of("gone", "AROA1"), of("again", "AROA2"), of("there", "AROA3"), of("elsewhere", "AROA4")];
    let state = Snapshot::compile(model(entries));
    let mut known = KnownPrincipals::default();
    let facts = |id: Option<&str>| PrincipalFacts {
        exists: Some(id.is_some()),
        unique_id: id.map(str::to_owned),
        created_at: None,
    };
    for entry in state.entries() {
        match entry.principal.name() {
            "gone" => known.insert(&entry.principal, facts(None)),
            "again" => known.insert(&entry.principal, facts(Some("AROA9"))),
            "there" => known.insert(&entry.principal, facts(entry.unique_id.as_deref())),
            _ => {}
        }
    }
    let iam = Surroundings { iam: Some(Vec::new()), ..Surroundings::default() };
    let found = findings(&state, &iam, &known, NOW);
    let stale: Vec<(&str, String)> = found
        .all
        .iter()
        .filter(|finding| finding.check.id == "stale-entry")
        .map(|finding| (finding.detail.as_str(), finding.holder.to_string()))
        .collect();
    assert_eq!(stale.len(), 2, "{stale:?}");
    assert!(stale.iter().any(|(detail, who)| who.ends_with("/gone") && detail.contains("no such")));
    assert!(
        stale
            .iter()
            .any(|(detail, who)| who.ends_with("/again") && detail.contains("AROA2") && detail.contains("AROA9"))
    );
    assert!(!found.left_out.iter().any(|check| check.id == "stale-entry"));
    let unknown = findings(&state, &Surroundings::default(), &KnownPrincipals::default(), NOW);
    assert!(unknown.left_out.iter().any(|check| check.id == "stale-entry"));
    assert!(!unknown.all.iter().any(|finding| finding.check.id == "stale-entry"));
}
