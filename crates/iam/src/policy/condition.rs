//! Conditions: operator, key, values.
//!
//! Several values are alternatives (none of them, for a negated operator); several keys and operators all have to
//! hold. What can't be read is refused when the policy is made, so a condition that exists can be evaluated.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::document::Effect;
use super::pattern::{ArnPattern, Pattern, Signs};
use super::{Context, PolicyError};

/// One operator on one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// `Null`: whether the key is to be absent.
    Absent(Vec<bool>),
    Compare {
        quantifier: Quantifier,
        if_exists: bool,
        negated: bool,
        values: Values,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    /// None: for keys of one value. Of several, one that matches will do.
    Single,
    ForAll,
    ForAny,
}

/// The values of the policy, in the type that the operator compares.
#[derive(Debug, Clone, PartialEq)]
enum Values {
    Text { patterns: Vec<Pattern>, ignore_case: bool },
    Arn(Vec<ArnPattern>),
    Number(Order, Vec<f64>),
    Date(Order, Vec<Timestamp>),
    Bool(Vec<bool>),
    Network(Vec<Network>),
    Binary(Vec<Vec<u8>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Order::Equal => left == right,
            Order::Less => left < right,
            Order::LessOrEqual => left <= right,
            Order::Greater => left > right,
            Order::GreaterOrEqual => left >= right,
        }
    }
}

impl Condition {
    /// `values` are the scalars as text. Variables are read in string and ARN operators alone, as IAM has it.
    pub(super) fn parse(operator: &str, key: &str, values: &[String], variables: bool) -> Result<Self, PolicyError> {
        let unknown = || PolicyError::ConditionType(operator.to_owned());
        let (quantifier, name) = match operator.split_once(':') {
            None => (Quantifier::Single, operator),
            Some(("ForAllValues", name)) => (Quantifier::ForAll, name),
            Some(("ForAnyValue", name)) => (Quantifier::ForAny, name),
            Some(_) => return Err(unknown()),
        };
        let key = key.to_owned();
        if name == "Null" {
            if quantifier != Quantifier::Single {
                return Err(unknown());
            }
            return Ok(Condition { key, test: Test::Absent(read(operator, values, parse_bool)?) });
        }
        let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
        let text = |wildcards, ignore_case| {
            let patterns = values.iter().map(|text| Pattern::parse(text, Signs { wildcards, variables })).collect();
            Ok(Values::Text { patterns, ignore_case })
        };
        let number = |order| read(operator, values, parse_number).map(|values| Values::Number(order, values));
        let date = |order| read(operator, values, parse_date).map(|values| Values::Date(order, values));
        let (negated, values) = match name {
            "StringEquals" => (false, text(false, false)),
            "StringNotEquals" => (true, text(false, false)),
            "StringEqualsIgnoreCase" => (false, text(false, true)),
            "StringNotEqualsIgnoreCase" => (true, text(false, true)),
            "StringLike" => (false, text(true, false)),
            "StringNotLike" => (true, text(true, false)),
            "ArnEquals" | "ArnLike" | "ArnNotEquals" | "ArnNotLike" => {
                let patterns = values.iter().map(|text| ArnPattern::parse(text, variables)).collect();
                (name.starts_with("ArnNot"), Ok(Values::Arn(patterns)))
            }
            "NumericEquals" => (false, number(Order::Equal)),
            "NumericNotEquals" => (true, number(Order::Equal)),
            "NumericLessThan" => (false, number(Order::Less)),
            "NumericLessThanEquals" => (false, number(Order::LessOrEqual)),
            "NumericGreaterThan" => (false, number(Order::Greater)),
            "NumericGreaterThanEquals" => (false, number(Order::GreaterOrEqual)),
            "DateEquals" => (false, date(Order::Equal)),
            "DateNotEquals" => (true, date(Order::Equal)),
            "DateLessThan" => (false, date(Order::Less)),
            "DateLessThanEquals" => (false, date(Order::LessOrEqual)),
            "DateGreaterThan" => (false, date(Order::Greater)),
            "DateGreaterThanEquals" => (false, date(Order::GreaterOrEqual)),
            "Bool" => (false, read(operator, values, parse_bool).map(Values::Bool)),
            "IpAddress" => (false, read(operator, values, Network::parse).map(Values::Network)),
            "NotIpAddress" => (true, read(operator, values, Network::parse).map(Values::Network)),
            "BinaryEquals" => (false, read(operator, values, |text| STANDARD.decode(text).ok()).map(Values::Binary)),
            _ => return Err(unknown()),
        };
        Ok(Condition { key, test: Test::Compare { quantifier, if_exists, negated, values: values? } })
    }

    /// Whether it holds in a statement of this effect. A variable that can't be filled in matches nothing; for a
    /// negated operator that would widen an Allow, so there it does not hold.
    pub(super) fn holds(&self, context: &Context, effect: Effect) -> bool {
        let found = context.get(&self.key).filter(|values| !values.is_empty());
        let (quantifier, if_exists, negated, wanted) = match &self.test {
            Test::Absent(wanted) => return wanted.contains(&found.is_none()),
            Test::Compare { quantifier, if_exists, negated, values } => (*quantifier, *if_exists, *negated, values),
        };
        let Some(found) = found else {
            return match quantifier {
                Quantifier::Single => negated || if_exists,
                Quantifier::ForAll => true,
                Quantifier::ForAny => if_exists,
            };
        };
        let hits: Vec<Hit> = found.iter().map(|value| wanted.hit(value, context)).collect();
        if negated && effect == Effect::Allow && hits.contains(&Hit::Unknown) {
            return false;
        }
        let hit = |hit: &Hit| *hit == Hit::Yes;
        match quantifier {
            Quantifier::Single => hits.iter().any(hit) != negated,
            Quantifier::ForAll => hits.iter().all(|one| hit(one) != negated),
            Quantifier::ForAny => hits.iter().any(|one| hit(one) != negated),
        }
    }
}

/// Whether a value of the request is among those of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hit {
    Yes,
    No,
    /// Not among those that could be filled in; some could not.
    Unknown,
}

impl Values {
    fn hit(&self, found: &str, context: &Context) -> Hit {
        let known = |hit: bool| if hit { Hit::Yes } else { Hit::No };
        match self {
            Values::Text { patterns, ignore_case } => {
                first_hit(patterns.iter().map(|pattern| pattern.matches(found, context, *ignore_case)))
            }
            Values::Arn(patterns) => first_hit(patterns.iter().map(|pattern| pattern.matches(found, context))),
            Values::Number(order, wanted) => {
                let found = parse_number(found);
                known(found.is_some_and(|found| wanted.iter().any(|wanted| order.holds(found, *wanted))))
            }
            Values::Date(order, wanted) => {
                let found = parse_date(found);
                known(found.is_some_and(|found| wanted.iter().any(|wanted| order.holds(found, *wanted))))
            }
            Values::Bool(wanted) => known(parse_bool(found).is_some_and(|found| wanted.contains(&found))),
            Values::Network(wanted) => {
                let found = found.parse::<IpAddr>().ok();
                known(found.is_some_and(|found| wanted.iter().any(|network| network.contains(found))))
            }
            Values::Binary(wanted) => known(STANDARD.decode(found).is_ok_and(|found| wanted.contains(&found))),
        }
    }
}

fn first_hit(verdicts: impl Iterator<Item = Option<bool>>) -> Hit {
    let mut hit = Hit::No;
    for verdict in verdicts {
        match verdict {
            Some(true) => return Hit::Yes,
            Some(false) => {}
            None => hit = Hit::Unknown,
        }
    }
    hit
}

fn read<T>(operator: &str, values: &[String], parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, PolicyError> {
    let bad = |value: &String| PolicyError::ConditionValue { operator: operator.to_owned(), value: value.clone() };
    values.iter().map(|value| parse(value).ok_or_else(|| bad(value))).collect()
}

fn parse_bool(text: &str) -> Option<bool> {
    [true, false].into_iter().find(|value| text.eq_ignore_ascii_case(if *value { "true" } else { "false" }))
}

fn parse_number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// ISO 8601 with a zone, a day alone (its midnight in UTC), or seconds since 1970.
fn parse_date(text: &str) -> Option<Timestamp> {
    let seconds = || text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let day = || {
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = plain.then(|| text.parse::<jiff::civil::Date>().ok()).flatten()?;
        jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    };
    text.parse::<Timestamp>().ok().or_else(day).or_else(seconds)
}

/// A range of IP addresses; a single address is the range of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    bits: u128,
    v4: bool,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let (bits, v4) = bits(address.parse().ok()?);
        let longest = if v4 { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok().filter(|p| *p <= longest)?,
            Some(_) => return None,
        };
        Some(Network { bits, v4, prefix })
    }

    fn contains(self, address: IpAddr) -> bool {
        let (bits, v4) = bits(address.to_canonical());
        let width = if v4 { 32 } else { 128 };
        v4 == self.v4 && (bits ^ self.bits).checked_shr(width - self.prefix).unwrap_or(0) == 0
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}
