//! Everybody of an account at once, for questions about all of them.

use entryway_access::{ArnError, Caller, PrincipalArn};
use entryway_store::{ListOptions, Revision};
use jiff::Timestamp;

use crate::caller::{own_facts, permissions, user_id};
use crate::holder::Holder;
use crate::{Account, DirectoryError, LocalCaller, PageRequest, Role, SessionKind, User, keys};

/// Tells whether a role, user, group or managed policy of an account has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CensusMark {
    /// How many users and roles there are.
    pub principals: usize,
    /// How many of all kinds there are.
    count: usize,
    modified: Revision,
}

/// The name of the sessions that roles are asked about with.
const SESSION: &str = "any-session";

impl Account {
    /// Where in the store that lies which [`Account::everybody`] tells, for watching it.
    pub fn census_prefixes(&self) -> [String; 4] {
        let id = self.id();
        [keys::users(id), keys::roles(id), keys::groups(id), keys::policies(id)]
    }

    /// The mark of this moment. It is another one after every change of what [`Account::everybody`] tells.
    pub async fn census_mark(&self) -> Result<CensusMark, DirectoryError> {
        let mut mark = CensusMark { principals: 0, count: 0, modified: 0 };
        for (prefix, are_principals) in self.census_prefixes().iter().zip([true, true, false, false]) {
            let items = self.store().list(prefix, ListOptions::default()).await?.items;
            mark.count += items.len();
            mark.principals += if are_principals { items.len() } else { 0 };
            mark.modified = items.iter().map(|item| item.modified).max().unwrap_or_default().max(mark.modified);
        }
        Ok(mark)
    }

    /// Every user as it calls with an access key, and every role as a session that begins now, without policies and
    /// tags of its own. Their context has nothing of a request.
    pub async fn everybody(&self, now: Timestamp) -> Result<Vec<LocalCaller>, DirectoryError> {
        let mut all = Vec::new();
        for user in self.list::<User>("", &PageRequest::ALL).await?.items {
            let mut caller = self.as_caller(&user, &self.arn(&user), &user.id, SessionKind::LongTerm).await?;
            for group in self.groups_of(&user).await? {
                caller.policies.add(permissions(self, &group).await?);
            }
            caller.context.set("aws:username", user.name.as_str()).set("aws:PrincipalType", "User");
            all.push(caller);
        }
        for role in self.list::<Role>("", &PageRequest::ALL).await?.items {
            let arn = format!("arn:{}:sts::{}:assumed-role/{}/{SESSION}", self.partition(), self.id(), role.name);
            let session =
                SessionKind::Role { issued: now, source_identity: None, transitive_tags: crate::Tags::default() };
            let mut caller = self.as_caller(&role, &arn, &format!("{}:{SESSION}", role.id), session).await?;
            caller.context.set("aws:PrincipalType", "AssumedRole").set("aws:MultiFactorAuthPresent", "false");
            all.push(caller);
        }
        Ok(all)
    }

    async fn as_caller<H: Holder>(
        &self,
        holder: &H,
        arn: &str,
        id: &str,
        session: SessionKind,
    ) -> Result<LocalCaller, DirectoryError> {
        let corrupt = |problem: String| DirectoryError::Corrupt { key: arn.to_owned(), problem };
        let caller = Caller::from_sts(self.id().as_str(), arn, id, "").map_err(|error| corrupt(error.to_string()))?;
        let (own, policies, mut context) = own_facts(self, holder).await?;
        context.set("aws:userid", user_id(&caller));
        let principal: PrincipalArn = own.parse().map_err(|error: ArnError| corrupt(error.to_string()))?;
        Ok(LocalCaller { caller, principal, account: self.clone(), session, policies, context })
    }
}
