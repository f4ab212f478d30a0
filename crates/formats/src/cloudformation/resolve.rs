//! Works out CloudFormation's functions, in their short and long forms. What only AWS knows becomes an unknown
//! value with the reason.

use std::cell::Cell;
use std::ops::Range;

use entryway_access::Partition;

use crate::ReadOptions;
use crate::tree::{Node, Pair, Value};

/// Stands for the account of the stack where nobody told it; the same text in a template.
pub(super) const ACCOUNT: &str = "${AWS::AccountId}";
/// Functions and references that are worked out in one template at most: they can be made to double.
const MOST_STEPS: usize = 200_000;
/// Nested functions: CloudFormation itself takes fewer.
const DEEPEST: usize = 32;
/// The longest text that functions may make.
const LONGEST: usize = 64 * 1024;

const TOO_MUCH: &str = "it refers to itself, or to more than can be worked out";

/// A template, to be asked.
pub(super) struct Resolver<'n, 'o> {
    template: &'n Node,
    options: &'o ReadOptions,
    steps: Cell<usize>,
}

/// A function as it is called, in whichever form.
struct Call<'n> {
    /// `Ref`, `Condition`, `Fn::Sub` …
    name: String,
    argument: std::borrow::Cow<'n, Node>,
}

impl<'n, 'o> Resolver<'n, 'o> {
    pub(super) fn new(template: &'n Node, options: &'o ReadOptions) -> Self {
        Resolver { template, options, steps: Cell::new(0) }
    }

    /// The value with all functions worked out, also those in its depths; nothing for `AWS::NoValue`.
    pub(super) fn resolve(&self, node: &Node) -> Option<Node> {
        self.resolve_at(node, 0)
    }

    /// Whether a condition holds; the reason where that can't be told.
    pub(super) fn condition(&self, name: &str) -> Result<bool, String> {
        self.condition_at(name, 0)
    }

    /// A resource of the template.
    pub(super) fn resource(&self, name: &str) -> Option<&'n Node> {
        self.template.path(&["Resources", name])
    }

    fn step(&self, depth: usize) -> Result<(), String> {
        self.steps.set(self.steps.get().saturating_add(1));
        if depth > DEEPEST || self.steps.get() > MOST_STEPS {
            return Err(TOO_MUCH.to_owned());
        }
        Ok(())
    }

    fn resolve_at(&self, node: &Node, depth: usize) -> Option<Node> {
        let bytes = node.bytes.clone();
        if depth > DEEPEST {
            return Some(Node::unknown(TOO_MUCH, bytes));
        }
        if let Some(call) = call_of(node) {
            return match self.step(depth).and_then(|()| self.call(&call, &bytes, depth + 1)) {
                Ok(value) => value,
                Err(reason) => Some(Node::unknown(reason, bytes)),
            };
        }
        let value = match &node.value {
            Value::Scalar(_) => return Some(node.clone()),
            Value::Sequence(items) => {
                Value::Sequence(items.iter().filter_map(|item| self.resolve_at(item, depth + 1)).collect())
            }
            Value::Mapping(pairs) => {
                let resolved =
                    |pair: &Pair| Some(Pair { value: self.resolve_at(&pair.value, depth + 1)?, ..pair.clone() });
                Value::Mapping(pairs.iter().filter_map(resolved).collect())
            }
        };
        Some(Node { bytes, tag: node.tag.clone(), value })
    }

    fn call(&self, call: &Call<'_>, bytes: &Range<usize>, depth: usize) -> Result<Option<Node>, String> {
        let argument = &*call.argument;
        let text = |text: String| {
            if text.len() > LONGEST {
                Err("it is too long".to_owned())
            } else {
                Ok(Some(Node::of_text(text, bytes.clone())))
            }
        };
        match call.name.as_str() {
            "Ref" => match argument.text() {
                Some("AWS::NoValue") => Ok(None),
                Some(name) => self.reference(name, bytes, depth).map(Some),
                None => Err("`Ref` needs a name".to_owned()),
            },
            "Fn::GetAtt" => text(self.attribute(&attribute_name(argument)?, depth)?),
            "Fn::Sub" => text(self.substitute(argument, depth)?),
            "Fn::Join" => text(self.join(argument, depth)?),
            "Fn::Split" => {
                let (separator, whole) = self.pair_of_texts(argument, "Fn::Split", depth)?;
                let items = split(&whole, &separator).map(|item| Node::of_text(item, bytes.clone())).collect();
                Ok(Some(Node { bytes: bytes.clone(), tag: None, value: Value::Sequence(items) }))
            }
            "Fn::Select" => self.select(argument, depth).map(Some),
            "Fn::If" => match argument.items() {
                [name, yes, no] => {
                    let name = name.text().ok_or("`Fn::If` needs the name of a condition")?;
                    let chosen = if self.condition_at(name, depth)? { yes } else { no };
                    Ok(self.resolve_at(chosen, depth))
                }
                _ => Err("`Fn::If` needs a condition and two values".to_owned()),
            },
            "Fn::FindInMap" => self.find_in_map(argument, depth).map(Some),
            other => Err(format!("`{other}` is worked out by CloudFormation alone")),
        }
    }

    fn reference(&self, name: &str, bytes: &Range<usize>, depth: usize) -> Result<Node, String> {
        if name.starts_with("AWS::") {
            return Ok(Node::of_text(self.pseudo_parameter(name)?, bytes.clone()));
        }
        if let Some(parameter) = self.template.path(&["Parameters", name]) {
            return self.parameter(name, parameter, bytes);
        }
        let resource =
            self.resource(name).ok_or_else(|| format!("the template has no parameter or resource `{name}`"))?;
        Ok(Node::of_text(self.physical_name(name, resource, depth)?, bytes.clone()))
    }

    fn pseudo_parameter(&self, name: &str) -> Result<String, String> {
        let partition = self.options.partition();
        match name {
            "AWS::AccountId" => {
                Ok(self.options.account.as_ref().map_or_else(|| ACCOUNT.to_owned(), |account| account.to_string()))
            }
            "AWS::Partition" => Ok(partition.to_string()),
            "AWS::Region" => {
                let region = self.options.region.as_ref();
                region.map(|region| region.to_string()).ok_or_else(|| "the region of the stack is not known".to_owned())
            }
            "AWS::URLSuffix" => {
                let cn = partition == Partition::AwsCn;
                Ok(if cn { "amazonaws.com.cn" } else { "amazonaws.com" }.to_owned())
            }
            other => Err(format!("`{other}` is known to CloudFormation alone")),
        }
    }

    fn parameter(&self, name: &str, parameter: &Node, bytes: &Range<usize>) -> Result<Node, String> {
        let kind = parameter.get("Type").and_then(Node::text).unwrap_or_default();
        let given = self.options.variables.get(name).cloned();
        if given.is_none() && kind.starts_with("AWS::SSM::Parameter::Value") {
            return Err(format!("the parameter `{name}` is read from SSM"));
        }
        let default = parameter.get("Default").and_then(Node::text).map(str::to_owned);
        let value = given.or(default).ok_or_else(|| format!("the parameter `{name}` has no default"))?;
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            let items = value.split(',').map(|item| Node::of_text(item.trim(), bytes.clone())).collect();
            return Ok(Node { bytes: bytes.clone(), tag: None, value: Value::Sequence(items) });
        }
        Ok(Node::of_text(value, bytes.clone()))
    }

    /// What `Ref` of a resource gives, for those kinds whose names are of use here.
    fn physical_name(&self, name: &str, resource: &Node, depth: usize) -> Result<String, String> {
        let kind = resource.get("Type").and_then(Node::text).unwrap_or_default();
        let property = match kind {
            "AWS::IAM::Role" => "RoleName",
            "AWS::IAM::User" => "UserName",
            "AWS::EKS::Cluster" => "Name",
            _ => return Err(format!("what `{name}` is called is known to CloudFormation alone")),
        };
        let node = resource.path(&["Properties", property]);
        let node = node.and_then(|node| self.resolve_at(node, depth + 1)).filter(|node| !node.is_null());
        let node = node.ok_or_else(|| format!("`{name}` has no `{property}`, so CloudFormation makes a name up"))?;
        known_text(&node, property)
    }

    /// `Fn::GetAtt` of a role's or user's ARN.
    fn attribute(&self, path: &str, depth: usize) -> Result<String, String> {
        self.step(depth)?;
        let (name, attribute) = path.split_once('.').ok_or("`Fn::GetAtt` needs a resource and an attribute")?;
        let resource = self.resource(name).ok_or_else(|| format!("the template has no resource `{name}`"))?;
        let kind = match resource.get("Type").and_then(Node::text) {
            Some("AWS::IAM::Role") if attribute == "Arn" => "role",
            Some("AWS::IAM::User") if attribute == "Arn" => "user",
            _ => return Err(format!("`{path}` is known to CloudFormation alone")),
        };
        let physical = self.physical_name(name, resource, depth)?;
        let iam_path = match resource.path(&["Properties", "Path"]).and_then(|node| self.resolve_at(node, depth + 1)) {
            None => "/".to_owned(),
            Some(node) => known_text(&node, "Path")?,
        };
        let account = self.pseudo_parameter("AWS::AccountId")?;
        Ok(format!("arn:{}:iam::{account}:{kind}{iam_path}{physical}", self.options.partition()))
    }

    fn substitute(&self, argument: &Node, depth: usize) -> Result<String, String> {
        let (template, own) = match argument.items() {
            [template, own] => (template, Some(own)),
            _ => (argument, None),
        };
        let mut rest = template.text().ok_or("`Fn::Sub` needs a text")?;
        let mut made = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            made.push_str(before);
            let (name, tail) = after.split_once('}').ok_or("`Fn::Sub` has a `${` without its `}`")?;
            rest = tail;
            let name = name.trim();
            if let Some(literal) = name.strip_prefix('!') {
                made.push_str(&format!("${{{literal}}}"));
            } else if let Some(node) = own.and_then(|own| own.get(name)) {
                let node = self.resolve_at(node, depth + 1).ok_or("`AWS::NoValue` can't be part of a text")?;
                made.push_str(&known_text(&node, name)?);
            } else if name.contains('.') {
                made.push_str(&self.attribute(name, depth + 1)?);
            } else {
                let node = self.reference(name, &(0..0), depth + 1)?;
                made.push_str(&known_text(&node, name)?);
            }
            if made.len() > LONGEST {
                return Err("it is too long".to_owned());
            }
        }
        made.push_str(rest);
        Ok(made)
    }

    fn join(&self, argument: &Node, depth: usize) -> Result<String, String> {
        let [separator, list] = argument.items() else {
            return Err("`Fn::Join` needs a separator and a list".to_owned());
        };
        let separator = separator.text().unwrap_or_default();
        let list = self.resolve_at(list, depth).ok_or("`Fn::Join` needs a list")?;
        if let Some(reason) = list.why_unknown() {
            return Err(reason.to_owned());
        }
        let mut made = String::new();
        for (index, item) in list.items().iter().enumerate() {
            if index > 0 {
                made.push_str(separator);
            }
            made.push_str(&known_text(item, "Fn::Join")?);
            if made.len() > LONGEST {
                return Err("it is too long".to_owned());
            }
        }
        Ok(made)
    }

    fn pair_of_texts(&self, argument: &Node, what: &str, depth: usize) -> Result<(String, String), String> {
        let [first, second] = argument.items() else { return Err(format!("`{what}` needs two values")) };
        let resolved = |node: &Node| {
            let node = self.resolve_at(node, depth).ok_or_else(|| format!("`{what}` needs two values"))?;
            known_text(&node, what)
        };
        Ok((resolved(first)?, resolved(second)?))
    }

    fn select(&self, argument: &Node, depth: usize) -> Result<Node, String> {
        let [index, list] = argument.items() else {
            return Err("`Fn::Select` needs a number and a list".to_owned());
        };
        let index = self.resolve_at(index, depth).ok_or("`Fn::Select` needs a number")?;
        let index: usize =
            known_text(&index, "Fn::Select")?.parse().map_err(|_| "`Fn::Select` needs a number".to_owned())?;
        let list = self.resolve_at(list, depth).ok_or("`Fn::Select` needs a list")?;
        if let Some(reason) = list.why_unknown() {
            return Err(reason.to_owned());
        }
        list.items().get(index).cloned().ok_or_else(|| format!("`Fn::Select` finds nothing at {index}"))
    }

    fn find_in_map(&self, argument: &Node, depth: usize) -> Result<Node, String> {
        let [map, first, second, ..] = argument.items() else {
            return Err("`Fn::FindInMap` needs a map and two keys".to_owned());
        };
        let key = |node: &Node| {
            let node = self.resolve_at(node, depth).ok_or("`Fn::FindInMap` needs a map and two keys")?;
            known_text(&node, "Fn::FindInMap")
        };
        let (map, first, second) = (key(map)?, key(first)?, key(second)?);
        let found = self.template.path(&["Mappings", map.as_str(), first.as_str(), second.as_str()]);
        found.cloned().ok_or_else(|| format!("the map `{map}` has nothing under `{first}` and `{second}`"))
    }

    fn condition_at(&self, name: &str, depth: usize) -> Result<bool, String> {
        self.step(depth)?;
        let node = self.template.path(&["Conditions", name]);
        self.holds(node.ok_or_else(|| format!("the template has no condition `{name}`"))?, depth + 1)
    }

    fn holds(&self, node: &Node, depth: usize) -> Result<bool, String> {
        self.step(depth)?;
        let by_name = node.pairs().first().filter(|pair| pair.key == "Condition" && node.pairs().len() == 1);
        if let Some(name) = by_name.and_then(|pair| pair.value.text()) {
            return self.condition_at(name, depth);
        }
        let call = call_of(node).ok_or("a condition must be made of functions")?;
        let items = call.argument.items();
        match (call.name.as_str(), items) {
            ("Condition", _) => self.condition_at(call.argument.text().unwrap_or_default(), depth),
            ("Fn::Equals", [_, _]) => {
                let (first, second) = self.pair_of_texts(&call.argument, "Fn::Equals", depth)?;
                Ok(first == second)
            }
            ("Fn::Not", [one]) => Ok(!self.holds(one, depth + 1)?),
            // One that decides is enough, whatever the others are.
            ("Fn::And", _) => self.combine(items, false, depth),
            ("Fn::Or", _) => self.combine(items, true, depth),
            (other, _) => Err(format!("`{other}` in a condition can't be worked out")),
        }
    }

    fn combine(&self, items: &[Node], decisive: bool, depth: usize) -> Result<bool, String> {
        let results: Vec<Result<bool, String>> = items.iter().map(|item| self.holds(item, depth + 1)).collect();
        if results.contains(&Ok(decisive)) {
            return Ok(decisive);
        }
        results.into_iter().find(Result::is_err).unwrap_or(Ok(!decisive))
    }
}

/// The function that a value calls, if it calls one.
fn call_of(node: &Node) -> Option<Call<'_>> {
    if let Some(tag) = node.tag.as_deref().and_then(|tag| tag.strip_prefix('!')) {
        if node.why_unknown().is_some() {
            return None;
        }
        let name = if matches!(tag, "Ref" | "Condition") { tag.to_owned() } else { format!("Fn::{tag}") };
        let argument = Node { tag: None, ..node.clone() };
        return Some(Call { name, argument: std::borrow::Cow::Owned(argument) });
    }
    match node.pairs() {
        [Pair { key, value, .. }] if key == "Ref" || key.starts_with("Fn::") => {
            Some(Call { name: key.clone(), argument: std::borrow::Cow::Borrowed(value) })
        }
        _ => None,
    }
}

/// `A.B`, also from `[A, B]`.
fn attribute_name(argument: &Node) -> Result<String, String> {
    match (argument.text(), argument.items()) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, [first, second]) => match (first.text(), second.text()) {
            (Some(first), Some(second)) => Ok(format!("{first}.{second}")),
            _ => Err("`Fn::GetAtt` needs texts".to_owned()),
        },
        _ => Err("`Fn::GetAtt` needs a resource and an attribute".to_owned()),
    }
}

/// The text of a resolved value, or why it is not known.
fn known_text(node: &Node, what: &str) -> Result<String, String> {
    match (node.why_unknown(), node.text()) {
        (Some(reason), _) => Err(reason.to_owned()),
        (None, Some(text)) => Ok(text.to_owned()),
        (None, None) => Err(format!("`{what}` is {}, where a text has to be", node.kind())),
    }
}

/// The parts of a text; the whole of it where nothing separates.
fn split<'t>(text: &'t str, separator: &'t str) -> Box<dyn Iterator<Item = &'t str> + 't> {
    if separator.is_empty() { Box::new(std::iter::once(text)) } else { Box::new(text.split(separator)) }
}
