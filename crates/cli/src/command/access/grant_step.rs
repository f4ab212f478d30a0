//! The calls of a grant: what is missing to what is wanted, in an order in which nothing is wider than meant.

use std::collections::BTreeMap;

use entryway_access::{EXPIRES_AT, EXPIRES_POLICY, PolicyArn, expires_key};
use entryway_live::{EntryChange, EntryWithPolicies, Scope};
use jiff::Timestamp;

use super::{policy_text, scope_text};

/// What is wanted.
pub(super) struct Wanted {
    pub(super) principal: String,
    pub(super) policies: Vec<PolicyArn>,
    pub(super) scope: Scope,
    pub(super) groups: Vec<String>,
    pub(super) username: Option<String>,
    pub(super) expires: Option<Timestamp>,
}

/// One call to EKS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Create {
        groups: Vec<String>,
        username: Option<String>,
        tags: BTreeMap<String, String>,
    },
    Update(EntryChange),
    /// Before the association, so that a grant with an end never is one without.
    Tag(BTreeMap<String, String>),
    Associate {
        policy: String,
        scope: Scope,
        was: Option<Scope>,
    },
    Untag(Vec<String>),
}

/// The calls that are missing to what is wanted, in a safe order.
pub(super) fn plan(now: Option<&EntryWithPolicies>, wanted: &Wanted) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut tags = BTreeMap::new();
    let mut untag = Vec::new();
    let has = |tag: &str| now.and_then(|entry| entry.entry.tags.get(tag)).map(String::as_str);
    let mut end = |tag: String| match wanted.expires {
        Some(end) if has(&tag) != Some(&end.to_string()) => {
            tags.insert(tag, end.to_string());
        }
        None if has(&tag).is_some() => untag.push(tag),
        Some(_) | None => {}
    };
    for policy in &wanted.policies {
        end(expires_key(policy.name()));
    }
    if wanted.policies.is_empty() {
        end(EXPIRES_AT.to_owned());
    }
    match now {
        None => steps.push(Step::Create {
            groups: wanted.groups.clone(),
            username: wanted.username.clone(),
            tags: std::mem::take(&mut tags),
        }),
        Some(entry) => {
            let change = entry_change(entry, wanted);
            if !change.is_empty() {
                steps.push(Step::Update(change));
            }
            if !tags.is_empty() {
                steps.push(Step::Tag(tags));
            }
        }
    }
    for policy in &wanted.policies {
        let arn = policy.to_string();
        let was = now
            .and_then(|entry| entry.associated_access_policies.iter().find(|has| has.policy_arn == arn))
            .map(|has| has.access_scope.clone());
        if was.as_ref() != Some(&wanted.scope) {
            steps.push(Step::Associate { policy: arn, scope: wanted.scope.clone(), was });
        }
    }
    if !untag.is_empty() {
        steps.push(Step::Untag(untag));
    }
    steps
}

fn entry_change(entry: &EntryWithPolicies, wanted: &Wanted) -> EntryChange {
    let has = &entry.entry.kubernetes_groups;
    let mut groups = has.clone();
    for group in &wanted.groups {
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    EntryChange {
        groups: (groups.len() > has.len()).then_some(groups),
        username: wanted.username.clone().filter(|name| *name != entry.entry.username),
    }
}

impl Step {
    pub(super) fn text(&self) -> String {
        match self {
            Step::Create { groups, username, tags } => {
                let groups =
                    if groups.is_empty() { String::new() } else { format!(", in the groups {}", groups.join(", ")) };
                let username = username.as_ref().map(|name| format!(", with the username {name}")).unwrap_or_default();
                let end = tags.get(EXPIRES_AT).map(|end| format!(", until {end}")).unwrap_or_default();
                format!("make an access entry{username}{groups}{end}{}", ends(tags))
            }
            Step::Update(change) => {
                let username = change.username.as_ref().map(|name| format!("set the username {name}"));
                let groups = change.groups.as_ref().map(|groups| format!("set the groups {}", groups.join(", ")));
                [username, groups].into_iter().flatten().collect::<Vec<_>>().join(" and ")
            }
            Step::Tag(tags) => {
                let end = tags.get(EXPIRES_AT).map(|end| format!("let the entry end at {end}"));
                end.unwrap_or_else(|| format!("set an end{}", ends(tags)))
            }
            Step::Associate { policy, scope, was: None } => {
                format!("associate {} ({})", policy_text(policy), scope_text(scope))
            }
            Step::Associate { policy, scope, was: Some(was) } => {
                format!("change the scope of {} from {} to {}", policy_text(policy), scope_text(was), scope_text(scope))
            }
            Step::Untag(tags) => format!("remove the end ({})", tags.join(", ")),
        }
    }
}

/// The ends of policies among tags, in words.
fn ends(tags: &BTreeMap<String, String>) -> String {
    tags.iter()
        .filter_map(|(tag, end)| Some((tag.strip_prefix(EXPIRES_POLICY)?, end)))
        .map(|(policy, end)| format!(", {} until {end}", policy_text(policy)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_access::AccessScope;
    use entryway_live::{AssociatedPolicy, Entry};

    fn wanted(namespaces: &[&str], groups: &[&str], expires: Option<&str>) -> Wanted {
        Wanted {
            principal: "arn:aws:iam::111122223333:role/ops".into(),
            policies: vec!["arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".parse().unwrap()],
            scope: match namespaces {
                [] => Scope::from(&AccessScope::Cluster),
                some => Scope::from(
                    &AccessScope::from_parts("namespace", &some.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
                        .unwrap(),
                ),
            },
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            username: None,
            expires: expires.map(|e| e.parse().unwrap()),
        }
    }

    /// The entry after the steps, as EKS would have it.
    fn after(now: Option<EntryWithPolicies>, steps: &[Step]) -> EntryWithPolicies {
        let mut entry = now.unwrap_or_default();
        for step in steps.iter().cloned() {
            match step {
                Step::Create { groups, username, tags } => {
                    entry.entry = Entry {
                        kubernetes_groups: groups,
                        username: username.unwrap_or_default(),
                        tags,
                        ..Entry::default()
                    };
                }
                Step::Update(change) => {
                    if let Some(groups) = change.groups {
                        entry.entry.kubernetes_groups = groups;
                    }
                    if let Some(username) = change.username {
                        entry.entry.username = username;
                    }
                }
                Step::Tag(tags) => entry.entry.tags.extend(tags),
                Step::Associate { policy, scope, .. } => {
                    entry.associated_access_policies.retain(|has| has.policy_arn != policy);
                    entry.associated_access_policies.push(AssociatedPolicy {
                        policy_arn: policy,
                        access_scope: scope,
                        ..AssociatedPolicy::default()
                    });
                }
                Step::Untag(keys) => entry.entry.tags.retain(|key, _| !keys.contains(key)),
            }
        }
        entry
    }

    #[test]
    fn repeating_changes_nothing() {
        for wanted in [
            wanted(&[], &[], None),
            wanted(&["a", "dev-*"], &["g", "h"], None),
            wanted(&["a"], &[], Some("2030-01-01T00:00:00Z")),
            Wanted { policies: Vec::new(), ..wanted(&[], &["g"], Some("2030-01-01T00:00:00Z")) },
        ] {
            let entry = after(None, &plan(None, &wanted));
            assert_eq!(plan(Some(&entry), &wanted), []);
        }
    }

    #[test]
    fn a_grant_adds_groups_and_replaces_scope_and_end() {
        let first = after(None, &plan(None, &wanted(&["a"], &["g"], Some("2030-01-01T00:00:00Z"))));
        let steps = plan(Some(&first), &wanted(&["b"], &["h"], None));
        let texts: Vec<String> = steps.iter().map(Step::text).collect();
        assert_eq!(
            texts,
            [
                "set the groups g, h",
                "change the scope of View from a to b",
                "remove the end (entryway:expires/AmazonEKSViewPolicy)"
            ]
        );
    }

    #[test]
    fn an_end_is_set_before_the_policy_is_given() {
        let bare = after(None, &plan(None, &Wanted { policies: Vec::new(), ..wanted(&[], &[], None) }));
        let steps = plan(Some(&bare), &wanted(&[], &[], Some("2030-01-01T00:00:00Z")));
        assert!(matches!(steps.as_slice(), [Step::Tag(_), Step::Associate { .. }]), "{steps:?}");
        let steps = plan(None, &wanted(&[], &[], Some("2030-01-01T00:00:00Z")));
        let [Step::Create { tags, .. }, Step::Associate { .. }] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!(tags.get("entryway:expires/AmazonEKSViewPolicy").map(String::as_str), Some("2030-01-01T00:00:00Z"));
    }
}
