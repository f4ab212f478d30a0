//! All that decides on one cluster, gathered from its EKS API and its Kubernetes API, as the core's values.

use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessScope, Association, AuthenticationMode, AwsAuth, ClusterModel, EXPIRES_AT, PolicyArn,
    PolicyCatalogue, PrincipalArn, RbacObjects, Template, end_of, expires_key, parse_end,
};
use jiff::Timestamp;

use crate::{Aws, Cluster, EntryWithPolicies, Kubernetes, LiveError, Unread};

/// Something read that can't be taken in: it grants nothing in the model, and is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, such as `access entry arn:…` or `aws-auth mapRoles:3:5`.
    pub object: String,
    /// What is wrong with it.
    pub message: String,
}

/// One cluster as its APIs show it.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The cluster; none where only a kubeconfig context was given.
    pub cluster: Option<Cluster>,
    /// What decides.
    pub model: ClusterModel,
    /// What was read and can't be taken in.
    pub problems: Vec<Problem>,
    /// What the caller may not read. Nothing granted there is in the model, so a "no" is not certain.
    pub unread: Vec<Unread>,
}

impl Gathered {
    /// Reads a cluster: entries where the mode has them, aws-auth where it has that, RBAC always.
    pub async fn read(aws: &Aws, cluster: Cluster, kubernetes: &Kubernetes) -> Result<Gathered, LiveError> {
        let mode = cluster.mode()?;
        let entries = async { if mode.has_api() { aws.entries(&cluster.name).await } else { Ok(Vec::new()) } };
        let aws_auth = async { if mode.has_config_map() { Some(kubernetes.aws_auth().await) } else { None } };
        let (entries, rbac, aws_auth, catalogue) =
            tokio::join!(entries, kubernetes.rbac(), aws_auth, aws.policy_catalogue());

        let mut gathered = Gathered::of_rbac(rbac?, mode);
        match catalogue {
            Ok(catalogue) => gathered.model.catalogue = catalogue,
            // Refused, or an endpoint of another make: named below for each association that needs it.
            Err(LiveError::Service(_)) => {}
            Err(error) => return Err(error),
        }
        // Tags end a grant only where the control plane honours them; EKS itself keeps it until it is swept away.
        let ends = !aws.is_aws();
        for entry in entries? {
            match to_core(&entry, ends, &gathered.model.catalogue) {
                Ok((entry, problems)) => {
                    gathered.model.entries.push(Arc::new(entry));
                    gathered.problems.extend(problems);
                }
                Err(problem) => gathered.problems.push(problem),
            }
        }
        match aws_auth {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(data))) => {
                let (lines, problems) = AwsAuth::parse(&data);
                gathered.model.aws_auth = lines;
                gathered.problems.extend(problems.into_iter().map(|problem| Problem {
                    object: format!("aws-auth {}:{}:{}", problem.key, problem.position.line, problem.position.column),
                    message: problem.message,
                }));
            }
            Some(Err(error)) if error.is_forbidden() => {
                gathered.unread.push(Unread { what: "the aws-auth ConfigMap".to_owned(), why: error.to_string() });
            }
            Some(Err(error)) => return Err(error),
        }
        gathered.cluster = Some(cluster);
        Ok(gathered)
    }

    /// Reads RBAC alone: enough for a question about a Kubernetes user.
    pub async fn read_rbac(kubernetes: &Kubernetes) -> Result<Gathered, LiveError> {
        Ok(Gathered::of_rbac(kubernetes.rbac().await?, AuthenticationMode::Api))
    }

    fn of_rbac(
        (rbac, problems, unread): (RbacObjects, Vec<entryway_access::RbacProblem>, Vec<Unread>),
        mode: AuthenticationMode,
    ) -> Gathered {
        Gathered {
            cluster: None,
            model: ClusterModel {
                mode,
                entries: Vec::new(),
                aws_auth: AwsAuth::default(),
                rbac,
                catalogue: PolicyCatalogue::builtin(),
                // EKS tells nobody who made a cluster in mode CONFIG_MAP.
                bootstrap_creator: None,
            },
            problems: problems
                .into_iter()
                .map(|problem| Problem { object: problem.object, message: problem.message })
                .collect(),
            unread,
        }
    }
}

/// An entry as the core knows it. An entry that can't be understood maps nobody here; an association that can't be
/// grants nothing: both only ever take access away from the model, and both are named.
fn to_core(
    read: &EntryWithPolicies,
    ends: bool,
    catalogue: &PolicyCatalogue,
) -> Result<(AccessEntry, Vec<Problem>), Problem> {
    let object = format!("access entry {}", read.entry.principal_arn);
    let wrong = |message: String| Problem { object: object.clone(), message };
    let principal: PrincipalArn =
        read.entry.principal_arn.parse().map_err(|e: entryway_access::ArnError| wrong(e.to_string()))?;
    let kind = read.entry.kind.parse().map_err(|e: entryway_access::EntryError| wrong(e.to_string()))?;

    let mut problems = Vec::new();
    let mut policies = Vec::new();
    for associated in &read.associated_access_policies {
        let parsed = associated.policy_arn.parse::<PolicyArn>().map_err(|e| e.to_string()).and_then(|policy| {
            let scope = AccessScope::from_parts(&associated.access_scope.kind, &associated.access_scope.namespaces)
                .map_err(|e| e.to_string())?;
            Ok((policy, scope))
        });
        match parsed {
            Ok((policy, scope)) => {
                if catalogue.get(&policy).is_none() {
                    let why = match policy {
                        PolicyArn::Aws { .. } => "is not in the catalogue",
                        PolicyArn::Own { .. } => "could not be read",
                    };
                    problems.push(wrong(format!("the policy `{policy}` {why}; it grants nothing here")));
                }
                let expires = end(read, &expires_key(policy.name()), ends, &mut problems);
                policies.push(Association { policy, scope, expires });
            }
            Err(message) => problems.push(wrong(message)),
        }
    }
    let expires = end(read, EXPIRES_AT, ends, &mut problems);
    let entry = AccessEntry {
        principal,
        unique_id: None,
        kind,
        username: Template::new(&read.entry.username),
        groups: read.entry.kubernetes_groups.clone(),
        policies,
        expires,
    };
    Ok((entry, problems))
}

/// The end that a tag names, where the control plane honours it. A tag that is no time is named.
fn end(read: &EntryWithPolicies, tag: &str, ends: bool, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    if let Some(Err(error)) = read.entry.tags.get(tag).map(|text| parse_end(text)) {
        problems.push(Problem {
            object: format!("access entry {}", read.entry.principal_arn),
            message: format!("the tag `{tag}`: {error}"),
        });
    }
    end_of(&read.entry.tags, tag).filter(|_| ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AssociatedPolicy, Entry, Scope};

    const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";

    fn read(policies: &[(&str, &str, &[&str])], tags: &[(&str, &str)]) -> EntryWithPolicies {
        EntryWithPolicies {
            entry: Entry {
                principal_arn: "arn:aws:iam::111122223333:role/ops".into(),
                kind: "STANDARD".into(),
                username: "ops".into(),
                tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
                ..Entry::default()
            },
            associated_access_policies: policies
                .iter()
                .map(|(arn, kind, namespaces)| AssociatedPolicy {
                    policy_arn: (*arn).to_owned(),
                    access_scope: Scope {
                        kind: (*kind).to_owned(),
                        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
                    },
                    ..AssociatedPolicy::default()
                })
                .collect(),
        }
    }

    fn taken(read: &EntryWithPolicies, ends: bool) -> (AccessEntry, Vec<Problem>) {
        to_core(read, ends, &PolicyCatalogue::builtin()).unwrap()
    }

    #[test]
    fn what_is_broken_grants_nothing_and_is_named() {
        let good = (VIEW, "namespace", &["a"][..]);
        for bad in [(VIEW, "namespace", &[][..]), (VIEW, "planet", &["a"][..]), ("arn:nonsense", "cluster", &[][..])] {
            let (entry, problems) = taken(&read(&[good, bad], &[]), true);
            assert_eq!((entry.policies.len(), problems.len()), (1, 1), "{bad:?}: {problems:?}");
        }
        let unknown = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSFuturePolicy";
        let (entry, problems) = taken(&read(&[(unknown, "cluster", &[])], &[]), true);
        assert_eq!((entry.policies.len(), problems.len()), (1, 1));
        assert!(problems[0].message.contains("not in the catalogue"), "{problems:?}");

        let mut other = read(&[good], &[]);
        other.entry.kind = "FUTURE".into();
        assert!(to_core(&other, true, &PolicyCatalogue::builtin()).is_err());
    }

    #[test]
    fn ends_count_where_the_control_plane_honours_them() {
        let tags =
            [("entryway:expires/AmazonEKSViewPolicy", "2030-01-01T00:00:00Z"), (EXPIRES_AT, "2031-01-01T00:00:00Z")];
        let entry = read(&[(VIEW, "cluster", &[])], &tags);
        let (here, problems) = taken(&entry, true);
        assert_eq!(problems, []);
        assert_eq!(here.policies[0].expires, "2030-01-01T00:00:00Z".parse().ok());
        assert_eq!(here.expires, "2031-01-01T00:00:00Z".parse().ok());
        // EKS keeps a grant in force whatever its tags say.
        let (there, _) = taken(&entry, false);
        assert_eq!((there.policies[0].expires, there.expires), (None, None));
    }

    #[test]
    fn an_end_that_nobody_can_read_has_come() {
        let (entry, problems) = taken(&read(&[(VIEW, "cluster", &[])], &[(EXPIRES_AT, "soon")]), true);
        assert_eq!(entry.expires, Some(Timestamp::UNIX_EPOCH));
        assert_eq!(problems.len(), 1);
    }
}
