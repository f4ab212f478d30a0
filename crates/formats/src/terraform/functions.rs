//! The functions of Terraform that people write around access, as far as they are plain: those of collections here,
//! those that make texts in `text_functions`.

use std::ops::Range;

use super::operators::number;
use super::text_functions::{decode, text_function};
use super::value::{node, plain, quoted, same};
use crate::tree::{Node, Pair, Value};

/// Functions that look at other files or at the machine.
const OUTSIDE: [&str; 14] = [
    "file",
    "fileset",
    "fileexists",
    "filebase64",
    "filemd5",
    "filesha256",
    "templatefile",
    "templatestring",
    "abspath",
    "pathexpand",
    "timestamp",
    "plantimestamp",
    "uuid",
    "bcrypt",
];

/// The value of a call; unknown where the function is not one of these, or an argument is not known.
pub(super) fn call(name: &str, arguments: Vec<Node>, bytes: Range<usize>) -> Node {
    match (name, arguments.as_slice()) {
        ("try", _) => {
            // What is not there is passed over; what is not known may be right, and ends the search.
            let is_there = |argument: &Node| !argument.is_missing();
            return arguments.into_iter().find(is_there).unwrap_or_else(|| Node::unknown("`try` finds nothing", bytes));
        }
        ("can", [one]) if one.is_missing() => return plain("false", bytes),
        _ if OUTSIDE.contains(&name) => {
            return Node::unknown(format!("`{name}` looks outside of these files, which is not done here"), bytes);
        }
        _ => {}
    }
    if let Some(reason) = arguments.iter().find_map(Node::why_unknown) {
        return Node::unknown(reason, bytes);
    }
    let is_wrong = || Node::unknown(format!("`{name}` is called with what it does not take"), bytes.clone());
    if let Some(made) = collection(name, &arguments) {
        return made.map_or_else(is_wrong, |value| node(value, bytes.clone()));
    }
    if let Some(chosen) = choice(name, &arguments, &bytes) {
        return chosen;
    }
    if let Some(truth) = question(name, &arguments) {
        return truth.map_or_else(is_wrong, |truth| plain(&truth.to_string(), bytes.clone()));
    }
    if let ("jsondecode" | "yamldecode", [text]) = (name, arguments.as_slice()) {
        return text.text().and_then(|text| decode(name, text, &bytes)).unwrap_or_else(is_wrong);
    }
    text_function(name, &arguments, bytes)
}

/// Functions whose value is a list or a map; the inner `None` where they do not take what they are given.
fn collection(name: &str, arguments: &[Node]) -> Option<Option<Value>> {
    let sequence = |items: Option<Vec<Node>>| Some(items.map(Value::Sequence));
    match (name, arguments) {
        ("merge", maps) => Some(merge(maps).map(Value::Mapping)),
        ("concat", lists) => sequence(items_of(lists)),
        ("flatten", [list]) => sequence(flatten(list)),
        ("toset" | "distinct", [list]) => sequence(distinct(list)),
        ("setunion", lists) => sequence(items_of(lists).and_then(|all| distinct(&node(Value::Sequence(all), 0..0)))),
        ("setsubtract", [from, what]) => sequence(filtered(from, |item| !holds(what, item))),
        ("setintersection", [from, what]) => sequence(filtered(from, |item| holds(what, item))),
        ("setproduct", [first, second]) => sequence(product(first, second)),
        ("compact", [list]) => sequence(filtered(list, |item| item.text().is_some_and(|text| !text.is_empty()))),
        ("tolist", [list]) => sequence(list.is_sequence().then(|| list.items().to_vec())),
        ("tomap", [map]) => Some(map.is_mapping().then(|| map.value.clone())),
        ("reverse", [list]) => sequence(list.is_sequence().then(|| list.items().iter().rev().cloned().collect())),
        ("sort", [list]) => sequence(sorted(list)),
        ("keys", [map]) => sequence(
            by_key(map).map(|pairs| pairs.iter().map(|pair| quoted(&pair.key, pair.key_bytes.clone())).collect()),
        ),
        ("values", [map]) => sequence(by_key(map).map(|pairs| pairs.iter().map(|pair| pair.value.clone()).collect())),
        ("zipmap", [keys, values]) => Some(zipped(keys, values).map(Value::Mapping)),
        ("split", [separator, text]) => sequence(separator.text().zip(text.text()).map(|(separator, whole)| {
            let parts = whole.split(separator).map(|part| quoted(part, text.bytes.clone()));
            if whole.is_empty() { Vec::new() } else { parts.collect() }
        })),
        _ => None,
    }
}

/// Functions that choose one of what they are given.
fn choice(name: &str, arguments: &[Node], bytes: &Range<usize>) -> Option<Node> {
    let nothing = || Node::unknown(format!("`{name}` finds nothing"), bytes.clone());
    let chosen = match (name, arguments) {
        ("lookup", [map, key, rest @ ..]) => {
            let found = key.text().and_then(|key| map.get(key));
            if found.is_none() && map.is_open() {
                return Some(Node::unknown("`lookup` asks for what is known only when Terraform runs", bytes.clone()));
            }
            found.or(rest.first())
        }
        ("coalesce", values) => values.iter().find(|value| !value.is_null() && value.text() != Some("")),
        ("coalescelist", lists) => lists.iter().find(|list| !list.items().is_empty()),
        ("element", [list, at]) => {
            let length = list.items().len();
            let at = at.text().and_then(|text| text.parse::<usize>().ok());
            at.and_then(|at| at.checked_rem(length)).and_then(|at| list.items().get(at))
        }
        ("one", [list]) if list.is_sequence() => match list.items() {
            [] => return Some(plain("null", bytes.clone())),
            [one] => Some(one),
            _ => None,
        },
        ("sensitive" | "nonsensitive" | "ephemeralasnull", [value]) => Some(value),
        ("tonumber", [value]) if number(value).is_some() => {
            return value.text().map(|text| plain(text, bytes.clone()));
        }
        ("tobool", [value]) if matches!(value.text(), Some("true" | "false")) => {
            return value.text().map(|text| plain(text, bytes.clone()));
        }
        _ => return None,
    };
    Some(chosen.cloned().unwrap_or_else(nothing))
}

/// Functions that are true or false.
fn question(name: &str, arguments: &[Node]) -> Option<Option<bool>> {
    let texts = |a: &Node, b: &Node, is: fn(&str, &str) -> bool| a.text().zip(b.text()).map(|(a, b)| is(a, b));
    match (name, arguments) {
        ("can", [_]) => Some(Some(true)),
        ("contains", [list, what]) => Some(list.is_sequence().then(|| holds(list, what))),
        ("startswith", [text, start]) => Some(texts(text, start, |text, start| text.starts_with(start))),
        ("endswith", [text, end]) => Some(texts(text, end, |text, end| text.ends_with(end))),
        ("strcontains", [text, part]) => Some(texts(text, part, |text, part| text.contains(part))),
        ("alltrue", [list]) => {
            Some(list.is_sequence().then(|| list.items().iter().all(|one| one.truth() == Some(true))))
        }
        ("anytrue", [list]) => {
            Some(list.is_sequence().then(|| list.items().iter().any(|one| one.truth() == Some(true))))
        }
        _ => None,
    }
}

/// Later maps win.
fn merge(maps: &[Node]) -> Option<Vec<Pair>> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut at = std::collections::HashMap::<String, usize>::new();
    for map in maps.iter().filter(|map| !map.is_null()) {
        if !map.is_mapping() {
            return None;
        }
        for pair in map.pairs() {
            match at.get(&pair.key).and_then(|at| pairs.get_mut(*at)) {
                Some(known) => *known = pair.clone(),
                None => {
                    at.insert(pair.key.clone(), pairs.len());
                    pairs.push(pair.clone());
                }
            }
        }
    }
    Some(pairs)
}

pub(super) fn items_of(lists: &[Node]) -> Option<Vec<Node>> {
    let all = lists.iter().all(Node::is_sequence);
    all.then(|| lists.iter().flat_map(|list| list.items().iter().cloned()).collect())
}

fn flatten(list: &Node) -> Option<Vec<Node>> {
    let mut flat = Vec::new();
    for item in list.items() {
        if item.is_sequence() { flat.extend(flatten(item)?) } else { flat.push(item.clone()) }
    }
    list.is_sequence().then_some(flat)
}

fn holds(list: &Node, what: &Node) -> bool {
    list.items().iter().any(|item| same(item, what))
}

fn filtered(list: &Node, is_kept: impl Fn(&Node) -> bool) -> Option<Vec<Node>> {
    list.is_sequence().then(|| list.items().iter().filter(|item| is_kept(item)).cloned().collect())
}

fn distinct(list: &Node) -> Option<Vec<Node>> {
    let mut texts = std::collections::HashSet::new();
    let mut kept: Vec<Node> = Vec::new();
    for item in list.items() {
        let is_new = match item.text() {
            Some(text) => texts.insert(text.to_owned()),
            None => !kept.iter().any(|known| same(known, item)),
        };
        if is_new {
            kept.push(item.clone());
        }
    }
    list.is_sequence().then_some(kept)
}

fn product(first: &Node, second: &Node) -> Option<Vec<Node>> {
    let pair = |a: &Node, b: &Node| node(Value::Sequence(vec![a.clone(), b.clone()]), a.bytes.clone());
    let all = || first.items().iter().flat_map(|a| second.items().iter().map(move |b| pair(a, b)));
    let is_small = first.items().len().saturating_mul(second.items().len()) <= 100_000;
    (first.is_sequence() && second.is_sequence() && is_small).then(|| all().collect())
}

fn sorted(list: &Node) -> Option<Vec<Node>> {
    let mut items = list.items().to_vec();
    items.sort_by(|a, b| a.text().cmp(&b.text()));
    list.is_sequence().then_some(items)
}

fn by_key(map: &Node) -> Option<Vec<&Pair>> {
    let mut pairs: Vec<&Pair> = map.pairs().iter().collect();
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    map.is_mapping().then_some(pairs)
}

fn zipped(keys: &Node, values: &Node) -> Option<Vec<Pair>> {
    if keys.items().len() != values.items().len() || !keys.is_sequence() {
        return None;
    }
    let pair = |(key, value): (&Node, &Node)| {
        Some(Pair { key: key.text()?.to_owned(), key_bytes: key.bytes.clone(), value: value.clone() })
    };
    let all: Option<Vec<Pair>> = keys.items().iter().zip(values.items()).map(pair).collect();
    merge(&[node(Value::Mapping(all?), 0..0)])
}
