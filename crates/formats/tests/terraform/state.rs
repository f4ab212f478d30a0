//! States: raw, and as `terraform show -json` gives them.

use serde_json::json;

use crate::common::{read_as, said, shown};

#[test]
fn a_raw_state_is_read_without_what_eks_fills_in() {
    let state = json!({
        "version": 4, "terraform_version": "1.9.0", "serial": 3, "lineage": "x", "outputs": {},
        "resources": [
            {"module": "module.eks", "mode": "managed", "type": "aws_eks_access_entry", "name": "this",
             "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
             "instances": [
                {"index_key": "admin", "schema_version": 0, "attributes": {
                    "access_entry_arn": "arn:aws:eks:us-west-2:111122223333:access-entry/demo/role/111122223333/Admin/id",
                    "cluster_name": "demo", "principal_arn": "arn:aws:iam::111122223333:role/Admin", "type": "STANDARD",
                    "kubernetes_groups": [], "user_name": "arn:aws:sts::111122223333:assumed-role/Admin/{{SessionName}}", "tags": {}}},
                {"index_key": "node", "attributes": {
                    "access_entry_arn": "arn:aws:eks:us-west-2:111122223333:access-entry/demo/role/111122223333/Node/id",
                    "cluster_name": "demo", "principal_arn": "arn:aws:iam::111122223333:role/Node", "type": "EC2_LINUX",
                    "kubernetes_groups": ["system:nodes"], "user_name": "system:node:{{EC2PrivateDNSName}}", "tags": null}},
                {"index_key": "old", "deposed": "deadbeef", "attributes": {"cluster_name": "demo", "principal_arn": "bad"}}
             ]},
            {"module": "module.eks", "mode": "managed", "type": "aws_eks_access_policy_association", "name": "this",
             "instances": [{"index_key": "admin_admin", "attributes": {
                "access_scope": [{"namespaces": [], "type": "cluster"}], "cluster_name": "demo",
                "policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                "principal_arn": "arn:aws:iam::111122223333:role/Admin"}}]},
            {"mode": "data", "type": "aws_eks_cluster", "name": "other", "instances": [{"attributes": {"name": "nope"}}]}
        ]
    });
    let read = read_as("terraform.tfstate", &state.to_string());
    // The association's cluster has no ARN in its attributes, and is the entry's all the same.
    assert_eq!(said(&read), Vec::<String>::new());
    assert_eq!(
        shown(&read.value),
        [
            "[demo us-west-2 111122223333] -",
            "admin: arn:aws:iam::111122223333:role/Admin STANDARD groups= AmazonEKSClusterAdminPolicy@cluster",
            "node: arn:aws:iam::111122223333:role/Node EC2_LINUX",
        ]
    );
}

#[test]
fn a_shown_state_is_read_and_an_association_alone_is_named() {
    let state = json!({"format_version": "1.0", "values": {"root_module": {"resources": [
        {"address": "aws_eks_access_policy_association.a", "mode": "managed", "type": "aws_eks_access_policy_association",
         "name": "a", "values": {"cluster_name": "demo", "principal_arn": "arn:aws:iam::111122223333:role/A",
            "policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "access_scope": [{"type": "cluster"}]}}
    ]}}});
    let read = read_as("state.json", &state.to_string());
    assert!(
        said(&read)[0].contains("the policy of `aws_eks_access_policy_association.a` is not used"),
        "{:?}",
        said(&read)
    );
    assert!(said(&read_as("state.json", r#"{"format_version":"1.0"}"#)).is_empty());
}

#[test]
fn states_of_other_versions_are_named_as_such() {
    for text in [
        r#"{"version": 3, "terraform_version": "0.11.0", "modules": []}"#,
        r#"{"serial": 1, "lineage": "a", "version": 3, "resources": []}"#,
    ] {
        let said = said(&read_as("old.tfstate", text));
        assert!(said[0].contains("version 3 of Terraform's state is not known"), "{said:#?}");
    }
}
