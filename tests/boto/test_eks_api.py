"""The EKS API with boto3, unmodified, against a running control plane.

Every raw answer, good or bad, is held against the service model that boto3 itself carries: only members of its shape,
each of its type, timestamps as numbers, error names and statuses as modelled.
"""
import json
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import TRUST

ACCOUNT = "111122223333"
POLICY = "arn:aws:eks::aws:cluster-access-policy/"
VIEW, ADMIN = POLICY + "AmazonEKSViewPolicy", POLICY + "AmazonEKSClusterAdminPolicy"
# Names that every AWS service may answer with, outside of its model.
COMMON = {"AccessDeniedException": 403, "InvalidSignatureException": 403, "UnrecognizedClientException": 403,
          "MissingAuthenticationTokenException": 403, "ExpiredTokenException": 403, "SerializationException": 400,
          "UnknownOperationException": 404}
JSON_TYPES = {"string": str, "boolean": bool, "integer": int, "list": list, "map": dict, "structure": dict}


def fits(value, shape, where):
    """A raw JSON value against a shape of the model."""
    if shape.type_name == "timestamp":
        assert isinstance(value, (int, float)) and not isinstance(value, bool), (where, value)
        return
    assert isinstance(value, JSON_TYPES[shape.type_name]), (where, shape.type_name, value)
    if shape.type_name == "structure":
        for name, member in value.items():
            assert name in shape.members, f"{where}.{name} is not in {shape.name}"
            fits(member, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for member in value:
            fits(member, shape.member, where + "[]")
    elif shape.type_name == "map":
        for name, member in value.items():
            fits(name, shape.key, where)
            fits(member, shape.value, f"{where}[{name}]")
    elif getattr(shape, "enum", None):
        assert value in shape.enum, (where, value)


def check(operation_model, response_dict, **_):
    headers, status, body = response_dict["headers"], response_dict["status_code"], json.loads(response_dict["body"])
    uuid.UUID(headers["x-amzn-requestid"])
    assert headers["content-type"] == "application/json"
    name = operation_model.name
    if status == 200:
        fits(body, operation_model.output_shape, name)
        return
    code = headers["x-amzn-errortype"]
    assert body.pop("__type") == code and body["message"]
    modelled = {shape.name: shape for shape in operation_model.error_shapes}
    if code in modelled:
        assert status == modelled[code].metadata["error"]["httpStatusCode"]
        fits(body, modelled[code], f"{name} {code}")
    else:
        assert COMMON.get(code) == status, f"{name} does not model {code} ({status})"
        assert set(body) <= {"message"}


def strict(plane, region="us-east-1", keys=None):
    keys = keys or {"aws_access_key_id": plane.exports["AWS_ACCESS_KEY_ID"],
                    "aws_secret_access_key": plane.exports["AWS_SECRET_ACCESS_KEY"]}
    client = boto3.client("eks", endpoint_url=plane.api, region_name=region, config=Config(retries={"max_attempts": 0}, parameter_validation=False), **keys)
    client.meta.events.register("before-parse.eks", check)
    return client


@pytest.fixture
def eks(shared_up):
    return strict(shared_up)


@pytest.fixture
def role(shared_up):
    """A fresh role's ARN."""
    name = "r" + uuid.uuid4().hex[:12]
    return shared_up.client("iam").create_role(RoleName=name, Path="/team/x/", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]


def refused(code, call, message=None, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, caught.value
    if message is not None:
        assert error["Message"] == message
    return error["Message"]


def test_an_entrys_life(eks, role, tried):
    made = eks.create_access_entry(clusterName="demo", principalArn=role, kubernetesGroups=["viewers"], tags={"team": "x"})["accessEntry"]
    name = role.rsplit("/", 1)[1]
    assert set(made) == {"clusterName", "principalArn", "kubernetesGroups", "accessEntryArn", "createdAt", "modifiedAt", "tags", "username", "type"}
    assert made["username"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{{{{SessionName}}}}"
    assert made["accessEntryArn"].startswith(f"arn:aws:eks:us-east-1:{ACCOUNT}:access-entry/demo/role/{ACCOUNT}/{name}/")
    assert eks.describe_access_entry(clusterName="demo", principalArn=role)["accessEntry"] == made
    assert role in eks.list_access_entries(clusterName="demo")["accessEntries"]
    changed = eks.update_access_entry(clusterName="demo", principalArn=role, username="x:{{SessionName}}", kubernetesGroups=[])["accessEntry"]
    assert (changed["username"], changed["kubernetesGroups"], changed["createdAt"]) == ("x:{{SessionName}}", [], made["createdAt"])

    scope = {"type": "namespace", "namespaces": ["a", "dev-*"]}
    first = eks.associate_access_policy(clusterName="demo", principalArn=role, policyArn=VIEW, accessScope=scope)["associatedAccessPolicy"]
    assert first["accessScope"] == scope
    again = eks.associate_access_policy(clusterName="demo", principalArn=role, policyArn=VIEW, accessScope={"type": "cluster"})["associatedAccessPolicy"]
    assert again["accessScope"] == {"type": "cluster", "namespaces": []} and again["associatedAt"] == first["associatedAt"]
    listed = eks.list_associated_access_policies(clusterName="demo", principalArn=role)
    assert (listed["clusterName"], listed["principalArn"], listed["associatedAccessPolicies"]) == ("demo", role, [again])
    assert role in eks.list_access_entries(clusterName="demo", associatedPolicyArn=VIEW)["accessEntries"]
    eks.disassociate_access_policy(clusterName="demo", principalArn=role, policyArn=VIEW)
    refused("ResourceNotFoundException", eks.disassociate_access_policy, "The specified policyArn is not associated with the access entry.",
            clusterName="demo", principalArn=role, policyArn=VIEW)

    eks.tag_resource(resourceArn=made["accessEntryArn"], tags={"a": "b"})
    eks.untag_resource(resourceArn=made["accessEntryArn"], tagKeys=["team"])
    assert eks.list_tags_for_resource(resourceArn=made["accessEntryArn"])["tags"] == {"a": "b"}
    eks.delete_access_entry(clusterName="demo", principalArn=role)
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_access_entry(clusterName="demo", principalArn=role)
    tried("boto3", boto3.__version__, "entries, associations and tags; every answer held against its service model member for member; errors by code")


def test_the_policies(eks):
    pages = eks.get_paginator("list_access_policies").paginate(PaginationConfig={"PageSize": 7})
    names = [policy["name"] for page in pages for policy in page["accessPolicies"]]
    assert len(names) == len(set(names)) >= 33 and names == sorted(names)
    assert names == [policy["name"] for policy in eks.list_access_policies()["accessPolicies"]]


def test_a_clusters_life(eks, tried):
    name = "life-" + uuid.uuid4().hex[:8]
    ask = {"name": name, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/eks", "resourcesVpcConfig": {"subnetIds": ["subnet-0a", "subnet-0b"]}}
    made = eks.create_cluster(**ask, tags={"env": "dev"})["cluster"]
    assert made["status"] == "CREATING" and "endpoint" not in made
    shown = eks.describe_cluster(name=name)["cluster"]
    assert (shown["status"], shown["accessConfig"], shown["tags"]) == ("ACTIVE", {"authenticationMode": "CONFIG_MAP"}, {"env": "dev"})
    assert name in eks.list_clusters()["clusters"]
    eks.get_waiter("cluster_active").wait(name=name)
    refused("ResourceInUseException", eks.create_cluster, f"Cluster already exists with name: {name}", **ask)
    must = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
    principal = f"arn:aws:iam::{ACCOUNT}:user/admin"
    for call, more in [("create_access_entry", {"principalArn": principal}), ("list_access_entries", {}), ("describe_access_entry", {"principalArn": principal}),
                       ("update_access_entry", {"principalArn": principal}), ("delete_access_entry", {"principalArn": principal}),
                       ("associate_access_policy", {"principalArn": principal, "policyArn": VIEW, "accessScope": {"type": "cluster"}}),
                       ("disassociate_access_policy", {"principalArn": principal, "policyArn": VIEW}), ("list_associated_access_policies", {"principalArn": principal})]:
        refused("InvalidRequestException", getattr(eks, call), must, clusterName=name, **more)
    refused("InvalidParameterException", eks.update_cluster_config, "Unsupported authentication mode update from CONFIG_MAP to API",
            name=name, accessConfig={"authenticationMode": "API"})
    update = eks.update_cluster_config(name=name, accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})["update"]
    assert (update["status"], update["type"]) == ("InProgress", "AccessConfigUpdate")
    assert eks.describe_update(name=name, updateId=update["id"])["update"]["status"] == "Successful"
    assert eks.list_updates(name=name)["updateIds"] == [update["id"]]
    assert eks.list_access_entries(clusterName=name)["accessEntries"] == [principal]
    assert [p["policyArn"] for p in eks.list_associated_access_policies(clusterName=name, principalArn=principal)["associatedAccessPolicies"]] == [ADMIN]
    assert eks.delete_cluster(name=name)["cluster"]["status"] == "DELETING"
    eks.get_waiter("cluster_deleted").wait(name=name)
    refused("ResourceNotFoundException", eks.describe_cluster, f"No cluster found for name: {name}.", name=name)
    tried("boto3", boto3.__version__, "clusters, updates, waiters cluster_active and cluster_deleted")


def test_versions(eks):
    versions = eks.describe_cluster_versions()["clusterVersions"]
    assert [v["clusterVersion"] for v in versions if v["defaultVersion"]] == ["1.36"]
    assert all(v["versionStatus"] == "EXTENDED_SUPPORT" for v in eks.describe_cluster_versions(versionStatus="EXTENDED_SUPPORT")["clusterVersions"])


def test_paging_binds_its_tokens(eks, role, tried):
    for n in range(3):
        eks.create_access_entry(clusterName="demo", principalArn=f"arn:aws:iam::444455556666:role/p{n}-{uuid.uuid4().hex[:6]}")
    one = eks.list_access_entries(clusterName="demo", maxResults=2)
    assert len(one["accessEntries"]) == 2
    everything = [e for page in eks.get_paginator("list_access_entries").paginate(clusterName="demo", PaginationConfig={"PageSize": 2}) for e in page["accessEntries"]]
    assert everything == sorted(set(everything)) and everything == eks.list_access_entries(clusterName="demo")["accessEntries"]
    for call, code, more in [(eks.list_clusters, "InvalidParameterException", {}), (eks.list_updates, "InvalidParameterException", {"name": "demo"}),
                             (eks.list_access_entries, "InvalidParameterException", {"clusterName": "demo", "associatedPolicyArn": VIEW})]:
        refused(code, call, nextToken=one["nextToken"], **more)
        refused(code, call, nextToken="forged", **more)
        for bad in (0, 101, "x"):
            refused(code, call, maxResults=bad, **more)
    eks.create_access_entry(clusterName="demo", principalArn=role)
    refused("InvalidRequestException", eks.list_associated_access_policies, clusterName="demo", principalArn=role, nextToken="forged")
    tried("boto3", boto3.__version__, "paginators, tokens of other lists refused")


def test_request_tokens(eks, role):
    token = str(uuid.uuid4())
    first = eks.create_access_entry(clusterName="demo", principalArn=role, clientRequestToken=token)["accessEntry"]
    assert eks.create_access_entry(clusterName="demo", principalArn=role, clientRequestToken=token)["accessEntry"] == first
    refused("InvalidParameterException", eks.create_access_entry, clusterName="demo", principalArn=role, kubernetesGroups=["x"], clientRequestToken=token)


@pytest.mark.parametrize("arguments, code, message", [
    ({"principalArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y"}, "InvalidParameterException", "The principalArn parameter format is not valid"),
    ({"principalArn": "x"}, "InvalidParameterException", "The principalArn parameter format is not valid"),
    ({"principalArn": f"arn:aws:iam::{ACCOUNT}:role/no-such-role"}, "InvalidParameterException", "The specified principalArn is invalid: invalid principal."),
    ({"principalArn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x/y"}, "InvalidParameterException",
     "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"),
    ({"kubernetesGroups": ["system:masters"]}, "InvalidParameterException", "The kubernetes group name system:masters is invalid, it cannot start with system:"),
    ({"username": "system:x"}, "InvalidParameterException", "The username must not begin with system:"),
    ({"username": "{{SessionName}}"}, "InvalidParameterException", None),
    ({"type": "EC2_LINUX", "kubernetesGroups": ["x"]}, "InvalidParameterException",
     'The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is "EC2_LINUX"'),
    ({"type": "EC2_LINUX", "username": "x"}, "InvalidParameterException",
     'The specified username is invalid: setting username is not allowed when the type is "EC2_LINUX"'),
    ({"type": "ec2_linux"}, "InvalidParameterException", None),
    ({"tags": {"aws:x": "y"}}, "InvalidParameterException", None),
    ({"tags": {str(n): "" for n in range(51)}}, "InvalidParameterException", None),
    ({"tags": {"k": "v" * 257}}, "InvalidParameterException", None),
    ({"kubernetesGroups": [5]}, "SerializationException", None),
    ({"username": {"a": 1}}, "SerializationException", None),
    ({"clusterName": "no-such-cluster"}, "ResourceNotFoundException", "No cluster found for name: no-such-cluster."),
])
def test_entries_that_are_refused(eks, role, arguments, code, message):
    refused(code, eks.create_access_entry, message, **{"clusterName": "demo", "principalArn": role, **arguments})


@pytest.mark.parametrize("policy, scope, code, message", [
    (POLICY + "AmazonEKSNoSuchPolicy", {"type": "cluster"}, "ResourceNotFoundException", "The specified policyArn could not be found."),
    ("AmazonEKSViewPolicy", {"type": "cluster"}, "InvalidParameterException", "The policyArn parameter format is not valid"),
    ("arn:aws:iam::aws:policy/AdministratorAccess", {"type": "cluster"}, "InvalidParameterException", "The policyArn parameter format is not valid"),
    (POLICY + "AmazonEKSBlockStorageClusterPolicy", {"type": "cluster"}, "InvalidParameterException",
     "The specified policyArn can only be associated with service-linked roles"),
    (VIEW, {"type": "namespace"}, "InvalidParameterException", "At least 1 namespace must be provided if the type is set as namespace"),
    (VIEW, {"type": "cluster", "namespaces": ["a"]}, "InvalidParameterException", "accessScope should not include namespaces if the type is not set as namespace"),
    (VIEW, {"type": "galaxy"}, "InvalidParameterException", None),
    (VIEW, {"type": "namespace", "namespaces": ["Not A Namespace"]}, "InvalidParameterException", None),
])
def test_associations_that_are_refused(eks, role, policy, scope, code, message):
    eks.create_access_entry(clusterName="demo", principalArn=role)
    refused(code, eks.associate_access_policy, message, clusterName="demo", principalArn=role, policyArn=policy, accessScope=scope)


def test_other_operations_are_refused_by_name(shared_up):
    client = shared_up.client("eks")
    for call, more in [("list_nodegroups", {"clusterName": "demo"}), ("create_addon", {"clusterName": "demo", "addonName": "coredns"}),
                       ("list_fargate_profiles", {"clusterName": "demo"}), ("describe_addon_versions", {}),
                       ("list_pod_identity_associations", {"clusterName": "demo"})]:
        assert "is not supported" in refused("InvalidRequestException", getattr(client, call), **more)


def test_iam_decides(shared_up, eks, role):
    iam, sts = shared_up.client("iam"), shared_up.client("sts")
    name = role.rsplit("/", 1)[1]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "eks:List*", "Resource": "*"}]}))
    got = sts.assume_role(RoleArn=role, RoleSessionName="jo")["Credentials"]
    theirs = strict(shared_up, keys={"aws_access_key_id": got["AccessKeyId"], "aws_secret_access_key": got["SecretAccessKey"], "aws_session_token": got["SessionToken"]})
    assert "demo" in theirs.list_clusters()["clusters"]
    refused("AccessDeniedException", theirs.describe_cluster,
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/jo is not authorized to perform: eks:DescribeCluster on resource: "
            f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/demo because no identity-based policy allows the eks:DescribeCluster action", name="demo")


def test_regions_are_apart(shared_up):
    assert strict(shared_up, region="eu-central-1").list_clusters()["clusters"] == []
