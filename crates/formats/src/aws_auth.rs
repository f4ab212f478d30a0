//! aws-auth, wherever it stands: the texts of a ConfigMap, real lists, custom resources, identity mappings. The
//! core's one parser reads it; here its places are found again in the file.

use std::collections::BTreeMap;
use std::ops::Range;

use entryway_access::{AwsAuth, AwsAuthProblem, Position};

use crate::positions::{self, LONGEST, Positions};
use crate::reader::Reader;
use crate::tree::{Node, Style, Value};
use crate::{DeclaredAwsAuth, Place, Source, template, yaml};

pub(crate) const MAP_ROLES: &str = "mapRoles";
pub(crate) const MAP_USERS: &str = "mapUsers";
pub(crate) const MAP_ACCOUNTS: &str = "mapAccounts";

/// A value of the ConfigMap's `data`.
pub(crate) struct Part<'n> {
    pub(crate) key: String,
    pub(crate) node: &'n Node,
    /// Bytes of its text that stand in front of the value (`mapRoles=` of a kustomize literal).
    pub(crate) skip: usize,
}

/// What a line of aws-auth is made of where it does not stand in one.
pub(crate) enum Line<'n> {
    /// A role's or user's.
    Arn { whole: &'n Node, arn: &'n Node, username: Option<&'n Node>, groups: Option<&'n Node> },
    /// An account, whole.
    Account(&'n Node),
    /// One that a tool makes up by its own rules.
    Made { whole: &'n Node, arn: String, username: String },
}

/// The values of a mapping, such as `data`.
pub(crate) fn parts(data: &Node) -> Vec<Part<'_>> {
    data.pairs().iter().map(|pair| Part { key: pair.key.clone(), node: &pair.value, skip: 0 }).collect()
}

/// Reads the values of the ConfigMap.
pub(crate) fn read(parts: &[Part<'_>], reader: &mut Reader<'_>) -> DeclaredAwsAuth {
    let mut known = Known::default();
    for part in parts {
        match &part.node.value {
            Value::Scalar(scalar) if part.node.tag.is_none() && !part.node.is_null() => {
                let text = scalar.text.get(part.skip..).unwrap_or_default().to_owned();
                let positions = Positions::of(reader.source.text(), part.node);
                if let Some((template, bytes)) = template::find(&text, true) {
                    let bytes = positions.range(&(part.skip + bytes.start..part.skip + bytes.end));
                    let error = template.error(reader.place(&bytes));
                    reader.say(error);
                }
                known.add(
                    &part.key,
                    text,
                    Spots::Text { positions, lines: positions::Lines::default(), skip: part.skip },
                );
            }
            Value::Scalar(_) => match part.node.why_unknown() {
                Some(reason) => {
                    let message = format!("`{}` is not known: {reason}", part.key);
                    reader.warning(&part.node.bytes, message);
                }
                None => {
                    reader.text(part.node, &part.key);
                }
            },
            Value::Sequence(items) => {
                let message =
                    format!("`{}` is a list, and Kubernetes takes nothing but texts in a ConfigMap", part.key);
                reader.warning(&part.node.bytes, message).help =
                    Some(format!("write `{}: |`, with the list below it as it is", part.key));
                known.add_list(&part.key, items);
            }
            Value::Mapping(_) => {
                let message = format!("`{}` must be a text that holds a list, not a mapping", part.key);
                reader.error(&part.node.bytes, message).help = Some(format!("write `{}: |` above the list", part.key));
            }
        }
    }
    known.declare(reader)
}

/// Reads lists that stand in a file as lists, where that is right.
pub(crate) fn read_lists(lists: &[(&str, &Node)], reader: &mut Reader<'_>) -> DeclaredAwsAuth {
    let mut known = Known::default();
    for (key, node) in lists {
        if !node.is_sequence() && !node.is_null() {
            let kind = node.kind();
            reader.error(&node.bytes, format!("`{key}` must be a list, not {kind}"));
        }
        known.add_list(key, node.items());
    }
    known.declare(reader)
}

/// Reads lines that were gathered one by one.
pub(crate) fn read_lines(lines: &[Line<'_>], reader: &mut Reader<'_>) -> DeclaredAwsAuth {
    let (mut roles, mut users, mut accounts) = (Lines::default(), Lines::default(), Lines::default());
    for line in lines {
        match line {
            Line::Account(node) => accounts.value(node),
            Line::Made { whole, arn, username } => {
                roles.add("{", &whole.bytes);
                roles.member("rolearn", &quoted(arn), &whole.bytes);
                roles.member("username", &quoted(username), &whole.bytes);
                roles.add("},", &whole.bytes);
            }
            Line::Arn { whole, arn, username, groups } => {
                let text = arn.text().unwrap_or_default();
                let is_user = text.contains(":user/") || text.ends_with(":root") || text.contains(":federated-user/");
                let (list, key) = if is_user { (&mut users, "userarn") } else { (&mut roles, "rolearn") };
                list.add("{", &whole.bytes);
                for (key, node) in [(key, Some(*arn)), ("username", *username), ("groups", *groups)] {
                    if let Some(node) = node {
                        list.key(key, &node.bytes);
                        list.value(node);
                    }
                }
                list.add("},", &whole.bytes);
            }
        }
    }
    let mut known = Known::default();
    for (key, list) in [(MAP_ROLES, roles), (MAP_USERS, users), (MAP_ACCOUNTS, accounts)] {
        if !list.places.is_empty() {
            known.add(key, format!("[\n{}]\n", list.text), Spots::Lines(list.places));
        }
    }
    known.declare(reader)
}

/// Adds lines to those that are there already.
pub(crate) fn add(into: &mut Option<DeclaredAwsAuth>, more: DeclaredAwsAuth) {
    let Some(known) = into else {
        *into = Some(more);
        return;
    };
    let (roles, more_roles) = (known.map.roles.len(), more.map.roles.len());
    let (role_places, user_places) = more.places.split_at(more_roles.min(more.places.len()));
    let at = roles.min(known.places.len());
    known.places.splice(at..at, role_places.iter().cloned());
    known.places.extend(user_places.iter().cloned());
    known.map.roles.extend(more.map.roles);
    known.map.users.extend(more.map.users);
    known.map.accounts.extend(more.map.accounts);
    known.problems.extend(more.problems);
}

/// The texts for the core's parser, and how to find their places.
#[derive(Default)]
struct Known {
    texts: BTreeMap<String, String>,
    spots: BTreeMap<String, Spots>,
}

enum Spots {
    /// A text of the file, behind so many bytes of its scalar.
    Text { positions: Positions, lines: positions::Lines, skip: usize },
    /// A text that was written for the parser: the place that each of its lines stands for, from the second.
    Lines(Vec<Range<usize>>),
}

impl Known {
    fn add(&mut self, key: &str, text: String, spots: Spots) {
        self.texts.insert(key.to_owned(), text);
        self.spots.insert(key.to_owned(), spots);
    }

    fn add_list(&mut self, key: &str, items: &[Node]) {
        let mut list = Lines::default();
        items.iter().for_each(|item| list.value(item));
        self.add(key, format!("[\n{}]\n", list.text), Spots::Lines(list.places));
    }

    fn declare(self, reader: &Reader<'_>) -> DeclaredAwsAuth {
        let (map, found) = AwsAuth::parse(&self.texts);
        let place = |key: &str, position: Position| Some(reader.place(&self.bytes(key, position)?));
        let mut problems: Vec<(AwsAuthProblem, Option<Place>)> = Vec::new();
        for problem in found {
            let place = place(&problem.key, problem.position);
            problems.push((problem, place));
        }
        for key in [MAP_ROLES, MAP_USERS] {
            for problem in folded_groups(key, self.texts.get(key).map_or("", String::as_str)) {
                let place = place(key, problem.position);
                problems.push((problem, place));
            }
        }
        problems.sort_by_key(|(problem, _)| (problem.key.clone(), problem.position));
        let roles = map.roles.iter().map(|line| place(MAP_ROLES, line.position));
        let users = map.users.iter().map(|line| place(MAP_USERS, line.position));
        let places = roles.chain(users).collect();
        DeclaredAwsAuth { map, problems, places }
    }

    fn bytes(&self, key: &str, position: Position) -> Option<Range<usize>> {
        match self.spots.get(key)? {
            Spots::Text { positions, lines, skip } => {
                let at = skip + lines.byte(self.texts.get(key)?, position);
                Some(positions.range(&(at..at)))
            }
            Spots::Lines(places) => {
                let line = usize::try_from(position.line).unwrap_or(usize::MAX).saturating_sub(2);
                places.get(line).or(places.last()).cloned()
            }
        }
    }
}

/// Two groups that a wrong indentation made one: `a - b`. The authenticator takes it, and nobody has that group.
fn folded_groups(key: &str, text: &str) -> Vec<AwsAuthProblem> {
    if text.len() > LONGEST || !text.contains(" - ") {
        return Vec::new();
    }
    let read = yaml::read(&Source::new(key, text));
    let lines = read.value.first().map(Node::items).unwrap_or_default();
    let groups = lines.iter().flat_map(Node::pairs).filter(|pair| pair.key.eq_ignore_ascii_case("groups"));
    let mut problems = Vec::new();
    let places = positions::Lines::default();
    for group in groups.flat_map(|pair| pair.value.items()) {
        if let Some(name) = group.text().filter(|name| name.contains(" - ")) {
            let message = format!("the group `{name}` looks like several, made one by a wrong indentation");
            let position = places.position(text, group.bytes.start);
            problems.push(AwsAuthProblem { key: key.to_owned(), position, message, dropped: false });
        }
    }
    problems
}

/// A text for the parser in which each line is one value, so that a line tells which.
#[derive(Default)]
struct Lines {
    text: String,
    places: Vec<Range<usize>>,
}

impl Lines {
    fn add(&mut self, line: &str, bytes: &Range<usize>) {
        self.text.push_str(line);
        self.text.push('\n');
        self.places.push(bytes.clone());
    }

    fn key(&mut self, key: &str, bytes: &Range<usize>) {
        self.add(&format!("{}:", quoted(key)), bytes);
    }

    fn member(&mut self, key: &str, value: &str, bytes: &Range<usize>) {
        self.key(key, bytes);
        self.add(&format!("{value},"), bytes);
    }

    fn value(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar(scalar) if node.is_null() => {
                debug_assert!(scalar.is_null());
                self.add("null,", &node.bytes);
            }
            Value::Scalar(scalar) if scalar.style == Style::Plain && is_simple(&scalar.text) => {
                self.add(&format!("{},", scalar.text), &node.bytes);
            }
            Value::Scalar(scalar) => self.add(&format!("{},", quoted(&scalar.text)), &node.bytes),
            Value::Sequence(items) => {
                self.add("[", &node.bytes);
                items.iter().for_each(|item| self.value(item));
                self.add("],", &node.bytes);
            }
            Value::Mapping(pairs) => {
                self.add("{", &node.bytes);
                for pair in pairs {
                    self.key(&pair.key, &pair.key_bytes);
                    self.value(&pair.value);
                }
                self.add("},", &node.bytes);
            }
        }
    }
}

/// Whether a plain text means the same between brackets: so numbers stay numbers, and nothing else is at risk.
fn is_simple(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.+".contains(&b))
}

fn quoted(text: &str) -> String {
    crate::out::json_text(text)
}
