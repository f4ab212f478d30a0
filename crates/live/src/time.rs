//! AWS's times as text.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// RFC 3339 in UTC, as the AWS CLI prints times; the fraction only where there is one.
pub(crate) fn text(time: Option<&DateTime>) -> Option<String> {
    let time = time?;
    let stamp = Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()?;
    Some(stamp.to_string())
}
