//! aws-auth compiled: from a principal's ARN to the line that maps it.

use hashbrown::HashMap;

use crate::{AwsAuth, IdentitySource, MappedPrincipal, Mapping, PrincipalArn};

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Roles(usize),
    Users(usize),
}

/// The ConfigMap, found by lower-cased ARN as the authenticator does: without a role's path, so a line
/// that has one never matches.
#[derive(Debug)]
pub(crate) struct MappingIndex {
    aws_auth: AwsAuth,
    lines: HashMap<String, Line>,
}

impl MappingIndex {
    pub(crate) fn compile(aws_auth: AwsAuth) -> MappingIndex {
        let mut lines = HashMap::new();
        // Of several lines for one ARN the last wins, and any of mapRoles wins over those of mapUsers.
        let users = aws_auth.users.iter().enumerate().map(|(index, mapping)| (mapping, Line::Users(index)));
        let roles = aws_auth.roles.iter().enumerate().map(|(index, mapping)| (mapping, Line::Roles(index)));
        for (mapping, line) in users.chain(roles) {
            if let MappedPrincipal::Arn(arn) = &mapping.principal {
                lines.insert(arn.as_str().to_ascii_lowercase(), line);
            }
        }
        MappingIndex { aws_auth, lines }
    }

    pub(crate) fn aws_auth(&self) -> &AwsAuth {
        &self.aws_auth
    }

    /// The line for a principal, if there is one.
    pub(crate) fn find(&self, principal: &PrincipalArn) -> Option<(Line, &Mapping)> {
        let line = *self.lines.get(&principal.as_str().to_ascii_lowercase())?;
        let mapping = match line {
            Line::Roles(index) => self.aws_auth.roles.get(index),
            Line::Users(index) => self.aws_auth.users.get(index),
        };
        Some((line, mapping?))
    }

    /// Whether `mapAccounts` takes in all principals of the account.
    pub(crate) fn takes_account(&self, principal: &PrincipalArn) -> bool {
        self.aws_auth.accounts.contains(principal.account())
    }
}

impl From<Line> for IdentitySource {
    fn from(line: Line) -> IdentitySource {
        match line {
            Line::Roles(index) => IdentitySource::AwsAuthLine { key: "mapRoles", index },
            Line::Users(index) => IdentitySource::AwsAuthLine { key: "mapUsers", index },
        }
    }
}
