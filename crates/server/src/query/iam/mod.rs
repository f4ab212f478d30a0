//! IAM: roles, users, groups, access keys, policies. Each call is authorised on the resource it names before anything about
//! that resource is told, then carried out by the directory.

mod access_key;
mod attachment;
mod boundary;
mod group;
mod inline;
mod managed_policy;
mod named;
mod role;
mod summary;
mod tags;
mod user;

use entryway_directory::{Account, Group, Name, Role, SessionKind, Tags, User};
use entryway_iam::policy::{Context, Request, evaluate};
use jiff::Timestamp;

use super::{Parameters, QueryCall, QueryError, Success};

/// One call of IAM.
struct Call<'a> {
    all: &'a QueryCall<'a>,
    action: &'a str,
}

/// Answers a call of IAM.
pub(super) async fn answer(call: &QueryCall<'_>, action: &str) -> Result<Success, QueryError> {
    // As in AWS: a session of GetSessionToken without MFA is good for STS alone.
    if matches!(call.caller.session, SessionKind::User { .. }) {
        return Err(QueryError::new(
            "InvalidClientTokenId",
            403,
            "The security token included in the request is invalid",
        ));
    }
    let call = Call { all: call, action };
    match action {
        "CreateRole" => role::create(&call).await,
        "GetRole" => role::get(&call).await,
        "ListRoles" => role::list(&call).await,
        "DeleteRole" => role::delete(&call).await,
        "UpdateRole" => role::update(&call).await,
        "UpdateRoleDescription" => role::update_description(&call).await,
        "UpdateAssumeRolePolicy" => role::update_trust(&call).await,
        "ListInstanceProfilesForRole" => role::instance_profiles(&call).await,
        "TagRole" => tags::tag::<Role>(&call).await,
        "UntagRole" => tags::untag::<Role>(&call).await,
        "ListRoleTags" => tags::list::<Role>(&call).await,
        "PutRolePolicy" => inline::put::<Role>(&call).await,
        "GetRolePolicy" => inline::get::<Role>(&call).await,
        "ListRolePolicies" => inline::list::<Role>(&call).await,
        "DeleteRolePolicy" => inline::delete::<Role>(&call).await,
        "AttachRolePolicy" => attachment::attach::<Role>(&call).await,
        "DetachRolePolicy" => attachment::detach::<Role>(&call).await,
        "ListAttachedRolePolicies" => attachment::list::<Role>(&call).await,
        "PutRolePermissionsBoundary" => boundary::put::<Role>(&call).await,
        "DeleteRolePermissionsBoundary" => boundary::delete::<Role>(&call).await,

        "CreateUser" => user::create(&call).await,
        "GetUser" => user::get(&call).await,
        "ListUsers" => user::list(&call).await,
        "DeleteUser" => user::delete(&call).await,
        "ListGroupsForUser" => group::list_of_user(&call).await,
        "TagUser" => tags::tag::<User>(&call).await,
        "UntagUser" => tags::untag::<User>(&call).await,
        "ListUserTags" => tags::list::<User>(&call).await,
        "PutUserPolicy" => inline::put::<User>(&call).await,
        "GetUserPolicy" => inline::get::<User>(&call).await,
        "ListUserPolicies" => inline::list::<User>(&call).await,
        "DeleteUserPolicy" => inline::delete::<User>(&call).await,
        "AttachUserPolicy" => attachment::attach::<User>(&call).await,
        "DetachUserPolicy" => attachment::detach::<User>(&call).await,
        "ListAttachedUserPolicies" => attachment::list::<User>(&call).await,
        "PutUserPermissionsBoundary" => boundary::put::<User>(&call).await,
        "DeleteUserPermissionsBoundary" => boundary::delete::<User>(&call).await,

        "CreateGroup" => group::create(&call).await,
        "GetGroup" => group::get(&call).await,
        "ListGroups" => group::list(&call).await,
        "DeleteGroup" => group::delete(&call).await,
        "AddUserToGroup" => group::add_user(&call).await,
        "RemoveUserFromGroup" => group::remove_user(&call).await,
        "PutGroupPolicy" => inline::put::<Group>(&call).await,
        "GetGroupPolicy" => inline::get::<Group>(&call).await,
        "ListGroupPolicies" => inline::list::<Group>(&call).await,
        "DeleteGroupPolicy" => inline::delete::<Group>(&call).await,
        "AttachGroupPolicy" => attachment::attach::<Group>(&call).await,
        "DetachGroupPolicy" => attachment::detach::<Group>(&call).await,
        "ListAttachedGroupPolicies" => attachment::list::<Group>(&call).await,

        "CreatePolicy" => managed_policy::create(&call).await,
        "GetPolicy" => managed_policy::get(&call).await,
        "ListPolicies" => managed_policy::list(&call).await,
        "DeletePolicy" => managed_policy::delete(&call).await,
        "TagPolicy" => managed_policy::tag(&call).await,
        "UntagPolicy" => managed_policy::untag(&call).await,
        "ListPolicyTags" => managed_policy::list_tags(&call).await,
        "CreatePolicyVersion" => managed_policy::create_version(&call).await,
        "GetPolicyVersion" => managed_policy::get_version(&call).await,
        "ListPolicyVersions" => managed_policy::list_versions(&call).await,
        "DeletePolicyVersion" => managed_policy::delete_version(&call).await,
        "SetDefaultPolicyVersion" => managed_policy::set_default_version(&call).await,
        "ListEntitiesForPolicy" => managed_policy::list_entities(&call).await,

        "CreateAccessKey" => access_key::create(&call).await,
        "ListAccessKeys" => access_key::list(&call).await,
        "UpdateAccessKey" => access_key::update(&call).await,
        "DeleteAccessKey" => access_key::delete(&call).await,
        "GetAccessKeyLastUsed" => access_key::last_used(&call).await,

        "GetAccountSummary" => summary::get(&call).await,
        other => Err(QueryError::no_action(other, "2010-05-08")),
    }
}

impl<'a> Call<'a> {
    fn account(&self) -> &'a Account {
        &self.all.caller.account
    }

    fn parameters(&self) -> &'a Parameters {
        self.all.parameters
    }

    fn now(&self) -> Timestamp {
        self.all.now
    }

    /// Whether the caller may do what it asks, on the resource of this ARN. `shown` is how IAM names the resource
    /// when it refuses; `facts` adds the call's own condition keys.
    fn authorize(&self, resource: &str, shown: &str, facts: impl FnOnce(&mut Context)) -> Result<(), QueryError> {
        self.authorize_action(self.action, resource, shown, facts)
    }

    /// [`Call::authorize`] for something that goes along with the call.
    fn authorize_action(
        &self,
        action: &str,
        resource: &str,
        shown: &str,
        facts: impl FnOnce(&mut Context),
    ) -> Result<(), QueryError> {
        let mut context = self.all.context.clone();
        facts(&mut context);
        let action = format!("iam:{action}");
        let request = Request { action: &action, resource, context: &context };
        let caller = self.all.caller;
        match evaluate(&caller.policies.as_set(), &request) {
            Ok(_) => Ok(()),
            Err(denied) => Err(QueryError::access_denied(denied.message(&caller.caller.arn, &action, shown))),
        }
    }

    /// `UserName`; where there is none, the user that calls.
    fn user_or_self(&self) -> Result<Name, QueryError> {
        match self.parameters().get("UserName") {
            Some(name) => Ok(Name::existing_user(name)?),
            None if self.all.caller.session == SessionKind::LongTerm => {
                Ok(Name::existing_user(self.all.caller.principal.name())?)
            }
            None => Err(QueryError::validation("Must specify userName when calling with non-User credentials")),
        }
    }

    /// `PathPrefix`, `/` where there is none.
    fn path_prefix(&self) -> Result<&'a str, QueryError> {
        let prefix = self.parameters().get("PathPrefix").unwrap_or("/");
        let allowed =
            prefix.starts_with('/') && prefix.len() <= 512 && prefix.bytes().all(|b| (0x21..=0x7f).contains(&b));
        if allowed {
            return Ok(prefix);
        }
        Err(QueryError::validation(
            "The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric \
             characters and/or / characters.",
        ))
    }
}

/// `aws:RequestTag/…` and `aws:TagKeys`.
fn request_tags(context: &mut Context, tags: &Tags) {
    for tag in tags.iter() {
        context.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
    }
    if !tags.is_empty() {
        context.set_all("aws:TagKeys", tags.iter().map(|tag| tag.key.clone()));
    }
}

/// `aws:ResourceTag/…` and `iam:ResourceTag/…`.
fn resource_tags(context: &mut Context, tags: &Tags) {
    for tag in tags.iter() {
        context.set(&format!("aws:ResourceTag/{}", tag.key), tag.value.as_str());
        context.set(&format!("iam:ResourceTag/{}", tag.key), tag.value.as_str());
    }
}
