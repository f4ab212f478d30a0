//! DescribeClusterVersions: the versions that a cluster may be made with.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::error::EksError;

/// What DescribeCluster shows for every version.
pub(crate) const PLATFORM_VERSION: &str = "eks.1";

/// A Kubernetes version as EKS speaks of it.
struct Version {
    name: &'static str,
    patch: &'static str,
    support: Support,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Support {
    Standard,
    Extended,
}

impl Support {
    /// As `versionStatus` and as the older `status` have it.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Support::Standard => ("STANDARD_SUPPORT", "standard-support"),
            Support::Extended => ("EXTENDED_SUPPORT", "extended-support"),
        }
    }
}

/// Newest first; the first is the default, and the one whose API every cluster serves.
const VERSIONS: [Version; 6] = [
    Version { name: "1.36", patch: "1.36.0", support: Support::Standard },
    Version { name: "1.35", patch: "1.35.0", support: Support::Standard },
    Version { name: "1.34", patch: "1.34.1", support: Support::Standard },
    Version { name: "1.33", patch: "1.33.5", support: Support::Extended },
    Version { name: "1.32", patch: "1.32.9", support: Support::Extended },
    Version { name: "1.31", patch: "1.31.13", support: Support::Extended },
];

/// The version of a new cluster that names none.
pub(crate) const DEFAULT_VERSION: &str = VERSIONS[0].name;

/// Whether a cluster may be made with a version.
pub(crate) fn is_known(name: &str) -> bool {
    VERSIONS.iter().any(|version| version.name == name)
}

/// Whether a cluster may go from one version to another: to the next, as on EKS.
pub(super) fn is_step(from: &str, to: &str) -> bool {
    let place = |name: &str| VERSIONS.iter().position(|version| version.name == name);
    place(from).zip(place(to)).is_some_and(|(from, to)| from == to + 1)
}

struct Filter {
    names: Vec<String>,
    status: Option<String>,
    default_only: bool,
}

pub(super) async fn describe(call: &Call<'_>) -> Result<Answer, EksError> {
    call.authorize("*", |_| {})?;
    let cluster_type = call.query("clusterType").unwrap_or("eks");
    if cluster_type != "eks" {
        return Err(call.bad(format!("clusterType must be eks, not {cluster_type}")));
    }
    let flag = |name: &str| match call.query(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(call.bad(format!("{name} must be true or false, not {other}"))),
    };
    let filter = Filter {
        names: call.query_all("clusterVersions").map(str::to_owned).collect(),
        status: call.query("versionStatus").or(call.query("status")).map(|s| s.to_uppercase().replace('-', "_")),
        default_only: flag("defaultOnly")?,
    };
    flag("includeAll")?;
    if let Some(status) = filter.status.as_deref()
        && !["STANDARD_SUPPORT", "EXTENDED_SUPPORT", "UNSUPPORTED"].contains(&status)
    {
        let allowed = "[UNSUPPORTED, STANDARD_SUPPORT, EXTENDED_SUPPORT]";
        return Err(call.bad(format!("versionStatus must be one of {allowed}, not {status}")));
    }
    let bound = format!("{} {:?} {}", filter.names.join(","), filter.status, filter.default_only);
    let page = call.page(&bound)?;
    let found = VERSIONS.iter().enumerate().filter(|(place, version)| {
        (filter.names.is_empty() || filter.names.iter().any(|name| name == version.name))
            && filter.status.as_deref().is_none_or(|status| status == version.support.names().0)
            && (!filter.default_only || *place == 0)
    });
    // By their place, so that pages go from new to old.
    let items = page.cut(found.map(|(place, version)| (format!("{place:02}"), show(place, version))));
    Ok(Answer::read(call.paged("clusterVersions", items, &bound)))
}

fn show(place: usize, version: &Version) -> Value {
    let (version_status, status) = version.support.names();
    json!({
        "clusterVersion": version.name,
        "clusterType": "eks",
        "defaultPlatformVersion": PLATFORM_VERSION,
        "defaultVersion": place == 0,
        "status": status,
        "versionStatus": version_status,
        "kubernetesPatchVersion": version.patch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_up_one_at_a_time() {
        assert!(is_step("1.35", "1.36") && is_step("1.31", "1.32"));
        for (from, to) in [("1.34", "1.36"), ("1.36", "1.35"), ("1.36", "1.36"), ("1.36", "1.37"), ("1.30", "1.31")] {
            assert!(!is_step(from, to), "{from} {to}");
        }
    }
}
