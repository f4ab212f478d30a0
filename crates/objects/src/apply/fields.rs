//! Sets of fields, as `fieldsV1` writes them: a tree whose steps are `f:name`, `k:{keys}` and `v:value`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shape::{Parts, Shape};

/// A set of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// Whether the path up to here is in the set.
    pub(super) own: bool,
    /// What follows, by step.
    pub(super) children: BTreeMap<String, Fields>,
}

/// Trees deeper than any object are refused.
const MAX_DEPTH: usize = 128;

impl Fields {
    /// One path's end.
    pub(super) fn leaf() -> Self {
        Self { own: true, children: BTreeMap::new() }
    }

    /// Whether no path is in the set.
    pub(super) fn is_empty(&self) -> bool {
        !self.own && self.children.values().all(Fields::is_empty)
    }

    /// Reads `fieldsV1`.
    pub(super) fn parse(value: &Value) -> Self {
        let mut out = Self::parse_at(value, 0);
        out.own = false;
        out
    }

    fn parse_at(value: &Value, depth: usize) -> Self {
        let Some(object) = value.as_object().filter(|_| depth < MAX_DEPTH) else { return Self::leaf() };
        let mut out = Self { own: object.is_empty() || object.contains_key("."), ..Self::default() };
        for (step, value) in object.iter().filter(|(step, _)| *step != ".") {
            out.children.insert(step.clone(), Self::parse_at(value, depth + 1));
        }
        out
    }

    /// Writes `fieldsV1`.
    pub(super) fn to_value(&self) -> Value {
        let mut out = Map::new();
        for (step, child) in self.children.iter().filter(|(_, c)| !c.is_empty()) {
            out.insert(step.clone(), child.to_value());
        }
        if self.own && !out.is_empty() {
            out.insert(".".to_owned(), Value::Object(Map::new()));
        }
        Value::Object(out)
    }

    /// The paths of either.
    pub(super) fn union(&mut self, other: &Self) {
        self.own |= other.own;
        for (step, child) in &other.children {
            self.children.entry(step.clone()).or_default().union(child);
        }
    }

    /// The paths that the other has not.
    pub(super) fn subtract(&mut self, other: &Self) {
        self.own &= !other.own;
        for (step, child) in &other.children {
            if let Some(own) = self.children.get_mut(step) {
                own.subtract(child);
            }
        }
        self.children.retain(|_, child| !child.is_empty());
    }

    /// The paths of both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let mut out = Self { own: self.own && other.own, ..Self::default() };
        for (step, child) in &self.children {
            if let Some(other) = other.children.get(step) {
                let both = child.intersection(other);
                if !both.is_empty() {
                    out.children.insert(step.clone(), both);
                }
            }
        }
        out
    }

    /// Whether a path, or any below it, is in the set.
    pub(super) fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |at, step| at.children.get(step))
    }

    /// All paths, as conflicts print them: `.spec.containers[name="x"].image`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect(String::new(), &mut out);
        out
    }

    fn collect(&self, path: String, out: &mut Vec<String>) {
        if self.own {
            out.push(path.clone());
        }
        for (step, child) in &self.children {
            child.collect(format!("{path}{}", printed(step)), out);
        }
    }
}

pub(super) fn printed(step: &str) -> String {
    match step.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        Some(("v", value)) => format!("[={value}]"),
        _ => format!("[{}]", step.trim_start_matches("i:")),
    }
}

/// The step to a field.
pub(super) fn field_step(name: &str) -> String {
    format!("f:{name}")
}

/// The steps to a list's items; an item without its keys has none.
pub(super) fn item_steps<'v>(shape: Shape<'_>, parts: &Parts<'v>) -> Vec<(String, &'v Value)> {
    match parts {
        Parts::Set(items) => items.iter().map(|item| (format!("v:{item}"), item)).collect(),
        Parts::Keyed(items) => {
            items.iter().filter_map(|item| shape.key(item).map(|key| (format!("k:{key}"), item))).collect()
        }
        Parts::Whole | Parts::Fields(_) => Vec::new(),
    }
}

/// The fields that a configuration names: what its applier owns.
pub(super) fn of_value(shape: Shape<'_>, value: &Value) -> Fields {
    let parts = shape.parts(value);
    let mut out = Fields::default();
    match &parts {
        Parts::Whole => out.own = true,
        Parts::Fields(object) if object.is_empty() => out.own = true,
        Parts::Fields(object) => {
            for (name, value) in object.iter() {
                let Some(child) = shape.child(name) else { continue };
                out.children.insert(field_step(name), of_value(child, value));
            }
        }
        Parts::Set(items) | Parts::Keyed(items) => {
            out.own = items.is_empty();
            for (step, item) in item_steps(shape, &parts) {
                let mut fields = of_value(shape.item(), item);
                fields.own = true;
                out.children.insert(step, fields);
            }
        }
    }
    out
}

/// What changed between two values.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Paths that are new or have another value.
    pub(super) set: Fields,
    /// Paths that are gone.
    pub(super) removed: Fields,
}

/// Compares two values of a shape; an absent one is `None`.
pub(super) fn compare(shape: Shape<'_>, old: Option<&Value>, new: Option<&Value>) -> Changes {
    let mut out = Changes::default();
    match (old, new) {
        (None, None) => {}
        (Some(old), None) => out.removed = everything(shape, old),
        (None, Some(new)) => out.set = everything(shape, new),
        (Some(old), Some(new)) if old == new => {}
        (Some(old), Some(new)) => {
            let (before, after) = (shape.parts(old), shape.parts(new));
            let empty = Map::new();
            match (&before, &after) {
                (Parts::Fields(before), Parts::Fields(after)) => fields(shape, before, after, &mut out),
                (Parts::Whole, Parts::Fields(after)) if old.is_null() => fields(shape, &empty, after, &mut out),
                (Parts::Fields(before), Parts::Whole) if new.is_null() => fields(shape, before, &empty, &mut out),
                (Parts::Set(_) | Parts::Keyed(_), Parts::Set(_) | Parts::Keyed(_)) => {
                    items(shape, &item_steps(shape, &before), &item_steps(shape, &after), &mut out);
                }
                (Parts::Whole, Parts::Set(_) | Parts::Keyed(_)) if old.is_null() => {
                    items(shape, &[], &item_steps(shape, &after), &mut out);
                }
                (Parts::Set(_) | Parts::Keyed(_), Parts::Whole) if new.is_null() => {
                    items(shape, &item_steps(shape, &before), &[], &mut out);
                }
                _ => out.set.own = true,
            }
        }
    }
    out
}

/// A value's path and all below it.
fn everything(shape: Shape<'_>, value: &Value) -> Fields {
    let mut out = Fields::leaf();
    let parts = shape.parts(value);
    if let Parts::Fields(object) = &parts {
        for (name, value) in object.iter() {
            if let Some(child) = shape.child(name) {
                out.children.insert(field_step(name), everything(child, value));
            }
        }
    }
    for (step, item) in item_steps(shape, &parts) {
        out.children.insert(step, everything(shape.item(), item));
    }
    out
}

fn fields(shape: Shape<'_>, before: &Map<String, Value>, after: &Map<String, Value>, out: &mut Changes) {
    for name in before.keys().chain(after.keys().filter(|k| !before.contains_key(*k))) {
        let Some(child) = shape.child(name) else { continue };
        let changes = compare(child, before.get(name), after.get(name));
        add(out, field_step(name), changes);
    }
}

fn items(shape: Shape<'_>, before: &[(String, &Value)], after: &[(String, &Value)], out: &mut Changes) {
    let find = |list: &[(String, &Value)], step: &str| list.iter().find(|(s, _)| s == step).map(|(_, v)| (*v).clone());
    for (step, old) in before {
        add(out, step.clone(), compare(shape.item(), Some(old), find(after, step).as_ref()));
    }
    for (step, new) in after.iter().filter(|(step, _)| !before.iter().any(|(s, _)| s == step)) {
        add(out, step.clone(), compare(shape.item(), None, Some(new)));
    }
}

fn add(out: &mut Changes, step: String, changes: Changes) {
    if !changes.set.is_empty() {
        out.set.children.insert(step.clone(), changes.set);
    }
    if !changes.removed.is_empty() {
        out.removed.children.insert(step, changes.removed);
    }
}
