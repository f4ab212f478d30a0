"""Access as code, as people use it: a Terraform module's map in, a plan, an apply, kubectl; drift, lock-outs, migration."""
import json

import pytest

from conftest import TRUST, ControlPlane, kubeconfig_for, make_role

ACCOUNT = "111122223333"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"

MODULE = """
module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 21.0"

  name               = "demo"
  kubernetes_version = "1.36"

  access_entries = {
    ops = {
      principal_arn = "arn:aws:iam::111122223333:role/ops"
      policy_associations = {
        admin = {
          policy_arn   = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
          access_scope = { type = "cluster" }
        }
      }
    }
    dev = {
      principal_arn = "arn:aws:iam::111122223333:role/dev"
      policy_associations = {
        edit = {
          policy_arn   = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
          access_scope = { type = "namespace", namespaces = ["team-*"] }
        }
      }
    }
  }
}
"""

OWN = """# who may do what
clusters:
  - name: demo
    access:
      - principal: role/ops # on call
        policies: [ClusterAdmin]
"""


def write(up, name, text):
    path = up.home / name
    path.write_text(text)
    return path


def test_a_module_map_is_planned_applied_and_works(up):
    ops, dev = make_role(up, "ops"), make_role(up, "dev")
    main = write(up, "main.tf", MODULE)
    shown = up.entryway("plan", main).fails(1, "Plan: 2 to create", "What it means", ops, dev, "can sign in")
    assert "gains: everything" in shown.out
    saved = up.home / "plan.json"
    up.entryway("plan", main, "--out", saved, "--detailed-exitcode").fails(2)
    assert up.entryway("plan", main, "-o", "json").fails(1).json["formatVersion"] == "1.0"

    up.entryway("apply", saved, "--yes").ok()
    up.entryway("plan", main).ok()
    up.entryway("plan", main, "--detailed-exitcode").ok()
    # the saved plan is of a state that is no more
    up.entryway("apply", saved, "--yes").fails(2, "has changed since the plan was made")

    as_ops, as_dev = kubeconfig_for(up, ops), kubeconfig_for(up, dev)
    up.kubectl("auth", "can-i", "delete", "pods", "-A", env=as_ops).ok()
    up.kubectl("create", "namespace", "team-a", env=as_ops).ok()
    up.kubectl("-n", "team-a", "create", "configmap", "c", "--from-literal=a=b", env=as_dev).ok()
    up.kubectl("get", "secrets", "-n", "kube-system", env=as_dev).fails(1, "Forbidden")

    # what changes behind its back is drift, and put right
    up.entryway("drift", main).ok()
    up.aws("eks", "associate-access-policy", "--cluster-name", "demo", "--principal-arn", dev, "--policy-arn", VIEW,
           "--access-scope", "type=cluster").ok()
    up.entryway("drift", main).fails(1, dev, "AmazonEKSViewPolicy",
                                     f"last changed by arn:aws:iam::{ACCOUNT}:user/admin at ", "(AssociateAccessPolicy)")
    last = up.entryway("drift", main, "-o", "json").fails(1).json["items"][0]["lastChange"]
    assert (last["by"], last["event"]) == (f"arn:aws:iam::{ACCOUNT}:user/admin", "AssociateAccessPolicy")
    up.entryway("apply", main, "--yes").ok()
    up.entryway("drift", main).ok()
    policies = up.aws("eks", "list-associated-access-policies", "--cluster-name", "demo", "--principal-arn", dev).ok().json
    assert [p["policyArn"].rsplit("/")[-1] for p in policies["associatedAccessPolicies"]] == ["AmazonEKSEditPolicy"]


def test_mistakes_are_shown_where_they_stand(up):
    bad = write(up, "bad.yaml", OWN.replace("policies:", "polices:"))
    told = up.entryway("plan", bad).fails(2, f"{bad}:6:9", "polices: [ClusterAdmin]", "^^^^^^^", "policies")
    assert told.out == ""
    up.entryway("plan", write(up, "none.yaml", OWN.replace("demo", "nothing"))).fails(2, "no cluster `nothing`", "demo")
    up.entryway("plan", write(up, "gone.yaml", OWN)).fails(1, "role/ops` does not exist")
    up.entryway("apply", up.home / "gone.yaml", "--yes").fails(2, "0 of 2 steps are done", "not done on demo: associate")
    up.entryway("plan", up.home / "missing.yaml").fails(2, "missing.yaml")
    up.entryway("plan", cwd=up.home).fails(2, "entryway.yaml", "entryway import")


def test_lock_outs_are_refused(up):
    make_role(up, "ops")
    admin = f"arn:aws:iam::{ACCOUNT}:user/admin"
    up.entryway("access", "revoke", "user/admin", "-c", "demo", "--yes").fails(2, "lock-out", "--allow-lockout")
    up.entryway("access", "grant", "user/admin", "-c", "demo", "--policy", "ClusterAdmin", "-n", "x", "--yes").fails(2, "lock-out")
    assert admin in up.entryway("access", "list", "-c", "demo", "-o", "name").ok().out

    narrow = write(up, "narrow.yaml", "clusters: [{name: demo, access: [{principal: user/admin, policies: [View]}]}]\n")
    up.entryway("plan", narrow, "--adopt").fails(2, "Lock-out")
    up.entryway("apply", narrow, "--adopt", "--yes").fails(2, "lock-out")
    policies = up.aws("eks", "list-associated-access-policies", "--cluster-name", "demo", "--principal-arn", admin).ok().json
    assert policies["associatedAccessPolicies"][0]["policyArn"].endswith("AmazonEKSClusterAdminPolicy")

    # with another administrator, only losing one's own is in the way; and that can be allowed
    up.entryway("access", "grant", "role/ops", "-c", "demo", "--policy", "ClusterAdmin", "--yes").ok()
    up.entryway("access", "revoke", "user/admin", "-c", "demo", "--yes").fails(2, "would lose what lets you undo it")
    up.entryway("access", "revoke", "user/admin", "-c", "demo", "--yes", "--allow-lockout").ok()
    assert admin not in up.entryway("access", "list", "-c", "demo", "-o", "name").ok().out


def test_a_policy_that_gives_the_last_administrator_his_access_is_looked_after(up):
    rules = "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}, {nonResourceURLs: ['*'], verbs: ['*']}]"
    up.entryway("policies", "put", write(up, "all.yaml", f"policies: {{everything: {{{rules}}}}}\n"), "--yes").ok()
    up.entryway("access", "grant", "user/admin", "-c", "demo", "--policy", "everything", "--yes").ok()
    up.entryway("access", "revoke", "user/admin", "-c", "demo", "--policy", "ClusterAdmin", "--yes").ok()
    less = write(up, "less.yaml", "policies: {everything: {rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}}\n")
    up.entryway("policies", "put", less, "--yes").fails(2, "lock-out", "--allow-lockout", "loses: everything")
    assert up.entryway("can-i", "delete", "nodes", "--principal", "user/admin").code == 0
    up.entryway("policies", "put", less, "--yes", "--allow-lockout").ok()
    assert up.entryway("policies", "show", "everything", "-o", "json").ok().json["rules"][0]["resources"] == ["pods"]


def test_import_keeps_comments_and_export_goes_round(up):
    make_role(up, "ops"), make_role(up, "dev")
    path = write(up, "entryway.yaml", OWN)
    up.entryway("apply", "--yes", cwd=up.home).ok()
    up.entryway("access", "grant", "role/dev", "-c", "demo", "--policy", "View", "-n", "team-a", "--yes").ok()
    up.entryway("import", "--yes", cwd=up.home).ok()
    text = path.read_text()
    assert text.startswith("# who may do what\n") and "role/ops # on call" in text and "role/dev" in text
    up.entryway("plan", "--adopt", cwd=up.home).fails(1)
    up.entryway("apply", "--adopt", "--yes", cwd=up.home).ok()
    up.entryway("plan", cwd=up.home).ok()

    for to in ["terraform", "terraform-resources", "eksctl", "cloudformation", "ack", "crossplane"]:
        there = up.home / f"out.{'tf' if to.startswith('terraform') else 'yaml'}"
        up.entryway("export", "--to", to, "--live", "-c", "demo", "--out", there).ok()
        back = up.entryway("plan", there, "-c", "demo")
        assert back.code == 0, f"{to}\n{there.read_text()}\n{back.out}\n{back.err}"
    assert up.entryway("schema").ok().json["$schema"].startswith("https://json-schema.org/")
    assert up.entryway("schema", write(up, "right.yaml", OWN)).ok().out == "valid: 1 cluster, 1 entry\n"
    up.entryway("schema", write(up, "wrong.yaml", OWN.replace("policies:", "polices:"))).fails(2, "wrong.yaml:6:9", "policies")


def test_own_policies_and_ends(up):
    dev = make_role(up, "dev")
    path = write(up, "own.yaml", """
policies:
  DeploymentReader:
    rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, list]}]
clusters:
  - name: demo
    access:
      - principal: role/dev
        policies: [{policy: DeploymentReader, namespaces: [shop-*]}]
""")
    up.entryway("apply", path, "--yes").ok()
    up.entryway("plan", path).ok()
    as_dev = kubeconfig_for(up, dev)
    up.kubectl("auth", "can-i", "list", "deployments.apps", "-n", "shop-a", env=as_dev).ok()
    up.kubectl("auth", "can-i", "list", "deployments.apps", "-n", "other", env=as_dev).fails(1)

    # another hand at the policy is drift, with his name
    wider = write(up, "wider.yaml", "policies: {DeploymentReader: {rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]}}\n")
    shown = up.entryway("policies", "put", wider, "--yes").ok()
    assert "On cluster demo" in shown.err and dev in shown.err and "gains: everything in shop-*" in shown.err
    up.entryway("policies", "put", wider, "--yes").ok()
    up.entryway("drift", path).fails(1, "policy DeploymentReader differs", "user/admin at ", "(PutPolicy)")
    up.entryway("apply", path, "--yes").ok()

    up.aws("eks", "tag-resource", "--resource-arn",
           up.aws("eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", dev).ok().json["accessEntry"]["accessEntryArn"],
           "--tags", "entryway:expires-at=2026-01-01T00:00:00Z").ok()
    up.entryway("sweep", "-c", "demo", "--dry-run").fails(1, dev)
    up.entryway("sweep", "--yes").ok()
    assert dev not in up.entryway("access", "list", "-c", "demo", "-o", "name").ok().out
    up.entryway("sweep", "--dry-run").ok()


AWS_AUTH = {"mapRoles": """- rolearn: arn:aws:iam::111122223333:role/legacy
  username: legacy:{{SessionName}}
  groups: [readers]
- rolearn: arn:aws:iam::111122223333:role/boss
  username: boss
  groups: [system:masters]
- rolearn: arn:aws:iam::111122223333:role/gone/away
  username: gone
  groups: [readers]
"""}


@pytest.fixture
def with_aws_auth(up):
    # a path, which aws-auth must leave out and an entry must have
    up.aws("iam", "create-role", "--role-name", "legacy", "--path", "/team/", "--assume-role-policy-document", TRUST).ok()
    make_role(up, "boss", describe=False)
    up.aws("eks", "update-kubeconfig", "--name", "demo").ok()
    up.kubectl("create", "clusterrolebinding", "readers", "--clusterrole=view", "--group=readers").ok()
    up.kubectl("patch", "configmap", "aws-auth", "-n", "kube-system", "--type=merge", "-p", json.dumps({"data": AWS_AUTH})).ok()
    return up


def test_off_aws_auth(with_aws_auth):
    up = with_aws_auth
    can_i = lambda *question: up.entryway("can-i", *question, "--principal", "role/legacy").code
    assert can_i("list", "pods", "-A") == 0 and can_i("delete", "pods", "-A") == 1
    up.entryway("migrate", "-c", "demo", "--check").ok()
    report = up.entryway("migrate", "-c", "demo").ok().out
    assert "mapRoles:1:" in report and "role/team/legacy" in report and "maps nobody today" in report

    up.entryway("migrate", "-c", "demo", "--finish", "--yes").fails(2, "--apply")
    applied = up.entryway("migrate", "-c", "demo", "--apply", "--yes").ok()
    assert "questions about 2 principals as before" in applied.err
    assert can_i("list", "pods", "-A") == 0 and can_i("delete", "pods", "-A") == 1
    assert up.entryway("can-i", "delete", "pods", "-A", "--principal", "role/boss").code == 0

    up.entryway("migrate", "-c", "demo", "--rollback", "--yes").ok()
    assert f"arn:aws:iam::{ACCOUNT}:role/team/legacy" not in up.aws("eks", "list-access-entries", "--cluster-name", "demo").ok().out
    assert can_i("list", "pods", "-A") == 0

    # who comes by aws-auth although he has an entry is not who the entry was made for
    up.entryway("migrate", "-c", "demo", "--apply", "--yes").ok()
    up.aws("iam", "delete-role-policy", "--role-name", "boss", "--policy-name", "describe")
    up.aws("iam", "delete-role", "--role-name", "boss").ok()
    boss = make_role(up, "boss")
    up.kubectl("get", "pods", env=kubeconfig_for(up, boss)).ok()
    # which is still known after a restart
    up.stop()
    up.start()
    up.entryway("migrate", "-c", "demo", "--finish", "--yes", cwd=up.home).fails(2, "role/boss")
    up.aws("eks", "delete-access-entry", "--cluster-name", "demo", "--principal-arn", boss).ok()
    up.kubectl("get", "pods", env=kubeconfig_for(up, boss)).ok()
    up.entryway("migrate", "-c", "demo", "--apply", "--yes").ok()
    finished = up.entryway("migrate", "-c", "demo", "--finish", "--yes", cwd=up.home).ok()
    assert "and nobody who has none" in finished.err
    assert "role/legacy" in (up.home / "aws-auth-demo.yaml").read_text()
    mode = up.aws("eks", "describe-cluster", "--name", "demo").ok().json["cluster"]["accessConfig"]["authenticationMode"]
    assert mode == "API"
    assert can_i("list", "pods", "-A") == 0 and can_i("delete", "pods", "-A") == 1
    up.entryway("migrate", "-c", "demo", "--rollback", "--yes").fails(2, "no way back")


def test_permission_sets_and_iam_groups_are_looked_up(up):
    # as IAM Identity Center makes them: a path with the region, a random suffix
    sets = "/aws-reserved/sso.amazonaws.com/eu-central-1/"
    for name, suffix in [("Admins", "0123456789abcdef"), ("Readers", "00000000000000aa"), ("Readers", "00000000000000bb")]:
        up.aws("iam", "create-role", "--path", sets, "--role-name", f"AWSReservedSSO_{name}_{suffix}",
               "--assume-role-policy-document", TRUST).ok()
    up.aws("iam", "create-group", "--group-name", "operators").ok()
    for user in ["jo", "kim"]:
        up.aws("iam", "create-user", "--user-name", user).ok()
        up.aws("iam", "add-user-to-group", "--group-name", "operators", "--user-name", user).ok()
    file = lambda who: write(up, "who.yaml", f"clusters: [{{name: demo, access: [{{{who}, policies: [View]}}]}}]\n")

    admins = f"arn:aws:iam::{ACCOUNT}:role{sets}AWSReservedSSO_Admins_0123456789abcdef"
    up.entryway("plan", file("ssoPermissionSet: Admins")).fails(1, "Plan: 1 to create", admins)
    up.entryway("apply", up.home / "who.yaml", "--yes").ok()
    up.entryway("plan", up.home / "who.yaml").ok()
    # more than one, or none: what there is
    up.entryway("plan", file("ssoPermissionSet: Readers")).fails(2, "_00000000000000aa", "_00000000000000bb")
    up.entryway("plan", file("ssoPermissionSet: Writers")).fails(2, "Writers", "Admins", "Readers")

    group = file("iamGroup: operators")
    up.entryway("plan", group).fails(1, "Plan: 2 to create", "user/jo", "user/kim", f"- access entry {admins}")
    up.entryway("apply", group, "--yes").ok()
    up.entryway("plan", group).ok()
    up.aws("iam", "remove-user-from-group", "--group-name", "operators", "--user-name", "kim").ok()
    up.entryway("plan", group).fails(1, "Plan: 0 to create, 0 to update, 0 to replace, 1 to delete", "user/kim")
    up.entryway("plan", file("iamGroup: nobody")).fails(2, "nobody")


def test_one_call_that_is_refused_takes_nothing_from_the_rest(tmp_path):
    up = ControlPlane(tmp_path / "data", "--cluster", "demo", "--cluster", "two")
    try:
        make_role(up, "ops")
        planner = make_role(up, "planner", describe=False)
        # of EKS's actions all but one, and none of Entryway's own
        up.aws("iam", "put-role-policy", "--role-name", "planner", "--policy-name", "p", "--policy-document", json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["eks:*", "iam:*"], "Resource": "*"},
                {"Effect": "Deny", "Action": "eks:ListAssociatedAccessPolicies", "Resource": "*",
                 "Condition": {"StringEquals": {"eks:clusterName": "two"}}}]})).ok()
        session = up.aws("sts", "assume-role", "--role-arn", planner, "--role-session-name", "ci").ok().json["Credentials"]
        env = up.env(AWS_ACCESS_KEY_ID=session["AccessKeyId"], AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"],
                     AWS_SESSION_TOKEN=session["SessionToken"])
        both = write(up, "both.yaml", "clusters: [" + ", ".join(
            f"{{name: {name}, access: [{{principal: role/ops, policies: [View]}}]}}" for name in ["demo", "two"]) + "]\n")
        # All entries at once, or one by one as on EKS: it is the same action that is missing.
        for operation, how in (("DescribeAccessEntries", {}), ("ListAssociatedAccessPolicies", {"ENTRYWAY_ENTRIES_ONE_BY_ONE": "1"})):
            shown = up.entryway("plan", both, env={**env, **how}).fails(
                2, f"Cluster two could not be planned: {operation}: User: ",
                "is not authorized to perform: eks:ListAssociatedAccessPolicies on resource", "have an IAM policy allow", "Plan: 1 to create")
            assert "RBAC could not be read" in shown.out
        up.entryway("plan", both, env={**env, "AWS_SECRET_ACCESS_KEY": "x"}).fails(2, "SignatureDoesNotMatch")
    finally:
        up.stop()


def test_principals_beyond_one_page_are_known(up):
    """IAM lists a thousand at most in one answer: the last of more is found like the first."""
    from concurrent.futures import ThreadPoolExecutor
    iam = up.client("iam")
    iam.create_group(GroupName="all")

    def make(n):
        iam.create_role(RoleName=f"role-{n:04}", AssumeRolePolicyDocument=TRUST)
        iam.create_user(UserName=f"user-{n:04}")
        iam.add_user_to_group(GroupName="all", UserName=f"user-{n:04}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(make, range(1005)))
    assert iam.list_roles(MaxItems=1000)["IsTruncated"] and iam.list_users(MaxItems=1000)["IsTruncated"]
    assert iam.get_group(GroupName="all", MaxItems=1000)["IsTruncated"]

    last = write(up, "last.yaml", "clusters: [{name: demo, access: [{principal: role/role-1004, policies: [View]}, "
                                  "{principal: user/user-1004, policies: [View]}]}]\n")
    shown = up.entryway("plan", last).fails(1, "Plan: 2 to create")
    assert "does not exist" not in shown.out + shown.err
    up.entryway("plan", write(up, "absent.yaml", "clusters: [{name: demo, access: [{principal: role/role-1005, policies: [View]}]}]\n")).fails(
        1, "role/role-1005` does not exist")
    group = write(up, "group.yaml", "clusters: [{name: demo, access: [{iamGroup: all, policies: [View]}]}]\n")
    up.entryway("plan", group).fails(1, "Plan: 1005 to create", "user/user-1004")
