//! Resource quantities: `500m`, `1Gi`, `1e3`, in the canonical form that Kubernetes writes.

const NANO: i128 = 1_000_000_000;
const MAX: i128 = (i64::MAX as i128) * NANO;
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Decimal,
    Exponent,
    Binary,
}

/// A quantity with nano precision; larger values than 2⁶³−1 are cut to that, as in Kubernetes.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    form: Form,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.nanos.cmp(&other.nanos))
    }
}

const BAD_FORM: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const BAD_SUFFIX: &str = "unable to parse quantity's suffix";

impl Quantity {
    /// Parses a quantity; the error is Kubernetes' text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or("")),
            Some(b'+') => (false, text.get(1..).unwrap_or("")),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(BAD_FORM);
        }
        if !suffix.chars().all(|c| "eEinumkKMGTP+-0123456789".contains(c)) {
            return Err(BAD_FORM);
        }
        let (multiplier, form) = multiplier(suffix).ok_or(BAD_SUFFIX)?;
        let mut nanos = scaled(whole, fraction, multiplier);
        if negative {
            nanos = -nanos;
        }
        Ok(Self { nanos: nanos.clamp(-MAX, MAX), form })
    }

    /// The value in thousandths, rounded up.
    pub fn milli(&self) -> i64 {
        i64::try_from(div_up(self.nanos, 1_000_000)).unwrap_or(i64::MAX)
    }

    /// The value, rounded up.
    pub fn value(&self) -> i64 {
        i64::try_from(div_up(self.nanos, NANO)).unwrap_or(i64::MAX)
    }

    /// The canonical text.
    pub fn canonical(&self) -> String {
        if self.nanos == 0 {
            return "0".to_owned();
        }
        let whole = div_up(self.nanos, NANO);
        if self.form == Form::Binary && !(-1023..=1023).contains(&whole) {
            let (mut value, mut power) = (whole, 0);
            while value % 1024 == 0 && power + 1 < BINARY.len() {
                value /= 1024;
                power += 1;
            }
            return format!("{value}{}", BINARY.get(power).copied().unwrap_or(""));
        }
        let (mut value, mut exponent) = (self.nanos, -9);
        while value % 1000 == 0 && exponent < 18 {
            value /= 1000;
            exponent += 3;
        }
        if self.form == Form::Exponent {
            return if exponent == 0 { value.to_string() } else { format!("{value}e{exponent}") };
        }
        let suffix = DECIMAL.iter().find(|(_, e)| *e == exponent).map_or("", |(s, _)| s);
        format!("{value}{suffix}")
    }
}

enum Multiplier {
    Ten(i32),
    Two(u32),
}

fn multiplier(suffix: &str) -> Option<(Multiplier, Form)> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((Multiplier::Ten(*exponent), Form::Decimal));
    }
    if let Some(power) = BINARY.iter().position(|s| *s == suffix) {
        return Some((Multiplier::Two(u32::try_from(power).ok()? * 10), Form::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((Multiplier::Ten(exponent.parse::<i32>().ok()?), Form::Exponent))
}

/// `whole.fraction × multiplier` in nanos, rounded up, cut to the largest value.
fn scaled(whole: &str, fraction: &str, multiplier: Multiplier) -> i128 {
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    let places = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    let size = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let (ten, two) = match multiplier {
        Multiplier::Ten(e) => (e, 0),
        Multiplier::Two(b) => (0, b),
    };
    let power = ten.saturating_add(9).saturating_sub(places);
    if size.saturating_add(power) > 30 {
        return MAX;
    }
    if size.saturating_add(power) < -20 {
        return 1;
    }
    // At most 50 digits are looked at; more are below a nano or above the maximum.
    let Ok(value) = digits.get(..digits.len().min(30)).unwrap_or(digits).parse::<i128>() else { return MAX };
    let power = power.saturating_add(size.saturating_sub(30).max(0));
    let mut value = value;
    for _ in 0..power.max(0) {
        value = value.saturating_mul(10);
    }
    value = value.saturating_mul(1_i128 << two);
    if power < 0 {
        value = 10_i128.checked_pow(power.unsigned_abs()).map_or(1, |d| div_up(value, d));
    }
    value.min(MAX)
}

fn div_up(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    match value % by {
        0 => quotient,
        r if r > 0 => quotient + 1,
        _ => quotient - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (text, want) in [
            ("3", "3"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1024Mi", "1Gi"),
            ("1Gi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1000", "1k"),
            ("1e3", "1e3"),
            ("0", "0"),
            ("512Ki", "512Ki"),
            ("0.5Ki", "512"),
            ("-5m", "-5m"),
            ("100000000000000000000", "9223372036854775807"),
            ("1500u", "1500u"),
            ("+1", "1"),
            (".5", "500m"),
        ] {
            assert_eq!(Quantity::parse(text).unwrap().canonical(), want, "{text}");
        }
        for bad in ["", "x", "1x", "1 Gi", "1.2.3", "-", "1Kii"] {
            assert!(Quantity::parse(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _ = Quantity::parse(&text);
        }

        #[test]
        fn canonical_is_stable(text in "[0-9]{1,25}(\\.[0-9]{0,12})?(n|u|m|k|M|Ki|Gi|E|e[0-9]{1,3})?") {
            if let Ok(q) = Quantity::parse(&text) {
                let once = q.canonical();
                proptest::prop_assert_eq!(Quantity::parse(&once).unwrap().canonical(), once);
            }
        }
    }
}
