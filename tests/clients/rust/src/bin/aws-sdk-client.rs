//! The crates `aws-sdk-eks`, `aws-sdk-iam` and `aws-sdk-sts`: every call of the walkthrough, errors by their types,
//! paginators, waiters. Environment: `AWS_*`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise: that is its report"
)]

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_eks::Client as Eks;
use aws_sdk_eks::client::Waiters;
use aws_sdk_eks::error::SdkError;
use aws_sdk_eks::operation::create_access_entry::CreateAccessEntryError;
use aws_sdk_eks::types::{AccessScope, AccessScopeType, AuthenticationMode, UpdateStatus, UpdateType};
use aws_sdk_eks::types::{ClusterStatus, CreateAccessConfigRequest, UpdateAccessConfigRequest, VpcConfigRequest};
use aws_sdk_iam::Client as Iam;
use aws_sdk_iam::types::Tag;
use aws_sdk_sts::Client as Sts;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use serde_json::{Value, json};

const POLICIES: &str = "arn:aws:eks::aws:cluster-access-policy/";

#[tokio::main]
async fn main() {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let (eks, iam, sts) = (Eks::new(&config), Iam::new(&config), Sts::new(&config));

    let me = sts.get_caller_identity().send().await.unwrap();
    assert!(me.arn().unwrap().ends_with(":user/admin"), "{me:?}");
    let role = role(&iam, me.account().unwrap()).await;
    policies(&eks).await;
    entry(&eks, &role).await;
    errors(&eks, &iam, &role).await;
    cluster(&eks).await;
    session(&config, &eks, &iam, &sts, &role).await;

    eks.delete_access_entry().cluster_name("demo").principal_arn(&role).send().await.unwrap();
    iam.delete_role_policy().role_name("rust").policy_name("describe").send().await.unwrap();
    iam.delete_role().role_name("rust").send().await.unwrap();
    println!("ok");
}

/// A role with an inline policy, a managed one and tags, read back; and the pages of a listing.
async fn role(iam: &Iam, account: &str) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]});
    let describe = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}]});
    let tag = Tag::builder().key("team").value("x @ y").build().unwrap();
    let made = iam.create_role().role_name("rust").path("/clients/").assume_role_policy_document(trust.to_string());
    let made =
        made.description("made by aws-sdk-iam").max_session_duration(7200).tags(tag.clone()).send().await.unwrap();
    let made = made.role().unwrap().clone();
    assert!(made.create_date().secs() > 1_700_000_000);
    let inline = iam.put_role_policy().role_name("rust").policy_name("describe").policy_document(describe.to_string());
    inline.send().await.unwrap();
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    iam.attach_role_policy().role_name("rust").policy_arn(read_only).send().await.unwrap();
    let attached = iam.list_attached_role_policies().role_name("rust").into_paginator().items().send();
    let attached = attached.try_collect().await.unwrap();
    assert_eq!(attached.iter().filter_map(|policy| policy.policy_arn()).collect::<Vec<_>>(), [read_only]);
    iam.detach_role_policy().role_name("rust").policy_arn(read_only).send().await.unwrap();
    let names = iam.list_role_policies().role_name("rust").send().await.unwrap();
    assert_eq!(names.policy_names(), ["describe"]);

    let got = iam.get_role().role_name("rust").send().await.unwrap().role().unwrap().clone();
    assert_eq!((got.role_id(), got.tags(), got.max_session_duration()), (made.role_id(), &[tag][..], Some(7200)));
    assert_eq!(document(got.assume_role_policy_document().unwrap()), trust);

    for number in 0..5 {
        let more = iam.create_role().role_name(format!("rust-{number}")).path("/clients/");
        more.assume_role_policy_document(trust.to_string()).send().await.unwrap();
    }
    let mut pages = iam.list_roles().path_prefix("/clients/").into_paginator().page_size(2).send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().roles().len());
    }
    assert_eq!(sizes, [2, 2, 2]);
    for number in 0..5 {
        iam.delete_role().role_name(format!("rust-{number}")).send().await.unwrap();
    }
    made.arn().to_owned()
}

/// IAM sends documents URL-encoded, and this SDK leaves them so.
fn document(encoded: &str) -> Value {
    let mut bytes = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    serde_json::from_slice(&bytes).unwrap()
}

async fn policies(eks: &Eks) {
    let all = eks.list_access_policies().into_paginator().page_size(7).items().send().try_collect().await.unwrap();
    let names: Vec<&str> = all.iter().filter_map(|policy| policy.name()).collect();
    assert!(names.len() >= 33 && names.is_sorted() && names.contains(&"AmazonEKSClusterAdminPolicy"), "{names:?}");
}

/// An entry's life, with a policy in a namespace and in the cluster.
async fn entry(eks: &Eks, role: &str) {
    let made = eks.create_access_entry().cluster_name("demo").principal_arn(role).kubernetes_groups("devs");
    let made = made.tags("team", "x").send().await.unwrap().access_entry().unwrap().clone();
    assert_eq!((made.principal_arn(), made.kubernetes_groups()), (Some(role), &["devs".to_owned()][..]));
    assert!(made.username().unwrap().ends_with("assumed-role/rust/{{SessionName}}"));
    assert!(made.created_at().unwrap().secs() > 1_700_000_000);
    let listed = eks.list_access_entries().cluster_name("demo").into_paginator().page_size(1).items().send();
    assert!(listed.try_collect().await.unwrap().contains(&role.to_owned()));
    let described = eks.describe_access_entry().cluster_name("demo").principal_arn(role).send().await.unwrap();
    assert_eq!(described.access_entry(), Some(&made));
    let updated = eks.update_access_entry().cluster_name("demo").principal_arn(role).kubernetes_groups("ops");
    let updated = updated.send().await.unwrap().access_entry().unwrap().clone();
    assert_eq!((updated.kubernetes_groups(), updated.username()), (&["ops".to_owned()][..], made.username()));

    let scope = AccessScope::builder().r#type(AccessScopeType::Namespace).namespaces("team-*").build();
    let view = format!("{POLICIES}AmazonEKSViewPolicy");
    let ask = || eks.associate_access_policy().cluster_name("demo").principal_arn(role).policy_arn(&view);
    let first = ask().access_scope(scope.clone()).send().await.unwrap().associated_access_policy().unwrap().clone();
    assert_eq!(first.access_scope(), Some(&scope));
    let whole = AccessScope::builder().r#type(AccessScopeType::Cluster).build();
    let again = ask().access_scope(whole).send().await.unwrap().associated_access_policy().unwrap().clone();
    assert_eq!(again.access_scope().unwrap().r#type(), Some(&AccessScopeType::Cluster));
    let listed = eks.list_associated_access_policies().cluster_name("demo").principal_arn(role);
    assert_eq!(listed.into_paginator().items().send().try_collect().await.unwrap(), [again]);
    let ask = eks.disassociate_access_policy().cluster_name("demo").principal_arn(role).policy_arn(&view);
    ask.send().await.unwrap();

    let arn = made.access_entry_arn().unwrap();
    eks.tag_resource().resource_arn(arn).tags("a", "b").send().await.unwrap();
    eks.untag_resource().resource_arn(arn).tag_keys("team").send().await.unwrap();
    let tags = eks.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().iter().collect::<Vec<_>>(), [(&"a".to_owned(), &"b".to_owned())]);
}

/// Refusals arrive as the errors that the models name, with their members.
async fn errors(eks: &Eks, iam: &Iam, role: &str) {
    let ask = |principal: &str| eks.create_access_entry().cluster_name("demo").principal_arn(principal).send();
    let CreateAccessEntryError::ResourceInUseException(error) = modelled(ask(role).await) else { panic!() };
    assert_eq!(error.message(), Some("The specified access entry resource is already in use on this cluster."));
    let CreateAccessEntryError::InvalidParameterException(error) = modelled(ask("nonsense").await) else { panic!() };
    assert_eq!(error.message(), Some("The principalArn parameter format is not valid"));
    let absent = eks.describe_access_entry().cluster_name("demo").principal_arn(format!("{role}x")).send().await;
    assert!(modelled(absent).is_resource_not_found_exception());
    let nowhere = modelled(eks.describe_cluster().name("nowhere").send().await);
    assert_eq!(nowhere.meta().message(), Some("No cluster found for name: nowhere."));
    assert!(nowhere.is_resource_not_found_exception());

    let again = iam.create_role().role_name("RUST").assume_role_policy_document("{}").send().await;
    let error = again.unwrap_err().into_service_error();
    assert!(error.is_entity_already_exists_exception() || error.is_malformed_policy_document_exception(), "{error:?}");
    assert!(
        iam.get_role().role_name("no").send().await.unwrap_err().into_service_error().is_no_such_entity_exception()
    );
    let kept = iam.delete_role().role_name("rust").send().await.unwrap_err().into_service_error();
    assert!(kept.is_delete_conflict_exception(), "{kept:?}");
}

/// The error of an answer that has to be one, as its operation models it.
fn modelled<T: std::fmt::Debug, E: std::fmt::Debug, R: std::fmt::Debug>(answer: Result<T, SdkError<E, R>>) -> E {
    match answer {
        Err(SdkError::ServiceError(error)) => error.into_err(),
        other => panic!("no error of the service: {other:?}"),
    }
}

/// A cluster from its making to its end, by the waiters, and a change of its mode.
async fn cluster(eks: &Eks) {
    let minute = Duration::from_secs(60);
    let vpc = VpcConfigRequest::builder().subnet_ids("subnet-0a").subnet_ids("subnet-0b").build();
    let access = CreateAccessConfigRequest::builder().authentication_mode(AuthenticationMode::ApiAndConfigMap).build();
    let ask = eks.create_cluster().name("rust").role_arn("arn:aws:iam::111122223333:role/eks");
    let made = ask.resources_vpc_config(vpc).access_config(access).send().await.unwrap();
    assert_eq!(made.cluster().unwrap().status(), Some(&ClusterStatus::Creating));
    eks.wait_until_cluster_active().name("rust").wait(minute).await.unwrap();
    let shown = eks.describe_cluster().name("rust").send().await.unwrap().cluster().unwrap().clone();
    assert!(shown.endpoint().unwrap().starts_with("https://"));
    assert!(shown.certificate_authority().unwrap().data().is_some());
    let clusters = eks.list_clusters().into_paginator().page_size(1).items().send().try_collect().await.unwrap();
    assert!(clusters.contains(&"rust".to_owned()) && clusters.contains(&"demo".to_owned()));

    let api = UpdateAccessConfigRequest::builder().authentication_mode(AuthenticationMode::Api).build();
    let update = eks.update_cluster_config().name("rust").access_config(api).send().await.unwrap();
    let update = update.update().unwrap();
    assert_eq!(update.r#type(), Some(&UpdateType::AccessConfigUpdate));
    let described = eks.describe_update().name("rust").update_id(update.id().unwrap()).send().await.unwrap();
    assert_eq!(described.update().unwrap().status(), Some(&UpdateStatus::Successful));
    eks.delete_cluster().name("rust").send().await.unwrap();
    eks.wait_until_cluster_deleted().name("rust").wait(minute).await.unwrap();
}

/// A session of the role may what the role's policy says, and is refused the rest.
async fn session(config: &SdkConfig, eks: &Eks, iam: &Iam, sts: &Sts, role: &str) {
    let assumed = sts.assume_role().role_arn(role).role_session_name("jo").duration_seconds(900).send().await.unwrap();
    assert!(assumed.assumed_role_user().unwrap().arn().ends_with("assumed-role/rust/jo"));
    let keys = assumed.credentials().unwrap();
    let keys = Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token().to_owned()),
        Some(keys.expiration().to_owned().try_into().unwrap()),
        "tests",
    );
    let theirs = config.to_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build();
    let me = Sts::new(&theirs).get_caller_identity().send().await.unwrap();
    assert!(me.arn().unwrap().ends_with("assumed-role/rust/jo"));
    Eks::new(&theirs).describe_cluster().name("demo").send().await.unwrap();
    let error = Eks::new(&theirs).list_clusters().send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDeniedException"));
    let error = Iam::new(&theirs).list_roles().send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDenied"));

    let nobody = config.to_builder();
    let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wrong", None, None, "tests");
    let nobody = nobody.credentials_provider(SharedCredentialsProvider::new(keys)).build();
    let error = Eks::new(&nobody).list_clusters().send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("UnrecognizedClientException"));
    // The administrator's clients go on.
    eks.list_clusters().send().await.unwrap();
    iam.get_account_summary().send().await.unwrap();
}
