//! The rules once more, as plainly as they can be written: loops over everything, no index, no sharing of
//! code with the crate but its types.

use std::collections::BTreeMap;

use entryway_access::{
    AccessEntry, AccessScope, Attributes, AuthenticationMode, Binding, Caller, ClusterModel, MappedPrincipal, Mapping,
    PolicyRule, PolicyRules, Role, RoleKind, Subject, Template, UserInfo,
};
use jiff::Timestamp;

/// Whether a request is allowed.
pub(crate) fn allowed(model: &ClusterModel, user: &UserInfo, attributes: &Attributes<'_>, now: Timestamp) -> bool {
    if user.groups.iter().any(|group| group == "system:masters") {
        return true;
    }
    policies_allow(model, user, attributes, now) || rbac_allows(model, user, attributes)
}

fn namespace_of<'a>(attributes: &Attributes<'a>) -> &'a str {
    match attributes {
        Attributes::Resource { resource, .. } => resource.namespace,
        Attributes::NonResource { .. } => "",
    }
}

fn policies_allow(model: &ClusterModel, user: &UserInfo, attributes: &Attributes<'_>, now: Timestamp) -> bool {
    let one = |key: &str| match user.extra.get(key) {
        Some(values) if values.len() == 1 => Some(values[0].clone()),
        _ => None,
    };
    let Some(arn) = one("canonicalArn") else { return false };
    let sigs = "sigs.k8s.io/aws-iam-authenticator/principalId";
    let id = match (user.extra.get("principalId"), user.extra.get(sigs)) {
        (None, None) => return false,
        (Some(_), None) => one("principalId"),
        (None, Some(_)) => one(sigs),
        (Some(a), Some(b)) if a == b => one(sigs),
        (Some(_), Some(_)) => return false,
    };
    let Some(id) = id else { return false };
    let account = arn.split(':').nth(4).unwrap_or_default();
    if id.is_empty() || user.uid != format!("aws-iam-authenticator:{account}:{id}") {
        return false;
    }
    let Some(entry) = entry_of(model, &arn, &id, now) else { return false };
    entry.policies.iter().any(|association| {
        let in_force = association.expires.is_none_or(|end| now < end);
        let in_scope = match &association.scope {
            AccessScope::Cluster => true,
            AccessScope::Namespaces(patterns) => {
                patterns.iter().any(|pattern| glob(pattern.as_str(), namespace_of(attributes)))
            }
        };
        let rules = match model.catalogue.get(&association.policy).map(|policy| &policy.rules) {
            Some(PolicyRules::Known(rules)) => rules.to_vec(),
            Some(PolicyRules::Unpublished) | None => Vec::new(),
        };
        in_force && in_scope && rules.iter().any(|rule| rule_allows(rule, attributes))
    })
}

/// `*` for any run of characters; never an empty namespace.
fn glob(pattern: &str, text: &str) -> bool {
    fn go(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| go(rest, &text[skip..])),
            ([p, pattern @ ..], [t, text @ ..]) => p == t && go(pattern, text),
            _ => false,
        }
    }
    !text.is_empty() && go(pattern.as_bytes(), text.as_bytes())
}

/// Partition, account, kind and name: an ARN without its path.
fn bare(arn: &str) -> String {
    match arn.split_once('/') {
        Some((head, tail)) => format!("{head}/{}", tail.rsplit('/').next().unwrap_or_default()),
        None => arn.to_owned(),
    }
}

fn entry_of<'m>(model: &'m ClusterModel, arn: &str, id: &str, now: Timestamp) -> Option<&'m AccessEntry> {
    if model.mode == AuthenticationMode::ConfigMap {
        return None;
    }
    let mut matching: Vec<&AccessEntry> = model
        .entries
        .iter()
        .map(AsRef::as_ref)
        .filter(|entry| bare(entry.principal.as_str()) == bare(arn))
        .filter(|entry| entry.expires.is_none_or(|end| now < end))
        .filter(|entry| entry.unique_id.as_deref().is_none_or(|own| own == id))
        .collect();
    matching.sort_by_key(|entry| (entry.unique_id.is_none(), entry.principal.to_string()));
    matching.first().copied()
}

fn rbac_allows(model: &ClusterModel, user: &UserInfo, attributes: &Attributes<'_>) -> bool {
    let namespace = namespace_of(attributes);
    model.rbac.bindings.iter().any(|binding| {
        let holds = match &binding.namespace {
            None => true,
            Some(own) => !namespace.is_empty() && own == namespace,
        };
        let is_meant = binding.subjects.iter().any(|subject| match subject {
            Subject::User(name) => *name == user.username,
            Subject::Group(name) => user.groups.contains(name),
            Subject::ServiceAccount { namespace, name } => {
                user.username == format!("system:serviceaccount:{namespace}:{name}")
            }
        });
        holds && is_meant && rules_of(model, binding).iter().any(|rule| rule_allows(rule, attributes))
    })
}

fn rules_of(model: &ClusterModel, binding: &Binding) -> Vec<PolicyRule> {
    let namespace = match binding.role.kind {
        RoleKind::ClusterRole => None,
        RoleKind::Role if binding.namespace.is_none() => return Vec::new(),
        RoleKind::Role => binding.namespace.clone(),
    };
    let role = model.rbac.roles.iter().rev().find(|role| role.name == binding.role.name && role.namespace == namespace);
    role.map(|role| role_rules(model, role)).unwrap_or_default()
}

/// Every ClusterRole starts with its own rules, an aggregated one with none; then each aggregated one takes
/// over what it selects, until nothing changes.
fn role_rules(model: &ClusterModel, wanted: &Role) -> Vec<PolicyRule> {
    let roles = &model.rbac.roles;
    let is_aggregated = |role: &Role| role.namespace.is_none() && role.aggregation.is_some();
    let mut rules: Vec<Vec<PolicyRule>> =
        roles.iter().map(|role| if is_aggregated(role) { Vec::new() } else { role.rules.clone() }).collect();
    loop {
        let before: usize = rules.iter().map(Vec::len).sum();
        for (index, role) in roles.iter().enumerate().filter(|(_, role)| is_aggregated(role)) {
            for (other, source) in roles.iter().enumerate() {
                let selected = source.namespace.is_none()
                    && role.aggregation.iter().flatten().any(|selector| selects(selector, &source.labels));
                if selected {
                    for rule in rules[other].clone() {
                        if !rules[index].contains(&rule) {
                            rules[index].push(rule);
                        }
                    }
                }
            }
        }
        if rules.iter().map(Vec::len).sum::<usize>() == before {
            break;
        }
    }
    let index = roles.iter().position(|role| std::ptr::eq(role, wanted)).unwrap();
    rules[index].clone()
}

fn selects(selector: &serde_json::Value, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector["matchLabels"].as_object().cloned().unwrap_or_default();
    let expressions = selector["matchExpressions"].as_array().cloned().unwrap_or_default();
    wanted.iter().all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
        && expressions.iter().all(|expression| {
            let label = labels.get(expression["key"].as_str().unwrap());
            let values = expression["values"].as_array().cloned().unwrap_or_default();
            let listed = label.is_some_and(|label| values.iter().any(|value| value.as_str() == Some(label)));
            match expression["operator"].as_str().unwrap() {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => label.is_some(),
                "DoesNotExist" => label.is_none(),
                other => panic!("{other}"),
            }
        })
}

fn rule_allows(rule: &PolicyRule, attributes: &Attributes<'_>) -> bool {
    let any = |list: &[String], text: &str| list.iter().any(|item| item == "*" || item == text);
    match attributes {
        Attributes::Resource { verb, resource } => {
            let whole = if resource.subresource.is_empty() {
                resource.resource.to_owned()
            } else {
                format!("{}/{}", resource.resource, resource.subresource)
            };
            let sub = format!("*/{}", resource.subresource);
            any(&rule.verbs, verb)
                && any(&rule.api_groups, resource.group)
                && rule.resources.iter().any(|pattern| {
                    pattern == "*" || *pattern == whole || (!resource.subresource.is_empty() && *pattern == sub)
                })
                && (rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| name == resource.name))
        }
        Attributes::NonResource { verb, path } => {
            any(&rule.verbs, verb)
                && rule.non_resource_urls.iter().any(|pattern| {
                    pattern == "*"
                        || pattern == path
                        || (pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*')))
                })
        }
    }
}

/// Username and groups of a caller; `None` where nothing maps it.
pub(crate) fn identity(model: &ClusterModel, caller: &Caller, now: Timestamp) -> Option<(String, Vec<String>)> {
    let fill = |template: &Template| {
        // No value in these tests holds a brace, so one after the other is as good as one pass.
        template
            .as_str()
            .replace("{{AccountID}}", caller.principal.account().as_str())
            .replace("{{SessionName}}", &caller.session_name.replace('@', "-"))
            .replace("{{SessionNameRaw}}", &caller.session_name)
            .replace("{{AccessKeyID}}", &caller.access_key_id)
    };
    if let Some(entry) = entry_of(model, caller.principal.as_str(), &caller.unique_id, now) {
        let username = fill(&entry.username);
        let reserved = ["system:", "eks:", "aws:", "amazon:", "iam:"].iter().any(|prefix| username.starts_with(prefix));
        return (!reserved && !username.is_empty()).then(|| (username, entry.groups.clone()));
    }
    if model.mode == AuthenticationMode::Api {
        return None;
    }
    let wanted = caller.principal.as_str().to_lowercase();
    let is_line = |mapping: &&Mapping| match &mapping.principal {
        MappedPrincipal::Arn(arn) => arn.as_str().to_lowercase() == wanted,
        MappedPrincipal::Unusable(_) => false,
    };
    let last_role = model.aws_auth.roles.iter().rfind(is_line);
    let line = last_role.or_else(|| model.aws_auth.users.iter().rfind(is_line));
    if let Some(line) = line {
        let username = fill(line.username.as_ref()?);
        return (!username.is_empty()).then(|| (username, line.groups.iter().map(fill).collect()));
    }
    let takes_account = model.aws_auth.accounts.contains(caller.principal.account());
    takes_account.then(|| (caller.principal.to_string(), Vec::new()))
}
