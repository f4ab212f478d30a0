//! Outputs of modules: of a folder beside, whatever its expression says with the call's values; of the eks module, what
//! is one of its inputs. Others are known only when Terraform runs.

use std::ops::Range;
use std::rc::Rc;

use hcl_edit::structure::Block;

use super::definitions::{Definitions, Expr};
use super::evaluate::{Evaluator, Surroundings};
use super::folder::{join, local_source};
use super::instances::{Instance, find, is_single};
use super::names::Root;
use super::traversal::{Step, when_it_runs};
use crate::tree::Node;

/// Modules within modules; more than any real configuration has.
pub(super) const DEEPEST: usize = 16;
/// Members of a module block that are no inputs.
pub(super) const META: [&str; 6] = ["source", "version", "count", "for_each", "providers", "depends_on"];

impl<'f> Evaluator<'f> {
    /// `module.NAME.OUTPUT`, or `module.NAME[KEY].OUTPUT`.
    pub(super) fn module(&mut self, steps: &[Step], shown: &str, bytes: &Range<usize>) -> Root {
        let unknown = |reason: String| Err(Node::unknown(reason, bytes.clone()));
        let of = |at: usize| steps.get(at).and_then(Step::key);
        let Some(name) = of(0) else { return unknown(when_it_runs(shown)) };
        let Some((block, base)) = self.definitions.modules.get(name).copied() else {
            return unknown(format!("there is no module `{name}` in these files"));
        };
        let (key, output, used) = if is_single(block) { (None, of(1), 2) } else { (of(1), of(2), 3) };
        let Some(output) = output.filter(|_| is_single(block) || key.is_some()) else {
            return unknown(when_it_runs(shown));
        };
        let index = key.map(|key| format!("[{key:?}]")).unwrap_or_default();
        // Not a cycle that Terraform would know of: it follows each input and output for itself.
        let call = format!("module.{name}");
        if self.underway.contains(&call) {
            return unknown(format!(
                "`{shown}`: what the inputs of `{call}` take from its own outputs is not followed"
            ));
        }
        let known = format!("{call}{index}.{output}");
        let value = self.guarded(&known, bytes, |it| {
            it.underway.push(call.clone());
            let value = it.output_of(block, base, (&call, key, output), shown, bytes);
            it.underway.pop();
            value
        });
        Ok((value, used))
    }

    fn output_of(
        &mut self,
        block: &'f Block,
        base: usize,
        (call, key, output): (&str, Option<&str>, &str),
        shown: &str,
        bytes: &Range<usize>,
    ) -> Node {
        let instance = match find(block, base, call, self) {
            Ok(found) => {
                let is_meant = |(at, one): &(usize, Instance)| match (key, &one.key) {
                    (None, _) => true,
                    (Some(key), Some(own)) => key == own,
                    (Some(key), None) => key == at.to_string(),
                };
                match found.all.into_iter().enumerate().find(is_meant) {
                    Some((_, instance)) => instance,
                    None if found.lost.is_empty() => {
                        let message = format!("`{shown}`: there is no `{}`", key.unwrap_or_default());
                        return Node::missing(message, bytes.clone());
                    }
                    None => return Node::unknown(when_it_runs(shown), bytes.clone()),
                }
            }
            Err((at, why)) => return Node::unknown(format!("`{call}` is not known: {why}"), at),
        };
        let child = local_source(block).map(|source| join(&self.around.folder, source));
        match child.filter(|child| self.around.bodies.contains_key(child.as_str())) {
            Some(child) => self.output_of_folder(block, base, &instance, &child, output, shown, bytes),
            None => self.passed_through(block, base, &instance, output, shown, bytes),
        }
    }

    /// The output of a folder, with the values that the call gives to its variables.
    #[expect(clippy::too_many_arguments, reason = "which call, of which folder, and what of it")]
    fn output_of_folder(
        &mut self,
        block: &'f Block,
        base: usize,
        instance: &Instance,
        child: &str,
        output: &str,
        shown: &str,
        bytes: &Range<usize>,
    ) -> Node {
        if self.around.nested >= DEEPEST {
            return Node::unknown("modules call each other too deep", bytes.clone());
        }
        let bodies = self.around.bodies.get(child).map(Vec::as_slice).unwrap_or_default();
        let mut definitions = Definitions::of(bodies);
        let Some(expr) = definitions.outputs.get(output).copied() else {
            return Node::missing(format!("`{shown}`: the module has no output `{output}`"), bytes.clone());
        };
        for attribute in block.body.attributes().filter(|attribute| !META.contains(&attribute.key.as_str())) {
            let input = Expr { expression: &attribute.value, base };
            let value = instance.within(self, |it| it.evaluate(input));
            definitions.give(attribute.key.as_str().to_owned(), value);
        }
        let mut inner = Evaluator::new(definitions, self.options);
        inner.around = Surroundings {
            folder: child.to_owned(),
            bodies: Rc::clone(&self.around.bodies),
            nested: self.around.nested + 1,
        };
        (inner.depth, inner.made) = (self.depth, self.made);
        let value = inner.evaluate(expr);
        self.made = inner.made;
        self.was_too_deep |= inner.was_too_deep;
        self.cycles.append(&mut inner.cycles);
        value
    }

    /// The name of the cluster is what a call of the eks module says it is.
    fn passed_through(
        &mut self,
        block: &'f Block,
        base: usize,
        instance: &Instance,
        output: &str,
        shown: &str,
        bytes: &Range<usize>,
    ) -> Node {
        let named = || block.body.get_attribute("cluster_name").or_else(|| block.body.get_attribute("name"));
        match named().filter(|_| output == "cluster_name") {
            Some(name) => instance.within(self, |it| it.evaluate(Expr { expression: &name.value, base })),
            None => Node::unknown(when_it_runs(shown), bytes.clone()),
        }
    }
}
