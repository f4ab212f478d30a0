//! The functions of Terraform that people write around access, as far as they are plain.

use std::ops::Range;

use super::value::{node, plain, quoted, same};
use crate::tree::{Node, Pair, Value};

/// The value of a call; unknown where the function is not one of these, or an argument is not known.
pub(super) fn call(name: &str, arguments: Vec<Node>, bytes: Range<usize>) -> Node {
    if name == "try" {
        // What is not there is passed over; what is not known may be right, and ends the search.
        let is_there = |argument: &Node| !argument.is_missing();
        return arguments.into_iter().find(is_there).unwrap_or_else(|| Node::unknown("`try` finds nothing", bytes));
    }
    if let Some(reason) = arguments.iter().find_map(Node::why_unknown) {
        return Node::unknown(reason, bytes);
    }
    let made = match (name, arguments.as_slice()) {
        ("merge", maps) => merge(maps).map(Value::Mapping),
        ("concat", lists) => items_of(lists).map(Value::Sequence),
        ("flatten", [list]) => flatten(list).map(Value::Sequence),
        ("toset" | "distinct", [list]) => distinct(list).map(Value::Sequence),
        ("compact", [list]) => {
            let full = |item: &&Node| item.text().is_some_and(|text| !text.is_empty());
            Some(Value::Sequence(list.items().iter().filter(full).cloned().collect()))
        }
        ("tolist", [list]) if list.is_sequence() => Some(list.value.clone()),
        ("tomap" | "toobject", [map]) if map.is_mapping() => Some(map.value.clone()),
        ("sort", [list]) => {
            let mut items = list.items().to_vec();
            items.sort_by(|a, b| a.text().cmp(&b.text()));
            Some(Value::Sequence(items))
        }
        ("keys", [map]) => {
            let mut keys: Vec<Node> =
                map.pairs().iter().map(|pair| quoted(&pair.key, pair.key_bytes.clone())).collect();
            keys.sort_by(|a, b| a.text().cmp(&b.text()));
            Some(Value::Sequence(keys))
        }
        ("values", [map]) => {
            let mut pairs: Vec<&Pair> = map.pairs().iter().collect();
            pairs.sort_by(|a, b| a.key.cmp(&b.key));
            Some(Value::Sequence(pairs.into_iter().map(|pair| pair.value.clone()).collect()))
        }
        ("lookup", [map, key, rest @ ..]) => {
            let found = key.text().and_then(|key| map.get(key)).or(rest.first());
            return found.cloned().unwrap_or_else(|| Node::unknown("`lookup` finds nothing", bytes));
        }
        ("coalesce", values) => {
            let some = |value: &&Node| !value.is_null() && value.text() != Some("");
            return values
                .iter()
                .find(some)
                .cloned()
                .unwrap_or_else(|| Node::unknown("`coalesce` finds nothing", bytes));
        }
        _ => return text_function(name, &arguments, bytes),
    };
    made.map_or_else(
        || Node::unknown(format!("`{name}` is called with what it does not take"), bytes.clone()),
        |value| node(value, bytes.clone()),
    )
}

fn text_function(name: &str, arguments: &[Node], bytes: Range<usize>) -> Node {
    let texts: Option<Vec<&str>> = arguments.iter().map(Node::text).collect();
    let made = match (name, arguments, texts.as_deref()) {
        ("join", [separator, lists @ ..], _) => join(separator, lists),
        ("format", _, Some([form, rest @ ..])) => format(form, rest),
        ("lower", _, Some([text])) => Some(text.to_lowercase()),
        ("upper", _, Some([text])) => Some(text.to_uppercase()),
        ("trimspace", _, Some([text])) => Some(text.trim().to_owned()),
        ("tostring", _, Some([text])) => Some((*text).to_owned()),
        ("replace", _, Some([text, what, with])) if !what.starts_with('/') => Some(text.replace(what, with)),
        ("length", [of], _) if of.is_sequence() || of.is_mapping() => {
            return plain(&(of.items().len() + of.pairs().len()).to_string(), bytes);
        }
        _ => return Node::unknown(format!("the function `{name}` is not evaluated"), bytes),
    };
    match made {
        Some(text) if text.len() <= 1 << 20 => quoted(&text, bytes),
        Some(_) | None => Node::unknown(format!("`{name}` is called with what it does not take"), bytes),
    }
}

/// Later maps win.
fn merge(maps: &[Node]) -> Option<Vec<Pair>> {
    let mut pairs: Vec<Pair> = Vec::new();
    for map in maps.iter().filter(|map| !map.is_null()) {
        if !map.is_mapping() {
            return None;
        }
        for pair in map.pairs() {
            match pairs.iter_mut().find(|known| known.key == pair.key) {
                Some(known) => *known = pair.clone(),
                None => pairs.push(pair.clone()),
            }
        }
    }
    Some(pairs)
}

fn items_of(lists: &[Node]) -> Option<Vec<Node>> {
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

fn distinct(list: &Node) -> Option<Vec<Node>> {
    let mut kept: Vec<Node> = Vec::new();
    for item in list.items() {
        if !kept.iter().any(|known| same(known, item)) {
            kept.push(item.clone());
        }
    }
    list.is_sequence().then_some(kept)
}

fn join(separator: &Node, lists: &[Node]) -> Option<String> {
    let texts: Option<Vec<String>> = items_of(lists)?.iter().map(|item| item.text().map(str::to_owned)).collect();
    Some(texts?.join(separator.text()?))
}

/// `%s`, `%d`, `%v` and `%%`; anything else is not known here.
fn format(form: &str, values: &[&str]) -> Option<String> {
    let (mut text, mut values) = (String::new(), values.iter());
    let mut characters = form.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match characters.next()? {
            '%' => text.push('%'),
            's' | 'd' | 'v' => text.push_str(values.next()?),
            _ => return None,
        }
    }
    values.next().is_none().then_some(text)
}
