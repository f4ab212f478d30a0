//! `optional(…)` in the type of a variable: members that a value leaves out are `null`, or what the type gives for them.
//! Members that the type does not have are left in place: what is made of them is warned of where they are used.

use hcl_edit::expr::{Expression, FuncCall, ObjectKey};

use super::definitions::Expr;
use super::evaluate::Evaluator;
use super::value::plain;
use crate::tree::{Node, Pair, Value};

/// A value with all that its type adds.
pub(super) fn with_defaults(mut value: Node, of_type: Expr<'_>, evaluator: &mut Evaluator<'_>) -> Node {
    let Expression::FuncCall(call) = of_type.expression else { return value };
    let sub = |expression| Expr { expression, base: of_type.base };
    match (call.name.name.as_str(), argument(call, 0), &mut value.value) {
        ("map" | "list" | "set", Some(of), Value::Mapping(pairs)) => {
            for pair in pairs {
                pair.value = with_defaults(std::mem::replace(&mut pair.value, plain("null", 0..0)), sub(of), evaluator);
            }
        }
        ("list" | "set", Some(of), Value::Sequence(items)) => {
            for item in items {
                *item = with_defaults(std::mem::replace(item, plain("null", 0..0)), sub(of), evaluator);
            }
        }
        ("optional", Some(of), _) => {
            if value.is_null()
                && let Some(default) = argument(call, 1)
            {
                value = evaluator.evaluate(sub(default));
            }
            value = with_defaults(value, sub(of), evaluator);
        }
        ("object", Some(Expression::Object(members)), Value::Mapping(pairs)) => {
            let whole = value.bytes.clone();
            for (key, of) in members {
                let name = match key {
                    ObjectKey::Ident(name) => name.as_str(),
                    ObjectKey::Expression(Expression::Variable(name)) => name.as_str(),
                    ObjectKey::Expression(Expression::String(name)) => name.as_str(),
                    ObjectKey::Expression(_) => continue,
                };
                let of = sub(of.expr());
                match pairs.iter_mut().find(|pair| pair.key == name) {
                    Some(pair) => {
                        let given = std::mem::replace(&mut pair.value, plain("null", 0..0));
                        pair.value = with_defaults(given, of, evaluator);
                    }
                    None if is_optional(of.expression) => {
                        let value = with_defaults(plain("null", whole.clone()), of, evaluator);
                        pairs.push(Pair { key: name.to_owned(), key_bytes: whole.clone(), value });
                    }
                    // Terraform refuses a value without it.
                    None => {}
                }
            }
        }
        _ => {}
    }
    value
}

fn argument(call: &FuncCall, at: usize) -> Option<&Expression> {
    call.args.iter().nth(at)
}

fn is_optional(of_type: &Expression) -> bool {
    matches!(of_type, Expression::FuncCall(call) if call.name.name.as_str() == "optional")
}
