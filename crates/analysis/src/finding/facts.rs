//! The checks of everything that is no permission: who is in which group, what is bound to nothing, and what EKS
//! and IAM add.

use super::check::{Check, Severity, Trigger};
use Severity::{Critical, High, Low, Medium};

const fn fact(
    id: &'static str,
    title: &'static str,
    severity: Severity,
    when: &'static str,
    why: &'static str,
    remedy: &'static str,
) -> Check {
    Check { id, title, severity, elsewhere: None, trigger: Trigger::Fact(when), why, remedy }
}

pub(crate) const MASTERS: Check = fact(
    "system-masters",
    "Member of system:masters",
    Critical,
    "an aws-auth line with the group system:masters that is in force, or the hidden mapping of the creator of a CONFIG_MAP cluster",
    "The group is never refused anything: no RBAC, no webhook and no policy is asked, and no binding takes it away.",
    "Make an access entry with AmazonEKSClusterAdminPolicy instead, and delete the line.",
);
pub(crate) const ANONYMOUS: Check = fact(
    "anonymous",
    "Rights of whoever reaches the API",
    Critical,
    "a binding to the user system:anonymous or the group system:unauthenticated, beside those of Kubernetes itself",
    "Nobody has to sign in for what is bound to them.",
    "Delete the subject from the binding.",
);
pub(crate) const IAM_ENTRIES: Check = fact(
    "iam-access-entries",
    "IAM lets it make itself administrator",
    Critical,
    "eks:AssociateAccessPolicy on an entry of the cluster, with eks:CreateAccessEntry or an entry of its own",
    "Whoever may make an entry and associate a policy gives himself AmazonEKSClusterAdminPolicy.",
    "Deny both actions to all but those who manage access, or limit them with eks:policyArn and eks:accessScope conditions.",
);
pub(crate) const IAM_MODE: Check = fact(
    "iam-cluster-mode",
    "IAM lets it change the authentication mode",
    High,
    "eks:UpdateClusterConfig on the cluster",
    "A step of the mode can't be taken back: it puts entries in force, or aws-auth out of force and everybody with it.",
    "Limit the action with a condition on eks:authenticationMode, to those who manage clusters.",
);
pub(crate) const IAM_PASS_ROLE: Check = fact(
    "iam-node-role",
    "IAM lets it make entries of nodes",
    Medium,
    "eks:CreateAccessEntry on the cluster and iam:PassRole",
    "An entry of a type for EC2 makes whoever has the role a node: it reads secrets and takes pods.",
    "Limit iam:PassRole to the roles of nodes, and eks:accessEntryType to STANDARD.",
);
pub(crate) const IAM_ASSUME: Check = fact(
    "iam-assume-role",
    "IAM lets it take a role with wide access",
    High,
    "sts:AssumeRole of a role that has findings of its own in the cluster, allowed by its policies and the role's trust policy",
    "Whoever takes the role is what the role is here; the role's entry does not tell who that may be.",
    "Narrow the trust policy of the role.",
);
pub(crate) const MISSING_ROLE: Check = fact(
    "missing-role",
    "Binding to a role that does not exist",
    Medium,
    "the roleRef of a binding names no role that is there",
    "It grants nothing until somebody makes a role of that name; then its subjects have whatever is in it.",
    "Delete the binding, or make the role.",
);
pub(crate) const UNPUBLISHED: Check = fact(
    "unpublished-policy",
    "Policy without published rules",
    Medium,
    "an association in force with a policy whose rules AWS has not published, or that does not exist",
    "What it allows on real EKS can't be told here, and is in no answer.",
    "Give it to nobody but the AWS service that it is made for.",
);
pub(crate) const CONFIG_MAP: Check = fact(
    "config-map-mode",
    "aws-auth still decides",
    Low,
    "authentication mode CONFIG_MAP or API_AND_CONFIG_MAP",
    "A ConfigMap says who gets in: it has no audit record of its own, no checks, and one bad line shuts people out.",
    "Move its lines to access entries (`entryway migrate`), then change the mode to API.",
);
pub(crate) const WITHOUT_EFFECT: Check = fact(
    "entry-without-effect",
    "Entry without effect",
    Low,
    "an entry of type STANDARD with no policy in force, whose username and groups no binding names",
    "It lets its principal sign in, for nothing but what everybody may. It is a leftover, or something is forgotten.",
    "Associate a policy, bind its group, or delete it.",
);
pub(crate) const STALE: Check = fact(
    "stale-entry",
    "Entry of a principal that is gone",
    Medium,
    "IAM has no such user or role, or it was made again since the entry was",
    "An entry belongs to the very principal that it was made for, and lets nobody else in. Where one is made again, \
     its people wonder why they can't get in.",
    "Delete the entry; make it anew if the principal that is there now is to have it.",
);
pub(crate) const ENDED: Check = fact(
    "ended",
    "Ended access that is still there",
    Low,
    "the tag entryway:expires-at of an entry, or entryway:expires/POLICY of an association, lies in the past",
    "Here it grants nothing any more. On real EKS it goes on until it is deleted.",
    "Delete it (`entryway sweep`).",
);
pub(crate) const OVERRIDDEN: Check = fact(
    "overridden-line",
    "Line of aws-auth that an entry overrides",
    Low,
    "a line of aws-auth for a principal that has an access entry in force",
    "It is dead, and comes to life when the entry is deleted or ends.",
    "Delete the line.",
);
pub(crate) const MISSING_ACCOUNT: Check = fact(
    "missing-service-account",
    "Binding to a service account that does not exist",
    Low,
    "a subject of a binding names a service account that is not there",
    "Whoever may make service accounts in the namespace has the rights by making it.",
    "Delete the subject from the binding.",
);
pub(crate) const CLOUD_ROLE: Check = fact(
    "cloud-role",
    "Service account with an IAM role",
    Low,
    "the annotation eks.amazonaws.com/role-arn of a service account",
    "Whoever may run pods or ask for tokens in its namespace has the IAM role too.",
    "Keep it in a namespace where nobody else runs pods, and give the role as little as it needs.",
);

/// All of them, the worst first.
pub(crate) const CHECKS: [&Check; 15] = [
    &MASTERS,
    &ANONYMOUS,
    &IAM_ENTRIES,
    &IAM_MODE,
    &IAM_ASSUME,
    &IAM_PASS_ROLE,
    &MISSING_ROLE,
    &UNPUBLISHED,
    &CONFIG_MAP,
    &STALE,
    &WITHOUT_EFFECT,
    &ENDED,
    &OVERRIDDEN,
    &MISSING_ACCOUNT,
    &CLOUD_ROLE,
];
