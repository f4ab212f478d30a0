//! Who gets a session, and what it is good for.

use jiff::SignedDuration;

use super::world::{ALLOW_ALL, TRUST_ROOT, World, element, error, ok, session};
use crate::query::{QueryAnswer, Service};
use entryway_iam::Credentials;

const DEV: &str = "arn:aws:iam::111122223333:role/Dev";
const ASSUME_DEV: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/Dev"}]}"#;

fn trusting(principal: &str, actions: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":{actions}}}]}}"#
    )
}

async fn assume(world: &World, who: &Credentials, arn: &str, extra: &[(&str, &str)]) -> QueryAnswer {
    let mut form = vec![("Action", "AssumeRole"), ("RoleArn", arn), ("RoleSessionName", "jo@x")];
    form.extend_from_slice(extra);
    world.call_with(who, Service::Sts, &form).await
}

fn refused(answer: QueryAnswer) -> String {
    let (status, code, message) = error(answer);
    assert_eq!((status, code.as_str()), (403, "AccessDenied"), "{message}");
    message
}

#[tokio::test]
async fn the_account_trusted_needs_a_policy_and_the_user_trusted_needs_none() {
    let world = World::new().await;
    let none = world.user("none", None).await;
    let may = world.user("may", Some(ASSUME_DEV)).await;
    world.role("Dev", TRUST_ROOT).await;
    let answer = ok(assume(&world, &may, DEV, &[]).await);
    assert_eq!(element(&answer, "Arn"), "arn:aws:sts::111122223333:assumed-role/Dev/jo@x");
    assert_eq!(element(&answer, "Expiration"), "2026-11-24T11:00:00Z");
    refused(assume(&world, &none, DEV, &[]).await);

    world.role("Named", &trusting("arn:aws:iam::111122223333:user/none", "\"sts:AssumeRole\"")).await;
    let named = "arn:aws:iam::111122223333:role/Named";
    ok(assume(&world, &none, named, &[]).await);
    let message = refused(assume(&world, &may, named, &[]).await);
    let text = "User: arn:aws:iam::111122223333:user/may is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/Named";
    assert_eq!(message, text);

    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}"#;
    let form = [("Action", "PutUserPolicy"), ("UserName", "none"), ("PolicyName", "d"), ("PolicyDocument", deny)];
    world.iam_ok(&form).await;
    assert!(
        refused(assume(&world, &none, named, &[]).await).ends_with("with an explicit deny in an identity-based policy")
    );
}

#[tokio::test]
async fn trust_conditions_see_the_call() {
    let world = World::new().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"secret-word"},"StringLike":{"sts:RoleSessionName":"jo@*"}}}]}"#;
    world.role("Dev", trust).await;
    refused(assume(&world, &world.admin, DEV, &[]).await);
    refused(assume(&world, &world.admin, DEV, &[("ExternalId", "other")]).await);
    ok(assume(&world, &world.admin, DEV, &[("ExternalId", "secret-word")]).await);
}

#[tokio::test]
async fn tags_and_source_identity_need_their_actions() {
    let world = World::new().await;
    let jo = world.user("jo", None).await;
    world.role("Dev", &trusting("arn:aws:iam::111122223333:user/jo", "\"sts:AssumeRole\"")).await;
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")];
    assert!(refused(assume(&world, &jo, DEV, &tag).await).contains("sts:TagSession"));
    assert!(refused(assume(&world, &jo, DEV, &[("SourceIdentity", "jo")]).await).contains("sts:SetSourceIdentity"));
    let trust =
        trusting("arn:aws:iam::111122223333:user/jo", r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#);
    world.iam_ok(&[("Action", "UpdateAssumeRolePolicy"), ("RoleName", "Dev"), ("PolicyDocument", &trust)]).await;
    let all = [tag[0], tag[1], ("SourceIdentity", "jo")];
    let answer = ok(assume(&world, &jo, DEV, &all).await);
    assert_eq!(element(&answer, "SourceIdentity"), "jo");
    let credential = world.directory.credentials(&session(&answer).access_key_id).await.unwrap().unwrap();
    let caller = world.directory.caller(&credential).await.unwrap().unwrap();
    assert_eq!(caller.context.get("aws:PrincipalTag/team"), Some(&["x".to_owned()][..]));
    assert_eq!(caller.context.get("aws:SourceIdentity"), Some(&["jo".to_owned()][..]));
    assert_eq!(caller.context.get("aws:PrincipalArn"), Some(&[DEV.to_owned()][..]));
}

#[tokio::test]
async fn chains_are_short_and_carry_what_is_transitive() {
    let world = World::new().await;
    let create = [
        ("Action", "CreateRole"),
        ("RoleName", "Dev"),
        ("AssumeRolePolicyDocument", TRUST_ROOT),
        ("MaxSessionDuration", "43200"),
    ];
    world.iam_ok(&create).await;
    let put = [("Action", "PutRolePolicy"), ("RoleName", "Dev"), ("PolicyName", "p"), ("PolicyDocument", ALLOW_ALL)];
    world.iam_ok(&put).await;
    let extra = [
        ("DurationSeconds", "43200"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "x"),
        ("Tags.member.2.Key", "mine"),
        ("Tags.member.2.Value", "y"),
        ("TransitiveTagKeys.member.1", "team"),
        ("SourceIdentity", "jo"),
    ];
    let first = session(&ok(assume(&world, &world.admin, DEV, &extra).await));
    let (_, code, message) = error(assume(&world, &first, DEV, &[("DurationSeconds", "3601")]).await);
    let text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    assert_eq!((code.as_str(), message.as_str()), ("ValidationError", text));
    let second = session(&ok(assume(&world, &first, DEV, &[("DurationSeconds", "3600")]).await));
    let credential = world.directory.credentials(&second.access_key_id).await.unwrap().unwrap();
    let caller = world.directory.caller(&credential).await.unwrap().unwrap();
    assert_eq!(caller.context.get("aws:PrincipalTag/team"), Some(&["x".to_owned()][..]));
    assert_eq!(caller.context.get("aws:PrincipalTag/mine"), None);
    assert_eq!(caller.context.get("aws:SourceIdentity"), Some(&["jo".to_owned()][..]));
    let again = [("Tags.member.1.Key", "TEAM"), ("Tags.member.1.Value", "z")];
    assert_eq!(error(assume(&world, &first, DEV, &again).await).1, "InvalidParameterValue");
    assert_eq!(refused(assume(&world, &first, DEV, &[("SourceIdentity", "eve")]).await).split(' ').count(), 21);
}

#[tokio::test]
async fn a_session_ends_with_its_role() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let dev = session(&ok(assume(&world, &world.admin, DEV, &[]).await));
    let credential = world.directory.credentials(&dev.access_key_id).await.unwrap().unwrap();
    assert!(!credential.is_expired(world.now + SignedDuration::from_mins(59)));
    assert!(credential.is_expired(world.now + SignedDuration::from_mins(60)));
    let answer = ok(world.call_with(&dev, Service::Sts, &[("Action", "GetCallerIdentity")]).await);
    assert!(element(&answer, "UserId").ends_with(":jo@x"));
    assert_eq!(element(&answer, "Arn"), "arn:aws:sts::111122223333:assumed-role/Dev/jo@x");
    world.iam_ok(&[("Action", "DeleteRole"), ("RoleName", "Dev")]).await;
    assert!(world.directory.caller(&credential).await.unwrap().is_none());
    world.role("Dev", TRUST_ROOT).await;
    assert!(world.directory.caller(&credential).await.unwrap().is_none(), "another role of the same name");
    assert!(world.directory.identity(&credential).await.unwrap().is_none());
}

#[tokio::test]
async fn a_principal_made_again_is_not_trusted_for_its_name() {
    let world = World::new().await;
    let jo = world.user("jo", None).await;
    world.role("Dev", &trusting("arn:aws:iam::111122223333:user/jo", "\"sts:AssumeRole\"")).await;
    ok(assume(&world, &jo, DEV, &[]).await);
    let delete = [("Action", "DeleteAccessKey"), ("UserName", "jo"), ("AccessKeyId", jo.access_key_id.as_str())];
    world.iam_ok(&delete).await;
    let id = element(&world.iam_ok(&[("Action", "GetUser"), ("UserName", "jo")]).await, "UserId");
    world.iam_ok(&[("Action", "DeleteUser"), ("UserName", "jo")]).await;
    let shown = element(&world.iam_ok(&[("Action", "GetRole"), ("RoleName", "Dev")]).await, "AssumeRolePolicyDocument");
    assert!(shown.contains(&id) && !shown.contains("user%2Fjo"), "{shown}");
    let jo = world.user("jo", None).await;
    refused(assume(&world, &jo, DEV, &[]).await);
    // Setting the policy again means the new one.
    let trust = trusting("arn:aws:iam::111122223333:user/jo", "\"sts:AssumeRole\"");
    world.iam_ok(&[("Action", "UpdateAssumeRolePolicy"), ("RoleName", "Dev"), ("PolicyDocument", &trust)]).await;
    ok(assume(&world, &jo, DEV, &[]).await);
}

#[tokio::test]
async fn a_role_made_again_on_another_path_is_not_trusted_either() {
    let world = World::new().await;
    let create = |path| {
        [("Action", "CreateRole"), ("RoleName", "Ops"), ("Path", path), ("AssumeRolePolicyDocument", TRUST_ROOT)]
    };
    world.iam_ok(&create("/a/")).await;
    world.role("Dev", &trusting("arn:aws:iam::111122223333:role/a/Ops", "\"sts:AssumeRole\"")).await;
    let ops = session(&ok(assume(&world, &world.admin, "arn:aws:iam::111122223333:role/a/Ops", &[]).await));
    ok(assume(&world, &ops, DEV, &[]).await);
    world.iam_ok(&[("Action", "DeleteRole"), ("RoleName", "Ops")]).await;
    world.iam_ok(&create("/b/")).await;
    let ops = session(&ok(assume(&world, &world.admin, "arn:aws:iam::111122223333:role/b/Ops", &[]).await));
    refused(assume(&world, &ops, DEV, &[]).await);
}

#[tokio::test]
async fn a_users_session_is_good_for_sts_alone() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let answer = ok(world.sts(&[("Action", "GetSessionToken")]).await);
    assert_eq!(element(&answer, "Expiration"), "2026-11-24T22:00:00Z");
    let temporary = session(&answer);
    let identity = ok(world.call_with(&temporary, Service::Sts, &[("Action", "GetCallerIdentity")]).await);
    assert_eq!(element(&identity, "Arn"), "arn:aws:iam::111122223333:user/admin");
    ok(assume(&world, &temporary, DEV, &[]).await);
    let again = world.call_with(&temporary, Service::Sts, &[("Action", "GetSessionToken")]).await;
    assert_eq!(refused(again), "Cannot call GetSessionToken with session credentials");
    let (status, code, _) = error(world.call_with(&temporary, Service::Iam, &[("Action", "ListUsers")]).await);
    assert_eq!((status, code.as_str()), (403, "InvalidClientTokenId"));
    let dev = session(&ok(assume(&world, &world.admin, DEV, &[]).await));
    refused(world.call_with(&dev, Service::Sts, &[("Action", "GetSessionToken")]).await);
}

#[tokio::test]
async fn an_inactive_key_is_no_key() {
    let world = World::new().await;
    let jo = world.user("jo", None).await;
    let set = |status| {
        [
            ("Action", "UpdateAccessKey"),
            ("UserName", "jo"),
            ("AccessKeyId", jo.access_key_id.as_str()),
            ("Status", status),
        ]
    };
    world.iam_ok(&set("Inactive")).await;
    assert!(world.directory.credentials(&jo.access_key_id).await.unwrap().is_none());
    world.iam_ok(&set("Active")).await;
    assert!(world.directory.credentials(&jo.access_key_id).await.unwrap().is_some());
}

#[tokio::test]
async fn session_policies_have_a_limit() {
    let world = World::new().await;
    world.role("Dev", TRUST_ROOT).await;
    let actions: String = (0..140).map(|i| format!("\"eks:Abc{i:05}\",")).collect();
    let big = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{actions}"eks:B"],"Resource":"*"}}}}"#
    );
    assert!(big.len() > 2048);
    assert_eq!(error(assume(&world, &world.admin, DEV, &[("Policy", &big)]).await).1, "ValidationError");
    let names: Vec<(String, String)> =
        (1..=30).map(|i| (format!("Tags.member.{i}.Key"), format!("Tags.member.{i}.Value"))).collect();
    let keys: Vec<String> = (1..=30).map(|i| format!("key{i}")).collect();
    let value = "v".repeat(250);
    let tags: Vec<(&str, &str)> = names
        .iter()
        .zip(&keys)
        .flat_map(|((key, val), name)| [(key.as_str(), name.as_str()), (val.as_str(), value.as_str())])
        .collect();
    assert_eq!(error(assume(&world, &world.admin, DEV, &tags).await).1, "PackedPolicyTooLarge");
}
