//! `entryway explain`: the answer of `can-i`, and the way to it.

use std::fmt::Write as _;

use clap::Args;
use entryway_access::{Candidate, CandidateOutcome, Decision, IdentitySource};
use serde_json::json;

use super::can_i;
use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::question::{self, Asked, QuestionArgs, Who};

/// What may be written behind `explain`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway explain list secrets -n kube-system --principal role/ops -c demo\n\nExit code 0 for yes, 1 for no, 2 where it could not be told."
)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    question: QuestionArgs,
}

/// Explains.
pub(crate) async fn run(global: &Global, args: ExplainArgs) -> Result<Exit, CliError> {
    let asked = question::read(global, args.question).await?;
    match global.format() {
        format @ (Format::Json | Format::Yaml) => {
            let mut value = can_i::value(&asked);
            if let Some(object) = value.as_object_mut() {
                object.insert("mapping".to_owned(), json!(mapping(&asked)));
                object.insert("considered".to_owned(), json!(considered(&asked)));
                object.insert("notes".to_owned(), json!(notes(&asked)));
            }
            output::value(format, &value)?;
        }
        Format::Table | Format::Wide | Format::Name => output::print(&text(&asked))?,
    }
    can_i::verdict(&asked)
}

fn text(asked: &Asked) -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            // Writing to a string never fails.
            let _ = writeln!(text, "{title}");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
    };
    section("Question", &[format!("may {} {}?", asked.who(), asked.sentence())]);
    section("Cluster", &cluster(asked));
    section("Who that is there", &mapping(asked));
    section("Looked at", &considered(asked));
    section("Mind", &notes(asked));
    section("Answer", &answer(asked));
    text
}

fn cluster(asked: &Asked) -> Vec<String> {
    asked
        .gathered
        .cluster
        .iter()
        .map(|cluster| format!("{}, authentication mode {}", cluster.arn, asked.gathered.model.mode))
        .collect()
}

/// How the principal became a user: what maps it, and what else could have.
fn mapping(asked: &Asked) -> Vec<String> {
    let caller = match &asked.who {
        Who::User(user) => {
            return vec![format!("the Kubernetes user {}, in the groups {}", user.username, user.groups.join(", "))];
        }
        Who::Principal(caller) => caller,
    };
    let mut lines = Vec::new();
    if let (Some(identity), Some(user)) = (&asked.identity, &asked.user) {
        let source = match &identity.source {
            IdentitySource::Entry(principal) => format!("by the access entry {principal}"),
            IdentitySource::AwsAuthLine { key, index } => format!("by line {} of aws-auth {key}", index + 1),
            IdentitySource::AwsAuthAccount => "by aws-auth mapAccounts".to_owned(),
            IdentitySource::BootstrapCreator => "as the creator of the cluster".to_owned(),
        };
        lines.push(format!("username {}", user.username));
        lines.push(format!("groups   {}", user.groups.join(", ")));
        lines.push(format!("mapped   {source}"));
    } else {
        lines.push(can_i::nobody(asked));
    }
    for (candidate, outcome) in asked.snapshot.candidates(caller, None, asked.now) {
        if outcome != CandidateOutcome::Maps {
            lines.push(format!("{}: {}", candidate_text(&candidate), outcome_text(outcome)));
        }
    }
    lines
}

fn candidate_text(candidate: &Candidate<'_>) -> String {
    match candidate {
        Candidate::Entry(entry) => format!("the access entry {}", entry.principal),
        Candidate::BootstrapCreator => "the creator's hidden mapping".to_owned(),
        Candidate::Line { key, index, .. } => format!("line {} of aws-auth {key}", index + 1),
        Candidate::Account => "aws-auth mapAccounts".to_owned(),
    }
}

fn outcome_text(outcome: CandidateOutcome) -> String {
    match outcome {
        CandidateOutcome::Maps => "maps it".to_owned(),
        CandidateOutcome::MapsToNobody => {
            "counts, and gives no identity: no username, a placeholder without a value, or a reserved name".to_owned()
        }
        CandidateOutcome::Missed(why) => why.to_string(),
        CandidateOutcome::NotInMode => "the authentication mode has no aws-auth".to_owned(),
        CandidateOutcome::Overridden => "overridden, whole, by what maps it".to_owned(),
    }
}

/// All policies and bindings that were looked at, and what became of each.
fn considered(asked: &Asked) -> Vec<String> {
    let Some(user) = &asked.user else { return Vec::new() };
    let explanation = asked.snapshot.explain(&asked.request(user), asked.now);
    explanation.considered.iter().map(ToString::to_string).collect()
}

/// What was read and could not be taken in, and what could not be read.
fn notes(asked: &Asked) -> Vec<String> {
    let problems = asked.gathered.problems.iter().map(|problem| format!("{}: {}", problem.object, problem.message));
    let unread =
        asked.gathered.unread.iter().map(|unread| format!("{} could not be read: {}", unread.what, unread.why));
    problems.chain(unread).collect()
}

fn answer(asked: &Asked) -> Vec<String> {
    match asked.decision() {
        Some(Decision::Allowed(reason)) => {
            let rule = can_i::rule(&reason).map(|rule| format!("rule: {}", can_i::rule_text(&rule)));
            std::iter::once(format!("yes, {}", can_i::by(&reason))).chain(rule).collect()
        }
        Some(Decision::NoOpinion) if asked.unknown().is_empty() => vec!["no: nothing of this allows it".to_owned()],
        None if asked.unknown().is_empty() => vec!["no: it is nobody there".to_owned()],
        Some(Decision::NoOpinion) | None => vec!["not known: not all could be read".to_owned()],
    }
}
