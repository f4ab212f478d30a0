//! Label selectors as objects hold them.

use serde_json::Value;

use super::Place;
use crate::{names, validate::FieldError};

/// What is wrong with a selector of `matchLabels` and `matchExpressions`.
pub(super) fn check(selector: &Place<'_>, errors: &mut Vec<FieldError>) {
    super::pod_spec::check_selector_labels(&selector.at("matchLabels"), errors);
    for requirement in selector.at("matchExpressions").items() {
        let (operator, values) = (requirement.at("operator"), requirement.at("values"));
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => {
                errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let detail = "not a valid selector operator";
                errors.push(FieldError::invalid(operator.path.clone(), &Value::from(other), detail));
            }
        }
        let key = requirement.at("key");
        key.problems(names::qualified_name(key.text()), errors);
        for value in values.items() {
            value.problems(names::label_value(value.text()), errors);
        }
    }
}
