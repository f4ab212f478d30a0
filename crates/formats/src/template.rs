//! Templates are not what they are rendered to: finds the marks of Helm's and Terraform's in a text, so that
//! people are told to render it, and not of the syntax errors that follow from it.

use std::ops::Range;
use std::sync::Arc;

use crate::{Diagnostic, Place, Severity, Source};

/// What a text is a template of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Template {
    /// Go's, in Helm charts.
    Helm,
    /// Terraform's, for `templatefile`.
    Terraform,
}

/// The authenticator's own placeholders, which are no template of anybody's.
const PLACEHOLDERS: [&str; 5] =
    ["EC2PrivateDNSName}}", "SessionName}}", "SessionNameRaw}}", "AccountID}}", "AccessKeyID}}"];

impl Template {
    fn message(self) -> &'static str {
        match self {
            Template::Helm => "this is a Helm template, which only Helm can read",
            Template::Terraform => "this is a template of Terraform's, which only Terraform can read",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Template::Helm => "give what it is rendered to: `helm template CHART`, or `helm get manifest RELEASE`",
            Template::Terraform => "give the plan that it is rendered in: `terraform show -json PLAN`",
        }
    }

    /// The error that says it, at a mark.
    pub(crate) fn error(self, place: Place) -> Diagnostic {
        Diagnostic::error(self.message(), Some(place)).help(self.help())
    }
}

/// The first mark of a template in a text, and where. `${` counts where it is asked for: elsewhere it is
/// CloudFormation's, and the shell's.
pub(crate) fn find(text: &str, with_dollars: bool) -> Option<(Template, Range<usize>)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with('#')
            && let Some((template, at)) = find_in_line(line, with_dollars)
        {
            return Some((template, start + at..start + at + 2));
        }
        start += line.len();
    }
    None
}

fn find_in_line(line: &str, with_dollars: bool) -> Option<(Template, usize)> {
    let is_placeholder = |at: usize| {
        let rest = line.get(at + 2..).unwrap_or_default();
        PLACEHOLDERS.iter().any(|name| rest.starts_with(name))
    };
    // A flow mapping in a flow mapping closes with two braces as well, but nobody opens one with `{{`.
    let helm = line.match_indices("{{").map(|(at, _)| at).find(|at| !is_placeholder(*at));
    let marks: &[&str] = if with_dollars { &["${", "%{"] } else { &["%{"] };
    let terraform = marks.iter().filter_map(|mark| line.find(mark)).min();
    let helm = helm.map(|at| (Template::Helm, at));
    let terraform = terraform.map(|at| (Template::Terraform, at));
    helm.into_iter().chain(terraform).min_by_key(|(_, at)| *at)
}

/// Puts what a text is in front of the errors that reading it as YAML gave, where it is a template.
pub(crate) fn explain(source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(first) = diagnostics.iter().position(|said| said.severity == Severity::Error) else { return };
    let name = source.name();
    let with_dollars = name.ends_with(".tpl") || name.ends_with(".tftpl");
    if let Some((template, bytes)) = find(source.text(), with_dollars) {
        let error = template.error(Place { source: Arc::clone(source), bytes });
        diagnostics.truncate(first);
        diagnostics.push(error);
    }
}

#[cfg(test)]
mod tests {
    use super::{Template, find};

    #[test]
    fn marks_of_templates_are_told_from_the_authenticators_placeholders() {
        let kind = |text: &str| find(text, true).map(|(template, bytes)| (template, bytes.start));
        assert_eq!(kind("username: system:node:{{EC2PrivateDNSName}}"), None);
        assert_eq!(kind("username: a:{{SessionName}}{{AccountID}}"), None);
        assert_eq!(kind("x: {{ .Values.role }}"), Some((Template::Helm, 3)));
        assert_eq!(kind("x: {{ \"{{\" }}EC2PrivateDNSName{{ \"}}\" }}"), Some((Template::Helm, 3)));
        assert_eq!(kind("# {{ .Values.role }}\nx: 1"), None);
        assert_eq!(kind("- rolearn: ${role}"), Some((Template::Terraform, 11)));
        assert_eq!(kind("%{ for role in roles }"), Some((Template::Terraform, 0)));
        assert_eq!(find("- rolearn: ${role}", false), None);
    }
}
