//! Reads what a `ClusterConfig` says of access, by eksctl's own rules: it refuses keys that it does not know.

use entryway_access::{AccountId, Region};

use crate::aws_auth::{self, Line};
use crate::entry::{API_POLICY, EntryForm, TagsForm, hint_at_node_types};
use crate::nearest::nearest;
use crate::reader::Reader;
use crate::tree::{Node, Pair};
use crate::{ClusterSelector, DeclaredAwsAuth, DeclaredEntry, Placed};

const ENTRY: EntryForm = EntryForm {
    what: "an element of `accessEntries`",
    principal: "principalARN",
    kind: "type",
    groups: "kubernetesGroups",
    username: "kubernetesUsername",
    policies: Some("accessPolicies"),
    policy: API_POLICY,
    tags: TagsForm::None,
    other: &[],
};
/// The keys of the file that this is about. Others belong to eksctl, and are none of ours.
const OWN_KEYS: [&str; 3] = ["metadata", "accessConfig", "iamIdentityMappings"];
const CONFIG_KEYS: [&str; 3] = ["authenticationMode", "bootstrapClusterCreatorAdminPermissions", "accessEntries"];
const MAPPING_KEYS: [&str; 7] = ["arn", "username", "groups", "account", "serviceName", "namespace", "noDuplicateARNs"];
/// The only service that eksctl maps by name.
const EMR: &str = "emr-containers";
const EMR_ROLE: &str = "AWSServiceRoleForAmazonEMRContainers";

/// Whether a bare list is one of access entries, as `eksctl get accessentry -o yaml` prints.
pub(crate) fn is_entries(document: &Node) -> bool {
    document.items().first().is_some_and(|item| item.get(ENTRY.principal).is_some())
}

/// Reads one document.
pub(crate) fn read(document: &Node, reader: &mut Reader<'_>) {
    if document.is_sequence() {
        let selector = reader.default_cluster("eksctl", "a list of entries does not name its cluster");
        let entries = read_entries(document, reader);
        let start = document.bytes.start..document.bytes.start;
        let message = "`eksctl get accessentry` prints neither types nor usernames: all are taken as STANDARD";
        reader.warning(&start, message).help = Some("read the live cluster, which has both".to_owned());
        let selector = reader.placed(selector, &document.bytes);
        reader.cluster(selector).entries.extend(entries);
        return;
    }
    if !document.is_mapping() {
        let kind = document.kind();
        reader.error(&document.bytes, format!("a ClusterConfig must be a mapping, not {kind}"));
        return;
    }
    if let Some(kind) = document.get("kind").filter(|kind| kind.text() != Some("ClusterConfig")) {
        reader.error(&kind.bytes, "`kind` must be `ClusterConfig`");
        return;
    }
    for pair in document.pairs().iter().filter(|pair| !OWN_KEYS.contains(&pair.key.as_str())) {
        say_misspelt(pair, reader);
    }
    let (selector, region, account) = read_metadata(document, reader);
    let config = document.get("accessConfig").filter(|config| !config.is_null());
    let (mut mode, mut entries) = (None, Vec::new());
    if let Some(config) = config {
        reader.unknown_keys(config, &CONFIG_KEYS, "`accessConfig`", true);
        if !config.is_mapping() {
            let kind = config.kind();
            reader.error(&config.bytes, format!("`accessConfig` must be a mapping, not {kind}"));
        }
        mode = config.get("authenticationMode").and_then(|mode| {
            let text = reader.text(mode, "authenticationMode")?;
            reader.mode(text, &mode.bytes)
        });
        if let Some(flag) = config.get("bootstrapClusterCreatorAdminPermissions")
            && !flag.is_null()
            && flag.truth().is_none()
        {
            reader.error(&flag.bytes, "`bootstrapClusterCreatorAdminPermissions` must be `true` or `false`");
        }
        if let Some(list) = config.get("accessEntries") {
            entries = read_entries(list, reader);
        }
    }
    // The form that `eksctl delete accessentry -f` takes.
    if let Some(Pair { key_bytes, value, .. }) = document.pair("accessEntry") {
        reader.warning(key_bytes, "`accessEntry` at the top is read by `eksctl delete accessentry` alone").help =
            Some("entries belong under `accessConfig.accessEntries`".to_owned());
        entries.extend(read_entries(value, reader));
    }
    let aws_auth = document.get("iamIdentityMappings").map(|list| read_mappings(list, region, account, reader));
    let cluster = reader.cluster(selector);
    cluster.mode = cluster.mode.take().or(mode);
    cluster.entries.extend(entries);
    if let Some(more) = aws_auth {
        aws_auth::add(&mut cluster.aws_auth, more);
    }
}

/// A key next to one of ours is a typing error that would take access away without a sign.
fn say_misspelt(pair: &Pair, reader: &mut Reader<'_>) {
    if pair.key == "accessEntry" {
        return;
    }
    let ours = OWN_KEYS.into_iter().chain(["accessEntries"]);
    if let Some(near) = nearest(&pair.key, ours) {
        let help = match near {
            "accessEntries" => "entries belong under `accessConfig.accessEntries`".to_owned(),
            near => format!("did you mean `{near}`?"),
        };
        reader.error(&pair.key_bytes, format!("a ClusterConfig has no key `{}`", pair.key)).help = Some(help);
    }
}

fn read_metadata(
    document: &Node,
    reader: &mut Reader<'_>,
) -> (Placed<ClusterSelector>, Option<Region>, Option<AccountId>) {
    let metadata = document.get("metadata");
    let region: Option<Region> = parsed(metadata, "region", reader);
    let account: Option<AccountId> = parsed(metadata, "accountID", reader);
    let name = metadata.and_then(|metadata| metadata.get("name")).filter(|name| !name.is_null());
    let bytes = name.map_or(document.bytes.start..document.bytes.start, |name| name.bytes.clone());
    let selector = match name {
        None => {
            if reader.options.cluster.is_none() {
                reader.error(&bytes, "`metadata.name` is missing").help = Some("it is the cluster's name".to_owned());
            }
            reader.default_cluster("eksctl", "`metadata.name` is missing")
        }
        Some(_) => match parsed(metadata, "name", reader) {
            Some(name) => reader.named(name, region.clone(), account.clone()),
            None => reader.default_cluster("eksctl", "`metadata.name` is no cluster's name"),
        },
    };
    let selector = reader.placed(selector, &bytes);
    let region = region.or_else(|| reader.options.region.clone());
    let account = account.or_else(|| reader.options.account.clone());
    (selector, region, account)
}

fn parsed<T: std::str::FromStr<Err = entryway_access::ArnError>>(
    metadata: Option<&Node>,
    key: &str,
    reader: &mut Reader<'_>,
) -> Option<T> {
    let value = metadata?.get(key).filter(|value| !value.is_null())?;
    let text = reader.text(value, key)?;
    match text.parse() {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            reader.error(&value.bytes, error.to_string());
            None
        }
    }
}

fn read_entries(list: &Node, reader: &mut Reader<'_>) -> Vec<DeclaredEntry> {
    if !list.is_sequence() && !list.is_null() {
        let kind = list.kind();
        reader.error(&list.bytes, format!("`accessEntries` must be a list, not {kind}"));
    }
    let mut entries = Vec::new();
    for item in list.items() {
        let label = item.get(ENTRY.principal).and_then(Node::text).unwrap_or("an entry");
        let label = label.rsplit('/').next().unwrap_or(label).to_owned();
        let Some(entry) = ENTRY.read(item, label, reader) else { continue };
        hint_at_node_types(&entry, reader);
        entries.push(entry);
    }
    entries
}

/// Identity mappings become the lines of aws-auth that eksctl makes of them.
fn read_mappings(
    list: &Node,
    region: Option<Region>,
    account: Option<AccountId>,
    reader: &mut Reader<'_>,
) -> DeclaredAwsAuth {
    if !list.is_sequence() && !list.is_null() {
        let kind = list.kind();
        reader.error(&list.bytes, format!("`iamIdentityMappings` must be a list, not {kind}"));
    }
    let mut lines = Vec::new();
    for item in list.items() {
        if !item.is_mapping() {
            let kind = item.kind();
            reader.error(&item.bytes, format!("an identity mapping must be a mapping with `arn`, not {kind}"));
            continue;
        }
        reader.unknown_keys(item, &MAPPING_KEYS, "an identity mapping", true);
        lines.extend(read_mapping(item, region.as_ref(), account.as_ref(), reader));
    }
    aws_auth::read_lines(&lines, reader)
}

fn read_mapping<'n>(
    item: &'n Node,
    region: Option<&Region>,
    account: Option<&AccountId>,
    reader: &mut Reader<'_>,
) -> Option<Line<'n>> {
    let said = |key: &str| item.get(key).filter(|value| !value.is_null() && value.text() != Some(""));
    let key_bytes = |key: &str| item.pair(key).map_or(item.bytes.clone(), |pair| pair.key_bytes.clone());
    let (arn, username, groups) = (said("arn"), said("username"), said("groups"));
    if let Some(account) = said("account") {
        let others = ["arn", "username", "groups", "serviceName", "namespace"];
        return match others.into_iter().find(|key| said(key).is_some()) {
            None => Some(Line::Account(account)),
            Some(other) => {
                let message = format!("`account` stands alone in an identity mapping, and `{other}` is there too");
                reader.error(&key_bytes(other), message);
                None
            }
        };
    }
    let service = said("serviceName");
    if said("namespace").is_some() && service.is_none() {
        reader.error(&key_bytes("namespace"), "`namespace` needs `serviceName`");
        return None;
    }
    if let Some(service) = service {
        return read_service(item, service, region, account, reader);
    }
    let Some(arn) = arn else {
        reader.error(&item.bytes, "an identity mapping needs `arn`, `account` or `serviceName`");
        return None;
    };
    if username.is_none() && groups.is_none() {
        reader.error(&item.bytes, "an identity mapping with `arn` needs `username` or `groups`");
        return None;
    }
    Some(Line::Arn { whole: item, arn, username, groups })
}

/// `serviceName: emr-containers`: a line for EMR's service-linked role, without its path.
fn read_service<'n>(
    item: &'n Node,
    service: &'n Node,
    region: Option<&Region>,
    account: Option<&AccountId>,
    reader: &mut Reader<'_>,
) -> Option<Line<'n>> {
    let name = reader.text(service, "serviceName")?;
    if name != EMR {
        reader.error(&service.bytes, format!("`{name}` is no service that eksctl maps")).help =
            Some(format!("there is `{EMR}` alone; name the role's ARN in `arn`"));
        return None;
    }
    let given: Vec<&str> =
        ["arn", "username", "groups"].into_iter().filter(|key| item.get(key).is_some_and(|v| !v.is_null())).collect();
    if given.len() == 3 {
        reader.error(&service.bytes, "`serviceName` can't stand beside `arn`, `username` and `groups`");
        return None;
    }
    if item.get("namespace").is_none_or(Node::is_null) {
        reader.error(&service.bytes, "`serviceName` needs `namespace`");
        return None;
    }
    let Some(account) = account else {
        let message = format!(
            "the mapping of {EMR} is left out: its role is of the cluster's account, which the file does not say"
        );
        reader.warning(&service.bytes, message).help = Some("`metadata.accountID` or `--account` says it".to_owned());
        return None;
    };
    let partition = region.map_or(reader.options.partition(), entryway_access::Partition::of_region);
    let arn = format!("arn:{partition}:iam::{account}:role/{EMR_ROLE}");
    Some(Line::Made { whole: item, arn, username: EMR.to_owned() })
}
