//! Query parameters, read as Kubernetes reads them.

use entryway_objects::body::FieldValidation;
use entryway_objects::status::Status;
use entryway_objects::validate::FieldError;
use serde_json::json;

/// The parameters of a request, decoded, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses the part of the URL after `?`. Any text is one.
    pub(crate) fn parse(text: &str) -> Query {
        Query(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A boolean: present and neither `false` nor `0`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.0.iter().find(|(key, _)| key == name) {
            Some((_, value)) => !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"),
            None => false,
        }
    }

    /// Whether a parameter is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// A number, with Go's text where it is none.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse::<i64>() {
            Ok(number) => Ok(Some(number)),
            Err(error) => {
                let why = match error.kind() {
                    std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
                    _ => "invalid syntax",
                };
                Err(Status::bad_request(format!("strconv.ParseInt: parsing {}: {why}", crate::text::quote(text))))
            }
        }
    }
}

/// A resource version that a client names for a list, with the server's text where it is no number.
pub(crate) fn list_version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| Status::bad_request(format!("invalid resource version: {}", no_version(text))))
}

/// A resource version that a client names for a read or watch. The real server has no better word than 500 here.
pub(crate) fn read_version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| unworded(no_version(text)))
}

/// The resource version of an object that a client sent.
pub(crate) fn object_version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| unworded(no_number(text)))
}

fn no_number(text: &str) -> String {
    format!("strconv.ParseUint: parsing {}: invalid syntax", crate::text::quote(text))
}

fn no_version(text: &str) -> String {
    format!("resourceVersion: Invalid value: {}: {}", crate::text::quote(text), no_number(text))
}

/// An error for which the real server has no reason: 500 with its text.
fn unworded(message: String) -> Status {
    Status { code: 500, reason: "", message, details: None }
}

/// The options that all writes share.
#[derive(Debug, Clone)]
pub(crate) struct WriteOptions {
    /// Whether nothing is to be stored.
    pub(crate) dry_run: bool,
    /// What happens to unknown fields.
    pub(crate) validation: FieldValidation,
    /// `fieldManager`, where it is given.
    pub(crate) manager: Option<String>,
    /// `force`, for apply.
    pub(crate) force: bool,
}

/// Which options object Kubernetes names in its complaints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionsKind {
    Create,
    Update,
    Patch { apply: bool },
    Delete,
}

impl OptionsKind {
    fn name(self) -> &'static str {
        match self {
            OptionsKind::Create => "CreateOptions",
            OptionsKind::Update => "UpdateOptions",
            OptionsKind::Patch { .. } => "PatchOptions",
            OptionsKind::Delete => "DeleteOptions",
        }
    }
}

impl WriteOptions {
    /// Reads and checks them; everything wrong with them is told at once.
    pub(crate) fn read(query: &Query, kind: OptionsKind) -> Result<WriteOptions, Status> {
        let mut errors = Vec::new();
        let manager = query.get("fieldManager").map(str::to_owned);
        if let OptionsKind::Patch { apply } = kind {
            if apply && manager.is_none() {
                errors.push(FieldError::required("fieldManager", "is required for apply patch"));
            }
            if !apply && query.has("force") {
                errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
            }
        }
        if let Some(manager) = &manager {
            if manager.len() > 128 {
                errors.push(FieldError::too_long("fieldManager", 128));
            } else if manager.chars().any(char::is_control) {
                let rule = "should only contain printable characters";
                errors.push(FieldError::invalid_text("fieldManager", manager, rule));
            }
        }
        let dry_run = dry_run(query.all("dryRun").as_slice(), &mut errors);
        let word = query.get("fieldValidation").unwrap_or_default();
        let validation = match word {
            "" => Some(FieldValidation::default()),
            word => FieldValidation::parse(word),
        };
        if validation.is_none() {
            errors.push(FieldError::not_supported("fieldValidation", &json!(word), &["", "Ignore", "Strict", "Warn"]));
        }
        if !errors.is_empty() {
            return Err(Status::invalid("meta.k8s.io", kind.name(), "", &errors));
        }
        Ok(WriteOptions { dry_run, validation: validation.unwrap_or_default(), manager, force: query.flag("force") })
    }
}

/// Whether `dryRun` asks for one; other words than `All` are an error.
pub(crate) fn dry_run(values: &[&str], errors: &mut Vec<FieldError>) -> bool {
    let values: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
    if values.iter().any(|value| *value != "All") {
        errors.push(FieldError::not_supported("dryRun", &json!(values), &["All"]));
    }
    !values.is_empty()
}
