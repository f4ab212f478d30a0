//! `entryway can-i`: yes or no, and by what.

use clap::Args;
use entryway_access::{Decision, PolicyRule, Reason};
use serde_json::{Value, json};

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::question::{self, Asked, QuestionArgs};

/// What may be written behind `can-i`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway can-i delete pods -n team-a --principal role/ops -c demo\n  entryway can-i list secrets -A\n\nExit code 0 for yes, 1 for no, 2 where it could not be told."
)]
pub(crate) struct CanIArgs {
    #[command(flatten)]
    question: QuestionArgs,
}

/// Answers.
pub(crate) async fn run(global: &Global, args: CanIArgs) -> Result<Exit, CliError> {
    let asked = question::read(global, args.question).await?;
    let exit = verdict(&asked)?;
    if global.quiet {
        return Ok(exit);
    }
    match global.format() {
        format @ (Format::Json | Format::Yaml) => output::value(format, &value(&asked))?,
        Format::Name => output::print(if exit == Exit::Yes { "yes\n" } else { "no\n" })?,
        Format::Table | Format::Wide => output::print(&text(&asked))?,
    }
    Ok(exit)
}

/// Yes or no; an error where a "no" rests on something that could not be read.
pub(crate) fn verdict(asked: &Asked) -> Result<Exit, CliError> {
    if asked.decision().is_some_and(|decision| decision.is_allowed()) {
        return Ok(Exit::Yes);
    }
    let unknown = asked.unknown();
    if unknown.is_empty() {
        return Ok(Exit::No);
    }
    let mut error = CliError::new(format!(
        "whether {} may {} can't be told: what could be read does not allow it, but not all could be read",
        asked.who(),
        asked.sentence()
    ));
    for unread in unknown {
        error = error.hint(format!("{}: {}", unread.what, unread.why));
    }
    Err(error.hint(
        "ask as a principal that may read RBAC (and aws-auth), or name a kubeconfig context of one with `--context`",
    ))
}

fn text(asked: &Asked) -> String {
    match asked.decision() {
        Some(Decision::Allowed(reason)) => format!("yes\n  {}\n{}", by(&reason), rule_line(&reason)),
        Some(Decision::NoOpinion) => {
            let user = asked.user.as_ref().map(|user| user.username.as_str()).unwrap_or_default();
            format!("no\n  nothing allows {user} to {}\n", asked.sentence())
        }
        None => format!("no\n  {}\n", nobody(asked)),
    }
}

/// Why a principal is nobody.
pub(crate) fn nobody(asked: &Asked) -> String {
    let mode = asked.gathered.model.mode;
    let mut text =
        format!("nothing maps {} in this cluster (mode {mode}): it is answered 401 Unauthorized", asked.who());
    if mode == entryway_access::AuthenticationMode::ConfigMap {
        text.push_str("\n  (the principal that made the cluster is in system:masters; EKS tells nobody who that is)");
    }
    text
}

/// What allowed it, in one line.
pub(crate) fn by(reason: &Reason<'_>) -> String {
    match reason {
        Reason::SystemMasters => "by the group system:masters, which passes always".to_owned(),
        Reason::AccessPolicy { principal, policy, scope, .. } => {
            format!("by the access policy {} ({scope}) of the access entry {principal}", policy.name())
        }
        Reason::Rbac { by, .. } => {
            let (binding, role) = (by.binding(), &by.binding().role);
            let place = binding.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
            format!(
                "by the {} {place}{} of the {} {} to {}",
                binding.kind().as_str(),
                binding.name,
                role.kind.as_str(),
                role.name,
                by.subject()
            )
        }
    }
}

/// The rule that matched.
pub(crate) fn rule(reason: &Reason<'_>) -> Option<PolicyRule> {
    match reason {
        Reason::SystemMasters => None,
        Reason::AccessPolicy { rule, .. } | Reason::Rbac { rule, .. } => Some((*rule).clone()),
    }
}

fn rule_line(reason: &Reason<'_>) -> String {
    rule(reason).map(|rule| format!("  rule: {}\n", rule_text(&rule))).unwrap_or_default()
}

/// A rule in one line: `get, list on pods, pods/log`.
pub(crate) fn rule_text(rule: &PolicyRule) -> String {
    if !rule.non_resource_urls.is_empty() {
        return format!("{} on {}", rule.verbs.join(", "), rule.non_resource_urls.join(", "));
    }
    let groups: Vec<&str> =
        rule.api_groups.iter().map(|group| if group.is_empty() { "core" } else { group.as_str() }).collect();
    let names = if rule.resource_names.is_empty() {
        String::new()
    } else {
        format!(" named {}", rule.resource_names.join(", "))
    };
    format!("{} on {}{names} (API groups: {})", rule.verbs.join(", "), rule.resources.join(", "), groups.join(", "))
}

/// The answer for programs.
pub(crate) fn value(asked: &Asked) -> Value {
    let decision = asked.decision();
    let allowed = decision.is_some_and(|decision| decision.is_allowed());
    let reason = match decision {
        Some(Decision::Allowed(reason)) => json!({"text": by(&reason), "rule": rule(&reason)}),
        Some(Decision::NoOpinion) => json!({"text": format!("nothing allows it to {}", asked.sentence())}),
        None => json!({"text": nobody(asked)}),
    };
    json!({
        "allowed": allowed,
        "principal": asked.who(),
        "user": asked.user,
        "question": asked.sentence(),
        "cluster": asked.gathered.cluster.as_ref().map(|cluster| &cluster.arn),
        "reason": reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_in_a_line() {
        let rule: PolicyRule = serde_json::from_value(json!({
            "verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["pods", "pods/log"], "resourceNames": ["web"]
        }))
        .unwrap();
        assert_eq!(rule_text(&rule), "get, list on pods, pods/log named web (API groups: core, apps)");
        let rule: PolicyRule =
            serde_json::from_value(json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"]})).unwrap();
        assert_eq!(rule_text(&rule), "get on /healthz");
    }
}
