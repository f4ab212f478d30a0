//! Identity policies: inline, managed, boundaries and session policies are all of this form.

use super::PolicyError;
use super::condition::Condition;
use super::parse::{Kind, Reader};
use super::pattern::{ArnPattern, Pattern};
use super::{Context, Request};

/// A valid identity policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDocument {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
struct Statement {
    clause: Clause,
    resources: Selection<ArnPattern>,
}

/// What statements of all policies have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clause {
    pub(super) effect: Effect,
    pub(super) actions: Selection<Pattern>,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// An element and its `Not…` form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selection<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

impl<T> Selection<T> {
    fn selects(&self, matches: impl Fn(&T) -> bool) -> bool {
        match self {
            Selection::Only(items) => items.iter().any(matches),
            Selection::AllBut(items) => !items.iter().any(matches),
        }
    }
}

impl Clause {
    pub(super) fn applies(&self, action: &str, context: &Context) -> bool {
        self.actions.selects(|pattern| pattern.matches(action, context, true) == Some(true))
            && self.conditions.iter().all(|condition| condition.holds(context, self.effect))
    }
}

impl PolicyDocument {
    /// Reads a policy's JSON. The error is IAM's `MalformedPolicyDocument`.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let (reader, statements) = Reader::open(text, Kind::Identity)?;
        let statements = statements
            .iter()
            .map(|statement| {
                let clause = reader.clause(statement)?;
                Ok(Statement { clause, resources: reader.resources(statement)? })
            })
            .collect::<Result<_, _>>()?;
        Ok(PolicyDocument { statements })
    }

    /// The statements that apply to a request, each with its index.
    pub(super) fn applying(&self, request: &Request<'_>) -> impl Iterator<Item = (usize, Effect)> {
        let applies = |statement: &Statement| {
            statement.resources_select(request) && statement.clause.applies(request.action, request.context)
        };
        self.statements
            .iter()
            .enumerate()
            .filter(move |(_, statement)| applies(statement))
            .map(|(index, statement)| (index, statement.clause.effect))
    }
}

impl Statement {
    /// A resource whose variable can't be filled in matches nothing; in an Allow's `NotResource` that would widen
    /// it, so there the statement does not apply at all.
    fn resources_select(&self, request: &Request<'_>) -> bool {
        let verdict = |pattern: &ArnPattern| pattern.matches(request.resource, request.context);
        if let (Effect::Allow, Selection::AllBut(patterns)) = (self.clause.effect, &self.resources)
            && patterns.iter().any(|pattern| verdict(pattern).is_none())
        {
            return false;
        }
        self.resources.selects(|pattern| verdict(pattern) == Some(true))
    }
}
