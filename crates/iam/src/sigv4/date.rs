//! The times of SigV4: `YYYYMMDDTHHMMSSZ`, always UTC, to the second.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Reads `YYYYMMDDTHHMMSSZ`; `None` for any other form or an impossible date.
pub fn parse_amz_date(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes.get(8) != Some(&b'T') || bytes.get(15) != Some(&b'Z') {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i16> {
        let part = text.get(range)?;
        if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
    };
    let small = |range| number(range).and_then(|n| i8::try_from(n).ok());
    let time =
        DateTime::new(number(0..4)?, small(4..6)?, small(6..8)?, small(9..11)?, small(11..13)?, small(13..15)?, 0);
    TimeZone::UTC.to_timestamp(time.ok()?).ok()
}

/// Writes `YYYYMMDDTHHMMSSZ`; fractions of a second are dropped.
pub fn format_amz_date(time: Timestamp) -> String {
    let time = TimeZone::UTC.to_datetime(time);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_goes_there_and_back() {
        let time: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        assert_eq!(format_amz_date(time), "20150830T123600Z");
        assert_eq!(parse_amz_date("20150830T123600Z"), Some(time));
    }

    #[test]
    fn other_forms_are_no_dates() {
        for text in [
            "",
            "20150830T123600",
            "20150830T123600z",
            "2015-08-30T12:36:00Z",
            "20151330T123600Z",
            "20150230T123600Z",
            "20150830T123660Z",
            "20150830T243600Z",
            "+0150830T123600Z",
            "20150830T12360éZ",
            "20150830T1236000Z",
        ] {
            assert_eq!(parse_amz_date(text), None, "{text}");
        }
    }
}
