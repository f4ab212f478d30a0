//! Label and field selectors.

use serde_json::Value;

use crate::{
    names,
    registry::ResourceType,
    status::Status,
    validate::{FieldError, go_quote},
};

/// A parsed label selector; all requirements must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One requirement of a [`LabelSelector`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// The test.
    pub operator: Operator,
    /// Values to compare with, sorted; one or more for `In` and `NotIn`, one for the rest with a value.
    pub values: Vec<String>,
}

/// The test of a [`Requirement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `in`, `=` and `==`.
    In,
    /// `notin` and `!=`; also true where the label is missing.
    NotIn,
    /// A bare key.
    Exists,
    /// `!key`.
    DoesNotExist,
    /// `>`.
    GreaterThan,
    /// `<`.
    LessThan,
}

impl LabelSelector {
    /// Parses the query parameter; errors with Kubernetes' text (`unable to parse requirement: …`), 400.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        let mut requirements = parser.selector().map_err(Status::bad_request)?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements })
    }

    /// From a `metav1.LabelSelector` object (`matchLabels`, `matchExpressions`); `None` for a bad operator.
    pub fn from_value(value: &Value) -> Option<Self> {
        let mut requirements = Vec::new();
        for (key, value) in value.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            let values = vec![value.as_str()?.to_owned()];
            requirements.push(Requirement { key: key.clone(), operator: Operator::In, values });
        }
        for expression in value.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let operator = match expression.get("operator").and_then(Value::as_str)? {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            let key = expression.get("key").and_then(Value::as_str)?.to_owned();
            let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
            let values = values.filter_map(Value::as_str).map(str::to_owned).collect();
            requirements.push(Requirement { key, operator, values });
        }
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Some(Self { requirements })
    }

    /// Whether there is no requirement, which matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The requirements, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether an object's labels match (`object` is the whole object).
    pub fn matches(&self, object: &Value) -> bool {
        self.matches_labels(object.pointer("/metadata/labels"))
    }

    /// Whether a map of labels matches.
    pub fn matches_labels(&self, labels: Option<&Value>) -> bool {
        self.requirements.iter().all(|requirement| {
            let label = labels.and_then(|l| l.get(&requirement.key)).and_then(Value::as_str);
            requirement.matches(label)
        })
    }
}

impl std::fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            let Requirement { key, operator, values } = requirement;
            let comma = if i > 0 { "," } else { "" };
            let one = values.first().map_or("", String::as_str);
            let all = values.join(",");
            match operator {
                Operator::In if values.len() == 1 => write!(f, "{comma}{key}={one}")?,
                Operator::In => write!(f, "{comma}{key} in ({all})")?,
                Operator::NotIn if values.len() == 1 => write!(f, "{comma}{key}!={one}")?,
                Operator::NotIn => write!(f, "{comma}{key} notin ({all})")?,
                Operator::Exists => write!(f, "{comma}{key}")?,
                Operator::DoesNotExist => write!(f, "{comma}!{key}")?,
                Operator::GreaterThan => write!(f, "{comma}{key}>{one}")?,
                Operator::LessThan => write!(f, "{comma}{key}<{one}")?,
            }
        }
        Ok(())
    }
}

impl Requirement {
    fn matches(&self, label: Option<&str>) -> bool {
        let among = |label: &str| self.values.iter().any(|v| v == label);
        match self.operator {
            Operator::In => label.is_some_and(among),
            Operator::NotIn => !label.is_some_and(among),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan | Operator::LessThan => {
                let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok());
                match (number(label), number(self.values.first().map(String::as_str))) {
                    (Some(label), Some(bound)) if self.operator == Operator::GreaterThan => label > bound,
                    (Some(label), Some(bound)) => label < bound,
                    _ => false,
                }
            }
        }
    }

    /// Checks key and values as Kubernetes does once it has read a requirement.
    fn check(self) -> Result<Self, String> {
        let mut errors = Vec::new();
        if matches!(self.operator, Operator::GreaterThan | Operator::LessThan)
            && !self.values.iter().all(|v| v.parse::<i64>().is_ok())
        {
            let value = self.values.first().map_or("", String::as_str);
            let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
            errors.push(FieldError::invalid_text("values[0]", value, detail));
        }
        for (i, value) in self.values.iter().enumerate() {
            let problems = names::label_value(value);
            if !problems.is_empty() {
                errors.push(FieldError::invalid_text(format!("values[{i}][{}]", self.key), value, problems.join("; ")));
            }
        }
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        match texts.as_slice() {
            [] => Ok(self),
            [one] => Err(one.clone()),
            many => Err(format!("[{}]", many.join(", "))),
        }
    }
}

/// A token of a label selector, with its text for error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'a str),
    /// Symbols that make no operator.
    Bad(&'a str),
    End,
}

const SYMBOLS: [&str; 9] = ["!", "=", "==", "!=", ">", "<", ",", "(", ")"];
const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let Some(first) = rest.chars().next() else { break };
        if is_special(first) {
            let run = rest.find(|c| !is_special(c)).unwrap_or(rest.len());
            // The longest operator that the symbols begin with; they are all ASCII.
            let length = (1..=run.min(2)).rev().find(|n| rest.get(..*n).is_some_and(|s| SYMBOLS.contains(&s)));
            let (symbol, after) = rest.split_at(length.unwrap_or(run));
            out.push(if length.is_some() { Token::Symbol(symbol) } else { Token::Bad(symbol) });
            rest = after;
        } else {
            let end = rest.find(|c| is_special(c) || matches!(c, ' ' | '\t' | '\r' | '\n')).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            out.push(Token::Word(word));
            rest = after;
        }
    }
    out.push(Token::End);
    out
}

impl Token<'_> {
    fn text(&self) -> String {
        match self {
            Token::Word(text) | Token::Symbol(text) => (*text).to_owned(),
            Token::Bad(text) => format!("error expected: keyword found '{text}'"),
            Token::End => String::new(),
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.at).copied().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut out = Vec::new();
        loop {
            match self.peek() {
                Token::Word(_) | Token::Symbol("!") => {
                    let requirement =
                        self.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
                    out.push(requirement);
                    match self.next() {
                        Token::End => return Ok(out),
                        Token::Symbol(",") => match self.peek() {
                            Token::Word(_) | Token::Symbol("!") => {}
                            other => return Err(format!("found '{}', expected: identifier after ','", other.text())),
                        },
                        other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
                    }
                }
                Token::End => return Ok(out),
                other => {
                    return Err(format!("found '{}', expected: !, identifier, or 'end of string'", other.text()));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let negated = token == Token::Symbol("!");
        if negated {
            token = self.next();
        }
        let Token::Word(key) = token else { return Err(format!("found '{}', expected: identifier", token.text())) };
        let problems = names::qualified_name(key);
        if !problems.is_empty() {
            return Err(FieldError::invalid_text("<nil>", key, problems.join("; ")).to_string());
        }
        let key = key.to_owned();
        if negated {
            return Ok(Requirement { key, operator: Operator::DoesNotExist, values: Vec::new() });
        }
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(Requirement { key, operator: Operator::Exists, values: Vec::new() });
        }
        let (operator, set) = match self.next() {
            Token::Word("in") => (Operator::In, true),
            Token::Word("notin") => (Operator::NotIn, true),
            Token::Symbol("=" | "==") => (Operator::In, false),
            Token::Symbol("!=") => (Operator::NotIn, false),
            Token::Symbol(">") => (Operator::GreaterThan, false),
            Token::Symbol("<") => (Operator::LessThan, false),
            other => return Err(format!("found '{}', expected: {OPERATORS}", other.text())),
        };
        let mut values = if set { self.values()? } else { vec![self.value()?] };
        values.sort();
        values.dedup();
        Requirement { key, operator, values }.check()
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            Token::End | Token::Symbol(",") => Ok(String::new()),
            Token::Word(word) => {
                self.next();
                Ok(word.to_owned())
            }
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Token::Symbol("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        match self.peek() {
            Token::Word(_) | Token::Symbol(",") => {}
            Token::Symbol(")") => {
                self.next();
                return Ok(vec![String::new()]);
            }
            other => return Err(format!("found '{}', expected: ',', ')' or identifier", other.text())),
        }
        let mut out = Vec::new();
        loop {
            match self.next() {
                Token::Word(word) => {
                    out.push(word.to_owned());
                    match self.peek() {
                        Token::Symbol(",") => {}
                        Token::Symbol(")") => break,
                        other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
                    }
                }
                Token::Symbol(",") => {
                    if out.is_empty() {
                        out.push(String::new());
                    }
                    match self.peek() {
                        Token::Symbol(")") => {
                            out.push(String::new());
                            break;
                        }
                        Token::Symbol(",") => out.push(String::new()),
                        _ => {}
                    }
                }
                other => return Err(format!("found '{}', expected: ',', or identifier", other.text())),
            }
        }
        self.next();
        Ok(out)
    }
}

/// A parsed field selector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

/// One `path=value` or `path!=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// Path, such as `metadata.name`.
    pub path: String,
    /// Whether it must be equal (else unequal).
    pub equal: bool,
    /// The value.
    pub value: String,
}

impl FieldSelector {
    /// Parses the query parameter for a type; unsupported fields are a 400 with Kubernetes' text.
    pub fn parse(resource: &ResourceType, text: &str) -> Result<Self, Status> {
        let mut terms = Vec::new();
        for part in split_terms(text).iter().filter(|p| !p.is_empty()) {
            let unreadable = || Status::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'"));
            let at = unescaped(part, &['=', '!']).ok_or_else(unreadable)?;
            let (path, rest) = part.split_at(at);
            let (equal, value) = match rest.strip_prefix("!=") {
                Some(value) => (false, value),
                None => match rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
                    Some(value) => (true, value),
                    None => return Err(unreadable()),
                },
            };
            let value = unescape(value).ok_or_else(unreadable)?;
            check_field(resource, path)?;
            terms.push(FieldTerm { path: path.to_owned(), equal, value });
        }
        Ok(Self { terms })
    }

    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its terms.
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// The name that `metadata.name=` asks for: with it, list and watch are authorized by that name.
    pub fn name(&self) -> Option<&str> {
        self.terms.iter().find(|t| t.equal && t.path == "metadata.name").map(|t| t.value.as_str())
    }

    /// Whether an object matches.
    pub fn matches(&self, resource: &ResourceType, object: &Value) -> bool {
        self.terms.iter().all(|term| (field_text(resource, object, &term.path) == term.value) == term.equal)
    }
}

/// Position of the first of `wanted` that no backslash escapes.
fn unescaped(text: &str, wanted: &[char]) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if !escaped && wanted.contains(&c) {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn split_terms(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = unescaped(rest, &[',']) {
        let (term, after) = rest.split_at(at);
        out.push(term);
        rest = after.get(1..).unwrap_or("");
    }
    out.push(rest);
    out
}

/// Takes the backslashes away; `None` for an escape that is none or a bare special character.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                c @ ('\\' | ',' | '=') => out.push(c),
                _ => return None,
            },
            '=' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

/// Fields beyond name and namespace by which a type can be selected, from the server's field label conversions.
fn fields_of(resource: &ResourceType) -> Option<&'static [&'static str]> {
    if resource.custom.is_some() {
        return Some(&[]);
    }
    Some(match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "namespaces") => &["status.phase"],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "replicationcontrollers") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        ("certificates.k8s.io", "certificatesigningrequests") => &["spec.signerName"],
        ("resource.k8s.io", "resourceslices") => &["spec.nodeName", "spec.driver"],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("events.k8s.io", "events") => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        _ => return None,
    })
}

fn check_field(resource: &ResourceType, path: &str) -> Result<(), Status> {
    if path == "metadata.name"
        || (path == "metadata.namespace" && (resource.namespaced || fields_of(resource).is_none()))
    {
        return Ok(());
    }
    let Some(fields) = fields_of(resource) else {
        let quoted = go_quote(path);
        return Err(Status::bad_request(format!(
            "{quoted} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )));
    };
    if fields.contains(&path) {
        return Ok(());
    }
    Err(Status::bad_request(match resource.plural.as_str() {
        "jobs" => format!("field label {} not supported for Job", go_quote(path)),
        "resourceslices" => format!("field label not supported for ResourceSlice: {path}"),
        _ => format!("field label not supported: {path}"),
    }))
}

/// A field's text as selectors compare it; absent is empty, or what the type takes absence for.
fn field_text(resource: &ResourceType, object: &Value, path: &str) -> String {
    let at = |path: &str| {
        let mut value = Some(object);
        for part in path.split('.') {
            value = value.and_then(|v| v.get(part));
        }
        match value {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        }
    };
    match (resource.plural.as_str(), path) {
        ("pods", "spec.hostNetwork") | ("nodes", "spec.unschedulable") => {
            let text = at(path);
            if text.is_empty() { "false".to_owned() } else { text }
        }
        ("pods", "status.podIPs") => at("status.podIP"),
        ("jobs", "status.successful") => {
            let text = at("status.succeeded");
            if text.is_empty() { "0".to_owned() } else { text }
        }
        ("events", "source") => {
            let text = at("source.component");
            if text.is_empty() { at("reportingComponent") } else { text }
        }
        ("replicationcontrollers", "status.replicas") => {
            let text = at(path);
            if text.is_empty() { "0".to_owned() } else { text }
        }
        _ => at(path),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::registry::Registry;

    fn message(text: &str) -> String {
        LabelSelector::parse(text).unwrap_err().message
    }

    #[test]
    fn label_selectors() {
        let object = json!({"metadata": {"labels": {"n": "1", "odd": "1", "size": "12"}}});
        for (text, want) in [
            ("", true),
            ("n", true),
            ("!n", false),
            ("n=1", true),
            ("n==2", false),
            ("n!=2", true),
            ("x!=2", true),
            ("n in (1,2)", true),
            ("n notin (1,2)", false),
            ("x notin (1)", true),
            ("size>3", true),
            ("size<3", false),
            ("n=1,odd=0", false),
            ("n = 1 , odd in ( 1 )", true),
            ("x in ()", false),
            ("!x,n", true),
            ("x=", false),
        ] {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&object), want, "{text}");
        }
    }

    #[test]
    fn label_selector_errors() {
        assert_eq!(message("a===b"), "unable to parse requirement: found '=', expected: identifier");
        assert_eq!(message("a b"), "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        assert_eq!(message("a in b"), "unable to parse requirement: found 'b' expected: '('");
        assert_eq!(message("a,"), "found '', expected: identifier after ','");
        assert_eq!(message("=x"), "found '=', expected: !, identifier, or 'end of string'");
        assert!(
            message("-a=b").starts_with("unable to parse requirement: <nil>: Invalid value: \"-a\": name part must")
        );
        assert!(message("a=-").starts_with("unable to parse requirement: values[0][a]: Invalid value: \"-\": a valid"));
    }

    #[test]
    fn field_selectors() {
        let registry = Registry::builtin();
        let type_of = |group: &str, plural: &str| registry.find(group, "v1", plural).unwrap();
        let maps = type_of("", "configmaps");
        let error = FieldSelector::parse(&maps, "data.x=1").unwrap_err().message;
        assert_eq!(error, "\"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
        let selector = FieldSelector::parse(&maps, "metadata.name=l3,metadata.namespace!=x").unwrap();
        assert_eq!(selector.name(), Some("l3"));
        assert!(selector.matches(&maps, &json!({"metadata": {"name": "l3", "namespace": "y"}})));
        let pods = type_of("", "pods");
        let error = FieldSelector::parse(&pods, "spec.x=1").unwrap_err().message;
        assert_eq!(error, "field label not supported: spec.x");
        let selector = FieldSelector::parse(&pods, "spec.hostNetwork=false,status.phase!=Failed").unwrap();
        assert!(selector.matches(&pods, &json!({"status": {"phase": "Pending"}})));
        let error = FieldSelector::parse(&pods, "x").unwrap_err().message;
        assert_eq!(error, "invalid selector: 'x'; can't understand 'x'");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,60}", syntax in "[a-z=!(),<> ]{0,30}") {
            let pods = Registry::builtin().find("", "v1", "pods").unwrap();
            for text in [text, syntax] {
                let _ = LabelSelector::parse(&text);
                let _ = FieldSelector::parse(&pods, &text);
            }
        }
    }
}
