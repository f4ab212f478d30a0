//! The end of a grant, as people write it.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// `8h`, `30m`, `7d`, `1d12h`: from now on; or an instant such as `2026-11-24T10:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expires {
    /// So long from now.
    In(SignedDuration),
    /// Then.
    At(Timestamp),
}

impl Expires {
    /// The instant, to the second.
    pub(super) fn at(self, now: Timestamp) -> Result<Timestamp, String> {
        let end = match self {
            Expires::In(duration) => now.checked_add(duration).map_err(|_| "it is too far away".to_owned())?,
            Expires::At(end) if end <= now => return Err(format!("{end} is over already")),
            Expires::At(end) => end,
        };
        Timestamp::from_second(end.as_second()).map_err(|error| error.to_string())
    }
}

impl FromStr for Expires {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(end) = text.parse::<Timestamp>() {
            return Ok(Expires::At(end));
        }
        let wrong = || "a time to come is written `8h`, `30m`, `7d`, `1d12h`, or `2026-11-24T10:00:00Z`".to_owned();
        let mut seconds: i64 = 0;
        let mut number = String::new();
        for c in text.chars() {
            if c.is_ascii_digit() {
                number.push(c);
                continue;
            }
            let unit = match c {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return Err(wrong()),
            };
            let part = number.parse::<i64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)?;
            seconds = seconds.checked_add(part).ok_or_else(wrong)?;
            number.clear();
        }
        if seconds <= 0 || !number.is_empty() {
            return Err(wrong());
        }
        Ok(Expires::In(SignedDuration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_and_instants() {
        let now: Timestamp = "2026-01-01T00:00:00.5Z".parse().unwrap();
        for (text, end) in [
            ("8h", "2026-01-01T08:00:00Z"),
            ("30m", "2026-01-01T00:30:00Z"),
            ("1d12h", "2026-01-02T12:00:00Z"),
            ("2w", "2026-01-15T00:00:00Z"),
            ("2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00Z"),
        ] {
            assert_eq!(text.parse::<Expires>().unwrap().at(now).unwrap().to_string(), end, "{text}");
        }
        for text in
            ["", "8", "h", "8x", "-8h", "0h", "8 h", "tomorrow", "99999999999999999999h", "9223372036854775807w"]
        {
            assert!(text.parse::<Expires>().is_err(), "{text}");
        }
        assert!("2025-01-01T00:00:00Z".parse::<Expires>().unwrap().at(now).is_err());
        assert!("999999999999s".parse::<Expires>().unwrap().at(now).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "\\PC{0,24}|[0-9smhdw]{0,24}") {
            if let Ok(expires) = text.parse::<Expires>() {
                let _ = expires.at(Timestamp::UNIX_EPOCH);
            }
        }
    }
}
