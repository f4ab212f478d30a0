//! Every way a call can be wrong, with its status, code and text.

use super::world::{ALLOW_ALL, TRUST_ROOT, World, element, error};

const ROLE: &str = "arn:aws:iam::111122223333:role/Dev";
const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

async fn refused(world: &World, form: &[(&str, &str)], expected: (u16, &str, &str)) {
    let (status, code, message) = error(world.iam(form).await);
    assert_eq!((status, code.as_str(), message.as_str()), expected, "{form:?}");
}

async fn sts_refused(world: &World, form: &[(&str, &str)], expected: (u16, &str, &str)) {
    let (status, code, message) = error(world.sts(form).await);
    assert_eq!((status, code.as_str(), message.as_str()), expected, "{form:?}");
}

#[tokio::test]
async fn actions() {
    let world = World::new().await;
    let missing = "The request must contain the parameter Action, with the name of an operation.";
    refused(&world, &[], (400, "MissingAction", missing)).await;
    let unknown = "Could not find operation CreateLoginProfile for version 2010-05-08";
    refused(&world, &[("Action", "CreateLoginProfile")], (400, "InvalidAction", unknown)).await;
    let sts = "Could not find operation AssumeRole for version 2011-06-15";
    let iam = "Could not find operation AssumeRole for version 2010-05-08";
    refused(&world, &[("Action", "AssumeRole")], (400, "InvalidAction", iam)).await;
    refused(&world, &[("Action", "AssumeRole"), ("Version", "2011-06-15")], (400, "InvalidAction", sts)).await;
    let list = "Could not find operation ListRoles for version 2011-06-15";
    sts_refused(&world, &[("Action", "ListRoles"), ("Version", "2011-06-15")], (400, "InvalidAction", list)).await;
}

#[tokio::test]
async fn roles() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let create = |name, extra: (&'static str, &'static str)| {
        [("Action", "CreateRole"), ("RoleName", name), ("AssumeRolePolicyDocument", TRUST_ROOT), extra]
    };
    let none = ("X", "");
    let exists = "Role with name Dev already exists.";
    refused(&world, &create("DEV", none), (409, "EntityAlreadyExists", exists)).await;
    let name = "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-";
    refused(&world, &create("a b", none), (400, "ValidationError", name)).await;
    let path = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.";
    refused(&world, &create("a", ("Path", "team")), (400, "ValidationError", path)).await;
    let long = "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value less than or equal to 43200";
    refused(&world, &create("a", ("MaxSessionDuration", "43201")), (400, "ValidationError", long)).await;
    let short = "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600";
    refused(&world, &create("a", ("MaxSessionDuration", "3599")), (400, "ValidationError", short)).await;
    let boundary = "Policy arn:aws:iam::111122223333:policy/No does not exist or is not attachable.";
    let form = create("a", ("PermissionsBoundary", "arn:aws:iam::111122223333:policy/No"));
    refused(&world, &form, (404, "NoSuchEntity", boundary)).await;
    let null = "1 validation error detected: Value null at 'assumeRolePolicyDocument' failed to satisfy constraint: Member must not be null";
    refused(&world, &[("Action", "CreateRole"), ("RoleName", "a")], (400, "ValidationError", null)).await;

    let with_trust = |trust| [("Action", "CreateRole"), ("RoleName", "a"), ("AssumeRolePolicyDocument", trust)];
    for (trust, message) in [
        ("{", "This policy contains invalid Json"),
        (ALLOW_ALL, "Missing required field Principal"),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/No"},"Action":"sts:AssumeRole"}}"#,
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/No""#,
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws-cn:iam::444455556666:root"},"Action":"sts:AssumeRole"}}"#,
            r#"Invalid principal in policy: "AWS":"arn:aws-cn:iam::444455556666:root""#,
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":["444455556666","arn:aws-cn:sts::444455556666:assumed-role/Dev/jo"]},"Action":"sts:AssumeRole"}}"#,
            r#"Invalid principal in policy: "AWS":"arn:aws-cn:sts::444455556666:assumed-role/Dev/jo""#,
        ),
    ] {
        let (status, code, text) = error(world.iam(&with_trust(trust)).await);
        assert_eq!((status, code.as_str()), (400, "MalformedPolicyDocument"), "{trust}: {text}");
        if !trust.contains("\"*\"") {
            assert_eq!(text, message);
        }
    }
    let filler: String = (0..60).map(|i| format!("\"arn:aws:iam::{:012}:root\",", i)).collect();
    let big = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":[{filler}"111122223333"]}},"Action":"sts:AssumeRole"}}}}"#
    );
    let quota = "Cannot exceed quota for ACLSizePerRole: 2048";
    refused(&world, &with_trust(&big), (409, "LimitExceeded", quota)).await;
    let wide = format!("{}{TRUST_ROOT}", " ".repeat(3000));
    assert_eq!(world.iam(&with_trust(&wide)).await.status, 200, "white space does not count");

    for action in [
        "GetRole",
        "DeleteRole",
        "UpdateRole",
        "ListRoleTags",
        "ListRolePolicies",
        "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole",
        "TagRole",
        "UntagRole",
        "DeleteRolePermissionsBoundary",
    ] {
        let missing = "The role with name Nobody cannot be found.";
        refused(&world, &[("Action", action), ("RoleName", "Nobody")], (404, "NoSuchEntity", missing)).await;
    }
}

#[tokio::test]
async fn tags() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let tag = |key, value| {
        [("Action", "TagRole"), ("RoleName", "Dev"), ("Tags.member.1.Key", key), ("Tags.member.1.Value", value)]
    };
    let (status, code, _) = error(world.iam(&tag("aws:x", "")).await);
    assert_eq!((status, code.as_str()), (400, "InvalidInput"));
    let (_, code, _) = error(world.iam(&tag("a;b", "")).await);
    assert_eq!(code, "ValidationError");
    let keys: Vec<String> = (1..=51).map(|i| format!("Tags.member.{i}.Key")).collect();
    let values: Vec<String> = (1..=51).map(|i| format!("Tags.member.{i}.Value")).collect();
    let names: Vec<String> = (1..=51).map(|i| format!("k{i}")).collect();
    let mut form = vec![("Action", "TagRole"), ("RoleName", "Dev")];
    for ((key, value), name) in keys.iter().zip(&values).zip(&names) {
        form.extend([(key.as_str(), name.as_str()), (value.as_str(), "")]);
    }
    let most = "The number of tags has reached the maximum limit.";
    refused(&world, &form, (409, "LimitExceeded", most)).await;
}

#[tokio::test]
async fn groups() {
    let world = World::new().await;
    world.user("jo", None).await;
    let create = [("Action", "CreateGroup"), ("GroupName", "devs")];
    world.iam_ok(&create).await;
    let exists = "Group with name devs already exists.";
    refused(&world, &[("Action", "CreateGroup"), ("GroupName", "DEVS")], (409, "EntityAlreadyExists", exists)).await;
    let missing = "The group with name no cannot be found.";
    for action in ["GetGroup", "DeleteGroup", "ListGroupPolicies", "ListAttachedGroupPolicies"] {
        refused(&world, &[("Action", action), ("GroupName", "no")], (404, "NoSuchEntity", missing)).await;
    }
    let join = |group, user| [("Action", "AddUserToGroup"), ("GroupName", group), ("UserName", user)];
    refused(&world, &join("no", "jo"), (404, "NoSuchEntity", missing)).await;
    let nobody = "The user with name no cannot be found.";
    refused(&world, &join("devs", "no"), (404, "NoSuchEntity", nobody)).await;
    // In a group once, however often it is asked for; neither goes while the other holds it.
    world.iam_ok(&join("devs", "jo")).await;
    world.iam_ok(&join("Devs", "JO")).await;
    let held = "Cannot delete entity, must remove users from group first.";
    refused(&world, &[("Action", "DeleteGroup"), ("GroupName", "devs")], (409, "DeleteConflict", held)).await;
    for number in 0..9 {
        let name: &'static str = ["a", "b", "c", "d", "e", "f", "g", "h", "i"][number];
        world.iam_ok(&[("Action", "CreateGroup"), ("GroupName", name)]).await;
        world.iam_ok(&join(name, "jo")).await;
    }
    world.iam_ok(&[("Action", "CreateGroup"), ("GroupName", "eleventh")]).await;
    let quota = "Cannot exceed quota for GroupsPerUser: 10";
    refused(&world, &join("eleventh", "jo"), (409, "LimitExceeded", quota)).await;
    let leave = [("Action", "RemoveUserFromGroup"), ("GroupName", "devs"), ("UserName", "jo")];
    world.iam_ok(&leave).await;
    world.iam_ok(&leave).await;
    world.iam_ok(&[("Action", "DeleteGroup"), ("GroupName", "devs")]).await;
}

#[tokio::test]
async fn users_and_keys() {
    let world = World::new().await;
    world.user("jo", None).await;
    let exists = "User with name jo already exists.";
    refused(&world, &[("Action", "CreateUser"), ("UserName", "Jo")], (409, "EntityAlreadyExists", exists)).await;
    let missing = "The user with name no cannot be found.";
    for action in [
        "GetUser",
        "DeleteUser",
        "ListUserTags",
        "ListUserPolicies",
        "ListAttachedUserPolicies",
        "ListGroupsForUser",
        "CreateAccessKey",
        "ListAccessKeys",
    ] {
        refused(&world, &[("Action", action), ("UserName", "no")], (404, "NoSuchEntity", missing)).await;
    }
    let keys = "Cannot delete entity, must delete access keys first.";
    refused(&world, &[("Action", "DeleteUser"), ("UserName", "jo")], (409, "DeleteConflict", keys)).await;
    world.iam_ok(&[("Action", "CreateAccessKey"), ("UserName", "jo")]).await;
    let quota = "Cannot exceed quota for AccessKeysPerUser: 2";
    refused(&world, &[("Action", "CreateAccessKey"), ("UserName", "jo")], (409, "LimitExceeded", quota)).await;
    let no_key = format!("The Access Key with id {} cannot be found.", world.admin.access_key_id);
    let delete =
        [("Action", "DeleteAccessKey"), ("UserName", "jo"), ("AccessKeyId", world.admin.access_key_id.as_str())];
    refused(&world, &delete, (404, "NoSuchEntity", &no_key)).await;
    let status = "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]";
    let update = [("Action", "UpdateAccessKey"), ("AccessKeyId", "AKIA"), ("Status", "active")];
    refused(&world, &update, (400, "ValidationError", status)).await;
}

#[tokio::test]
async fn policies() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let create = [("Action", "CreatePolicy"), ("PolicyName", "P"), ("PolicyDocument", ALLOW_ALL)];
    world.iam_ok(&create).await;
    let exists = "A policy called P already exists. Duplicate names are not allowed.";
    refused(&world, &create, (409, "EntityAlreadyExists", exists)).await;
    let lower = [("Action", "CreatePolicy"), ("PolicyName", "p"), ("PolicyDocument", ALLOW_ALL)];
    let (_, code, _) = error(world.iam(&lower).await);
    assert_eq!(code, "EntityAlreadyExists");
    let bad = [("Action", "CreatePolicy"), ("PolicyName", "Q"), ("PolicyDocument", "{}")];
    assert_eq!(error(world.iam(&bad).await).1, "MalformedPolicyDocument");

    let actions: String = (0..700).map(|i| format!("\"eks:A{i:05}\",")).collect();
    let big = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{actions}"eks:B"],"Resource":"*"}}}}"#
    );
    let managed = [("Action", "CreatePolicy"), ("PolicyName", "Big"), ("PolicyDocument", big.as_str())];
    refused(&world, &managed, (409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")).await;
    let inline = |action, kind, name| {
        [("Action", action), (kind, name), ("PolicyName", "big"), ("PolicyDocument", big.as_str())]
    };
    assert!(big.len() > 6144 && big.len() < 10_240);
    assert_eq!(world.iam(&inline("PutRolePolicy", "RoleName", "Dev")).await.status, 200);
    let over = "Maximum policy size of 2048 bytes exceeded for user admin";
    refused(&world, &inline("PutUserPolicy", "UserName", "admin"), (409, "LimitExceeded", over)).await;
    let second =
        [("Action", "PutRolePolicy"), ("RoleName", "Dev"), ("PolicyName", "2"), ("PolicyDocument", big.as_str())];
    let over = "Maximum policy size of 10240 bytes exceeded for role Dev";
    refused(&world, &second, (409, "LimitExceeded", over)).await;

    let gone = "The role policy with name no cannot be found.";
    for action in ["GetRolePolicy", "DeleteRolePolicy"] {
        let form = [("Action", action), ("RoleName", "Dev"), ("PolicyName", "no")];
        refused(&world, &form, (404, "NoSuchEntity", gone)).await;
    }
    let no = "arn:aws:iam::111122223333:policy/No";
    let text = "Policy arn:aws:iam::111122223333:policy/No was not found.";
    for action in ["GetPolicy", "DeletePolicy", "ListPolicyVersions", "ListPolicyTags"] {
        refused(&world, &[("Action", action), ("PolicyArn", no)], (404, "NoSuchEntity", text)).await;
    }
    let attach = "Policy arn:aws:iam::111122223333:policy/No does not exist or is not attachable.";
    let form = [("Action", "AttachRolePolicy"), ("RoleName", "Dev"), ("PolicyArn", no)];
    refused(&world, &form, (404, "NoSuchEntity", attach)).await;
    let detach = "Policy arn:aws:iam::aws:policy/AdministratorAccess was not found.";
    let form = [("Action", "DetachRolePolicy"), ("RoleName", "Dev"), ("PolicyArn", ADMIN)];
    refused(&world, &form, (404, "NoSuchEntity", detach)).await;
    let form = [("Action", "AttachRolePolicy"), ("RoleName", "Dev"), ("PolicyArn", "arn:aws:iam::aws:role/x/y/z")];
    assert_eq!(error(world.iam(&form).await).1, "InvalidInput");
    let version = "Policy arn:aws:iam::111122223333:policy/P version v2 does not exist or is not attachable.";
    let own = "arn:aws:iam::111122223333:policy/P";
    let form = [("Action", "GetPolicyVersion"), ("PolicyArn", own), ("VersionId", "v2")];
    refused(&world, &form, (404, "NoSuchEntity", version)).await;
    let form = [("Action", "DeletePolicyVersion"), ("PolicyArn", own), ("VersionId", "v1")];
    assert_eq!(error(world.iam(&form).await).1, "DeleteConflict");
    let form = [("Action", "GetPolicyVersion"), ("PolicyArn", own), ("VersionId", "1")];
    assert_eq!(error(world.iam(&form).await).1, "ValidationError");
    let form = [("Action", "DeletePolicy"), ("PolicyArn", ADMIN)];
    assert_eq!(error(world.iam(&form).await).1, "InvalidInput");

    world.iam_ok(&[("Action", "AttachRolePolicy"), ("RoleName", "Dev"), ("PolicyArn", own)]).await;
    let used = "Cannot delete a policy attached to entities.";
    refused(&world, &[("Action", "DeletePolicy"), ("PolicyArn", own)], (409, "DeleteConflict", used)).await;
    let held = "Cannot delete entity, must detach all policies first.";
    refused(&world, &[("Action", "DeleteRole"), ("RoleName", "Dev")], (409, "DeleteConflict", held)).await;
    world.iam_ok(&[("Action", "DetachRolePolicy"), ("RoleName", "Dev"), ("PolicyArn", own)]).await;
    let held = "Cannot delete entity, must delete policies first.";
    refused(&world, &[("Action", "DeleteRole"), ("RoleName", "Dev")], (409, "DeleteConflict", held)).await;

    for number in 0..11 {
        let name = format!("N{number}");
        world.iam_ok(&[("Action", "CreatePolicy"), ("PolicyName", &name), ("PolicyDocument", ALLOW_ALL)]).await;
        let arn = format!("arn:aws:iam::111122223333:policy/{name}");
        let form = [("Action", "AttachRolePolicy"), ("RoleName", "Dev"), ("PolicyArn", arn.as_str())];
        if number < 10 {
            world.iam_ok(&form).await;
        } else {
            refused(&world, &form, (409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")).await;
        }
    }
}

#[tokio::test]
async fn lists_page_through() {
    let world = World::new().await;
    for name in ["c", "a", "B", "d"] {
        world.role(name, TRUST_ROOT).await;
    }
    let mut names = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut form = vec![("Action", "ListRoles"), ("MaxItems", "3")];
        if let Some(marker) = &marker {
            form.push(("Marker", marker));
        }
        let answer = world.iam_ok(&form).await;
        names.extend(answer.split("<RoleName>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()));
        if element(&answer, "IsTruncated") == "false" {
            assert!(!answer.contains("<Marker>"));
            break;
        }
        marker = Some(element(&answer, "Marker"));
    }
    assert_eq!(names, ["a", "B", "c", "d"]);
    let other = [("Action", "ListUsers"), ("Marker", marker.as_deref().unwrap())];
    refused(&world, &other, (400, "ValidationError", "Invalid Marker.")).await;
    let none = world.iam_ok(&[("Action", "ListRoles"), ("PathPrefix", "/x/")]).await;
    assert!(none.contains("<Roles/>"));
    assert_eq!(error(world.iam(&[("Action", "ListRoles"), ("PathPrefix", "x")]).await).1, "ValidationError");
}

#[tokio::test]
async fn sessions_badly_asked_for() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let assume = |extra: (&'static str, &'static str)| {
        [("Action", "AssumeRole"), ("RoleArn", ROLE), ("RoleSessionName", "jo"), extra]
    };
    let value = |what: &str, rule: &str| {
        format!("1 validation error detected: Value {what} failed to satisfy constraint: {rule}")
    };
    for (extra, message) in [
        (
            ("DurationSeconds", "899"),
            value("'899' at 'durationSeconds'", "Member must have value greater than or equal to 900"),
        ),
        (
            ("DurationSeconds", "43201"),
            value("'43201' at 'durationSeconds'", "Member must have value less than or equal to 43200"),
        ),
        (
            ("DurationSeconds", "3601"),
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".into(),
        ),
        (("ExternalId", "x"), value("'x' at 'externalId'", "Member must have length greater than or equal to 2")),
        (
            ("ExternalId", "x y"),
            value("'x y' at 'externalId'", "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*"),
        ),
        (
            ("SourceIdentity", "a:b"),
            value("'a:b' at 'sourceIdentity'", "Member must satisfy regular expression pattern: [\\w+=,.@-]*"),
        ),
        (
            ("TransitiveTagKeys.member.1", "k"),
            "The specified transitive tag key must be included in the requested tags: k".into(),
        ),
    ] {
        sts_refused(&world, &assume(extra), (400, "ValidationError", &message)).await;
    }
    let syntax = "Syntax errors in policy.";
    sts_refused(&world, &assume(("Policy", "{")), (400, "MalformedPolicyDocument", syntax)).await;
    let (_, code, _) =
        error(world.sts(&assume(("PolicyArns.member.1.arn", "arn:aws:iam::111122223333:policy/No"))).await);
    assert_eq!(code, "NoSuchEntity");
    let mfa = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    sts_refused(&world, &assume(("TokenCode", "123456")), (403, "AccessDenied", mfa)).await;

    let named = |arn, session| [("Action", "AssumeRole"), ("RoleArn", arn), ("RoleSessionName", session)];
    let one = value("'j' at 'roleSessionName'", "Member must have length greater than or equal to 2");
    sts_refused(&world, &named(ROLE, "j"), (400, "ValidationError", &one)).await;
    let pattern = value("'a b' at 'roleSessionName'", "Member must satisfy regular expression pattern: [\\w+=,.@-]*");
    sts_refused(&world, &named(ROLE, "a b"), (400, "ValidationError", &pattern)).await;
    let long = "x".repeat(65);
    assert_eq!(error(world.sts(&named(ROLE, &long)).await).1, "ValidationError");
    for bad in [
        "arn:aws:iam::111122223333:user/admin",
        "not an arn, but long enough",
        "arn:aws:sts::111122223333:assumed-role/Dev/jo",
    ] {
        let message = format!("{bad} is invalid");
        sts_refused(&world, &named(bad, "jo"), (400, "ValidationError", &message)).await;
    }
    let user = "arn:aws:iam::111122223333:user/admin";
    for absent in [
        "arn:aws:iam::111122223333:role/No",
        "arn:aws:iam::999999999999:role/Dev",
        "arn:aws:iam::111122223333:role/dev",
        "arn:aws:iam::111122223333:role/x/Dev",
        "arn:aws-cn:iam::111122223333:role/Dev",
    ] {
        let message = format!("User: {user} is not authorized to perform: sts:AssumeRole on resource: {absent}");
        sts_refused(&world, &named(absent, "jo"), (403, "AccessDenied", &message)).await;
    }
    let long = value("'129601' at 'durationSeconds'", "Member must have value less than or equal to 129600");
    sts_refused(
        &world,
        &[("Action", "GetSessionToken"), ("DurationSeconds", "129601")],
        (400, "ValidationError", &long),
    )
    .await;
}
