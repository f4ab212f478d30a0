use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::registry::Registry;

fn message(text: &str) -> String {
    LabelSelector::parse(text).unwrap_err().message
}

#[test]
fn label_selectors() {
    let object = json!({"metadata": {"labels": {"n": "1", "odd": "1", "size": "12"}}});
    for (text, want) in [
        ("", true),
        ("n", true),
        ("!n", false),
        ("n=1", true),
        ("n==2", false),
        ("n!=2", true),
        ("x!=2", true),
        ("n in (1,2)", true),
        ("n notin (1,2)", false),
        ("x notin (1)", true),
        ("size>3", true),
        ("size<3", false),
        ("n=1,odd=0", false),
        ("n = 1 , odd in ( 1 )", true),
        ("x in ()", false),
        ("!x,n", true),
        ("x=", false),
    ] {
        assert_eq!(LabelSelector::parse(text).unwrap().matches(&object), want, "{text}");
    }
}

#[test]
fn label_selector_errors() {
    assert_eq!(message("a===b"), "unable to parse requirement: found '=', expected: identifier");
    assert_eq!(message("a b"), "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
    assert_eq!(message("a in b"), "unable to parse requirement: found 'b' expected: '('");
    assert_eq!(message("a,"), "found '', expected: identifier after ','");
    assert_eq!(message("=x"), "found '=', expected: !, identifier, or 'end of string'");
    assert!(message("-a=b").starts_with("unable to parse requirement: <nil>: Invalid value: \"-a\": name part must"));
    assert!(message("a=-").starts_with("unable to parse requirement: values[0][a]: Invalid value: \"-\": a valid"));
}

#[test]
fn field_selectors() {
    let registry = Registry::builtin();
    let type_of = |group: &str, plural: &str| registry.find(group, "v1", plural).unwrap();
    let maps = type_of("", "configmaps");
    let error = FieldSelector::parse(&maps, "data.x=1").unwrap_err().message;
    assert_eq!(error, "\"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
    let selector = FieldSelector::parse(&maps, "metadata.name=l3,metadata.namespace!=x").unwrap();
    assert_eq!(selector.name(), Some("l3"));
    assert!(selector.matches(&maps, &json!({"metadata": {"name": "l3", "namespace": "y"}})));
    let pods = type_of("", "pods");
    let error = FieldSelector::parse(&pods, "spec.x=1").unwrap_err().message;
    assert_eq!(error, "field label not supported: spec.x");
    let selector = FieldSelector::parse(&pods, "spec.hostNetwork=false,status.phase!=Failed").unwrap();
    assert!(selector.matches(&pods, &json!({"status": {"phase": "Pending"}})));
    let error = FieldSelector::parse(&pods, "x").unwrap_err().message;
    assert_eq!(error, "invalid selector: 'x'; can't understand 'x'");
}

proptest! {
    #[test]
    fn any_text_is_answered(text in ".{0,60}", syntax in "[a-z=!(),<> ]{0,30}") {
        let pods = Registry::builtin().find("", "v1", "pods").unwrap();
        for text in [text, syntax] {
            let _ = LabelSelector::parse(&text);
            let _ = FieldSelector::parse(&pods, &text);
        }
    }
}
