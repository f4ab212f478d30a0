//! What makes pods: deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs.

use serde_json::{Map, Value, json};

use super::{Check, immutable, pods, set, set_absent, text};
use crate::{lifecycle::Creation, selector::LabelSelector, validate::FieldError};

const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

fn not_negative(object: &Value, pointer: &str, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(number) = object.pointer(pointer).filter(|n| n.as_i64().is_some_and(|n| n < 0)) {
        errors.push(FieldError::invalid(field, number, NOT_NEGATIVE));
    }
}

/// Selector, and that the template's labels match it; then the template.
fn selected_template(check: Check<'_>, what: &str, errors: &mut Vec<FieldError>) {
    let selector = check.new.pointer("/spec/selector").filter(|s| !s.is_null());
    match selector {
        None => errors.push(FieldError::required("spec.selector", "")),
        Some(selector) if selector.as_object().is_some_and(Map::is_empty) => {
            let detail = format!("empty selector is invalid for {what}");
            errors.push(FieldError::invalid("spec.selector", selector, detail));
        }
        Some(_) => {}
    }
    let labels = check.new.pointer("/spec/template/metadata/labels");
    let matches = selector.is_some_and(|s| LabelSelector::from_value(s).is_some_and(|s| s.matches_labels(labels)));
    if !matches {
        let labels = labels.unwrap_or(&Value::Null);
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid("spec.template.metadata.labels", labels, detail));
    }
    template(check, errors);
    always_restarts(check, errors);
}

fn template(check: Check<'_>, errors: &mut Vec<FieldError>) {
    pods::check_template(check.new.pointer("/spec/template").unwrap_or(&Value::Null), "spec.template", errors);
}

fn always_restarts(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let policy = text(check.new, "/spec/template/spec/restartPolicy");
    if matches!(policy, "OnFailure" | "Never") {
        let field = "spec.template.spec.restartPolicy";
        errors.push(FieldError::not_supported(field, &json!(policy), &["Always"]));
    }
}

pub(super) fn deployment(check: Check<'_>, errors: &mut Vec<FieldError>) {
    not_negative(check.new, "/spec/replicas", "spec.replicas", errors);
    selected_template(check, "deployment", errors);
    let strategy = text(check.new, "/spec/strategy/type");
    match strategy {
        "RollingUpdate" => {}
        "Recreate" => {
            if check.new.pointer("/spec/strategy/rollingUpdate").is_some_and(|r| !r.is_null()) {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                errors.push(FieldError::forbidden("spec.strategy.rollingUpdate", detail));
            }
        }
        other => {
            let allowed = &["Recreate", "RollingUpdate"];
            errors.push(FieldError::not_supported("spec.strategy.type", &json!(other), allowed));
        }
    }
    not_negative(check.new, "/spec/minReadySeconds", "spec.minReadySeconds", errors);
    not_negative(check.new, "/spec/revisionHistoryLimit", "spec.revisionHistoryLimit", errors);
    immutable(check, "/spec/selector", "spec.selector", errors);
}

pub(super) fn replica_set(check: Check<'_>, errors: &mut Vec<FieldError>) {
    not_negative(check.new, "/spec/replicas", "spec.replicas", errors);
    selected_template(check, "replicaset", errors);
    immutable(check, "/spec/selector", "spec.selector", errors);
}

pub(super) fn daemon_set(check: Check<'_>, errors: &mut Vec<FieldError>) {
    selected_template(check, "daemonset", errors);
    immutable(check, "/spec/selector", "spec.selector", errors);
}

/// Fields of a stateful set's spec that an update may change.
const STATEFUL_MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

pub(super) fn stateful_set(check: Check<'_>, errors: &mut Vec<FieldError>) {
    not_negative(check.new, "/spec/replicas", "spec.replicas", errors);
    selected_template(check, "statefulset", errors);
    let Some(old) = check.old else { return };
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        spec.retain(|field, _| !STATEFUL_MUTABLE.contains(&field.as_str()));
        spec
    };
    if fixed(old) != fixed(check.new) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
            'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are \
            forbidden";
        errors.push(FieldError::forbidden("spec", detail));
    }
}

/// A replication controller selects by plain labels.
pub(super) fn controller(check: Check<'_>, errors: &mut Vec<FieldError>) {
    not_negative(check.new, "/spec/replicas", "spec.replicas", errors);
    let selector = check.new.pointer("/spec/selector").and_then(Value::as_object).filter(|s| !s.is_empty());
    let labels = check.new.pointer("/spec/template/metadata/labels");
    match selector {
        None => errors.push(FieldError::required("spec.selector", "")),
        Some(selector) => {
            if !selector.iter().all(|(k, v)| labels.and_then(|l| l.get(k)) == Some(v)) {
                let detail = "`selector` does not match template `labels`";
                let labels = labels.unwrap_or(&Value::Null);
                errors.push(FieldError::invalid("spec.template.metadata.labels", labels, detail));
            }
        }
    }
    if check.new.pointer("/spec/template").is_none_or(Value::is_null) {
        errors.push(FieldError::required("spec.template", ""));
        return;
    }
    template(check, errors);
    always_restarts(check, errors);
}

pub(super) fn create_daemon_set(object: &mut Value, _: &Creation<'_>) {
    set(object, &["metadata", "annotations", "deprecated.daemonset.template.generation"], json!("1"));
}

/// Unless the user selects by hand, the job's own uid is what selects its pods.
pub(super) fn create_job(object: &mut Value, with: &Creation<'_>) {
    if object.pointer("/spec/manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    let name = text(object, "/metadata/name").to_owned();
    let labels = [
        ("batch.kubernetes.io/controller-uid", with.uid),
        ("batch.kubernetes.io/job-name", name.as_str()),
        ("controller-uid", with.uid),
        ("job-name", name.as_str()),
    ];
    let no_labels = object.pointer("/metadata/labels").and_then(Value::as_object).is_none_or(Map::is_empty);
    for (key, value) in labels {
        set(object, &["spec", "template", "metadata", "labels", key], json!(value));
    }
    if no_labels {
        // Defaulting copies the template's labels, which are these.
        let labels = object.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
        set(object, &["metadata", "labels"], labels);
    }
    set_absent(
        object,
        &["spec", "selector"],
        || json!({"matchLabels": {"batch.kubernetes.io/controller-uid": with.uid}}),
    );
}

pub(super) fn job(check: Check<'_>, errors: &mut Vec<FieldError>) {
    for field in ["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"] {
        not_negative(check.new, &format!("/spec/{field}"), &format!("spec.{field}"), errors);
    }
    template(check, errors);
    check_job_restart(check.new, "/spec/template", "spec.template", errors);
    immutable(check, "/spec/completions", "spec.completions", errors);
    immutable(check, "/spec/selector", "spec.selector", errors);
    if check.old.is_some_and(|old| old.pointer("/spec/suspend") != Some(&Value::Bool(true))) {
        immutable(check, "/spec/template", "spec.template", errors);
    }
    immutable(check, "/spec/completionMode", "spec.completionMode", errors);
}

fn check_job_restart(object: &Value, pointer: &str, at: &str, errors: &mut Vec<FieldError>) {
    let policy = text(object, &format!("{pointer}/spec/restartPolicy"));
    let field = format!("{at}.spec.restartPolicy");
    match policy {
        "OnFailure" | "Never" => {}
        "" => errors.push(FieldError::required(field, "valid values: \"OnFailure\", \"Never\"")),
        other => errors.push(FieldError::not_supported(field, &json!(other), &["OnFailure", "Never"])),
    }
}

pub(super) fn cron_job(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let name = text(check.new, "/metadata/name");
    if name.len() > 52 {
        errors.push(FieldError::invalid_text("metadata.name", name, "must be no more than 52 characters"));
    }
    let schedule = text(check.new, "/spec/schedule");
    let words: Vec<&str> = schedule.split_whitespace().collect();
    if schedule.is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    } else if !schedule.starts_with('@') && words.len() != 5 {
        let detail = format!("expected exactly 5 fields, found {}: [{}]", words.len(), words.join(" "));
        errors.push(FieldError::invalid_text("spec.schedule", schedule, detail));
    }
    let policy = text(check.new, "/spec/concurrencyPolicy");
    if !matches!(policy, "Allow" | "Forbid" | "Replace") {
        let allowed = &["Allow", "Forbid", "Replace"];
        errors.push(FieldError::not_supported("spec.concurrencyPolicy", &json!(policy), allowed));
    }
    let at = "spec.jobTemplate.spec.template";
    let template = check.new.pointer("/spec/jobTemplate/spec/template").unwrap_or(&Value::Null);
    pods::check_template(template, at, errors);
    check_job_restart(check.new, "/spec/jobTemplate/spec/template", at, errors);
    for field in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        not_negative(check.new, &format!("/spec/{field}"), &format!("spec.{field}"), errors);
    }
}
