//! Calls at the same time that can't both be right, and a naive model of who uses which policy.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise, as tests do")]

mod common;

use std::collections::BTreeMap;

use common::{READ_ONLY, now, policy, role, user};
use entryway_directory::{Account, Name, PageRequest, PolicyScope, Role, Usage, User};
use proptest::prelude::*;

/// Runs the call on several tasks at once; how many went well, and the codes of the others.
async fn at_once<F>(times: usize, call: impl Fn(usize) -> F) -> (usize, Vec<&'static str>)
where
    F: Future<Output = Result<(), entryway_directory::DirectoryError>> + Send + 'static,
{
    let tasks: Vec<_> = (0..times).map(|number| tokio::spawn(call(number))).collect();
    let (mut good, mut codes) = (0, Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => good += 1,
            Err(error) => codes.push(error.code()),
        }
    }
    (good, codes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_name_is_given_once() {
    let account = common::account().await;
    let (good, codes) = at_once(16, |number| {
        let account = account.clone();
        let name = if number % 2 == 0 { "Dev" } else { "dEV" };
        async move { account.create_role(role(name), now()).await.map(drop) }
    })
    .await;
    assert_eq!((good, codes), (1, vec!["EntityAlreadyExists"; 15]));
    let (good, codes) = at_once(16, |_| {
        let account = account.clone();
        async move { account.create_policy(policy("P"), now()).await.map(drop) }
    })
    .await;
    assert_eq!((good, codes), (1, vec!["EntityAlreadyExists"; 15]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_keys_and_no_more() {
    let account = common::account().await;
    account.create_user(user("jo"), now()).await.unwrap();
    let name = Name::user("jo").unwrap();
    let (good, codes) = at_once(16, |_| {
        let (account, name) = (account.clone(), name.clone());
        async move { account.create_access_key(&name, now()).await.map(drop) }
    })
    .await;
    assert_eq!((good, codes), (2, vec!["LimitExceeded"; 14]));
    assert_eq!(account.access_keys(&name).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_when_many_change_one_role() {
    let account = common::account().await;
    account.create_role(role("Dev"), now()).await.unwrap();
    let name = Name::role("Dev").unwrap();
    let (good, codes) = at_once(32, |number| {
        let (account, name) = (account.clone(), name.clone());
        async move {
            let policy = Name::policy(&format!("p{number}"))?;
            account.put_inline::<Role>(&name, &policy, common::ALLOW).await
        }
    })
    .await;
    assert_eq!((good, codes), (32, Vec::new()));
    assert_eq!(account.get::<Role>(&name).await.unwrap().grants.inline.len(), 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_policy_is_deleted_or_attached_but_never_both() {
    for _ in 0..30 {
        let account = common::account().await;
        account.create_role(role("Dev"), now()).await.unwrap();
        let arn = account.create_policy(policy("P"), now()).await.unwrap().arn;
        let name = Name::role("Dev").unwrap();
        let (good, codes) = at_once(2, |number| {
            let (account, name, arn) = (account.clone(), name.clone(), arn.clone());
            async move {
                if number == 0 { account.attach::<Role>(&name, &arn).await } else { account.delete_policy(&arn).await }
            }
        })
        .await;
        assert_eq!(good, 1, "{codes:?}");
        let attached = account.get::<Role>(&name).await.unwrap().grants.attached.contains(&arn);
        assert_eq!(attached, account.find_policy(&arn).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_role_is_deleted_or_used_but_never_both() {
    for _ in 0..30 {
        let account = common::account().await;
        account.create_role(role("Dev"), now()).await.unwrap();
        let name = Name::role("Dev").unwrap();
        let (good, _) = at_once(2, |number| {
            let (account, name) = (account.clone(), name.clone());
            async move {
                if number == 0 {
                    account.attach::<Role>(&name, READ_ONLY).await
                } else {
                    account.delete_role(&name).await
                }
            }
        })
        .await;
        assert_eq!(good, 1);
        let there = account.find::<Role>(&name).await.unwrap().is_some();
        assert_eq!(account.usage(READ_ONLY).await.unwrap().attached, u32::from(there));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Create(bool, u8, Option<u8>),
    Delete(bool, u8),
    Attach(bool, u8, u8),
    Detach(bool, u8, u8),
    Boundary(bool, u8, Option<u8>),
    CreatePolicy(u8),
    DeletePolicy(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let policy = 0u8..4;
    let who = (any::<bool>(), 0u8..3);
    prop_oneof![
        (who.clone(), proptest::option::of(policy.clone())).prop_map(|((r, n), b)| Step::Create(r, n, b)),
        who.clone().prop_map(|(r, n)| Step::Delete(r, n)),
        (who.clone(), policy.clone()).prop_map(|((r, n), p)| Step::Attach(r, n, p)),
        (who.clone(), policy.clone()).prop_map(|((r, n), p)| Step::Detach(r, n, p)),
        (who, proptest::option::of(policy.clone())).prop_map(|((r, n), b)| Step::Boundary(r, n, b)),
        policy.clone().prop_map(Step::CreatePolicy),
        policy.prop_map(Step::DeletePolicy),
    ]
}

/// Policy 0 is AWS's, which is always there.
fn arn(number: u8) -> String {
    if number == 0 { READ_ONLY.to_owned() } else { format!("arn:aws:iam::111122223333:policy/P{number}") }
}

async fn take(account: &Account, step: &Step) -> bool {
    let name = |number: &u8| Name::role(&format!("n{number}")).unwrap();
    let done = match step {
        Step::Create(true, number, boundary) => {
            let new = entryway_directory::NewRole { boundary: boundary.map(arn), ..role(name(number).as_str()) };
            account.create_role(new, now()).await.map(drop)
        }
        Step::Create(false, number, boundary) => {
            let new = entryway_directory::NewUser { boundary: boundary.map(arn), ..user(name(number).as_str()) };
            account.create_user(new, now()).await.map(drop)
        }
        Step::Delete(true, number) => account.delete_role(&name(number)).await,
        Step::Delete(false, number) => account.delete_user(&name(number)).await,
        Step::Attach(true, number, policy) => account.attach::<Role>(&name(number), &arn(*policy)).await,
        Step::Attach(false, number, policy) => account.attach::<User>(&name(number), &arn(*policy)).await,
        Step::Detach(true, number, policy) => account.detach::<Role>(&name(number), &arn(*policy)).await,
        Step::Detach(false, number, policy) => account.detach::<User>(&name(number), &arn(*policy)).await,
        Step::Boundary(true, number, policy) => {
            account.set_boundary::<Role>(&name(number), policy.map(arn).as_deref()).await
        }
        Step::Boundary(false, number, policy) => {
            account.set_boundary::<User>(&name(number), policy.map(arn).as_deref()).await
        }
        Step::CreatePolicy(number) => {
            if *number == 0 {
                return false;
            }
            account.create_policy(policy(&format!("P{number}")), now()).await.map(drop)
        }
        Step::DeletePolicy(number) => account.delete_policy(&arn(*number)).await,
    };
    done.is_ok()
}

/// What the rules say, on plain maps.
#[derive(Default)]
struct Model {
    holders: BTreeMap<(bool, u8), (Vec<u8>, Option<u8>)>,
    policies: Vec<u8>,
}

impl Model {
    fn exists(&self, policy: u8) -> bool {
        policy == 0 || self.policies.contains(&policy)
    }

    fn take(&mut self, step: &Step) -> bool {
        match *step {
            Step::Create(role, number, boundary) => {
                let allowed = !self.holders.contains_key(&(role, number)) && boundary.is_none_or(|b| self.exists(b));
                if allowed {
                    self.holders.insert((role, number), (Vec::new(), boundary));
                }
                allowed
            }
            Step::Delete(role, number) => {
                let allowed = self.holders.get(&(role, number)).is_some_and(|(attached, _)| attached.is_empty());
                if allowed {
                    self.holders.remove(&(role, number));
                }
                allowed
            }
            Step::Attach(role, number, policy) => {
                let exists = self.exists(policy);
                match self.holders.get_mut(&(role, number)) {
                    Some((attached, _)) if exists => {
                        attached.retain(|other| *other != policy);
                        attached.push(policy);
                        true
                    }
                    _ => false,
                }
            }
            Step::Detach(role, number, policy) => match self.holders.get_mut(&(role, number)) {
                Some((attached, _)) if attached.contains(&policy) => {
                    attached.retain(|other| *other != policy);
                    true
                }
                _ => false,
            },
            Step::Boundary(role, number, policy) => {
                let exists = policy.is_none_or(|policy| self.exists(policy));
                match self.holders.get_mut(&(role, number)) {
                    Some((_, boundary)) if exists && !(boundary.is_none() && policy.is_none()) => {
                        *boundary = policy;
                        true
                    }
                    _ => false,
                }
            }
            Step::CreatePolicy(number) => {
                let allowed = number != 0 && !self.policies.contains(&number);
                if allowed {
                    self.policies.push(number);
                }
                allowed
            }
            Step::DeletePolicy(number) => {
                let allowed = self.policies.contains(&number) && !self.usage(number).is_used();
                if allowed {
                    self.policies.retain(|other| *other != number);
                }
                allowed
            }
        }
    }

    fn usage(&self, policy: u8) -> Usage {
        let mut usage = Usage::default();
        for (attached, boundary) in self.holders.values() {
            usage.attached += u32::from(attached.contains(&policy));
            usage.boundary += u32::from(*boundary == Some(policy));
        }
        usage
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn usage_is_counted_as_a_naive_model_counts_it(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let account = common::account().await;
            let mut model = Model::default();
            for step in &steps {
                prop_assert_eq!(take(&account, step).await, model.take(step), "{:?}", step);
                for policy in 0..4 {
                    prop_assert_eq!(account.usage(&arn(policy)).await.unwrap(), model.usage(policy), "{:?}", step);
                }
            }
            let own = account.policies(PolicyScope::Local, "/", |_| true, &PageRequest::ALL).await.unwrap();
            prop_assert_eq!(own.items.len(), model.policies.len());
            Ok(())
        })?;
    }
}
