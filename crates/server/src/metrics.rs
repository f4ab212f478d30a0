//! `/metrics`: a few numbers in Prometheus' text form.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use crate::plane::ControlPlane;

/// Counters of requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By service and HTTP status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Calls that were answered well, by service and operation.
    calls: Mutex<BTreeMap<(&'static str, String), u64>>,
}

impl Metrics {
    /// Counts an answered request.
    pub(crate) fn answered(&self, service: &'static str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((service, status)).or_default() += 1;
    }

    /// Counts a call that was answered well: only those have an operation whose name is not the caller's to choose.
    pub(crate) fn called(&self, service: &'static str, operation: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry((service, operation.to_owned())).or_default() += 1;
    }
}

/// The text of `/metrics`.
pub(crate) fn text(plane: &ControlPlane) -> String {
    let mut text = String::new();
    text.push_str("# HELP entryway_requests_total API requests answered.\n# TYPE entryway_requests_total counter\n");
    for ((service, status), count) in plane.metrics.requests.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = writeln!(text, "entryway_requests_total{{service=\"{service}\",status=\"{status}\"}} {count}");
    }
    text.push_str("# HELP entryway_calls_total API calls answered well.\n# TYPE entryway_calls_total counter\n");
    for ((service, operation), count) in plane.metrics.calls.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = writeln!(text, "entryway_calls_total{{service=\"{service}\",operation=\"{operation}\"}} {count}");
    }
    for (name, kind, help, value) in [
        ("entryway_clusters", "gauge", "Clusters that run.", plane.clusters.count() as u64),
        ("entryway_access_entries", "gauge", "Access entries of all clusters.", plane.clusters.entry_count() as u64),
        (
            "entryway_audit_records_lost_total",
            "counter",
            "Audit records of reads and refusals that could not be written.",
            plane.audit.lost.load(Ordering::Relaxed),
        ),
    ] {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    text
}
