//! Who signed in of late, as far as that can be known: nobody may be left whom only aws-auth maps. Entryway's control
//! plane counts sign-ins and what mapped them; of EKS, the log of the cluster's authenticator tells (in CloudWatch).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use entryway_access::{AccessEntry, Caller, PrincipalArn};
use entryway_live::{Fleet, SignInSource, SignIns, SignedIn};
use entryway_plan::ActualCluster;
use jiff::Timestamp;

use crate::error::CliError;
use crate::output::{self, count};

/// Fails if somebody signed in for whom no entry is in force. Where nobody knows, that is said. `accepted`: then it is
/// said, too, and goes on.
pub(super) async fn check(
    fleet: &Fleet,
    cluster: &ActualCluster,
    logs: &[PathBuf],
    accepted: bool,
) -> Result<(), CliError> {
    let arn = &cluster.arn;
    let counted = match fleet.place(&arn.region, &arn.account).await {
        Ok(aws) => aws.sign_ins(&arn.name).await,
        Err(error) => Err(error),
    };
    let counted = counted.unwrap_or_else(|error| {
        output::note(&format!("who signed in of late is not known: {error}"));
        None
    });
    let outcome = match (&counted, logs) {
        (Some(counted), _) => by_count(cluster, counted),
        (None, []) => {
            output::note(
                "whether anybody signs in whom no line and no entry names is not known; the authenticator's log (`--authenticator-log`) tells",
            );
            Ok(())
        }
        (None, _) => Ok(()),
    };
    match outcome.and_then(|()| if logs.is_empty() { Ok(()) } else { by_logs(cluster, logs) }) {
        Err(error) if accepted => {
            output::note(&format!("accepted: {error}"));
            Ok(())
        }
        outcome => outcome,
    }
}

/// By what the control plane counted. Who came by aws-auth before his entry was there has moved on since; who came by it
/// afterwards has an entry that is not his: made for one who was deleted and made again under the name.
fn by_count(cluster: &ActualCluster, counted: &SignIns) -> Result<(), CliError> {
    let by_entry = |one: &&SignedIn| one.source == SignInSource::AccessEntry;
    let (entries, others): (Vec<&SignedIn>, Vec<&SignedIn>) = counted.all.iter().partition(by_entry);
    let mut left: Vec<String> = Vec::new();
    for one in &others {
        let plain = one.principal_arn.without_path();
        let how = match one.source {
            SignInSource::AwsAuthAccount => "mapAccounts",
            SignInSource::ClusterCreator => "the cluster's creator",
            SignInSource::AwsAuth | SignInSource::AccessEntry => "a line of aws-auth",
        };
        let entry = cluster.entries.iter().find(|entry| entry.principal.without_path() == plain);
        let came_since = |one: &SignedIn, time: Option<Timestamp>| time.is_none_or(|time| one.last_at > time);
        match entry {
            None => left.push(format!("{plain} by {how}, at {}; it has no entry", one.last_at)),
            Some(entry) if came_since(one, entry.created_at) => left.push(format!(
                "{plain} by {how}, at {}, although it has an entry: the entry is of one that was deleted and made again",
                one.last_at
            )),
            Some(_) => {}
        }
    }
    let since = counted.since;
    if left.is_empty() {
        let complete = if counted.complete { "" } else { ", of those that could be counted" };
        output::note(&format!(
            "since {since}, {} signed in by an entry{complete}, and nobody who has none",
            count(entries.len(), "principal", "principals")
        ));
        return Ok(());
    }
    let told = CliError::new(format!(
        "since {since}, {} signed in whom no entry maps",
        count(left.len(), "principal", "principals")
    ));
    let told = left.into_iter().fold(told, CliError::hint);
    Err(told.hint("give them entries (`entryway access grant`), or `--accept-changes` if they may lose their access"))
}

fn by_logs(cluster: &ActualCluster, logs: &[PathBuf]) -> Result<(), CliError> {
    let mut signed_in = BTreeSet::new();
    for log in logs {
        signed_in.extend(read(log)?);
    }
    let has_entry = |principal: &PrincipalArn| {
        cluster.entries.iter().any(|entry| entry.principal.without_path() == principal.without_path())
    };
    let without: Vec<&PrincipalArn> = signed_in.iter().filter(|principal| !has_entry(principal)).collect();
    if without.is_empty() {
        output::note(&format!(
            "{} by the log, and each has an entry",
            count(signed_in.len(), "principal signed in", "principals signed in")
        ));
        return Ok(());
    }
    let told = CliError::new(format!(
        "{} in of late and no entry maps them",
        count(without.len(), "principal signed", "principals signed")
    ));
    let told = without.into_iter().fold(told, |told, principal| told.hint(principal.to_string()));
    Err(told.hint("give them entries (`entryway access grant`), or `--accept-changes` if they may lose their access"))
}

fn read(log: &Path) -> Result<BTreeSet<PrincipalArn>, CliError> {
    let bytes = std::fs::read(log).map_err(|error| CliError::io("can't read", log, &error))?;
    let text = String::from_utf8_lossy(&bytes);
    let granted = text.lines().filter(|line| line.contains("access granted"));
    let mut found = BTreeSet::new();
    for line in granted {
        found.extend(principal(line));
    }
    if found.is_empty() {
        return Err(CliError::new(format!("`{}` tells of nobody who signed in", log.display()))
            .hint("the lines that count have `access granted` and `arn=…`: the log group /aws/eks/CLUSTER/cluster, streams authenticator-*"));
    }
    Ok(found)
}

/// Whose sign-in a line tells: `… msg="access granted" arn="arn:aws:iam::…:role/x" …`, quoted or not, also in JSON.
fn principal(line: &str) -> Option<PrincipalArn> {
    let arns = line.match_indices("arn:").map(|(at, _)| line.get(at..).unwrap_or_default());
    let arns = arns.map(|rest| {
        let end = rest.find(|c: char| c.is_whitespace() || "\"'\\,}]".contains(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    });
    arns.into_iter().find_map(|arn| {
        let account = arn.split(':').nth(4)?;
        let session = arn.rsplit('/').next().unwrap_or_default();
        let as_session = || Caller::from_sts(account, arn, &format!("AROA00000000000000000:{session}"), "").ok();
        AccessEntry::parse_principal(arn).ok().or_else(|| Some(as_session()?.principal))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_of_lines() {
        for (line, name) in [
            (
                r#"time="…" level=info msg="access granted" arn="arn:aws:iam::111122223333:role/dev" client="127.0.0.1:1""#,
                "dev",
            ),
            (r#"msg="access granted" arn=arn:aws:sts::111122223333:assumed-role/ops/jo groups="[x]""#, "ops"),
            (r#"{"@message":"msg=\"access granted\" arn=\"arn:aws:iam::111122223333:user/jo\""}"#, "jo"),
        ] {
            assert_eq!(principal(line).unwrap().name(), name, "{line}");
        }
        for line in ["", "arn:", "access granted arn=arn:aws:s3:::bucket", "arn:aws:iam::1:role/x"] {
            assert_eq!(principal(line), None, "{line}");
        }
    }
}
