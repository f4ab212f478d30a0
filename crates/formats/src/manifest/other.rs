//! aws-auth outside of its ConfigMap: the authenticator's own configuration, its custom resources, and the bare
//! lists that charts and kustomizations keep in files.

use super::{Object, surrounding_cluster};
use crate::aws_auth::{self, Line, MAP_ACCOUNTS, MAP_ROLES, MAP_USERS};
use crate::reader::Reader;
use crate::tree::Node;

const KEYS: [&str; 3] = [MAP_ROLES, MAP_USERS, MAP_ACCOUNTS];

/// Whether a document without a kind holds lines of aws-auth.
pub(super) fn is_it(document: &Node) -> bool {
    let has_lists = |node: &Node| KEYS.into_iter().any(|key| node.get(key).is_some());
    has_lists(document) || document.get("server").is_some_and(has_lists) || bare_key(document).is_some()
}

/// The key that a bare list would stand under.
fn bare_key(document: &Node) -> Option<&'static str> {
    let has = |name: &str| {
        let first = document.items().first()?;
        first.pairs().iter().any(|pair| pair.key.eq_ignore_ascii_case(name)).then_some(())
    };
    if has("rolearn").is_some() {
        return Some(MAP_ROLES);
    }
    has("userarn").map(|()| MAP_USERS)
}

/// Reads such a document.
pub(super) fn read(document: &Node, reader: &mut Reader<'_>) {
    let holder = document.get("server").unwrap_or(document);
    let read = match bare_key(document) {
        Some(key) => aws_auth::read_lists(&[(key, document)], reader),
        None if holder.pairs().iter().any(|pair| KEYS.contains(&pair.key.as_str()) && pair.value.text().is_some()) => {
            // Texts, as in `data`.
            let mut parts = aws_auth::parts(holder);
            parts.retain(|part| KEYS.contains(&part.key.as_str()));
            aws_auth::read(&parts, reader)
        }
        None => {
            let lists: Vec<(&str, &Node)> =
                KEYS.into_iter().filter_map(|key| holder.get(key).map(|node| (key, node))).collect();
            aws_auth::read_lists(&lists, reader)
        }
    };
    let selector = surrounding_cluster(document, reader);
    aws_auth::add(&mut reader.cluster(selector).aws_auth, read);
}

/// Reads an `IAMIdentityMapping`: one line.
pub(super) fn read_mapping(object: &Object<'_>, reader: &mut Reader<'_>) {
    let spec = object.node.get("spec");
    let Some(arn) = spec.and_then(|spec| spec.get("arn")).filter(|arn| !arn.is_null()) else {
        let bytes = spec.unwrap_or(object.node).bytes.clone();
        reader.error(&bytes, format!("`spec.arn` of IAMIdentityMapping `{}` is missing", object.name));
        return;
    };
    let member = |key: &str| spec.and_then(|spec| spec.get(key));
    let line = Line::Arn { whole: object.node, arn, username: member("username"), groups: member("groups") };
    let read = aws_auth::read_lines(&[line], reader);
    let selector = surrounding_cluster(object.node, reader);
    aws_auth::add(&mut reader.cluster(selector).aws_auth, read);
}
