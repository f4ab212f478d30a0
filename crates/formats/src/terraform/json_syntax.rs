//! Terraform's language written as JSON (`.tf.json`): a JSON document is an object of the language itself, whose strings
//! are templates, so it is parsed as one, and its members become the blocks that they stand for. Values keep their
//! places; blocks have none of their own.

use hcl_edit::Ident;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{Attribute, Block, Body};

/// The kinds of blocks, each with how many labels it has. All other members are attributes.
const BLOCKS: [(&str, usize); 6] =
    [("resource", 2), ("data", 2), ("module", 1), ("variable", 1), ("output", 1), ("locals", 0)];

/// The blocks of a document; what is wrong with it, where it is none, and at which byte.
pub(super) fn parse(text: &str) -> Result<Body, (usize, String)> {
    // An expression ends where it ends: no line may follow.
    let expression = hcl_edit::parser::parse_expr(text.trim_end()).map_err(|error| {
        let at = error.location().offset().min(text.len());
        (at, format!("not valid JSON of Terraform's: {}", error.message()))
    })?;
    let Expression::Object(document) = expression else {
        return Err((0, "Terraform's JSON is an object of blocks".to_owned()));
    };
    let mut body = Body::new();
    for (name, value) in members(&document) {
        let Some((kind, labels)) = BLOCKS.into_iter().find(|(kind, _)| *kind == name) else { continue };
        blocks(kind, labels, &mut Vec::new(), value, &mut body);
    }
    Ok(body)
}

/// Goes down through the labels. Each level may be a list of what it else is one of.
fn blocks(kind: &str, labels: usize, path: &mut Vec<String>, value: &Expression, into: &mut Body) {
    match value {
        Expression::Array(several) => several.iter().for_each(|one| blocks(kind, labels, path, one, into)),
        Expression::Object(object) if path.len() < labels => {
            for (name, value) in members(object) {
                path.push(name.to_owned());
                blocks(kind, labels, path, value, into);
                path.pop();
            }
        }
        Expression::Object(object) => {
            if let Ok(ident) = Ident::try_new(kind) {
                let block = Block::builder(ident).labels(path.iter().map(String::as_str));
                into.push(block.attributes(members(object).filter_map(attribute)).build());
            }
        }
        _ => {}
    }
}

fn attribute((name, value): (&str, &Expression)) -> Option<Attribute> {
    // Two members of one name can't stand in a body; the last one counts, as in any JSON.
    Some(Attribute::new(Ident::try_new(name).ok()?, value.clone()))
}

/// The members of an object, without comments (`//`); of members with one name, the last.
fn members(object: &Object) -> impl Iterator<Item = (&str, &Expression)> {
    object.iter().filter_map(|(key, value)| {
        let name = match key {
            ObjectKey::Ident(name) => name.as_str(),
            ObjectKey::Expression(Expression::String(name)) => name.as_str(),
            ObjectKey::Expression(_) => return None,
        };
        (name != "//").then_some((name, value.expr()))
    })
}
