//! The proof on the running cluster: after the entries are made, it is asked what each principal may do, and has to
//! answer as it would have before.

use entryway_access::Snapshot;
use entryway_analysis::{Probe, Subject, probes};
use entryway_live::{Fleet, Kubernetes, LiveError};
use entryway_plan::{ControlPlane, Verification};
use futures::{StreamExt, stream};

use super::input::Subject as Migrated;
use crate::error::CliError;
use crate::output::{self, count};

/// The most questions about one principal.
const MOST: usize = 60;
/// Questions that are put at once.
const AT_ONCE: usize = 16;

/// How the cluster answered.
#[derive(Debug, Default)]
struct Tally {
    right: usize,
    /// What only a policy decides, which EKS tells nobody but the principal itself.
    untold: usize,
    wrong: Vec<String>,
}

/// Asks. Fails where the cluster decides otherwise than it did. `before` is the cluster as it was.
pub(super) async fn verify(
    fleet: &Fleet,
    before: &Migrated,
    after: &Migrated,
    entries: &[Verification],
) -> Result<(), CliError> {
    let (was, is) = (Snapshot::compile(before.cluster().model()), Snapshot::compile(after.cluster().model()));
    let subjects: Vec<Subject> = entries.iter().map(|entry| Subject::Principal(entry.principal.clone())).collect();
    let questions = probes(&was, &is, &subjects, after.known(), after.now, MOST);
    let kubernetes = after.kubernetes(fleet).await?;
    // One refusal tells that none will be answered.
    if let Some(first) = questions.first()
        && let Err(error) = kubernetes.is_allowed(&first.user, &first.what).await
    {
        return unasked(&error);
    }
    let asked = stream::iter(questions).map(|probe| ask(&kubernetes, probe));
    let answers: Vec<(Probe, Result<bool, LiveError>)> = asked.buffered(AT_ONCE).collect().await;
    let tells_policies = after.cluster().control_plane == ControlPlane::Entryway;
    let mut tally = Tally::default();
    for (probe, answer) in answers {
        match answer {
            Err(error) => return unasked(&error),
            Ok(allowed) if allowed == probe.expected => tally.right += 1,
            Ok(false) if !tells_policies && !probe.by_rbac => tally.untold += 1,
            Ok(allowed) => {
                let word = if allowed { "may, and could not before" } else { "may not, and could before" };
                tally.wrong.push(format!("{}: {} {word}", probe.subject, probe.what));
            }
        }
    }
    tell(&tally, subjects.len())
}

async fn ask(kubernetes: &Kubernetes, probe: Probe) -> (Probe, Result<bool, LiveError>) {
    let answer = kubernetes.is_allowed(&probe.user, &probe.what).await;
    (probe, answer)
}

fn unasked(error: &LiveError) -> Result<(), CliError> {
    output::note(&format!("the cluster itself could not be asked what they may do: {error}"));
    output::note("that nobody gained or lost anything is worked out from its entries, aws-auth and RBAC alone");
    Ok(())
}

fn tell(tally: &Tally, principals: usize) -> Result<(), CliError> {
    if !tally.wrong.is_empty() {
        let told = CliError::new(format!(
            "the cluster decides otherwise than before in {}",
            count(tally.wrong.len(), "case", "cases")
        ));
        return Err(tally
            .wrong
            .iter()
            .fold(told, |told, line| told.hint(line.clone()))
            .hint("`entryway migrate --rollback` takes the entries back"));
    }
    output::note(&format!(
        "the cluster answered {} about {} as before",
        count(tally.right, "question", "questions"),
        count(principals, "principal", "principals")
    ));
    if tally.untold > 0 {
        output::note(&format!(
            "{} more are decided by access policies, of which EKS tells nobody but the principal itself: those are worked out, not asked",
            tally.untold
        ));
    }
    Ok(())
}
