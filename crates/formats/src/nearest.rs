//! "Did you mean": the known word nearest to one that is not known.

use entryway_access::edit_distance;

/// The nearest of `known`, if it is near: at most a third of its characters have to change, and at least one may.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let folded = fold(word);
    let longest = word.chars().count().max(3);
    let candidates = known.into_iter().map(|known| (edit_distance(&folded, &fold(known)), known));
    // Words with the misspelt one in them, or the reverse, are what people mean as well:
    // `access_policy_associations` for `policy_associations`.
    let near = |(distance, known): &(usize, &str)| {
        let name = fold(known);
        *distance * 3 <= longest
            || (name.len() >= 5 && (folded.contains(&name) || name.contains(&folded)) && folded.len() >= 4)
    };
    candidates.filter(near).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// A help line for an unknown key.
pub(crate) fn did_you_mean(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            format!("the keys here are {}", known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Without case, `-` and `_`, and not more than anybody would write.
fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).take(64).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn words_people_write_find_the_words_they_mean() {
        let known = ["principal_arn", "kubernetes_groups", "type", "user_name", "tags", "policy_associations"];
        for (wrong, right) in [
            ("access_policy_associations", Some("policy_associations")),
            ("policy_association", Some("policy_associations")),
            ("principalArn", Some("principal_arn")),
            ("username", Some("user_name")),
            ("kubernetes_group", Some("kubernetes_groups")),
            ("tag", Some("tags")),
            ("colour", None),
        ] {
            assert_eq!(nearest(wrong, known), right, "{wrong}");
        }
    }
}
