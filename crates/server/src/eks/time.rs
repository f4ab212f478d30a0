//! Times as the EKS API writes them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Seconds since 1970 with milliseconds, as a JSON number.
pub(crate) fn seconds(time: Timestamp) -> Value {
    // Exact for any time within thousands of years: 53 bits hold milliseconds.
    #[allow(clippy::cast_precision_loss)]
    let seconds = time.as_millisecond() as f64 / 1000.0;
    json!(seconds)
}

#[cfg(test)]
mod tests {
    #[test]
    fn milliseconds_survive() {
        let time: jiff::Timestamp = "2024-05-01T12:00:00.123456Z".parse().unwrap();
        assert_eq!(super::seconds(time).to_string(), "1714564800.123");
    }
}
