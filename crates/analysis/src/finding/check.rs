//! What a check is: data. The lists of them are in [`permissions`](super::permissions) and
//! [`facts`](super::facts).

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// How bad it is. In ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Reaches more than it says.
    Medium,
    /// A step from the whole cluster, or from all that is secret in a namespace.
    High,
    /// As good as the whole cluster.
    Critical,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

    /// `critical`, `high`, `medium` or `low`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// One step less, where there is one.
    pub(crate) fn lower(self) -> Severity {
        match self {
            Severity::Low | Severity::Medium => Severity::Low,
            Severity::High => Severity::Medium,
            Severity::Critical => Severity::High,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is none of the four severities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no severity; there are critical, high, medium and low")]
pub struct SeverityError(String);

impl FromStr for Severity {
    type Err = SeverityError;
    fn from_str(text: &str) -> Result<Self, SeverityError> {
        let found = Severity::ALL.into_iter().find(|severity| severity.as_str() == text);
        found.ok_or_else(|| SeverityError(text.to_owned()))
    }
}

/// One thing that is looked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// A word for links, filters and files; it stays what it is.
    pub id: &'static str,
    /// A few words for people.
    pub title: &'static str,
    /// How bad it is in the whole cluster or in `kube-system`.
    pub severity: Severity,
    /// How bad it is in other namespaces alone; none where it is no finding there.
    pub elsewhere: Option<Severity>,
    /// What it is found by.
    pub trigger: Trigger,
    /// Why it matters.
    pub why: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What a check is found by.
#[derive(Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Permissions that somebody holds: each way is enough by itself, and takes all its needs.
    Permissions(&'static [&'static [Need]]),
    /// Something else that is so, in words.
    Fact(&'static str),
}

/// Permissions of which one is enough: any of the verbs on any of the resources.
#[derive(Debug, PartialEq, Eq)]
pub struct Need {
    /// Verbs. `*`: only a rule that has `*` itself.
    pub verbs: &'static [&'static str],
    /// The API group, empty for the core. `*`: only a rule that has `*` itself.
    pub group: &'static str,
    /// `pods`, `pods/exec`; `*` for all; `userextras/*` for any subresource of it.
    pub resources: &'static [&'static str],
    /// Whether the objects are of the cluster, so that a right in a namespace does not reach them.
    pub of_cluster: bool,
    /// What rules for some names alone are worth.
    pub names: Names,
}

/// What a rule is worth that has `resourceNames`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// One step less than a rule for all names; with one of these names as much.
    Lesser(&'static [&'static str]),
    /// Nothing, but with one of these names as much.
    Only(&'static [&'static str]),
}

impl Names {
    pub(crate) fn as_good(self) -> &'static [&'static str] {
        match self {
            Names::Lesser(names) | Names::Only(names) => names,
        }
    }
}

impl Check {
    /// The trigger in RBAC's words: `create or get pods/exec; or create pods/attach`.
    pub fn trigger_text(&self) -> String {
        match self.trigger {
            Trigger::Fact(text) => text.to_owned(),
            Trigger::Permissions(ways) => {
                let ways = ways.iter().map(|way| way.iter().map(Need::to_string).collect::<Vec<_>>().join(", and "));
                ways.collect::<Vec<_>>().join("; or ")
            }
        }
    }
}

/// `create or get pods/exec`, `update or patch configmaps named aws-auth`.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |words: &[&str]| match words.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => String::new(),
        };
        let any = |words: &[&str], text: &str| if words == ["*"] { text.to_owned() } else { or(words) };
        let everything = if self.group.is_empty() { "all core resources" } else { "all resources" };
        write!(f, "{} {}", any(self.verbs, "any verb on"), any(self.resources, everything))?;
        match self.group {
            "" | "*" => {}
            group => write!(f, " ({group})")?,
        }
        match self.names {
            Names::Only(names) if !names.is_empty() => write!(f, " named {}", or(names)),
            Names::Only(_) | Names::Lesser(_) => Ok(()),
        }
    }
}
