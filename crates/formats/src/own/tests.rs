//! The schema and the page for people say what the reader takes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{body, read, rules, schema};
use crate::{ReadOptions, Source};

fn set<'k>(keys: impl IntoIterator<Item = &'k str>) -> BTreeSet<&'k str> {
    keys.into_iter().collect()
}

fn properties<'s>(schema: &'s Value, pointer: &str) -> BTreeSet<&'s str> {
    let object = schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
    assert_eq!(object["additionalProperties"], Value::Bool(false), "{pointer}");
    set(object["properties"].as_object().expect("properties").keys().map(String::as_str))
}

#[test]
fn the_schema_has_the_readers_keys() {
    let schema: Value = serde_json::from_str(schema()).expect("JSON");
    assert_eq!(properties(&schema, ""), set(read::FILE_KEYS));
    assert_eq!(properties(&schema, "/$defs/cluster"), set(read::CLUSTER_KEYS));
    assert_eq!(properties(&schema, "/$defs/entry"), set(read::ENTRY_KEYS));
    assert_eq!(properties(&schema, "/$defs/principal"), set(read::PRINCIPAL_KEYS));
    assert_eq!(properties(&schema, "/$defs/grant"), set(body::BODY_KEYS.into_iter().chain(["principals"])));
    assert_eq!(properties(&schema, "/$defs/scopedPolicy"), set(body::POLICY_KEYS));
    assert_eq!(properties(&schema, "/$defs/policy"), set(rules::POLICY_KEYS));
    assert_eq!(properties(&schema, "/$defs/rule"), set(rules::RULE_KEYS));
    let types = set(schema["$defs"]["type"]["enum"].as_array().expect("types").iter().filter_map(Value::as_str));
    assert_eq!(types, set(entryway_access::EntryType::ALL.into_iter().map(entryway_access::EntryType::as_str)));
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    fn walk(value: &Value, schema: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    assert!(schema.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                }
                members.values().for_each(|member| walk(member, schema));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, schema)),
            _ => {}
        }
    }
    let schema: Value = serde_json::from_str(schema()).expect("JSON");
    walk(&schema, &schema);
}

#[test]
fn every_example_of_the_page_is_read_without_a_word() {
    let page = include_str!("../../../../docs/access-file.md");
    let examples: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 9, "{}", examples.len());
    for example in examples {
        let read = crate::read(&Source::new("example.yaml", example), &ReadOptions::default());
        let said: Vec<String> = read.diagnostics.iter().map(|said| said.message.clone()).collect();
        assert!(said.is_empty(), "{said:#?}\n{example}");
        assert!(example.contains("clusters: []") || !read.value.clusters.is_empty(), "{example}");
    }
}
