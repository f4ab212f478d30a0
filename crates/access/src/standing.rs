//! The users and groups that Kubernetes gives a meaning of its own, and who is in them without being told.

use crate::UserInfo;

/// The group that no authorizer is asked about.
pub const MASTERS: &str = "system:masters";
/// Everybody who signed in.
pub const AUTHENTICATED: &str = "system:authenticated";
/// Everybody who did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The name of whoever did not sign in.
pub const ANONYMOUS: &str = "system:anonymous";
/// All service accounts.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// What the username of a service account begins with; its namespace, `:` and its name follow.
pub const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// Namespace and name of the service account that a username is one's of.
pub fn service_account(username: &str) -> Option<(&str, &str)> {
    username.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')
}

/// The groups that every service account of a namespace is in, but for [`AUTHENTICATED`].
pub fn service_account_groups(namespace: &str) -> Vec<String> {
    vec![SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS}:{namespace}")]
}

impl UserInfo {
    /// A service account, as its token says.
    pub fn service_account(namespace: &str, name: &str) -> UserInfo {
        UserInfo {
            username: format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"),
            groups: service_account_groups(namespace),
            ..UserInfo::default()
        }
    }

    /// The user that impersonation makes of a name and groups: a service account that is given no groups has its own.
    pub fn impersonated(username: &str, groups: &[String]) -> UserInfo {
        let mut groups = groups.to_vec();
        if let Some((namespace, _)) = service_account(username).filter(|_| groups.is_empty()) {
            groups = service_account_groups(namespace);
        }
        UserInfo { username: username.to_owned(), groups, ..UserInfo::default() }.with_standing_group()
    }

    /// As authorizers see it: everybody is in one of two groups, and who says to be a stranger stays one
    /// (Kubernetes' filter of impersonation, and its authenticators' union).
    #[must_use]
    pub fn with_standing_group(mut self) -> UserInfo {
        let has = |group: &str| self.groups.iter().any(|own| own == group);
        let standing = match self.username.as_str() {
            ANONYMOUS if !has(UNAUTHENTICATED) => Some(UNAUTHENTICATED),
            ANONYMOUS => None,
            _ if has(UNAUTHENTICATED) || has(AUTHENTICATED) => None,
            _ => Some(AUTHENTICATED),
        };
        self.groups.extend(standing.map(str::to_owned));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_one_of_two_groups() {
        let groups = |name: &str, groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            UserInfo::impersonated(name, &groups).groups
        };
        assert_eq!(groups("jo", &["ops"]), ["ops", AUTHENTICATED]);
        assert_eq!(groups("jo", &[UNAUTHENTICATED]), [UNAUTHENTICATED]);
        assert_eq!(groups("jo", &[AUTHENTICATED, "ops"]), [AUTHENTICATED, "ops"]);
        assert_eq!(groups(ANONYMOUS, &[]), [UNAUTHENTICATED]);
        let of_team = ["system:serviceaccounts", "system:serviceaccounts:team", AUTHENTICATED];
        assert_eq!(groups("system:serviceaccount:team:ci", &[]), of_team);
        assert_eq!(groups("system:serviceaccount:team:ci", &["x"]), ["x", AUTHENTICATED]);
        assert_eq!(UserInfo::service_account("team", "ci").with_standing_group().groups, of_team);
    }
}
