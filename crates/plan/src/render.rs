//! A plan as people read it: what is done as Terraform shows it, then what it means for whom.

use std::fmt::Write;

use entryway_analysis::{Difference, SignIn, lines};

use crate::{Change, ChangeKind, ClusterPlan, FieldChange, Item, Plan, WhyLeftAlone};

/// The whole plan. Lines end with `\n`; no colours.
pub fn plan_text(plan: &Plan) -> String {
    let mut text = String::new();
    for cluster in &plan.clusters {
        cluster_text(cluster, &mut text);
    }
    for trouble in &plan.trouble {
        let _ = writeln!(text, "Cluster {} could not be planned: {}\n", trouble.cluster, trouble.message);
    }
    for cluster in plan.clusters.iter().filter(|cluster| cluster.lock_out.is_some()) {
        let reasons = cluster.lock_out.iter().flat_map(|lock_out| &lock_out.reasons);
        for reason in reasons {
            let _ = writeln!(text, "Lock-out on cluster {}: {reason}", cluster.cluster.name);
        }
        if !plan.allow_lockout {
            let _ = writeln!(text, "Refused; `--allow-lockout` does it all the same.\n");
        }
    }
    let count =
        |kind| plan.clusters.iter().flat_map(|cluster| &cluster.changes).filter(|change| change.kind == kind).count();
    let (create, update) = (count(ChangeKind::Create), count(ChangeKind::Update));
    let (replace, delete) = (count(ChangeKind::Replace), count(ChangeKind::Delete));
    if create + update + replace + delete == 0 {
        text.push_str(match (plan.trouble.is_empty(), plan.clusters.is_empty()) {
            (true, _) => "Nothing to do: access is as declared.\n",
            (false, false) => "Nothing to do on the other clusters: access is as declared there.\n",
            (false, true) => "Nothing could be planned.\n",
        });
    } else {
        let _ =
            writeln!(text, "Plan: {create} to create, {update} to update, {replace} to replace, {delete} to delete.");
    }
    text
}

fn cluster_text(plan: &ClusterPlan, text: &mut String) {
    let is_told = |why: WhyLeftAlone| !matches!(why, WhyLeftAlone::MadeByEks(_));
    let left: Vec<_> = plan.left_alone.iter().filter(|left| is_told(left.why)).collect();
    if plan.changes.is_empty() && left.is_empty() && plan.notes.is_empty() {
        return;
    }
    let _ = writeln!(text, "Cluster {} ({}, {})\n", plan.cluster.name, plan.cluster.region, plan.cluster.account);
    for change in &plan.changes {
        change_text(change, text);
    }
    let gaps = plan.steps.iter().filter_map(|step| Some((step.action.principal()?, step.gap.as_ref()?)));
    for (principal, gap) in gaps {
        let _ = writeln!(text, "  For a moment {principal} has less than before and after: {gap}.");
    }
    for left in left {
        let why = match left.why {
            WhyLeftAlone::NotManaged => "as declared, but not managed here (--adopt takes it over)",
            WhyLeftAlone::NotManagedAndDiffers => "not as declared, and not managed here (--adopt changes it)",
            WhyLeftAlone::Undeclared => "not declared, and not managed here (--prune deletes it)",
            WhyLeftAlone::MadeByEks(_) => continue,
        };
        let _ = writeln!(text, "    {} is {why}", left.principal);
    }
    for note in &plan.notes {
        let _ = writeln!(text, "  Note: {note}");
    }
    if !plan.changes.is_empty() {
        text.push('\n');
        text.push_str(&meaning_text(&plan.meaning));
    }
    text.push('\n');
}

fn change_text(change: &Change, text: &mut String) {
    let item = match &change.item {
        Item::Mode => "authentication mode".to_owned(),
        Item::Policy(name) => format!("policy {name}"),
        Item::Object(id) => id.clone(),
        Item::Entry(principal) => format!("access entry {principal}"),
    };
    let word = match change.kind {
        ChangeKind::Create => "create",
        ChangeKind::Update => "update in place",
        ChangeKind::Replace => "replace",
        ChangeKind::Delete => "delete",
    };
    let label = change.label.as_ref().map(|label| format!(" [{label}]")).unwrap_or_default();
    let reason = change.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let _ = writeln!(text, "  {:>3} {item}{label} ({word}{reason})", change.kind.sign());
    let width = change.fields.iter().map(|field| field.field.len()).max().unwrap_or_default();
    for FieldChange { field, before, after } in &change.fields {
        let value = match (before, after) {
            (None, Some(after)) => format!("+ {field:width$} = {after}"),
            (Some(before), None) => format!("- {field:width$} = {before}"),
            (Some(before), Some(after)) => format!("~ {field:width$} = {before} -> {after}"),
            (None, None) => continue,
        };
        let _ = writeln!(text, "        {value}");
    }
}

/// What a change means: who gains and who loses what.
pub fn meaning_text(differences: &[Difference]) -> String {
    let mut text = String::from("  What it means\n");
    if differences.is_empty() {
        text.push_str("    nobody gains or loses anything\n");
    }
    for difference in differences {
        let session = difference.session.as_ref().map(|name| format!(", session {name}")).unwrap_or_default();
        let _ = writeln!(text, "    {}{session}", difference.subject);
        match (&difference.before, &difference.after) {
            (None, Some(after)) => {
                let _ = writeln!(text, "      + can sign in, as {}", shown(after));
            }
            (Some(before), None) => {
                let _ = writeln!(text, "      - can no longer sign in (was {})", shown(before));
            }
            (Some(before), Some(after)) if before != after => {
                let _ = writeln!(text, "      ~ is {} -> {}", shown(before), shown(after));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        lines(&difference.gains).iter().for_each(|line| {
            let _ = writeln!(text, "      + gains: {}", folded(line));
        });
        lines(&difference.loses).iter().for_each(|line| {
            let _ = writeln!(text, "      - loses: {}", folded(line));
        });
    }
    text
}

/// A line of at most so many characters: what a large policy gives would else be one of thousands.
const WIDEST: usize = 96;

/// A long list, broken behind its commas; later lines stand under the first.
fn folded(line: &str) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for part in line.split_inclusive(',') {
        let wide = part.chars().count();
        // What follows a blank is of the namespaces at the end, which stay together.
        if width > 0 && width + wide > WIDEST && !part.starts_with(' ') {
            text.push_str("\n               ");
            width = 0;
        }
        text.push_str(part);
        width += wide;
    }
    text
}

fn shown(sign_in: &SignIn) -> String {
    match sign_in.groups.as_slice() {
        [] => sign_in.username.clone(),
        groups => format!("{} in {}", sign_in.username, groups.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_folded_and_lose_nothing() {
        let long = (0..60).map(|n| format!("resource{n}.group")).collect::<Vec<_>>().join(",") + " in team-*";
        let shown = folded(&long);
        assert!(shown.lines().count() > 5 && shown.lines().all(|line| line.len() <= WIDEST + 15), "{shown}");
        assert_eq!(shown.split_whitespace().collect::<String>(), long.replace(' ', ""));
        assert_eq!(folded("everything in a, b"), "everything in a, b");
    }

    #[test]
    fn nothing_to_do_is_said_of_what_was_looked_at_alone() {
        let arn = "arn:aws:eks:us-east-1:111122223333:cluster/demo".parse().unwrap();
        let cluster = ClusterPlan {
            cluster: arn,
            state: String::new(),
            changes: Vec::new(),
            steps: Vec::new(),
            left_alone: Vec::new(),
            meaning: Vec::new(),
            notes: Vec::new(),
            lock_out: None,
        };
        let trouble = || crate::Trouble { cluster: "two".to_owned(), message: "gone".to_owned() };
        for (clusters, trouble, last) in [
            (vec![cluster.clone()], vec![], "Nothing to do: access is as declared."),
            (vec![cluster], vec![trouble()], "Nothing to do on the other clusters: access is as declared there."),
            (vec![], vec![trouble()], "Nothing could be planned."),
        ] {
            let made_at = jiff::Timestamp::UNIX_EPOCH;
            let plan = Plan { format_version: "1.0".to_owned(), made_at, allow_lockout: false, clusters, trouble };
            assert_eq!(plan_text(&plan).lines().last(), Some(last));
        }
    }
}
