//! Sessions: what they hold, and when they end.

mod common;

use common::now;
use entryway_directory::{NewRoleSession, SessionKind, Tag, Tags};
use entryway_iam::policy::{Request, evaluate};
use jiff::SignedDuration;

fn asked() -> NewRoleSession {
    NewRoleSession {
        session_name: "jo".into(),
        duration: SignedDuration::from_hours(1),
        policies: Vec::new(),
        tags: Tags::default(),
        transitive: Vec::new(),
        source_identity: None,
    }
}

#[tokio::test]
async fn a_roles_session_is_the_roles_with_what_limits_it() {
    let account = common::account().await;
    let directory = account.directory();
    let mut new = common::role("Dev");
    new.path = entryway_directory::EntityPath::new("/team/").unwrap();
    new.tags = Tags::new(vec![tag("team", "role"), tag("kept", "1")]).unwrap();
    let role = account.create_role(new, now()).await.unwrap();
    account
        .attach::<entryway_directory::Role>(&role.name, "arn:aws:iam::aws:policy/AdministratorAccess")
        .await
        .unwrap();
    let only_eks = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"eks:*","Resource":"*"}}"#;
    let new = NewRoleSession {
        policies: vec![only_eks.into()],
        tags: Tags::new(vec![tag("Team", "session")]).unwrap(),
        transitive: vec!["team".into()],
        source_identity: Some("jo".into()),
        ..asked()
    };
    let issued = account.create_role_session(&role, new, now()).await.unwrap();
    let credential = directory.credentials(&issued.credentials.access_key_id).await.unwrap().unwrap();
    let token =
        |credentials: &entryway_iam::Credentials| credentials.session_token.as_ref().unwrap().expose().to_owned();
    assert_eq!(token(&credential.credentials), token(&issued.credentials));
    assert!(!format!("{credential:?}").contains(&token(&issued.credentials)));
    let caller = directory.caller(&credential).await.unwrap().unwrap();
    assert_eq!(caller.caller, directory.identity(&credential).await.unwrap().unwrap());
    assert_eq!(caller.caller.arn, "arn:aws:sts::111122223333:assumed-role/Dev/jo");
    assert_eq!(caller.caller.principal.as_str(), "arn:aws:iam::111122223333:role/Dev");
    assert_eq!(caller.principal.as_str(), "arn:aws:iam::111122223333:role/team/Dev");
    assert_eq!((caller.caller.unique_id.as_str(), caller.caller.session_name.as_str()), (role.id.as_str(), "jo"));
    let SessionKind::Role { issued, source_identity, transitive_tags } = &caller.session else { panic!() };
    assert_eq!((*issued, source_identity.as_deref()), (now(), Some("jo")));
    assert_eq!(transitive_tags.get("team"), Some("session"));
    let one = |key: &str| caller.context.get(key).map(|values| values.join(","));
    assert_eq!(one("aws:PrincipalTag/team").as_deref(), Some("session"));
    assert_eq!(one("aws:PrincipalTag/kept").as_deref(), Some("1"));
    assert_eq!(one("aws:userid"), Some(format!("{}:jo", role.id)));
    assert_eq!(one("aws:username"), None);
    assert_eq!(one("aws:PrincipalType").as_deref(), Some("AssumedRole"));
    let may = |action| {
        evaluate(&caller.policies.as_set(), &Request { action, resource: "*", context: &caller.context }).is_ok()
    };
    assert!(may("eks:ListClusters") && !may("iam:ListUsers"));
}

#[tokio::test]
async fn a_users_session_ends_with_the_user() {
    let account = common::account().await;
    let directory = account.directory();
    let user = account.create_user(common::user("jo"), now()).await.unwrap();
    let issued = account.create_user_session(&user, SignedDuration::from_hours(1), now()).await.unwrap();
    let credential = directory.credentials(&issued.credentials.access_key_id).await.unwrap().unwrap();
    let caller = directory.caller(&credential).await.unwrap().unwrap();
    assert_eq!(caller.caller.arn, "arn:aws:iam::111122223333:user/jo");
    assert_eq!(caller.session, SessionKind::User { issued: now() });
    account.delete_user(&user.name).await.unwrap();
    account.create_user(common::user("jo"), now()).await.unwrap();
    assert!(directory.caller(&credential).await.unwrap().is_none());
}

#[tokio::test]
async fn sessions_that_are_over_are_swept_and_others_stay() {
    let account = common::account().await;
    let role = account.create_role(common::role("Dev"), now()).await.unwrap();
    let mut ids = Vec::new();
    for minutes in [20, 60, 90] {
        let new = NewRoleSession { duration: SignedDuration::from_mins(minutes), ..asked() };
        ids.push(account.create_role_session(&role, new, now()).await.unwrap().credentials.access_key_id);
    }
    let there = async |id: &str| account.directory().credentials(id).await.unwrap().is_some();
    let later = now() + SignedDuration::from_mins(60);
    // Making another one sweeps, for the last time was long ago.
    account.create_role_session(&role, asked(), later).await.unwrap();
    assert!(!there(&ids[0]).await && !there(&ids[1]).await && there(&ids[2]).await);
    assert_eq!(account.sweep(later).await.unwrap(), 0);
    assert_eq!(account.sweep(later + SignedDuration::from_mins(30)).await.unwrap(), 1);
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.into(), value: value.into() }
}
