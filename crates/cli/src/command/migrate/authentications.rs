//! Who signed in of late, as the log of the cluster's authenticator tells (EKS writes it to CloudWatch): nobody may be
//! left whom only aws-auth maps.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use entryway_access::{AccessEntry, Caller, PrincipalArn};
use entryway_plan::ActualCluster;

use crate::error::CliError;
use crate::output;

/// Fails if somebody signed in who has no entry. Without a log, that nobody knows is said.
pub(super) fn check(cluster: &ActualCluster, logs: &[PathBuf]) -> Result<(), CliError> {
    if logs.is_empty() {
        output::note(
            "whether anybody signs in whom no line and no entry names is not known; the authenticator's log (`--authenticator-log`) tells",
        );
        return Ok(());
    }
    let mut signed_in = BTreeSet::new();
    for log in logs {
        signed_in.extend(read(log)?);
    }
    let has_entry = |principal: &PrincipalArn| {
        cluster.entries.iter().any(|entry| entry.principal.without_path() == principal.without_path())
    };
    let without: Vec<&PrincipalArn> = signed_in.iter().filter(|principal| !has_entry(principal)).collect();
    if without.is_empty() {
        output::note(&format!("all {} principals that signed in have entries", signed_in.len()));
        return Ok(());
    }
    let told = CliError::new(format!("{} principals signed in of late and have no entry", without.len()));
    let told = without.into_iter().fold(told, |told, principal| told.hint(principal.to_string()));
    Err(told.hint("give them entries (`entryway access grant`), or leave their log out"))
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
