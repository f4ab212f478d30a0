//! `terraform show -json` of plans.

use serde_json::{Value, json};

use crate::common::{read_as, said, shown};

fn read_json(value: &Value) -> entryway_formats::Read<entryway_formats::Declared> {
    read_as("plan.json", &serde_json::to_string_pretty(value).unwrap())
}

fn entry(key: &str, after: Value, after_unknown: Value, actions: Value) -> (Value, Value) {
    let address = format!("module.wrap.module.eks[\"prod\"].aws_eks_access_entry.this[\"{key}\"]");
    row(&address, "aws_eks_access_entry", key, after, after_unknown, actions)
}

fn association(key: &str, after: Value, after_unknown: Value, actions: Value) -> (Value, Value) {
    let address = format!("module.wrap.module.eks[\"prod\"].aws_eks_access_policy_association.this[\"{key}\"]");
    row(&address, "aws_eks_access_policy_association", key, after, after_unknown, actions)
}

/// A row of `planned_values` and one of `resource_changes`.
fn row(address: &str, kind: &str, key: &str, after: Value, unknown: Value, actions: Value) -> (Value, Value) {
    let planned = json!({"address": address, "mode": "managed", "type": kind, "name": "this", "index": key,
        "provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 0, "values": after});
    let change = json!({"address": address, "module_address": "module.wrap.module.eks[\"prod\"]", "mode": "managed",
        "type": kind, "name": "this", "index": key,
        "change": {"actions": actions, "before": null, "after": after, "after_unknown": unknown}});
    (planned, change)
}

fn plan(rows: Vec<(Value, Value)>, gone: Vec<Value>) -> Value {
    let (planned, mut changes): (Vec<Value>, Vec<Value>) = rows.into_iter().unzip();
    changes.extend(gone);
    json!({
        "format_version": "1.2", "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": [
            {"address": "aws_vpc.x", "mode": "managed", "type": "aws_vpc", "name": "x", "values": {"deep": [{"a": 1}]}}
        ], "child_modules": [{"address": "module.wrap", "child_modules": [
            {"address": "module.wrap.module.eks[\"prod\"]", "resources": planned}
        ]}]}},
        "resource_changes": changes,
        "configuration": {"root_module": {"module_calls": {"wrap": {"module": {"module_calls": {"eks": {"module": {
            "resources": [
                {"address": "aws_eks_access_entry.this", "type": "aws_eks_access_entry", "expressions": {
                    "cluster_name": {"references": ["aws_eks_cluster.this[0].id", "aws_eks_cluster.this[0]", "aws_eks_cluster.this"]},
                    "principal_arn": {"references": ["each.value.principal_arn", "each.value"]}}},
                {"address": "aws_eks_access_policy_association.this", "type": "aws_eks_access_policy_association", "expressions": {
                    "cluster_name": {"references": ["aws_eks_cluster.this[0].id", "aws_eks_cluster.this[0]", "aws_eks_cluster.this"]},
                    "principal_arn": {"references": ["each.value.principal_arn", "each.value"]}}}
            ]}}}}}}}}
    })
}

fn cluster() -> (Value, Value) {
    let address = "module.wrap.module.eks[\"prod\"].aws_eks_cluster.this[0]";
    let after = json!({"name": "demo", "region": "eu-west-1", "access_config": [
        {"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": false}]});
    let (mut planned, mut change) =
        row(address, "aws_eks_cluster", "", after, json!({"arn": true, "id": true}), json!(["create"]));
    planned["index"] = json!(0);
    change["index"] = json!(0);
    (planned, change)
}

#[test]
fn a_first_plan_of_the_module_is_read_with_its_unknowns() {
    let arn = "arn:aws:iam::111122223333:role/Admin";
    let admin = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
    let view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    let read = read_json(&plan(
        vec![
            cluster(),
            // Unknown: cluster and what EKS fills in.
            entry(
                "a_b",
                json!({"principal_arn": arn, "type": "STANDARD", "tags": {"k": "v"}, "tags_all": {"k": "v"}, "timeouts": null}),
                json!({"id": true, "cluster_name": true, "kubernetes_groups": true, "user_name": true, "tags": {}, "tags_all": {}}),
                json!(["create"]),
            ),
            entry(
                "new",
                json!({"type": "STANDARD", "kubernetes_groups": ["devs"], "tags": null}),
                json!({"cluster_name": true, "principal_arn": true, "kubernetes_groups": [false], "user_name": true}),
                json!(["create"]),
            ),
            association(
                "a_b_c",
                json!({"principal_arn": arn, "policy_arn": admin, "access_scope": [{"type": "cluster", "namespaces": null}]}),
                json!({"cluster_name": true, "access_scope": [{}]}),
                json!(["create"]),
            ),
            association(
                "new_x",
                json!({"policy_arn": view, "access_scope": [{"type": "namespace", "namespaces": ["a", "b-*"]}]}),
                json!({"cluster_name": true, "principal_arn": true, "access_scope": [{"namespaces": [false, false]}]}),
                json!(["create"]),
            ),
        ],
        vec![
            entry("gone", Value::Null, json!({}), json!(["delete"])).1,
            entry("forgotten", Value::Null, json!({}), json!(["forget"])).1,
        ],
    ));
    assert_eq!(
        shown(&read.value),
        [
            "[demo eu-west-1 -] API",
            "a_b: arn:aws:iam::111122223333:role/Admin STANDARD AmazonEKSClusterAdminPolicy@cluster k=v",
            "new: ?(known after apply) STANDARD groups=devs AmazonEKSViewPolicy@a, b-*",
        ]
    );
    let said = said(&read);
    assert!(said.iter().all(|line| line.contains("note the principal of `new")), "{said:#?}");
}

#[test]
fn what_is_replaced_counts_as_what_it_becomes_and_the_deposed_not_at_all() {
    let after =
        json!({"cluster_name": "demo", "principal_arn": "arn:aws:iam::111122223333:role/A", "type": "EC2_LINUX"});
    let (planned, change) = entry("a", after.clone(), json!({}), json!(["delete", "create"]));
    let mut deposed = entry("a", after, json!({}), json!(["delete"])).1;
    deposed["deposed"] = json!("abcd1234");
    let read = read_json(&plan(vec![(planned, change)], vec![deposed]));
    assert_eq!(shown(&read.value), ["[demo - -] -", "a: arn:aws:iam::111122223333:role/A EC2_LINUX"]);
}

#[test]
fn unknown_keys_may_hold_what_looks_like_an_address() {
    let arn = "arn:aws:iam::111122223333:user/x.y";
    let (planned, change) =
        entry(arn, json!({"cluster_name": "demo", "principal_arn": arn}), json!({}), json!(["no-op"]));
    let read = read_json(&plan(vec![(planned, change)], vec![]));
    assert_eq!(shown(&read.value)[1], format!("{arn}: {arn} STANDARD"));
}

#[test]
fn other_versions_and_broken_files_are_refused() {
    for (text, message) in [
        (
            r#"{"format_version":"2.0","resource_changes":[]}"#,
            "1:1 error the format version `2.0` of this plan or state is not known",
        ),
        (r#"{"version":3,"terraform_version":"0.11"}"#, "1:1 error version 3 of Terraform's state is not known"),
        (
            r#"{"format_version":"1.2","resource_changes":[{"#,
            "1:45 error this is no whole plan or state of Terraform: EOF while parsing an object",
        ),
    ] {
        assert_eq!(said(&read_as("plan.json", text)), [message]);
    }
    assert!(said(&read_as("plan.json", r#"{"format_version":"0.1","future":[1]}"#)).is_empty());
}

#[test]
fn aws_auth_of_a_plan_is_read() {
    let address = "module.eks.kubernetes_config_map_v1_data.aws_auth[0]";
    let data = json!({"mapRoles": "- \"groups\":\n  - \"system:masters\"\n  \"rolearn\": \"arn:aws:iam::111122223333:role/A\"\n  \"username\": \"a\"\n", "mapUsers": "[]\n"});
    let after = json!({"data": data, "metadata": [{"name": "aws-auth", "namespace": "kube-system"}]});
    let value = json!({"format_version": "1.2", "resource_changes": [{"address": address, "module_address": "module.eks",
        "mode": "managed", "type": "kubernetes_config_map_v1_data", "name": "aws_auth", "index": 0,
        "change": {"actions": ["create"], "after": after, "after_unknown": {"id": true}}}]});
    let read = read_json(&value);
    let aws_auth = read.value.clusters[0].aws_auth.as_ref().unwrap();
    assert_eq!(aws_auth.map.roles.len(), 1);
}

#[test]
fn a_large_plan_takes_little_more_than_its_text() {
    // Mostly other resources, as in life; each carries some weight.
    let filler: Vec<Value> = (0..20_000)
        .map(|n| {
            json!({"address": format!("aws_s3_object.o[{n}]"), "mode": "managed", "type": "aws_s3_object", "name": "o", "index": n,
                "change": {"actions": ["no-op"], "before": null, "after": {"content": "x".repeat(400), "list": [1, 2, 3]}, "after_unknown": {}}})
        })
        .collect();
    let after = json!({"cluster_name": "demo", "principal_arn": "arn:aws:iam::111122223333:role/A"});
    let value = plan(vec![entry("a", after, json!({}), json!(["create"]))], filler);
    let text = serde_json::to_string(&value).unwrap();
    assert!(text.len() > 10_000_000);
    let read = read_as("plan.json", &text);
    assert_eq!(shown(&read.value).len(), 2);
}
