//! Own file → each format → own file: nothing gets lost that the target can say.

use entryway_formats::{Declared, ReadOptions, Source, Target, export, read};
use proptest::prelude::*;

use crate::worlds::{Words, declared, meaning};

/// Writes, reads back, and gives what was read with the text.
fn through(declared: &Declared, target: Target, name: &str) -> (Declared, String) {
    let written = export(declared, target);
    // `apply` puts the mode into the cluster, which is not among plain resources.
    let lost = written.diagnostics.iter().find(|said| said.severity > entryway_formats::Severity::Note);
    assert!(lost.is_none(), "{lost:?}\n{}", written.value);
    let source = Source::new(name, written.value.clone());
    let read = read(&source, &ReadOptions::default());
    let errors: Vec<_> = read
        .diagnostics
        .iter()
        .filter(|said| said.severity == entryway_formats::Severity::Error)
        .map(|said| format!("{} at {:?}", said.message, said.place.as_ref().map(|place| place.line_and_column())))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{}", written.value);
    (read.value, written.value)
}

/// What comes from a target, said once more in Entryway's file.
fn there_and_back(original: &Declared, target: Target, name: &str) -> Result<(), TestCaseError> {
    let (own, _) = through(original, Target::Entryway, "access.yaml");
    prop_assert_eq!(meaning(&own), meaning(original));
    let (there, text) = through(&own, target, name);
    let (back, _) = through(&there, Target::Entryway, "access.yaml");
    let without_modes = |lines: Vec<String>| -> Vec<String> {
        let keep = |line: String| match line.strip_prefix("cluster ") {
            Some(_) if target == Target::TerraformResources => "cluster".to_owned(),
            _ => line,
        };
        lines.into_iter().map(keep).collect()
    };
    prop_assert_eq!(without_modes(meaning(&back)), without_modes(expected(original, target)), "{}", text);
    Ok(())
}

/// What a target adds of its own: the module's default of the mode. Resources name a cluster only through its
/// entries.
fn expected(original: &Declared, target: Target) -> Vec<String> {
    let mut original = original.clone();
    if target == Target::TerraformModule {
        let default = entryway_access::AuthenticationMode::ApiAndConfigMap;
        for cluster in &mut original.clusters {
            cluster.mode.get_or_insert(entryway_formats::Placed::nowhere(default));
        }
    }
    if target == Target::TerraformResources {
        original.clusters.retain(|cluster| !cluster.entries.is_empty());
    }
    meaning(&original)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_own_file_says_everything(original in declared(Words { own: true })) {
        let (own, text) = through(&original, Target::Entryway, "access.yaml");
        prop_assert_eq!(meaning(&own), meaning(&original), "{}", text);
    }

    #[test]
    fn the_eks_module_keeps_what_it_can_say(original in declared(Words { own: false })) {
        there_and_back(&original, Target::TerraformModule, "main.tf")?;
    }

    #[test]
    fn terraform_resources_keep_what_they_can_say(original in declared(Words { own: false })) {
        there_and_back(&original, Target::TerraformResources, "main.tf")?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever stood in the file, after an import it says what is in force, in whatever order.
    #[test]
    fn an_import_brings_the_file_to_what_is_in_force(
        before in declared(Words { own: false }),
        actual in declared(Words { own: false }),
    ) {
        let text = export(&before, Target::Entryway).value;
        let source = Source::new("access.yaml", text.clone());
        let written = entryway_formats::update(&source, &actual, &ReadOptions::default());
        let again = read(&Source::new("access.yaml", written.value.clone()), &ReadOptions::default());
        prop_assert!(!again.has_errors(), "{:?}\n{}\n---\n{}", again.diagnostics, text, written.value);
        let sorted = |declared: &Declared| {
            let mut declared = declared.clone();
            for cluster in &mut declared.clusters {
                cluster.mode = None;
                for entry in &mut cluster.entries {
                    entry.groups.take_if(|groups| groups.is_empty());
                    for groups in entry.groups.iter_mut() {
                        groups.sort_by(|a, b| a.value.cmp(&b.value));
                        groups.dedup_by(|a, b| a.value == b.value);
                    }
                    entry.username.take_if(|name| name.value.is_empty());
                }
            }
            let mut lines = meaning(&declared);
            lines.sort();
            lines
        };
        // Clusters that only the file has stay in it.
        let mut expected = actual.clone();
        let known = |declared: &Declared, cluster: &entryway_formats::DeclaredCluster| {
            declared.clusters.iter().any(|one| one.selector.value == cluster.selector.value)
        };
        expected.clusters.extend(before.clusters.iter().filter(|cluster| !known(&actual, cluster)).cloned());
        prop_assert_eq!(sorted(&again.value), sorted(&expected), "{}\n---\n{}", text, written.value);
    }
}
