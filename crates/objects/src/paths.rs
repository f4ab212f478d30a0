//! Paths of fields that a body should not have. As on the real server, the first hundred of them are told, each once:
//! a body of nothing else must not cost more than it is worth.

/// The most that are told.
const MOST: usize = 100;
/// The longest that is told whole, in bytes.
const LONGEST: usize = 1024;

/// As much of a path as is told.
pub(crate) fn told(path: &str) -> &str {
    path.get(..path.floor_char_boundary(LONGEST)).unwrap_or(path)
}

/// Adds a path, or a text on one, to those that are told.
pub(crate) fn note(told: &mut Vec<String>, path: &str) {
    if told.len() < MOST {
        let path = self::told(path);
        if !told.iter().any(|other| other == path) {
            told.push(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_bounded() {
        let mut told = Vec::new();
        for n in 0..1_000 {
            note(&mut told, &format!("{n}{}", "ö".repeat(2_000)));
            note(&mut told, &format!("{}", n / 10));
        }
        assert_eq!(told.len(), MOST);
        assert!(told.iter().all(|path| path.len() <= LONGEST) && told.contains(&"1".to_owned()), "{told:?}");
    }
}
