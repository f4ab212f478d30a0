//! Which questions tell all: the generic points of rules.
//!
//! A rule is a union of atoms: one verb, one group, one resource, one name, one place, each either a word or
//! "any". The generic point of an atom asks with its words, and where it says "any", with a word that no rule
//! mentions. Whatever rule allows the generic point says "any" there too, so it allows all that the atom
//! allows. Hence two states that agree at the generic points of all their rules agree everywhere; a test asks
//! everything, and finds the same.

use std::fmt;

use entryway_access::{AccessScope, Attributes, NamespacePattern, PolicyRule, Request, Resource, Snapshot, UserInfo};
use jiff::Timestamp;

/// A character of Unicode's private use: in no name, verb, path or namespace that anybody writes.
pub(crate) const FRESH: &str = "\u{e000}";

/// A word, or any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Word {
    Any,
    Is(String),
}

impl Word {
    fn of(text: &str) -> Word {
        if text == "*" { Word::Any } else { Word::Is(text.to_owned()) }
    }
    /// What to ask with.
    fn asked(&self) -> &str {
        match self {
            Word::Any => FRESH,
            Word::Is(text) => text,
        }
    }
    /// As rules write it.
    pub(crate) fn text(&self) -> &str {
        match self {
            Word::Any => "*",
            Word::Is(text) => text,
        }
    }
}

/// Where a rule is in force.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Everywhere.
    Cluster,
    /// A namespace or a pattern of some.
    In(String),
}

impl Place {
    fn asked(&self) -> String {
        match self {
            Place::Cluster => String::new(),
            Place::In(pattern) => pattern.replace('*', FRESH),
        }
    }
    /// Whether it takes in all of another one.
    pub fn covers(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Cluster, _) => true,
            (Place::In(_), Place::Cluster) => false,
            (Place::In(wide), Place::In(narrow)) => namespace_covers(wide, narrow),
        }
    }
}

/// `the whole cluster`, `namespace payments`, `namespaces payments-*`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Cluster => f.write_str("the whole cluster"),
            Place::In(pattern) if pattern.contains('*') => write!(f, "namespaces {pattern}"),
            Place::In(name) => write!(f, "namespace {name}"),
        }
    }
}

/// Whether every namespace that `narrow` (a name or a pattern) stands for, `wide` stands for too.
pub fn namespace_covers(wide: &str, narrow: &str) -> bool {
    wide == narrow || wide.parse::<NamespacePattern>().is_ok_and(|pattern| pattern.matches(&narrow.replace('*', FRESH)))
}

/// Whether a scope takes in all of another. A pattern that only several others cover together counts as not
/// covered: the answer errs to the careful side.
pub fn scope_covers(wide: &AccessScope, narrow: &AccessScope) -> bool {
    match (wide, narrow) {
        (AccessScope::Cluster, _) => true,
        (AccessScope::Namespaces(_), AccessScope::Cluster) => false,
        (AccessScope::Namespaces(wide), AccessScope::Namespaces(narrow)) => {
            narrow.iter().all(|small| wide.iter().any(|big| namespace_covers(big.as_str(), small.as_str())))
        }
    }
}

/// The least part of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Atom {
    Resource {
        verb: Word,
        group: Word,
        resource: Word,
        subresource: Word,
        name: Word,
        place: Place,
    },
    /// A path, exact or with a final `*`; in force for the whole cluster or not at all.
    Path {
        verb: Word,
        path: String,
    },
}

impl Atom {
    /// All that there is of resources.
    pub(crate) fn all_resources(place: Place) -> Atom {
        let (verb, group, resource, subresource, name) = (Word::Any, Word::Any, Word::Any, Word::Any, Word::Any);
        Atom::Resource { verb, group, resource, subresource, name, place }
    }
    /// All that there is of paths.
    pub(crate) fn all_paths() -> Atom {
        Atom::Path { verb: Word::Any, path: "*".to_owned() }
    }

    /// The atoms of a rule in a place.
    pub(crate) fn of_rule(rule: &PolicyRule, place: &Place, into: &mut Vec<Atom>) {
        let names: Vec<Word> = match rule.resource_names.as_slice() {
            [] => vec![Word::Any],
            some => some.iter().map(|name| Word::Is(name.clone())).collect(),
        };
        for verb in rule.verbs.iter().map(|verb| Word::of(verb)) {
            for group in rule.api_groups.iter().map(|group| Word::of(group)) {
                for pattern in &rule.resources {
                    let (resource, subresource) = match pattern.split_once('/') {
                        None if pattern == "*" => (Word::Any, Word::Any),
                        None => (Word::Is(pattern.clone()), Word::Is(String::new())),
                        Some((resource, sub)) => (Word::of(resource), Word::Is(sub.to_owned())),
                    };
                    into.extend(names.iter().map(|name| Atom::Resource {
                        verb: verb.clone(),
                        group: group.clone(),
                        resource: resource.clone(),
                        subresource: subresource.clone(),
                        name: name.clone(),
                        place: place.clone(),
                    }));
                }
            }
            if *place == Place::Cluster {
                into.extend(
                    rule.non_resource_urls.iter().map(|path| Atom::Path { verb: verb.clone(), path: path.clone() }),
                );
            }
        }
    }

    /// Whether a user is allowed this atom whole: the core's answer at its generic point.
    pub(crate) fn is_allowed(&self, snapshot: &Snapshot, user: &UserInfo, now: Timestamp) -> bool {
        self.ask(|attributes| snapshot.decide(&Request { user, attributes }, now).is_allowed())
    }

    fn ask<T>(&self, question: impl FnOnce(Attributes<'_>) -> T) -> T {
        match self {
            Atom::Resource { verb, group, resource, subresource, name, place } => {
                let namespace = place.asked();
                let resource = Resource {
                    group: group.asked(),
                    resource: resource.asked(),
                    subresource: subresource.asked(),
                    namespace: &namespace,
                    name: name.asked(),
                };
                question(Attributes::Resource { verb: verb.asked(), resource })
            }
            Atom::Path { verb, path } => {
                let path = match path.ends_with('*') {
                    true => format!("{}{FRESH}", path.trim_end_matches('*')),
                    false => path.clone(),
                };
                question(Attributes::NonResource { verb: verb.asked(), path: &path })
            }
        }
    }

    /// The rule that has this one atom.
    pub(crate) fn rule(&self) -> PolicyRule {
        match self {
            Atom::Resource { verb, group, name, .. } => PolicyRule {
                verbs: vec![verb.text().to_owned()],
                api_groups: vec![group.text().to_owned()],
                resources: vec![self.resource_pattern()],
                resource_names: match name {
                    Word::Any => Vec::new(),
                    Word::Is(name) => vec![name.clone()],
                },
                non_resource_urls: Vec::new(),
            },
            Atom::Path { verb, path } => PolicyRule {
                verbs: vec![verb.text().to_owned()],
                non_resource_urls: vec![path.clone()],
                ..PolicyRule::default()
            },
        }
    }

    /// `pods`, `pods/log`, `*/scale`, `*`; empty for a path.
    pub(crate) fn resource_pattern(&self) -> String {
        match self {
            Atom::Resource { subresource: Word::Any, .. } => "*".to_owned(),
            Atom::Resource { resource, subresource: Word::Is(sub), .. } if sub.is_empty() => resource.text().to_owned(),
            Atom::Resource { resource, subresource: Word::Is(sub), .. } => format!("{}/{sub}", resource.text()),
            Atom::Path { .. } => String::new(),
        }
    }

    fn place(&self) -> &Place {
        match self {
            Atom::Resource { place, .. } => place,
            Atom::Path { .. } => &Place::Cluster,
        }
    }

    /// Whether it says "any" of an object's kind or a verb, so that it may take in atoms of other words.
    fn is_wild(&self) -> bool {
        match self {
            Atom::Resource { verb, group, resource, subresource, .. } => {
                [verb, group, resource, subresource].into_iter().any(|word| *word == Word::Any)
            }
            Atom::Path { verb, path } => *verb == Word::Any || path.ends_with('*'),
        }
    }

    /// Whether both have the same words but for name and place.
    fn is_alike(&self, other: &Atom) -> bool {
        match (self, other) {
            (
                Atom::Resource { verb: v, group: g, resource: r, subresource: s, .. },
                Atom::Resource { verb, group, resource, subresource, .. },
            ) => (v, g, r, s) == (verb, group, resource, subresource),
            (Atom::Resource { .. }, Atom::Path { .. }) | (Atom::Path { .. }, _) => false,
        }
    }
}

/// Only the atoms that no other one takes in, sorted, each once. An atom is taken in by one that says "any", or
/// by one of the same words in another place or for all names: the sorting puts those side by side.
pub(crate) fn widest(mut atoms: Vec<Atom>) -> Vec<Atom> {
    atoms.sort_unstable();
    atoms.dedup();
    let wild: Vec<(&Atom, PolicyRule)> =
        atoms.iter().filter(|atom| atom.is_wild()).map(|atom| (atom, atom.rule())).collect();
    let mut kept = Vec::new();
    for alike in atoms.chunk_by(Atom::is_alike) {
        let rules: Vec<(&Atom, PolicyRule)> = match alike {
            [_] => Vec::new(),
            several => several.iter().map(|atom| (atom, atom.rule())).collect(),
        };
        let is_covered = |atom: &Atom| {
            wild.iter().chain(&rules).any(|(other, rule)| {
                *other != atom && other.place().covers(atom.place()) && atom.ask(|question| rule.allows(&question))
            })
        };
        kept.extend(alike.iter().filter(|atom| !is_covered(atom)).cloned());
    }
    kept
}
