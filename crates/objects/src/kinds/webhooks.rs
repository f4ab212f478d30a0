//! Webhook configurations of admission.

use std::collections::BTreeSet;

use super::{Check, Place, selectors};
use crate::{names, validate::FieldError};

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const MAX_TIMEOUT: i64 = 30;

/// Both kinds of configuration; what only one has is absent from the other.
pub(super) fn configuration(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for hook in Place::new(check.new, "").at("webhooks").items() {
        check_hook(&hook, errors);
        check_versions(&hook.at("admissionReviewVersions"), errors);
        let name = hook.at("name");
        if !name.is_empty() && !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
}

fn check_hook(hook: &Place<'_>, errors: &mut Vec<FieldError>) {
    check_name(&hook.at("name"), errors);
    hook.at("rules").items().for_each(|rule| check_rule(&rule, errors));
    let effects = hook.at("sideEffects");
    let words: [(&str, &[&str]); 3] = [
        ("failurePolicy", &["Fail", "Ignore"]),
        ("matchPolicy", &["Equivalent", "Exact"]),
        ("reinvocationPolicy", &["IfNeeded", "Never"]),
    ];
    for (member, allowed) in words {
        let word = hook.at(member);
        if word.is_set() && !allowed.contains(&word.text()) {
            errors.push(word.not_supported(allowed));
        }
    }
    match effects.text() {
        "" if !effects.is_set() => errors.push(effects.required("must specify one of None, NoneOnDryRun")),
        "None" | "NoneOnDryRun" => {}
        _ => errors.push(effects.not_supported(&["None", "NoneOnDryRun"])),
    }
    let timeout = hook.at("timeoutSeconds");
    if timeout.number().is_some_and(|n| !(1..=MAX_TIMEOUT).contains(&n)) {
        errors.push(timeout.invalid("the timeout value must be between 1 and 30 seconds"));
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        if hook.at(selector).is_set() {
            selectors::check(&hook.at(selector), errors);
        }
    }
    check_client(&hook.at("clientConfig"), errors);
}

/// A name of three parts at least.
fn check_name(name: &Place<'_>, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        errors.push(name.required(""));
        return;
    }
    let problems = names::dns1123_subdomain(name.text());
    if !problems.is_empty() {
        errors.push(name.invalid(problems.join(",")));
    } else if name.text().split('.').count() < 3 {
        errors.push(name.invalid("should be a domain with at least three segments separated by dots"));
    }
}

fn check_versions(versions: &Place<'_>, errors: &mut Vec<FieldError>) {
    if versions.is_empty() {
        errors.push(versions.required("must specify one of v1, v1beta1"));
        return;
    }
    let mut seen = BTreeSet::new();
    for version in versions.items() {
        if seen.insert(version.text()) {
            version.problems(names::dns1035_label(version.text()), errors);
        } else {
            errors.push(version.invalid("duplicate version"));
        }
    }
    if !seen.iter().any(|version| VERSIONS.contains(version)) {
        errors.push(versions.invalid("must include at least one of v1, v1beta1"));
    }
}

fn check_client(client: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (url, service) = (client.at("url"), client.at("service"));
    if url.is_set() == service.is_set() {
        errors.push(client.required("exactly one of url or service is required"));
    } else if url.is_set() {
        check_url(&url, errors);
    } else {
        for member in ["name", "namespace"] {
            if service.at(member).is_empty() {
                errors.push(service.at(member).required(&format!("service {member} is required")));
            }
        }
        let (path, port) = (service.at("path"), service.at("port"));
        if path.is_set() && !path.text().starts_with('/') {
            errors.push(path.invalid("must start with a '/'"));
        }
        if let Some(number) = port.number().filter(|n| !(1..=65_535).contains(n)) {
            let detail = "port is not valid: must be between 1 and 65535, inclusive";
            errors.push(FieldError::invalid(port.path.clone(), &number.into(), detail));
        }
    }
}

fn check_url(url: &Place<'_>, errors: &mut Vec<FieldError>) {
    const FORM: &str = "; desired format: https://host[/path]";
    let mut invalid = |part: &str, detail: String| {
        errors.push(FieldError::invalid_text(url.path.clone(), part, detail));
    };
    let (rest, fragment) = url.text().split_once('#').unwrap_or((url.text(), ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once(':').unwrap_or(("", rest));
    let authority = rest.strip_prefix("//").unwrap_or("").split('/').next().unwrap_or("");
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if scheme != "https" {
        invalid(scheme, format!("'https' is the only allowed URL scheme{FORM}"));
    }
    if host.is_empty() {
        invalid(host, format!("host must be specified{FORM}"));
    }
    if !user.is_empty() {
        invalid(user, "user information is not permitted in the URL".to_owned());
    }
    if !fragment.is_empty() {
        invalid(fragment, "fragments are not permitted in the URL".to_owned());
    }
    if !query.is_empty() {
        invalid(query, "query parameters are not permitted in the URL".to_owned());
    }
}

fn check_rule(rule: &Place<'_>, errors: &mut Vec<FieldError>) {
    let wild = |list: &Place<'_>| list.items().count() > 1 && list.items().any(|item| item.text() == "*");
    let operations = rule.at("operations");
    if operations.is_empty() {
        errors.push(operations.required(""));
    }
    if wild(&operations) {
        errors.push(operations.invalid("if '*' is present, must not specify other operations"));
    }
    let unknown = operations.items().filter(|operation| !OPERATIONS.contains(&operation.text()));
    errors.extend(unknown.map(|operation| operation.not_supported(&OPERATIONS)));
    for (member, what) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
        let list = rule.at(member);
        if list.is_empty() {
            errors.push(list.required(""));
        }
        if wild(&list) {
            errors.push(list.invalid(format!("if '*' is present, must not specify other {what}")));
        }
    }
    let unnamed = rule.at("apiVersions").items().filter(Place::is_empty);
    errors.extend(unnamed.map(|version| version.required("")));
    check_resources(&rule.at("resources"), errors);
    let scope = rule.at("scope");
    if scope.is_set() && !SCOPES.contains(&scope.text()) {
        errors.push(scope.not_supported(&SCOPES));
    }
}

/// Resources and subresources of which none stands for another.
fn check_resources(resources: &Place<'_>, errors: &mut Vec<FieldError>) {
    if resources.is_empty() {
        errors.push(resources.required(""));
    }
    let (mut whole, mut everywhere) = (BTreeSet::new(), BTreeSet::new());
    let (mut all, mut one) = (false, false);
    for item in resources.items() {
        let name = item.text();
        if name.is_empty() {
            errors.push(item.required(""));
            continue;
        }
        all |= name == "*";
        let Some((resource, sub)) = name.split_once('/') else {
            one = name != "*";
            continue;
        };
        if whole.contains(resource) {
            errors.push(item.invalid(format!("if '{resource}/*' is present, must not specify {name}")));
        }
        if everywhere.contains(sub) {
            errors.push(item.invalid(format!("if '*/{sub}' is present, must not specify {name}")));
        }
        if sub == "*" {
            whole.insert(resource);
        }
        if resource == "*" {
            everywhere.insert(sub);
        }
    }
    if resources.items().count() > 1 && resources.items().any(|item| item.text() == "*/*") {
        errors.push(resources.invalid("if '*/*' is present, must not specify other resources"));
    }
    if all && one {
        let detail = "if '*' is present, must not specify other resources without subresources";
        errors.push(resources.invalid(detail));
    }
}
