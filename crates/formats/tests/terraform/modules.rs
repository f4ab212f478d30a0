//! Folders that others call as modules, and the language in JSON.

use entryway_formats::{Declared, Read, ReadOptions, Source, local_modules, read_all};

use crate::common::{said, same, shown};

fn folders(files: &[(&str, &str)]) -> Read<Declared> {
    let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(*name, *text)).collect();
    read_all(&sources, &ReadOptions::default())
}

const CHILD: &str = r#"
variable "cluster" {}
variable "roles" { default = {} }
variable "policy" { default = "AmazonEKSViewPolicy" }

resource "aws_eks_access_entry" "this" {
  for_each      = var.roles
  cluster_name  = var.cluster
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "this" {
  for_each      = var.roles
  cluster_name  = var.cluster
  principal_arn = each.value
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/${var.policy}"
  access_scope { type = "cluster" }
}
"#;

#[test]
fn a_module_beside_is_read_with_what_it_is_given() {
    let root = r#"
locals { clusters = { prod = "AmazonEKSViewPolicy", dev = "AmazonEKSEditPolicy" } }
module "access" {
  source   = "./modules/access"
  for_each = local.clusters
  cluster  = each.key
  policy   = each.value
  roles    = { ops = "arn:aws:iam::111122223333:role/ops-${each.key}" }
}
"#;
    for (root_name, child_name) in [
        ("main.tf", "modules/access/main.tf"),
        ("/x/envs/main.tf", "/x/envs/modules/access/main.tf"),
        ("./main.tf", "modules/access/a.tofu"),
    ] {
        // Whichever comes first.
        for files in [[(root_name, root), (child_name, CHILD)], [(child_name, CHILD), (root_name, root)]] {
            let read = folders(&files);
            same(said(&read), &[]);
            same(
                shown(&read.value),
                &[
                    "[prod - -] -",
                    "ops: arn:aws:iam::111122223333:role/ops-prod STANDARD AmazonEKSViewPolicy@cluster",
                    "[dev - -] -",
                    "ops: arn:aws:iam::111122223333:role/ops-dev STANDARD AmazonEKSEditPolicy@cluster",
                ],
            );
        }
    }
    assert_eq!(local_modules(&Source::new("main.tf", root)), ["./modules/access"]);
}

#[test]
fn the_eks_module_within_a_module_is_read() {
    let child = r#"
variable "name" { type = string }
variable "entries" { default = {} }
module "eks" {
  source         = "terraform-aws-modules/eks/aws"
  version        = "~> 21.0"
  name           = var.name
  access_entries = var.entries
}
"#;
    let root = r#"
module "prod" {
  source  = "../cluster"
  name    = "prod"
  entries = { ops = { principal_arn = "arn:aws:iam::111122223333:role/ops" } }
}
"#;
    let read = folders(&[("envs/prod/main.tf", root), ("envs/cluster/main.tf", child)]);
    same(said(&read), &[]);
    same(shown(&read.value), &["[prod - -] API_AND_CONFIG_MAP", "ops: arn:aws:iam::111122223333:role/ops STANDARD"]);
}

#[test]
fn what_is_not_known_of_modules_is_named() {
    let absent = folders(&[("main.tf", "module \"a\" { source = \"./a\" }\n")]);
    same(
        said(&absent),
        &["1:23 warning `module.a` is not read: the folder `./a` is not there, or has no Terraform files"],
    );
    let misspelt = "module \"a\" {\n  source  = \"./a\"\n  cluster = \"demo\"\n  role    = {}\n}\n";
    let misspelt = folders(&[("main.tf", misspelt), ("a/main.tf", CHILD)]);
    same(said(&misspelt), &["4:13 warning `module.a` has no variable `role`"]);
    assert_eq!(misspelt.diagnostics[0].help.as_deref(), Some("did you mean `roles`?"));

    let itself = folders(&[
        ("a/main.tf", "module \"b\" { source = \"../b\" }\n"),
        ("b/main.tf", "module \"b\" { source = \"./\" }\n"),
    ]);
    assert!(said(&itself).iter().any(|line| line.contains("calls itself")), "{:?}", said(&itself));

    // A value that only Terraform knows stays unknown on its way in, with its reason.
    let unknown = "module \"a\" {\n  source  = \"./a\"\n  cluster = data.aws_ssm_parameter.name.value\n  roles = { x = \"arn:aws:iam::111122223333:role/x\" }\n}\n";
    let unknown = folders(&[("main.tf", unknown), ("a/main.tf", CHILD)]);
    let entryway_formats::ClusterSelector::Unknown { reason, .. } = &unknown.value.clusters[0].selector.value else {
        panic!("{:?}", shown(&unknown.value));
    };
    assert!(reason.contains("known only when Terraform runs"), "{reason}");
}

#[test]
fn the_language_in_json_is_the_same_language() {
    let text = r#"{
  "//": "made by a tool",
  "variable": { "role": { "default": "ops" } },
  "locals": { "names": ["team-a", "team-b"] },
  "resource": {
    "aws_eks_access_entry": {
      "ops": { "cluster_name": "demo", "principal_arn": "arn:aws:iam::111122223333:role/${var.role}" }
    },
    "aws_eks_access_policy_association": {
      "ops": [{
        "cluster_name": "demo",
        "principal_arn": "${aws_eks_access_entry.ops.principal_arn}",
        "policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
        "access_scope": { "type": "namespace", "namespaces": "${local.names}" }
      }]
    }
  },
  "module": { "eks": {
    "source": "terraform-aws-modules/eks/aws", "name": "other",
    "access_entries": { "dev": { "principal_arn": "arn:aws:iam::111122223333:role/dev", "polcy_associations": {} } }
  } }
}
"#;
    let read = folders(&[("main.tf.json", text)]);
    same(
        said(&read),
        &[
            "20:89 warning an entry of the eks module has no key `polcy_associations`; the module ignores it without a word",
        ],
    );
    let lines = shown(&read.value);
    assert!(
        lines.contains(
            &"aws_eks_access_entry.ops: arn:aws:iam::111122223333:role/ops STANDARD AmazonEKSEditPolicy@team-a, team-b"
                .to_owned()
        ),
        "{lines:?}"
    );
    assert!(lines.contains(&"dev: arn:aws:iam::111122223333:role/dev STANDARD".to_owned()), "{lines:?}");

    let broken = folders(&[("main.tf.json", "{ \"resource\": {\n")]);
    assert!(said(&broken)[0].contains("error not valid JSON of Terraform's"), "{:?}", said(&broken));
    let list = folders(&[("main.tf.json", "[]")]);
    same(said(&list), &["1:1 error Terraform's JSON is an object of blocks"]);
}
