//! Kubernetes' JSON form of RBAC objects taken in: all versions of the group, lists of any kind.
//! Skipping what is broken is safe, since RBAC can only allow; each skip is named.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::aggregation::LabelSelector;
use crate::{Binding, PolicyRule, RbacObjects, RbacProblem, Role, RoleKind, RoleRef, Subject};

/// Lists within lists: more than Kubernetes ever writes, and no way to exhaust the stack.
const DEEPEST_LIST: usize = 8;

impl RbacObjects {
    /// Takes in Kubernetes objects in JSON (also Lists of them); objects of other kinds are skipped,
    /// broken ones reported.
    pub fn from_values<'a>(objects: impl IntoIterator<Item = &'a Value>) -> (RbacObjects, Vec<RbacProblem>) {
        let mut reader = Reader::default();
        for object in objects {
            reader.take(object, None, 0);
        }
        (reader.objects, reader.problems)
    }
}

#[derive(Default)]
struct Reader {
    objects: RbacObjects,
    problems: Vec<RbacProblem>,
}

/// The four kinds of the group.
#[derive(Clone, Copy)]
enum Kind {
    Role,
    ClusterRole,
    RoleBinding,
    ClusterRoleBinding,
}

impl Kind {
    fn find(kind: &str) -> Option<Kind> {
        match kind {
            "Role" => Some(Kind::Role),
            "ClusterRole" => Some(Kind::ClusterRole),
            "RoleBinding" => Some(Kind::RoleBinding),
            "ClusterRoleBinding" => Some(Kind::ClusterRoleBinding),
            _ => None,
        }
    }

    fn is_namespaced(self) -> bool {
        match self {
            Kind::Role | Kind::RoleBinding => true,
            Kind::ClusterRole | Kind::ClusterRoleBinding => false,
        }
    }
}

#[derive(Deserialize)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRole {
    rules: Option<Vec<PolicyRule>>,
    aggregation_rule: Option<RawAggregation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAggregation {
    cluster_role_selectors: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBinding {
    subjects: Option<Vec<RawSubject>>,
    role_ref: RawRoleRef,
}

#[derive(Deserialize)]
struct RawRoleRef {
    kind: String,
    name: String,
}

#[derive(Deserialize)]
struct RawSubject {
    kind: String,
    name: String,
    namespace: Option<String>,
}

impl Reader {
    /// One object or list. `listed` is the kind that the items of a typed list (`RoleList`) have.
    fn take(&mut self, object: &Value, listed: Option<&str>, depth: usize) {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let kind = text("kind").or(listed).unwrap_or_default();
        if let Some(item_kind) = kind.strip_suffix("List") {
            if depth >= DEEPEST_LIST {
                self.report(kind, "lists are nested too deeply");
                return;
            }
            match object.get("items") {
                None | Some(Value::Null) => {}
                Some(Value::Array(items)) => {
                    let item_kind = (!item_kind.is_empty()).then_some(item_kind);
                    items.iter().for_each(|item| self.take(item, item_kind, depth + 1));
                }
                Some(_) => self.report(kind, "`items` must be a list"),
            }
            return;
        }
        // Other groups have kinds of the same name (`Role` of an AWS controller).
        let of_group = text("apiVersion").is_none_or(|version| version.starts_with("rbac.authorization.k8s.io/"));
        if let Some(kind) = Kind::find(kind).filter(|_| of_group) {
            self.take_object(kind, object);
        }
    }

    fn take_object(&mut self, kind: Kind, object: &Value) {
        let metadata = object.get("metadata").map(Metadata::deserialize);
        let (name, namespace, labels) = match metadata {
            Some(Ok(Metadata { name: Some(name), namespace, labels })) if !name.is_empty() => {
                (name, namespace.filter(|text| !text.is_empty()), labels.unwrap_or_default())
            }
            Some(Ok(_)) | None => return self.report(kind_name(kind), "`metadata.name` is missing"),
            Some(Err(error)) => return self.report(kind_name(kind), &format!("`metadata` can't be read: {error}")),
        };
        // As kubectl does with a file that names none.
        let namespace = kind.is_namespaced().then(|| namespace.unwrap_or_else(|| "default".to_owned()));
        let shown = match &namespace {
            Some(namespace) => format!("{} {namespace}/{name}", kind_name(kind)),
            None => format!("{} {name}", kind_name(kind)),
        };
        let result = match kind {
            Kind::Role | Kind::ClusterRole => self.take_role(&shown, namespace, name, labels, object),
            Kind::RoleBinding | Kind::ClusterRoleBinding => self.take_binding(&shown, namespace, name, object),
        };
        if let Err(message) = result {
            self.report(&shown, &message);
        }
    }

    fn take_role(
        &mut self,
        shown: &str,
        namespace: Option<String>,
        name: String,
        labels: BTreeMap<String, String>,
        object: &Value,
    ) -> Result<(), String> {
        let raw = RawRole::deserialize(object).map_err(|error| error.to_string())?;
        let aggregation = raw
            .aggregation_rule
            .filter(|_| namespace.is_none())
            .map(|rule| rule.cluster_role_selectors.unwrap_or_default());
        for selector in aggregation.iter().flatten() {
            if let Err(message) = LabelSelector::parse(selector) {
                self.report(shown, &format!("a selector of `aggregationRule` names nothing: {message}"));
            }
        }
        let rules = raw.rules.unwrap_or_default();
        self.objects.roles.push(Role { namespace, name, labels, rules, aggregation });
        Ok(())
    }

    fn take_binding(
        &mut self,
        shown: &str,
        namespace: Option<String>,
        name: String,
        object: &Value,
    ) -> Result<(), String> {
        let raw = RawBinding::deserialize(object).map_err(|error| error.to_string())?;
        let kind = match (raw.role_ref.kind.as_str(), &namespace) {
            ("ClusterRole", _) => RoleKind::ClusterRole,
            ("Role", Some(_)) => RoleKind::Role,
            ("Role", None) => return Err("`roleRef` of a ClusterRoleBinding must be a ClusterRole".to_owned()),
            (other, _) => return Err(format!("`roleRef.kind` must be Role or ClusterRole, not `{other}`")),
        };
        let mut subjects = Vec::new();
        for subject in raw.subjects.unwrap_or_default() {
            match read_subject(subject, namespace.as_deref()) {
                Ok(subject) => subjects.push(subject),
                Err(message) => self.report(shown, &message),
            }
        }
        let role = RoleRef { kind, name: raw.role_ref.name };
        self.objects.bindings.push(Binding { namespace, name, subjects, role });
        Ok(())
    }

    fn report(&mut self, object: &str, message: &str) {
        self.problems.push(RbacProblem { object: object.to_owned(), message: message.to_owned() });
    }
}

/// A subject; a service account without a namespace has that of its RoleBinding.
fn read_subject(raw: RawSubject, binding_namespace: Option<&str>) -> Result<Subject, String> {
    let RawSubject { kind, name, namespace } = raw;
    match kind.as_str() {
        "User" => Ok(Subject::User(name)),
        "Group" => Ok(Subject::Group(name)),
        "ServiceAccount" => match namespace.as_deref().filter(|text| !text.is_empty()).or(binding_namespace) {
            Some(namespace) => Ok(Subject::ServiceAccount { namespace: namespace.to_owned(), name }),
            None => Err(format!("the service account `{name}` needs a namespace; it is granted nothing")),
        },
        other => {
            Err(format!("a subject must be a User, Group or ServiceAccount, not `{other}`; it is granted nothing"))
        }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "Role",
        Kind::ClusterRole => "ClusterRole",
        Kind::RoleBinding => "RoleBinding",
        Kind::ClusterRoleBinding => "ClusterRoleBinding",
    }
}
