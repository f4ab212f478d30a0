//! What a line of aws-auth becomes.

use entryway_access::{
    AUTHENTICATED, AccessEntry, AccessScope, Association, EntryType, MASTERS, Mapping, PrincipalArn, PrincipalKind,
    Template,
};

use super::proposal::{for_group, for_username};
use super::{LineSource, LookedUp, NotCarried};
use crate::simulate::cluster_admin;
use crate::tags::{MANAGED_BY, MANAGED_BY_VALUE, MIGRATED_FROM, MIGRATED_FROM_VALUE};
use crate::{ActualCluster, DesiredEntry};

/// The entry, where there can be one, and what it can't say.
pub(super) struct Carried {
    pub(super) entry: Option<DesiredEntry>,
    pub(super) refused: Vec<NotCarried>,
}

const NODE_BY_DNS: &str = "system:node:{{EC2PrivateDNSName}}";
const NODE_BY_SESSION: &str = "system:node:{{SessionName}}";
/// The groups that node lines carry, and that EKS gives to node types itself.
const NODE_GROUPS: [&str; 4] =
    ["system:bootstrappers", "system:nodes", "eks:kube-proxy-windows", "system:node-proxier"];

/// The node type that a line means: by its username and groups together, for hybrid nodes and Fargate differ in
/// the groups alone.
fn node_type(username: &str, groups: &[String]) -> Option<EntryType> {
    let has = |name: &str| groups.iter().any(|group| group == name);
    if !has("system:nodes") {
        return None;
    }
    match username {
        NODE_BY_DNS if has("eks:kube-proxy-windows") => Some(EntryType::Ec2Windows),
        NODE_BY_DNS => Some(EntryType::Ec2Linux),
        NODE_BY_SESSION if has("system:node-proxier") => Some(EntryType::FargateLinux),
        NODE_BY_SESSION => Some(EntryType::HybridLinux),
        _ => None,
    }
}

pub(super) fn carry(
    mapping: &Mapping,
    principal: &PrincipalArn,
    looked_up: Option<&LookedUp>,
    cluster: &ActualCluster,
    source: &LineSource,
    notes: &mut Vec<String>,
) -> Carried {
    let mut line = Line { principal, cluster, source, refused: Vec::new() };
    let entry = line.entry(mapping, looked_up, notes);
    Carried { entry, refused: line.refused }
}

struct Line<'a> {
    principal: &'a PrincipalArn,
    cluster: &'a ActualCluster,
    source: &'a LineSource,
    refused: Vec<NotCarried>,
}

impl Line<'_> {
    fn refuse(&mut self, what: impl Into<String>, why: impl Into<String>, proposal: impl Into<String>) {
        self.refused.push(NotCarried {
            source: self.source.clone(),
            principal: self.principal.to_string(),
            what: what.into(),
            why: why.into(),
            proposal: proposal.into(),
            objects: Vec::new(),
        });
    }

    fn entry(
        &mut self,
        mapping: &Mapping,
        looked_up: Option<&LookedUp>,
        notes: &mut Vec<String>,
    ) -> Option<DesiredEntry> {
        let principal = self.principal;
        if let PrincipalKind::FederatedUser { .. } = principal.kind() {
            let proposal = "let the person assume a role, and declare an entry for that role";
            self.refuse("the whole line", "an entry can't be for a federated user", proposal);
            return None;
        }
        if principal.is_service_linked() || principal.name().starts_with("AWSServiceRoleFor") {
            let proposal =
                "let the AWS service make its own entry (for EMR on EKS: turn on its access-entry integration)";
            self.refuse("the whole line", "only EKS itself makes entries for service-linked roles", proposal);
            return None;
        }
        if principal.name().starts_with("AWSReservedSSO_") && !matches!(looked_up, Some(LookedUp::Found(_))) {
            let why = "the entry of an SSO role needs its path, and the stripped name does not tell it";
            let proposal = "allow `iam:GetRole` in the role's account, or declare the permission set by name";
            self.refuse("the whole line", why, proposal);
            return None;
        }
        if matches!(principal.kind(), PrincipalKind::Root) {
            notes.push(format!("`{principal}` maps the root user alone, not the account; so does its entry"));
        }
        let username = mapping.username.as_ref().map(Template::as_str).unwrap_or_default();
        let instances_alone = mapping.username.iter().chain(&mapping.groups).any(Template::needs_ec2_name);
        let groups = self.groups(&mapping.groups);
        match node_type(username, &groups) {
            Some(kind) => self.node(kind, &groups, notes),
            // Such a line maps EC2 instances alone; an entry in its place would let every session in.
            None if instances_alone => {
                let why = "it maps EC2 instances alone, and an entry that is not of a node type maps every session";
                let proposal = "declare an entry of type EC2_LINUX if it is for nodes, else one for the people meant";
                self.refuse("the whole line", why, proposal);
                None
            }
            None => Some(self.person(username, groups)),
        }
    }

    /// The groups, with the account filled in; one that is different for each session can't be an entry's.
    fn groups(&mut self, templates: &[Template]) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        for template in templates {
            let group = template.as_str().replace("{{AccountID}}", self.principal.account().as_str());
            let placeholder = ["{{SessionName}}", "{{SessionNameRaw}}", "{{AccessKeyID}}", "{{EC2PrivateDNSName}}"]
                .into_iter()
                .find(|name| group.contains(name));
            match placeholder {
                Some(placeholder) => self.refuse(
                    format!("group `{}`", template.as_str()),
                    format!("the groups of an entry are fixed, and `{placeholder}` is different for each session"),
                    format!("put `{placeholder}` into the username, and bind roles to the users"),
                ),
                None if groups.contains(&group) => {}
                None => groups.push(group),
            }
        }
        groups
    }

    fn node(&mut self, kind: EntryType, groups: &[String], notes: &mut Vec<String>) -> Option<DesiredEntry> {
        let principal = self.principal;
        for group in groups.iter().filter(|group| !NODE_GROUPS.contains(&group.as_str())) {
            self.refuse(
                format!("group `{group}`"),
                format!("an entry of type {kind} has EKS's groups alone"),
                "give what runs on the nodes a service account of its own, and bind roles to that",
            );
        }
        if let Err(error) = AccessEntry::new(principal.clone(), kind, None, None, &self.cluster.arn.account) {
            let proposal = "let the nodes have a role of the cluster's own account";
            self.refuse("the whole line", error.to_string(), proposal);
            return None;
        }
        if kind == EntryType::HybridLinux {
            notes.push(format!(
                "`{principal}` is taken for the role of hybrid nodes; if its nodes are EC2 instances named by their id, its type is EC2"
            ));
        }
        let username = AccessEntry::default_username(principal, kind).as_str().to_owned();
        Some(self.desired(kind, username, None, Vec::new()))
    }

    fn person(&mut self, username: &str, groups: Vec<String>) -> DesiredEntry {
        let username = self.username(username);
        let mut kept = Vec::new();
        let mut policies = Vec::new();
        for group in groups {
            if group == MASTERS {
                let policy = cluster_admin(self.cluster);
                policies.extend(policy.map(|policy| Association {
                    policy,
                    scope: AccessScope::Cluster,
                    expires: None,
                }));
            } else if group == AUTHENTICATED {
                // Nothing to carry.
            } else if let Err(error) = AccessEntry::check_groups(EntryType::Standard, std::slice::from_ref(&group)) {
                let refused = for_group(&group, &error.to_string(), self.principal, self.cluster, self.source);
                self.refused.push(refused);
            } else {
                kept.push(group);
            }
        }
        self.desired(EntryType::Standard, username, Some(kept), policies)
    }

    /// The line's username where an entry may have it, else EKS's own.
    fn username(&mut self, username: &str) -> String {
        let default = AccessEntry::default_username(self.principal, EntryType::Standard).as_str().to_owned();
        if username == default {
            return default;
        }
        let error = match username.contains("{{AccessKeyID}}") {
            true => Some("an entry's username can't hold `{{AccessKeyID}}`".to_owned()),
            false => {
                AccessEntry::check_username(EntryType::Standard, Some(username)).err().map(|error| error.to_string())
            }
        };
        match error {
            None => username.to_owned(),
            Some(why) => {
                self.refused.push(for_username(username, &default, &why, self.principal, self.cluster, self.source));
                default
            }
        }
    }

    fn desired(
        &self,
        kind: EntryType,
        username: String,
        groups: Option<Vec<String>>,
        policies: Vec<Association>,
    ) -> DesiredEntry {
        DesiredEntry {
            label: self.principal.name().to_owned(),
            principal: self.principal.clone(),
            resolved_from: None,
            kind,
            username,
            groups,
            own_groups: Vec::new(),
            tags: [(MANAGED_BY, MANAGED_BY_VALUE), (MIGRATED_FROM, MIGRATED_FROM_VALUE)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            policies,
            place: None,
        }
    }
}
