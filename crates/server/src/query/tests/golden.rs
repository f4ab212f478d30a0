//! One story through every operation; each answer is a golden file.

use std::fs;
use std::path::{Path, PathBuf};

use super::world::{ALLOW_ALL, TRUST_ROOT, World};
use crate::query::{QueryAnswer, Service, refused};

const POLICY_ARN: &str = "arn:aws:iam::111122223333:policy/team/Deploy";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const NARROW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"eks:*","Resource":"*"}]}"#;

/// `SERVICE.Operation[.variant]` for the file, then the form.
type Step<'a> = (&'a str, &'a [(&'a str, &'a str)]);

#[rustfmt::skip]
const STORY: &[Step<'static>] = &[
    ("iam.CreateRole", &[("RoleName", "Dev"), ("Path", "/team/x/"), ("AssumeRolePolicyDocument", TRUST_ROOT), ("Description", "For <developers> & others"), ("MaxSessionDuration", "7200"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")]),
    ("iam.CreateRole.bare", &[("RoleName", "Bare"), ("AssumeRolePolicyDocument", TRUST_ROOT)]),
    ("iam.CreateRole.exists", &[("RoleName", "dev"), ("AssumeRolePolicyDocument", TRUST_ROOT)]),
    ("iam.CreateRole.malformed", &[("RoleName", "Bad"), ("AssumeRolePolicyDocument", "{")]),
    ("iam.GetRole", &[("RoleName", "Dev")]),
    ("iam.GetRole.missing", &[("RoleName", "Nobody")]),
    ("iam.ListRoles", &[]),
    ("iam.ListRoles.page", &[("MaxItems", "1")]),
    ("iam.UpdateRole", &[("RoleName", "Dev"), ("Description", "For developers"), ("MaxSessionDuration", "3600")]),
    ("iam.UpdateRoleDescription", &[("RoleName", "Dev"), ("Description", "Developers")]),
    ("iam.UpdateAssumeRolePolicy", &[("RoleName", "Dev"), ("PolicyDocument", TRUST_ROOT)]),
    ("iam.TagRole", &[("RoleName", "Dev"), ("Tags.member.1.Key", "stage"), ("Tags.member.1.Value", "test")]),
    ("iam.ListRoleTags", &[("RoleName", "Dev")]),
    ("iam.UntagRole", &[("RoleName", "Dev"), ("TagKeys.member.1", "stage")]),
    ("iam.PutRolePolicy", &[("RoleName", "Dev"), ("PolicyName", "clusters"), ("PolicyDocument", NARROW)]),
    ("iam.GetRolePolicy", &[("RoleName", "Dev"), ("PolicyName", "clusters")]),
    ("iam.ListRolePolicies", &[("RoleName", "Dev")]),
    ("iam.ListInstanceProfilesForRole", &[("RoleName", "Dev")]),
    ("iam.CreatePolicy", &[("PolicyName", "Deploy"), ("Path", "/team/"), ("PolicyDocument", NARROW), ("Description", "Deploys"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")]),
    ("iam.GetPolicy", &[("PolicyArn", POLICY_ARN)]),
    ("iam.GetPolicy.aws", &[("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]),
    ("iam.GetPolicyVersion", &[("PolicyArn", POLICY_ARN), ("VersionId", "v1")]),
    ("iam.CreatePolicyVersion", &[("PolicyArn", POLICY_ARN), ("PolicyDocument", ALLOW_ALL), ("SetAsDefault", "true")]),
    ("iam.ListPolicyVersions", &[("PolicyArn", POLICY_ARN)]),
    ("iam.SetDefaultPolicyVersion", &[("PolicyArn", POLICY_ARN), ("VersionId", "v1")]),
    ("iam.DeletePolicyVersion", &[("PolicyArn", POLICY_ARN), ("VersionId", "v2")]),
    ("iam.TagPolicy", &[("PolicyArn", POLICY_ARN), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")]),
    ("iam.ListPolicyTags", &[("PolicyArn", POLICY_ARN)]),
    ("iam.UntagPolicy", &[("PolicyArn", POLICY_ARN), ("TagKeys.member.1", "k")]),
    ("iam.AttachRolePolicy", &[("RoleName", "Dev"), ("PolicyArn", POLICY_ARN)]),
    ("iam.ListAttachedRolePolicies", &[("RoleName", "Dev")]),
    ("iam.ListPolicies", &[]),
    ("iam.ListPolicies.attached", &[("Scope", "Local"), ("OnlyAttached", "true")]),
    ("iam.PutRolePermissionsBoundary", &[("RoleName", "Dev"), ("PermissionsBoundary", POLICY_ARN)]),
    ("iam.GetRole.boundary", &[("RoleName", "Dev")]),
    ("iam.DeletePolicy.attached", &[("PolicyArn", POLICY_ARN)]),
    ("iam.DeleteRole.attached", &[("RoleName", "Dev")]),
    ("iam.CreateUser", &[("UserName", "jo"), ("PermissionsBoundary", READ_ONLY), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")]),
    ("iam.GetUser", &[("UserName", "jo")]),
    ("iam.GetUser.self", &[]),
    ("iam.ListUsers", &[("PathPrefix", "/")]),
    ("iam.TagUser", &[("UserName", "jo"), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")]),
    ("iam.ListUserTags", &[("UserName", "jo")]),
    ("iam.UntagUser", &[("UserName", "jo"), ("TagKeys.member.1", "k"), ("TagKeys.member.2", "team")]),
    ("iam.PutUserPolicy", &[("UserName", "jo"), ("PolicyName", "p"), ("PolicyDocument", NARROW)]),
    ("iam.GetUserPolicy", &[("UserName", "jo"), ("PolicyName", "p")]),
    ("iam.ListUserPolicies", &[("UserName", "jo")]),
    ("iam.AttachUserPolicy", &[("UserName", "jo"), ("PolicyArn", READ_ONLY)]),
    ("iam.ListAttachedUserPolicies", &[("UserName", "jo")]),
    ("iam.CreateGroup", &[("GroupName", "devs"), ("Path", "/team/")]),
    ("iam.AddUserToGroup", &[("GroupName", "devs"), ("UserName", "jo")]),
    ("iam.AttachGroupPolicy", &[("GroupName", "devs"), ("PolicyArn", READ_ONLY)]),
    ("iam.PutGroupPolicy", &[("GroupName", "devs"), ("PolicyName", "g"), ("PolicyDocument", NARROW)]),
    ("iam.GetGroup", &[("GroupName", "Devs")]),
    ("iam.GetGroup.missing", &[("GroupName", "no")]),
    ("iam.ListGroups", &[("PathPrefix", "/team/")]),
    ("iam.ListGroupPolicies", &[("GroupName", "devs")]),
    ("iam.GetGroupPolicy", &[("GroupName", "devs"), ("PolicyName", "g")]),
    ("iam.ListAttachedGroupPolicies", &[("GroupName", "devs")]),
    ("iam.ListGroupsForUser", &[("UserName", "jo")]),
    ("iam.CreateAccessKey", &[("UserName", "jo")]),
    ("iam.ListAccessKeys", &[("UserName", "jo")]),
    ("iam.ListEntitiesForPolicy", &[("PolicyArn", READ_ONLY)]),
    ("iam.ListEntitiesForPolicy.roles", &[("PolicyArn", POLICY_ARN), ("EntityFilter", "Role")]),
    ("iam.GetAccountSummary", &[]),
    ("iam.DeleteGroup.members", &[("GroupName", "devs")]),
    ("iam.RemoveUserFromGroup", &[("GroupName", "devs"), ("UserName", "jo")]),
    ("iam.DetachGroupPolicy", &[("GroupName", "devs"), ("PolicyArn", READ_ONLY)]),
    ("iam.DeleteGroupPolicy", &[("GroupName", "devs"), ("PolicyName", "g")]),
    ("iam.DeleteGroup", &[("GroupName", "devs")]),
    ("sts.GetCallerIdentity", &[]),
    ("sts.AssumeRole", &[("RoleArn", "arn:aws:iam::111122223333:role/Bare"), ("RoleSessionName", "jo@example.com")]),
    ("sts.AssumeRole.policy", &[("RoleArn", "arn:aws:iam::111122223333:role/team/x/Dev"), ("RoleSessionName", "jo"), ("DurationSeconds", "900"), ("Policy", NARROW), ("PolicyArns.member.1.arn", READ_ONLY), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v"), ("SourceIdentity", "jo")]),
    ("sts.AssumeRole.missing", &[("RoleArn", "arn:aws:iam::111122223333:role/Nobody"), ("RoleSessionName", "jo")]),
    ("sts.AssumeRole.invalid", &[("RoleArn", "arn:aws:iam::111122223333:role/Bare"), ("RoleSessionName", "a b")]),
    ("sts.GetSessionToken", &[("DurationSeconds", "900")]),
    ("sts.DecodeAuthorizationMessage.unknown", &[("EncodedMessage", "x")]),
    ("iam.CreateLoginProfile.unknown", &[("UserName", "x")]),
    ("iam.DeleteUserPermissionsBoundary", &[("UserName", "jo")]),
    ("iam.PutUserPermissionsBoundary", &[("UserName", "jo"), ("PermissionsBoundary", POLICY_ARN)]),
    ("iam.DetachUserPolicy", &[("UserName", "jo"), ("PolicyArn", READ_ONLY)]),
    ("iam.DeleteUserPolicy", &[("UserName", "jo"), ("PolicyName", "p")]),
    ("iam.DeleteUser.keys", &[("UserName", "jo")]),
    ("iam.DetachRolePolicy", &[("RoleName", "Dev"), ("PolicyArn", POLICY_ARN)]),
    ("iam.DeleteRole.policies", &[("RoleName", "Dev")]),
    ("iam.DeleteRolePolicy", &[("RoleName", "Dev"), ("PolicyName", "clusters")]),
    ("iam.DeleteRolePermissionsBoundary", &[("RoleName", "Dev")]),
    ("iam.DeleteRole", &[("RoleName", "Dev")]),
];

fn folder() -> PathBuf {
    // The crate may be built from elsewhere; the folder is found from this file.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/boto/golden")
}

struct Golden {
    update: bool,
    seen: Vec<String>,
    wrong: Vec<String>,
}

impl Golden {
    fn check(&mut self, name: &str, answer: &QueryAnswer) {
        let extension = if answer.content_type == "application/json" { "json" } else { "xml" };
        let file = format!("{name}.{}.{extension}", answer.status);
        let path = folder().join(&file);
        if self.update {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, &answer.body).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != answer.body {
            self.wrong.push(format!("{file} should now be:\n{}", answer.body));
        }
        self.seen.push(file);
    }
}

#[tokio::test]
async fn every_answer_is_as_recorded() {
    let world = World::new().await;
    let mut golden =
        Golden { update: std::env::var_os("UPDATE_GOLDEN").is_some(), seen: Vec::new(), wrong: Vec::new() };
    for (name, form) in STORY {
        let mut parts = name.split('.');
        let service = Service::of_scope(parts.next().unwrap()).unwrap();
        let mut whole = vec![("Action", parts.next().unwrap())];
        whole.extend_from_slice(form);
        golden.check(name, &world.call_with(&world.admin, service, &whole).await);
    }
    // What needs something of an answer before.
    let name = entryway_directory::Name::user("jo").unwrap();
    let key = world.account.access_keys(&name).await.unwrap().remove(0).id;
    let update = [("Action", "UpdateAccessKey"), ("UserName", "jo"), ("AccessKeyId", &key), ("Status", "Inactive")];
    let used = [("Action", "GetAccessKeyLastUsed"), ("AccessKeyId", key.as_str())];
    golden.check("iam.GetAccessKeyLastUsed", &world.iam(&used).await);
    golden.check("iam.UpdateAccessKey", &world.iam(&update).await);
    let delete = [("Action", "DeleteAccessKey"), ("UserName", "jo"), ("AccessKeyId", key.as_str())];
    golden.check("iam.DeleteAccessKey", &world.iam(&delete).await);
    golden.check("iam.DeleteUser", &world.iam(&[("Action", "DeleteUser"), ("UserName", "jo")]).await);
    golden.check("iam.DeletePolicy", &world.iam(&[("Action", "DeletePolicy"), ("PolicyArn", POLICY_ARN)]).await);
    let json = world.call_as(&world.admin, Service::Sts, &[("Action", "GetCallerIdentity")], true).await;
    golden.check("sts.GetCallerIdentity", &json);
    let missing = entryway_iam::sigv4::SigV4Error::MissingAuthentication;
    golden.check("sts.GetCallerIdentity.unsigned", &refused(Service::Sts, &missing, "id", false));
    golden.check("sts.GetCallerIdentity.unsigned", &refused(Service::Sts, &missing, "id", true));

    let mut there: Vec<String> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    golden.seen.sort();
    assert!(golden.wrong.is_empty(), "{} answers differ:\n{}", golden.wrong.len(), golden.wrong.join("\n"));
    assert_eq!(there, golden.seen, "files that no answer belongs to, or the other way round");
}

#[tokio::test]
async fn no_secret_is_recorded() {
    let world = World::new().await;
    let answers =
        [world.iam(&[("Action", "CreateAccessKey")]).await, world.sts(&[("Action", "GetSessionToken")]).await, {
            world.role("Dev", TRUST_ROOT).await;
            let arn = "arn:aws:iam::111122223333:role/Dev";
            world.sts(&[("Action", "AssumeRole"), ("RoleArn", arn), ("RoleSessionName", "jo")]).await
        }];
    for answer in answers {
        let record = format!("{:?}", answer.record);
        let secret = super::world::element(&answer.body, "SecretAccessKey");
        assert!(!record.contains(&secret), "{record}");
        assert!(record.contains(&super::world::element(&answer.body, "AccessKeyId")), "{record}");
        if answer.body.contains("SessionToken") {
            assert!(!record.contains(&super::world::element(&answer.body, "SessionToken")), "{record}");
        }
    }
    let record = world.sts(&[("Action", "GetSessionToken"), ("TokenCode", "123456")]).await.record;
    assert!(!format!("{record:?}").contains("123456"));
}
