//! A call of the eks module (terraform-aws-modules/eks, 20.x and 21.x): its `access_entries`, mode and creator
//! entry, as the module itself makes resources of them.

use std::ops::Range;

use entryway_access::{AccessScope, AuthenticationMode, EntryType, PolicyArn};
use hcl_edit::Span;
use hcl_edit::structure::Block;

use super::definitions::Expr;
use super::evaluate::Evaluator;
use super::instances::{Instance, instances};
use super::resource::{entry, not_known, policy};
use super::value::{elements, shifted};
use crate::nearest::{did_you_mean, nearest};
use crate::reader::Reader;
use crate::tree::Node;
use crate::{ClusterSelector, DeclaredEntry, DeclaredPolicy, Placed, PolicyRef, PrincipalRef};

const ENTRY_KEYS: [&str; 6] =
    ["principal_arn", "kubernetes_groups", "type", "user_name", "tags", "policy_associations"];
const POLICY_KEYS: [&str; 2] = ["policy_arn", "access_scope"];
const SCOPE_KEYS: [&str; 2] = ["type", "namespaces"];
/// Inputs of the aws-auth sub-module (20.x), and of the module itself before.
const AWS_AUTH: [(&str, &str); 3] =
    [("aws_auth_roles", "mapRoles"), ("aws_auth_users", "mapUsers"), ("aws_auth_accounts", "mapAccounts")];
const INPUTS: [&str; 3] = ["access_entries", "authentication_mode", "enable_cluster_creator_admin_permissions"];

/// Whether a call has inputs that say who has access, whatever the module is.
pub(super) fn speaks_for_itself(block: &Block) -> bool {
    block.body.has_attribute("access_entries") || AWS_AUTH.iter().any(|(input, _)| block.body.has_attribute(input))
}

/// Declares what a module block makes, where it is a call of the eks module.
pub(super) fn declare_module(
    block: &Block,
    base: usize,
    address: &str,
    evaluator: &mut Evaluator<'_>,
    reader: &mut Reader<'_>,
) {
    let has_entries = block.body.has_attribute("access_entries");
    let has_aws_auth = AWS_AUTH.iter().any(|(input, _)| block.body.has_attribute(input));
    if !is_eks_module(block) && !has_entries && !has_aws_auth {
        return;
    }
    let mut is_read = is_eks_module(block);
    if let Some(attribute) = block.body.get_attribute("access_entries").filter(|_| !is_read) {
        // A wrapper or a copy of the module: only what looks exactly like the module's map is taken for it.
        let map = evaluator.evaluate(Expr { expression: &attribute.value, base });
        is_read = looks_like_entries(&map);
        let what = if is_read { "is read as that module reads it" } else { "is not read" };
        let message = format!("`{address}` is not terraform-aws-modules/eks; its `access_entries` {what}");
        reader.warning(&shifted(attribute.key.span(), base), message).help =
            Some("the JSON of a plan (`terraform show -json`) says what it really makes".to_owned());
    }
    for attribute in block.body.attributes() {
        let key = attribute.key.as_str();
        let is_wrong = is_read && !INPUTS.contains(&key);
        if let Some(near) = nearest(key, INPUTS).filter(|near| is_wrong && near.len().abs_diff(key.len()) <= 2) {
            let near = near.to_owned();
            reader.warning(&shifted(attribute.key.span(), base), format!("the eks module has no input `{key}`")).help =
                Some(format!("did you mean `{near}`?"));
        }
    }
    for instance in instances(block, base, address, evaluator, reader) {
        if is_read {
            declare_instance(&instance, block, base, evaluator, reader);
        }
        if has_aws_auth {
            declare_aws_auth(&instance, block, base, evaluator, reader);
        }
    }
}

/// The lines that a call gives to the aws-auth sub-module. It does not say for which cluster, unless that is the
/// module's own.
fn declare_aws_auth(
    instance: &Instance,
    block: &Block,
    base: usize,
    evaluator: &mut Evaluator<'_>,
    reader: &mut Reader<'_>,
) {
    let mut lists = Vec::new();
    for (input, key) in AWS_AUTH {
        let Some(attribute) = block.body.get_attribute(input) else { continue };
        let value =
            instance.within(evaluator, |evaluator| evaluator.evaluate(Expr { expression: &attribute.value, base }));
        if value.why_unknown().is_some() {
            not_known(&value, input, reader);
        } else {
            lists.push((key, value));
        }
    }
    let lists: Vec<(&str, &Node)> = lists.iter().map(|(key, value)| (*key, value)).collect();
    let aws_auth = crate::aws_auth::read_lists(&lists, reader);
    let name = block.body.get_attribute("cluster_name").map(|attribute| Expr { expression: &attribute.value, base });
    let name = name.map(|expr| instance.within(evaluator, |evaluator| evaluator.evaluate(expr)));
    let whole = shifted(block.span(), base);
    let selector = match name.as_ref().and_then(Node::text).and_then(|text| text.parse().ok()) {
        Some(name) => reader.named(name, None, None),
        None => reader.default_cluster(&instance.address, "a ConfigMap does not say which cluster it is in"),
    };
    let selector = reader.placed(selector, &whole);
    crate::aws_auth::add(&mut reader.cluster(selector).aws_auth, aws_auth);
}

/// The module itself, from the registry or from git; not one of its sub-modules.
fn is_eks_module(block: &Block) -> bool {
    let source = block.body.get_attribute("source").and_then(|attribute| attribute.value.as_str());
    source.is_some_and(|source| {
        let path = source.split("?ref=").next().unwrap_or_default();
        let is_module = path.contains("terraform-aws-modules/eks/aws") || path.contains("terraform-aws-eks");
        is_module && !path.contains("//modules/")
    })
}

/// Whether a value is a map of entries in the module's own words.
fn looks_like_entries(map: &Node) -> bool {
    let is_entry = |node: &Node| {
        node.get("principal_arn").is_some() && node.pairs().iter().all(|pair| ENTRY_KEYS.contains(&pair.key.as_str()))
    };
    !map.pairs().is_empty() && map.pairs().iter().all(|pair| is_entry(&pair.value))
}

fn declare_instance(
    instance: &Instance,
    block: &Block,
    base: usize,
    evaluator: &mut Evaluator<'_>,
    reader: &mut Reader<'_>,
) {
    let whole = shifted(block.span(), base);
    let input = |name: &str, evaluator: &mut Evaluator<'_>| {
        let attribute = block.body.get_attribute(name)?;
        let expr = Expr { expression: &attribute.value, base };
        Some(instance.within(evaluator, |evaluator| evaluator.evaluate(expr))).filter(|node| !node.is_null())
    };
    if input("create", evaluator).and_then(|node| node.truth()) == Some(false) {
        return;
    }
    let name = input("cluster_name", evaluator).or_else(|| input("name", evaluator));
    let region = input("region", evaluator).and_then(|node| node.text().and_then(|text| text.parse().ok()));
    let selector = match name.as_ref().map(|node| (node, node.text())) {
        Some((node, Some(text))) => match text.parse() {
            Ok(name) => {
                let selector = reader.named(name, region, None);
                reader.placed(selector, &node.bytes)
            }
            Err(error) => {
                reader.error(&node.bytes, format!("{error}"));
                return;
            }
        },
        other => {
            let reason =
                other.and_then(|(node, _)| node.why_unknown()).unwrap_or("the module has no name for the cluster");
            let selector = reader.default_cluster(&instance.address, reason);
            if let ClusterSelector::Unknown { reason, .. } = &selector {
                let message = format!("the cluster of `{}` is not known: {reason}", instance.address);
                reader.warning(&name.as_ref().map_or(whole.clone(), |node| node.bytes.clone()), message);
            }
            reader.placed(selector, &whole)
        }
    };
    let mode = match input("authentication_mode", evaluator) {
        None => Some(Placed::nowhere(AuthenticationMode::ApiAndConfigMap)),
        Some(node) => match node.text() {
            Some(text) => reader.mode(text, &node.bytes),
            None => {
                not_known(&node, "authentication_mode", reader);
                None
            }
        },
    };
    let module_tags = input("tags", evaluator);
    let mut entries = Vec::new();
    if let Some(map) = input("access_entries", evaluator) {
        entries = read_map(&map, module_tags.as_ref(), reader);
    }
    if let Some(creator) = input("enable_cluster_creator_admin_permissions", evaluator) {
        match creator.truth() {
            // An entry of the user's own under the same key wins.
            Some(true) if !entries.iter().any(|entry| entry.label == "cluster_creator") => {
                entries.insert(0, creator_entry(&creator.bytes, reader));
            }
            Some(_) => {}
            None => not_known(&creator, "enable_cluster_creator_admin_permissions", reader),
        }
    }
    let cluster = reader.cluster(selector);
    cluster.mode = cluster.mode.take().or(mode);
    cluster.entries.extend(entries);
}

/// The map from keys to entries.
fn read_map(map: &Node, module_tags: Option<&Node>, reader: &mut Reader<'_>) -> Vec<DeclaredEntry> {
    if !map.is_mapping() {
        not_known(map, "access_entries", reader);
        return Vec::new();
    }
    let mut entries = Vec::new();
    for pair in map.pairs() {
        let values = &pair.value;
        if !values.is_mapping() {
            not_known(values, &format!("access_entries.{}", pair.key), reader);
            continue;
        }
        unknown_keys(values, &ENTRY_KEYS, "an entry of the eks module", reader);
        let Some(mut entry) = entry(values, pair.key.clone(), reader) else { continue };
        for tag in module_tags.map(Node::pairs).unwrap_or_default() {
            if let Some(text) = tag.value.text() {
                entry.tags.entry(tag.key.clone()).or_insert_with(|| text.to_owned());
            }
        }
        if let Some(policies) = values.get("policy_associations").filter(|node| !node.is_null()) {
            // A list works in 20.x as well: its elements are keyed by their numbers.
            let associations = elements(policies);
            if associations.is_none() {
                not_known(policies, "policy_associations", reader);
            }
            for (key, value) in associations.unwrap_or_default() {
                if !value.is_mapping() {
                    not_known(&value, &format!("policy_associations.{}", key.text().unwrap_or_default()), reader);
                    continue;
                }
                unknown_keys(&value, &POLICY_KEYS, "a policy association of the eks module", reader);
                if let Some(scope) = value.get("access_scope") {
                    unknown_keys(scope, &SCOPE_KEYS, "`access_scope`", reader);
                }
                entry.policies.extend(policy(value.get("policy_arn"), value.get("access_scope"), &value.bytes, reader));
            }
        }
        entries.push(entry);
    }
    entries
}

/// The module never looks at other keys (20.x), or drops them (21.x): either way in silence.
fn unknown_keys(node: &Node, known: &[&str], what: &str, reader: &mut Reader<'_>) {
    for pair in node.pairs().iter().filter(|pair| !known.contains(&pair.key.as_str())) {
        let message = format!("{what} has no key `{}`; the module ignores it without a word", pair.key);
        reader.warning(&pair.key_bytes, message).help = Some(did_you_mean(&pair.key, known));
    }
}

/// What `enable_cluster_creator_admin_permissions` adds.
fn creator_entry(bytes: &Range<usize>, reader: &mut Reader<'_>) -> DeclaredEntry {
    let reason = "it is whoever runs Terraform".to_owned();
    let principal = PrincipalRef::Unknown { label: "cluster_creator".to_owned(), reason };
    let partition = reader.options.partition();
    let name = "AmazonEKSClusterAdminPolicy".parse().ok();
    let policies = name.map(|name| DeclaredPolicy {
        policy: reader.placed(PolicyRef::Arn(PolicyArn::Aws { partition, name }), bytes),
        scope: reader.placed(AccessScope::Cluster, bytes),
        expires: None,
    });
    reader.note(bytes, "the entry `cluster_creator` is for whoever runs Terraform, and goes from hand to hand").help =
        Some("set it to false, and name the administrators in `access_entries`".to_owned());
    DeclaredEntry {
        label: "cluster_creator".to_owned(),
        principal: reader.placed(principal, bytes),
        kind: Placed::nowhere(EntryType::Standard),
        username: None,
        groups: None,
        tags: Default::default(),
        policies: policies.into_iter().collect(),
        expires: None,
        place: Some(reader.place(bytes)),
    }
}
