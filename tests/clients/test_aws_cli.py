"""The AWS CLI, doing what a person and a script do with it: every command of the walkthrough, output forms, pages, waiters."""
import json
import re

import pytest

from clients.conftest import version_of
from conftest import BIN, DESCRIBE, TRUST

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
ADMIN = "arn:aws:iam::111122223333:user/admin"
CLUSTER = ["--role-arn", "arn:aws:iam::111122223333:role/eks", "--resources-vpc-config", "subnetIds=subnet-0a,subnet-0b"]


@pytest.fixture(scope="module")
def version():
    return re.match(r"aws-cli/(\S+)", version_of(BIN / "aws", "--version")).group(1)


def test_commands_of_the_walkthrough(up, tried, version):
    def aws(*words, query=None):
        return up.aws(*words, *(("--query", query) if query else ())).ok()

    def text(*words, query=None):
        return aws(*words, "--output", "text", query=query).out.rstrip("\n")

    assert text("sts", "get-caller-identity", query="[Account,Arn]") == f"111122223333\t{ADMIN}"
    names = aws("eks", "list-access-policies", query="accessPolicies[].name").json
    assert len(names) == 33 and names == sorted(names)

    # a role, and what it may do in IAM
    role = text("iam", "create-role", "--role-name", "ops", "--assume-role-policy-document", TRUST, "--tags", "Key=team,Value=x", query="Role.Arn")
    assert role == "arn:aws:iam::111122223333:role/ops"
    aws("iam", "put-role-policy", "--role-name", "ops", "--policy-name", "describe", "--policy-document", DESCRIBE)
    assert aws("iam", "get-role-policy", "--role-name", "ops", "--policy-name", "describe", query="PolicyDocument").json == json.loads(DESCRIBE)
    read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    aws("iam", "attach-role-policy", "--role-name", "ops", "--policy-arn", read_only)
    assert text("iam", "list-attached-role-policies", "--role-name", "ops", query="AttachedPolicies[].PolicyArn") == read_only
    assert text("iam", "list-role-policies", "--role-name", "ops", query="PolicyNames") == "describe"
    assert text("iam", "list-role-tags", "--role-name", "ops", query="Tags[0].[Key,Value]") == "team\tx"
    assert "ops" in text("iam", "list-roles", query="Roles[?starts_with(RoleName, 'op')].RoleName")
    # a role that is there is told of with a waiter as well
    aws("iam", "wait", "role-exists", "--role-name", "ops")
    up.aws("iam", "create-role", "--role-name", "ops", "--assume-role-policy-document", TRUST).fails(
        255, "An error occurred (EntityAlreadyExists) when calling the CreateRole operation: Role with name ops already exists.")

    # its entry
    entry = ["--cluster-name", "demo", "--principal-arn", role]
    assert aws("eks", "create-access-entry", *entry, "--kubernetes-groups", "devs", "ops", "--tags", "a=b,c=d",
               query="accessEntry.[kubernetesGroups,tags]").json == [["devs", "ops"], {"a": "b", "c": "d"}]
    up.aws("eks", "create-access-entry", *entry).fails(255, "An error occurred (ResourceInUseException) when calling the CreateAccessEntry operation: "
                                                            "The specified access entry resource is already in use on this cluster.")
    assert aws("eks", "update-access-entry", *entry, "--kubernetes-groups", query="accessEntry.kubernetesGroups").json == []
    aws("eks", "associate-access-policy", *entry, "--policy-arn", VIEW, "--access-scope", "type=namespace,namespaces=team-a,dev-*")
    assert text("eks", "list-associated-access-policies", *entry, query="associatedAccessPolicies[].accessScope.namespaces[]") == "team-a\tdev-*"
    assert role in aws("eks", "list-access-entries", "--cluster-name", "demo", query="accessEntries").json
    assert text("eks", "list-access-entries", "--cluster-name", "demo", "--associated-policy-arn", VIEW, query="accessEntries") == role
    arn = text("eks", "describe-access-entry", *entry, query="accessEntry.accessEntryArn")
    aws("eks", "tag-resource", "--resource-arn", arn, "--tags", "e=f")
    aws("eks", "untag-resource", "--resource-arn", arn, "--tag-keys", "a", "c")
    assert aws("eks", "list-tags-for-resource", "--resource-arn", arn, query="tags").json == {"e": "f"}

    # a session of the role, its kubeconfig and its token
    session = aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "jo").json["Credentials"]
    as_role = up.env(AWS_ACCESS_KEY_ID=session["AccessKeyId"], AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"], AWS_SESSION_TOKEN=session["SessionToken"])
    assert up.aws("sts", "get-caller-identity", "--query", "Arn", "--output", "text", env=as_role).ok().out.endswith("assumed-role/ops/jo\n")
    assert "Added new context" in up.aws("eks", "update-kubeconfig", "--name", "demo", "--alias", "x", env=as_role).ok().out
    assert "Updated context" in up.aws("eks", "update-kubeconfig", "--name", "demo", "--alias", "x", env=as_role).ok().out
    token = aws("eks", "get-token", "--cluster-name", "demo", "--role-arn", role).json
    assert token["kind"] == "ExecCredential" and token["status"]["token"].startswith("k8s-aws-v1.")
    assert up.kubectl("--token", token["status"]["token"], "get", "pods", "-n", "team-a").ok().err.startswith("No resources found")

    # and the way back
    aws("eks", "disassociate-access-policy", *entry, "--policy-arn", VIEW)
    aws("eks", "delete-access-entry", *entry)
    up.aws("eks", "describe-access-entry", *entry).fails(255, "(ResourceNotFoundException)", "The specified principalArn could not be found.")
    tried("AWS CLI v1", version, "every command of the walkthrough, with --query; errors as the CLI prints them; get-token, update-kubeconfig")


def test_clusters_and_waiters(up, tried, version):
    made = up.aws("eks", "create-cluster", "--name", "one", *CLUSTER, "--query", "cluster.status", "--output", "text").ok()
    assert made.out == "CREATING\n"
    up.aws("eks", "wait", "cluster-active", "--name", "one").ok()
    assert up.aws("eks", "describe-cluster", "--name", "one", "--query", "cluster.status", "--output", "text").ok().out == "ACTIVE\n"
    update = up.aws("eks", "update-cluster-config", "--name", "one", "--access-config", "authenticationMode=API_AND_CONFIG_MAP").ok().json["update"]
    assert update["status"] == "InProgress"
    assert up.aws("eks", "describe-update", "--name", "one", "--update-id", update["id"]).ok().json["update"]["status"] == "Successful"
    assert up.aws("eks", "list-updates", "--name", "one", "--query", "updateIds", "--output", "text").ok().out == update["id"] + "\n"
    assert up.aws("eks", "list-clusters").ok().json["clusters"] == ["demo", "one"]
    assert up.aws("eks", "describe-cluster-versions", "--default-only", "--query", "clusterVersions[].clusterVersion", "--output", "text").ok().out == "1.36\n"
    up.aws("eks", "delete-cluster", "--name", "one").ok()
    up.aws("eks", "wait", "cluster-deleted", "--name", "one").ok()
    up.aws("eks", "wait", "cluster-active", "--name", "one").fails(255, "Waiter ClusterActive failed", "No cluster found for name: one.")
    tried("AWS CLI v1", version, "clusters and their updates; eks wait cluster-active, cluster-deleted; iam wait role-exists")


def test_output_forms(up, tried, version):
    entry = ["eks", "describe-access-entry", "--cluster-name", "demo", "--principal-arn", ADMIN]
    as_json = up.aws(*entry, "--output", "json").ok().json["accessEntry"]
    fields = up.aws(*entry, "--output", "text").ok().out.rstrip("\n").split("\t")
    assert fields[0] == "ACCESSENTRY"
    assert sorted(fields[1:]) == sorted(str(v) for v in as_json.values() if not isinstance(v, (list, dict)))
    table = up.aws(*entry, "--output", "table").ok().out
    assert "DescribeAccessEntry" in table and re.search(rf"\|\s*principalArn\s*\|\s*{ADMIN}\s*\|", table)
    # AWS's own CLI of this version knows no YAML; it says so before it asks anybody
    up.aws(*entry, "--output", "yaml").fails(2, "Invalid choice")
    nothing = up.aws("iam", "list-role-policies", "--role-name", "nobody", "--output", "text").fails(255, "(NoSuchEntity)")
    assert nothing.out == ""
    tried("AWS CLI v1", version, "--output json, text, table", "works; this version of the CLI has no --output yaml")


def test_pages(up, tried, version):
    everything = up.aws("eks", "list-access-policies").ok().json["accessPolicies"]
    assert up.aws("eks", "list-access-policies", "--page-size", "5").ok().json["accessPolicies"] == everything
    found, token = [], None
    while len(found) < 40:
        page = up.aws("eks", "list-access-policies", "--max-items", "12", *(("--starting-token", token) if token else ())).ok().json
        found += page["accessPolicies"]
        token = page.get("NextToken")
        if token is None:
            break
    assert found == everything
    first = up.aws("eks", "list-access-policies", "--no-paginate", "--max-results", "3").ok().json
    assert first["accessPolicies"] == everything[:3] and first["nextToken"]

    for number in range(4):
        up.aws("iam", "create-role", "--role-name", f"page-{number}", "--path", "/pages/", "--assume-role-policy-document", TRUST).ok()
    listing = ["iam", "list-roles", "--path-prefix", "/pages/", "--query", "Roles[].RoleName"]
    assert up.aws(*listing, "--page-size", "1").ok().json == [f"page-{number}" for number in range(4)]
    page = up.aws("iam", "list-roles", "--path-prefix", "/pages/", "--max-items", "3").ok().json
    assert [r["RoleName"] for r in page["Roles"]] == ["page-0", "page-1", "page-2"]
    assert up.aws(*listing, "--starting-token", page["NextToken"]).ok().json == ["page-3"]
    up.aws("eks", "list-access-entries", "--cluster-name", "demo", "--next-token", "forged", "--no-paginate").fails(255, "(InvalidParameterException)")
    tried("AWS CLI v1", version, "--page-size, --max-items, --starting-token, --no-paginate")
