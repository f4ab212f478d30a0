//! The same round trips for the formats of other tools: YAML that the readers here take back.

use entryway_formats::{Declared, ReadOptions, Severity, Source, Target, export, read};
use proptest::prelude::*;

use crate::worlds::{Words, declared, meaning};

/// Written, and read back; nothing may be lost, and nothing be wrong.
fn through(declared: &Declared, target: Target) -> Result<(Declared, String), TestCaseError> {
    let written = export(declared, target);
    prop_assert!(written.diagnostics.iter().all(|said| said.severity == Severity::Note), "{:?}", written.diagnostics);
    let read = read(&Source::new("a.yaml", written.value.clone()), &ReadOptions::default());
    prop_assert!(!read.has_errors(), "{:?}\n{}", read.diagnostics, written.value);
    Ok((read.value, written.value))
}

/// Own file, the target, and the own file again.
fn there_and_back(original: &Declared, target: Target) -> Result<(), TestCaseError> {
    let (own, _) = through(original, Target::Entryway)?;
    let (there, text) = through(&own, target)?;
    let (back, _) = through(&there, Target::Entryway)?;
    prop_assert_eq!(meaning(&back), meaning(original), "{}", text);
    Ok(())
}

/// Without what a manifest of entries has no words for: modes, and clusters without entries.
fn of_entries(mut declared: Declared) -> Declared {
    declared.clusters.retain(|cluster| !cluster.entries.is_empty());
    declared.clusters.iter_mut().for_each(|cluster| cluster.mode = None);
    declared
}

fn without_tags(mut declared: Declared) -> Declared {
    for entry in declared.clusters.iter_mut().flat_map(|cluster| &mut cluster.entries) {
        entry.tags.clear();
        entry.expires = None;
        entry.policies.iter_mut().for_each(|policy| policy.expires = None);
    }
    declared.clusters.truncate(1);
    declared
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn eksctl_keeps_what_it_can_say(original in declared(Words { own: false })) {
        there_and_back(&without_tags(original), Target::Eksctl)?;
    }

    #[test]
    fn ack_keeps_what_it_can_say(original in declared(Words { own: false })) {
        there_and_back(&of_entries(original), Target::Ack)?;
    }

    #[test]
    fn crossplane_keeps_what_it_can_say(original in declared(Words { own: false })) {
        there_and_back(&of_entries(original), Target::Crossplane)?;
    }

    #[test]
    fn cloudformation_keeps_what_it_can_say(original in declared(Words { own: false })) {
        // A template is of one region, and does not say which.
        let mut original = of_entries(original);
        original.clusters.truncate(1);
        let there = export(&original, Target::CloudFormation);
        let region = original.clusters.first().and_then(|cluster| match &cluster.selector.value {
            entryway_formats::ClusterSelector::Named { region, .. } => region.clone(),
            _ => None,
        });
        let options = ReadOptions { region, ..ReadOptions::default() };
        let back = read(&Source::new("a.yaml", there.value.clone()), &options);
        prop_assert!(!back.has_errors(), "{:?}\n{}", back.diagnostics, there.value);
        prop_assert_eq!(meaning(&back.value), meaning(&original), "{}", there.value);
    }
}
