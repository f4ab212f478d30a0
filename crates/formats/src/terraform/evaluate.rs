//! Terraform's expressions, as far as they can be known without running Terraform: literals, locals, variables,
//! templates, conditionals, `for`, and plain functions. Whatever else stands in an expression makes its value
//! unknown, with the reason; nothing is guessed.
//!
//! Bounded in depth and in the number of values made, since locals can be written so that each doubles the last.

use std::collections::HashMap;
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{
    BinaryOperator, Conditional, Expression, ForExpr, ObjectKey, Traversal, TraversalOperator, UnaryOperator,
};
use hcl_edit::structure::Block;
use hcl_edit::template::{Element, Template};

use super::functions::call;
use super::value::{elements, node, plain, quoted, same, shifted};
use crate::ReadOptions;
use crate::tree::{Node, Pair, Value};

const DEEPEST: usize = 96;
const MOST_VALUES: usize = 1_000_000;

/// An expression of a file, with the number that the bytes of the file are counted from.
#[derive(Clone, Copy)]
pub(super) struct Expr<'f> {
    pub(super) expression: &'f Expression,
    pub(super) base: usize,
}

/// What a variable is.
pub(super) enum Variable<'f> {
    /// Its value in a file of values or of the caller.
    Given(Node),
    Default(Expr<'f>),
    Nothing,
}

/// What all files of a folder define, by name.
#[derive(Default)]
pub(super) struct Definitions<'f> {
    pub(super) locals: HashMap<String, Expr<'f>>,
    pub(super) variables: HashMap<String, Variable<'f>>,
    /// Resource blocks by `TYPE.NAME`, each with its file's base.
    pub(super) resources: HashMap<String, (&'f Block, usize)>,
    /// Module blocks by name.
    pub(super) modules: HashMap<String, (&'f Block, usize)>,
}

/// Evaluates expressions of one folder.
pub(super) struct Evaluator<'f> {
    pub(super) definitions: Definitions<'f>,
    pub(super) options: &'f ReadOptions,
    /// Locals and variables that are being looked up: one that comes up again is a cycle.
    underway: Vec<String>,
    /// Names of `for`, and `each`, `count`, innermost last.
    bound: Vec<(String, Node)>,
    depth: usize,
    pub(super) made: usize,
    /// Cycles found, once each: the names along it, and where it was met.
    pub(super) cycles: Vec<(String, Range<usize>)>,
}

impl<'f> Evaluator<'f> {
    pub(super) fn new(definitions: Definitions<'f>, options: &'f ReadOptions) -> Self {
        Evaluator {
            definitions,
            options,
            underway: Vec::new(),
            bound: Vec::new(),
            depth: 0,
            made: 0,
            cycles: Vec::new(),
        }
    }

    /// Runs `work` with a name bound to a value.
    pub(super) fn with<T>(&mut self, name: &str, value: Node, work: impl FnOnce(&mut Self) -> T) -> T {
        self.bound.push((name.to_owned(), value));
        let result = work(self);
        self.bound.pop();
        result
    }

    /// The value of an expression.
    pub(super) fn evaluate(&mut self, expr: Expr<'_>) -> Node {
        let bytes = bytes_of(expr);
        self.depth += 1;
        self.made += 1;
        let node = if self.depth > DEEPEST {
            Node::unknown("the expression refers through too many others", bytes)
        } else if self.made > MOST_VALUES {
            Node::unknown("the expressions of this folder make too many values", bytes)
        } else {
            self.value(expr, bytes)
        };
        self.depth -= 1;
        node
    }

    fn value(&mut self, expr: Expr<'_>, bytes: Range<usize>) -> Node {
        let base = expr.base;
        let sub = |expression| Expr { expression, base };
        match expr.expression {
            Expression::Null(_) => plain("null", bytes),
            Expression::Bool(truth) => plain(&truth.value().to_string(), bytes),
            Expression::Number(number) => plain(&number.value().to_string(), bytes),
            Expression::String(text) => quoted(text.value(), bytes),
            Expression::Parenthesis(inner) => self.evaluate(sub(inner.inner())),
            Expression::StringTemplate(template) => self.template(template.iter(), base, bytes),
            Expression::HeredocTemplate(heredoc) => {
                let template: &Template = &heredoc.template;
                self.template(template.iter(), base, bytes)
            }
            Expression::Array(array) => {
                let items = array.iter().map(|item| self.evaluate(sub(item))).collect();
                node(Value::Sequence(items), bytes)
            }
            Expression::Object(object) => {
                let mut pairs: Vec<Pair> = Vec::new();
                for (key, value) in object {
                    let key = match key {
                        ObjectKey::Ident(ident) => quoted(ident.as_str(), shifted(ident.span(), base)),
                        // A plain name in front of `=` is a key, never a variable.
                        ObjectKey::Expression(Expression::Variable(ident)) => {
                            quoted(ident.as_str(), shifted(ident.span(), base))
                        }
                        ObjectKey::Expression(expression) => self.evaluate(sub(expression)),
                    };
                    let Some(name) = key.text().map(str::to_owned) else {
                        let reason = key.why_unknown().unwrap_or("a key is no text").to_owned();
                        return Node::unknown(reason, key.bytes);
                    };
                    let value = self.evaluate(sub(value.expr()));
                    pairs.retain(|pair| pair.key != name);
                    pairs.push(Pair { key: name, key_bytes: key.bytes, value });
                }
                node(Value::Mapping(pairs), bytes)
            }
            Expression::Variable(name) => match self.bound_value(name.as_str()) {
                Some(value) => value,
                None => Node::unknown(format!("`{}` names nothing here", name.as_str()), bytes),
            },
            Expression::Conditional(conditional) => self.conditional(conditional, base, bytes),
            Expression::FuncCall(function) => {
                let name = function.name.name.as_str().to_owned();
                if function.name.is_namespaced() {
                    return Node::unknown(format!("functions of providers are not evaluated (`{name}`)"), bytes);
                }
                let mut arguments: Vec<Node> = Vec::new();
                for argument in &function.args {
                    arguments.push(self.evaluate(sub(argument)));
                }
                if function.args.expand_final()
                    && let Some(last) = arguments.pop()
                {
                    if last.why_unknown().is_some() {
                        return last;
                    }
                    arguments.extend(last.items().iter().cloned());
                }
                let result = call(&name, arguments, bytes);
                self.pay(result)
            }
            Expression::Traversal(traversal) => self.traversal(traversal, base, bytes),
            Expression::UnaryOp(operation) => {
                let value = self.evaluate(sub(&operation.expr));
                match (operation.operator.value(), value.truth()) {
                    (UnaryOperator::Not, Some(truth)) => plain(&(!truth).to_string(), bytes),
                    _ => unknown_of(&value, "arithmetic is not evaluated", bytes),
                }
            }
            Expression::BinaryOp(operation) => {
                let (left, right) = (self.evaluate(sub(&operation.lhs_expr)), self.evaluate(sub(&operation.rhs_expr)));
                for side in [&left, &right] {
                    if side.why_unknown().is_some() {
                        return unknown_of(side, "", bytes);
                    }
                }
                match (operation.operator.value(), left.truth(), right.truth()) {
                    (BinaryOperator::Eq, _, _) => plain(&same(&left, &right).to_string(), bytes),
                    (BinaryOperator::NotEq, _, _) => plain(&(!same(&left, &right)).to_string(), bytes),
                    (BinaryOperator::And, Some(a), Some(b)) => plain(&(a && b).to_string(), bytes),
                    (BinaryOperator::Or, Some(a), Some(b)) => plain(&(a || b).to_string(), bytes),
                    _ => Node::unknown("arithmetic is not evaluated", bytes),
                }
            }
            Expression::ForExpr(expression) => self.for_each(expression, base, bytes),
        }
    }

    fn conditional(&mut self, conditional: &Conditional, base: usize, bytes: Range<usize>) -> Node {
        let condition = self.evaluate(Expr { expression: &conditional.cond_expr, base });
        let chosen = match condition.truth() {
            Some(true) => &conditional.true_expr,
            Some(false) => &conditional.false_expr,
            None => return unknown_of(&condition, "the condition is neither true nor false", bytes),
        };
        self.evaluate(Expr { expression: chosen, base })
    }

    fn template<'t>(&mut self, elements: impl Iterator<Item = &'t Element>, base: usize, bytes: Range<usize>) -> Node {
        let elements: Vec<&Element> = elements.collect();
        if let [Element::Interpolation(one)] = elements.as_slice() {
            // `"${x}"` is `x` itself, whatever its type.
            return self.evaluate(Expr { expression: &one.expr, base });
        }
        let mut text = String::new();
        for element in elements {
            match element {
                Element::Literal(literal) => text.push_str(literal.value()),
                Element::Interpolation(interpolation) => {
                    let value = self.evaluate(Expr { expression: &interpolation.expr, base });
                    match value.text() {
                        Some(part) => text.push_str(part),
                        None => return unknown_of(&value, "what is put into the text is no text", bytes),
                    }
                }
                Element::Directive(_) => return Node::unknown("directives (`%{`) are not evaluated", bytes),
            }
            if text.len() > 1 << 20 {
                return Node::unknown("the text is too long", bytes);
            }
        }
        quoted(&text, bytes)
    }

    fn for_each(&mut self, expression: &ForExpr, base: usize, bytes: Range<usize>) -> Node {
        let collection = self.evaluate(Expr { expression: &expression.intro.collection_expr, base });
        if expression.grouping {
            return Node::unknown("`for` with grouping is not evaluated", bytes);
        }
        let Some(elements) = elements(&collection) else {
            return unknown_of(&collection, "`for` goes over something that is no collection", bytes);
        };
        let value_name = expression.intro.value_var.as_str().to_owned();
        let key_name = expression.intro.key_var.as_ref().map(|name| name.as_str().to_owned());
        let (mut items, mut pairs) = (Vec::new(), Vec::<Pair>::new());
        for (key, value) in elements {
            self.bound.push((value_name.clone(), value));
            if let Some(name) = &key_name {
                self.bound.push((name.clone(), key));
            }
            let taken = match &expression.cond {
                None => Ok(true),
                Some(condition) => {
                    let condition = self.evaluate(Expr { expression: &condition.expr, base });
                    condition
                        .truth()
                        .ok_or_else(|| unknown_of(&condition, "the condition is neither true nor false", bytes.clone()))
                }
            };
            let made = match taken {
                Ok(false) => Ok(None),
                Ok(true) => {
                    let key = expression.key_expr.as_ref().map(|key| self.evaluate(Expr { expression: key, base }));
                    Ok(Some((key, self.evaluate(Expr { expression: &expression.value_expr, base }))))
                }
                Err(unknown) => Err(unknown),
            };
            self.bound.pop();
            if key_name.is_some() {
                self.bound.pop();
            }
            match made {
                Err(unknown) => return unknown,
                Ok(None) => {}
                Ok(Some((None, value))) => items.push(value),
                Ok(Some((Some(key), value))) => match key.text() {
                    Some(name) => {
                        pairs.retain(|pair| pair.key != name);
                        pairs.push(Pair { key: name.to_owned(), key_bytes: key.bytes.clone(), value });
                    }
                    None => return unknown_of(&key, "a key is no text", bytes),
                },
            }
        }
        let value = if expression.key_expr.is_some() { Value::Mapping(pairs) } else { Value::Sequence(items) };
        node(value, bytes)
    }

    fn traversal(&mut self, traversal: &Traversal, base: usize, bytes: Range<usize>) -> Node {
        let mut steps = Vec::new();
        for operator in &traversal.operators {
            steps.push(match operator.value() {
                TraversalOperator::GetAttr(name) => name.as_str().to_owned(),
                TraversalOperator::LegacyIndex(index) => index.value().to_string(),
                TraversalOperator::Index(expression) => {
                    let index = self.evaluate(Expr { expression, base });
                    match index.text() {
                        Some(text) => text.to_owned(),
                        None => return unknown_of(&index, "the index is no text or number", bytes),
                    }
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    return Node::unknown("splats (`[*]`) are not evaluated", bytes);
                }
            });
        }
        let shown = shown(traversal);
        let (root, used) = match &traversal.expr {
            Expression::Variable(name) => match self.root(name.as_str(), &steps, &shown, &bytes) {
                Ok(found) => found,
                Err(unknown) => return unknown,
            },
            other => (self.evaluate(Expr { expression: other, base }), 0),
        };
        let mut value = root;
        for step in steps.iter().skip(used) {
            let next = match (&value.value, step.parse::<usize>()) {
                _ if value.why_unknown().is_some() => return value,
                (Value::Sequence(items), Ok(index)) => items.get(index),
                _ => value.get(step),
            };
            value = match next {
                Some(next) => next.clone(),
                None => return Node::missing(format!("`{shown}`: there is no `{step}`"), bytes),
            };
        }
        self.pay(value)
    }

    /// What the beginning of a traversal stands for, and how many of its steps that takes.
    fn root(&mut self, name: &str, steps: &[String], shown: &str, bytes: &Range<usize>) -> Result<(Node, usize), Node> {
        if let Some(value) = self.bound_value(name) {
            return Ok((value, 0));
        }
        let of = |at: usize| steps.get(at).map(String::as_str).unwrap_or_default();
        match name {
            "local" => Ok((self.named("local", of(0), bytes), 1)),
            "var" => Ok((self.named("var", of(0), bytes), 1)),
            "data" => self
                .data(of(0), of(2), bytes)
                .map(|value| (value, 3))
                .ok_or_else(|| Node::unknown(format!("`{shown}` is known only when Terraform runs"), bytes.clone())),
            "module" => {
                let output = self.module_output(of(0), of(1)).ok_or_else(|| {
                    Node::unknown(format!("`{shown}` is known only when Terraform runs"), bytes.clone())
                })?;
                Ok((output, 2))
            }
            kind => {
                let resource = self.definitions.resources.get(&format!("{kind}.{}", of(0))).copied();
                let is_one = resource.is_some_and(|(block, _)| {
                    !block.body.has_attribute("count") && !block.body.has_attribute("for_each")
                });
                // The cluster's id is its name.
                let attribute = if kind == "aws_eks_cluster" && of(1) == "id" { "name" } else { of(1) };
                let written = resource.filter(|_| is_one).and_then(|(block, base)| {
                    Some(Expr { expression: &block.body.get_attribute(attribute)?.value, base })
                });
                match written {
                    Some(expr) => Ok((self.guarded(&format!("{kind}.{}.{attribute}", of(0)), expr, bytes), 2)),
                    None => Err(Node::unknown(format!("`{shown}` is known only when Terraform runs"), bytes.clone())),
                }
            }
        }
    }

    /// A local or variable.
    fn named(&mut self, kind: &str, name: &str, bytes: &Range<usize>) -> Node {
        let expr = if kind == "local" {
            match self.definitions.locals.get(name) {
                Some(expr) => *expr,
                None => return Node::unknown(format!("there is no local `{name}` in these files"), bytes.clone()),
            }
        } else {
            match self.definitions.variables.get(name) {
                Some(Variable::Given(value)) => return value.clone(),
                Some(Variable::Default(expr)) => *expr,
                Some(Variable::Nothing) => {
                    return Node::unknown(format!("the variable `{name}` has no value"), bytes.clone());
                }
                None => return Node::unknown(format!("there is no variable `{name}` in these files"), bytes.clone()),
            }
        };
        self.guarded(&format!("{kind}.{name}"), expr, bytes)
    }

    /// Evaluates what stands under a name, unless that is underway already.
    fn guarded(&mut self, name: &str, expr: Expr<'_>, bytes: &Range<usize>) -> Node {
        if let Some(at) = self.underway.iter().position(|known| known == name) {
            let cycle: Vec<&str> = self.underway.iter().skip(at).map(String::as_str).chain([name]).collect();
            let cycle = cycle.join(" \u{2192} ");
            if self.cycles.len() < 16 {
                self.cycles.push((cycle.clone(), bytes.clone()));
            }
            return Node::unknown(format!("it refers to itself: {cycle}"), bytes.clone());
        }
        self.underway.push(name.to_owned());
        // Names of a `for` around the reference are none within it.
        let bound = std::mem::take(&mut self.bound);
        let value = self.evaluate(expr);
        self.bound = bound;
        self.underway.pop();
        value
    }

    fn bound_value(&self, name: &str) -> Option<Node> {
        self.bound.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
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

    /// An output of the eks module that is one of its inputs.
    fn module_output(&mut self, module: &str, output: &str) -> Option<Node> {
        let (block, base) = self.definitions.modules.get(module).copied()?;
        if output != "cluster_name" || block.body.has_attribute("count") || block.body.has_attribute("for_each") {
            return None;
        }
        let name = block.body.get_attribute("cluster_name").or_else(|| block.body.get_attribute("name"))?;
        let bytes = shifted(name.span(), base);
        Some(self.guarded(&format!("module.{module}.{output}"), Expr { expression: &name.value, base }, &bytes))
    }

    /// Counts what a value holds, so that copies of copies come to an end.
    fn pay(&mut self, value: Node) -> Node {
        self.made = self.made.saturating_add(crate::yaml::weight(&value));
        if self.made > MOST_VALUES {
            return Node::unknown("the expressions of this folder make too many values", value.bytes);
        }
        value
    }
}

/// Unknown for the reason that `value` is, else for the given one.
fn unknown_of(value: &Node, otherwise: &str, bytes: Range<usize>) -> Node {
    Node::unknown(value.why_unknown().unwrap_or(otherwise), bytes)
}

/// A traversal as it is written, without spaces and comments around it.
fn shown(traversal: &Traversal) -> String {
    let mut text = match &traversal.expr {
        Expression::Variable(name) => name.as_str().to_owned(),
        _ => "(\u{2026})".to_owned(),
    };
    for operator in &traversal.operators {
        match operator.value() {
            TraversalOperator::GetAttr(name) => text.push_str(&format!(".{}", name.as_str())),
            TraversalOperator::LegacyIndex(index) => text.push_str(&format!(".{}", index.value())),
            TraversalOperator::Index(expression) => {
                text.push_str(&format!("[{}]", expression.to_string().trim()));
            }
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => text.push_str("[*]"),
        }
    }
    text
}

fn bytes_of(expr: Expr<'_>) -> Range<usize> {
    shifted(expr.expression.span(), expr.base)
}
