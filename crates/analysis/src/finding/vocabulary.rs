//! The permissions that checks speak of, numbered, so that what a role gives is a few bits; and which of them a rule
//! gives, as the core's rule says.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::sync::OnceLock;

use entryway_access::{Attributes, PolicyRule, Resource};

use super::check::{Names, Need, Trigger};
use super::permissions::CHECKS;
use crate::question::FRESH;

/// A set of permissions that checks speak of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permissions(u128);

impl Permissions {
    pub(crate) fn and(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }
    pub(crate) fn without(self, other: Permissions) -> Permissions {
        Permissions(self.0 & !other.0)
    }
    pub(crate) fn meets(self, other: Permissions) -> bool {
        self.0 & other.0 != 0
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    fn each(self) -> impl Iterator<Item = &'static Permission> {
        let all = vocabulary().all.iter().enumerate();
        all.filter(move |(index, _)| self.0 & bit(*index) != 0).map(|(_, permission)| permission)
    }
    /// Verb, group and resource (`pods/exec`) of each, for questions to the core; `*` for any.
    pub fn questions(self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        self.each().map(|permission| (permission.verb, permission.group, permission.pattern))
    }
    /// The one of that verb, group and resource, as a check writes them; none where no check does.
    pub(crate) fn of(verb: &str, group: &str, pattern: &str) -> Permissions {
        let all = vocabulary().all.iter().enumerate();
        let alike = all.filter(|(_, one)| one.verb == verb && one.group == group && one.pattern == pattern);
        Permissions(alike.fold(0, |set, (index, _)| set | bit(index)))
    }
    /// The rules that give any of them.
    pub fn given_by(self, rules: &[PolicyRule]) -> Vec<&PolicyRule> {
        rules.iter().filter(|rule| self.each().any(|permission| permission.given_by(rule) != Given::No)).collect()
    }
    /// The names that a rule gives them for; none where it gives them for all.
    pub(crate) fn names_of(self, rule: &PolicyRule) -> &[String] {
        let is_limited = self.each().any(|permission| permission.given_by(rule) == Given::Some);
        if is_limited { &rule.resource_names } else { &[] }
    }
}

impl BitOr for Permissions {
    type Output = Permissions;
    fn bitor(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }
}

impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Permissions) {
        self.0 |= other.0;
    }
}

/// `create,get pods/exec; update deployments.apps,statefulsets.apps`: what has the same verbs together.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut verbs_of: Vec<(String, Vec<&str>)> = Vec::new();
        let everything = Permissions::of("*", "*", "*");
        for permission in self.each() {
            // All resources take in all core ones.
            if permission.verb == "*" && permission.group.is_empty() && self.meets(everything) {
                continue;
            }
            let object = permission.object();
            match verbs_of.iter_mut().find(|(other, _)| *other == object) {
                Some((_, verbs)) => verbs.push(permission.verb),
                None => verbs_of.push((object, vec![permission.verb])),
            }
        }
        let mut said: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
        for (object, verbs) in verbs_of {
            match said.iter_mut().find(|(other, _)| *other == verbs) {
                Some((_, objects)) => objects.push(object),
                None => said.push((verbs, vec![object])),
            }
        }
        let lines: Vec<String> = said
            .iter()
            .map(|(verbs, objects)| {
                let verbs = if verbs == &["*"] { "any verb on".to_owned() } else { verbs.join(",") };
                format!("{verbs} {}", objects.join(","))
            })
            .collect();
        f.write_str(&lines.join("; "))
    }
}

/// What a set of rules gives, all or for some names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Powers {
    /// For all names, or for one that is as good.
    pub(crate) all: Permissions,
    /// For some names alone.
    pub(crate) some: Permissions,
}

impl Powers {
    pub(crate) fn any(self) -> Permissions {
        self.all | self.some
    }
    /// Those that hold in a namespace alone.
    pub(crate) fn local(self) -> Powers {
        let of_cluster = vocabulary().of_cluster;
        Powers { all: self.all.without(of_cluster), some: self.some.without(of_cluster) }
    }
}

impl BitOrAssign for Powers {
    fn bitor_assign(&mut self, other: Powers) {
        self.all |= other.all;
        self.some |= other.some;
    }
}

/// One question: a verb on a kind of object.
#[derive(Debug, PartialEq, Eq)]
struct Permission {
    verb: &'static str,
    group: &'static str,
    /// As the check writes it.
    pattern: &'static str,
    resource: &'static str,
    subresource: &'static str,
    of_cluster: bool,
    names: Names,
}

/// Whether a rule gives a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    All,
    Some,
    No,
}

impl Permission {
    /// What the core says. A rule that has "any" is one that allows a word that nobody else has.
    fn given_by(&self, rule: &PolicyRule) -> Given {
        let allows = |name: &str| self.subresources(rule).any(|subresource| self.allows(rule, subresource, name));
        // The name of what is created is not known when the request is decided, nor are those of a collection.
        let nameless = (self.verb == "create" && self.subresource.is_empty()) || self.verb == "deletecollection";
        if allows(if nameless { "" } else { FRESH }) || self.names.as_good().iter().any(|name| allows(name)) {
            return Given::All;
        }
        let named = || !nameless && rule.resource_names.iter().any(|name| allows(name));
        match self.names {
            Names::Lesser(_) if named() => Given::Some,
            Names::Lesser(_) | Names::Only(_) => Given::No,
        }
    }

    fn allows(&self, rule: &PolicyRule, subresource: &str, name: &str) -> bool {
        let asked = |word: &'static str| if word == "*" { FRESH } else { word };
        // A namespace is a matter of the binding or scope, never of the rule.
        let resource =
            Resource { group: asked(self.group), resource: asked(self.resource), subresource, namespace: "", name };
        rule.allows(&Attributes::Resource { verb: asked(self.verb), resource })
    }

    /// The subresources to ask about: for "any" of them, those that the rule names, and one that nobody does.
    fn subresources<'r>(&self, rule: &'r PolicyRule) -> impl Iterator<Item = &'r str> + use<'r> {
        let (resource, own) = (self.resource, self.subresource);
        let named = rule.resources.iter().filter_map(move |pattern| {
            let sub = pattern.strip_prefix(resource)?.strip_prefix('/')?;
            (own == "*").then_some(sub)
        });
        named.chain(std::iter::once(if own == "*" { FRESH } else { own }))
    }

    /// `deployments.apps`, `pods/exec`, `all resources`.
    fn object(&self) -> String {
        match (self.pattern, self.group) {
            ("*", "*") => "all resources".to_owned(),
            ("*", "") => "all core resources".to_owned(),
            (pattern, "") => pattern.to_owned(),
            (pattern, group) => match pattern.split_once('/') {
                Some((resource, sub)) => format!("{resource}.{group}/{sub}"),
                None => format!("{pattern}.{group}"),
            },
        }
    }
}

/// All permissions, and the needs of the checks as sets of them.
pub(crate) struct Vocabulary {
    all: Vec<Permission>,
    of_cluster: Permissions,
    /// Of each check of permissions: its ways, each with its needs.
    pub(crate) ways: Vec<Vec<Vec<Permissions>>>,
}

fn bit(index: usize) -> u128 {
    1_u128.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or_default()
}

/// Numbered once for the process: it is made of constants alone.
pub(crate) fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        let mut vocabulary = Vocabulary { all: Vec::new(), of_cluster: Permissions::default(), ways: Vec::new() };
        for check in CHECKS {
            let ways = match check.trigger {
                Trigger::Permissions(ways) => ways,
                Trigger::Fact(_) => &[],
            };
            let ways = ways.iter().map(|way| way.iter().map(|need| vocabulary.number(need)).collect()).collect();
            vocabulary.ways.push(ways);
        }
        vocabulary
    })
}

impl Vocabulary {
    fn number(&mut self, need: &Need) -> Permissions {
        let mut set = Permissions::default();
        for &pattern in need.resources {
            for &verb in need.verbs {
                let (resource, subresource) = match pattern.split_once('/') {
                    Some(parts) => parts,
                    None if pattern == "*" => (pattern, FRESH),
                    None => (pattern, ""),
                };
                let (of_cluster, names) = (need.of_cluster, need.names);
                let permission =
                    Permission { verb, group: need.group, pattern, resource, subresource, of_cluster, names };
                let index = match self.all.iter().position(|one| *one == permission) {
                    Some(index) => index,
                    None => {
                        self.all.push(permission);
                        self.all.len() - 1
                    }
                };
                set.0 |= bit(index);
                if of_cluster {
                    self.of_cluster.0 |= bit(index);
                }
            }
        }
        set
    }
}

/// What rules give.
pub(crate) fn powers(rules: &[PolicyRule]) -> Powers {
    let mut powers = Powers::default();
    for rule in rules.iter().filter(|rule| !rule.resources.is_empty()) {
        for (index, permission) in vocabulary().all.iter().enumerate() {
            match permission.given_by(rule) {
                Given::All => powers.all.0 |= bit(index),
                Given::Some => powers.some.0 |= bit(index),
                Given::No => {}
            }
        }
    }
    powers
}

/// The number of a check of permissions.
pub(crate) fn number(id: &str) -> usize {
    CHECKS.iter().position(|check| check.id == id).unwrap_or(usize::MAX)
}

/// The permissions of a check, all of its ways.
pub(crate) fn of_check(check: usize) -> Permissions {
    let ways = vocabulary().ways.get(check).into_iter().flatten().flatten();
    ways.fold(Permissions::default(), |all, need| all | *need)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_a_bit_of_its_own() {
        assert!(vocabulary().all.len() <= 128, "{}", vocabulary().all.len());
    }

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> PolicyRule {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        PolicyRule {
            verbs: words(verbs),
            api_groups: words(groups),
            resources: words(resources),
            resource_names: words(names),
            non_resource_urls: Vec::new(),
        }
    }

    /// What rules give of a check, all and for some names.
    fn gives(id: &str, rule: PolicyRule) -> (bool, bool) {
        let check = CHECKS.iter().position(|check| check.id == id).unwrap();
        let powers = powers(&[rule]);
        (powers.all.meets(of_check(check)), powers.some.meets(of_check(check)))
    }

    #[test]
    fn traps() {
        // `bind` is asked on roles, never on bindings.
        assert_eq!(gives("bind", rule(&["bind"], &["*"], &["rolebindings"], &[])), (false, false));
        assert_eq!(gives("bind", rule(&["bind"], &["*"], &["clusterroles"], &["view"])), (false, true));
        assert_eq!(gives("bind", rule(&["bind"], &["*"], &["clusterroles"], &["cluster-admin"])), (true, false));
        // A rule with names never allows the creation of an object, but that of a subresource.
        assert_eq!(gives("run-workloads", rule(&["create"], &[""], &["pods"], &["a"])), (false, false));
        assert_eq!(gives("exec", rule(&["create"], &[""], &["pods/exec"], &["a"])), (false, true));
        assert_eq!(gives("token-request", rule(&["create"], &[""], &["serviceaccounts/token"], &["a"])), (false, true));
        assert_eq!(gives("run-workloads", rule(&["patch"], &["apps"], &["statefulsets"], &[])), (true, false));
        assert_eq!(gives("node-proxy", rule(&["get"], &[""], &["nodes/proxy"], &[])), (true, false));
        assert_eq!(gives("read-secrets", rule(&["watch"], &[""], &["secrets"], &[])), (true, false));
        assert_eq!(gives("aws-auth-write", rule(&["patch"], &[""], &["configmaps"], &["aws-auth"])), (true, false));
        assert_eq!(gives("aws-auth-write", rule(&["patch"], &[""], &["configmaps"], &["other"])), (false, false));
        // `pods/*` is no pattern, `*/exec` is one.
        assert_eq!(gives("exec", rule(&["create"], &[""], &["pods/*"], &[])), (false, false));
        assert_eq!(gives("exec", rule(&["create"], &[""], &["*/exec"], &[])), (true, false));
        let extras = "authentication.k8s.io";
        assert_eq!(gives("impersonate", rule(&["impersonate"], &[extras], &["userextras/scopes"], &[])), (true, false));
        assert_eq!(
            gives("impersonate", rule(&["impersonate"], &[""], &["groups"], &["system:masters"])),
            (true, false)
        );
        assert_eq!(gives("cluster-admin", rule(&["*"], &[""], &["*"], &[])), (true, false));
        assert_eq!(gives("cluster-admin", rule(&["*"], &["apps"], &["*"], &[])), (false, false));
        assert_eq!(gives("any-resource", rule(&["list"], &["*"], &["*"], &[])), (true, false));
        assert_eq!(gives("any-resource", rule(&["list"], &["*"], &["*"], &["x"])), (false, false));
    }
}
