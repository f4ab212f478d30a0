//! How somebody becomes somebody else: data, by the checks that find the permissions it takes.

/// Who is become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Becomes {
    /// The service accounts of the place where the permissions are held.
    ServiceAccounts,
    /// Those of all namespaces, wherever they are held.
    AllServiceAccounts,
    /// Any user, and any group but system:masters.
    UsersAndGroups,
}

/// A way from one to another.
pub(crate) struct Move {
    /// The check whose permissions it takes.
    pub(crate) check: &'static str,
    /// A second check whose permissions it takes as well.
    pub(crate) with: Option<&'static str>,
    pub(crate) becomes: Becomes,
    /// After the name of who does it.
    pub(crate) said: &'static str,
}

const fn service_accounts(check: &'static str, said: &'static str) -> Move {
    Move { check, with: None, becomes: Becomes::ServiceAccounts, said }
}

/// All of them but impersonation, which goes by names. `steal-pods` is none: it takes a node that one has already.
/// Writing bindings or roles is none by itself: Kubernetes lets nobody hand on what he does not have.
pub(crate) const MOVES: &[Move] = &[
    service_accounts("run-workloads", "starts a pod that runs as it"),
    service_accounts("exec", "runs a command in a pod that runs as it"),
    service_accounts("ephemeral-containers", "puts a container into a pod that runs as it"),
    service_accounts("change-pods", "changes the image of a pod that runs as it"),
    service_accounts("read-secrets", "reads its token, where a secret holds one"),
    Move {
        check: "bind",
        with: Some("binding-write"),
        becomes: Becomes::ServiceAccounts,
        said: "binds itself to any ClusterRole there, and starts pods as it",
    },
    Move {
        check: "escalate",
        with: Some("role-write"),
        becomes: Becomes::ServiceAccounts,
        said: "writes all rights into a role there, and starts pods as it",
    },
    Move {
        check: "privileged-pod",
        with: None,
        becomes: Becomes::AllServiceAccounts,
        said: "takes its token from a node, out of a privileged pod",
    },
    Move {
        check: "persistent-volumes",
        with: Some("run-workloads"),
        becomes: Becomes::AllServiceAccounts,
        said: "takes its token from a node, through a volume of the node's disk",
    },
    Move {
        check: "node-proxy",
        with: None,
        becomes: Becomes::AllServiceAccounts,
        said: "runs commands in its pods through the kubelet",
    },
    Move {
        check: "webhooks",
        with: None,
        becomes: Becomes::AllServiceAccounts,
        said: "rewrites its pods as they are made, by a webhook",
    },
    Move {
        check: "approve-csr",
        with: None,
        becomes: Becomes::UsersAndGroups,
        said: "has a client certificate signed with its name",
    },
];
