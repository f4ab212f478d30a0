//! Evaluation against a naive model that reads the JSON anew for each question, as plainly as can be.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of `#[test]`"
)]

use std::collections::BTreeMap;

use entryway_iam::policy::{Context, Denied, PolicyDocument, PolicySet, Request, TrustPolicy, evaluate};
use proptest::prelude::*;
use serde_json::{Value, json};

type Facts = BTreeMap<String, Vec<String>>;

fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => like(&pattern[1..], text) || (!text.is_empty() && like(pattern, &text[1..])),
        (Some(b'?'), Some(_)) => like(&pattern[1..], &text[1..]),
        (Some(a), Some(b)) if a == b => like(&pattern[1..], &text[1..]),
        _ => false,
    }
}

fn arn_like(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == 6
        && parts.len() == 6
        && patterns.iter().zip(&parts).all(|(pattern, part)| like(pattern.as_bytes(), part.as_bytes()))
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

fn condition_holds(operator: &str, wanted: &[String], found: Option<&Vec<String>>) -> bool {
    let one = |operator: &str, value: &str| match operator {
        "StringEquals" | "StringNotEquals" => wanted.iter().any(|w| w == value),
        "StringLike" | "StringNotLike" => wanted.iter().any(|w| like(w.as_bytes(), value.as_bytes())),
        other => panic!("{other}"),
    };
    if operator == "Null" {
        return wanted[0] == if found.is_none_or(Vec::is_empty) { "true" } else { "false" };
    }
    let found = found.filter(|values| !values.is_empty());
    let bare = operator.rsplit(':').next().unwrap().trim_end_matches("IfExists");
    let not = bare.contains("Not");
    match found {
        None if operator.starts_with("ForAllValues") || operator.ends_with("IfExists") => true,
        None if operator.starts_with("ForAnyValue") => false,
        None => not,
        Some(found) if operator.starts_with("ForAllValues") => found.iter().all(|value| one(bare, value) != not),
        Some(found) if operator.starts_with("ForAnyValue") => found.iter().any(|value| one(bare, value) != not),
        Some(found) if not => !found.iter().any(|value| one(bare, value)),
        Some(found) => found.iter().any(|value| one(bare, value)),
    }
}

fn applies(statement: &Value, action: &str, resource: &str, facts: &Facts) -> bool {
    let act = |value: &Value| {
        list(value).iter().any(|pattern| like(pattern.to_lowercase().as_bytes(), action.to_lowercase().as_bytes()))
    };
    let res = |value: &Value| list(value).iter().any(|pattern| arn_like(pattern, resource));
    let by_action = statement.get("Action").map_or_else(|| !act(&statement["NotAction"]), act);
    let by_resource = statement.get("Resource").map_or_else(|| !res(&statement["NotResource"]), res);
    let conditions = statement["Condition"].as_object().unwrap();
    by_action
        && by_resource
        && conditions.iter().all(|(operator, keys)| {
            keys.as_object()
                .unwrap()
                .iter()
                .all(|(key, values)| condition_holds(operator, &list(values), facts.get(key)))
        })
}

fn naive(policies: &[Value], action: &str, resource: &str, facts: &Facts) -> &'static str {
    let hit: Vec<&Value> = policies
        .iter()
        .flat_map(|policy| policy["Statement"].as_array().unwrap())
        .filter(|statement| applies(statement, action, resource, facts))
        .collect();
    if hit.iter().any(|statement| statement["Effect"] == "Deny") {
        "explicit deny"
    } else if hit.is_empty() {
        "implicit deny"
    } else {
        "allow"
    }
}

fn one_or_more(item: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![item.clone().prop_map(Value::String), prop::collection::vec(item, 1..3).prop_map(|items| json!(items)),]
}

fn condition() -> impl Strategy<Value = (String, Value)> {
    let compare = (
        "(ForAllValues:|ForAnyValue:|)String(Equals|NotEquals|Like|NotLike)(IfExists|)",
        one_or_more("[ab*?]{1,2}".boxed()),
    );
    let null = ("Null", one_or_more("true|false".boxed()).prop_map(|value| json!(list(&value)[0])));
    ("x:[pqr]", prop_oneof![4 => compare, 1 => null])
        .prop_map(|(key, (operator, values))| (operator, json!({ key: values })))
}

fn statement() -> impl Strategy<Value = Value> {
    let action = one_or_more("eks:[AB*?]{1,3}|EKS:a\\*|\\*".boxed());
    let resource = one_or_more("arn:aws:eks:[ab*?]{1,2}:[12*]:c/[xy*?]{1,3}|\\*".boxed());
    (any::<bool>(), any::<bool>(), any::<bool>(), action, resource, prop::collection::vec(condition(), 0..3)).prop_map(
        |(deny, not_action, not_resource, action, resource, conditions)| {
            json!({
                "Effect": if deny { "Deny" } else { "Allow" },
                (if not_action { "NotAction" } else { "Action" }): action,
                (if not_resource { "NotResource" } else { "Resource" }): resource,
                "Condition": conditions.into_iter().collect::<serde_json::Map<_, _>>(),
            })
        },
    )
}

fn policy() -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(), 1..4).prop_map(|list| json!({"Version": "2012-10-17", "Statement": list}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn agrees_with_the_naive_model(
        policies in prop::collection::vec(policy(), 1..3),
        action in "eks:[AB]{1,3}",
        resource in "arn:aws:eks:[ab]{1,2}:[12]:c/[xy:]{1,3}|\\*",
        facts in prop::collection::btree_map("x:[pqr]", prop::collection::vec("[ab]{1,2}", 0..3), 0..3),
    ) {
        let documents: Vec<_> = policies.iter().map(|p| PolicyDocument::parse(&p.to_string()).unwrap()).collect();
        let mut context = Context::new();
        for (key, values) in &facts {
            context.set_all(&key.to_uppercase(), values.clone());
        }
        let set = PolicySet { identity: documents.iter().collect(), ..PolicySet::default() };
        let verdict = match evaluate(&set, &Request { action: &action, resource: &resource, context: &context }) {
            Ok(_) => "allow",
            Err(Denied::Explicit(_)) => "explicit deny",
            Err(Denied::Implicit(_)) => "implicit deny",
        };
        prop_assert_eq!(verdict, naive(&policies, &action, &resource, &facts));
    }

    #[test]
    fn boundary_and_session_only_take_away(
        own in policy(), boundary in policy(), session in policy(), action in "eks:[AB]{1,3}",
    ) {
        let [own, boundary, session] = [own, boundary, session].map(|p| PolicyDocument::parse(&p.to_string()).unwrap());
        let context = Context::new();
        let request = Request { action: &action, resource: "arn:aws:eks:a:1:c/x", context: &context };
        let may = |set: &PolicySet<'_>| evaluate(set, &request).is_ok();
        let alone = |document| may(&PolicySet { identity: vec![document], ..PolicySet::default() });
        let all = may(&PolicySet { identity: vec![&own], boundary: Some(&boundary), session: vec![&session] });
        prop_assert_eq!(all, alone(&own) && alone(&boundary) && alone(&session));
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        prop_assert!(PolicyDocument::parse(&text).is_err());
        prop_assert!(TrustPolicy::parse(&text).is_err());
    }

    #[test]
    fn arbitrary_strings_in_a_policy_never_panic(
        action in ".{0,20}", resource in ".{0,30}|arn:aws:[a-z$\\{\\}:*]{0,20}", operator in ".{0,20}", key in ".{0,10}",
        principal in ".{0,30}|arn:aws:.{0,30}", value in ".{0,20}",
    ) {
        let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": resource,
            "Condition": {operator: {key: value}}});
        if let Ok(document) = PolicyDocument::parse(&json!({"Statement": [statement]}).to_string()) {
            let set = PolicySet { identity: vec![&document], ..PolicySet::default() };
            let _ = evaluate(&set, &Request { action: &action, resource: &resource, context: &Context::new() });
        }
        statement.as_object_mut().unwrap().remove("Resource");
        statement["Principal"] = json!({"AWS": principal});
        let _ = TrustPolicy::parse(&json!({"Statement": [statement]}).to_string()).is_ok();
    }
}
