//! Terraform's language.

use entryway_formats::{Declared, Read, ReadOptions, Source, read_all};

use crate::common::{read_as, said, shown};

fn folder(files: &[(&str, &str)]) -> Read<Declared> {
    let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(*name, *text)).collect();
    read_all(&sources, &ReadOptions::default())
}

#[test]
fn the_modules_map_is_read_in_both_majors() {
    for (version, name) in [("~> 20.8", "cluster_name"), ("~> 21.0", "name")] {
        let text = format!(
            r#"
module "eks" {{
  source  = "terraform-aws-modules/eks/aws"
  version = "{version}"
  {name} = "demo"
  authentication_mode = "API"
  tags = {{ team = "x", kept = "module" }}

  access_entries = {{
    # One entry with a policy associated
    example = {{
      principal_arn     = "arn:aws:iam::111122223333:role/something"
      kubernetes_groups = ["viewers"]
      tags              = {{ kept = "own" }}
      policy_associations = {{
        example = {{
          policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
          access_scope = {{
            namespaces = ["default", "dev-*"]
            type       = "namespace"
          }}
        }}
      }}
    }}
    node = {{ principal_arn = "arn:aws:iam::111122223333:role/node", type = "EC2_LINUX" }}
  }}
}}
"#
        );
        let read = read_as("main.tf", &text);
        assert_eq!(said(&read), Vec::<String>::new());
        assert_eq!(
            shown(&read.value),
            [
                "[demo - -] API",
                "example: arn:aws:iam::111122223333:role/something STANDARD groups=viewers AmazonEKSViewPolicy@default, dev-* kept=own team=x",
                "node: arn:aws:iam::111122223333:role/node EC2_LINUX kept=module team=x",
            ]
        );
    }
}

#[test]
fn misspelt_keys_are_named_with_what_was_meant() {
    let read = read_as(
        "main.tf",
        r#"module "eks" {
  source = "terraform-aws-modules/eks/aws"
  name = "demo"
  access_entries = {
    a = {
      principal_arn = "arn:aws:iam::111122223333:role/a"
      access_policy_associations = {}
    }
  }
  acces_entries = {}
}
"#,
    );
    assert_eq!(
        said(&read),
        [
            "7:7 warning an entry of the eks module has no key `access_policy_associations`; the module ignores it without a word",
            "10:3 warning the eks module has no input `acces_entries`",
        ]
    );
    assert_eq!(read.diagnostics[0].help.as_deref(), Some("did you mean `policy_associations`?"));
    assert_eq!(read.diagnostics[1].help.as_deref(), Some("did you mean `access_entries`?"));
}

#[test]
fn locals_variables_and_functions_over_several_files_are_followed() {
    let read = folder(&[
        (
            "infra/main.tf",
            r#"
locals {
  account = "111122223333"
  admins  = toset(["alice", "bob"])
  base    = { for name in local.admins : name => {
    principal_arn = "arn:aws:iam::${local.account}:user/${name}"
    policy_associations = { admin = { policy_arn = local.policy, access_scope = { type = "cluster" } } }
  } }
  policy  = format("arn:%s:eks::aws:cluster-access-policy/%s", var.partition, "AmazonEKSAdminPolicy")
}
module "eks" {
  source         = "terraform-aws-modules/eks/aws"
  cluster_name   = "${var.env}-cluster"
  access_entries = merge(local.base, {
    dev = {
      principal_arn = var.dev_role
      user_name     = try(var.settings.user, "dev:{{SessionName}}")
      kubernetes_groups = concat(["a"], var.more ? ["b"] : [])
    }
  })
}
"#,
        ),
        (
            "infra/variables.tf",
            "variable \"env\" {}\nvariable \"partition\" { default = \"aws\" }\nvariable \"dev_role\" { type = string }\nvariable \"more\" { default = false }\nvariable \"settings\" { default = {} }\n",
        ),
        ("infra/terraform.tfvars", "env = \"test\"\nmore = true\n"),
        ("infra/z.auto.tfvars", "env = \"prod\"\n"),
        ("infra/a.auto.tfvars.json", "{\"dev_role\": \"arn:aws:iam::111122223333:role/dev\"}"),
    ]);
    assert_eq!(said(&read), Vec::<String>::new());
    assert_eq!(
        shown(&read.value),
        [
            "[prod-cluster - -] API_AND_CONFIG_MAP",
            "alice: arn:aws:iam::111122223333:user/alice STANDARD AmazonEKSAdminPolicy@cluster",
            "bob: arn:aws:iam::111122223333:user/bob STANDARD AmazonEKSAdminPolicy@cluster",
            "dev: arn:aws:iam::111122223333:role/dev STANDARD user=dev:{{SessionName}} groups=a,b",
        ]
    );
}

#[test]
fn plain_resources_are_paired_by_principal() {
    let read = read_as(
        "main.tf",
        r#"
resource "aws_eks_cluster" "this" {
  name = "demo"
  access_config {
    authentication_mode = "API_AND_CONFIG_MAP"
  }
}
resource "aws_eks_access_entry" "dev" {
  for_each      = { a = "arn:aws:iam::111122223333:role/a", b = "arn:aws:iam::111122223333:role/b" }
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}
resource "aws_eks_access_policy_association" "dev" {
  for_each      = aws_eks_access_entry.elsewhere
  cluster_name  = "demo"
  principal_arn = "x"
}
resource "aws_eks_access_policy_association" "a" {
  cluster_name  = aws_eks_cluster.this.id
  principal_arn = "arn:aws:iam::111122223333:role/a"
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
  access_scope {
    type       = "namespace"
    namespaces = ["x"]
  }
}
resource "aws_eks_access_entry" "role" {
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_iam_role.made.arn
}
resource "aws_eks_access_policy_association" "role" {
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_iam_role.made.arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
  access_scope { type = "cluster" }
}
"#,
    );
    assert_eq!(
        shown(&read.value),
        [
            "[demo - -] API_AND_CONFIG_MAP",
            "a: arn:aws:iam::111122223333:role/a STANDARD AmazonEKSViewPolicy@x",
            "b: arn:aws:iam::111122223333:role/b STANDARD",
            "aws_eks_access_entry.role: ?(`aws_iam_role.made.arn` is known only when Terraform runs) STANDARD AmazonEKSEditPolicy@cluster",
        ]
    );
    let said = said(&read);
    assert!(
        said[0].starts_with(
            "14:3 warning `aws_eks_access_policy_association.dev` can't be read: its `for_each` is not known"
        ),
        "{said:#?}"
    );
}

#[test]
fn cycles_are_named_and_bombs_come_to_an_end() {
    let cyclic = read_as(
        "main.tf",
        "locals {\n  a = local.b\n  b = local.a\n}\nmodule \"eks\" {\n  source = \"terraform-aws-modules/eks/aws\"\n  name = local.a\n}\n",
    );
    let said = said(&cyclic);
    assert!(
        said.iter().any(|line| line.contains("error this refers to itself: local.a → local.b → local.a")),
        "{said:#?}"
    );
    let mut bomb = String::from("locals {\n  l0 = \"x\"\n");
    for level in 1..40 {
        let before = format!("local.l{}", level - 1);
        bomb.push_str(&format!("  l{level} = [{}]\n", vec![before; 10].join(", ")));
    }
    bomb.push_str("}\nmodule \"eks\" {\n  source = \"terraform-aws-modules/eks/aws\"\n  name = \"a\"\n  access_entries = local.l39\n}\n");
    let read = read_as("main.tf", &bomb);
    assert!(self::said(&read)[0].contains("too many"), "{:?}", self::said(&read));
    let mut chain = String::from("locals {\n  l0 = \"x\"\n");
    for level in 1..5000 {
        chain.push_str(&format!("  l{level} = local.l{}\n", level - 1));
    }
    chain.push_str("}\nmodule \"eks\" {\n  source = \"terraform-aws-modules/eks/aws\"\n  name = local.l4999\n}\n");
    assert!(self::said(&read_as("main.tf", &chain))[0].contains("too many"));
}

#[test]
fn what_is_not_known_is_named_never_guessed() {
    let read = read_as(
        "main.tf",
        r#"
module "eks" {
  source = "terraform-aws-modules/eks/aws"
  cluster_name = var.name
  enable_cluster_creator_admin_permissions = true
  access_entries = {
    a = { principal_arn = data.aws_iam_role.a.arn, kubernetes_groups = var.groups }
    b = var.whole
  }
}
"#,
    );
    assert_eq!(
        shown(&read.value),
        [
            "[?module.eks] API_AND_CONFIG_MAP",
            "cluster_creator: ?(it is whoever runs Terraform) STANDARD AmazonEKSClusterAdminPolicy@cluster",
            "a: ?(`data.aws_iam_role.a.arn` is known only when Terraform runs) STANDARD",
        ]
    );
    let said = said(&read);
    assert!(
        said.iter().any(|line| line.contains("`access_entries.b` is not known: there is no variable `whole`")),
        "{said:#?}"
    );
    assert!(said.iter().any(|line| line.contains("`kubernetes_groups` is not known")), "{said:#?}");
}

#[test]
fn aws_auth_of_modules_and_manifests_is_read() {
    let read = read_as(
        "main.tf",
        r#"
module "auth" {
  source = "terraform-aws-modules/eks/aws//modules/aws-auth"
  aws_auth_roles = [
    { rolearn = "arn:aws:iam::111122223333:role/a", username = "a", groups = ["system:masters"] },
  ]
  aws_auth_accounts = ["111122223333"]
}
resource "kubectl_manifest" "auth" {
  yaml_body = <<-YAML
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: aws-auth
      namespace: kube-system
    data:
      mapUsers: |
        - userarn: arn:aws:iam::111122223333:user/b
          username: b
          groups: [x]
  YAML
}
"#,
    );
    let errors: Vec<_> =
        read.diagnostics.iter().filter(|said| said.severity == entryway_formats::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let maps: Vec<_> = read.value.clusters.iter().filter_map(|cluster| cluster.aws_auth.as_ref()).collect();
    assert_eq!(maps.iter().map(|one| one.map.roles.len()).sum::<usize>(), 1);
    assert_eq!(maps.iter().map(|one| one.map.users.len()).sum::<usize>(), 1);
    assert_eq!(maps.iter().map(|one| one.map.accounts.len()).sum::<usize>(), 1);
}

#[test]
fn unknown_principals_are_paired_by_their_whole_expression() {
    let read = read_as(
        "main.tf",
        r#"
data "aws_caller_identity" "current" {}
resource "aws_eks_access_entry" "root" {
  cluster_name  = "demo"
  principal_arn = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"
}
resource "aws_eks_access_entry" "ops" {
  cluster_name  = "demo"
  principal_arn = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/ops"
}
resource "aws_eks_access_policy_association" "ops" {
  cluster_name  = "demo"
  principal_arn = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/ops"
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
  access_scope { type = "cluster" }
}
resource "aws_eks_access_policy_association" "root" {
  cluster_name  = aws_eks_access_entry.root.cluster_name
  principal_arn = aws_eks_access_entry.root.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy"
  access_scope { type = "cluster" }
}
resource "aws_eks_access_policy_association" "other" {
  cluster_name  = "demo"
  principal_arn = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/other"
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
  access_scope { type = "cluster" }
}
"#,
    );
    let lines = shown(&read.value);
    assert!(
        lines[1].starts_with("aws_eks_access_entry.root")
            && lines[1].ends_with("STANDARD AmazonEKSAdminPolicy@cluster"),
        "{lines:#?}"
    );
    assert!(
        lines[2].starts_with("aws_eks_access_entry.ops") && lines[2].ends_with("STANDARD AmazonEKSViewPolicy@cluster"),
        "{lines:#?}"
    );
    assert!(said(&read).iter().any(|line| line.contains("aws_eks_access_policy_association.other` is not used")));
    // With the account at hand, all of it is known.
    let options = ReadOptions { account: Some("111122223333".parse().unwrap()), ..ReadOptions::default() };
    let text = "data \"aws_caller_identity\" \"c\" {}\nresource \"aws_eks_access_entry\" \"r\" {\n  cluster_name = \"demo\"\n  principal_arn = \"arn:aws:iam::${data.aws_caller_identity.c.account_id}:root\"\n}\n";
    let read = entryway_formats::read(&Source::new("main.tf", text), &options);
    assert_eq!(shown(&read.value)[1], "aws_eks_access_entry.r: arn:aws:iam::111122223333:root STANDARD");
}

#[test]
fn lists_of_associations_work_and_other_modules_are_taken_only_at_their_word() {
    let entries = r#"{
    a = {
      principal_arn = "arn:aws:iam::111122223333:role/a"
      policy_associations = [{ policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", access_scope = { type = "cluster" } }]
    }
  }"#;
    let call = |source: &str, entries: &str| {
        format!(
            "module \"x\" {{\n  source = \"{source}\"\n  cluster_name = \"demo\"\n  access_entries = {entries}\n}}\n"
        )
    };
    let expected =
        ["[demo - -] API_AND_CONFIG_MAP", "a: arn:aws:iam::111122223333:role/a STANDARD AmazonEKSViewPolicy@cluster"];
    let of_module = read_as("main.tf", &call("terraform-aws-modules/eks/aws", entries));
    assert_eq!((shown(&of_module.value), said(&of_module)), (expected.map(str::to_owned).to_vec(), Vec::new()));
    let wrapped = read_as("main.tf", &call("../eks", entries));
    assert_eq!(shown(&wrapped.value), expected);
    assert!(said(&wrapped)[0].contains("is read as that module reads it"));
    let other = read_as("main.tf", &call("./other", "{ a = { role = \"x\", username = \"y\" } }"));
    assert!(shown(&other.value).is_empty());
    assert!(said(&other)[0].contains("is not read"));
}
