//! What is written, to the letter. `UPDATE_GOLDEN=1` writes the files anew.

use std::path::PathBuf;

use entryway_formats::{ReadOptions, Source, Target, export, read};

const ACCESS: &str = r#"
policies:
  CrdReader:
    description: reads widgets
    rules:
      - apiGroups: [example.com]
        resources: [widgets]
        verbs: [get, list]
protected: [role/Admin]
clusters:
  - name: prod
    region: eu-central-1
    account: "111122223333"
    mode: API
    access:
      - principal: role/Admin
        policies: [ClusterAdmin]
        tags: {owner: platform, "cost center": "12${x}"}
      - principal: arn:aws:iam::111122223333:role/team/Dev
        username: "dev:{{SessionName}}"
        groups: [developers, "team:a"]
        policies:
          - policy: Edit
            namespaces: [dev-*, test]
          - policy: View
          - CrdReader
        expires: 2026-12-24T18:00Z
      - principal: role/Node
        type: EC2_LINUX
      - ssoPermissionSet: Admins
        policies: [{policy: Admin, for: 8h}]
  - name: test
    access:
      - principal: arn:aws:iam::111122223333:user/1st
        groups: []
        policies: [arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy]
"#;

fn golden(target: Target, extension: &str) {
    let declared = read(&Source::new("access.yaml", ACCESS), &ReadOptions::default());
    assert!(declared.diagnostics.is_empty(), "{:?}", declared.diagnostics);
    let written = export(&declared.value, target);
    let mut text = written.value;
    for said in &written.diagnostics {
        text.push_str(&format!("# {:?}: {}\n", said.severity, said.message));
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{target}.{extension}"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

#[test]
fn entryways_own_file() {
    golden(Target::Entryway, "yaml");
}

#[test]
fn the_eks_module() {
    golden(Target::TerraformModule, "tf");
}

#[test]
fn terraform_resources() {
    golden(Target::TerraformResources, "tf");
}

#[test]
fn eksctl() {
    golden(Target::Eksctl, "yaml");
}

#[test]
fn cloudformation() {
    golden(Target::CloudFormation, "yaml");
}

#[test]
fn ack() {
    golden(Target::Ack, "yaml");
}

#[test]
fn crossplane() {
    golden(Target::Crossplane, "yaml");
}
