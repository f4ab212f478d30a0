//! Tests of the whole: against everything asked one by one, and of what people would see.
#![allow(clippy::unwrap_used, clippy::panic)]

pub(crate) mod company;
pub(crate) mod model;
pub(crate) mod risky;

use entryway_access::{
    AccessScope, AuthenticationMode, AwsAuth, ClusterModel, PrincipalArn, Snapshot, Subject as RbacSubject,
};
use model::{ADMIN_POLICY, NOW, VIEW_POLICY, arn, binding, entry, model, role, with_policy};

use crate::{
    Administers, KnownPrincipals, LockOutReason, PrincipalFacts, Subject, administrators, compare, lines, lock_out,
    namespace_covers, scope_covers,
};

fn compiled(model: &ClusterModel) -> Snapshot {
    Snapshot::compile(model.clone())
}

fn known() -> KnownPrincipals {
    KnownPrincipals::default()
}

fn scope(namespaces: &[&str]) -> AccessScope {
    let names: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
    AccessScope::from_parts("namespace", &names).unwrap()
}

#[test]
fn nothing_changes_nothing() {
    let model = model(vec![with_policy(entry("role/Dev"), VIEW_POLICY, AccessScope::Cluster)]);
    assert_eq!(compare(&compiled(&model), &compiled(&model), &known(), NOW), []);
}

#[test]
fn a_new_administrator_gains_everything_in_one_line() {
    let before = model(vec![]);
    let after = model(vec![with_policy(entry("role/team/x/Admin"), ADMIN_POLICY, AccessScope::Cluster)]);
    let differences = compare(&compiled(&before), &compiled(&after), &known(), NOW);
    let [difference] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!(difference.subject, Subject::Principal(arn("role/team/x/Admin")));
    assert!(difference.before.is_none());
    assert_eq!(difference.after.as_ref().unwrap().username, "arn:aws:sts::111122223333:assumed-role/Admin/SESSION");
    assert_eq!(lines(&difference.gains), ["everything"]);
    assert!(difference.loses.is_empty() && difference.is_gain() && !difference.is_loss());
}

#[test]
fn a_narrowed_scope_loses_what_is_outside_it() {
    let before = model(vec![with_policy(entry("role/Dev"), ADMIN_POLICY, scope(&["dev-*", "prod"]))]);
    let after = model(vec![with_policy(entry("role/Dev"), ADMIN_POLICY, scope(&["dev-a*"]))]);
    let differences = compare(&compiled(&before), &compiled(&after), &known(), NOW);
    let [difference] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!(lines(&difference.loses), ["everything in dev-*, prod"]);
    assert!(difference.gains.is_empty());
}

#[test]
fn a_group_change_changes_what_bindings_give() {
    let mut before = model(vec![entry("role/Dev")]);
    before.rbac.roles.push(role("deployer", &["create", "delete"], "apps", &["deployments", "deployments/scale"]));
    before.rbac.bindings.push(binding("b", Some("dev"), "deployer", RbacSubject::Group("deployers".into())));
    let mut after = before.clone();
    let mut changed = entry("role/Dev");
    changed.groups = vec!["deployers".into()];
    after.entries = vec![changed.into()];
    let differences = compare(&compiled(&before), &compiled(&after), &known(), NOW);
    let [difference] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!(lines(&difference.gains), ["create,delete deployments.apps,deployments.apps/scale in dev"]);
    assert_eq!(difference.after.as_ref().unwrap().groups, ["deployers"]);
}

/// A binding of one session's username is found, though the session is in no entry.
#[test]
fn sessions_that_bindings_name_are_asked_about() {
    let mut before = model(vec![entry("role/Dev")]);
    before.rbac.roles.push(role("reader", &["get"], "", &["secrets"]));
    let user = "arn:aws:sts::111122223333:assumed-role/Dev/jo";
    before.rbac.bindings.push(binding("jo", None, "reader", RbacSubject::User(user.into())));
    let mut after = before.clone();
    let mut changed = entry("role/Dev");
    changed.username = entryway_access::Template::new("dev:{{SessionName}}");
    after.entries = vec![changed.into()];
    let differences = compare(&compiled(&before), &compiled(&after), &known(), NOW);
    let of_jo = differences.iter().find(|difference| difference.session.as_deref() == Some("jo")).unwrap();
    assert_eq!(lines(&of_jo.loses), ["get secrets"]);
    let of_others = differences.iter().find(|difference| difference.session.is_none()).unwrap();
    assert!(of_others.loses.is_empty() && of_others.before != of_others.after);
}

#[test]
fn the_rest_of_an_account_is_one_subject() {
    let mut before = model(vec![]);
    before.aws_auth.accounts.push("444455556666".parse().unwrap());
    let mut after = before.clone();
    after.mode = AuthenticationMode::Api;
    let differences = compare(&compiled(&before), &compiled(&after), &known(), NOW);
    let [difference] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!(difference.subject, Subject::OthersOf("444455556666".parse().unwrap()));
    assert!(difference.is_loss() && difference.after.is_none());
}

#[test]
fn an_entry_made_for_another_unique_id_gives_nothing() {
    let mut stale = with_policy(entry("role/Dev"), VIEW_POLICY, AccessScope::Cluster);
    stale.unique_id = Some("AROAOLD".into());
    let mut fresh = stale.clone();
    fresh.unique_id = Some("AROANEW".into());
    let (before, after) = (model(vec![stale]), model(vec![fresh]));
    let mut known = known();
    known.insert(&arn("role/Dev"), PrincipalFacts { unique_id: Some("AROANEW".into()), ..PrincipalFacts::default() });
    let differences = compare(&compiled(&before), &compiled(&after), &known, NOW);
    assert!(differences.iter().all(|difference| difference.before.is_none() && difference.is_gain()));
    assert_eq!(differences.len(), 1);
}

#[test]
fn scopes_are_compared_as_patterns() {
    assert!(scope_covers(&AccessScope::Cluster, &scope(&["*"])));
    assert!(!scope_covers(&scope(&["*"]), &AccessScope::Cluster));
    assert!(scope_covers(&scope(&["*"]), &scope(&["dev-*", "a"])));
    assert!(scope_covers(&scope(&["d*", "p"]), &scope(&["dev-*", "p"])));
    assert!(!scope_covers(&scope(&["dev-*"]), &scope(&["d*"])));
    assert!(!namespace_covers("dev-*-x", "dev-*"));
    assert!(namespace_covers("*-*", "a-*-b"));
}

fn admin(name: &str) -> entryway_access::AccessEntry {
    with_policy(entry(name), ADMIN_POLICY, AccessScope::Cluster)
}

fn locked(
    before: &ClusterModel,
    after: &ClusterModel,
    caller: Option<&PrincipalArn>,
    protected: &[PrincipalArn],
) -> Vec<LockOutReason> {
    lock_out(&compiled(before), &compiled(after), caller, protected, &known(), NOW)
        .map(|out| out.reasons)
        .unwrap_or_default()
}

#[test]
fn taking_the_last_administrator_is_a_lock_out() {
    let (a, b) = (Subject::Principal(arn("role/A")), Subject::Principal(arn("role/B")));
    let before = model(vec![admin("role/A"), admin("role/B")]);
    assert_eq!(locked(&before, &model(vec![admin("role/B")]), None, &[]), []);
    let reasons = locked(&before, &model(vec![admin("role/New")]), None, &[]);
    assert_eq!(reasons, [LockOutReason::NobodyAdministers { before: vec![a, b] }]);
    assert_eq!(locked(&model(vec![]), &model(vec![]), None, &[]), [], "nobody had anything to lose");
}

#[test]
fn what_is_for_good_must_not_end_unseen() {
    let ending = |name: &str, end: jiff::Timestamp| {
        let mut entry = admin(name);
        entry.policies[0].expires = Some(end);
        entry
    };
    let soon = NOW.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let late = |reason| LockOutReason::WhenEndsAreOver(Box::new(reason));
    let nobody = || LockOutReason::NobodyAdministers { before: vec![Subject::Principal(arn("role/A"))] };
    // One's own, the only one for good: it gets an end.
    let before = model(vec![admin("role/A"), ending("role/B", soon)]);
    let after = model(vec![ending("role/A", soon), ending("role/B", soon)]);
    let reasons = locked(&before, &after, Some(&arn("role/A")), &[]);
    assert_eq!(reasons, [late(nobody()), late(LockOutReason::CallerLoses(arn("role/A")))]);
    // The last one for good is deleted while another still lasts.
    assert_eq!(locked(&before, &model(vec![ending("role/B", soon)]), None, &[]), [late(nobody())]);
    // What had an end before may get another, and go.
    let after = model(vec![admin("role/A")]);
    assert_eq!(locked(&before, &after, Some(&arn("role/A")), &[]), []);
    let (before, after) =
        (model(vec![ending("role/A", soon), ending("role/B", soon)]), model(vec![ending("role/B", soon)]));
    assert_eq!(locked(&before, &after, None, &[]), []);
}

#[test]
fn the_caller_and_the_protected_are_looked_after() {
    let before = model(vec![admin("role/A"), admin("role/path/B"), entry("role/C")]);
    let after = model(vec![admin("role/A")]);
    // The caller is known from STS, without its path.
    assert_eq!(locked(&before, &after, Some(&arn("role/B")), &[]), [LockOutReason::CallerLoses(arn("role/B"))]);
    assert_eq!(locked(&before, &after, Some(&arn("role/A")), &[arn("role/A")]), []);
    assert_eq!(locked(&before, &after, None, &[arn("role/C")]), [LockOutReason::ProtectedLoses(arn("role/C"))]);
}

#[test]
fn an_administrator_that_is_gone_from_iam_does_not_count() {
    let before = model(vec![admin("role/A"), admin("role/Gone")]);
    let after = model(vec![admin("role/Gone")]);
    let mut known = known();
    known.insert(&arn("role/Gone"), PrincipalFacts { exists: Some(false), ..PrincipalFacts::default() });
    let out = lock_out(&compiled(&before), &compiled(&after), None, &[], &known, NOW).unwrap();
    assert_eq!(out.reasons, [LockOutReason::NobodyAdministers { before: vec![Subject::Principal(arn("role/A"))] }]);
}

#[test]
fn administration_comes_in_several_ways() {
    let data = |text: &str| [("mapRoles".to_owned(), text.to_owned())].into();
    let (aws_auth, problems) = AwsAuth::parse(&data(
        "- rolearn: arn:aws:iam::111122223333:role/Masters\n  username: m\n  groups: [system:masters]\n\
         - rolearn: arn:aws:iam::111122223333:role/Bound\n  username: bound\n",
    ));
    assert!(problems.is_empty(), "{problems:?}");
    let mut state = model(vec![]);
    state.aws_auth = aws_auth;
    state.rbac.roles.push(role(
        "binder",
        &["bind", "create"],
        "rbac.authorization.k8s.io",
        &["clusterroles", "clusterrolebindings"],
    ));
    state.rbac.bindings.push(binding("b", None, "binder", RbacSubject::User("bound".into())));
    let admins = administrators(&compiled(&state), &known(), NOW);
    let of = |name| admins.get(&Subject::Principal(arn(name))).copied();
    assert_eq!(of("role/Masters"), Some(Administers::Everything));
    assert_eq!(of("role/Bound"), Some(Administers::Bind));

    // In mode API neither is mapped: leaving aws-auth without entries is a lock-out.
    let mut api = state.clone();
    api.mode = AuthenticationMode::Api;
    assert!(!locked(&state, &api, None, &[]).is_empty());

    // A ConfigMap writer administers as long as aws-auth counts.
    let mut writer = model(vec![with_policy(entry("role/W"), "AmazonEKSAdminPolicy", scope(&["kube-system"]))]);
    assert_eq!(
        administrators(&compiled(&writer), &known(), NOW).into_values().collect::<Vec<_>>(),
        [Administers::AwsAuth]
    );
    writer.mode = AuthenticationMode::Api;
    assert!(administrators(&compiled(&writer), &known(), NOW).is_empty());
}
