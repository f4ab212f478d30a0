//! Content negotiation: which encoding and which form an answer takes. Pure.

use entryway_objects::status::{Status, StatusDetails};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Yaml,
    Protobuf,
}

impl Encoding {
    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/json",
            Encoding::Yaml => "application/yaml",
            Encoding::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    fn of(media_type: &str, protobuf: bool) -> Option<Encoding> {
        match media_type {
            "application/json" | "application/*" | "*/*" => Some(Encoding::Json),
            "application/yaml" => Some(Encoding::Yaml),
            "application/vnd.kubernetes.protobuf" if protobuf => Some(Encoding::Protobuf),
            _ => None,
        }
    }
}

/// The version of the `meta.k8s.io` group that a transformed answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetaVersion {
    V1,
    V1Beta1,
}

impl MetaVersion {
    /// Its `apiVersion`.
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            MetaVersion::V1 => "meta.k8s.io/v1",
            MetaVersion::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// What becomes of the object before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing.
    Whole,
    /// A Table of it.
    Table(MetaVersion),
    /// Its metadata alone; for lists that of each item, where `list` says that a list was asked for.
    Metadata { version: MetaVersion, list: bool },
}

/// How an answer is to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) encoding: Encoding,
    pub(crate) form: Form,
}

/// The plain form of an answer.
pub(crate) const PLAIN: Output = Output { encoding: Encoding::Json, form: Form::Whole };

struct Clause<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = accept
        .split(',')
        .filter_map(|clause| {
            let mut pieces = clause.split(';').map(str::trim);
            let media_type = pieces.next().filter(|media_type| !media_type.is_empty())?;
            let mut parameters: Vec<(&str, &str)> = pieces.filter_map(|piece| piece.split_once('=')).collect();
            let quality = parameters
                .iter()
                .find(|(key, _)| *key == "q")
                .map_or(1.0, |(_, value)| value.parse::<f32>().unwrap_or(1.0));
            parameters.retain(|(key, _)| *key != "q");
            Some(Clause { media_type, parameters, quality })
        })
        .collect();
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    clauses
}

fn form(parameters: &[(&str, &str)]) -> Option<Form> {
    let get = |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let Some(kind) = get("as") else { return Some(Form::Whole) };
    if get("g") != Some("meta.k8s.io") {
        return None;
    }
    let version = match get("v") {
        Some("v1") => MetaVersion::V1,
        Some("v1beta1") => MetaVersion::V1Beta1,
        _ => return None,
    };
    match kind {
        "Table" => Some(Form::Table(version)),
        "PartialObjectMetadata" => Some(Form::Metadata { version, list: false }),
        "PartialObjectMetadataList" => Some(Form::Metadata { version, list: true }),
        _ => None,
    }
}

/// What a route can do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// Whether the type has a protobuf form.
    pub(crate) protobuf: bool,
    /// Whether Tables and metadata alone are offered.
    pub(crate) forms: bool,
    /// Whether the route also watches (it is named in a refusal then).
    pub(crate) stream: bool,
}

/// Everything, for a built-in type.
pub(crate) const FULL: Offer = Offer { protobuf: true, forms: true, stream: false };

/// Chooses by the `Accept` header; an absent one takes JSON.
pub(crate) fn negotiate(accept: &str, offer: Offer) -> Result<Output, Status> {
    if accept.trim().is_empty() {
        return Ok(PLAIN);
    }
    let clauses = clauses(accept);
    let routed = clauses.iter().any(|clause| {
        clause.media_type == "*/*"
            || Encoding::of(clause.media_type, true).is_some() && clause.media_type != "application/*"
    });
    if !routed {
        return Err(not_acceptable_route(offer.stream));
    }
    for clause in &clauses {
        let Some(encoding) = Encoding::of(clause.media_type, offer.protobuf) else { continue };
        match form(&clause.parameters) {
            Some(Form::Whole) => return Ok(Output { encoding, form: Form::Whole }),
            // Tables have a message of their own in no table of ours: JSON or YAML.
            Some(Form::Table(_)) if encoding == Encoding::Protobuf => {}
            Some(form) if offer.forms => return Ok(Output { encoding, form }),
            _ => {}
        }
    }
    let mut accepted = "application/json, application/yaml".to_owned();
    if offer.protobuf {
        accepted.push_str(", application/vnd.kubernetes.protobuf");
    }
    Err(Status {
        code: 406,
        reason: "NotAcceptable",
        message: format!("only the following media types are accepted: {accepted}"),
        details: None,
    })
}

/// The encoding of an error: what `Accept` prefers, and JSON where it prefers nothing that errors have.
pub(crate) fn negotiate_error(accept: &str) -> Encoding {
    clauses(accept)
        .iter()
        .filter(|clause| clause.parameters.iter().all(|(key, _)| *key != "as"))
        .find_map(|clause| Encoding::of(clause.media_type, true))
        .unwrap_or(Encoding::Json)
}

fn not_acceptable_route(stream: bool) -> Status {
    let mut available = "application/json, application/yaml, application/vnd.kubernetes.protobuf".to_owned();
    if stream {
        available.push_str(", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch");
    }
    Status {
        code: 406,
        reason: "NotAcceptable",
        message: format!("406: Not Acceptable\n\nAvailable representations: {available}"),
        details: Some(StatusDetails::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_clause_that_can_be_done() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(negotiate(kubectl, FULL).unwrap().form, Form::Table(MetaVersion::V1));
        let plain = Offer { forms: false, ..FULL };
        assert_eq!(negotiate(kubectl, plain).unwrap(), PLAIN);
        let typed = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(negotiate(typed, FULL).unwrap().encoding, Encoding::Protobuf);
        assert_eq!(negotiate(typed, Offer { protobuf: false, ..FULL }).unwrap().encoding, Encoding::Json);
        assert_eq!(negotiate("application/json;q=0.1, application/yaml", FULL).unwrap().encoding, Encoding::Yaml);
        assert_eq!(negotiate("", FULL).unwrap(), PLAIN);
        assert_eq!(negotiate("text/plain", FULL).unwrap_err().code, 406);
        assert_eq!(negotiate("application/json;as=Nope;v=v1;g=meta.k8s.io", FULL).unwrap_err().code, 406);
    }

    #[test]
    fn errors_are_never_tables() {
        assert_eq!(negotiate_error("application/json;as=Table;v=v1;g=meta.k8s.io,application/yaml"), Encoding::Yaml);
        assert_eq!(negotiate_error("text/plain"), Encoding::Json);
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_taken(accept in ".{0,80}") {
            let _ = negotiate(&accept, FULL);
            negotiate_error(&accept);
        }
    }
}
