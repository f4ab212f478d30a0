"""STS and IAM with boto3, unmodified, against a running control plane."""
import json
import urllib.parse

import boto3
import pytest
from botocore.exceptions import ClientError

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"}]}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def session_client(up, service, credentials):
    return boto3.client(
        service, endpoint_url=up.api, region_name="eu-west-1", aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"))


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response["Error"]["Message"]


def test_a_roles_life(up, tried):
    iam = up.client("iam")
    made = iam.create_role(
        RoleName="LifeOfARole", Path="/team/x/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="a <b> & c",
        MaxSessionDuration=7200, Tags=[{"Key": "team", "Value": "x"}])["Role"]
    assert made["Arn"] == "arn:aws:iam::111122223333:role/team/x/LifeOfARole"
    assert made["AssumeRolePolicyDocument"] == TRUST  # boto3 decodes it
    refused("EntityAlreadyExists", iam.create_role, RoleName="lifeofarole", AssumeRolePolicyDocument=json.dumps(TRUST))
    got = iam.get_role(RoleName="LifeOfARole")["Role"]
    assert (got["RoleId"], got["Description"], got["MaxSessionDuration"]) == (made["RoleId"], "a <b> & c", 7200)
    assert got["Tags"] == [{"Key": "team", "Value": "x"}]
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/team/")["Roles"]] == ["LifeOfARole"]

    iam.put_role_policy(RoleName="LifeOfARole", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
    assert iam.get_role_policy(RoleName="LifeOfARole", PolicyName="p")["PolicyDocument"] == ALLOW
    iam.attach_role_policy(RoleName="LifeOfARole", PolicyArn=READ_ONLY)
    attached = iam.list_attached_role_policies(RoleName="LifeOfARole")["AttachedPolicies"]
    assert attached == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    message = refused("DeleteConflict", iam.delete_role, RoleName="LifeOfARole")
    assert message == "Cannot delete entity, must detach all policies first."
    iam.detach_role_policy(RoleName="LifeOfARole", PolicyArn=READ_ONLY)
    iam.delete_role_policy(RoleName="LifeOfARole", PolicyName="p")
    iam.delete_role(RoleName="LifeOfARole")
    message = refused("NoSuchEntity", iam.get_role, RoleName="LifeOfARole")
    assert message == "The role with name LifeOfARole cannot be found."
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_role(RoleName="LifeOfARole")
    tried("boto3", boto3.__version__, "a role's life: tags, inline and attached policies, conflicts")


def test_a_users_life(shared_up):
    iam = shared_up.client("iam")
    iam.create_user(UserName="life-of-a-user")
    key = iam.create_access_key(UserName="life-of-a-user")["AccessKey"]
    mine = session_client(shared_up, "iam", key)
    message = refused("AccessDenied", mine.get_user)
    assert message == (
        "User: arn:aws:iam::111122223333:user/life-of-a-user is not authorized to perform: iam:GetUser on resource: "
        "user life-of-a-user because no identity-based policy allows the iam:GetUser action")
    iam.attach_user_policy(UserName="life-of-a-user", PolicyArn=READ_ONLY)
    assert mine.get_user()["User"]["UserName"] == "life-of-a-user"
    iam.update_access_key(UserName="life-of-a-user", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    refused("InvalidClientTokenId", mine.get_user)
    refused("DeleteConflict", iam.delete_user, UserName="life-of-a-user")
    iam.delete_access_key(UserName="life-of-a-user", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="life-of-a-user", PolicyArn=READ_ONLY)
    iam.delete_user(UserName="life-of-a-user")


def test_groups(shared_up, tried):
    iam = shared_up.client("iam")
    iam.create_user(UserName="of-groups")
    key = iam.create_access_key(UserName="of-groups")["AccessKey"]
    mine = session_client(shared_up, "iam", key)
    group = iam.create_group(GroupName="Readers", Path="/team/")["Group"]
    assert group["Arn"] == "arn:aws:iam::111122223333:group/team/Readers" and group["GroupId"].startswith("AGPA")
    iam.attach_group_policy(GroupName="Readers", PolicyArn=READ_ONLY)
    refused("AccessDenied", mine.get_user)
    # a member may what the group's policies allow, and no longer than it is one
    iam.add_user_to_group(GroupName="Readers", UserName="of-groups")
    assert mine.get_user()["User"]["UserName"] == "of-groups"
    refused("AccessDenied", mine.delete_user, UserName="of-groups")
    pages = iam.get_paginator("get_group").paginate(GroupName="readers")
    assert [user["UserName"] for page in pages for user in page["Users"]] == ["of-groups"]
    assert [found["GroupName"] for found in iam.list_groups_for_user(UserName="of-groups")["Groups"]] == ["Readers"]
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:GetUser", "Resource": "*"}]}
    iam.put_group_policy(GroupName="Readers", PolicyName="deny", PolicyDocument=json.dumps(deny))
    assert "with an explicit deny" in refused("AccessDenied", mine.get_user)
    entities = iam.list_entities_for_policy(PolicyArn=READ_ONLY, EntityFilter="Group")["PolicyGroups"]
    assert [found["GroupName"] for found in entities] == ["Readers"]
    refused("DeleteConflict", iam.delete_group, GroupName="Readers")
    iam.delete_access_key(UserName="of-groups", AccessKeyId=key["AccessKeyId"])
    refused("DeleteConflict", iam.delete_user, UserName="of-groups")
    iam.remove_user_from_group(GroupName="Readers", UserName="of-groups")
    iam.delete_user(UserName="of-groups")
    refused("DeleteConflict", iam.delete_group, GroupName="Readers")
    iam.delete_group_policy(GroupName="Readers", PolicyName="deny")
    iam.detach_group_policy(GroupName="Readers", PolicyArn=READ_ONLY)
    iam.delete_group(GroupName="Readers")
    tried("boto3", boto3.__version__, "IAM groups: members, their policies in force for members, conflicts")


def test_policies_and_their_versions(shared_up):
    iam = shared_up.client("iam")
    arn = iam.create_policy(PolicyName="Versions", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    narrow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:*", "Resource": "*"}]}
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(narrow), SetAsDefault=True)
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in versions] == [("v2", True), ("v1", False)]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == narrow
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    names = [policy["PolicyName"] for policy in iam.list_policies(Scope="AWS")["Policies"]]
    assert {"AdministratorAccess", "ReadOnlyAccess"} <= set(names)
    refused("MalformedPolicyDocument", iam.create_policy, PolicyName="Bad", PolicyDocument="{}")


def test_sessions(shared_up, tried):
    iam, sts = shared_up.client("iam"), shared_up.client("sts")
    me = sts.get_caller_identity()
    assert (me["Account"], me["Arn"]) == ("111122223333", "arn:aws:iam::111122223333:user/admin")
    role = iam.create_role(RoleName="Sessions", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.put_role_policy(RoleName="Sessions", PolicyName="all", PolicyDocument=json.dumps(ALLOW))
    answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="jo@example.com", DurationSeconds=900)
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role['RoleId']}:jo@example.com",
        "Arn": "arn:aws:sts::111122223333:assumed-role/Sessions/jo@example.com"}
    session = answer["Credentials"]
    identity = session_client(shared_up, "sts", session).get_caller_identity()
    assert identity["UserId"] == f"{role['RoleId']}:jo@example.com"
    assert session_client(shared_up, "eks", session).list_access_policies()["accessPolicies"]
    refused("InvalidClientTokenId", session_client(shared_up, "sts", {**session, "SessionToken": "x"}).get_caller_identity)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]})
    narrow = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="narrow", Policy=policy)["Credentials"]
    message = refused("AccessDeniedException", session_client(shared_up, "eks", narrow).list_access_policies)
    assert message.endswith("because no session policy allows the eks:ListAccessPolicies action")
    message = refused("AccessDenied", sts.assume_role, RoleArn=role["Arn"] + "No", RoleSessionName="jo")
    assert message.startswith("User: arn:aws:iam::111122223333:user/admin is not authorized to perform: sts:AssumeRole")
    refused("ValidationError", sts.assume_role, RoleArn=role["Arn"], RoleSessionName="jo", DurationSeconds=43200)

    iam.delete_role_policy(RoleName="Sessions", PolicyName="all")
    iam.delete_role(RoleName="Sessions")
    refused("InvalidClientTokenId", session_client(shared_up, "sts", session).get_caller_identity)

    temporary = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert session_client(shared_up, "sts", temporary).get_caller_identity()["Arn"] == me["Arn"]
    refused("InvalidClientTokenId", session_client(shared_up, "iam", temporary).list_users)
    tried("boto3", boto3.__version__, "AssumeRole with session policies, GetSessionToken, sessions that end with their role")


def test_lists_page_through(shared_up):
    iam = shared_up.client("iam")
    names = [f"page-{number:02}" for number in range(7)]
    for name in names:
        iam.create_role(RoleName=name, Path="/pages/", AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 3})
    assert [[role["RoleName"] for role in page["Roles"]] for page in pages] == [names[:3], names[3:6], names[6:]]


def test_what_is_not_here_is_refused_by_name(shared_up):
    iam, sts = shared_up.client("iam"), shared_up.client("sts")
    assert "CreateLoginProfile" in refused("InvalidAction", iam.create_login_profile, UserName="x", Password="y")
    assert "GetFederationToken" in refused("InvalidAction", sts.get_federation_token, Name="xx")
    wrong = session_client(shared_up, "sts", {
        "AccessKeyId": shared_up.exports["AWS_ACCESS_KEY_ID"], "SecretAccessKey": "wrong"})
    refused("SignatureDoesNotMatch", wrong.get_caller_identity)
    stranger = session_client(shared_up, "sts", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wrong"})
    refused("InvalidClientTokenId", stranger.get_caller_identity)


def test_unsigned_and_odd_requests(shared_up):
    import urllib.error
    import urllib.request
    form = urllib.parse.urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(shared_up.api + "/", data=form), timeout=10)
    body = caught.value.read().decode()
    assert caught.value.code == 403
    assert "<Code>MissingAuthenticationToken</Code>" in body
