//! The checks of permissions: what RBAC rules and access policies give that reaches further than it says.
//!
//! Sources: Kubernetes' "RBAC good practices", and what rbac-police, krane and kubesplaining look for, with their
//! gaps closed: `bind` is asked on roles, `get nodes/proxy` is as good as `create`, `watch secrets` shows them all,
//! workloads are in `apps`, and a rule with `resourceNames` never allows `create` of an object.

use super::check::{Check, Names, Need, Severity, Trigger};
use Severity::{Critical, High, Low, Medium};

const RBAC: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const WRITE: &[&str] = &["create", "update", "patch"];
const CHANGE: &[&str] = &["update", "patch"];
const READ: &[&str] = &["get", "list", "watch"];

/// Of objects in namespaces, where rules for some names are worth less.
const fn local(verbs: &'static [&'static str], group: &'static str, resources: &'static [&'static str]) -> Need {
    Need { verbs, group, resources, of_cluster: false, names: Names::Lesser(&[]) }
}

/// Of objects of the cluster.
const fn global(verbs: &'static [&'static str], group: &'static str, resources: &'static [&'static str]) -> Need {
    Need { verbs, group, resources, of_cluster: true, names: Names::Lesser(&[]) }
}

const fn named(need: Need, names: Names) -> Need {
    Need { verbs: need.verbs, group: need.group, resources: need.resources, of_cluster: need.of_cluster, names }
}

/// A signer of client certificates: what it signs, the API server believes.
const SIGNERS: Names = Names::Lesser(&["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"]);
const MASTERS: Names = Names::Lesser(&["system:masters"]);
const ADMIN_ROLE: Names = Names::Lesser(&["cluster-admin"]);
const ALL_ALONE: Names = Names::Only(&[]);

/// What starts pods.
const WORKLOADS: &[&[Need]] = &[
    &[local(&["create"], "", &["pods"])],
    &[local(WRITE, "", &["replicationcontrollers"])],
    &[local(WRITE, "apps", &["deployments", "daemonsets", "statefulsets", "replicasets"])],
    &[local(WRITE, "batch", &["jobs", "cronjobs"])],
];

/// All of them, the worst first.
pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "cluster-admin",
        title: "Cluster administrator",
        severity: Critical,
        elsewhere: None,
        trigger: Trigger::Permissions(&[
            &[named(global(&["*"], "*", &["*"]), ALL_ALONE)],
            &[named(global(&["*"], "", &["*"]), ALL_ALONE)],
        ]),
        why: "Every verb on every resource is the whole cluster: all secrets, all workloads, all access.",
        remedy: "Keep it for few people, best as an access policy that ends; give daily work AmazonEKSEditPolicy or a role of its own, in the namespaces that need it.",
    },
    Check {
        id: "escalate",
        title: "May write rights into roles that it does not have",
        severity: Critical,
        elsewhere: Some(High),
        trigger: Trigger::Permissions(&[
            &[global(&["escalate"], RBAC, &["clusterroles"])],
            &[local(&["escalate"], RBAC, &["roles"])],
        ]),
        why: "Kubernetes lets nobody put into a role what he does not have himself. The verb `escalate` lifts that rule, so whoever may also change a role that he is bound to has everything.",
        remedy: "Take the verb `escalate` out of the role (also where it has `*` on roles): it is for controllers that aggregate roles.",
    },
    Check {
        id: "bind",
        title: "May bind roles whose rights it does not have",
        severity: Critical,
        elsewhere: Some(High),
        trigger: Trigger::Permissions(&[&[named(local(&["bind"], RBAC, &["clusterroles", "roles"]), ADMIN_ROLE)]]),
        why: "With `bind`, a binding may be made to any role, `cluster-admin` too, for oneself.",
        remedy: "Take the verb `bind` out of the role, or limit it with resourceNames to the roles that may be handed on.",
    },
    Check {
        id: "impersonate",
        title: "May act as others",
        severity: Critical,
        elsewhere: Some(High),
        trigger: Trigger::Permissions(&[
            &[global(&["impersonate"], "", &["users"])],
            &[named(global(&["impersonate"], "", &["groups"]), MASTERS)],
            &[local(&["impersonate"], "", &["serviceaccounts"])],
            &[global(&["impersonate"], "authentication.k8s.io", &["userextras/*"])],
        ]),
        why: "`kubectl --as` and `--as-group` give the RBAC rights of whom they name; the group `system:masters` is never refused anything.",
        remedy: "Limit `impersonate` with resourceNames to the users and groups that are meant, and never let it name system:masters.",
    },
    Check {
        id: "approve-csr",
        title: "May have client certificates signed",
        severity: Critical,
        elsewhere: None,
        trigger: Trigger::Permissions(&[
            &[
                global(&["create"], CERTIFICATES, &["certificatesigningrequests"]),
                global(READ, CERTIFICATES, &["certificatesigningrequests"]),
                global(CHANGE, CERTIFICATES, &["certificatesigningrequests/approval"]),
                named(global(&["approve"], CERTIFICATES, &["signers"]), SIGNERS),
            ],
            &[
                global(&["create"], CERTIFICATES, &["certificatesigningrequests"]),
                global(READ, CERTIFICATES, &["certificatesigningrequests"]),
                global(CHANGE, CERTIFICATES, &["certificatesigningrequests/status"]),
                named(global(&["sign"], CERTIFICATES, &["signers"]), SIGNERS),
            ],
        ]),
        why: "A client certificate may name any user and group but system:masters, works until it ends, and can't be taken back.",
        remedy: "Let one controller approve, and nobody who may also make requests; limit `approve` and `sign` to the signer that is meant.",
    },
    Check {
        id: "aws-auth-write",
        title: "May change aws-auth",
        severity: Critical,
        elsewhere: None,
        trigger: Trigger::Permissions(&[&[named(local(CHANGE, "", &["configmaps"]), Names::Only(&["aws-auth"]))]]),
        why: "In the modes CONFIG_MAP and API_AND_CONFIG_MAP a line of kube-system/aws-auth may give any IAM principal the group system:masters.",
        remedy: "Change the authentication mode to API, or keep writing of ConfigMaps out of kube-system.",
    },
    Check {
        id: "token-request",
        title: "May ask for tokens of service accounts",
        severity: Critical,
        elsewhere: Some(High),
        trigger: Trigger::Permissions(&[&[local(&["create"], "", &["serviceaccounts/token"])]]),
        why: "A token gives all rights of its service account, from anywhere; controllers in kube-system have the widest.",
        remedy: "Limit it to the service accounts that are meant with resourceNames, outside kube-system.",
    },
    Check {
        id: "read-secrets",
        title: "Reads secrets",
        severity: Critical,
        elsewhere: Some(Medium),
        trigger: Trigger::Permissions(&[&[local(READ, "", &["secrets"])]]),
        why: "Passwords, keys, and tokens of service accounts that are kept as secrets. `list` and `watch` show the values as `get` does.",
        remedy: "AmazonEKSViewPolicy reads no secrets. Where one secret is meant, name it with resourceNames and give `get` alone.",
    },
    Check {
        id: "write-secrets",
        title: "Writes secrets",
        severity: Critical,
        elsewhere: Some(Low),
        trigger: Trigger::Permissions(&[&[local(WRITE, "", &["secrets"])]]),
        why: "A secret of type service-account-token is filled with a lasting token of the service account that it names; and what reads a changed secret believes it.",
        remedy: "Keep it to the namespaces of the team, never kube-system.",
    },
    Check {
        id: "run-workloads",
        title: "Runs pods as any service account",
        severity: Critical,
        elsewhere: Some(Medium),
        trigger: Trigger::Permissions(WORKLOADS),
        why: "Who starts a pod chooses its service account in the namespace, and has its token, its secrets, its ConfigMaps, and the IAM role that it carries.",
        remedy: "Keep service accounts with wide rights in namespaces where nobody else starts pods; nobody but administrators starts pods in kube-system.",
    },
    Check {
        id: "any-resource",
        title: "A verb on every resource",
        severity: High,
        elsewhere: Some(High),
        trigger: Trigger::Permissions(&[&[named(
            local(&["create", "delete", "deletecollection", "get", "list", "impersonate"], "*", &["*"]),
            ALL_ALONE,
        )]]),
        why: "A verb on all resources takes in secrets, roles and bindings, and whatever is installed later.",
        remedy: "Name the resources. AmazonEKSViewPolicy reads what is not secret.",
    },
    Check {
        id: "binding-write",
        title: "Makes or changes bindings",
        severity: High,
        elsewhere: Some(Medium),
        trigger: Trigger::Permissions(&[
            &[global(WRITE, RBAC, &["clusterrolebindings"])],
            &[local(WRITE, RBAC, &["rolebindings"])],
        ]),
        why: "It may hand on to anybody what it has itself, in a binding that outlives its own access; with `bind` more than that.",
        remedy: "Let bindings be made where access is declared and reviewed, by few.",
    },
    Check {
        id: "role-write",
        title: "Makes or changes roles",
        severity: High,
        elsewhere: Some(Low),
        trigger: Trigger::Permissions(&[&[global(WRITE, RBAC, &["clusterroles"])], &[local(WRITE, RBAC, &["roles"])]]),
        why: "Everybody who is bound to a role has what is written into it, up to all that the writer has himself; with `escalate` more than that.",
        remedy: "Let roles be changed where access is declared and reviewed, by few.",
    },
    Check {
        id: "change-pods",
        title: "Changes running pods",
        severity: High,
        elsewhere: Some(Low),
        trigger: Trigger::Permissions(&[&[local(CHANGE, "", &["pods"])]]),
        why: "The image of a running pod can be changed: the new one runs with the pod's service account.",
        remedy: "People rarely need it; what manages pods changes the workload instead.",
    },
    Check {
        id: "exec",
        title: "Runs commands in pods",
        severity: High,
        elsewhere: Some(Medium),
        trigger: Trigger::Permissions(&[&[local(&["create", "get"], "", &["pods/exec", "pods/attach"])]]),
        why: "A shell in a pod has the pod's token, secrets and network, and leaves no trace in the workload.",
        remedy: "Give it for a time, in the namespace that needs it.",
    },
    Check {
        id: "ephemeral-containers",
        title: "Puts containers into running pods",
        severity: High,
        elsewhere: Some(Medium),
        trigger: Trigger::Permissions(&[&[local(CHANGE, "", &["pods/ephemeralcontainers"])]]),
        why: "A debugging container sees what the pod sees, with an image of one's own.",
        remedy: "Give it for a time, in the namespace that needs it.",
    },
    Check {
        id: "node-proxy",
        title: "Reaches kubelets",
        severity: High,
        elsewhere: None,
        trigger: Trigger::Permissions(&[&[global(&["create", "get"], "", &["nodes/proxy"])]]),
        why: "The kubelet's own API runs commands in every pod of the node, past admission and audit. `get` is enough: commands go over a connection that begins with a GET.",
        remedy: "Give nodes/metrics, nodes/stats or nodes/log instead: they are what monitoring needs.",
    },
    Check {
        id: "webhooks",
        title: "Changes admission webhooks",
        severity: High,
        elsewhere: None,
        trigger: Trigger::Permissions(&[&[global(
            WRITE,
            "admissionregistration.k8s.io",
            &["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
        )]]),
        why: "A webhook sees every object that is written, secrets too, and a mutating one changes it.",
        remedy: "Leave it to those who install what needs webhooks.",
    },
    Check {
        id: "persistent-volumes",
        title: "Makes persistent volumes",
        severity: High,
        elsewhere: None,
        trigger: Trigger::Permissions(&[&[global(&["create"], "", &["persistentvolumes"])]]),
        why: "A volume of type hostPath is the node's own disk, whatever Pod Security says of pods.",
        remedy: "Let storage classes make volumes; people need PersistentVolumeClaims alone.",
    },
    Check {
        id: "privileged-pod",
        title: "Runs pods where Pod Security enforces nothing",
        severity: High,
        elsewhere: Some(High),
        trigger: Trigger::Permissions(WORKLOADS),
        why: "Where the namespace has no pod-security.kubernetes.io/enforce of baseline or restricted, a pod may be privileged: then it has its node, and everything that runs there.",
        remedy: "Label the namespace pod-security.kubernetes.io/enforce: baseline, or restricted.",
    },
    Check {
        id: "steal-pods",
        title: "Moves pods to a node of its choice",
        severity: High,
        elsewhere: None,
        trigger: Trigger::Permissions(&[
            &[local(&["delete", "patch"], "", &["pods"]), global(&["patch"], "", &["nodes", "nodes/status"])],
            &[local(&["create"], "", &["pods/eviction"]), global(&["patch"], "", &["nodes", "nodes/status"])],
            &[local(&["patch"], "", &["pods/status"]), global(&["patch"], "", &["nodes", "nodes/status"])],
            &[global(&["delete", "patch"], "", &["nodes"]), global(&["patch"], "", &["nodes", "nodes/status"])],
        ]),
        why: "Who drives pods away and makes other nodes refuse them brings them, with their tokens, to a node that he has already.",
        remedy: "Leave changing nodes to what manages them.",
    },
    Check {
        id: "namespace-labels",
        title: "Changes labels of namespaces",
        severity: Medium,
        elsewhere: Some(Medium),
        trigger: Trigger::Permissions(&[&[local(CHANGE, "", &["namespaces"])]]),
        why: "Pod Security and network policies go by labels of the namespace: who changes them weakens both.",
        remedy: "Leave namespaces to those who make them.",
    },
    Check {
        id: "service-status",
        title: "Changes the status of services",
        severity: Medium,
        elsewhere: Some(Medium),
        trigger: Trigger::Permissions(&[&[local(CHANGE, "", &["services/status"])]]),
        why: "An address in a service's status draws traffic that is meant for others (CVE-2020-8554).",
        remedy: "Leave it to the load balancer's controller.",
    },
    Check {
        id: "pod-status",
        title: "Changes the status of pods",
        severity: Low,
        elsewhere: Some(Low),
        trigger: Trigger::Permissions(&[&[local(CHANGE, "", &["pods/status"])]]),
        why: "A pod's address in its status is where services send their traffic.",
        remedy: "Leave it to kubelets.",
    },
    Check {
        id: "node-status",
        title: "Changes the status of nodes",
        severity: Low,
        elsewhere: None,
        trigger: Trigger::Permissions(&[&[global(CHANGE, "", &["nodes/status"])]]),
        why: "What a node says of itself decides which pods come to it.",
        remedy: "Leave it to kubelets.",
    },
];
