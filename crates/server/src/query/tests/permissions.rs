//! Who may call what: by policy, by boundary, by session policy, by condition.

use super::world::{ALLOW_ALL, TRUST_ROOT, World, error, ok, session};
use crate::query::Service;

fn allow(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

/// An operation, its parameters, and the resource as IAM names it in a refusal.
type Operation<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// Every operation, with parameters that name things which do not exist.
#[rustfmt::skip]
const OPERATIONS: &[Operation<'static>] = &[
    ("CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST_ROOT)], "arn:aws:iam::111122223333:role/r"),
    ("GetRole", &[("RoleName", "r")], "role r"),
    ("ListRoles", &[], "arn:aws:iam::111122223333:role/"),
    ("DeleteRole", &[("RoleName", "r")], "role r"),
    ("UpdateRole", &[("RoleName", "r")], "role r"),
    ("UpdateRoleDescription", &[("RoleName", "r"), ("Description", "")], "role r"),
    ("UpdateAssumeRolePolicy", &[("RoleName", "r"), ("PolicyDocument", TRUST_ROOT)], "role r"),
    ("ListInstanceProfilesForRole", &[("RoleName", "r")], "role r"),
    ("TagRole", &[("RoleName", "r")], "role r"),
    ("UntagRole", &[("RoleName", "r")], "role r"),
    ("ListRoleTags", &[("RoleName", "r")], "role r"),
    ("PutRolePolicy", &[("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", ALLOW_ALL)], "role r"),
    ("GetRolePolicy", &[("RoleName", "r"), ("PolicyName", "p")], "role r"),
    ("ListRolePolicies", &[("RoleName", "r")], "role r"),
    ("DeleteRolePolicy", &[("RoleName", "r"), ("PolicyName", "p")], "role r"),
    ("AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "role r"),
    ("DetachRolePolicy", &[("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "role r"),
    ("ListAttachedRolePolicies", &[("RoleName", "r")], "role r"),
    ("PutRolePermissionsBoundary", &[("RoleName", "r"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "role r"),
    ("DeleteRolePermissionsBoundary", &[("RoleName", "r")], "role r"),
    ("CreateUser", &[("UserName", "u")], "arn:aws:iam::111122223333:user/u"),
    ("GetUser", &[("UserName", "u")], "user u"),
    ("GetUser", &[], "user jo"),
    ("ListUsers", &[("PathPrefix", "/x")], "arn:aws:iam::111122223333:user/x"),
    ("DeleteUser", &[("UserName", "u")], "user u"),
    ("ListGroupsForUser", &[("UserName", "u")], "user u"),
    ("TagUser", &[("UserName", "u")], "user u"),
    ("UntagUser", &[("UserName", "u")], "user u"),
    ("ListUserTags", &[("UserName", "u")], "user u"),
    ("PutUserPolicy", &[("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", ALLOW_ALL)], "user u"),
    ("GetUserPolicy", &[("UserName", "u"), ("PolicyName", "p")], "user u"),
    ("ListUserPolicies", &[("UserName", "u")], "user u"),
    ("DeleteUserPolicy", &[("UserName", "u"), ("PolicyName", "p")], "user u"),
    ("AttachUserPolicy", &[("UserName", "u"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "user u"),
    ("DetachUserPolicy", &[("UserName", "u"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "user u"),
    ("ListAttachedUserPolicies", &[("UserName", "u")], "user u"),
    ("PutUserPermissionsBoundary", &[("UserName", "u"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "user u"),
    ("DeleteUserPermissionsBoundary", &[("UserName", "u")], "user u"),
    ("CreateGroup", &[("GroupName", "g")], "arn:aws:iam::111122223333:group/g"),
    ("GetGroup", &[("GroupName", "g")], "group g"),
    ("ListGroups", &[], "arn:aws:iam::111122223333:group/"),
    ("DeleteGroup", &[("GroupName", "g")], "group g"),
    ("AddUserToGroup", &[("GroupName", "g"), ("UserName", "u")], "group g"),
    ("RemoveUserFromGroup", &[("GroupName", "g"), ("UserName", "u")], "group g"),
    ("PutGroupPolicy", &[("GroupName", "g"), ("PolicyName", "p"), ("PolicyDocument", ALLOW_ALL)], "group g"),
    ("GetGroupPolicy", &[("GroupName", "g"), ("PolicyName", "p")], "group g"),
    ("ListGroupPolicies", &[("GroupName", "g")], "group g"),
    ("DeleteGroupPolicy", &[("GroupName", "g"), ("PolicyName", "p")], "group g"),
    ("AttachGroupPolicy", &[("GroupName", "g"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "group g"),
    ("DetachGroupPolicy", &[("GroupName", "g"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "group g"),
    ("ListAttachedGroupPolicies", &[("GroupName", "g")], "group g"),
    ("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", ALLOW_ALL)], "policy p"),
    ("GetPolicy", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p")], "policy arn:aws:iam::111122223333:policy/p"),
    ("ListPolicies", &[], "policy path /"),
    ("DeletePolicy", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p")], "policy arn:aws:iam::111122223333:policy/p"),
    ("TagPolicy", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p")], "policy arn:aws:iam::111122223333:policy/p"),
    ("UntagPolicy", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p")], "policy arn:aws:iam::111122223333:policy/p"),
    ("ListPolicyTags", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p")], "policy arn:aws:iam::111122223333:policy/p"),
    ("CreatePolicyVersion", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p"), ("PolicyDocument", ALLOW_ALL)], "policy arn:aws:iam::111122223333:policy/p"),
    ("GetPolicyVersion", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p"), ("VersionId", "v1")], "policy arn:aws:iam::111122223333:policy/p"),
    ("ListPolicyVersions", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p")], "policy arn:aws:iam::111122223333:policy/p"),
    ("DeletePolicyVersion", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p"), ("VersionId", "v1")], "policy arn:aws:iam::111122223333:policy/p"),
    ("SetDefaultPolicyVersion", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p"), ("VersionId", "v1")], "policy arn:aws:iam::111122223333:policy/p"),
    ("ListEntitiesForPolicy", &[("PolicyArn", "arn:aws:iam::111122223333:policy/p")], "policy arn:aws:iam::111122223333:policy/p"),
    ("GetAccessKeyLastUsed", &[("AccessKeyId", "AKIA")], "access key AKIA"),
    ("CreateAccessKey", &[("UserName", "u")], "user u"),
    ("ListAccessKeys", &[], "user jo"),
    ("UpdateAccessKey", &[("UserName", "u"), ("AccessKeyId", "AKIA"), ("Status", "Active")], "user u"),
    ("DeleteAccessKey", &[("UserName", "u"), ("AccessKeyId", "AKIA")], "user u"),
    ("GetAccountSummary", &[], "*"),
];

#[tokio::test]
async fn without_a_policy_every_operation_is_refused() {
    let world = World::new().await;
    let jo = world.user("jo", None).await;
    for (action, form, shown) in OPERATIONS {
        let mut whole = vec![("Action", *action)];
        whole.extend_from_slice(form);
        let expected = format!(
            "User: arn:aws:iam::111122223333:user/jo is not authorized to perform: iam:{action} on resource: {shown} \
             because no identity-based policy allows the iam:{action} action"
        );
        let got = error(world.call_with(&jo, Service::Iam, &whole).await);
        assert_eq!(got, (403, "AccessDenied".to_owned(), expected));
    }
}

#[tokio::test]
async fn an_allow_of_the_action_alone_is_enough_and_of_another_is_not() {
    for (action, form, _) in OPERATIONS {
        let world = World::new().await;
        let jo = world.user("jo", Some(&allow(&format!("iam:{action}"), "*"))).await;
        let mut whole = vec![("Action", *action)];
        whole.extend_from_slice(form);
        let answer = world.call_with(&jo, Service::Iam, &whole).await;
        let denied = answer.record.error.as_ref().is_some_and(|(code, _)| code == "AccessDenied");
        assert!(!denied, "{action}: {}", answer.body);
        let other = if *action == "GetRole" { "GetUser" } else { "GetRole" };
        let name = if other == "GetUser" { "UserName" } else { "RoleName" };
        let answer = world.call_with(&jo, Service::Iam, &[("Action", other), (name, "x")]).await;
        assert_eq!(error(answer).1, "AccessDenied", "{action} does not allow {other}");
    }
}

#[tokio::test]
async fn resources_are_told_apart_by_path() {
    let world = World::new().await;
    let jo = world.user("jo", Some(&allow("iam:*", "arn:aws:iam::111122223333:role/team/*"))).await;
    let create = |name, path| {
        [("Action", "CreateRole"), ("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", TRUST_ROOT)]
    };
    ok(world.call_with(&jo, Service::Iam, &create("a", "/team/")).await);
    assert_eq!(error(world.call_with(&jo, Service::Iam, &create("b", "/other/")).await).0, 403);
    ok(world.call_with(&jo, Service::Iam, &[("Action", "GetRole"), ("RoleName", "a")]).await);
    world.role("b", TRUST_ROOT).await;
    assert_eq!(error(world.call_with(&jo, Service::Iam, &[("Action", "GetRole"), ("RoleName", "b")]).await).0, 403);
}

#[tokio::test]
async fn conditions_see_the_call() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let only = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}},
        {"Effect":"Allow","Action":["iam:CreateRole","iam:TagRole"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"x"}}},
        {"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}},
        {"Effect":"Allow","Action":"iam:DeleteRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"x"}}},
        {"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}]}"#;
    let jo = world.user("jo", Some(only)).await;
    let status = async |form: &[(&str, &str)]| world.call_with(&jo, Service::Iam, form).await.status;
    let attach = |name| [("Action", "AttachRolePolicy"), ("RoleName", "Dev"), ("PolicyArn", name)];
    assert_eq!(status(&attach("arn:aws:iam::aws:policy/ReadOnlyAccess")).await, 200);
    assert_eq!(status(&attach("arn:aws:iam::aws:policy/AdministratorAccess")).await, 403);
    let create = |value| {
        [
            ("Action", "CreateRole"),
            ("RoleName", "R"),
            ("AssumeRolePolicyDocument", TRUST_ROOT),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", value),
        ]
    };
    assert_eq!(status(&create("y")).await, 403);
    assert_eq!(status(&create("x")).await, 200);
    assert_eq!(status(&[("Action", "DeleteRole"), ("RoleName", "Dev")]).await, 403);
    assert_eq!(status(&[("Action", "DeleteRole"), ("RoleName", "R")]).await, 200);
    assert_eq!(status(&[("Action", "CreateUser"), ("UserName", "u")]).await, 403);
    let bounded = [
        ("Action", "CreateUser"),
        ("UserName", "u"),
        ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    ];
    assert_eq!(status(&bounded).await, 200);
    assert_eq!(status(&[("Action", "GetUser")]).await, 200);
    assert_eq!(status(&[("Action", "GetUser"), ("UserName", "u")]).await, 403);
}

#[tokio::test]
async fn tags_at_creation_need_their_own_permission() {
    let world = World::new().await;
    let jo = world.user("jo", Some(&allow("iam:CreateRole", "*"))).await;
    let form = [
        ("Action", "CreateRole"),
        ("RoleName", "R"),
        ("AssumeRolePolicyDocument", TRUST_ROOT),
        ("Tags.member.1.Key", "k"),
        ("Tags.member.1.Value", "v"),
    ];
    let (status, _, message) = error(world.call_with(&jo, Service::Iam, &form).await);
    assert_eq!(status, 403);
    assert!(message.contains("iam:TagRole on resource: arn:aws:iam::111122223333:role/R"), "{message}");
    assert_eq!(world.call_with(&jo, Service::Iam, &form[..3]).await.status, 200);
}

#[tokio::test]
async fn boundaries_and_session_policies_limit() {
    let world = World::new().await;
    let jo = world.user("jo", Some(ALLOW_ALL)).await;
    let boundary = [
        ("Action", "PutUserPermissionsBoundary"),
        ("UserName", "jo"),
        ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    ];
    world.iam_ok(&boundary).await;
    ok(world.call_with(&jo, Service::Iam, &[("Action", "ListUsers")]).await);
    let create = [("Action", "CreateUser"), ("UserName", "u")];
    let (_, code, message) = error(world.call_with(&jo, Service::Iam, &create).await);
    assert_eq!(code, "AccessDenied");
    assert!(message.ends_with("because no permissions boundary allows the iam:CreateUser action"), "{message}");

    world.role("Admin", TRUST_ROOT).await;
    let attach = [
        ("Action", "AttachRolePolicy"),
        ("RoleName", "Admin"),
        ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ];
    world.iam_ok(&attach).await;
    let role = "arn:aws:iam::111122223333:role/Admin";
    let policy = allow("iam:List*", "*");
    let assume = [("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", "s1"), ("Policy", policy.as_str())];
    let narrow = session(&ok(world.sts(&assume).await));
    ok(world.call_with(&narrow, Service::Iam, &[("Action", "ListUsers")]).await);
    let (_, _, message) = error(world.call_with(&narrow, Service::Iam, &create).await);
    let expected = "User: arn:aws:sts::111122223333:assumed-role/Admin/s1 is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::111122223333:user/u because no session policy allows the iam:CreateUser action";
    assert_eq!(message, expected);
    let wide = session(&ok(world.sts(&assume[..3]).await));
    ok(world.call_with(&wide, Service::Iam, &create).await);
    // A role has no user of its own.
    let (_, code, message) = error(world.call_with(&wide, Service::Iam, &[("Action", "GetUser")]).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationError", "Must specify userName when calling with non-User credentials")
    );
}

#[tokio::test]
async fn a_deny_wins_but_never_over_get_caller_identity() {
    let world = World::new().await;
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["sts:*","iam:ListUsers"],"Resource":"*"}]}"#;
    let jo = world.user("jo", Some(deny)).await;
    let (_, _, message) = error(world.call_with(&jo, Service::Iam, &[("Action", "ListUsers")]).await);
    assert!(message.ends_with("with an explicit deny in an identity-based policy"), "{message}");
    ok(world.call_with(&jo, Service::Sts, &[("Action", "GetCallerIdentity")]).await);
}
