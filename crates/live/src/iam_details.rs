//! What `aws iam get-account-authorization-details` wrote: roles, users and groups, for those who may not ask IAM.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::{AccountId, PrincipalArn, PrincipalKind};
use entryway_analysis::PrincipalFacts;
use entryway_plan::{Needs, Readable, World};
use jiff::Timestamp;
use serde::Deserialize;

/// The roles, users and memberships of one or more accounts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IamDetails {
    #[serde(default)]
    user_detail_list: Vec<User>,
    #[serde(default)]
    role_detail_list: Vec<Role>,
    #[serde(default)]
    group_detail_list: Vec<Group>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    arn: PrincipalArnText,
    user_id: Option<String>,
    create_date: Option<String>,
    #[serde(default)]
    group_list: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Role {
    arn: PrincipalArnText,
    role_id: Option<String>,
    create_date: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    group_name: String,
    arn: String,
}

/// An ARN that is checked while it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct PrincipalArnText(PrincipalArn);

impl TryFrom<String> for PrincipalArnText {
    type Error = entryway_access::ArnError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(PrincipalArnText)
    }
}

/// Why a file is none of that kind.
#[derive(Debug, thiserror::Error)]
pub enum IamDetailsError {
    /// It can't be read.
    #[error("it is not what `aws iam get-account-authorization-details` writes: {0}")]
    Form(#[from] serde_json::Error),
    /// It holds neither roles nor users.
    #[error("it has neither `RoleDetailList` nor `UserDetailList`")]
    Empty,
}

impl IamDetails {
    /// Reads the JSON that the AWS CLI prints.
    pub fn parse(text: &str) -> Result<IamDetails, IamDetailsError> {
        let details: IamDetails = serde_json::from_str(text)?;
        if details.role_detail_list.is_empty() && details.user_detail_list.is_empty() {
            return Err(IamDetailsError::Empty);
        }
        Ok(details)
    }

    /// Puts it into a world in the place of what IAM would say. An account of which the file holds roles counts as
    /// told whole: a principal of it that is not there does not exist.
    pub fn add_to(&self, needs: &Needs, world: &mut World) {
        let mut roles: BTreeMap<AccountId, Vec<PrincipalArn>> = BTreeMap::new();
        for role in &self.role_detail_list {
            roles.entry(role.arn.0.account().clone()).or_default().push(role.arn.0.clone());
            world.known.insert(&role.arn.0, facts(role.role_id.clone(), role.create_date.as_deref()));
        }
        for user in &self.user_detail_list {
            world.known.insert(&user.arn.0, facts(user.user_id.clone(), user.create_date.as_deref()));
        }
        let mut members: BTreeMap<(AccountId, String), Vec<PrincipalArn>> = BTreeMap::new();
        for group in &self.group_detail_list {
            if let Some(account) = group.arn.split(':').nth(4).and_then(|account| account.parse().ok()) {
                members.entry((account, group.group_name.clone())).or_default();
            }
        }
        for user in &self.user_detail_list {
            for group in &user.group_list {
                let key = (user.arn.0.account().clone(), group.clone());
                members.entry(key).or_default().push(user.arn.0.clone());
            }
        }
        let accounts: BTreeSet<AccountId> = roles.keys().cloned().collect();
        world.roles.extend(roles.into_iter().map(|(account, roles)| (account, Readable::Read(roles))));
        world.group_members.extend(members.into_iter().map(|(key, users)| (key, Readable::Read(users))));
        let entries = world.clusters.iter().flat_map(|cluster| &cluster.entries).map(|entry| &entry.principal);
        let named: Vec<PrincipalArn> = needs.principals.iter().chain(entries).cloned().collect();
        for arn in named.iter().filter(|arn| accounts.contains(arn.account())) {
            let listed = matches!(arn.kind(), PrincipalKind::Role { .. } | PrincipalKind::User { .. });
            if listed && world.known.get(arn).is_none() {
                world.known.insert(arn, PrincipalFacts { exists: Some(false), ..PrincipalFacts::default() });
            }
        }
    }
}

fn facts(unique_id: Option<String>, created: Option<&str>) -> PrincipalFacts {
    let created_at = created.and_then(|text| text.parse::<Timestamp>().ok());
    PrincipalFacts { exists: Some(true), unique_id, created_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "UserDetailList": [{"Arn": "arn:aws:iam::111122223333:user/jo", "UserId": "AIDA1", "GroupList": ["ops"],
                            "CreateDate": "2026-01-02T03:04:05+00:00"}],
        "GroupDetailList": [{"GroupName": "ops", "Arn": "arn:aws:iam::111122223333:group/ops"},
                            {"GroupName": "none", "Arn": "arn:aws:iam::111122223333:group/none"}],
        "RoleDetailList": [{"Arn": "arn:aws:iam::111122223333:role/x/Dev", "RoleId": "AROA1"}]
    }"#;

    #[test]
    fn roles_users_and_groups() {
        let mut world = World::default();
        let gone: PrincipalArn = "arn:aws:iam::111122223333:role/Gone".parse().unwrap();
        let needs = Needs { principals: BTreeSet::from([gone.clone()]), ..Needs::default() };
        IamDetails::parse(FILE).unwrap().add_to(&needs, &mut world);
        let account: AccountId = "111122223333".parse().unwrap();
        assert_eq!(world.roles[&account].get().unwrap()[0].as_str(), "arn:aws:iam::111122223333:role/x/Dev");
        let members = |group: &str| world.group_members[&(account.clone(), group.to_owned())].get().unwrap().len();
        assert_eq!((members("ops"), members("none")), (1, 0));
        let jo = "arn:aws:iam::111122223333:user/jo".parse().unwrap();
        assert_eq!(world.known.get(&jo).unwrap().created_at, "2026-01-02T03:04:05Z".parse().ok());
        assert!(world.known.is_gone(&gone));
    }

    #[test]
    fn other_files_are_refused() {
        for bad in ["", "{}", "[]", r#"{"RoleDetailList": [{"Arn": "x"}]}"#, r#"{"UserDetailList": 1}"#] {
            assert!(IamDetails::parse(bad).is_err(), "{bad}");
        }
    }
}
