//! AWS's times as text.

use aws_smithy_types::DateTime;
use jiff::{Timestamp, Unit};

/// RFC 3339 in UTC, to the millisecond: EKS sends seconds with a fraction as a binary number, which has no more.
pub(crate) fn text(time: Option<&DateTime>) -> Option<String> {
    let time = time?;
    let stamp = Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()?;
    Some(stamp.round(Unit::Millisecond).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_the_millisecond() {
        let read = |seconds: f64| text(Some(&DateTime::from_secs_f64(seconds))).unwrap();
        assert_eq!(read(1_714_560_000.123), "2024-05-01T10:40:00.123Z");
        assert_eq!(read(1_714_560_000.0), "2024-05-01T10:40:00Z");
        assert_eq!(text(None), None);
    }
}
