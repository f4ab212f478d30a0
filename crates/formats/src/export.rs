//! Declarations written in other formats. What a target has no words for is said, never dropped in silence.
//!
//! All targets but Entryway's own file take the same plain form ([`lower`]), from which everything that only
//! Entryway knows is already gone.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use entryway_access::{
    AccessScope, AccountId, AuthenticationMode, AwsAuth, ClusterName, EXPIRES_AT, EXPIRES_POLICY, EntryType, Partition,
    PolicyArn, PrincipalArn, RbacObjects, Region, expires_key, parse_end,
};

use crate::check::principal_name;
use crate::{
    ClusterSelector, Declared, DeclaredCluster, DeclaredEntry, Diagnostic, Expiry, PolicyRef, PrincipalRef, Read,
};

/// A format that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// Entryway's own file.
    Entryway,
    /// The eks module's `access_entries` map (21.x).
    TerraformModule,
    /// Resources of the AWS provider, with `import` blocks.
    TerraformResources,
    /// An eksctl `ClusterConfig`.
    Eksctl,
    /// A CloudFormation template.
    CloudFormation,
    /// Manifests of ACK's EKS controller.
    Ack,
    /// Manifests of Crossplane's AWS provider.
    Crossplane,
}

impl Target {
    /// All of them.
    pub const ALL: [Target; 7] = [
        Target::Entryway,
        Target::TerraformModule,
        Target::TerraformResources,
        Target::Eksctl,
        Target::CloudFormation,
        Target::Ack,
        Target::Crossplane,
    ];

    /// As `export --to` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Target::Entryway => "entryway",
            Target::TerraformModule => "terraform",
            Target::TerraformResources => "terraform-resources",
            Target::Eksctl => "eksctl",
            Target::CloudFormation => "cloudformation",
            Target::Ack => "ack",
            Target::Crossplane => "crossplane",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A target that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no format that can be written; there are {known}", known = Target::ALL.map(Target::as_str).join(", "))]
pub struct UnknownTarget(String);

impl FromStr for Target {
    type Err = UnknownTarget;
    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        let found = Target::ALL.into_iter().find(|target| target.as_str() == text);
        found.ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

/// Writes a declaration. The diagnostics say what the target can't say; the text lacks just that.
pub fn export(declared: &Declared, target: Target) -> Read<String> {
    match target {
        Target::Entryway => crate::own::write(declared),
        Target::TerraformModule => crate::terraform::write_module(declared),
        Target::TerraformResources => crate::terraform::write_resources(declared),
        Target::Eksctl => crate::eksctl::write(declared),
        Target::CloudFormation => crate::cloudformation::write(declared),
        Target::Ack => crate::manifest::write_ack(declared),
        Target::Crossplane => crate::manifest::write_crossplane(declared),
    }
}

/// What a target has words for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    /// What to call it in messages.
    pub(crate) name: &'static str,
    /// Whether entries have tags, in which ends can travel.
    pub(crate) tags: bool,
    /// Whether it has words for lines of aws-auth.
    pub(crate) aws_auth: bool,
}

/// A cluster in the plain form.
#[derive(Debug, Clone)]
pub(crate) struct PlainCluster {
    pub(crate) name: ClusterName,
    pub(crate) region: Option<Region>,
    pub(crate) account: Option<AccountId>,
    pub(crate) mode: Option<AuthenticationMode>,
    pub(crate) entries: Vec<PlainEntry>,
    /// Where the target has words for it.
    pub(crate) aws_auth: Option<AwsAuth>,
}

/// An entry in the plain form.
#[derive(Debug, Clone)]
pub(crate) struct PlainEntry {
    /// A name for it, unique in its cluster: letters, digits, `_` and `-`, beginning with a letter.
    pub(crate) label: String,
    pub(crate) principal: PrincipalArn,
    pub(crate) kind: EntryType,
    pub(crate) username: Option<String>,
    /// Absent where nothing is said of groups.
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) policies: Vec<(PolicyArn, AccessScope)>,
}

/// The plain form of a declaration; what gets lost on the way is said.
pub(crate) fn lower(declared: &Declared, abilities: Abilities, diagnostics: &mut Vec<Diagnostic>) -> Vec<PlainCluster> {
    let target = abilities.name;
    if let Some(protected) = declared.protected.first() {
        let message = format!("{target} has no words for protected principals");
        diagnostics.push(Diagnostic::warning(message, protected.place.clone()));
    }
    for policy in &declared.policies {
        let message = format!("{target} has no words for the policy `{}` of your own", policy.name.value);
        let warning = Diagnostic::warning(message, policy.name.place.clone());
        diagnostics.push(warning.help("keep it in Entryway's file, or write a ClusterRole and bind it to a group"));
    }
    declared.clusters.iter().filter_map(|cluster| lower_cluster(cluster, abilities, diagnostics)).collect()
}

fn lower_cluster(
    cluster: &DeclaredCluster,
    abilities: Abilities,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<PlainCluster> {
    let target = abilities.name;
    let ClusterSelector::Named { name, region, account } = &cluster.selector.value else {
        let what = match &cluster.selector.value {
            ClusterSelector::Unknown { label, reason } => {
                format!("the name of the cluster of `{label}` is not known: {reason}")
            }
            ClusterSelector::Tagged { .. } | ClusterSelector::Named { .. } => {
                format!("{target} has no words for clusters chosen by tags")
            }
        };
        diagnostics.push(Diagnostic::error(what, cluster.selector.place.clone()).help("name the cluster"));
        return None;
    };
    if cluster.rbac != RbacObjects::default() {
        let message = format!("the roles and bindings of `{name}` are not written to {target}");
        diagnostics.push(Diagnostic::warning(message, cluster.selector.place.clone()));
    }
    let aws_auth = cluster.aws_auth.as_ref().filter(|_| abilities.aws_auth).map(|aws_auth| aws_auth.map.clone());
    if cluster.aws_auth.is_some() && aws_auth.is_none() {
        let message = format!("the aws-auth of `{name}` is not written to {target}");
        diagnostics.push(
            Diagnostic::warning(message, cluster.selector.place.clone()).help("`entryway migrate` makes entries of it"),
        );
    }
    let partition = region.as_ref().map_or(Partition::Aws, Partition::of_region);
    let mut labels = Labels::default();
    let mut entries = Vec::new();
    for entry in &cluster.entries {
        let lost = |what: String| {
            let place = entry.principal.place.clone().or_else(|| entry.place.clone());
            Diagnostic::error(format!("entry `{}` is not written: {what}", entry.label), place)
        };
        let principal = match &entry.principal.value {
            PrincipalRef::Arn(arn) => Ok(arn.clone()),
            PrincipalRef::InAccount(kind) => match account {
                Some(account) => {
                    PrincipalArn::new(partition, account.clone(), kind.clone()).map_err(|error| error.to_string())
                }
                None => Err("the account of its cluster is not known".to_owned()),
            },
            PrincipalRef::SsoPermissionSet { .. } | PrincipalRef::IamGroup { .. } => {
                Err(format!("{target} has no words for its {}", principal_name(&entry.principal.value)))
            }
            PrincipalRef::Unknown { reason, .. } => Err(format!("its principal is not known: {reason}")),
        };
        match principal {
            Ok(principal) => {
                let label = labels.unique(&entry.label);
                entries.push(lower_entry(entry, label, principal, abilities, diagnostics));
            }
            Err(what) => diagnostics.push(lost(what).help("name it by its ARN")),
        }
    }
    let mode = cluster.mode.as_ref().map(|mode| mode.value);
    Some(PlainCluster { name: name.clone(), region: region.clone(), account: account.clone(), mode, entries, aws_auth })
}

fn lower_entry(
    entry: &DeclaredEntry,
    label: String,
    principal: PrincipalArn,
    abilities: Abilities,
    diagnostics: &mut Vec<Diagnostic>,
) -> PlainEntry {
    let target = abilities.name;
    let mut tags = entry.tags.clone();
    if !abilities.tags && !tags.is_empty() {
        let message = format!("{target} has no words for the tags of entry `{}`", entry.label);
        diagnostics.push(Diagnostic::warning(message, entry.place.clone()));
        tags.clear();
    }
    let mut end = |expires: Option<&crate::Placed<Expiry>>, key: String, diagnostics: &mut Vec<Diagnostic>| {
        let Some(expires) = expires else { return };
        let message = match expires.value {
            Expiry::At(at) if abilities.tags => {
                tags.insert(key, at.to_string());
                return;
            }
            Expiry::At(at) => format!("{target} has no words for the end ({at}) of entry `{}`", entry.label),
            Expiry::For(_) => {
                format!("`for` of entry `{}` begins when it is applied, which {target} can't say", entry.label)
            }
        };
        let place = expires.place.clone().or_else(|| entry.place.clone());
        diagnostics.push(Diagnostic::error(message, place).help("without it the access would never end"));
    };
    end(entry.expires.as_ref(), EXPIRES_AT.to_owned(), diagnostics);
    let mut policies = Vec::new();
    for policy in &entry.policies {
        match &policy.policy.value {
            PolicyRef::Arn(arn) => {
                end(policy.expires.as_ref(), expires_key(arn.name()), diagnostics);
                policies.push((arn.clone(), policy.scope.value.clone()));
            }
            PolicyRef::Own(name) => {
                let message = format!("entry `{}` loses the policy `{name}` of your own in {target}", entry.label);
                diagnostics.push(Diagnostic::error(message, policy.policy.place.clone()));
            }
            PolicyRef::Unknown { reason, .. } => {
                let message = format!("entry `{}` loses a policy that is not known: {reason}", entry.label);
                diagnostics.push(Diagnostic::error(message, policy.policy.place.clone()));
            }
        }
    }
    PlainEntry {
        label,
        principal,
        kind: entry.kind.value,
        username: entry.username.as_ref().map(|username| username.value.clone()),
        groups: entry.groups.as_ref().map(|groups| groups.iter().map(|group| group.value.clone()).collect()),
        tags,
        policies,
    }
}

/// Takes the ends that tags state into the entries, where they are the same as if the file had said them.
pub(crate) fn ends_from_tags(declared: &mut Declared, diagnostics: &mut Vec<Diagnostic>) {
    for entry in declared.clusters.iter_mut().flat_map(|cluster| &mut cluster.entries) {
        let keys: Vec<String> = entry.tags.keys().filter(|key| key.starts_with("entryway:expires")).cloned().collect();
        for key in keys {
            let Some(text) = entry.tags.get(&key) else { continue };
            let Ok(at) = parse_end(text) else {
                let message = format!("the tag `{key}` of entry `{}` is no time: `{text}`", entry.label);
                let error = Diagnostic::error(message, entry.place.clone());
                diagnostics.push(error.help("write it as `2026-12-24T18:00:00Z`"));
                continue;
            };
            let end = crate::Placed { value: Expiry::At(at), place: entry.place.clone() };
            let slot = if key == EXPIRES_AT {
                Some(&mut entry.expires)
            } else {
                let name = key.strip_prefix(EXPIRES_POLICY).unwrap_or_default();
                let is_it = |policy: &&mut crate::DeclaredPolicy| match &policy.policy.value {
                    PolicyRef::Arn(arn) => arn.name().as_str() == name,
                    PolicyRef::Own(own) => own.as_str() == name,
                    PolicyRef::Unknown { .. } => false,
                };
                entry.policies.iter_mut().find(is_it).map(|policy| &mut policy.expires)
            };
            if let Some(slot) = slot {
                slot.get_or_insert(end);
                entry.tags.remove(&key);
            }
        }
    }
}

/// Makes labels that any target can use, each once.
#[derive(Debug, Default)]
pub(crate) struct Labels(BTreeMap<String, usize>);

impl Labels {
    /// A label from any text.
    pub(crate) fn unique(&mut self, text: &str) -> String {
        // Of an address, the last part says most.
        let good = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' };
        let mut label: String = text.chars().map(good).take(64).collect();
        label = label.trim_matches('-').to_owned();
        if !label.starts_with(|c: char| c.is_ascii_alphabetic()) {
            label = format!("entry-{label}").trim_end_matches('-').to_owned();
        }
        loop {
            let count = self.0.entry(label.clone()).or_insert(0);
            *count += 1;
            if *count == 1 {
                return label;
            }
            label = format!("{label}-{count}");
        }
    }
}
