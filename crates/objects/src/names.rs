//! Names, labels and annotations: their rules, with Kubernetes' texts.

/// Checks a DNS-1123 subdomain; the texts of what is wrong.
pub fn dns1123_subdomain(value: &str) -> Vec<String> {
    todo!()
}
/// Checks a DNS-1123 label.
pub fn dns1123_label(value: &str) -> Vec<String> {
    todo!()
}
/// Checks a label's or annotation's key (`prefix/name`).
pub fn qualified_name(value: &str) -> Vec<String> {
    todo!()
}
/// Checks a label's value.
pub fn label_value(value: &str) -> Vec<String> {
    todo!()
}
/// A generated name: `base` cut to fit, and a suffix of five letters chosen by `seed`.
pub fn generate(base: &str, seed: u64) -> String {
    todo!()
}
