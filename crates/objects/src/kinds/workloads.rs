//! What makes pods: deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs.

use serde_json::{Map, Value, json};

use super::{Check, Place, cron, place::unchanged, pod_spec, selectors, set, set_absent, text};
use crate::{lifecycle::Creation, names, selector::LabelSelector, validate::FieldError};

/// What a template must be, by the selector of what owns it.
fn check_labels_match(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let labels = spec.at("template").at("metadata").at("labels");
    let selector = spec.at("selector");
    // No selector selects nothing, an empty one all.
    let matches = selector.is_set()
        && LabelSelector::from_value(selector.value).is_some_and(|s| s.matches_labels(Some(labels.value)));
    if !matches {
        errors.push(labels.invalid("`selector` does not match template `labels`"));
    }
}

/// A selector that must be there and select something; `what` names its owner.
fn check_selector(spec: &Place<'_>, what: &str, errors: &mut Vec<FieldError>) {
    let selector = spec.at("selector");
    if !selector.is_set() {
        errors.push(selector.required(""));
        return;
    }
    selectors::check(&selector, errors);
    if is_empty_selector(&selector) {
        errors.push(selector.invalid(format!("empty selector is invalid for {what}")));
    }
}

fn is_empty_selector(selector: &Place<'_>) -> bool {
    selector.at("matchLabels").is_empty() && selector.at("matchExpressions").is_empty()
}

/// Pods of controllers always restart and have no deadline; `what` names the controller.
fn check_runs_on(spec: &Place<'_>, what: &str, errors: &mut Vec<FieldError>) {
    let pod = spec.at("template").at("spec");
    if !matches!(pod.at("restartPolicy").text(), "" | "Always") {
        errors.push(pod.at("restartPolicy").not_supported(&["Always"]));
    }
    if pod.at("activeDeadlineSeconds").is_set() {
        let detail = format!("activeDeadlineSeconds in {what} is not Supported");
        errors.push(pod.at("activeDeadlineSeconds").forbidden(detail));
    }
}

fn spec_of(object: &Value) -> Place<'_> {
    Place::new(object, "").at("spec")
}

fn immutable_spec(check: Check<'_>, fields: &[&str], errors: &mut Vec<FieldError>) {
    let Some(old) = check.old else { return };
    for field in fields {
        unchanged(&spec_of(check.new).at(field), &spec_of(old).at(field), errors);
    }
}

pub(super) fn deployment(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = spec_of(check.new);
    spec.at("replicas").not_negative(errors);
    check_selector(&spec, "deployment", errors);
    check_labels_match(&spec, errors);
    pod_spec::check_template(&spec.at("template"), errors);
    check_runs_on(&spec, "ReplicaSet", errors);
    check_strategy(&spec.at("strategy"), errors);
    spec.at("minReadySeconds").not_negative(errors);
    spec.at("revisionHistoryLimit").not_negative(errors);
    let deadline = spec.at("progressDeadlineSeconds");
    deadline.not_negative(errors);
    if deadline.number().is_some_and(|n| n <= spec.at("minReadySeconds").number().unwrap_or(0)) {
        errors.push(deadline.invalid("must be greater than minReadySeconds"));
    }
    immutable_spec(check, &["selector"], errors);
}

fn check_strategy(strategy: &Place<'_>, errors: &mut Vec<FieldError>) {
    let rolling = strategy.at("rollingUpdate");
    match strategy.at("type").text() {
        "Recreate" if rolling.is_set() => {
            errors.push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
            check_share(&unavailable, errors);
            check_share(&surge, errors);
            if share(&unavailable) == 0 && share(&surge) == 0 {
                errors.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
            }
            check_whole(&unavailable, errors);
        }
        other => {
            // Printed as the server's own structure, which has no JSON names.
            let part = |field: &str| rolling.at(field).value.clone();
            let rolling = if rolling.is_set() {
                format!("{{\"MaxUnavailable\":{},\"MaxSurge\":{}}}", part("maxUnavailable"), part("maxSurge"))
            } else {
                "null".to_owned()
            };
            let printed = format!("{{\"Type\":{},\"RollingUpdate\":{rolling}}}", json!(other));
            let allowed = &["Recreate", "RollingUpdate"];
            errors.push(FieldError::not_supported_printed(strategy.path.clone(), printed, allowed));
        }
    }
}

/// A count or a percentage.
pub(super) fn check_share(share: &Place<'_>, errors: &mut Vec<FieldError>) {
    match share.value {
        Value::String(text) => share.problems(names::percentage(text), errors),
        _ => share.not_negative(errors),
    }
}

fn share(share: &Place<'_>) -> i64 {
    match share.value {
        Value::String(text) => text.trim_end_matches('%').parse().unwrap_or(0),
        value => value.as_i64().unwrap_or(0),
    }
}

/// A percentage of the whole at most.
pub(super) fn check_whole(at: &Place<'_>, errors: &mut Vec<FieldError>) {
    if at.value.is_string() && share(at) > 100 {
        errors.push(at.invalid("must not be greater than 100%"));
    }
}

pub(super) fn replica_set(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = spec_of(check.new);
    spec.at("replicas").not_negative(errors);
    spec.at("minReadySeconds").not_negative(errors);
    check_selector(&spec, "deployment", errors);
    check_labels_match(&spec, errors);
    pod_spec::check_template(&spec.at("template"), errors);
    check_runs_on(&spec, "ReplicaSet", errors);
    immutable_spec(check, &["selector"], errors);
}

pub(super) fn daemon_set(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = spec_of(check.new);
    selectors::check(&spec.at("selector"), errors);
    check_labels_match(&spec, errors);
    if spec.at("selector").is_set() && is_empty_selector(&spec.at("selector")) {
        errors.push(spec.at("selector").invalid("empty selector is invalid for daemonset"));
    }
    pod_spec::check_template(&spec.at("template"), errors);
    check_runs_on(&spec, "DaemonSet", errors);
    spec.at("minReadySeconds").not_negative(errors);
    let strategy = spec.at("updateStrategy");
    match strategy.at("type").text() {
        "RollingUpdate" => {
            let rolling = strategy.at("rollingUpdate");
            let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
            for part in [&unavailable, &surge] {
                check_share(part, errors);
                check_whole(part, errors);
            }
            match (share(&unavailable), share(&surge)) {
                (0, 0) => errors.push(unavailable.required("cannot be 0 when maxSurge is 0")),
                (some, more) if some != 0 && more != 0 => {
                    errors.push(surge.invalid("may not be set when maxUnavailable is non-zero"));
                }
                _ => {}
            }
        }
        "OnDelete" => {}
        other => {
            let printed = format!("{{\"Type\":{},\"RollingUpdate\":null}}", json!(other));
            let allowed = &["RollingUpdate", "OnDelete"];
            errors.push(FieldError::not_supported_printed(strategy.path.clone(), printed, allowed));
        }
    }
    spec.at("revisionHistoryLimit").not_negative(errors);
    immutable_spec(check, &["selector"], errors);
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
    let spec = spec_of(check.new);
    if !matches!(spec.at("podManagementPolicy").text(), "OrderedReady" | "Parallel") {
        errors.push(spec.at("podManagementPolicy").invalid("must be 'OrderedReady' or 'Parallel'"));
    }
    let strategy = spec.at("updateStrategy");
    let rolling = strategy.at("rollingUpdate");
    match strategy.at("type").text() {
        "OnDelete" if rolling.is_set() => {
            errors.push(rolling.invalid("only allowed for updateStrategy 'RollingUpdate'"));
        }
        "OnDelete" => {}
        "RollingUpdate" => rolling.at("partition").not_negative(errors),
        other => {
            let printed = format!("{{\"Type\":{},\"RollingUpdate\":null}}", json!(other));
            let detail = "must be 'RollingUpdate' or 'OnDelete'";
            errors.push(FieldError::invalid_printed(strategy.path.clone(), printed, detail));
        }
    }
    spec.at("replicas").not_negative(errors);
    spec.at("minReadySeconds").not_negative(errors);
    spec.at("ordinals").at("start").not_negative(errors);
    check_selector(&spec, "statefulset", errors);
    check_labels_match(&spec, errors);
    pod_spec::check_template(&with_claims(&spec).as_place(), errors);
    check_runs_on(&spec, "StatefulSet", errors);
    let Some(old) = check.old else {
        if !spec.at("serviceName").is_empty() {
            spec.at("serviceName").problems(names::dns1035_label(spec.at("serviceName").text()), errors);
        }
        return;
    };
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

/// A template whose pods also have the volumes of the set's claims.
struct Template(Value);

impl Template {
    fn as_place(&self) -> Place<'_> {
        Place::new(&self.0, "spec.template")
    }
}

fn with_claims(spec: &Place<'_>) -> Template {
    let mut template = spec.at("template").value.clone();
    let claimed = spec.at("volumeClaimTemplates").items().map(|claim| {
        let name = claim.at("metadata").at("name").text().to_owned();
        json!({"name": name, "persistentVolumeClaim": {"claimName": name}})
    });
    let claimed: Vec<Value> = claimed.collect();
    if !claimed.is_empty() {
        let own = super::list(&template, "/spec/volumes").to_vec();
        let taken = |name: &str| claimed.iter().any(|c| text(c, "/name") == name);
        let own = own.into_iter().filter(|v| !taken(text(v, "/name")));
        let all = own.chain(claimed.clone()).collect();
        set(&mut template, &["spec", "volumes"], Value::Array(all));
    }
    Template(template)
}

/// A replication controller selects by plain labels.
pub(super) fn controller(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = spec_of(check.new);
    spec.at("minReadySeconds").not_negative(errors);
    let selector = spec.at("selector");
    if selector.is_empty() {
        errors.push(selector.required(""));
    }
    spec.at("replicas").not_negative(errors);
    let template = spec.at("template");
    if !template.is_set() {
        errors.push(template.required(""));
        return;
    }
    let labels = template.at("metadata").at("labels");
    if !selector.entries().all(|(key, value)| labels.value.get(key) == Some(value.value)) {
        errors.push(labels.invalid("`selector` does not match template `labels`"));
    }
    pod_spec::check_template(&template, errors);
    check_runs_on(&spec, "ReplicationController", errors);
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
    let spec = spec_of(check.new);
    check_job_spec(&spec, errors);
    selectors::check(&spec.at("selector"), errors);
    check_labels_match(&spec, errors);
    let indexed = spec.at("completionMode").text() == "Indexed";
    let Some(old) = check.old else { return };
    if !indexed || spec.at("completions").number() != spec.at("parallelism").number() {
        immutable_spec(check, &["completions"], errors);
    }
    immutable_spec(check, &["selector"], errors);
    if !spec_of(old).at("suspend").is_true() {
        immutable_spec(check, &["template"], errors);
    }
    let fields = ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"];
    immutable_spec(check, &fields, errors);
}

fn check_job_spec(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let counts = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
    ];
    counts.iter().for_each(|field| spec.at(field).not_negative(errors));
    let mode = spec.at("completionMode");
    if mode.is_set() {
        mode.one_of(&["NonIndexed", "Indexed"], errors);
        if mode.text() == "Indexed" && !spec.at("completions").is_set() {
            errors.push(spec.at("completions").required("when completion mode is Indexed"));
        }
    }
    pod_spec::check_template(&spec.at("template"), errors);
    let restart = spec.at("template").at("spec").at("restartPolicy");
    if !matches!(restart.text(), "OnFailure" | "Never") {
        errors.push(restart.required("valid values: \"OnFailure\", \"Never\""));
    } else if spec.at("podFailurePolicy").is_set() && restart.text() != "Never" {
        errors.push(restart.invalid("only \"Never\" is supported when podFailurePolicy is specified"));
    }
}

pub(super) fn cron_job(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = spec_of(check.new);
    let schedule = spec.at("schedule");
    if schedule.is_empty() {
        errors.push(schedule.required(""));
    } else if let Err(why) = cron::check(schedule.text()) {
        errors.push(schedule.invalid(why));
    }
    spec.at("startingDeadlineSeconds").not_negative(errors);
    let zone = spec.at("timeZone");
    if zone.is_set() && (zone.is_empty() || zone.text().eq_ignore_ascii_case("local")) {
        let detail = if zone.is_empty() {
            "timeZone must be nil or non-empty string"
        } else {
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        };
        errors.push(zone.invalid(detail));
    }
    spec.at("concurrencyPolicy").one_of(&["Allow", "Forbid", "Replace"], errors);
    let job = spec.at("jobTemplate").at("spec");
    check_job_spec(&job, errors);
    if job.at("selector").is_set() {
        errors.push(job.at("selector").invalid("`selector` will be auto-generated"));
    }
    if job.at("manualSelector").is_true() {
        let allowed = &["nil", "false"];
        errors.push(FieldError::not_supported(job.at("manualSelector").path, &json!(true), allowed));
    }
    spec.at("successfulJobsHistoryLimit").not_negative(errors);
    spec.at("failedJobsHistoryLimit").not_negative(errors);
    let name = text(check.new, "/metadata/name");
    if name.len() > 52 {
        errors.push(FieldError::invalid_text("metadata.name", name, "must be no more than 52 characters"));
    }
}
