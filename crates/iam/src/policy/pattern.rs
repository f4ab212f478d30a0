//! Texts of a policy that are matched: with wildcards and policy variables.

use super::Context;

/// Which special signs a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs {
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// `${…}` are policy variables (version 2012-10-17 alone).
    pub(super) variables: bool,
}

/// A text of a policy, parsed once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Glyph(Glyph),
    Variable { key: String, default: Option<String> },
}

/// One place of a pattern whose variables are filled in. What a variable holds is literal: a user who names himself
/// `*` matches nobody else.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Glyph {
    Any,
    One,
    Char(char),
}

impl Pattern {
    pub(super) fn parse(text: &str, signs: Signs) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if signs.variables
                && let Some((inside, after)) = rest.strip_prefix("${").and_then(|inner| inner.split_once('}'))
            {
                parts.push(variable(inside));
                rest = after;
                continue;
            }
            parts.push(Part::Glyph(match next {
                '*' if signs.wildcards => Glyph::Any,
                '?' if signs.wildcards => Glyph::One,
                other => Glyph::Char(other),
            }));
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
        Pattern(parts)
    }

    /// Whether the text matches; `None` where a variable can't be filled in (its key is absent or has not exactly
    /// one value, and there is no default).
    pub(super) fn matches(&self, text: &str, context: &Context, ignore_case: bool) -> Option<bool> {
        let mut glyphs = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            match part {
                Part::Glyph(glyph) => glyphs.push(*glyph),
                Part::Variable { key, default } => {
                    let value = match context.get(key) {
                        Some([one]) => one.as_str(),
                        _ => default.as_deref()?,
                    };
                    glyphs.extend(value.chars().map(Glyph::Char));
                }
            }
        }
        Some(glyphs_match(&glyphs, text, ignore_case))
    }
}

/// `${*}`, `${?}` and `${$}` are those signs themselves; else a key, with a default after a comma, in quotes.
fn variable(inside: &str) -> Part {
    if let "*" | "?" | "$" = inside {
        return Part::Glyph(Glyph::Char(inside.chars().next().unwrap_or('$')));
    }
    let (key, default) = inside.split_once(',').map_or((inside, None), |(key, default)| (key, Some(default.trim())));
    let default = default.and_then(|text| text.strip_prefix('\'')?.strip_suffix('\'')).map(str::to_owned);
    Part::Variable { key: key.trim().to_owned(), default }
}

/// The usual two-pointer match: after a mismatch it goes back to the last `*` and lets it take one more.
fn glyphs_match(pattern: &[Glyph], text: &str, ignore_case: bool) -> bool {
    let text: Vec<char> = text.chars().collect();
    let same = |a: char, b: char| a == b || (ignore_case && a.to_lowercase().eq(b.to_lowercase()));
    let (mut at, mut place) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None;
    while let Some(&found) = text.get(at) {
        match pattern.get(place) {
            Some(Glyph::Any) => {
                last_any = Some((place, at));
                place += 1;
                continue;
            }
            Some(Glyph::One) => {}
            Some(Glyph::Char(wanted)) if same(*wanted, found) => {}
            Some(Glyph::Char(_)) | None => {
                let Some((any_place, any_at)) = last_any else { return false };
                last_any = Some((any_place, any_at + 1));
                (place, at) = (any_place + 1, any_at + 1);
                continue;
            }
        }
        place += 1;
        at += 1;
    }
    pattern.get(place..).unwrap_or_default().iter().all(|glyph| *glyph == Glyph::Any)
}

/// An ARN to match: part by part, so that a wildcard never reaches over a colon, but in the last part.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ArnPattern {
    /// `*`: everything, also what is no ARN.
    Anything,
    /// Partition, service, region, account, resource, after `arn`.
    Parts([Pattern; 6]),
}

impl ArnPattern {
    /// Parts that are left out at the end are `*`, as IAM has it.
    pub(super) fn parse(text: &str, variables: bool) -> Self {
        if text == "*" {
            return ArnPattern::Anything;
        }
        let mut parts = split_parts(text, variables).into_iter();
        let signs = Signs { wildcards: true, variables };
        ArnPattern::Parts(std::array::from_fn(|_| Pattern::parse(parts.next().unwrap_or("*"), signs)))
    }

    /// As [`Pattern::matches`].
    pub(super) fn matches(&self, arn: &str, context: &Context) -> Option<bool> {
        let ArnPattern::Parts(patterns) = self else { return Some(true) };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        if parts.len() != 6 {
            return Some(false);
        }
        let mut all = true;
        for (pattern, part) in patterns.iter().zip(parts) {
            all &= pattern.matches(part, context, false)?;
        }
        Some(all)
    }
}

/// Splits at the first five colons that stand outside of `${…}`.
pub(super) fn split_parts(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::with_capacity(6);
    let mut start = 0;
    let mut inside = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if variables && text.get(..index).is_some_and(|before| before.ends_with('$')) => inside = true,
            b'}' => inside = false,
            b':' if !inside && parts.len() < 5 => {
                parts.extend(text.get(start..index));
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Signs = Signs { wildcards: true, variables: true };

    fn matches(pattern: &str, text: &str) -> Option<bool> {
        let mut context = Context::new();
        context.set("aws:username", "j*").set_all("multi", ["a", "b"]).set("aws:PrincipalTag/Team", "red");
        Pattern::parse(pattern, ALL).matches(text, &context, false)
    }

    #[test]
    fn wildcards_and_variables() {
        for (pattern, text, verdict) in [
            ("", "", Some(true)),
            ("*", "", Some(true)),
            ("?", "", Some(false)),
            ("a*b?d", "axxbbcd", Some(true)),
            ("a*b?d", "axxbbd", Some(true)),
            ("a*b?d", "abd", Some(false)),
            ("**a**", "bab", Some(true)),
            ("*aab", "aaaaab", Some(true)),
            ("${*}", "*", Some(true)),
            ("${*}", "x", Some(false)),
            ("${?}${$}", "?$", Some(true)),
            ("home/${aws:username}/*", "home/j*/x", Some(true)),
            ("home/${aws:username}/*", "home/jo/x", Some(false)),
            ("${AWS:UserName}", "j*", Some(true)),
            ("${aws:principaltag/team}", "red", Some(true)),
            ("${absent}", "x", None),
            ("${multi}", "a", None),
            ("${absent, 'x'}", "x", Some(true)),
            ("${aws:PrincipalTag/team, 'x'}", "red", Some(true)),
            ("${open", "${open", Some(true)),
            ("é*", "éa", Some(true)),
        ] {
            assert_eq!(matches(pattern, text), verdict, "{pattern} {text}");
        }
        let plain = Pattern::parse("${*}", Signs { wildcards: false, variables: false });
        assert_eq!(plain.matches("${*}", &Context::new(), false), Some(true));
        assert_eq!(Pattern::parse("AbC", ALL).matches("aBc", &Context::new(), true), Some(true));
    }

    #[test]
    fn arns_match_part_by_part() {
        let mut context = Context::new();
        context.set("aws:username", "jo");
        for (pattern, arn, verdict) in [
            ("*", "anything", true),
            ("arn:aws:eks:*:1:cluster/*", "arn:aws:eks:eu-west-1:1:cluster/a/b:c", true),
            ("arn:aws:eks:*:cluster/x", "arn:aws:eks:eu-west-1:1:cluster/x", false),
            ("arn:aws:eks:*", "arn:aws:eks:eu-west-1:1:cluster/x", true),
            ("arn:aws:eks:*", "*", false),
            ("arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::1:user/jo", true),
            ("arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::1:user/jim", false),
            ("arn:aws:iam::1:role/a?", "arn:aws:iam::1:role/ab", true),
            ("arn:aws:iam::1:role/A", "arn:aws:iam::1:role/a", false),
        ] {
            assert_eq!(ArnPattern::parse(pattern, true).matches(arn, &context), Some(verdict), "{pattern} {arn}");
        }
    }
}
