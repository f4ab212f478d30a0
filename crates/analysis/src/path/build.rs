//! The nodes and edges of a cluster's graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use entryway_access::{MASTERS, PrincipalArn, SERVICE_ACCOUNTS, Snapshot, Subject as RbacSubject, service_account};
use jiff::Timestamp;

use super::moves::{Becomes, MOVES, Move};
use super::{Edge, Node, Reason};
use crate::finding::holding::{Grants, Holding, Reach};
use crate::finding::permission_checks::{applies, is_privileged, satisfied};
use crate::finding::through::Source;
use crate::finding::vocabulary::number;
use crate::finding::{Check, Holder, IamRights, Permissions, Surroundings, Through, check};
use crate::{Administers, KnownPrincipals, Place, administers};

/// So many policies and bindings are named for one step; that there are more changes nothing.
const MOST_THROUGH: usize = 20;

/// What is being built.
struct Builder<'s> {
    state: &'s Snapshot,
    around: &'s Surroundings,
    now: Timestamp,
    nodes: BTreeMap<Node, usize>,
    edges: Vec<Edge>,
    /// Where in `edges` those of two nodes are.
    places: HashMap<(usize, usize), usize>,
    /// Of each namespace that anything names, its service accounts that have a node.
    namespaces: BTreeMap<String, Vec<String>>,
}

pub(crate) fn build(
    state: &Snapshot,
    around: &Surroundings,
    known: &KnownPrincipals,
    now: Timestamp,
) -> (BTreeMap<Node, usize>, Vec<Edge>) {
    let mut grants = Grants::of(state, now);
    let holdings = grants.holdings(known);
    let namespaces = namespaces(state, around);
    let mut builder = Builder {
        state,
        around,
        now,
        nodes: BTreeMap::new(),
        edges: Vec::new(),
        places: HashMap::new(),
        namespaces: namespaces.into_iter().map(|name| (name, Vec::new())).collect(),
    };
    builder.node(Node::Administrator);
    for holding in &holdings {
        builder.known(&holding.holder);
    }
    let carriers: Vec<Holding> = builder.carriers(&grants, &holdings);
    builder.hubs(&grants, &holdings);
    for holding in holdings.iter().chain(&carriers) {
        builder.moves(Node::Holder(holding.holder.clone()), holding);
    }
    builder.iam();
    (builder.nodes, builder.edges)
}

/// The namespaces that anything names.
fn namespaces(state: &Snapshot, around: &Surroundings) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = around.namespaces.iter().flatten().map(|(name, _)| name.clone()).collect();
    all.extend(around.service_accounts.iter().flatten().map(|((namespace, _), _)| namespace.clone()));
    all.insert(crate::finding::permission_checks::PRIVILEGED.to_owned());
    for binding in &state.rbac().bindings {
        all.extend(binding.namespace.clone());
        all.extend(binding.subjects.iter().filter_map(|subject| match subject {
            RbacSubject::ServiceAccount { namespace, .. } => Some(namespace.clone()),
            RbacSubject::User(name) => service_account(name).map(|(namespace, _)| namespace.to_owned()),
            RbacSubject::Group(name) => {
                name.strip_prefix(SERVICE_ACCOUNTS).and_then(|rest| rest.strip_prefix(':')).map(str::to_owned)
            }
        }));
    }
    for entry in state.entries() {
        let patterns = entry.policies.iter().flat_map(|association| association.scope.namespaces());
        all.extend(patterns.map(|pattern| pattern.as_str()).filter(|name| !name.contains('*')).map(str::to_owned));
    }
    all
}

impl Builder<'_> {
    fn node(&mut self, node: Node) -> usize {
        let next = self.nodes.len();
        *self.nodes.entry(node).or_insert(next)
    }

    /// A node for somebody, found by namespace too where it is a service account.
    fn known(&mut self, holder: &Holder) {
        if let Holder::ServiceAccount { namespace, name } = holder {
            let list = self.namespaces.entry(namespace.clone()).or_default();
            if !list.contains(name) {
                list.push(name.clone());
            }
        }
        self.node(Node::Holder(holder.clone()));
    }

    fn edge(&mut self, from: &Node, to: Node, reason: Reason) {
        let (from, to) = (self.node(from.clone()), self.node(to));
        if from == to {
            return;
        }
        let index = *self.places.entry((from, to)).or_insert_with(|| {
            self.edges.push(Edge { from, to, reasons: Vec::new() });
            self.edges.len() - 1
        });
        let Some(edge) = self.edges.get_mut(index) else { return };
        match edge.reasons.iter_mut().find(|other| other.said == reason.said) {
            Some(other) => {
                for one in reason.through {
                    if other.through.len() < MOST_THROUGH && !other.through.contains(&one) {
                        other.through.push(one);
                    }
                }
            }
            None => edge.reasons.push(reason),
        }
    }

    /// Service accounts that carry an IAM role and that no binding names.
    fn carriers(&mut self, grants: &Grants<'_>, holdings: &[Holding]) -> Vec<Holding> {
        let named: BTreeSet<&Holder> = holdings.iter().map(|holding| &holding.holder).collect();
        let accounts = self.around.service_accounts.iter().flatten().filter(|(_, role)| role.is_some());
        let carriers: Vec<Holding> = accounts
            .map(|((namespace, name), _)| grants.service_account(namespace, name))
            .filter(|holding| !named.contains(&holding.holder))
            .collect();
        carriers.iter().for_each(|holding| self.known(&holding.holder));
        carriers
    }

    /// The nodes of many, and the edges from them to each.
    fn hubs(&mut self, grants: &Grants<'_>, holdings: &[Holding]) {
        let one_of = || Reason { said: "is any of them".to_owned(), check: None, through: Vec::new() };
        let namespaces = self.namespaces.clone();
        for (namespace, accounts) in namespaces {
            let hub = Node::ServiceAccountsOf(namespace.clone());
            self.edge(&Node::AnyServiceAccount, hub.clone(), one_of());
            for name in accounts {
                let holder = Holder::ServiceAccount { namespace: namespace.clone(), name };
                self.edge(&hub, Node::Holder(holder), one_of());
            }
            // What all of them have.
            self.moves(hub, &grants.any_service_account(&namespace));
        }
        for holder in holdings.iter().map(|holding| &holding.holder) {
            match holder {
                Holder::User(_) => self.edge(&Node::AnyUser, Node::Holder(holder.clone()), one_of()),
                Holder::Group(name) if name != MASTERS => {
                    self.edge(&Node::AnyGroup, Node::Holder(holder.clone()), one_of());
                }
                _ => {}
            }
        }
    }

    /// All that somebody can become.
    fn moves(&mut self, from: Node, holding: &Holding) {
        if self.administers(&from, holding) {
            return;
        }
        let places = holding.places();
        for reach in &places {
            for one in MOVES {
                self.by_check(&from, reach, one);
            }
            self.by_name(&from, reach);
        }
    }

    /// Whether it has everything already, and need not become anybody.
    fn administers(&mut self, from: &Node, holding: &Holding) -> bool {
        let hows = holding.users.iter().filter_map(|user| administers(self.state, user, self.now));
        let Some(how) = hows.min() else { return false };
        let (said, id) = match how {
            Administers::Everything if holding.is_master() => {
                ("is in system:masters, which is never refused anything", "system-masters")
            }
            Administers::Everything => ("has every verb on every resource", "cluster-admin"),
            Administers::Bind => ("binds itself to cluster-admin", "bind"),
            Administers::Escalate => ("writes all rights into a role", "escalate"),
            Administers::Impersonate => ("acts as the group system:masters", "impersonate"),
            Administers::AwsAuth => ("maps itself to system:masters in aws-auth", "aws-auth-write"),
        };
        let wanted = crate::finding::vocabulary::of_check(number(id));
        let sources = holding.own.iter().chain(&holding.common);
        let through =
            sources.filter(|source| source.powers.any().meets(wanted)).map(|source| Arc::clone(&source.through));
        let through = once(through);
        self.edge(from, Node::Administrator, Reason { said: said.to_owned(), check: check(id), through });
        how == Administers::Everything
    }

    /// The edges of one way of becoming somebody else, in one place.
    fn by_check(&mut self, from: &Node, reach: &Reach<'_>, one: &Move) {
        let own = |id: &str| satisfied(number(id), reach.total.all);
        let mut wanted = own(one.check);
        if let Some(with) = one.with {
            let more = own(with);
            if more.is_empty() {
                return;
            }
            // Where the first is missing, the second is not enough.
            wanted = if wanted.is_empty() { wanted } else { wanted | more };
        }
        // What holds everywhere is said once, of the whole cluster.
        let is_new = reach.here.all.meets(wanted) || reach.place == &Place::Cluster;
        let Some(found) =
            check(one.check).filter(|found| !wanted.is_empty() && is_new && applies(found, reach.place, self.around))
        else {
            return;
        };
        let reason = reason(one.said, Some(found), &reach.sources, wanted);
        match one.becomes {
            Becomes::ServiceAccounts => {
                // All rights in kube-system are those to write aws-auth.
                if one.with.is_some() && is_privileged(reach.place) && self.state.mode().has_config_map() {
                    let said = "gives itself all rights in kube-system, and maps itself to system:masters in aws-auth";
                    self.edge(from, Node::Administrator, Reason { said: said.to_owned(), ..reason.clone() });
                }
                for to in self.service_accounts_in(reach.place) {
                    self.edge(from, to, reason.clone());
                }
            }
            Becomes::AllServiceAccounts => self.edge(from, Node::AnyServiceAccount, reason),
            Becomes::UsersAndGroups => {
                self.edge(from, Node::AnyUser, reason.clone());
                self.edge(from, Node::AnyGroup, reason);
            }
        }
    }

    fn service_accounts_in(&self, place: &Place) -> Vec<Node> {
        match place {
            Place::Cluster => vec![Node::AnyServiceAccount],
            Place::In(name) if !name.contains('*') => vec![Node::ServiceAccountsOf(name.clone())],
            Place::In(_) => {
                let all = self.namespaces.keys().filter(|name| place.covers(&Place::In((*name).clone())));
                all.map(|name| Node::ServiceAccountsOf(name.clone())).collect()
            }
        }
    }

    /// Impersonation and token requests, which may be for some names alone.
    fn by_name(&mut self, from: &Node, reach: &Reach<'_>) {
        let act_as = |what| Permissions::of("impersonate", "", what);
        let (users, groups, accounts) = (act_as("users"), act_as("groups"), act_as("serviceaccounts"));
        let token = Permissions::of("create", "", "serviceaccounts/token");
        let impersonate = check("impersonate");
        let (all, any, is_cluster) = (reach.total.all, reach.total.any(), *reach.place == Place::Cluster);
        let is_own = |wanted: Permissions| is_cluster || reach.here.any().meets(wanted);
        if is_cluster && all.meets(users) {
            self.edge(from, Node::AnyUser, reason("acts as it", impersonate, &reach.sources, users));
        } else if is_cluster && any.meets(users) {
            for name in self.names(reach, users) {
                let to = Node::Holder(Holder::User(name));
                self.edge_to_known(from, to, || reason("acts as it", impersonate, &reach.sources, users));
            }
        }
        // A group is impersonated together with somebody.
        if is_cluster && any.meets(users | accounts) {
            if all.meets(groups) {
                let said = "acts as the group system:masters";
                self.edge(from, Node::Administrator, reason(said, impersonate, &reach.sources, groups));
            } else if any.meets(groups) {
                for name in self.names(reach, groups) {
                    let to = Node::Holder(Holder::Group(name));
                    self.edge_to_known(from, to, || reason("acts as it", impersonate, &reach.sources, groups));
                }
            }
        }
        let by_account = [(accounts, "acts as it", impersonate), (token, "asks for its token", check("token-request"))];
        for (wanted, said, found) in by_account {
            if !is_own(wanted) {
                continue;
            }
            if all.meets(wanted) {
                for to in self.service_accounts_in(reach.place) {
                    self.edge(from, to, reason(said, found, &reach.sources, wanted));
                }
            } else if any.meets(wanted) {
                for to in self.accounts_named(reach, wanted) {
                    self.edge_to_known(from, to, || reason(said, found, &reach.sources, wanted));
                }
            }
        }
    }

    /// The names that permissions are for.
    fn names(&self, reach: &Reach<'_>, wanted: Permissions) -> BTreeSet<String> {
        let sources = reach.sources.iter().filter(|source| source.powers.some.meets(wanted));
        let rules = sources.flat_map(|source| source.through.rules(self.state));
        rules.flat_map(|rule| wanted.names_of(rule)).cloned().collect()
    }

    fn accounts_named(&self, reach: &Reach<'_>, wanted: Permissions) -> Vec<Node> {
        let names = self.names(reach, wanted);
        let here = self.namespaces.iter().filter(|(namespace, _)| reach.place.covers(&Place::In((*namespace).clone())));
        let accounts = here.flat_map(|(namespace, accounts)| accounts.iter().map(move |name| (namespace, name)));
        accounts
            .filter(|(_, name)| names.contains(*name))
            .map(|(namespace, name)| {
                Node::Holder(Holder::ServiceAccount { namespace: namespace.clone(), name: name.clone() })
            })
            .collect()
    }

    /// An edge to somebody whom something else names; to anybody else it leads nowhere.
    fn edge_to_known(&mut self, from: &Node, to: Node, reason: impl FnOnce() -> Reason) {
        if self.nodes.contains_key(&to) {
            self.edge(from, to, reason());
        }
    }

    /// What IAM adds: roles that may be taken, entries that may be made, and roles that service accounts carry.
    fn iam(&mut self) {
        let around = self.around;
        let mut principals: BTreeMap<PrincipalArn, PrincipalArn> = BTreeMap::new();
        for rights in around.iam.iter().flatten() {
            principals.insert(rights.principal.without_path(), rights.principal.clone());
        }
        // As the cluster names them, where it does.
        for node in self.nodes.keys() {
            if let Node::Holder(Holder::Principal(arn)) = node {
                principals.insert(arn.without_path(), arn.clone());
            }
        }
        let node_of = |arn: &PrincipalArn| {
            principals.get(&arn.without_path()).map(|arn| Node::Holder(Holder::Principal(arn.clone())))
        };
        for rights in around.iam.iter().flatten() {
            let Some(from) = node_of(&rights.principal) else { continue };
            if self.state.mode().has_api() && rights.makes_itself_administrator(self.has_entry(rights)) {
                let said = "makes itself an access entry with AmazonEKSClusterAdminPolicy";
                let reason = Reason { said: said.to_owned(), check: check("iam-access-entries"), through: Vec::new() };
                self.edge(&from, Node::Administrator, reason);
            }
            for to in rights.assumes.iter().filter_map(node_of) {
                let said = "takes the role (sts:AssumeRole)".to_owned();
                self.edge(&from, to, Reason { said, check: check("iam-assume-role"), through: Vec::new() });
            }
        }
        for ((namespace, name), role) in around.service_accounts.iter().flatten() {
            let to = role.as_deref().and_then(|role| role.parse().ok()).and_then(|arn| node_of(&arn));
            if let Some(to) = to {
                let holder = Holder::ServiceAccount { namespace: namespace.clone(), name: name.clone() };
                let said = "carries the IAM role".to_owned();
                let reason = Reason { said, check: check("cloud-role"), through: Vec::new() };
                self.edge(&Node::Holder(holder), to, reason);
            }
        }
    }

    fn has_entry(&self, rights: &IamRights) -> bool {
        self.state.entry(&rights.principal).is_some()
    }
}

/// What gives some permissions, each once.
fn reason(said: &str, check: Option<&'static Check>, sources: &[&Source], wanted: Permissions) -> Reason {
    let giving = sources.iter().filter(|source| source.powers.any().meets(wanted));
    Reason { said: said.to_owned(), check, through: once(giving.map(|source| Arc::clone(&source.through))) }
}

fn once(all: impl Iterator<Item = Arc<Through>>) -> Vec<Arc<Through>> {
    let mut kept: Vec<Arc<Through>> = Vec::new();
    for one in all {
        if kept.len() == MOST_THROUGH {
            break;
        }
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}
