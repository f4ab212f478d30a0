//! `entryway drift`: what is otherwise than declared, and who changed it, where an audit log tells.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use entryway_access::{ClusterArn, ClusterName};
use entryway_plan::{Drift, DriftItem, DriftKind, Item, drift};
use serde_json::Value;

use crate::args::Global;
use crate::declared::FileArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::fleet::{self, FleetFlags, Look};
use crate::output::{self, Format};

/// What may be written behind `drift`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  entryway drift\n  entryway drift access.yaml --trail cloudtrail.json")]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    fleet: FleetFlags,
    /// Records of CloudTrail (`{"Records": […]}`, a list, or one a line) that tell who changed what; repeatable
    #[arg(long, value_name = "FILE")]
    trail: Vec<PathBuf>,
}

/// Compares. Exit 1 where something differs.
pub(crate) async fn run(global: &Global, args: DriftArgs) -> Result<Exit, CliError> {
    let mut records = Vec::new();
    for file in &args.trail {
        records.extend(trail(file)?);
    }
    let look = fleet::look(global, &args.files, &args.fleet).await?;
    let mut drift = drift(&look.desired, &look.world, look.now);
    records.extend(own_records(&look, &drift).await);
    drift.add_history(&records);
    match global.format() {
        Format::Table | Format::Wide => output::print(&text(&drift))?,
        Format::Name => output::print(&drift.items.iter().map(|one| format!("{}\n", named(one))).collect::<String>())?,
        format @ (Format::Json | Format::Yaml) => {
            let value = serde_json::to_value(&drift).map_err(|error| CliError::new(error.to_string()))?;
            output::value(format, &value)?;
        }
    }
    match (drift.trouble.is_empty(), drift.items.is_empty()) {
        (false, _) => Ok(Exit::Failed),
        (true, true) => Ok(Exit::Yes),
        (true, false) => Ok(Exit::No),
    }
}

/// What Entryway's control plane recorded of the clusters that differ. EKS keeps no such records (CloudTrail does); where
/// they can't be read, that is said.
async fn own_records(look: &Look, drift: &Drift) -> Vec<Value> {
    let mut records = Vec::new();
    let about_policies = |item: &&DriftItem| matches!(item.item, Item::Policy(_));
    let mut wanted: Vec<(&ClusterArn, Option<&ClusterName>)> =
        drift.items.iter().map(|item| (&item.cluster, Some(&item.cluster.name))).collect();
    // A policy is of no cluster.
    wanted.extend(drift.items.iter().filter(about_policies).map(|item| (&item.cluster, None)));
    wanted.sort();
    wanted.dedup();
    for (arn, cluster) in wanted {
        let read = match look.fleet.place(&arn.region, &arn.account).await {
            Ok(aws) => aws.audit_changes(cluster).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(told) => records.extend(told.into_iter().flatten()),
            Err(error) => output::note(&format!("who changed what on {} is not known: {error}", arn.name)),
        }
    }
    records
}

fn trail(path: &Path) -> Result<Vec<Value>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::io("can't read", path, &error))?;
    let wrong = |error: serde_json::Error| {
        CliError::new(format!("`{}` holds no records of CloudTrail: {error}", path.display()))
    };
    let mut records = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        match value.map_err(wrong)? {
            Value::Array(list) => records.extend(list),
            Value::Object(mut map) => match map.remove("Records") {
                Some(Value::Array(list)) => records.extend(list),
                _ => records.push(Value::Object(map)),
            },
            _ => {}
        }
    }
    Ok(records)
}

fn named(item: &DriftItem) -> String {
    match &item.item {
        Item::Mode => "authentication mode".to_owned(),
        Item::Policy(name) => format!("policy {name}"),
        Item::Object(name) => name.clone(),
        Item::Entry(principal) => principal.to_string(),
    }
}

fn text(drift: &Drift) -> String {
    let mut text = String::new();
    for item in &drift.items {
        let what = match item.kind {
            DriftKind::Missing => "is declared, and not there",
            DriftKind::Differs => "differs from what is declared",
            DriftKind::Undeclared => "is there, and not declared",
        };
        let _ = writeln!(text, "{}: {} {what}", item.cluster.name, named(item));
        if let Some(reason) = &item.reason {
            let _ = writeln!(text, "  {reason}");
        }
        // What a deleted or missing thing consists of is not what differs.
        for field in item.fields.iter().filter(|_| item.kind == DriftKind::Differs) {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
            let _ = writeln!(text, "  {}: is {}, declared {}", field.field, shown(&field.before), shown(&field.after));
        }
        if let Some(change) = &item.last_change {
            let _ = writeln!(text, "  last changed by {} at {} ({})", change.by, change.at, change.event);
        }
    }
    for trouble in &drift.trouble {
        let _ = writeln!(text, "{}: could not be looked at: {}", trouble.cluster, trouble.message);
    }
    if drift.items.is_empty() && drift.trouble.is_empty() {
        text.push_str("No drift: access is as declared.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_in_each_of_their_wrappings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.json");
        for text in ["{\"Records\": [{\"a\": 1}, {\"a\": 2}]}", "[{\"a\": 1}, {\"a\": 2}]", "{\"a\": 1}\n{\"a\": 2}\n"]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(trail(&path).unwrap().len(), 2, "{text}");
        }
        std::fs::write(&path, "{").unwrap();
        assert!(trail(&path).unwrap_err().to_string().contains("CloudTrail"));
    }
}
