//! Schedules of cron jobs: what is wrong with one, in the words of the parser that Kubernetes uses.

/// What each of the five fields may hold, and the names that stand for numbers.
struct Field {
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] = [
    Field { least: 0, most: 59, names: &[] },
    Field { least: 0, most: 23, names: &[] },
    Field { least: 1, most: 31, names: &[] },
    Field { least: 1, most: 12, names: MONTHS },
    Field { least: 0, most: 6, names: DAYS },
];

/// Checks a schedule of five fields or a descriptor such as `@daily`.
pub(super) fn check(schedule: &str) -> Result<(), String> {
    if schedule.starts_with('@') {
        return descriptor(schedule);
    }
    let words: Vec<&str> = schedule.split_whitespace().collect();
    if words.len() != FIELDS.len() {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", words.len(), words.join(" ")));
    }
    for (word, field) in words.iter().zip(&FIELDS) {
        for part in word.split(',').filter(|part| !part.is_empty()) {
            range(part, field)?;
        }
    }
    Ok(())
}

fn descriptor(schedule: &str) -> Result<(), String> {
    const KNOWN: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    if KNOWN.contains(&schedule) {
        return Ok(());
    }
    match schedule.strip_prefix("@every ") {
        Some(text) if is_duration(text) => Ok(()),
        Some(text) => Err(format!("failed to parse duration {schedule}: time: invalid duration {text:?}")),
        None => Err(format!("unrecognized descriptor: {schedule}")),
    }
}

/// Numbers with units, such as `1h30m`.
fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "s", "m", "h"];
    let mut rest = text;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let unit = after.split(|c: char| c.is_ascii_digit() || c == '.').next().unwrap_or("");
        if after.len() == rest.len() || !UNITS.contains(&unit) {
            return false;
        }
        rest = after.get(unit.len()..).unwrap_or("");
    }
    !text.is_empty()
}

fn range(part: &str, field: &Field) -> Result<(), String> {
    let pieces: Vec<&str> = part.split('/').collect();
    let (bounds, step) = match pieces.as_slice() {
        [bounds] => (*bounds, None),
        [bounds, step] => (*bounds, Some(*step)),
        _ => return Err(format!("too many slashes: {part}")),
    };
    let (start, end) = if matches!(bounds, "*" | "?") {
        (field.least, field.most)
    } else {
        let pieces: Vec<&str> = bounds.split('-').collect();
        match pieces.as_slice() {
            [one] => {
                let number = number(one, field)?;
                (number, if step.is_some() { field.most } else { number })
            }
            [first, last] => (number(first, field)?, number(last, field)?),
            _ => return Err(format!("too many hyphens: {part}")),
        }
    };
    let step = step.map_or(Ok(1), plain)?;
    if start < field.least {
        return Err(format!("beginning of range ({start}) below minimum ({}): {part}", field.least));
    }
    if end > field.most {
        return Err(format!("end of range ({end}) above maximum ({}): {part}", field.most));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {part}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {part}"));
    }
    Ok(())
}

fn number(text: &str, field: &Field) -> Result<u32, String> {
    let lower = text.to_lowercase();
    match (0_u32..).zip(field.names).find(|(_, name)| **name == lower) {
        Some((i, _)) => Ok(i + field.least),
        None => plain(text),
    }
}

fn plain(text: &str) -> Result<u32, String> {
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(format!("negative number ({number}) not allowed: {text}")),
        Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        Err(_) => {
            let quoted = crate::validate::go_quote(text);
            Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {quoted}: invalid syntax"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn schedules() {
        for good in
            ["*/5 * * * *", "0 0 1 jan mon-fri", "1,2,30-40/2 0-23 * * 0", "@daily", "@every 1h30m", "? * * * ?"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ("@often", "unrecognized descriptor: @often"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ] {
            assert_eq!(check(bad), Err(why.to_owned()), "{bad}");
        }
    }
}
