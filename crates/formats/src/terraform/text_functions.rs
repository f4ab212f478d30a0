//! Functions of Terraform that make a text, and those that read one.

use std::ops::Range;

use super::functions::items_of;
use super::value::{node, plain, put_at, quoted};
use crate::Source;
use crate::tree::{Node, Value};

/// The longest text that is made, in bytes.
const LONGEST: usize = 1 << 20;

/// The value of a call whose arguments are known; unknown where the function is not one of these.
pub(super) fn text_function(name: &str, arguments: &[Node], bytes: Range<usize>) -> Node {
    let texts: Option<Vec<&str>> = arguments.iter().map(Node::text).collect();
    let made = match (name, arguments, texts.as_deref()) {
        ("join", [separator, lists @ ..], _) => join(separator, lists),
        ("format", _, Some([form, rest @ ..])) => format(form, rest),
        ("formatlist", [form, lists @ ..], _) => {
            let all = form.text().and_then(|form| format_list(form, lists, &bytes));
            return all.map_or_else(|| wrong(name, &bytes), |all| node(Value::Sequence(all), bytes.clone()));
        }
        ("lower", _, Some([text])) => Some(text.to_lowercase()),
        ("upper", _, Some([text])) => Some(text.to_uppercase()),
        ("title", _, Some([text])) => Some(title(text)),
        ("trimspace", _, Some([text])) => Some(text.trim().to_owned()),
        ("trimprefix", _, Some([text, start])) => Some(text.strip_prefix(start).unwrap_or(text).to_owned()),
        ("trimsuffix", _, Some([text, end])) => Some(text.strip_suffix(end).unwrap_or(text).to_owned()),
        ("tostring", _, Some([text])) => Some((*text).to_owned()),
        ("replace", _, Some([text, what, with])) if !what.starts_with('/') => Some(text.replace(what, with)),
        // JSON is YAML.
        ("jsonencode" | "yamlencode", [value], _) => Some(value.to_json().to_string()),
        ("length", [of], _) if of.is_sequence() || of.is_mapping() => {
            return plain(&(of.items().len() + of.pairs().len()).to_string(), bytes);
        }
        ("length", _, Some([text])) => return plain(&text.chars().count().to_string(), bytes),
        _ if KNOWN.contains(&name) => None,
        _ => return Node::unknown(format!("the function `{name}` is not evaluated"), bytes),
    };
    match made {
        Some(text) if text.len() <= LONGEST => quoted(&text, bytes),
        Some(_) | None => wrong(name, &bytes),
    }
}

/// Those above: with other arguments, it is the arguments that are at fault.
const KNOWN: [&str; 10] =
    ["join", "format", "formatlist", "lower", "upper", "title", "trimspace", "trimprefix", "trimsuffix", "length"];

fn wrong(name: &str, bytes: &Range<usize>) -> Node {
    Node::unknown(format!("`{name}` is called with what it does not take"), bytes.clone())
}

/// `jsondecode` and `yamldecode`. All that is in the text stands where the call does.
pub(super) fn decode(name: &str, text: &str, bytes: &Range<usize>) -> Option<Node> {
    let source = Source::new(name, text);
    let read = match name {
        "jsondecode" => {
            crate::json::read(&source).ok().filter(|read| read.diagnostics.is_empty()).map(|read| read.value)
        }
        _ => {
            let mut read = crate::yaml::read(&source);
            let is_one = read.value.len() == 1 && !read.has_errors();
            if is_one { read.value.pop() } else { None }
        }
    };
    let mut value = read?;
    put_at(&mut value, bytes);
    Some(value)
}

fn join(separator: &Node, lists: &[Node]) -> Option<String> {
    let texts: Option<Vec<String>> = items_of(lists)?.iter().map(|item| item.text().map(str::to_owned)).collect();
    Some(texts?.join(separator.text()?))
}

/// `%s`, `%d`, `%v`, `%q` and `%%`; anything else is not known here.
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
            'q' => text.push_str(&serde_json::Value::from(*values.next()?).to_string()),
            _ => return None,
        }
    }
    values.next().is_none().then_some(text)
}

/// A text for each element; what is no list is the same in each.
fn format_list(form: &str, values: &[Node], bytes: &Range<usize>) -> Option<Vec<Node>> {
    let mut lengths = values.iter().filter(|value| value.is_sequence()).map(|list| list.items().len());
    let length = lengths.next().unwrap_or(1);
    if lengths.any(|other| other != length) {
        return None;
    }
    let one = |at: usize| {
        let texts: Option<Vec<&str>> = values
            .iter()
            .map(|value| if value.is_sequence() { value.items().get(at)?.text() } else { value.text() })
            .collect();
        Some(quoted(&format(form, &texts?)?, bytes.clone()))
    };
    (0..length).map(one).collect()
}

fn title(text: &str) -> String {
    let mut at_start = true;
    let big = |c: char| {
        let made = if at_start { c.to_ascii_uppercase() } else { c };
        at_start = !c.is_alphanumeric();
        made
    };
    text.chars().map(big).collect()
}
