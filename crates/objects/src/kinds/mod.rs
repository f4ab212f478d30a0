//! What data can't say about the built-in types: one row for each type that has something special.

mod autoscalers;
mod budgets;
pub(crate) mod cells;
mod classes;
mod config;
mod cron;
pub(crate) mod defaults;
mod endpoints;
mod network;
mod network_policy;
mod others;
mod place;
mod pod_spec;
mod pods;
mod rbac;
mod scaling;
mod selectors;
mod services;
mod storage;
mod webhooks;
mod workloads;

use serde_json::Value;

use crate::{lifecycle::Creation, names, registry::ResourceType, validate::FieldError};

pub(crate) use place::Place;
pub(crate) use scaling::convert;

/// The rule that a type's names follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    Subdomain,
    Label,
    Label1035,
    PathSegment,
}

impl NameRule {
    /// What is wrong with a name, or with the beginning of one.
    pub(crate) fn check(self, name: &str, prefix: bool) -> Vec<String> {
        let masked;
        let name = match name.strip_suffix('-') {
            // A letter will follow the dash.
            Some(rest) if prefix && !rest.is_empty() && self != Self::PathSegment => {
                masked = format!("{rest}a");
                masked.as_str()
            }
            _ => name,
        };
        match self {
            Self::Subdomain => names::dns1123_subdomain(name),
            Self::Label => names::dns1123_label(name),
            Self::Label1035 => names::dns1035_label(name),
            Self::PathSegment => names::path_segment(name, prefix),
        }
    }
}

/// An object to be checked: `old` is there on updates.
#[derive(Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) new: &'a Value,
    pub(crate) old: Option<&'a Value>,
}

/// What is special about a type.
pub(crate) struct Kind {
    group: &'static str,
    plural: &'static str,
    /// Rule for names.
    pub(crate) name: NameRule,
    /// Whether the server counts changes in `metadata.generation`.
    pub(crate) generation: bool,
    /// What the server and its admission set on a new object, after defaults.
    pub(crate) create: fn(&mut Value, &Creation<'_>),
    /// What the server keeps or sets on an update; the second is the old object.
    pub(crate) update: fn(&mut Value, &Value),
    /// What is wrong with the object beyond its metadata.
    pub(crate) validate: fn(Check<'_>, &mut Vec<FieldError>),
    /// What is wrong with a new status.
    pub(crate) validate_status: fn(Check<'_>, &mut Vec<FieldError>),
    /// Whether `validate` is written out; else the schema's required fields are checked.
    pub(crate) checked: bool,
}

fn no_create(_: &mut Value, _: &Creation<'_>) {}
fn no_update(_: &mut Value, _: &Value) {}
fn no_check(_: Check<'_>, _: &mut Vec<FieldError>) {}

const PLAIN: Kind = Kind {
    group: "",
    plural: "",
    name: NameRule::Subdomain,
    generation: false,
    create: no_create,
    update: no_update,
    validate: no_check,
    validate_status: no_check,
    checked: false,
};

const fn kind(group: &'static str, plural: &'static str) -> Kind {
    Kind { group, plural, ..PLAIN }
}

const fn counted(group: &'static str, plural: &'static str) -> Kind {
    Kind { generation: true, ..kind(group, plural) }
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

static PLAIN_KIND: Kind = PLAIN;

static KINDS: &[Kind] = &[
    Kind { validate: config::config_map, checked: true, ..kind("", "configmaps") },
    Kind { validate: config::secret, checked: true, update: config::update_secret, ..kind("", "secrets") },
    Kind {
        name: NameRule::Label,
        create: config::create_namespace,
        update: config::update_namespace,
        validate_status: config::namespace_status,
        ..kind("", "namespaces")
    },
    Kind { create: pods::create, validate: pods::validate, checked: true, ..counted("", "pods") },
    Kind { validate: pods::validate_template, checked: true, ..counted("", "podtemplates") },
    Kind {
        name: NameRule::Label1035,
        create: services::create_service,
        update: services::update_service,
        validate: services::service,
        checked: true,
        ..kind("", "services")
    },
    Kind {
        create: storage::create_claim,
        validate: storage::claim,
        checked: true,
        ..kind("", "persistentvolumeclaims")
    },
    Kind { create: storage::create_volume, validate: storage::volume, checked: true, ..kind("", "persistentvolumes") },
    Kind { validate: budgets::quota, checked: true, ..kind("", "resourcequotas") },
    Kind { validate: budgets::limit_range, checked: true, ..kind("", "limitranges") },
    Kind { create: config::create_node, ..kind("", "nodes") },
    Kind { validate: workloads::controller, checked: true, ..counted("", "replicationcontrollers") },
    Kind { validate: others::event, checked: true, ..kind("", "events") },
    Kind { checked: true, ..kind("events.k8s.io", "events") },
    Kind { validate: endpoints::endpoints, checked: true, ..kind("", "endpoints") },
    Kind { validate: workloads::deployment, checked: true, ..counted("apps", "deployments") },
    Kind { validate: workloads::replica_set, checked: true, ..counted("apps", "replicasets") },
    Kind {
        create: workloads::create_daemon_set,
        validate: workloads::daemon_set,
        checked: true,
        ..counted("apps", "daemonsets")
    },
    Kind { name: NameRule::Label, validate: workloads::stateful_set, checked: true, ..counted("apps", "statefulsets") },
    Kind { create: workloads::create_job, validate: workloads::job, checked: true, ..counted("batch", "jobs") },
    Kind { validate: workloads::cron_job, checked: true, ..counted("batch", "cronjobs") },
    Kind { validate: network::ingress, checked: true, ..counted("networking.k8s.io", "ingresses") },
    Kind { validate: network_policy::policy, checked: true, ..counted("networking.k8s.io", "networkpolicies") },
    Kind { validate: network::ingress_class, checked: true, ..counted("networking.k8s.io", "ingressclasses") },
    Kind { validate: autoscalers::autoscaler, checked: true, ..kind("autoscaling", "horizontalpodautoscalers") },
    Kind { validate: budgets::disruption_budget, checked: true, ..counted("policy", "poddisruptionbudgets") },
    Kind { validate: classes::priority, checked: true, ..counted("scheduling.k8s.io", "priorityclasses") },
    Kind { validate: classes::runtime, checked: true, ..kind("node.k8s.io", "runtimeclasses") },
    Kind { validate: storage::class, checked: true, ..kind("storage.k8s.io", "storageclasses") },
    Kind { validate: endpoints::slice, checked: true, ..counted("discovery.k8s.io", "endpointslices") },
    Kind { validate: others::lease, checked: true, ..kind("coordination.k8s.io", "leases") },
    Kind { name: NameRule::PathSegment, validate: rbac::role, checked: true, ..kind(RBAC, "roles") },
    Kind { name: NameRule::PathSegment, validate: rbac::cluster_role, checked: true, ..kind(RBAC, "clusterroles") },
    Kind { name: NameRule::PathSegment, validate: rbac::role_binding, checked: true, ..kind(RBAC, "rolebindings") },
    Kind {
        name: NameRule::PathSegment,
        validate: rbac::cluster_role_binding,
        checked: true,
        ..kind(RBAC, "clusterrolebindings")
    },
    Kind { validate: webhooks::configuration, checked: true, ..counted(ADMISSION, "validatingwebhookconfigurations") },
    Kind { validate: webhooks::configuration, checked: true, ..counted(ADMISSION, "mutatingwebhookconfigurations") },
    counted(ADMISSION, "validatingadmissionpolicies"),
    counted(ADMISSION, "validatingadmissionpolicybindings"),
    counted(ADMISSION, "mutatingadmissionpolicies"),
    counted(ADMISSION, "mutatingadmissionpolicybindings"),
    Kind {
        create: others::create_definition,
        update: others::update_definition,
        validate: others::definition,
        checked: true,
        ..counted("apiextensions.k8s.io", "customresourcedefinitions")
    },
    Kind { validate: others::api_service, checked: true, ..kind("apiregistration.k8s.io", "apiservices") },
    counted("flowcontrol.apiserver.k8s.io", "flowschemas"),
    counted("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
    Kind { checked: true, ..kind("apps", "controllerrevisions") },
];

/// A custom type: generation counted, checked by its schema.
static CUSTOM: Kind = Kind { generation: true, checked: true, ..PLAIN };

/// The row of a type.
pub(crate) fn of(resource: &ResourceType) -> &'static Kind {
    if resource.custom.is_some() {
        return &CUSTOM;
    }
    KINDS.iter().find(|k| resource.is(k.group, k.plural)).unwrap_or(&PLAIN_KIND)
}

/// A text in an object, `""` where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// A list in an object, empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Sets a member of an object, making the objects on the way.
pub(crate) fn set(value: &mut Value, path: &[&str], new: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut at = value;
    for part in parents {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        let Value::Object(object) = at else { return };
        at = object.entry(*part).or_insert(Value::Null);
    }
    if !at.is_object() {
        *at = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(object) = at {
        object.insert((*last).to_owned(), new);
    }
}

/// Sets a member that is absent.
pub(crate) fn set_absent(value: &mut Value, path: &[&str], new: impl FnOnce() -> Value) {
    let pointer = format!("/{}", path.join("/"));
    if value.pointer(&pointer).is_none_or(|v| v.is_null() || v.as_str() == Some("")) {
        set(value, path, new());
    }
}

/// An immutable field that changed.
pub(crate) fn immutable(check: Check<'_>, pointer: &str, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(old) = check.old {
        let (before, after) = (old.pointer(pointer), check.new.pointer(pointer));
        if before.unwrap_or(&Value::Null) != after.unwrap_or(&Value::Null) {
            errors.push(FieldError::invalid(field, after.unwrap_or(&Value::Null), "field is immutable"));
        }
    }
}
