//! Terraform's expressions: what can be worked out is, and what can't is named.

use entryway_formats::{Declared, Read, ReadOptions, Source, read_all};

use crate::common::{read_as, said, shown};

fn folder(files: &[(&str, &str)]) -> Read<Declared> {
    let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(*name, *text)).collect();
    read_all(&sources, &ReadOptions::default())
}

/// The groups of an entry whose `kubernetes_groups` are an expression, and what is said.
fn groups(expression: &str) -> (String, Vec<String>) {
    let text = format!(
        r#"
variable "accounts" {{ default = ["1", "2"] }}
variable "nothing" {{}}
locals {{
  teams = {{ red = {{ group = "r", on = true }}, blue = {{ group = "b", on = false }} }}
  list  = ["x", "y", "x"]
}}
module "eks" {{
  source = "terraform-aws-modules/eks/aws"
  name   = "demo"
  access_entries = {{ a = {{
    principal_arn     = "arn:aws:iam::111122223333:role/a"
    kubernetes_groups = {expression}
  }} }}
}}
"#
    );
    let read = read_as("main.tf", &text);
    let line = shown(&read.value).into_iter().find(|line| line.starts_with("a: ")).unwrap();
    let groups = line.split_once("groups=").map_or("-", |(_, groups)| groups).to_owned();
    (groups, said(&read))
}

#[test]
fn functions_and_operators_are_worked_out() {
    for (expression, expected) in [
        (r#"concat(["a"], local.list)"#, "a,x,y,x"),
        (r#"distinct(local.list)"#, "x,y"),
        (r#"tolist(toset(local.list))"#, "x,y"),
        (r#"flatten([["a"], [["b"], "c"]])"#, "a,b,c"),
        (r#"keys(local.teams)"#, "blue,red"),
        (r#"values(local.teams)[*].group"#, "b,r"),
        (r#"[for name, team in local.teams : "${name}-${team.group}" if team.on]"#, "red-r"),
        (r#"keys({ for name, team in local.teams : team.group => name... })"#, "b,r"),
        (r#"{ for item in local.list : item => "g-${item}"... }["x"]"#, "g-x,g-x"),
        (r#"[lookup({ a = "b" }, "a", "c"), lookup({}, "a", "c")]"#, "b,c"),
        (r#"[coalesce(null, "", "z"), try(local.teams.green.group, "none")]"#, "z,none"),
        (r#"formatlist("acct-%s", var.accounts)"#, "acct-1,acct-2"),
        (r#"[format("%s/%d %q", "a", 3, "q")]"#, "a/3 \"q\""),
        (r#"split(",", join(",", ["a", "b"]))"#, "a,b"),
        (r#"jsondecode("[\"a\", \"b\"]")"#, "a,b"),
        (r#"yamldecode("- a\n- b\n")"#, "a,b"),
        (r#"length(local.list) > 2 && !contains(local.list, "z") ? ["many"] : ["few"]"#, "many"),
        (r#"[element(local.list, 4), local.list[0], trimprefix("team-a", "team-")]"#, "y,x,a"),
        (r#"slice_is_not_there"#, "-"),
        (r#"[tostring(1 + 2 * 3), title("on call")]"#, "7,On Call"),
        (r#"reverse(sort(setunion(["c"], ["a"])))"#, "c,a"),
        (r#"setsubtract(local.list, ["x"])"#, "y"),
        (r#"[for pair in setproduct(["a"], ["1", "2"]) : join("-", pair)]"#, "a-1,a-2"),
        (r#"[zipmap(["k"], ["v"]).k, one(["o"]), upper("u")]"#, "v,o,U"),
        (r#"can(local.teams.green) ? ["there"] : ["absent"]"#, "absent"),
        (r#"compact(["a", "", "b"])"#, "a,b"),
        (r#"local.list[*]"#, "x,y,x"),
        (r#"values(merge(local.teams, { red = { group = "R" } }))[*].group"#, "b,R"),
    ] {
        let (found, said) = groups(expression);
        assert_eq!(found, expected, "{expression}: {said:#?}");
        assert_eq!(said.is_empty(), expected != "-", "{expression}: {said:#?}");
    }
}

#[test]
fn what_can_not_be_worked_out_is_named() {
    for (expression, why) in [
        (r#"split(",", file("groups.txt"))"#, "`file` looks outside of these files"),
        (r#"jsondecode(templatefile("g.tpl", {}))"#, "`templatefile` looks outside of these files"),
        (r#"var.nothing"#, "the variable `nothing` has no value"),
        (r#"concat(["a"], var.nothing)"#, "the variable `nothing` has no value"),
        (r#"data.aws_iam_roles.all.names"#, "`data.aws_iam_roles.all.names` is known only when Terraform runs"),
        (r#"module.other.groups"#, "there is no module `other` in these files"),
        (r#"regexall("a", "b")"#, "the function `regexall` is not evaluated"),
        (r#"provider::x::y("b")"#, "functions of providers are not evaluated"),
        (r#"[1 / 3]"#, "numbers that are not whole are not evaluated"),
        (r#"try(var.nothing, ["guess"])"#, "the variable `nothing` has no value"),
        (r#"lookup(var.nothing, "a", ["guess"])"#, "the variable `nothing` has no value"),
        (r#"var.nothing ? ["a"] : ["b"]"#, "the variable `nothing` has no value"),
        (r#"coalesce(var.nothing, ["guess"])"#, "the variable `nothing` has no value"),
    ] {
        let (found, said) = groups(expression);
        assert_eq!(found, "-", "{expression}");
        let told = said.iter().any(|line| line.contains("`kubernetes_groups` is not known") && line.contains(why));
        assert!(told, "{expression}: {said:#?}");
    }
    // What decides by itself decides.
    assert_eq!(groups(r#"false && var.nothing ? ["a"] : ["b"]"#).0, "b");
}

const ASSOCIATION: &str = r#"
resource "aws_eks_access_entry" "a" {
  cluster_name  = "demo"
  principal_arn = "arn:aws:iam::111122223333:role/a"
}
resource "aws_eks_access_policy_association" "a" {
  cluster_name  = "demo"
  principal_arn = "arn:aws:iam::111122223333:role/a"
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
  DYNAMIC
}
"#;

#[test]
fn dynamic_blocks_are_written_out() {
    let of = |dynamic: &str| read_as("main.tf", &ASSOCIATION.replace("DYNAMIC", dynamic));
    for (dynamic, scope) in [
        (
            r#"dynamic "access_scope" {
                for_each = [{ type = "namespace", namespaces = ["a", "b"] }]
                content {
                  type       = access_scope.value.type
                  namespaces = access_scope.value.namespaces
                }
            }"#,
            "a, b",
        ),
        (
            r#"dynamic "access_scope" {
                for_each = { namespace = ["x"] }
                iterator = it
                content {
                  type       = it.key
                  namespaces = it.value
                }
            }"#,
            "x",
        ),
        (
            r#"dynamic "access_scope" {
                for_each = toset(["cluster"])
                content { type = access_scope.key }
            }"#,
            "cluster",
        ),
        (
            r#"dynamic "access_scope" {
                for_each = []
                content { type = "namespace" }
            }
            access_scope { type = "cluster" }"#,
            "cluster",
        ),
    ] {
        let read = of(dynamic);
        assert_eq!(said(&read), Vec::<String>::new(), "{dynamic}");
        let expected =
            format!("aws_eks_access_entry.a: arn:aws:iam::111122223333:role/a STANDARD AmazonEKSViewPolicy@{scope}");
        assert_eq!(shown(&read.value).last(), Some(&expected), "{dynamic}");
    }
    let read = of(r#"dynamic "access_scope" {
        for_each = var.scopes
        content { type = access_scope.value }
    }"#);
    let said = said(&read);
    assert!(
        said.iter().any(|line| line.contains("`access_scope` can't be told")
            && line.contains("the `dynamic` block is not known: there is no variable `scopes`")),
        "{said:#?}"
    );
}

const ROLES: &str = r#"
variable "account" { type = string }
variable "names" {
  type = map(object({ path = optional(string, "/"), admin = optional(bool, false), note = optional(string) }))
}
locals { arns = { for name, one in var.names : name => "arn:aws:iam::${var.account}:role${one.path}${name}" } }
output "arns" { value = local.arns }
output "admins" { value = [for name, one in var.names : local.arns[name] if one.admin] }
output "made" { value = aws_iam_role.x.arn }
output "inner" { value = module.inner.twice }
module "inner" {
  source = "../inner"
  text   = var.account
}
"#;

#[test]
fn outputs_of_folders_beside_are_followed() {
    let read = folder(&[
        (
            "live/main.tf",
            r#"
module "roles" {
  source  = "../roles"
  account = "111122223333"
  names   = { dev = {}, ops = { admin = true, path = "/team/" } }
}
module "per" {
  for_each = toset(["111122223333", "444455556666"])
  source   = "../roles"
  account  = each.key
  names    = { x = { note = "n" } }
}
resource "aws_eks_access_entry" "all" {
  for_each      = module.roles.arns
  cluster_name  = "demo"
  principal_arn = each.value
}
resource "aws_eks_access_entry" "admin" {
  cluster_name      = "demo"
  principal_arn     = module.per["444455556666"].arns["x"]
  kubernetes_groups = [module.roles.inner, tostring(length(module.roles.admins))]
}
resource "aws_eks_access_entry" "made" {
  cluster_name  = "demo"
  principal_arn = module.roles.made
}
resource "aws_eks_access_policy_association" "all" {
  for_each      = aws_eks_access_entry.all
  cluster_name  = each.value.cluster_name
  principal_arn = aws_eks_access_entry.all[each.key].principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
  access_scope { type = "cluster" }
}
"#,
        ),
        ("roles/main.tf", ROLES),
        ("inner/main.tf", "variable \"text\" {}\noutput \"twice\" { value = \"${var.text}-${var.text}\" }\n"),
    ]);
    assert_eq!(
        shown(&read.value),
        [
            "[demo - -] -",
            "dev: arn:aws:iam::111122223333:role/dev STANDARD AmazonEKSViewPolicy@cluster",
            "ops: arn:aws:iam::111122223333:role/team/ops STANDARD AmazonEKSViewPolicy@cluster",
            "aws_eks_access_entry.admin: arn:aws:iam::444455556666:role/x STANDARD groups=111122223333-111122223333,1",
            "aws_eks_access_entry.made: ?(`aws_iam_role.x.arn` is known only when Terraform runs) STANDARD",
        ],
        "{:#?}",
        said(&read)
    );
    let only: Vec<String> = said(&read).into_iter().filter(|line| !line.contains("aws_iam_role.x.arn")).collect();
    assert_eq!(only, Vec::<String>::new());
}

#[test]
fn outputs_that_can_not_be_told_are_named() {
    let with = |output: &str| {
        folder(&[
            (
                "main.tf",
                &format!(
                    "module \"m\" {{\n  source = \"./m\"\n  back = module.m.one\n}}\nmodule \"registry\" {{ source = \"a/b/c\" }}\nresource \"aws_eks_access_entry\" \"a\" {{\n  cluster_name = \"demo\"\n  principal_arn = {output}\n}}\n"
                ),
            ),
            (
                "m/main.tf",
                "variable \"back\" {}\noutput \"one\" { value = var.back }\noutput \"two\" { value = \"x\" }\n",
            ),
        ])
    };
    for (output, why) in [
        ("module.m.three", "the module has no output `three`"),
        ("module.registry.arn", "`module.registry.arn` is known only when Terraform runs"),
        ("module.m.one", "from its own outputs is not followed"),
    ] {
        let said = said(&with(output));
        assert!(said.iter().any(|line| line.contains(why)), "{output}: {said:#?}");
    }
}

#[test]
fn members_that_aws_fills_in_are_never_taken_for_absent() {
    let read = read_as(
        "main.tf",
        r#"
resource "aws_iam_role" "r" {
  for_each = toset(["a"])
  name     = each.key
}
resource "aws_eks_access_entry" "a" {
  cluster_name  = "demo"
  principal_arn = try(aws_iam_role.r["a"].arn, "arn:aws:iam::111122223333:role/guess")
  user_name     = lookup(aws_iam_role.r["a"], "arn", "guess")
}
resource "aws_eks_access_entry" "b" {
  cluster_name  = "demo"
  principal_arn = "arn:aws:iam::111122223333:role/${aws_iam_role.r["a"].name}"
}
"#,
    );
    assert_eq!(
        shown(&read.value),
        [
            "[demo - -] -",
            "aws_eks_access_entry.a: ?(`aws_iam_role.r[\"a\"].arn` is known only when Terraform runs) STANDARD",
            "aws_eks_access_entry.b: arn:aws:iam::111122223333:role/a STANDARD",
        ]
    );
}

#[test]
fn a_large_map_is_looked_into_again_and_again() {
    let mut text = String::from("locals {\n  all = {\n");
    for n in 0..3000 {
        text.push_str(&format!(
            "    r{n} = {{ arn = \"arn:aws:iam::111122223333:role/r{n}\", groups = [\"g{n}\"] }}\n"
        ));
    }
    text.push_str(
        "  }\n}\nresource \"aws_eks_access_entry\" \"a\" {\n  for_each = local.all\n  cluster_name = \"demo\"\n  principal_arn = local.all[each.key].arn\n  kubernetes_groups = local.all[each.key].groups\n}\n",
    );
    let read = read_as("main.tf", &text);
    assert_eq!(said(&read), Vec::<String>::new());
    assert_eq!(shown(&read.value).len(), 3001);
}
