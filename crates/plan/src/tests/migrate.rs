//! Off aws-auth: each fault of other migrations, and what happens here instead.

use std::collections::BTreeMap;

use entryway_access::{AuthenticationMode, EntryType, Partition, Subject};
use entryway_analysis::lines;
use entryway_formats::{Place, Source};

use super::build::*;
use crate::{
    Action, ActualCluster, DesiredEntry, Fate, LookedUp, Migration, MigrationInput, MigrationPhase, NotCarried,
    Outcome, Readable, migrate,
};

struct Input {
    cluster: ActualCluster,
    problems: Vec<(entryway_access::AwsAuthProblem, Option<Place>)>,
    lookup: BTreeMap<entryway_access::PrincipalArn, LookedUp>,
}

fn input(roles: &str, users: &str, accounts: &str) -> Input {
    let (map, problems) = aws_auth(roles, users, accounts);
    let mut cluster = cluster();
    cluster.mode = AuthenticationMode::ConfigMap;
    cluster.aws_auth = Readable::Read(map);
    Input { cluster, problems: problems.into_iter().map(|problem| (problem, None)).collect(), lookup: BTreeMap::new() }
}

impl Input {
    fn run(&self) -> Migration {
        migrate(&MigrationInput {
            cluster: &self.cluster,
            problems: &self.problems,
            places: &[],
            lookup: &self.lookup,
            known: &entryway_analysis::KnownPrincipals::default(),
            protected: &[],
            now: now(),
        })
    }
    fn bound(mut self, subject: Subject) -> Input {
        let Readable::Read(rbac) = &mut self.cluster.rbac else { unreachable!() };
        rbac.roles.push(role("readers", &["get"], &["pods"]));
        rbac.bindings.push(binding("read", None, "readers", subject));
        self
    }
    fn found(mut self, plain: &str, with_path: &str) -> Input {
        self.lookup.insert(arn(plain), LookedUp::Found(arn(with_path)));
        self
    }
}

fn line(role: &str, username: &str, groups: &str) -> String {
    format!("- rolearn: arn:aws:iam::111122223333:role/{role}\n  username: '{username}'\n  groups: [{groups}]\n")
}

fn only(migration: &Migration) -> &DesiredEntry {
    let [entry] = migration.entries.as_slice() else { panic!("{migration:#?}") };
    entry
}

fn refused(migration: &Migration) -> &NotCarried {
    let [one] = migration.not_carried.as_slice() else { panic!("{migration:#?}") };
    one
}

fn fates(migration: &Migration) -> Vec<&Fate> {
    migration.lines.iter().map(|line| &line.fate).collect()
}

#[test]
fn a_line_that_can_be_carried_changes_nothing_for_anybody() {
    let migration =
        input(&line("Dev", "dev:{{SessionName}}", "readers"), "", "").bound(Subject::Group("readers".into())).run();
    let entry = only(&migration);
    assert_eq!(
        (entry.username.as_str(), entry.groups.as_deref()),
        ("dev:{{SessionName}}", Some(&["readers".to_owned()][..]))
    );
    assert!(!migration.changes_access() && migration.comparison.is_empty(), "{:#?}", migration.comparison);
    assert_eq!(migration.phase, MigrationPhase::Check);
}

/// eksctl panics on it; here its place and what is wrong are named, and the other lines are carried.
#[test]
fn a_bad_line_is_named_and_the_rest_is_carried() {
    let text = format!("{}- rolearn: nonsense\n  username: x\n{}", line("A", "a", ""), line("B", "b", ""));
    let migration = input(&text, "", "").run();
    assert_eq!(migration.entries.len(), 2);
    let broken: Vec<_> = migration.lines.iter().filter(|line| matches!(line.fate, Fate::Broken { .. })).collect();
    let [line] = broken.as_slice() else { panic!("{migration:#?}") };
    assert_eq!((line.source.key.as_str(), line.source.line, line.principal.as_str()), ("mapRoles", 4, "nonsense"));
}

/// A line that never became one (a misspelt key) is there all the same.
#[test]
fn misspelt_keys_and_elements_are_reported_with_their_lines() {
    let migration =
        input("- roleArm: arn:aws:iam::111122223333:role/A\n  username: a\n", "- userarn: x\n  username: a\n", "")
            .run();
    assert!(migration.entries.is_empty());
    let places: Vec<_> = migration.lines.iter().map(|line| (line.source.key.as_str(), line.source.line)).collect();
    assert_eq!(places, [("mapRoles", 1), ("mapUsers", 1)]);
    assert!(fates(&migration).iter().all(|fate| matches!(fate, Fate::Broken { .. })));
}

/// A member that means nothing leaves the line in force, without what was meant.
#[test]
fn members_that_mean_nothing_are_noted_with_their_lines() {
    let text = "- rolearn: arn:aws:iam::111122223333:role/A\n  username: a\n  group: [admins]\n";
    let migration = input(text, "", "").run();
    assert_eq!(only(&migration).groups.clone().unwrap_or_default(), Vec::<String>::new());
    let noted = migration.notes.iter().any(|note| note.starts_with("mapRoles:3:") && note.contains("`groups`"));
    assert!(noted, "{:#?}", migration.notes);
}

/// Nobody of another partition signs in, so nobody of it loses anything.
#[test]
fn lines_of_other_partitions_change_nothing_for_anybody() {
    let users = "- userarn: arn:aws-cn:iam::111122223333:user/a\n  username: a\n  groups: [system:masters]\n";
    let migration = input("", users, "").run();
    assert!(matches!(fates(&migration).as_slice(), [Fate::Dead { .. }]), "{migration:#?}");
    assert!(!migration.changes_access(), "{:#?}", migration.comparison);
}

/// Problems of a file have the file's lines.
#[test]
fn places_of_a_file_win_over_those_within_the_string() {
    let mut input = input("- rolearn: nonsense\n  username: x\n", "", "");
    let source = Source::new("aws-auth.yaml", "kind: ConfigMap\ndata:\n  mapRoles: |\n    - rolearn: nonsense\n");
    let place = Place { source, bytes: 46..60 };
    input.problems.iter_mut().for_each(|(_, at)| *at = Some(place.clone()));
    let migration = migrate(&MigrationInput {
        places: &[Some(place)],
        cluster: &input.cluster,
        problems: &input.problems,
        lookup: &input.lookup,
        known: &entryway_analysis::KnownPrincipals::default(),
        protected: &[],
        now: now(),
    });
    assert_eq!(migration.lines.len(), 1, "said once");
    let source = &migration.lines[0].source;
    assert_eq!((source.file.as_deref(), source.line), (Some("aws-auth.yaml"), 4));
}

#[test]
fn nodes_become_their_types() {
    let nodes = "system:bootstrappers, system:nodes";
    for (username, groups, kind) in [
        ("system:node:{{EC2PrivateDNSName}}", nodes.to_owned(), EntryType::Ec2Linux),
        ("system:node:{{EC2PrivateDNSName}}", format!("{nodes}, eks:kube-proxy-windows"), EntryType::Ec2Windows),
        ("system:node:{{SessionName}}", format!("{nodes}, system:node-proxier"), EntryType::FargateLinux),
        ("system:node:{{SessionName}}", nodes.to_owned(), EntryType::HybridLinux),
    ] {
        let migration = input(&line("Node", username, &groups), "", "").run();
        assert_eq!(only(&migration).kind, kind);
        assert!(migration.not_carried.is_empty(), "{migration:#?}");
        assert!(!migration.comparison.iter().any(|difference| difference.after.is_none()));
    }
}

/// On leaving CONFIG_MAP, EKS makes entries of managed nodes itself: those that are there already are fine.
#[test]
fn entries_that_eks_makes_on_the_switch_do_not_collide() {
    let migration =
        input(&line("Node", "system:node:{{EC2PrivateDNSName}}", "system:bootstrappers, system:nodes"), "", "").run();
    let steps = &migration.apply.clusters[0].steps;
    assert!(matches!(steps[0].action, Action::SetMode { to: AuthenticationMode::ApiAndConfigMap, .. }));
    assert!(matches!(steps[1].action, Action::CreateEntry { may_exist: true, .. }));
}

#[test]
fn a_node_of_another_account_can_not_be_carried() {
    let text = "- rolearn: arn:aws:iam::999988887777:role/Node\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:bootstrappers, system:nodes]\n";
    let migration = input(text, "", "").run();
    assert!(migration.entries.is_empty() && refused(&migration).why.contains("same account"));
    assert!(migration.changes_access());
}

/// eksctl drops all groups but `system:masters`.
#[test]
fn a_masters_line_keeps_its_other_groups() {
    let migration =
        input(&line("Admin", "admin", "'system:masters', ops"), "", "").bound(Subject::Group("ops".into())).run();
    let entry = only(&migration);
    assert_eq!(entry.groups.as_deref(), Some(&["ops".to_owned()][..]));
    assert_eq!(entry.policies.len(), 1);
    assert!(!migration.changes_access(), "{:#?}", migration.comparison);
}

/// eksctl writes the partition `aws` always.
#[test]
fn masters_of_other_partitions_get_a_policy_of_theirs() {
    let mut input = input(
        "- rolearn: arn:aws-cn:iam::111122223333:role/Admin\n  username: a\n  groups: ['system:masters']\n",
        "",
        "",
    );
    input.cluster.arn = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo".parse().unwrap();
    let migration = input.run();
    assert_eq!(only(&migration).policies[0].policy.partition(), Partition::AwsCn);
    assert!(!migration.changes_access(), "{:#?}", migration.comparison);
    // A line of another partition never matched anybody.
    let migration = self::input("- rolearn: arn:aws-cn:iam::111122223333:role/Admin\n  username: a\n", "", "").run();
    assert!(matches!(fates(&migration)[..], [Fate::Dead { why }] if why.contains("aws-cn")));
}

#[test]
fn a_reserved_group_is_refused_with_the_bindings_that_replace_it() {
    let migration = input(&line("Viewer", "v", "'system:viewers', ops"), "", "")
        .bound(Subject::Group("system:viewers".into()))
        .run();
    assert_eq!(only(&migration).groups.as_deref(), Some(&["ops".to_owned()][..]), "the other group stays");
    let refused = refused(&migration);
    assert!(refused.why.contains("cannot start with system:"));
    assert_eq!(refused.objects[0].pointer("/subjects/0/name").unwrap(), "aws-auth:system:viewers");
    assert_eq!(refused.source.line, 1);
    let [difference] = migration.comparison.as_slice() else { panic!("{migration:#?}") };
    assert_eq!(lines(&difference.loses), ["get pods"]);
}

/// eksctl looks the last part of the ARN up in its own account.
#[test]
fn paths_come_from_a_lookup_of_the_exact_principal() {
    let other = "- rolearn: arn:aws:iam::999988887777:role/Dev\n  username: other\n";
    let text = format!("{}{other}", line("Dev", "dev", ""));
    let migration = input(&text, "", "").found("role/Dev", "role/team/x/Dev").run();
    let principals: Vec<_> = migration.entries.iter().map(|entry| entry.principal.to_string()).collect();
    assert_eq!(principals, ["arn:aws:iam::111122223333:role/team/x/Dev", "arn:aws:iam::999988887777:role/Dev"]);
    assert!(migration.notes.iter().any(|note| note.contains("999988887777")), "the other one could not be looked up");
    assert!(!migration.changes_access(), "{:#?}", migration.comparison);
}

#[test]
fn a_line_with_a_path_and_one_of_a_missing_role_are_dead() {
    let mut input = input(&format!("{}{}", line("team/x/Dev", "d", ""), line("Gone", "g", "")), "", "");
    input.lookup.insert(arn("role/Gone"), LookedUp::NotFound);
    let migration = input.run();
    assert!(migration.entries.is_empty());
    assert!(fates(&migration).iter().all(|fate| matches!(fate, Fate::Dead { .. })));
}

/// eksctl keeps the first of two lines; the authenticator the last.
#[test]
fn of_duplicates_the_last_one_wins_and_the_other_is_named() {
    let migration = input(&format!("{}{}", line("Dev", "one", "a"), line("Dev", "two", "b")), "", "").run();
    assert_eq!(only(&migration).username, "two");
    assert!(matches!(fates(&migration)[..], [Fate::Dead { .. }, Fate::Carried { .. }]));
    assert!(!migration.changes_access());
}

#[test]
fn a_session_name_without_a_colon_gets_the_default_username() {
    let migration = input(&line("Dev", "{{SessionName}}", "ops"), "", "").run();
    assert_eq!(only(&migration).username, "arn:aws:sts::111122223333:assumed-role/Dev/{{SessionName}}");
    assert!(refused(&migration).proposal.contains("Dev:{{SessionName}}"));
    // Nothing is bound to such users, so nobody loses anything, and the new name is shown.
    assert!(!migration.changes_access());
    assert_eq!(migration.comparison.len(), 1);
    // Somebody is: then it is a loss, for that session.
    let migration = input(&line("Dev", "{{SessionName}}", ""), "", "").bound(Subject::User("jo".into())).run();
    let jo = migration.comparison.iter().find(|difference| difference.session.as_deref() == Some("jo")).unwrap();
    assert_eq!(lines(&jo.loses), ["get pods"]);
    assert!(migration.changes_access());
}

#[test]
fn reserved_usernames_and_templates_do_not_pass_unnoticed() {
    for username in ["system:admin", "{{AccessKeyID}}"] {
        let migration = input(&line("Dev", username, ""), "", "").run();
        assert!(refused(&migration).what.contains(username), "{username}");
        assert!(only(&migration).username.starts_with("arn:aws:sts::"));
    }
    let migration = input(&line("Dev", "d", "'team:{{SessionName}}', 'acct:{{AccountID}}'"), "", "").run();
    assert!(refused(&migration).what.contains("team:{{SessionName}}"));
    assert_eq!(only(&migration).groups.as_deref(), Some(&["acct:111122223333".to_owned()][..]));
}

/// A name that EC2 gives maps instances alone: an entry with another name would let everybody in.
#[test]
fn a_line_for_instances_alone_is_never_opened_to_all() {
    for (username, groups) in
        [("system:node:{{EC2PrivateDNSName}}", "'system:masters'"), ("x:{{EC2PrivateDNSName}}", "ops")]
    {
        let migration = input(&line("Dev", username, groups), "", "").run();
        assert!(migration.entries.is_empty() && refused(&migration).why.contains("instances alone"));
    }
}

#[test]
fn accounts_are_not_carried_and_those_whom_rbac_names_are_proposed() {
    let bound = Subject::User("arn:aws:iam::444455556666:user/jo".into());
    let migration = input("", "", "- '444455556666'\n").bound(bound).run();
    assert!(refused(&migration).proposal.contains("arn:aws:iam::444455556666:user/jo"));
    assert!(migration.changes_access(), "they can no longer sign in");
}

#[test]
fn root_is_carried_and_federated_users_are_not() {
    let users = "- userarn: arn:aws:iam::111122223333:root\n  username: root\n\
                 - userarn: arn:aws:sts::111122223333:federated-user/fay\n  username: fay\n";
    let migration = input("", users, "").run();
    assert_eq!(only(&migration).principal, arn("root"));
    assert!(migration.notes.iter().any(|note| note.contains("root user alone")));
    assert!(refused(&migration).why.contains("federated"));
}

#[test]
fn sso_and_service_linked_roles_are_never_guessed() {
    let sso = "AWSReservedSSO_Admins_0123456789abcdef";
    let migration = input(&line(sso, "a", ""), "", "").run();
    assert!(migration.entries.is_empty() && refused(&migration).proposal.contains("iam:GetRole"));
    let path = format!("role/aws-reserved/sso.amazonaws.com/eu-west-1/{sso}");
    let migration = input(&line(sso, "a", ""), "", "").found(&format!("role/{sso}"), &path).run();
    assert_eq!(only(&migration).principal, arn(&path));
    let migration = input(&line("AWSServiceRoleForAmazonEMRContainers", "emr-containers", ""), "", "").run();
    assert!(migration.entries.is_empty() && refused(&migration).why.contains("service-linked"));
}

#[test]
fn an_entry_that_is_there_wins_and_is_not_touched() {
    let mut input = input(&line("Dev", "d", "ops"), "", "");
    input.cluster.mode = AuthenticationMode::ApiAndConfigMap;
    input.cluster.entries = vec![actual("role/team/Dev", &[])];
    let migration = input.run();
    assert_eq!(fates(&migration), [&Fate::HasEntry]);
    assert_eq!(migration.apply.outcome(), Outcome::NothingToDo);
    assert_eq!(migration.phase, MigrationPhase::Applied);
}

#[test]
fn the_way_there_and_back() {
    let migration = input(&line("Admin", "admin", "'system:masters'"), "", "").run();
    let kinds =
        |plan: &crate::Plan| plan.clusters[0].steps.iter().map(|step| step.action.to_string()).collect::<Vec<_>>();
    let admin = "arn:aws:iam::111122223333:role/Admin";
    assert_eq!(
        kinds(&migration.apply),
        [
            "set the authentication mode from CONFIG_MAP to API_AND_CONFIG_MAP".to_owned(),
            format!("create the entry of {admin}"),
            format!("associate AmazonEKSClusterAdminPolicy (cluster) with {admin}"),
        ]
    );
    assert!(migration.apply.clusters[0].steps[1].gap.is_some(), "the entry stands without its policy for a moment");
    assert_eq!(kinds(&migration.finish), ["set the authentication mode from API_AND_CONFIG_MAP to API"]);
    assert_eq!(kinds(&migration.rollback), [format!("delete the entry of {admin}")]);
    assert_eq!(migration.rollback.outcome(), Outcome::Changes, "aws-auth maps the administrator again: no lock-out");
    assert_eq!(migration.verify[0].policies, ["AmazonEKSClusterAdminPolicy"]);
    assert!(migration.apply.clusters[0].meaning.iter().all(|difference| !difference.is_loss()));
}

/// Finishing with an administrator left behind in aws-auth is refused.
#[test]
fn finishing_without_administrators_is_a_lock_out() {
    let text = "- rolearn: arn:aws:iam::999988887777:role/Node\n  username: 'system:node:{{EC2PrivateDNSName}}'\n  groups: ['system:nodes', 'system:masters']\n";
    let migration = input(text, "", "").run();
    assert_eq!(migration.finish.outcome(), Outcome::Trouble);
    assert!(migration.finish.clusters[0].lock_out.is_some());
}

/// What files manage beside aws-auth is not touched, and a migration that is applied has nothing left to do.
#[test]
fn managed_entries_stay_and_a_second_run_is_empty() {
    let mut input = input(&line("dev", "dev:{{SessionName}}", "readers"), "", "");
    input.cluster.mode = AuthenticationMode::ApiAndConfigMap;
    input.cluster.entries.push(managed(actual("role/from-a-file", &[])));
    let first = input.run();
    let steps = &first.apply.clusters[0].steps;
    assert!(steps.iter().all(|step| matches!(step.action, Action::CreateEntry { .. })), "{steps:#?}");
    assert_eq!((first.phase, steps.len()), (MigrationPhase::Check, 1));
    for step in steps {
        input.cluster.apply(&step.action, now()).unwrap();
    }
    let second = input.run();
    assert_eq!((second.phase, second.apply.outcome()), (MigrationPhase::Applied, Outcome::NothingToDo));
    assert!(second.comparison.is_empty(), "{:#?}", second.comparison);
}
