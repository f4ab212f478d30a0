//! Random aws-auths migrated: nobody ever gains, and who loses is always told.

use std::collections::BTreeMap;

use entryway_access::{AuthenticationMode, PolicyCatalogue, Subject};
use entryway_analysis::KnownPrincipals;
use entryway_formats::{ClusterSelector, DeclaredAwsAuth, DeclaredCluster, Placed};
use proptest::prelude::*;

use super::build::*;
use crate::{ActualCluster, Fate, Migration, MigrationInput, Readable, migrate};

fn run(roles: &str, users: &str, accounts: &str, has_api: bool) -> Migration {
    let (map, problems) = aws_auth(roles, users, accounts);
    let mut cluster = cluster();
    cluster.mode = if has_api { AuthenticationMode::ApiAndConfigMap } else { AuthenticationMode::ConfigMap };
    if has_api {
        cluster.entries = vec![actual("role/C", &[("View", namespaces(&["dev"]))])];
    }
    cluster.aws_auth = Readable::Read(map);
    let Readable::Read(rbac) = &mut cluster.rbac else { unreachable!() };
    rbac.roles.push(role("readers", &["get"], &["pods"]));
    let subjects = [
        Subject::Group("ops".into()),
        Subject::Group("system:viewers".into()),
        Subject::Group("system:bootstrappers".into()),
        Subject::User("x:jo".into()),
        Subject::User("jo".into()),
        Subject::Group("g:jo".into()),
    ];
    for (number, subject) in subjects.into_iter().enumerate() {
        let namespace = ["a", "b", "c", "d", "e", "f"][number];
        rbac.bindings.push(binding(namespace, Some(namespace), "readers", subject));
    }
    let problems: Vec<_> = problems.into_iter().map(|problem| (problem, None)).collect();
    migrate(&MigrationInput {
        cluster: &cluster,
        problems: &problems,
        places: &[],
        lookup: &BTreeMap::new(),
        known: &KnownPrincipals::default(),
        protected: &[],
        now: now(),
    })
}

fn line() -> impl Strategy<Value = String> {
    let names = ["role/A", "role/B", "role/C", "role/p/D", "user/u", "root"];
    let usernames = [
        "x:{{SessionName}}",
        "{{SessionName}}",
        "plain",
        "system:node:{{EC2PrivateDNSName}}",
        "system:node:{{SessionName}}",
        "system:x",
        "{{AccessKeyID}}",
    ];
    let groups = [
        "ops",
        "system:masters",
        "system:viewers",
        "system:bootstrappers",
        "system:nodes",
        "system:node-proxier",
        "eks:kube-proxy-windows",
        "g:{{SessionName}}",
        "system:authenticated",
    ];
    let account = prop_oneof![4 => Just("111122223333"), 1 => Just("999988887777")];
    let groups = proptest::sample::subsequence(groups.to_vec(), 0..4);
    (proptest::sample::select(names.to_vec()), proptest::sample::select(usernames.to_vec()), groups, account).prop_map(
        |(name, username, groups, account)| {
            let groups: Vec<String> = groups.into_iter().map(|group| format!("'{group}'")).collect();
            let groups = groups.join(", ");
            format!("- {{ARN: 'arn:aws:iam::{account}:{name}', username: '{username}', groups: [{groups}]}}\n")
        },
    )
}

fn text(lines: &[String], key: &str) -> String {
    lines.iter().map(|line| line.replace("ARN", key)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nobody_gains_and_every_loss_has_its_reason(
        roles in proptest::collection::vec(line(), 0..4),
        users in proptest::collection::vec(line(), 0..2),
        account in any::<bool>(),
        has_api in any::<bool>(),
    ) {
        let accounts = if account { "- '999988887777'\n" } else { "" };
        let migration = run(&text(&roles, "rolearn"), &text(&users, "userarn"), accounts, has_api);
        for difference in &migration.comparison {
            prop_assert!(!difference.is_gain(), "{difference:#?}");
            // The group of node bootstrapping is no entry's; RBAC binds something to it here, on purpose.
            let lost_bootstrapping = difference.before.iter().any(|who| who.groups.iter().any(|g| g == "system:bootstrappers"));
            let told = !migration.not_carried.is_empty() || lost_bootstrapping;
            prop_assert!(!difference.is_loss() || told, "{difference:#?}");
        }
        prop_assert_eq!(migration.lines.len(), roles.len() + users.len() + usize::from(account));
        let carried = migration.lines.iter().filter(|line| matches!(line.fate, Fate::Carried { .. })).count();
        prop_assert_eq!(carried, migration.entries.len());
        // Applied, nobody has lost yet: aws-auth maps whoever has no entry.
        let refused: Vec<&str> = migration.not_carried.iter().map(|one| one.principal.as_str()).collect();
        for difference in &migration.apply.clusters[0].meaning {
            let about = difference.subject.to_string();
            let node = difference.after.iter().any(|who| who.username.starts_with("system:node:"));
            prop_assert!(!difference.is_loss() || node || refused.contains(&about.as_str()), "{difference:#?}");
        }
    }

    #[test]
    fn no_text_is_too_much(roles in ".{0,200}", users in "[-a-z:{}\\[\\]' \n]{0,200}", accounts in ".{0,60}") {
        let migration = run(&roles, &users, &accounts, false);
        prop_assert!(migration.entries.len() <= migration.lines.len());
    }
}

#[test]
fn a_file_alone_can_be_migrated() {
    let (map, problems) = aws_auth("- {rolearn: 'arn:aws:iam::111122223333:role/A', username: a}\n", "", "");
    assert!(problems.is_empty());
    let name = "demo".parse().unwrap();
    let declared = DeclaredCluster {
        selector: Placed::nowhere(ClusterSelector::Named { name, region: None, account: None }),
        mode: None,
        entries: Vec::new(),
        aws_auth: Some(DeclaredAwsAuth { map, problems: Vec::new(), places: Vec::new() }),
        rbac: entryway_access::RbacObjects::default(),
    };
    let cluster = ActualCluster::from_declared(&declared, cluster().arn, PolicyCatalogue::builtin());
    assert_eq!(cluster.mode, AuthenticationMode::ConfigMap);
    let migration = migrate(&MigrationInput {
        cluster: &cluster,
        problems: &[],
        places: &[],
        lookup: &BTreeMap::new(),
        known: &KnownPrincipals::default(),
        protected: &[],
        now: now(),
    });
    assert_eq!(migration.entries.len(), 1);
    assert!(
        migration.notes.iter().any(|note| note.contains("RBAC")),
        "the comparison is blind without RBAC, and says so"
    );
}
