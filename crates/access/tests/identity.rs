//! From an STS answer to an identity: `authn.md` §3 to §6, and who an authorizer takes for a principal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessScope, Association, Attributes, AuthenticationMode, AwsAuth, BootstrapCreator, Caller,
    Candidate, CandidateOutcome, ClusterModel, Considered, Decision, EntryMiss, EntryType, Identity, IdentitySource,
    PolicyCatalogue, PolicyOutcome, PrincipalArn, RbacObjects, Reason, Request, Resource, Snapshot, Template, UserInfo,
};
use jiff::Timestamp;
use serde_json::json;

const ACCOUNT: &str = "111122223333";

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn arn(text: &str) -> PrincipalArn {
    text.parse().unwrap()
}

fn dev() -> Caller {
    let arn = "arn:aws:sts::111122223333:assumed-role/Dev/jo@example.com";
    Caller::from_sts(ACCOUNT, arn, "AROADEV:jo@example.com", "ASIA1").unwrap()
}

fn entry(principal: &str) -> AccessEntry {
    let account = ACCOUNT.parse().unwrap();
    AccessEntry::new(arn(principal), EntryType::Standard, None, None, &account).unwrap()
}

fn view(scope: AccessScope, expires: Option<Timestamp>) -> Association {
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".parse().unwrap();
    Association { policy, scope, expires }
}

fn aws_auth(roles: &str, users: &str, accounts: &str) -> AwsAuth {
    let data = [("mapRoles", roles), ("mapUsers", users), ("mapAccounts", accounts)];
    let data: BTreeMap<String, String> =
        data.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
    AwsAuth::parse(&data).0
}

fn snapshot(mode: AuthenticationMode, entries: Vec<AccessEntry>, aws_auth: AwsAuth) -> Snapshot {
    Snapshot::compile(ClusterModel {
        mode,
        entries: entries.into_iter().map(Arc::new).collect(),
        aws_auth,
        rbac: RbacObjects::default(),
        catalogue: PolicyCatalogue::builtin(),
        bootstrap_creator: None,
    })
}

fn get_pods<'a>(user: &'a UserInfo, namespace: &'a str) -> Request<'a> {
    let resource = Resource { resource: "pods", namespace, ..Resource::default() };
    Request { user, attributes: Attributes::Resource { verb: "get", resource } }
}

#[test]
fn sts_answers_name_principals() {
    let rows = [
        (
            "arn:aws:sts::111122223333:assumed-role/Dev/jo",
            "AROA1:jo",
            "arn:aws:iam::111122223333:role/Dev",
            "AROA1",
            "jo",
        ),
        (
            "arn:aws-cn:sts::111122223333:assumed-role/Dev/jo",
            "AROA1:jo",
            "arn:aws-cn:iam::111122223333:role/Dev",
            "AROA1",
            "jo",
        ),
        ("arn:aws:iam::111122223333:user/team/jo", "AIDA1", "arn:aws:iam::111122223333:user/team/jo", "AIDA1", ""),
        ("arn:aws:iam::111122223333:role/Dev", "AROA1:x", "arn:aws:iam::111122223333:role/Dev", "AROA1", "x"),
        ("arn:aws:iam::111122223333:root", ACCOUNT, "arn:aws:iam::111122223333:root", ACCOUNT, ""),
        (
            "arn:aws:sts::111122223333:federated-user/Bob",
            "111122223333:Bob",
            "arn:aws:sts::111122223333:federated-user/Bob",
            "111122223333:Bob",
            "",
        ),
    ];
    for (sts, user_id, canonical, id, session) in rows {
        let caller = Caller::from_sts(ACCOUNT, sts, user_id, "AKIA1").unwrap();
        assert_eq!((caller.principal.as_str(), &*caller.unique_id, &*caller.session_name), (canonical, id, session));
        assert_eq!((&*caller.arn, &*caller.access_key_id), (sts, "AKIA1"));
    }
}

#[test]
fn other_sts_answers_are_refused() {
    let rows = [
        ("arn:aws:sts::111122223333:assumed-role/Dev", "AROA1:jo"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/", "AROA1:jo"),
        ("arn:aws:sts::111122223333:assumed-role//jo", "AROA1:jo"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/jo/more", "AROA1:jo"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/jo", "AROA1"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/jo", "AROA1:"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/jo", ":jo"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/jo", "AROA1:jo:x"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/jo", "AROA1:someone-else"),
        ("arn:aws:iam::111122223333:role/Dev", "AROA1"),
        ("arn:aws-xy:sts::111122223333:assumed-role/Dev/jo", "AROA1:jo"),
        ("arn:aws:sts::444455556666:assumed-role/Dev/jo", "AROA1:jo"),
        ("arn:aws:sts:us-east-1:111122223333:assumed-role/Dev/jo", "AROA1:jo"),
        ("arn:aws:iam::111122223333:group/devs", "AGPA1"),
        ("arn:aws:iam::111122223333:user/", "AIDA1"),
        ("arn:aws:iam::111122223333:user/jo", ""),
        ("arn:aws:iam::111122223333:rooty", ACCOUNT),
        ("arn:aws:s3:::bucket", "x"),
        ("", ""),
    ];
    for (sts, user_id) in rows {
        assert!(Caller::from_sts(ACCOUNT, sts, user_id, "AKIA1").is_err(), "{sts} {user_id}");
    }
}

#[test]
fn an_identity_is_what_the_authenticator_answers() {
    let caller = dev();
    let cluster =
        snapshot(AuthenticationMode::Api, vec![entry("arn:aws:iam::111122223333:role/team/Dev")], AwsAuth::default());
    let Identity { user, source } = cluster.identity(&caller, None, now()).unwrap();
    assert_eq!(source, IdentitySource::Entry(arn("arn:aws:iam::111122223333:role/team/Dev")));
    assert_eq!(
        serde_json::to_value(&user).unwrap(),
        json!({
            "username": "arn:aws:sts::111122223333:assumed-role/Dev/jo-example.com",
            "uid": "aws-iam-authenticator:111122223333:AROADEV",
            "extra": {
                "accessKeyId": ["ASIA1"],
                "arn": ["arn:aws:sts::111122223333:assumed-role/Dev/jo@example.com"],
                "canonicalArn": ["arn:aws:iam::111122223333:role/Dev"],
                "principalId": ["AROADEV"],
                "sessionName": ["jo@example.com"],
                "sigs.k8s.io/aws-iam-authenticator/principalId": ["AROADEV"],
            },
        })
    );
    let user = Caller::from_sts(ACCOUNT, "arn:aws:iam::111122223333:user/jo", "AIDA1", "AKIA1").unwrap();
    let cluster =
        snapshot(AuthenticationMode::Api, vec![entry("arn:aws:iam::111122223333:user/jo")], AwsAuth::default());
    let user = cluster.identity(&user, None, now()).unwrap().user;
    assert_eq!(user.username, "arn:aws:iam::111122223333:user/jo");
    assert_eq!(user.extra["sessionName"], [""]);
}

#[test]
fn entries_match_by_account_partition_kind_and_name() {
    let matching = ["role/Dev", "role/team/x/Dev", "role/aws-reserved/sso.amazonaws.com/eu-west-1/Dev"];
    for resource in matching {
        let entries = vec![entry(&format!("arn:aws:iam::111122223333:{resource}"))];
        assert!(snapshot(AuthenticationMode::Api, entries, AwsAuth::default()).identity(&dev(), None, now()).is_some());
    }
    let others = [
        "arn:aws:iam::111122223333:role/dev",
        "arn:aws:iam::111122223333:user/Dev",
        "arn:aws:iam::444455556666:role/Dev",
        "arn:aws-cn:iam::111122223333:role/Dev",
        "arn:aws:iam::111122223333:root",
    ];
    for other in others {
        let cluster = snapshot(AuthenticationMode::Api, vec![entry(other)], AwsAuth::default());
        assert_eq!(cluster.identity(&dev(), None, now()), None, "{other}");
    }
    // Root is the root user, not the account.
    let root = Caller::from_sts(ACCOUNT, "arn:aws:iam::111122223333:root", ACCOUNT, "AKIA1").unwrap();
    let cluster = snapshot(AuthenticationMode::Api, vec![entry("arn:aws:iam::111122223333:root")], AwsAuth::default());
    assert!(cluster.identity(&root, None, now()).is_some());
}

const DEV_LINE: &str =
    "- rolearn: arn:aws:iam::111122223333:role/dev\n  username: line:{{SessionNameRaw}}\n  groups: [old]\n";

#[test]
fn modes_and_precedence() {
    use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
    let with_entry =
        vec![AccessEntry { groups: vec!["new".to_owned()], ..entry("arn:aws:iam::111122223333:role/Dev") }];
    let name = |mode, entries: &[AccessEntry], lines: &str| {
        let identity = snapshot(mode, entries.to_vec(), aws_auth(lines, "", "")).identity(&dev(), None, now());
        identity.map(|identity| (identity.user.username, identity.user.groups))
    };
    let by_entry =
        Some(("arn:aws:sts::111122223333:assumed-role/Dev/jo-example.com".to_owned(), vec!["new".to_owned()]));
    let by_line = Some(("line:jo@example.com".to_owned(), vec!["old".to_owned()]));
    assert_eq!(name(ConfigMap, &with_entry, DEV_LINE), by_line);
    assert_eq!(name(ApiAndConfigMap, &with_entry, DEV_LINE), by_entry);
    assert_eq!(name(Api, &with_entry, DEV_LINE), by_entry);
    assert_eq!(name(ConfigMap, &with_entry, ""), None);
    assert_eq!(name(ApiAndConfigMap, &[], DEV_LINE), by_line);
    assert_eq!(name(Api, &[], DEV_LINE), None);
}

#[test]
fn an_entry_of_another_id_or_an_ended_one_falls_through() {
    let base = entry("arn:aws:iam::111122223333:role/Dev");
    let mine = AccessEntry { unique_id: Some("AROADEV".to_owned()), ..base.clone() };
    let other = AccessEntry { unique_id: Some("AROAOLD".to_owned()), ..base.clone() };
    let ended = AccessEntry { expires: Some(now()), ..base.clone() };
    let lasting = AccessEntry { expires: Some(time("2026-11-24T10:00:01Z")), ..base };
    let source = |entry: &AccessEntry, mode| {
        let cluster = snapshot(mode, vec![entry.clone()], aws_auth(DEV_LINE, "", ""));
        cluster.identity(&dev(), None, now()).map(|identity| identity.source)
    };
    let by_entry = Some(IdentitySource::Entry(arn("arn:aws:iam::111122223333:role/Dev")));
    let by_line = Some(IdentitySource::AwsAuthLine { key: "mapRoles", index: 0 });
    for mode in [AuthenticationMode::Api, AuthenticationMode::ApiAndConfigMap] {
        assert_eq!(source(&mine, mode), by_entry);
        assert_eq!(source(&lasting, mode), by_entry);
    }
    for entry in [&other, &ended] {
        assert_eq!(source(entry, AuthenticationMode::Api), None);
        assert_eq!(source(entry, AuthenticationMode::ApiAndConfigMap), by_line);
    }
    // What they were is told.
    let cluster = snapshot(AuthenticationMode::ApiAndConfigMap, vec![other], aws_auth(DEV_LINE, "", ""));
    let caller = dev();
    let candidates = cluster.candidates(&caller, None, now());
    assert!(matches!(
        candidates.as_slice(),
        [
            (Candidate::Entry(_), CandidateOutcome::Missed(EntryMiss::OtherUniqueId)),
            (Candidate::Line { key: "mapRoles", index: 0, .. }, CandidateOutcome::Maps)
        ]
    ));
}

#[test]
fn aws_auth_searches_roles_users_accounts() {
    let dev_as = |key: &str, name: &str| format!("- {key}: arn:aws:iam::111122223333:role/Dev\n  username: {name}\n");
    let source = |map: AwsAuth, caller: &Caller| {
        let identity = snapshot(AuthenticationMode::ConfigMap, Vec::new(), map).identity(caller, None, now());
        identity.map(|identity| identity.user.username)
    };
    let roles = dev_as("rolearn", "first") + &dev_as("rolearn", "second");
    let users = dev_as("userarn", "user");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(source(aws_auth(&roles, &users, "['111122223333']"), &dev()), some("second"));
    assert_eq!(source(aws_auth("", &users, "['111122223333']"), &dev()), some("user"));
    assert_eq!(source(aws_auth("", "", "['111122223333']"), &dev()), some("arn:aws:iam::111122223333:role/Dev"));
    assert_eq!(source(aws_auth("", "", "['444455556666']"), &dev()), None);
    // A line with a path never matches, one without a username maps to nobody, whatever comes after it.
    let with_path = "- rolearn: arn:aws:iam::111122223333:role/team/Dev\n  username: x\n";
    assert_eq!(source(aws_auth(with_path, "", ""), &dev()), None);
    let nameless = "- rolearn: arn:aws:iam::111122223333:role/Dev\n  groups: [system:masters]\n";
    assert_eq!(source(aws_auth(nameless, &users, "['111122223333']"), &dev()), None);
    // Users under mapRoles match, with their path; so do root and federated users.
    let jo = Caller::from_sts(ACCOUNT, "arn:aws:iam::111122223333:user/team/jo", "AIDA1", "AKIA1").unwrap();
    let line = "- rolearn: arn:aws:iam::111122223333:user/team/Jo\n  username: jo\n";
    assert_eq!(source(aws_auth(line, "", ""), &jo), some("jo"));
    let bob =
        Caller::from_sts(ACCOUNT, "arn:aws:sts::111122223333:federated-user/Bob", "111122223333:Bob", "").unwrap();
    let line = "- userarn: arn:aws:sts::111122223333:federated-user/bob\n  username: bob\n";
    assert_eq!(source(aws_auth("", line, ""), &bob), some("bob"));
}

#[test]
fn templates_are_filled_once() {
    let session = "{{AccountID}}@{{AccessKeyID}}";
    let values = entryway_access::TemplateValues {
        account_id: ACCOUNT,
        session_name: session,
        access_key_id: "AKIA1",
        ec2_private_dns_name: None,
    };
    let render = |text: &str| Template::new(text).render(&values);
    assert_eq!(render("{{AccountID}}/{{AccessKeyID}}").as_deref(), Some("111122223333/AKIA1"));
    assert_eq!(render("{{SessionNameRaw}}").as_deref(), Some(session));
    assert_eq!(render("{{SessionName}}").as_deref(), Some("{{AccountID}}-{{AccessKeyID}}"));
    assert_eq!(render("{{{AccountID}}}").as_deref(), Some("{111122223333}"));
    for text in ["{{sessionname}}", "{{ SessionName }}", "{{", "}}", "{{{{", "{{SessionName", ""] {
        assert_eq!(render(text).as_deref(), Some(text));
    }
    assert_eq!(render("{{EC2PrivateDNSName}}"), None);
}

#[test]
fn node_names_need_an_instance_session() {
    let node = |session: &str| {
        let sts = format!("arn:aws:sts::111122223333:assumed-role/Node/{session}");
        Caller::from_sts(ACCOUNT, &sts, &format!("AROANODE:{session}"), "ASIA1").unwrap()
    };
    let account = ACCOUNT.parse().unwrap();
    let principal = arn("arn:aws:iam::111122223333:role/Node");
    let linux = AccessEntry::new(principal, EntryType::Ec2Linux, None, None, &account).unwrap();
    let by_entry = snapshot(AuthenticationMode::Api, vec![linux], AwsAuth::default());
    let line = "- rolearn: arn:aws:iam::111122223333:role/Node\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:nodes]\n";
    let by_line = snapshot(AuthenticationMode::ConfigMap, Vec::new(), aws_auth(line, "", ""));
    let host = Some("ip-10-0-0-1.ec2.internal");
    for cluster in [by_entry, by_line] {
        for session in ["i-0123456789abcdef0", "i-01234567"] {
            assert!(cluster.needs_ec2_name(&node(session), now()));
            let user = cluster.identity(&node(session), host, now()).unwrap().user;
            assert_eq!(
                (&*user.username, &*user.groups),
                ("system:node:ip-10-0-0-1.ec2.internal", &["system:nodes".to_owned()][..])
            );
            assert_eq!(cluster.identity(&node(session), None, now()), None);
        }
        for session in ["jo", "i-0123", "i-0123456789abcdef01", "x-01234567", "i-0123456="] {
            assert_eq!(cluster.identity(&node(session), host, now()), None, "{session}");
        }
    }
}

#[test]
fn an_entry_never_renders_a_reserved_name() {
    // The API lets no such username in; a file or an old record might hold one.
    let entry =
        AccessEntry { username: Template::new("{{SessionNameRaw}}:x"), ..entry("arn:aws:iam::111122223333:role/Dev") };
    let cluster = snapshot(AuthenticationMode::ApiAndConfigMap, vec![entry], aws_auth(DEV_LINE, "", ""));
    let caller = |session: &str| {
        let sts = format!("arn:aws:sts::111122223333:assumed-role/Dev/{session}");
        Caller::from_sts(ACCOUNT, &sts, &format!("AROADEV:{session}"), "").unwrap()
    };
    assert!(cluster.identity(&caller("jo"), None, now()).is_some());
    for session in ["system", "eks", "aws", "amazon", "iam"] {
        assert_eq!(cluster.identity(&caller(session), None, now()), None, "{session}");
        let caller = caller(session);
        let outcomes: Vec<_> =
            cluster.candidates(&caller, None, now()).into_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(outcomes, [CandidateOutcome::MapsToNobody, CandidateOutcome::Overridden]);
    }
}

#[test]
fn the_hidden_creator_is_there_in_config_map_mode_alone() {
    let creator = BootstrapCreator { principal: arn("arn:aws:iam::111122223333:role/team/Dev"), unique_id: None };
    let cluster = snapshot(AuthenticationMode::ConfigMap, Vec::new(), aws_auth(DEV_LINE, "", ""))
        .with_bootstrap_creator(Some(creator.clone()));
    let identity = cluster.identity(&dev(), None, now()).unwrap();
    assert_eq!(
        (identity.source, &identity.user.groups[..]),
        (IdentitySource::BootstrapCreator, &["system:masters".to_owned()][..])
    );
    assert!(matches!(cluster.decide(&get_pods(&identity.user, ""), now()), Decision::Allowed(Reason::SystemMasters)));
    let mixed = cluster.with_mode(AuthenticationMode::ApiAndConfigMap);
    assert!(matches!(mixed.identity(&dev(), None, now()).unwrap().source, IdentitySource::AwsAuthLine { .. }));

    let with_id = |id: &str| {
        cluster.with_bootstrap_creator(Some(BootstrapCreator { unique_id: Some(id.to_owned()), ..creator.clone() }))
    };
    let itself = with_id(&dev().unique_id);
    assert_eq!(itself.identity(&dev(), None, now()).unwrap().source, IdentitySource::BootstrapCreator);
    let made_again = with_id("AROAOFTHEFIRSTONE");
    assert!(matches!(made_again.identity(&dev(), None, now()).unwrap().source, IdentitySource::AwsAuthLine { .. }));
}

#[test]
fn ended_grants_grant_nothing() {
    let principal = "arn:aws:iam::111122223333:role/Dev";
    let until = |expires| AccessEntry { policies: vec![view(AccessScope::Cluster, expires)], ..entry(principal) };
    let allowed = |entry: AccessEntry, at: Timestamp| {
        // The token was good when it was checked; the decision takes its own time.
        let cluster = snapshot(AuthenticationMode::Api, vec![entry.clone()], AwsAuth::default());
        let user = cluster.identity(&dev(), None, time("2026-01-01T00:00:00Z")).unwrap().user;
        cluster.decide(&get_pods(&user, "x"), at).is_allowed()
    };
    let (before, end) = (time("2026-11-24T09:59:59.999999999Z"), now());
    assert!(allowed(until(None), end));
    assert!(allowed(until(Some(end)), before));
    assert!(!allowed(until(Some(end)), end));
    let entry_until = AccessEntry { expires: Some(end), ..until(None) };
    assert!(allowed(entry_until.clone(), before));
    assert!(!allowed(entry_until, end));
}

#[test]
fn impersonation_carries_no_policies() {
    let granted = AccessEntry {
        unique_id: Some("AROADEV".to_owned()),
        policies: vec![view(AccessScope::Cluster, None)],
        ..entry("arn:aws:iam::111122223333:role/Dev")
    };
    let cluster = snapshot(AuthenticationMode::Api, vec![granted], AwsAuth::default());
    let real = cluster.identity(&dev(), None, now()).unwrap().user;
    let allowed = |user: &UserInfo| cluster.decide(&get_pods(user, "x"), now()).is_allowed();
    assert!(allowed(&real));

    // The name alone, the name with the uid.
    assert!(!allowed(&UserInfo { username: real.username.clone(), ..UserInfo::default() }));
    assert!(!allowed(&UserInfo { extra: BTreeMap::new(), ..real.clone() }));
    // Impersonation headers: all the same values, keys in lower case.
    let lower = real.extra.iter().map(|(key, values)| (key.to_lowercase(), values.clone())).collect();
    let lookalike = UserInfo { extra: lower, ..real.clone() };
    assert!(!allowed(&lookalike));
    let explanation = cluster.explain(&get_pods(&lookalike, "x"), now());
    assert_eq!(explanation.considered, [Considered::NoPrincipal { lookalike: true }]);

    let with = |change: &dyn Fn(&mut UserInfo)| {
        let mut user = real.clone();
        change(&mut user);
        allowed(&user)
    };
    let sigs = "sigs.k8s.io/aws-iam-authenticator/principalId";
    assert!(with(&|user| user.username = "anything".to_owned()));
    assert!(with(&|user| drop(user.extra.remove(sigs))));
    assert!(with(&|user| drop(user.extra.remove("principalId"))));
    assert!(!with(&|user| drop(user.extra.remove("canonicalArn"))));
    assert!(!with(&|user| user.uid = String::new()));
    assert!(!with(&|user| user.uid = "AROADEV".to_owned()));
    assert!(!with(&|user| user.uid = "aws-iam-authenticator:444455556666:AROADEV".to_owned()));
    assert!(!with(&|user| user.uid = "aws-iam-authenticator:111122223333:AROAX".to_owned()));
    assert!(!with(&|user| user.uid.push_str(":more")));
    assert!(!with(&|user| drop(user.extra.insert(sigs.to_owned(), vec!["AROAX".to_owned()]))));
    assert!(!with(&|user| user
        .extra
        .get_mut("canonicalArn")
        .unwrap()
        .push("arn:aws:iam::111122223333:root".to_owned())));
    assert!(!with(&|user| user.extra.get_mut("principalId").unwrap().clear()));
    assert!(!with(&|user| {
        user.extra.remove(sigs);
        user.extra.remove("principalId");
    }));
    // Another role's id in all places at once: the entry was made for one id.
    assert!(!with(&|user| {
        user.uid = "aws-iam-authenticator:111122223333:AROAX".to_owned();
        user.extra.insert(sigs.to_owned(), vec!["AROAX".to_owned()]);
        user.extra.insert("principalId".to_owned(), vec!["AROAX".to_owned()]);
    }));
}

#[test]
fn scopes_and_their_reasons() {
    let namespaces = AccessScope::from_parts("namespace", &["dev-*".to_owned()]).unwrap();
    let scoped = AccessEntry {
        unique_id: Some("AROADEV".to_owned()),
        policies: vec![
            Association {
                policy: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSACKPolicy".parse().unwrap(),
                ..view(AccessScope::Cluster, None)
            },
            view(namespaces, None),
        ],
        ..entry("arn:aws:iam::111122223333:role/team/Dev")
    };
    let cluster = snapshot(AuthenticationMode::Api, vec![scoped], AwsAuth::default());
    let user = cluster.identity(&dev(), None, now()).unwrap().user;
    let Decision::Allowed(reason) = cluster.decide(&get_pods(&user, "dev-a"), now()) else { panic!("not allowed") };
    assert_eq!(
        reason.to_string(),
        "EKS Access Policy: allowed by ClusterRoleBinding \"arn:aws:iam::111122223333:role/team/Dev+arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy\" of ClusterRole \"arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy\" to User \"AROADEV\""
    );
    for namespace in ["", "dev", "prod"] {
        let request = get_pods(&user, namespace);
        assert_eq!(cluster.decide(&request, now()), Decision::NoOpinion, "{namespace}");
        let outcomes: Vec<PolicyOutcome<'_>> = cluster
            .explain(&request, now())
            .considered
            .iter()
            .filter_map(|one| if let Considered::Policy { outcome, .. } = one { Some(*outcome) } else { None })
            .collect();
        assert_eq!(outcomes, [PolicyOutcome::NoPublishedRules, PolicyOutcome::OutOfScope]);
    }
}

#[test]
fn rbac_reasons_are_kubernetes_own() {
    let objects = [
        json!({"kind": "Role", "metadata": {"name": "r", "namespace": "ns"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        json!({"kind": "RoleBinding", "metadata": {"name": "x", "namespace": "ns"}, "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "sa"}]}),
        json!({"kind": "RoleBinding", "metadata": {"name": "gone", "namespace": "ns"}, "roleRef": {"kind": "Role", "name": "missing"},
            "subjects": [{"kind": "User", "name": "u"}]}),
    ];
    let (rbac, problems) = RbacObjects::from_values(&objects);
    assert_eq!(problems, []);
    let cluster = snapshot(AuthenticationMode::Api, Vec::new(), AwsAuth::default()).with_rbac(rbac);
    let reason = |name: &str| {
        let user = UserInfo { username: name.to_owned(), ..UserInfo::default() };
        match cluster.decide(&get_pods(&user, "ns"), now()) {
            Decision::Allowed(reason) => reason.to_string(),
            Decision::NoOpinion => panic!("{name} is not allowed"),
        }
    };
    assert_eq!(reason("u"), "RBAC: allowed by RoleBinding \"x/ns\" of Role \"r\" to User \"u\"");
    assert_eq!(
        reason("system:serviceaccount:ns:sa"),
        "RBAC: allowed by RoleBinding \"x/ns\" of Role \"r\" to ServiceAccount \"sa/ns\""
    );
    let user = UserInfo { username: "u".to_owned(), ..UserInfo::default() };
    let considered: Vec<String> =
        cluster.explain(&get_pods(&user, "ns"), now()).considered.iter().map(ToString::to_string).collect();
    assert_eq!(
        considered,
        [
            "no access policies: the user does not come from the IAM authenticator",
            "RoleBinding ns/gone of Role missing to User \"u\" refers to a role that does not exist",
            "RoleBinding ns/x of Role r to User \"u\" allows it",
        ]
    );
}
