//! A migration as people read it: each line and what becomes of it, what can't be carried over, what it means.

use std::fmt::Write;

use entryway_plan::{ActualCluster, Fate, Migration, MigrationPhase, meaning_text};

use crate::output::count;

/// The whole report.
pub(super) fn text(cluster: &ActualCluster, migration: &Migration) -> String {
    let mut text = String::new();
    let name = &cluster.arn.name;
    let phase = match migration.phase {
        MigrationPhase::Check => "its lines are not all carried over yet",
        MigrationPhase::Applied if migration.lines.is_empty() => "its aws-auth has no lines",
        MigrationPhase::Applied => "entries stand for its lines",
        MigrationPhase::Finished => "aws-auth no longer counts",
    };
    let _ = writeln!(text, "Cluster {name} ({}): {phase}", cluster.mode);
    if !migration.lines.is_empty() {
        text.push_str("\nLines of aws-auth\n");
    }
    for line in &migration.lines {
        let fate = match &line.fate {
            Fate::Carried { principal } if principal.as_str() == line.principal => "becomes an entry".to_owned(),
            Fate::Carried { principal } => format!("becomes an entry of {principal}"),
            Fate::Dead { why } => format!("maps nobody today: {why}"),
            Fate::HasEntry => "has an entry already, which wins over the line".to_owned(),
            Fate::NotCarried => "can't become an entry".to_owned(),
            Fate::Broken { why } => format!("is broken: {why}"),
        };
        let whom = if line.principal.is_empty() { String::new() } else { format!("{} ", line.principal) };
        let _ = writeln!(text, "  {}: {whom}{fate}", line.source);
    }
    if !migration.not_carried.is_empty() {
        text.push_str("\nWhat an entry can't say\n");
    }
    for one in &migration.not_carried {
        let _ = writeln!(text, "  {}: {} of {}: {}", one.source, one.what, one.principal, one.why);
        let _ = writeln!(text, "    instead: {}", one.proposal);
    }
    if !migration.notes.is_empty() {
        text.push_str("\nNotes\n");
    }
    for note in &migration.notes {
        let _ = writeln!(text, "  {note}");
    }
    let steps: usize = migration.apply.clusters.iter().map(|cluster| cluster.steps.len()).sum();
    let _ = writeln!(text, "\nIn the end, in mode API, against today");
    text.push_str(&meaning_text(&migration.comparison));
    match migration.phase {
        MigrationPhase::Check => {
            let _ =
                writeln!(text, "\n{}: `entryway migrate -c {name} --apply` does it.", count(steps, "step", "steps"));
        }
        MigrationPhase::Applied => {
            let _ = writeln!(text, "\n`entryway migrate -c {name} --finish` turns aws-auth off, for good.");
        }
        MigrationPhase::Finished => {}
    }
    text
}
