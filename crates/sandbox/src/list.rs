//! Reading: one object, or lists in pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entryway_objects::selector::{FieldSelector, LabelSelector};
use entryway_objects::status::Status;
use entryway_objects::validate::FieldError;
use entryway_store::{KeyValue, ListOptions, Revision, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, store_failure, too_large};
use crate::query::{list_version, read_version};
use crate::resource::ResourceCall;
use crate::respond::{Answer, Content};
use crate::storage::Target;

/// Keys read at once where a selector decides what counts.
const CHUNK: usize = 500;

/// `GET` of an object, or of a subresource that has the object's own form.
pub(crate) async fn get(call: &ResourceCall) -> Result<Answer, Failure> {
    let storage = &call.call.api.storage;
    if let Some(text) = call.call.query.get("resourceVersion") {
        let wanted = read_version(text)?;
        let newest = storage.revision().await?;
        if wanted > newest {
            return Err(too_large(wanted, newest).into());
        }
    }
    let found = storage.get(&call.target, call.namespace(), &call.path.name).await?;
    found.map(|stored| Answer::object(stored.object)).ok_or_else(|| call.not_found())
}

/// The empty list of a resource that has nothing here.
pub(crate) fn nothing() -> Answer {
    Answer { code: 200, content: Content::List { items: Vec::new(), metadata: json!({}) }, warnings: Vec::new() }
}

/// What a list or watch selects by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
    /// The name in a watch's path of the old form.
    name: Option<String>,
}

impl Selection {
    /// From the query.
    pub(crate) fn read(call: &ResourceCall) -> Result<Selection, Status> {
        let query = &call.call.query;
        let labels = query.get("labelSelector").map(LabelSelector::parse).transpose()?.unwrap_or_default();
        let fields = query.get("fieldSelector").map(|text| FieldSelector::parse(&call.target.served, text));
        let name = (!call.path.name.is_empty()).then(|| call.path.name.clone());
        Ok(Selection { labels, fields: fields.transpose()?.unwrap_or_default(), name })
    }

    /// Whether it takes everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty() && self.name.is_none()
    }

    /// Whether it takes this object.
    pub(crate) fn matches(&self, target: &Target, object: &Value) -> bool {
        self.labels.matches(object)
            && self.fields.matches(&target.served, object)
            && self.name.as_deref().is_none_or(|name| crate::meta::name(object) == name)
    }
}

/// The version that a list is to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The newest, which is at least what was asked for.
    Newest { at_least: Revision },
    /// Exactly this one.
    Exactly(Revision),
}

/// Where the next page begins, as the real server writes it.
#[derive(Debug, Serialize, Deserialize)]
struct Continue {
    v: String,
    rv: i64,
    start: String,
}

const CONTINUE_VERSION: &str = "meta.k8s.io/v1";

impl Continue {
    fn parse(text: &str) -> Result<Continue, Status> {
        let bad =
            |why: String| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| bad(format!("illegal base64 data at input byte {}", first_bad_byte(text.as_bytes()))))?;
        let (value, _) = entryway_objects::body::parse_json(&bytes).map_err(bad)?;
        let token: Continue = serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        match (token.v.as_str(), token.start.is_empty()) {
            (CONTINUE_VERSION, false) => Ok(token),
            (CONTINUE_VERSION, true) => Err(bad("encoded start key empty (version meta.k8s.io/v1)".into())),
            (other, _) => {
                Err(bad(format!("server does not recognize this encoded version {}", crate::text::quote(other))))
            }
        }
    }

    fn write(revision: i64, start: &str) -> String {
        let token = Continue { v: CONTINUE_VERSION.into(), rv: revision, start: format!("{start}\0") };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }
}

/// Where Go's decoder stops: the first byte that is none of the alphabet, or a last one that has no companion.
fn first_bad_byte(text: &[u8]) -> usize {
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    text.iter().position(|byte| !alphabet(byte)).unwrap_or(text.len().saturating_sub(1))
}

/// A page of objects.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) metadata: Value,
}

/// `GET` of a collection.
pub(crate) async fn list(call: &ResourceCall) -> Result<Answer, Failure> {
    let page = page(call).await?;
    let content = Content::List { items: page.items, metadata: page.metadata };
    Ok(Answer { code: 200, content, warnings: Vec::new() })
}

/// The page that the query asks for.
pub(crate) async fn page(call: &ResourceCall) -> Result<Page, Failure> {
    let query = &call.call.query;
    let limit = usize::try_from(query.number("limit")?.unwrap_or(0)).unwrap_or(0);
    // What any version satisfies is answered from the server's cache, and whole.
    let limit = if query.get("resourceVersion") == Some("0") { 0 } else { limit };
    query.number("timeoutSeconds")?;
    let selection = Selection::read(call)?;
    let at = version(call)?;
    let token = query.get("continue").map(Continue::parse).transpose()?;
    let (revision, after) = match &token {
        None => (at_revision(call, at).await?, None),
        Some(_) if query.get("resourceVersion").is_some_and(|version| version != "0") => {
            return Err(Status::bad_request("specifying resource version is not allowed when using continue").into());
        }
        // A negative revision goes on with what is there now.
        Some(token) => (Revision::try_from(token.rv).ok(), Some(token.start.trim_end_matches('\0').to_owned())),
    };
    match read_page(call, &selection, limit, revision, after.clone()).await {
        Ok(page) => Ok(page),
        Err(ReadError::Store(StoreError::Compacted { .. })) => Err(expired(token.is_some(), after.as_deref()).into()),
        Err(ReadError::Store(error)) => Err(store_failure(&error).into()),
        Err(ReadError::Status(status)) => Err(status.into()),
    }
}

/// 410, with the token that goes on inconsistently.
fn expired(continued: bool, after: Option<&str>) -> Status {
    let message = match continued {
        false => "The resourceVersion for the provided list is too old.".to_owned(),
        true => format!(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of \
             the results. Continuing with the provided token results in an inconsistent list - objects that were \
             created, modified, or deleted between the time the first chunk was returned and now may show up in the \
             list: {}",
            Continue::write(-1, after.unwrap_or_default())
        ),
    };
    Status { code: 410, reason: "Expired", message, details: None }
}

fn version(call: &ResourceCall) -> Result<At, Status> {
    let query = &call.call.query;
    let given = query.get("resourceVersion");
    let matching = query.get("resourceVersionMatch");
    let mut errors = Vec::new();
    if query.has("sendInitialEvents") {
        errors.push(FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    if let Some(word) = matching {
        if given.is_none() {
            errors.push(FieldError::forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if query.get("continue").is_some() {
            errors.push(FieldError::forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if word != "Exact" && word != "NotOlderThan" {
            let words = ["Exact", "NotOlderThan", ""];
            errors.push(FieldError::not_supported("resourceVersionMatch", &json!(word), &words));
        }
        if word == "Exact" && given == Some("0") {
            errors.push(FieldError::forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ));
        }
    }
    if !errors.is_empty() {
        return Err(Status::invalid("meta.k8s.io", "ListOptions", "", &errors));
    }
    let revision = given.map(list_version).transpose()?.unwrap_or(0);
    let limited = query.get("limit").is_some_and(|limit| limit != "0");
    Ok(match matching {
        Some("Exact") => At::Exactly(revision),
        // Without a word on it, a limited list at a version is of exactly that version.
        None if revision > 0 && limited => At::Exactly(revision),
        _ => At::Newest { at_least: revision },
    })
}

async fn at_revision(call: &ResourceCall, at: At) -> Result<Option<Revision>, Failure> {
    let newest = call.call.api.storage.revision().await?;
    match at {
        At::Newest { at_least } | At::Exactly(at_least) if at_least > newest => Err(too_large(at_least, newest).into()),
        At::Newest { .. } => Ok(None),
        At::Exactly(revision) if revision < call.call.api.born => Err(expired(false, None).into()),
        At::Exactly(revision) => Ok(Some(revision)),
    }
}

enum ReadError {
    Store(StoreError),
    Status(Status),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        ReadError::Store(error)
    }
}

async fn read_page(
    call: &ResourceCall,
    selection: &Selection,
    limit: usize,
    mut revision: Option<Revision>,
    after: Option<String>,
) -> Result<Page, ReadError> {
    let storage = &call.call.api.storage;
    let prefix = call.target.prefix(&storage.cluster, call.namespace());
    let mut after = after.map(|start| format!("{prefix}{start}"));
    let chunk = match (limit, selection.is_empty()) {
        (0, _) => 0,
        (limit, true) => limit,
        (limit, false) => limit.max(CHUNK),
    };
    let mut items = Vec::new();
    loop {
        let options = ListOptions { after: after.take(), limit: chunk, at: revision };
        let listing = storage.store.list(&prefix, options).await?;
        revision = Some(listing.revision);
        let count = listing.items.len();
        for (index, kv) in listing.items.iter().enumerate() {
            let object = call.target.read(kv).map_err(ReadError::Status)?;
            if !selection.matches(&call.target, &object) {
                continue;
            }
            items.push(object);
            let left = listing.remaining + (count - index - 1) as u64;
            if limit > 0 && items.len() == limit && left > 0 {
                let metadata = metadata(listing.revision, Some((&prefix, kv)), left, selection);
                return Ok(Page { items, metadata });
            }
        }
        match listing.items.last() {
            Some(last) if listing.remaining > 0 => after = Some(last.key.clone()),
            _ => return Ok(Page { items, metadata: metadata(listing.revision, None, 0, selection) }),
        }
    }
}

fn metadata(revision: Revision, next: Option<(&str, &KeyValue)>, left: u64, selection: &Selection) -> Value {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), revision.to_string().into());
    if let Some((prefix, last)) = next {
        let start = last.key.strip_prefix(prefix).unwrap_or(&last.key);
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        metadata.insert("continue".into(), Continue::write(revision, start).into());
        // Selectors decide about what follows, so nobody knows its number.
        if selection.is_empty() {
            metadata.insert("remainingItemCount".into(), left.into());
        }
    }
    metadata.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back() {
        let token = Continue::parse(&Continue::write(7, "ns/name")).unwrap();
        assert_eq!((token.rv, token.start.as_str()), (7, "ns/name\0"));
    }

    #[test]
    fn a_strange_token_is_refused_in_gos_words() {
        let text = |token: &str| Continue::parse(token).unwrap_err().message;
        assert_eq!(
            text("bogus"),
            "invalid continue token: continue key is not valid: illegal base64 data at input byte 4"
        );
        assert!(text("a b").ends_with("illegal base64 data at input byte 1"));
        let other = URL_SAFE_NO_PAD.encode(r#"{"v":"v0","rv":1,"start":"a"}"#);
        assert!(text(&other).contains("does not recognize this encoded version"));
    }

    proptest::proptest! {
        #[test]
        fn any_token_is_taken_or_refused(token in ".{0,60}", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let _ = Continue::parse(&token);
            let _ = Continue::parse(&URL_SAFE_NO_PAD.encode(bytes));
        }
    }
}
