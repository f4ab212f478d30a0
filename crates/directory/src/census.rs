//! Everybody of an account at once, for questions about all of them.

use entryway_access::{ArnError, Caller, PrincipalArn};
use entryway_store::{ListOptions, Revision};
use jiff::Timestamp;

use crate::caller::{Facts, role_facts, user_facts, user_id};
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
            let facts = user_facts(self, &user).await?;
            all.push(self.as_caller(facts, &self.arn(&user), &user.id, SessionKind::LongTerm)?);
        }
        for role in self.list::<Role>("", &PageRequest::ALL).await?.items {
            let arn = format!("arn:{}:sts::{}:assumed-role/{}/{SESSION}", self.partition(), self.id(), role.name);
            let session =
                SessionKind::Role { issued: now, source_identity: None, transitive_tags: crate::Tags::default() };
            let facts = role_facts(self, &role).await?;
            let mut caller = self.as_caller(facts, &arn, &format!("{}:{SESSION}", role.id), session)?;
            caller.context.set("aws:MultiFactorAuthPresent", "false");
            all.push(caller);
        }
        Ok(all)
    }

    fn as_caller(
        &self,
        (own, policies, mut context): Facts,
        arn: &str,
        id: &str,
        session: SessionKind,
    ) -> Result<LocalCaller, DirectoryError> {
        let corrupt = |problem: String| DirectoryError::Corrupt { key: arn.to_owned(), problem };
        let caller = Caller::from_sts(self.id().as_str(), arn, id, "").map_err(|error| corrupt(error.to_string()))?;
        context.set("aws:userid", user_id(&caller));
        let principal: PrincipalArn = own.parse().map_err(|error: ArnError| corrupt(error.to_string()))?;
        Ok(LocalCaller { caller, principal, account: self.clone(), session, policies, context })
    }
}
