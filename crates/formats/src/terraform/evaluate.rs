//! Terraform's expressions, as far as they can be known without running Terraform: literals, locals, variables,
//! templates, conditionals, `for`, and plain functions. Whatever else stands in an expression makes its value
//! unknown, with the reason; nothing is guessed.
//!
//! Bounded in depth and in the number of values made, since locals can be written so that each doubles the last.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, FuncCall, Object, ObjectKey};
use hcl_edit::template::{Element, Template};

use super::definitions::{Bodies, Definitions, Expr};
use super::functions::call;
use super::operators::{binary, unary};
use super::value::{node, plain, quoted, shifted};
use crate::ReadOptions;
use crate::tree::{Node, Pair, Value};

const DEEPEST: usize = 96;
const MOST_VALUES: usize = 1_000_000;

/// Where an evaluator's folder is among those that may call each other.
#[derive(Clone, Default)]
pub(super) struct Surroundings<'f> {
    /// Its folder.
    pub(super) folder: String,
    /// All folders.
    pub(super) bodies: Rc<Bodies<'f>>,
    /// How many calls of modules lead to it.
    pub(super) nested: usize,
}

/// Evaluates expressions of one folder.
pub(super) struct Evaluator<'f> {
    pub(super) definitions: Definitions<'f>,
    pub(super) options: &'f ReadOptions,
    pub(super) around: Surroundings<'f>,
    /// Locals and variables that are being looked up: one that comes up again is a cycle.
    pub(super) underway: Vec<String>,
    /// Names of `for`, and `each`, `count`, innermost last.
    pub(super) bound: Vec<(String, Node)>,
    pub(super) depth: usize,
    pub(super) made: usize,
    /// What names stand for, as far as it has been asked for.
    pub(super) known: HashMap<String, Rc<Node>>,
    /// Whether something was given up since the outermost expression began, as too deep.
    pub(super) was_too_deep: bool,
    /// Cycles found, once each: the names along it, and where it was met.
    pub(super) cycles: Vec<(String, Range<usize>)>,
}

impl<'f> Evaluator<'f> {
    pub(super) fn new(definitions: Definitions<'f>, options: &'f ReadOptions) -> Self {
        Evaluator {
            definitions,
            options,
            around: Surroundings::default(),
            underway: Vec::new(),
            bound: Vec::new(),
            depth: 0,
            made: 0,
            known: HashMap::new(),
            was_too_deep: false,
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
        self.was_too_deep &= self.depth > 0;
        self.depth += 1;
        self.made += 1;
        let node = if self.depth > DEEPEST {
            self.was_too_deep = true;
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
            Expression::Object(object) => self.object(object, base, bytes),
            Expression::Variable(name) => match self.bound_value(name.as_str()) {
                Some(value) => value,
                None => Node::unknown(format!("`{}` names nothing here", name.as_str()), bytes),
            },
            Expression::Conditional(conditional) => self.conditional(conditional, base, bytes),
            Expression::FuncCall(function) => self.function(function, base, bytes),
            Expression::Traversal(traversal) => self.traversal(traversal, base, bytes),
            Expression::UnaryOp(operation) => {
                unary(*operation.operator.value(), &self.evaluate(sub(&operation.expr)), bytes)
            }
            Expression::BinaryOp(operation) => {
                let (left, right) = (self.evaluate(sub(&operation.lhs_expr)), self.evaluate(sub(&operation.rhs_expr)));
                binary(*operation.operator.value(), &left, &right, bytes)
            }
            Expression::ForExpr(expression) => self.for_each(expression, base, bytes),
        }
    }

    fn object(&mut self, object: &Object, base: usize, bytes: Range<usize>) -> Node {
        let mut pairs: Vec<Pair> = Vec::new();
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(ident) => quoted(ident.as_str(), shifted(ident.span(), base)),
                // A plain name in front of `=` is a key, never a variable.
                ObjectKey::Expression(Expression::Variable(ident)) => {
                    quoted(ident.as_str(), shifted(ident.span(), base))
                }
                ObjectKey::Expression(expression) => self.evaluate(Expr { expression, base }),
            };
            let Some(name) = key.text().map(str::to_owned) else {
                let reason = key.why_unknown().unwrap_or("a key is no text").to_owned();
                return Node::unknown(reason, key.bytes);
            };
            let value = self.evaluate(Expr { expression: value.expr(), base });
            pairs.retain(|pair| pair.key != name);
            pairs.push(Pair { key: name, key_bytes: key.bytes, value });
        }
        node(Value::Mapping(pairs), bytes)
    }

    fn function(&mut self, function: &FuncCall, base: usize, bytes: Range<usize>) -> Node {
        let name = function.name.name.as_str();
        if function.name.is_namespaced() {
            return Node::unknown(format!("functions of providers are not evaluated (`{name}`)"), bytes);
        }
        let mut arguments: Vec<Node> =
            function.args.iter().map(|argument| self.evaluate(Expr { expression: argument, base })).collect();
        if function.args.expand_final()
            && let Some(last) = arguments.pop()
        {
            if last.why_unknown().is_some() {
                return last;
            }
            arguments.extend(last.items().iter().cloned());
        }
        let result = call(name, arguments, bytes);
        self.pay(result)
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

    /// Counts what a value holds, so that copies of copies come to an end.
    pub(super) fn pay(&mut self, value: Node) -> Node {
        self.made = self.made.saturating_add(crate::yaml::weight(&value));
        if self.made > MOST_VALUES {
            return Node::unknown("the expressions of this folder make too many values", value.bytes);
        }
        value
    }
}

/// Unknown for the reason that `value` is, else for the given one.
pub(super) fn unknown_of(value: &Node, otherwise: &str, bytes: Range<usize>) -> Node {
    Node::unknown(value.why_unknown().unwrap_or(otherwise), bytes)
}

fn bytes_of(expr: Expr<'_>) -> Range<usize> {
    shifted(expr.expression.span(), expr.base)
}
