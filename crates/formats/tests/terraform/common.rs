//! What the tests of formats share.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests may stop at the first surprise, and not every test needs them all"
)]

use entryway_formats::{
    ClusterSelector, Declared, DeclaredCluster, PolicyRef, PrincipalRef, Read, ReadOptions, Severity, Source, read,
};

pub(crate) fn read_as(name: &str, text: &str) -> Read<Declared> {
    read(&Source::new(name, text), &ReadOptions::default())
}

/// Messages as `line:column severity message`.
pub(crate) fn said(read: &Read<Declared>) -> Vec<String> {
    let line = |diagnostic: &entryway_formats::Diagnostic| {
        let place = diagnostic.place.as_ref().map_or("-".to_owned(), |place| {
            let (line, column) = place.line_and_column();
            format!("{line}:{column}")
        });
        let severity = match diagnostic.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        format!("{place} {severity} {}", diagnostic.message)
    };
    read.diagnostics.iter().map(line).collect()
}

fn cluster_name(cluster: &DeclaredCluster) -> String {
    match &cluster.selector.value {
        ClusterSelector::Named { name, region, account } => {
            let part = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            format!(
                "{name} {} {}",
                part(region.as_ref().map(|r| r.to_string())),
                part(account.as_ref().map(|a| a.to_string()))
            )
        }
        ClusterSelector::Unknown { label, .. } => format!("?{label}"),
        ClusterSelector::Tagged { .. } => "tagged".to_owned(),
    }
}

/// All that is declared, one line an entry, so that a test can compare it at a glance.
pub(crate) fn shown(declared: &Declared) -> Vec<String> {
    let mut lines = Vec::new();
    for cluster in &declared.clusters {
        let mode = cluster.mode.as_ref().map_or("-".to_owned(), |mode| mode.value.to_string());
        lines.push(format!("[{}] {mode}", cluster_name(cluster)));
        for entry in &cluster.entries {
            let principal = match &entry.principal.value {
                PrincipalRef::Arn(arn) => arn.to_string(),
                PrincipalRef::Unknown { reason, .. } => format!("?({reason})"),
                other => format!("{other:?}"),
            };
            let mut line = format!("{}: {principal} {}", entry.label, entry.kind.value);
            if let Some(username) = &entry.username {
                line.push_str(&format!(" user={}", username.value));
            }
            if let Some(groups) = &entry.groups {
                let groups: Vec<&str> = groups.iter().map(|group| group.value.as_str()).collect();
                line.push_str(&format!(" groups={}", groups.join(",")));
            }
            for policy in &entry.policies {
                let name = match &policy.policy.value {
                    PolicyRef::Arn(arn) => arn.name().to_string(),
                    other => format!("{other:?}"),
                };
                line.push_str(&format!(" {name}@{}", policy.scope.value));
            }
            for (key, value) in &entry.tags {
                line.push_str(&format!(" {key}={value}"));
            }
            lines.push(line);
        }
    }
    lines
}

/// Compares lists, and shows them a line each where they differ.
#[track_caller]
pub(crate) fn same(got: Vec<String>, expected: &[&str]) {
    assert!(got == expected, "got {got:#?}");
}
