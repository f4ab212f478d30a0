//! The values that exist are valid: ARNs, names, scopes, entries, policies; with EKS's own words where it
//! has some.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use std::str::FromStr;

use entryway_access::{
    AccessEntry, AccessScope, AccountId, Arn, AuthenticationMode, ClusterArn, ClusterName, EntryError, EntryType,
    GroupName, NamespacePattern, Partition, PolicyArn, PolicyCatalogue, PolicyName, PolicyRules, PrincipalArn,
    PrincipalKind, RbacObjects, Region, Subject, Template, TemplateValues, Username, bootstrap_rbac,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

fn role() -> PrincipalArn {
    "arn:aws:iam::111122223333:role/team/x/Dev".parse().unwrap()
}

#[test]
fn arns_come_apart() {
    let arn: Arn = "arn:aws:eks:eu-west-1:111122223333:cluster/a:b/c".parse().unwrap();
    let parts = (arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource());
    assert_eq!(parts, ("aws", "eks", "eu-west-1", "111122223333", "cluster/a:b/c"));
    let arn: Arn = "arn:aws:s3:::b".parse().unwrap();
    assert_eq!((arn.region(), arn.account(), arn.resource()), ("", "", "b"));
    let long = format!("arn:aws:iam::1:{}", "x".repeat(2048));
    for text in
        ["", "arn", "arn:aws:iam:x", "arn::iam:::x", "arn:aws::::x", "arn:aws:iam:::", "arn:aws:iam:::a b", &*long]
    {
        assert!(Arn::from_str(text).is_err(), "{text}");
    }
    // A very long text is not repeated whole.
    assert!(Arn::from_str(&long).unwrap_err().to_string().len() < 500);
}

#[test]
fn principals_come_apart() {
    let good = [
        ("arn:aws:iam::111122223333:role/Dev", "/", "Dev"),
        ("arn:aws:iam::111122223333:role/team/x/Dev", "/team/x/", "Dev"),
        ("arn:aws-us-gov:iam::111122223333:user/a+b=c,d.e@f_g-h", "/", "a+b=c,d.e@f_g-h"),
        ("arn:aws:iam::111122223333:root", "/", "root"),
        ("arn:aws:sts::111122223333:federated-user/Bob", "/", "Bob"),
    ];
    for (text, path, name) in good {
        let principal: PrincipalArn = text.parse().unwrap();
        assert_eq!((principal.path(), principal.name(), principal.to_string().as_str()), (path, name, text));
        let again = PrincipalArn::new(principal.partition(), principal.account().clone(), principal.kind().clone());
        assert_eq!(again, Ok(principal));
    }
    let long = format!("arn:aws:iam::111122223333:role/{}", "x".repeat(65));
    let bad = [
        "arn:aws:sts::111122223333:assumed-role/Dev/jo",
        "arn:aws:iam::111122223333:group/devs",
        "arn:aws:iam::111122223333:instance-profile/Dev",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role",
        "arn:aws:iam::111122223333:role//Dev",
        "arn:aws:iam::111122223333:role/Dev/",
        "arn:aws:iam::111122223333:role/De v",
        "arn:aws:iam::111122223333:role/Dév",
        "arn:aws:iam::111122223333:root/x",
        "arn:aws:iam:us-east-1:111122223333:role/Dev",
        "arn:aws:iam::11112222333:role/Dev",
        "arn:aws-x:iam::111122223333:role/Dev",
        "arn:aws:s3::111122223333:role/Dev",
        "ARN:aws:iam::111122223333:role/Dev",
        &*long,
        "",
    ];
    for text in bad {
        assert!(PrincipalArn::from_str(text).is_err(), "{text}");
    }
    for (path, name) in [("/", "a/b"), ("", "x"), ("/a", "x"), ("a/", "x"), ("/", "")] {
        let kind = PrincipalKind::Role { path: path.to_owned(), name: name.to_owned() };
        assert!(PrincipalArn::new(Partition::Aws, account(), kind).is_err(), "{path} {name}");
    }
    assert_eq!(role().without_path().as_str(), "arn:aws:iam::111122223333:role/Dev");
    assert_eq!(Ok(role().without_path()), role().without_path().as_str().parse());
}

#[test]
fn partitions_and_regions() {
    let regions = [
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ];
    for (region, partition) in regions {
        assert_eq!(Partition::of_region(&region.parse().unwrap()).as_str(), partition);
        assert_eq!(Partition::from_str(partition).unwrap().to_string(), partition);
    }
    for text in ["", "-a", "a-", "a_b", "a.b", &*"a".repeat(64)] {
        assert!(Region::from_str(text).is_err(), "{text}");
    }
}

#[test]
fn clusters() {
    for text in ["a", "A-b_c9", &*"x".repeat(100)] {
        assert_eq!(ClusterName::from_str(text).unwrap().as_str(), text);
    }
    for text in ["", "-a", "_a", "a.b", "a/b", &*"x".repeat(101)] {
        assert!(ClusterName::from_str(text).is_err(), "{text}");
    }
    let text = "arn:aws:eks:eu-west-1:111122223333:cluster/demo";
    assert_eq!(ClusterArn::from_str(text).unwrap().to_string(), text);
    for text in ["arn:aws:eks:eu-west-1:111122223333:nodegroup/demo", "arn:aws:iam:eu-west-1:111122223333:cluster/demo"]
    {
        assert!(ClusterArn::from_str(text).is_err());
    }
}

#[test]
fn modes_step_one_way() {
    use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
    for from in AuthenticationMode::ALL {
        for to in AuthenticationMode::ALL {
            let taken = matches!((from, to), (ConfigMap, ApiAndConfigMap) | (ApiAndConfigMap, Api));
            assert_eq!(from.step(to).is_ok(), taken, "{from} {to}");
        }
        assert_eq!(from.as_str().parse(), Ok(from));
    }
    let text = ConfigMap.step(Api).unwrap_err().to_string();
    assert_eq!(text, "Unsupported authentication mode update from CONFIG_MAP to API");
    assert!(AuthenticationMode::from_str("api").is_err());
}

#[test]
fn scopes() {
    let namespaces = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let error = |kind: &str, list: &[&str]| AccessScope::from_parts(kind, &namespaces(list)).unwrap_err().to_string();
    assert_eq!(error("namespace", &[]), "At least 1 namespace must be provided if the type is set as namespace");
    assert_eq!(
        error("cluster", &["a"]),
        "accessScope should not include namespaces if the type is not set as namespace"
    );
    assert!(error("Cluster", &[]).contains("`Cluster`"));
    for text in ["", "A", "a_b", "a.b", "-a", "a-", "a b", "é", &*"a".repeat(64)] {
        assert!(error("namespace", &["good", text]).contains(&format!("`{text}`")));
    }
    let scope = AccessScope::from_parts("namespace", &namespaces(&["dev-*", "a", "dev-*"])).unwrap();
    assert_eq!((scope.kind(), scope.to_string().as_str()), ("namespace", "dev-*, a"));
    for (pattern, name, matches) in [
        ("*", "a", true),
        ("*", "", false),
        ("dev-*", "dev-", true),
        ("dev-*", "dev", false),
        ("*-dev", "a-dev-dev", true),
        ("a*b*c", "axxbxxc", true),
        ("a*b*c", "axxbxx", false),
        ("a**", "a", true),
        ("*a*a*", "a", false),
        ("a", "aa", false),
    ] {
        assert_eq!(NamespacePattern::from_str(pattern).unwrap().matches(name), matches, "{pattern} {name}");
    }
}

#[test]
fn entries_of_each_type_have_eks_own_defaults() {
    let names = [
        (EntryType::Standard, "arn:aws:sts::111122223333:assumed-role/Dev/{{SessionName}}", vec![]),
        (EntryType::Ec2Linux, "system:node:{{EC2PrivateDNSName}}", vec!["system:nodes"]),
        (EntryType::Ec2Windows, "system:node:{{EC2PrivateDNSName}}", vec!["system:nodes", "eks:kube-proxy-windows"]),
        (EntryType::Ec2, "system:node:{{SessionName}}", vec!["system:nodes"]),
        (EntryType::FargateLinux, "system:node:{{SessionName}}", vec!["system:nodes", "system:node-proxier"]),
        (EntryType::HybridLinux, "system:node:{{SessionName}}", vec!["system:nodes"]),
        (EntryType::HyperpodLinux, "system:node:{{SessionName}}", vec!["system:nodes"]),
    ];
    assert_eq!(names.iter().map(|(kind, ..)| *kind).collect::<Vec<_>>(), EntryType::ALL);
    for (kind, username, groups) in names {
        let entry = AccessEntry::new(role(), kind, None, Some(&[]), &account()).unwrap();
        assert_eq!(
            (entry.username.as_str(), entry.groups),
            (username, groups.into_iter().map(str::to_owned).collect())
        );
        assert_eq!(kind.takes_policies(), matches!(kind, EntryType::Standard | EntryType::Ec2));
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    for principal in ["arn:aws:iam::444455556666:user/jo", "arn:aws:iam::444455556666:root"] {
        let entry = AccessEntry::new(principal.parse().unwrap(), EntryType::Standard, None, None, &account()).unwrap();
        assert_eq!(entry.username.as_str(), principal);
    }
    assert_eq!(EntryType::from_str("Standard"), Err(EntryError::UnknownType));
}

#[test]
fn refused_entries_are_refused_in_eks_own_words() {
    let text = |principal: &str, kind: EntryType, username: Option<&str>, groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|&text| text.to_owned()).collect();
        let error = AccessEntry::parse_principal(principal)
            .and_then(|principal| AccessEntry::new(principal, kind, username, Some(&groups), &account()))
            .unwrap_err();
        assert_eq!(error.code(), "InvalidParameterException");
        error.to_string()
    };
    let dev = "arn:aws:iam::111122223333:role/Dev";
    let standard = EntryType::Standard;
    for principal in [
        "Dev",
        "arn:aws:sts::111122223333:assumed-role/Dev/jo",
        "arn:aws:sts::111122223333:federated-user/jo",
        "arn:aws:iam::111122223333:group/devs",
    ] {
        assert_eq!(text(principal, standard, None, &[]), "The principalArn parameter format is not valid");
    }
    assert_eq!(
        text(
            "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
            standard,
            None,
            &[]
        ),
        "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
    );
    for prefix in ["system:", "eks:", "aws:", "amazon:", "iam:"] {
        assert_eq!(
            text(dev, standard, None, &["ok", &format!("{prefix}x")]),
            format!("The kubernetes group name {prefix}x is invalid, it cannot start with {prefix}")
        );
        assert_eq!(
            text(dev, standard, Some(&format!("{prefix}x")), &[]),
            format!("The username must not begin with {prefix}")
        );
    }
    assert_eq!(
        text(dev, EntryType::Ec2Linux, None, &["g"]),
        "The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"EC2_LINUX\""
    );
    assert_eq!(
        text(dev, EntryType::Ec2, Some("u"), &[]),
        "The specified username is invalid: setting username is not allowed when the type is \"EC2\""
    );
    assert_eq!(
        text("arn:aws:iam::111122223333:user/jo", EntryType::Ec2Linux, None, &[]),
        "AccessEntry principalArn must be IAM role when using types [EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
    );
    assert_eq!(
        text("arn:aws:iam::444455556666:role/Dev", EntryType::HyperpodLinux, None, &[]),
        "AccessEntry principalArn must be from the same account as the cluster when using types [EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
    );
    for username in
        ["{{SessionName}}", "x-{{SessionNameRaw}}", "{{SessionName}}:x", "{{SessionName}}:{{SessionNameRaw}}"]
    {
        assert!(
            text(dev, standard, Some(username), &[]).contains("{{SessionName}} or {{SessionNameRaw}}"),
            "{username}"
        );
    }
    assert!(text(dev, standard, None, &[""]).contains("256"));
    assert!(text(dev, standard, Some("a\nb"), &[]).contains("control"));
    let good = [
        "x:{{SessionName}}",
        ":{{SessionNameRaw}}",
        "a:b-{{SessionName}}",
        "{{AccountID}}",
        "jo",
        "system",
        "System:x",
    ];
    for username in good {
        assert_eq!(Username::from_str(username).unwrap().as_str(), username);
    }
    for group in ["system", "devs", "my:group"] {
        assert_eq!(GroupName::from_str(group).unwrap().as_str(), group);
    }
}

#[test]
fn the_catalogue_is_aws_own() {
    let catalogue = PolicyCatalogue::builtin();
    assert_eq!(catalogue.aws().count(), 33);
    assert_eq!(PolicyCatalogue::from_json(include_str!("../data/policies.json")).unwrap().aws().count(), 33);
    let linked: Vec<&str> =
        catalogue.aws().filter(|policy| policy.service_linked_only).map(|policy| policy.name.as_str()).collect();
    assert_eq!(
        linked,
        [
            "AmazonEKSBlockStorageClusterPolicy",
            "AmazonEKSComputeClusterPolicy",
            "AmazonEKSLoadBalancingClusterPolicy",
            "AmazonEKSNetworkingClusterPolicy"
        ]
    );
    let known = catalogue.aws().filter(|policy| matches!(policy.rules, PolicyRules::Known(_))).count();
    assert_eq!(known, 8);
    let get = |text: &str| catalogue.get(&text.parse().unwrap()).map(|policy| policy.name.to_string());
    assert_eq!(
        get("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy").as_deref(),
        Some("AmazonEKSViewPolicy")
    );
    assert_eq!(get("arn:aws:eks::aws:cluster-access-policy/Nope"), None);
    assert_eq!(get("arn:aws:eks:eu-west-1:111122223333:cluster-access-policy/AmazonEKSViewPolicy"), None);
    for broken in [
        "",
        "{}",
        r#"[{"name": "A", "arn": "arn:aws:eks::aws:cluster-access-policy/B", "rules": null, "source": ""}]"#,
        r#"[{"name": "A", "arn": "arn:aws:eks::aws:cluster-access-policy/A", "rules": null, "source": "", "x": 1}]"#,
        r#"[{"name": "A", "arn": "x", "rules": null, "source": ""}]"#,
    ] {
        assert!(PolicyCatalogue::from_json(broken).is_err(), "{broken}");
    }
}

#[test]
fn policies_are_found_by_what_people_write() {
    let catalogue = PolicyCatalogue::builtin();
    let resolve = |text: &str| catalogue.resolve(text, Partition::AwsCn).map(|arn| arn.to_string());
    let admin = "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
    for text in [
        admin,
        "AmazonEKSClusterAdminPolicy",
        "amazoneksclusteradminpolicy",
        "ClusterAdmin",
        "cluster-admin",
        "clusteradminpolicy",
    ] {
        assert_eq!(resolve(text).as_deref(), Ok(admin), "{text}");
    }
    assert_eq!(resolve("EMRJob").as_deref(), Ok("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEMRJobPolicy"));
    let near = resolve("ClusterAdmn").unwrap_err();
    assert!(near.contains("the nearest are `AmazonEKSClusterAdminPolicy`"), "{near}");
    assert!(resolve("AmazonEKSVeiwPolicy").unwrap_err().contains("`AmazonEKSViewPolicy`"));
    assert!(
        resolve("something else altogether")
            .unwrap_err()
            .ends_with("there is no access policy `something else altogether`")
    );
    assert!(resolve("").is_err());
    assert!(resolve("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy").unwrap_err().contains("partition"));
    assert!(
        resolve("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolic")
            .unwrap_err()
            .contains("`AmazonEKSViewPolicy`")
    );
    for text in [
        "arn:aws:eks::aws:cluster-access-policy/",
        "arn:aws:eks:eu-west-1:aws:cluster-access-policy/A",
        "arn:aws:eks::111122223333:cluster-access-policy/A",
        "arn:aws:eks::aws:access-policy/A",
        "arn:aws:iam::aws:policy/A",
    ] {
        assert!(PolicyArn::from_str(text).is_err(), "{text}");
    }
}

#[test]
fn rbac_objects_are_taken_in_or_named() {
    let bootstrap: Value = serde_json::from_str(bootstrap_rbac()).unwrap();
    let (objects, problems) = RbacObjects::from_values([&bootstrap]);
    assert_eq!((objects.roles.len(), objects.bindings.len(), problems.len()), (77, 58, 0));

    let binding = |kind: &str, subjects: Value, role: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1beta1", "kind": kind, "metadata": {"name": "b"}, "subjects": subjects, "roleRef": role});
    let cluster_role = json!({"kind": "ClusterRole", "name": "r"});
    let (objects, problems) = RbacObjects::from_values(&[
        json!({"kind": "RoleList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "a", "namespace": "n"}, "rules": null}]}),
        json!({"kind": "Role", "apiVersion": "iam.services.k8s.aws/v1alpha1", "metadata": {"name": "not-rbac"}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "x"}}),
        json!("a text"),
        json!({"kind": "List", "items": null}),
        binding(
            "RoleBinding",
            json!([{"kind": "ServiceAccount", "name": "sa"}, {"kind": "Robot", "name": "x"}]),
            cluster_role.clone(),
        ),
        binding(
            "ClusterRoleBinding",
            json!([{"kind": "ServiceAccount", "name": "sa"}, {"kind": "User", "name": "u"}]),
            cluster_role.clone(),
        ),
        binding("ClusterRoleBinding", Value::Null, json!({"kind": "Role", "name": "r"})),
        binding("ClusterRoleBinding", Value::Null, json!({"kind": "Thing", "name": "r"})),
        binding("ClusterRoleBinding", Value::Null, Value::Null),
        json!({"kind": "ClusterRole", "metadata": {}}),
        json!({"kind": "ClusterRole"}),
        json!({"kind": "ClusterRole", "metadata": {"name": "bad"}, "rules": [{"verbs": "get"}]}),
        json!({"kind": "ClusterRole", "metadata": {"name": "agg"}, "aggregationRule": {"clusterRoleSelectors": [{"matchExpressions": [{"key": "k", "operator": "Near"}]}]}}),
        json!({"kind": "List", "items": {}}),
    ]);
    let roles: Vec<_> = objects.roles.iter().map(|role| (role.namespace.as_deref(), &*role.name)).collect();
    assert_eq!(roles, [(Some("n"), "a"), (None, "agg")]);
    assert_eq!(objects.bindings.len(), 2);
    assert_eq!(objects.bindings[0].namespace.as_deref(), Some("default"));
    assert_eq!(
        objects.bindings[0].subjects,
        [Subject::ServiceAccount { namespace: "default".into(), name: "sa".into() }]
    );
    assert_eq!(objects.bindings[1].subjects, [Subject::User("u".into())]);
    let named: Vec<&str> = problems.iter().map(|problem| problem.object.as_str()).collect();
    let expected = [
        "RoleBinding default/b",
        "ClusterRoleBinding b",
        "ClusterRoleBinding b",
        "ClusterRoleBinding b",
        "ClusterRoleBinding b",
        "ClusterRole",
        "ClusterRole",
        "ClusterRole bad",
        "ClusterRole agg",
        "List",
    ];
    assert_eq!(named, expected, "{problems:#?}");

    let mut deep = json!({"kind": "ClusterRole", "metadata": {"name": "x"}});
    for _ in 0..100 {
        deep = json!({"kind": "List", "items": [deep]});
    }
    let (objects, problems) = RbacObjects::from_values([&deep]);
    assert_eq!((objects.roles.len(), problems.len()), (0, 1));
}

/// Texts that are nearly what is wanted, beside any text at all.
fn near() -> impl Strategy<Value = String> {
    let pieces = vec![
        "arn:",
        "aws",
        ":",
        "iam",
        "sts",
        "eks",
        "111122223333",
        "role/",
        "user/",
        "root",
        "assumed-role/",
        "/",
        "Dev",
        "*",
        "-",
        "cluster-access-policy/",
        "cluster/",
        "eu-west-1",
        "é",
        "\0",
        " ",
        "AmazonEKSViewPolicy",
        "{{SessionName}}",
        "system:",
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(prop::sample::select(pieces), 0..10).prop_map(|list| list.concat())
    ]
}

fn round_trip<T: FromStr + ToString + PartialEq + std::fmt::Debug>(text: &str) -> Result<(), TestCaseError>
where
    T::Err: std::fmt::Debug,
{
    if let Ok(value) = text.parse::<T>() {
        prop_assert_eq!(value.to_string(), text);
        prop_assert_eq!(value.to_string().parse::<T>().unwrap(), value);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_parses_is_written_the_same(text in near()) {
        round_trip::<Arn>(&text)?;
        round_trip::<AccountId>(&text)?;
        round_trip::<Region>(&text)?;
        round_trip::<Partition>(&text)?;
        round_trip::<ClusterName>(&text)?;
        round_trip::<ClusterArn>(&text)?;
        round_trip::<PrincipalArn>(&text)?;
        round_trip::<PolicyName>(&text)?;
        round_trip::<PolicyArn>(&text)?;
        round_trip::<NamespacePattern>(&text)?;
        round_trip::<AuthenticationMode>(&text)?;
        let _ = (text.parse::<EntryType>(), text.parse::<GroupName>(), text.parse::<Username>());
        let _ = PolicyCatalogue::builtin().resolve(&text, Partition::Aws);
        let _ = entryway_access::Caller::from_sts("111122223333", &text, &text, &text);
        let values = TemplateValues { account_id: &text, session_name: &text, access_key_id: &text, ec2_private_dns_name: Some(&text) };
        prop_assert!(Template::new(text.as_str()).render(&values).is_some());
    }

    #[test]
    fn principals_from_parts(
        account in "[0-9]{12}",
        path in "/([!-.0-~]{1,5}/){0,3}",
        name in "[A-Za-z0-9_+=,.@-]{1,64}",
        is_role in any::<bool>(),
    ) {
        let kind = if is_role { PrincipalKind::Role { path, name } } else { PrincipalKind::User { path, name } };
        let principal = PrincipalArn::new(Partition::AwsCn, account.parse().unwrap(), kind).unwrap();
        prop_assert_eq!(principal.as_str().parse::<PrincipalArn>().unwrap(), principal.clone());
        prop_assert!(principal.same_principal(&principal.without_path()));
    }
}
