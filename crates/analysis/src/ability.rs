//! What somebody can do, in few lines that people can read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::question::{Atom, Place, Word, widest};

/// A line of what somebody can do: each of the verbs on each of the resources (or paths) in each of the places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ability {
    /// Verbs, `*` for all.
    pub verbs: Vec<String>,
    /// The API group, `""` for the core, `*` for all.
    #[serde(default)]
    pub api_group: String,
    /// `pods`, `pods/log`, `*/scale`, `*`; none where it is about paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Only objects of these names; none for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Paths that are no resources, exact or with a final `*`.
    #[serde(rename = "nonResourceURLs", default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Namespaces or patterns of them; none for the whole cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

impl Ability {
    /// Whether it is every verb on every resource, somewhere or everywhere.
    pub fn is_everything(&self) -> bool {
        self.verbs == ["*"] && self.api_group == "*" && self.resources == ["*"] && self.names.is_empty()
    }
}

/// `create,delete pods,pods/log in dev-*`, `everything`, `get /healthz`.
impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(&self.objects()))
    }
}

impl Ability {
    /// Resources with their group, or paths.
    fn objects(&self) -> Vec<String> {
        match self.resources.is_empty() {
            true => self.paths.clone(),
            false => self.resources.iter().map(|resource| shown_resource(resource, &self.api_group)).collect(),
        }
    }

    /// The line with these objects in place of its own.
    fn line(&self, objects: &[String]) -> String {
        let mut line = match (self.is_everything(), self.verbs == ["*"]) {
            (true, _) => "everything".to_owned(),
            (false, true) => format!("any verb on {}", objects.join(",")),
            (false, false) => format!("{} {}", self.verbs.join(","), objects.join(",")),
        };
        if !self.names.is_empty() {
            line.push_str(&format!(" named {}", self.names.join(",")));
        }
        if !self.namespaces.is_empty() {
            line.push_str(&format!(" in {}", self.namespaces.join(", ")));
        }
        line
    }
}

/// `deployments.apps/scale`, as kubectl writes it.
fn shown_resource(resource: &str, group: &str) -> String {
    match (resource, group) {
        ("*", "*") => "all resources".to_owned(),
        ("*", "") => "all core resources".to_owned(),
        ("*", group) => format!("all resources of {group}"),
        (resource, "") => resource.to_owned(),
        (resource, group) => match resource.split_once('/') {
            Some((resource, sub)) => format!("{resource}.{group}/{sub}"),
            None => format!("{resource}.{group}"),
        },
    }
}

/// The abilities as lines for people: objects of several groups on one line where all else is the same. Where
/// everything is among them for the whole cluster, all paths go without saying.
pub fn lines(abilities: &[Ability]) -> Vec<String> {
    let all = abilities.iter().any(|ability| ability.is_everything() && ability.namespaces.is_empty());
    let is_said = |ability: &Ability| all && ability.verbs == ["*"] && ability.paths == ["*"];
    let mut gathered: Vec<(&Ability, Vec<String>)> = Vec::new();
    for ability in abilities.iter().filter(|ability| !is_said(ability)) {
        let alike = |other: &Ability| {
            let parts = |one: &'_ Ability| (one.verbs.clone(), one.names.clone(), one.namespaces.clone());
            !other.is_everything() && !ability.is_everything() && parts(other) == parts(ability)
        };
        match gathered.iter_mut().find(|(other, _)| alike(other)) {
            Some((_, objects)) => objects.extend(ability.objects()),
            None => gathered.push((ability, ability.objects())),
        }
    }
    gathered.iter().map(|(ability, objects)| ability.line(objects)).collect()
}

/// Atoms gathered into few lines: verbs of one object, then names, places and objects of the same verbs.
pub(crate) fn compress(atoms: Vec<Atom>) -> Vec<Ability> {
    type Verbs = BTreeSet<String>;
    /// Verbs, group, names and namespaces of a line.
    type Head = (Verbs, String, Vec<String>, Vec<String>);
    let mut objects: BTreeMap<(String, String, Word, Place), Verbs> = BTreeMap::new();
    let mut paths: BTreeMap<String, Verbs> = BTreeMap::new();
    for atom in widest(atoms) {
        let pattern = atom.resource_pattern();
        match atom {
            Atom::Resource { verb, group, name, place, .. } => {
                let object = (group.text().to_owned(), pattern, name, place);
                objects.entry(object).or_default().insert(verb.text().to_owned());
            }
            Atom::Path { verb, path } => {
                paths.entry(path).or_default().insert(verb.text().to_owned());
            }
        }
    }
    let mut by_name: BTreeMap<(Verbs, String, String, Place), Vec<String>> = BTreeMap::new();
    for ((group, pattern, name, place), verbs) in objects {
        let names = by_name.entry((verbs, group, pattern, place)).or_default();
        if let Word::Is(name) = name {
            names.push(name);
        }
    }
    let mut by_place: BTreeMap<(Verbs, String, String, Vec<String>), Vec<String>> = BTreeMap::new();
    for ((verbs, group, pattern, place), names) in by_name {
        let places = by_place.entry((verbs, group, pattern, names)).or_default();
        if let Place::In(namespace) = place {
            places.push(namespace);
        }
    }
    let mut by_resource: BTreeMap<Head, Vec<String>> = BTreeMap::new();
    for ((verbs, group, pattern, names), places) in by_place {
        by_resource.entry((verbs, group, names, places)).or_default().push(pattern);
    }
    let mut by_path: BTreeMap<Verbs, Vec<String>> = BTreeMap::new();
    for (path, verbs) in paths {
        by_path.entry(verbs).or_default().push(path);
    }
    let of_resources = by_resource.into_iter().map(|((verbs, api_group, names, namespaces), resources)| Ability {
        verbs: verbs.into_iter().collect(),
        api_group,
        resources,
        names,
        paths: Vec::new(),
        namespaces,
    });
    let of_paths = by_path.into_iter().map(|(verbs, paths)| Ability {
        verbs: verbs.into_iter().collect(),
        api_group: String::new(),
        resources: Vec::new(),
        names: Vec::new(),
        paths,
        namespaces: Vec::new(),
    });
    of_resources.chain(of_paths).collect()
}
