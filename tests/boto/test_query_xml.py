"""Reads every recorded answer of STS and IAM with botocore's own parser, strictly.

The files in golden/ are written and checked by the Rust tests of crates/server/src/query. A file is named
SERVICE.Operation[.variant].STATUS.xml (or .json). For each this checks that

- botocore parses it into the members of the operation's output shape,
- no element is there that the shape does not have, at any depth, and none twice outside of lists,
- no member is missing that the shape requires, or that AWS always sends (ALWAYS),
- an error has a code, a message and a type, and a code that the service model names has the model's status.

Run: python tests/boto/test_query_xml.py
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

import botocore.parsers
import botocore.session

GOLDEN = pathlib.Path(__file__).parent / "golden"

ROLE = ["Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"]
USER = ["Path", "UserName", "UserId", "Arn", "CreateDate"]
POLICY = [
    "PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "AttachmentCount", "PermissionsBoundaryUsageCount",
    "IsAttachable", "CreateDate", "UpdateDate",
]
GROUP = ["Path", "GroupName", "GroupId", "Arn", "CreateDate"]
CREDENTIALS = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]

# What AWS sends although the model does not require it; `list[]` is each item of a list.
ALWAYS = {
    "CreateRole": {"Role": ROLE},
    "GetRole": {"Role": ROLE + ["MaxSessionDuration", "RoleLastUsed"]},
    "ListRoles": {"": ["IsTruncated"], "Roles[]": ROLE + ["MaxSessionDuration"]},
    "CreateUser": {"User": USER},
    "GetUser": {"User": USER},
    "ListUsers": {"": ["IsTruncated"], "Users[]": USER},
    "CreatePolicy": {"Policy": POLICY},
    "GetPolicy": {"Policy": POLICY + ["Tags", "Description"]},
    "ListPolicies": {"": ["IsTruncated"], "Policies[]": POLICY},
    "GetPolicyVersion": {"PolicyVersion": ["Document", "VersionId", "IsDefaultVersion", "CreateDate"]},
    "CreatePolicyVersion": {"PolicyVersion": ["VersionId", "IsDefaultVersion", "CreateDate"]},
    "ListPolicyVersions": {"": ["IsTruncated"], "Versions[]": ["VersionId", "IsDefaultVersion", "CreateDate"]},
    "ListRoleTags": {"": ["IsTruncated"]},
    "ListUserTags": {"": ["IsTruncated"]},
    "ListPolicyTags": {"": ["IsTruncated"]},
    "ListRolePolicies": {"": ["IsTruncated"]},
    "ListUserPolicies": {"": ["IsTruncated"]},
    "ListAttachedRolePolicies": {"": ["IsTruncated"], "AttachedPolicies[]": ["PolicyName", "PolicyArn"]},
    "ListAttachedUserPolicies": {"": ["IsTruncated"], "AttachedPolicies[]": ["PolicyName", "PolicyArn"]},
    "ListInstanceProfilesForRole": {"": ["IsTruncated"]},
    "ListGroupsForUser": {"": ["IsTruncated"], "Groups[]": GROUP},
    "CreateGroup": {"Group": GROUP},
    "GetGroup": {"": ["Group", "Users", "IsTruncated"], "Group": GROUP, "Users[]": USER},
    "ListGroups": {"": ["IsTruncated"], "Groups[]": GROUP},
    "ListGroupPolicies": {"": ["IsTruncated"]},
    "ListAttachedGroupPolicies": {"": ["IsTruncated"], "AttachedPolicies[]": ["PolicyName", "PolicyArn"]},
    "CreateAccessKey": {"AccessKey": ["UserName", "AccessKeyId", "Status", "SecretAccessKey", "CreateDate"]},
    "ListAccessKeys": {
        "": ["IsTruncated"], "AccessKeyMetadata[]": ["UserName", "AccessKeyId", "Status", "CreateDate"],
    },
    "GetAccessKeyLastUsed": {"": ["UserName", "AccessKeyLastUsed"]},
    "ListEntitiesForPolicy": {
        "": ["IsTruncated", "PolicyGroups", "PolicyUsers", "PolicyRoles"],
        "PolicyUsers[]": ["UserName", "UserId"], "PolicyRoles[]": ["RoleName", "RoleId"],
    },
    "GetCallerIdentity": {"": ["UserId", "Account", "Arn"]},
    "AssumeRole": {"": ["Credentials", "AssumedRoleUser"], "Credentials": CREDENTIALS},
    "GetSessionToken": {"": ["Credentials"], "Credentials": CREDENTIALS},
}


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def check_shape(element, shape, where):
    """Every element has a member, and every required member an element."""
    if shape.type_name == "structure":
        names = [local(child) for child in element]
        assert len(names) == len(set(names)), f"{where}: an element is there twice: {names}"
        for child in element:
            member = shape.members.get(local(child))
            assert member is not None, f"{where}: {local(child)} is no member of {shape.name}"
            check_shape(child, member, f"{where}.{local(child)}")
        missing = set(shape.required_members) - set(names)
        assert not missing, f"{where}: {sorted(missing)} missing"
    elif shape.type_name == "list":
        for child in element:
            assert local(child) == "member", f"{where}: a list holds {local(child)}"
            check_shape(child, shape.member, f"{where}[]")
    elif shape.type_name == "map":
        for entry in element:
            assert [local(part) for part in entry] == ["key", "value"], f"{where}: not an entry"
    else:
        assert len(element) == 0, f"{where}: a {shape.type_name} holds elements"
        if shape.type_name == "boolean":
            assert element.text in ("true", "false"), f"{where}: {element.text}"
        if shape.type_name == "integer":
            int(element.text)
        enum = getattr(shape, "enum", None)
        # AWS itself answers `Policy` here, as its API reference says; the model's enumeration does not have it.
        if enum and shape.name != "PermissionsBoundaryAttachmentType":
            assert element.text in enum, f"{where}: {element.text} is none of {enum}"


def check_always(parsed, operation):
    for path, members in ALWAYS.get(operation, {}).items():
        if path.endswith("[]"):
            found = parsed[path[:-2]]
        else:
            found = [parsed[path] if path else parsed]
        for item in found:
            missing = [member for member in members if member not in item]
            assert not missing, f"{operation} {path}: {missing} missing"


def check_success(body, model, operation):
    shape = model.output_shape
    root = ElementTree.fromstring(body)
    assert local(root) == f"{operation}Response", local(root)
    assert root.tag.startswith("{" + model.service_model.metadata["xmlNamespace"] + "}"), root.tag
    children = {local(child): child for child in root}
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    expected = {"ResponseMetadata"} | ({wrapper} if wrapper else set())
    assert set(children) == expected, f"{sorted(children)} instead of {sorted(expected)}"
    assert [local(child) for child in children["ResponseMetadata"]] == ["RequestId"]
    if wrapper:
        check_shape(children[wrapper], shape, operation)
    parser = botocore.parsers.create_parser("query")
    parsed = parser.parse({"body": body, "headers": {}, "status_code": 200}, shape)
    assert parsed["ResponseMetadata"]["RequestId"]
    check_always(parsed, operation)


def check_error(body, status, service):
    parser = botocore.parsers.create_parser("query")
    parsed = parser.parse({"body": body, "headers": {}, "status_code": status}, None)
    error = parsed["Error"]
    assert error["Code"] and error["Message"] and error["Type"] in ("Sender", "Receiver"), error
    assert parsed["ResponseMetadata"]["RequestId"]
    for shape in service.error_shapes:
        if shape.error_code == error["Code"]:
            modelled = shape.metadata["error"]["httpStatusCode"]
            assert modelled == status, f"{error['Code']} is {modelled}, not {status}"


def check_json(body, status):
    answer = json.loads(body)
    if status == 200:
        inner = answer["GetCallerIdentityResponse"]
        assert set(inner) == {"GetCallerIdentityResult", "ResponseMetadata"}
        assert set(inner["GetCallerIdentityResult"]) == {"Account", "Arn", "UserId"}
    else:
        assert set(answer) == {"Error", "RequestId"}
        assert set(answer["Error"]) == {"Type", "Code", "Message"}


def main():
    session = botocore.session.get_session()
    models = {name: session.get_service_model(name) for name in ("sts", "iam")}
    files = sorted(GOLDEN.iterdir())
    failed = 0
    for path in files:
        service, operation, *_, status, extension = path.name.split(".")
        body, status = path.read_bytes(), int(status)
        try:
            if extension == "json":
                check_json(body, status)
            elif status != 200:
                check_error(body, status, models[service])
            else:
                check_success(body, models[service].operation_model(operation), operation)
        except (AssertionError, KeyError, ValueError, ElementTree.ParseError) as problem:
            failed += 1
            print(f"{path.name}: {problem!r}")
    print(f"query XML: {len(files) - failed} of {len(files)}")
    return 1 if failed or not files else 0


def test_every_recorded_answer():
    assert main() == 0


if __name__ == "__main__":
    sys.exit(main())
