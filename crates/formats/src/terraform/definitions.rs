//! What the files of a folder define, by name, and the folders beside it that it may call as modules.

use std::collections::{BTreeMap, HashMap};

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

use crate::tree::Node;

/// An expression of a file, with the number that the bytes of the file are counted from.
#[derive(Clone, Copy)]
pub(super) struct Expr<'f> {
    pub(super) expression: &'f Expression,
    pub(super) base: usize,
}

/// The blocks of each folder's files, each with its file's base.
pub(super) type Bodies<'f> = BTreeMap<&'f str, Vec<(&'f Body, usize)>>;

/// What a variable is.
#[derive(Default)]
pub(super) struct Variable<'f> {
    /// Its value in a file of values or of the caller.
    pub(super) given: Option<Node>,
    pub(super) default: Option<Expr<'f>>,
    pub(super) of_type: Option<Expr<'f>>,
    /// `nullable = false`: given nothing, it is its default.
    pub(super) is_never_null: bool,
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
    pub(super) outputs: HashMap<String, Expr<'f>>,
}

impl<'f> Definitions<'f> {
    /// Of all files of a folder.
    pub(super) fn of(bodies: &[(&'f Body, usize)]) -> Self {
        let mut definitions = Definitions::default();
        for (body, base) in bodies {
            definitions.take(body, *base);
        }
        definitions
    }

    /// Gives a variable its value, whether it is declared or not.
    pub(super) fn give(&mut self, name: String, value: Node) {
        self.variables.entry(name).or_default().given = Some(value);
    }

    fn take(&mut self, body: &'f Body, base: usize) {
        for block in body.blocks() {
            let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
            let expr = |name: &str| Some(Expr { expression: &block.body.get_attribute(name)?.value, base });
            match (block.ident.as_str(), labels.as_slice()) {
                ("locals", []) => {
                    for attribute in block.body.attributes() {
                        let expr = Expr { expression: &attribute.value, base };
                        self.locals.insert(attribute.key.as_str().to_owned(), expr);
                    }
                }
                ("variable", [name]) => {
                    let nullable = expr("nullable").map(|expr| expr.expression);
                    let variable = Variable {
                        given: None,
                        default: expr("default"),
                        of_type: expr("type"),
                        is_never_null: nullable.and_then(Expression::as_bool) == Some(false),
                    };
                    self.variables.insert((*name).to_owned(), variable);
                }
                ("output", [name]) => self.outputs.extend(expr("value").map(|value| ((*name).to_owned(), value))),
                ("resource", [kind, name]) => {
                    self.resources.insert(format!("{kind}.{name}"), (block, base));
                }
                ("module", [name]) => {
                    self.modules.insert((*name).to_owned(), (block, base));
                }
                _ => {}
            }
        }
    }
}
