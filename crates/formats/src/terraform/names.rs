//! What a name stands for: locals, variables, data about the caller, resources, and outputs of modules.

use std::ops::Range;
use std::rc::Rc;

use super::body;
use super::definitions::Expr;
use super::evaluate::Evaluator;
use super::instances::{find, is_single};
use super::traversal::{Step, when_it_runs};
use super::type_defaults::with_defaults;
use super::value::{node, quoted, shifted};
use crate::tree::{Node, Pair, Value};

/// What the beginning of a traversal stands for, and how many of its steps that takes; else why it is not known.
pub(super) type Root = Result<(Rc<Node>, usize), Node>;

/// The most cycles that are told of.
const MOST_CYCLES: usize = 16;

impl Evaluator<'_> {
    pub(super) fn root(&mut self, name: &str, steps: &[Step], shown: &str, bytes: &Range<usize>) -> Root {
        if let Some(value) = self.bound_value(name) {
            return Ok((Rc::new(value), 0));
        }
        let of = |at: usize| steps.get(at).and_then(Step::key).unwrap_or_default();
        match name {
            "local" => Ok((self.local(of(0), bytes), 1)),
            "var" => Ok((self.variable(of(0), bytes), 1)),
            "data" => match self.data(of(0), of(2), bytes) {
                Some(value) => Ok((Rc::new(value), 3)),
                None => Err(Node::unknown(when_it_runs(shown), bytes.clone())),
            },
            "module" => self.module(steps, shown, bytes),
            kind => self.resource(kind, steps, shown, bytes),
        }
    }

    pub(super) fn bound_value(&self, name: &str) -> Option<Node> {
        self.bound.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn local(&mut self, name: &str, bytes: &Range<usize>) -> Rc<Node> {
        let Some(expr) = self.definitions.locals.get(name).copied() else {
            return Rc::new(Node::unknown(format!("there is no local `{name}` in these files"), bytes.clone()));
        };
        self.guarded(&format!("local.{name}"), bytes, |it| it.evaluate(expr))
    }

    fn variable(&mut self, name: &str, bytes: &Range<usize>) -> Rc<Node> {
        let Some(variable) = self.definitions.variables.get(name) else {
            return Rc::new(Node::unknown(format!("there is no variable `{name}` in these files"), bytes.clone()));
        };
        let (default, of_type) = (variable.default, variable.of_type);
        let is_default = |given: &Node| given.is_null() && variable.is_never_null && default.is_some();
        let given = variable.given.clone().filter(|given| !is_default(given));
        self.guarded(&format!("var.{name}"), bytes, |it| {
            let value = match (given, default) {
                (Some(given), _) => given,
                (None, Some(default)) => it.evaluate(default),
                (None, None) => {
                    return Node::unknown(format!("the variable `{name}` has no value"), bytes.clone());
                }
            };
            match of_type {
                Some(of_type) => with_defaults(value, of_type, it),
                None => value,
            }
        })
    }

    /// What `work` makes of a name, once; unknown where that is underway already.
    pub(super) fn guarded(
        &mut self,
        name: &str,
        bytes: &Range<usize>,
        work: impl FnOnce(&mut Self) -> Node,
    ) -> Rc<Node> {
        if let Some(known) = self.known.get(name) {
            return Rc::clone(known);
        }
        if let Some(at) = self.underway.iter().position(|known| known == name) {
            let cycle: Vec<&str> = self.underway.iter().skip(at).map(String::as_str).chain([name]).collect();
            let cycle = cycle.join(" \u{2192} ");
            if self.cycles.len() < MOST_CYCLES {
                self.cycles.push((cycle.clone(), bytes.clone()));
            }
            return Rc::new(Node::unknown(format!("it refers to itself: {cycle}"), bytes.clone()));
        }
        self.underway.push(name.to_owned());
        // Names of a `for` around the reference are none within it.
        let bound = std::mem::take(&mut self.bound);
        let value = Rc::new(work(self));
        self.bound = bound;
        self.underway.pop();
        // From elsewhere, the way may be short enough.
        if !self.was_too_deep {
            self.known.insert(name.to_owned(), Rc::clone(&value));
        }
        value
    }

    /// Data sources about the caller, where the caller has said.
    fn data(&self, kind: &str, attribute: &str, bytes: &Range<usize>) -> Option<Node> {
        let text = match (kind, attribute) {
            ("aws_caller_identity", "account_id" | "id") => self.options.account.as_ref()?.to_string(),
            ("aws_region", "name" | "id" | "region") => self.options.region.as_ref()?.to_string(),
            ("aws_partition", "partition" | "id") => {
                self.options.region.as_ref()?;
                self.options.partition().to_string()
            }
            _ => return None,
        };
        Some(quoted(&text, bytes.clone()))
    }

    /// A resource, as far as its block says it.
    fn resource(&mut self, kind: &str, steps: &[Step], shown: &str, bytes: &Range<usize>) -> Root {
        let of = |at: usize| steps.get(at).and_then(Step::key).unwrap_or_default();
        let when_it_runs = || Node::unknown(when_it_runs(shown), bytes.clone());
        let name = format!("{kind}.{}", of(0));
        let Some((block, base)) = self.definitions.resources.get(&name).copied() else { return Err(when_it_runs()) };
        if !is_single(block) {
            let whole = self.guarded(&name, bytes, |it| it.whole_resource(kind, &name, block, base, bytes));
            return Ok((whole, 1));
        }
        // The cluster's id is its name.
        let attribute = if kind == "aws_eks_cluster" && of(1) == "id" { "name" } else { of(1) };
        let Some(written) = block.body.get_attribute(attribute) else { return Err(when_it_runs()) };
        let expr = Expr { expression: &written.value, base };
        Ok((self.guarded(&format!("{name}.{attribute}"), bytes, |it| it.evaluate(expr)), 2))
    }

    /// All resources of a block with `for_each` (by key) or `count`; of each, what is not written is not known.
    fn whole_resource(
        &mut self,
        kind: &str,
        address: &str,
        block: &hcl_edit::structure::Block,
        base: usize,
        bytes: &Range<usize>,
    ) -> Node {
        let found = match find(block, base, address, self) {
            Ok(found) => found,
            Err((at, why)) => return Node::unknown(format!("`{address}` is not known: {why}"), at),
        };
        if let Some((at, why)) = found.lost.into_iter().next() {
            return Node::unknown(format!("`{address}` is not known: {why}"), at);
        }
        let (mut pairs, mut items) = (Vec::new(), Vec::new());
        for instance in found.all {
            let mut values = instance.within(self, |it| body::values(&block.body, base, bytes.clone(), it)).opened();
            if let Value::Mapping(members) = &mut values.value
                && kind == "aws_eks_cluster"
                && let Some(name) = members.iter().find(|pair| pair.key == "name").cloned()
            {
                members.push(Pair { key: "id".to_owned(), ..name });
            }
            match instance.key {
                Some(key) => pairs.push(Pair { key, key_bytes: bytes.clone(), value: values }),
                None => items.push(values),
            }
        }
        let is_by_key = block.body.has_attribute("for_each");
        node(if is_by_key { Value::Mapping(pairs) } else { Value::Sequence(items) }, shifted(None, base))
    }
}
