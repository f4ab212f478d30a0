//! The one place that every change of access passes: what will change is said, refused where it locks people out, and
//! agreed to.

use std::io::{BufRead, IsTerminal, Write};

use entryway_access::{ClusterArn, PolicyName, PolicyRule};
use entryway_analysis::{LockOut, LockOutReason};
use entryway_formats::ClusterSelector;
use entryway_live::{Aws, Cluster, Fleet, FleetOptions};
use entryway_plan::{Action, Needs, meaning_text};
use jiff::Timestamp;

use crate::error::CliError;
use crate::{fleet, output};

/// Whether a change locks people out, and whether it may.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// What it would do.
    pub(crate) lock_out: Option<LockOut>,
    /// `--allow-lockout`.
    pub(crate) is_allowed: bool,
}

/// Says what will change, a line each, refuses a lock-out, and asks where somebody is there to answer. `Ok(false)`:
/// nothing is to be done.
pub(crate) fn agree(headline: &str, steps: &[String], guard: &Guard, yes: bool) -> Result<bool, CliError> {
    output::note(headline);
    for step in steps {
        output::note(&format!("  {step}"));
    }
    refuse(guard.lock_out.as_ref(), guard.is_allowed)?;
    ask("Go ahead?", yes)
}

/// Refuses a lock-out, unless it is allowed.
pub(crate) fn refuse(lock_out: Option<&LockOut>, is_allowed: bool) -> Result<(), CliError> {
    match lock_out {
        Some(lock_out) if !is_allowed => Err(CliError::new(format!("this is a lock-out: {lock_out}"))
            .hint("nothing was changed; `--allow-lockout` does it all the same")),
        Some(lock_out) => {
            output::note(&format!("this is a lock-out, and allowed: {lock_out}"));
            Ok(())
        }
        None => Ok(()),
    }
}

/// What calls on a cluster would do to those who administer it. Of a cluster that can't be read nothing is known:
/// then only a new entry may be made without further ado.
pub(crate) async fn guard(
    aws: &Aws,
    cluster: &Cluster,
    actions: &[Action],
    is_allowed: bool,
) -> Result<Guard, CliError> {
    let unknown = |why: String| {
        // A new entry takes nothing but what aws-auth gave the same principal.
        if matches!(actions.first(), Some(Action::CreateEntry { .. })) {
            output::note(&format!("whether this locks anybody out could not be checked: {why}"));
            return Guard { lock_out: None, is_allowed };
        }
        let unread = vec![format!("the cluster could not be read ({why})")];
        Guard { lock_out: Some(LockOut { reasons: vec![LockOutReason::Unknown { unread }] }), is_allowed }
    };
    let arn: ClusterArn = match cluster.arn.parse() {
        Ok(arn) => arn,
        Err(error) => return Ok(unknown(format!("{error}"))),
    };
    let fleet = Fleet::new(aws.clone(), FleetOptions::default()).await?;
    let world = fleet.read(&Needs { clusters: vec![fleet::named(&arn)], ..Needs::default() }).await;
    let Some(actual) = world.clusters.first() else {
        return Ok(unknown(world.failed.first().map(|failed| failed.message.clone()).unwrap_or_default()));
    };
    let now = Timestamp::now();
    let mut after = actual.clone();
    for action in actions {
        // What EKS would refuse changes nothing; EKS says so itself.
        let _ = after.apply(action, now);
    }
    for spot in actual.blind_spots() {
        output::note(&format!("Note: {spot}"));
    }
    Ok(Guard { lock_out: actual.lock_out(&after, &[], &world.known, now), is_allowed })
}

/// What other rules of an own policy mean: for whom, said a cluster at a time; and the first lock-out. Clusters that
/// can't be read are named, and nothing is known of them.
pub(crate) async fn guard_policy(
    aws: &Aws,
    name: &PolicyName,
    rules: &[PolicyRule],
    is_allowed: bool,
) -> Result<Guard, CliError> {
    let fleet = Fleet::new(aws.clone(), FleetOptions::default()).await?;
    let region = Some(fleet.region().clone());
    let names = fleet.cluster_names().await?.into_iter();
    let clusters = names.map(|name| ClusterSelector::Named { name, region: region.clone(), account: None });
    let world = fleet.read(&Needs { clusters: clusters.collect(), ..Needs::default() }).await;
    for failed in &world.failed {
        output::note(&format!("what it means on {} could not be worked out: {}", failed.name, failed.message));
    }
    let now = Timestamp::now();
    let mut guard = Guard { lock_out: None, is_allowed };
    let mut users = 0;
    for actual in &world.clusters {
        let arn = actual.own_policy_arn(name);
        let uses = actual.entries.iter().flat_map(|entry| &entry.policies).filter(|one| one.policy == arn).count();
        if uses == 0 {
            continue;
        }
        users += uses;
        let mut after = actual.clone();
        let action = Action::PutPolicy { name: name.clone(), rules: rules.to_vec() };
        after.apply(&action, now).map_err(|error| CliError::new(error.to_string()))?;
        let effect = actual.effect(&after, &[], &world.known, now);
        output::note(&format!("On cluster {}", actual.arn.name));
        output::note(meaning_text(&effect.meaning).trim_end());
        for spot in actual.blind_spots() {
            output::note(&format!("  Note: {spot}"));
        }
        guard.lock_out = guard.lock_out.or(effect.lock_out);
    }
    if users == 0 {
        output::note(&format!("no access entry has the policy {name}: nobody gains or loses anything"));
    }
    Ok(guard)
}

/// A yes-or-no question on the terminal; without a terminal, or with `--yes`, the answer is yes.
pub(crate) fn ask(question: &str, yes: bool) -> Result<bool, CliError> {
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if yes || !stdin.is_terminal() || !stderr.is_terminal() {
        return Ok(true);
    }
    let _ = write!(stderr, "{question} [y/N] ");
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CliError::new(format!("the answer could not be read: {error}")))?;
    let agreed = is_yes(&answer);
    if !agreed {
        output::note("nothing was changed");
    }
    Ok(agreed)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_out_is_refused_unless_allowed() {
        let principal = "arn:aws:iam::111122223333:user/admin".parse().unwrap();
        let reasons = vec![LockOutReason::CallerLoses(principal)];
        let lock_out = LockOut { reasons };
        let refused = refuse(Some(&lock_out), false).unwrap_err().to_string();
        assert!(refused.contains("--allow-lockout") && refused.contains("user/admin"), "{refused}");
        assert!(refuse(Some(&lock_out), true).is_ok() && refuse(None, false).is_ok());
    }

    #[test]
    fn only_a_plain_yes_is_one() {
        for answer in ["y\n", "Yes\n", " YES "] {
            assert!(is_yes(answer));
        }
        for answer in ["", "\n", "n\n", "yep\n", "no\n", "ja"] {
            assert!(!is_yes(answer));
        }
    }
}
