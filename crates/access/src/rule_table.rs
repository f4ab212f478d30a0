//! Sets of rules made quick to ask: the rules of all roles, or of all access policies, side by side.
//!
//! What a rule means is said by [`PolicyRule::allows`] alone; a table only spares most of asking it. Each
//! rule is one bit. For each verb, API group and resource the table has a row with the bits of the rules
//! that name it (or `*`), so that three ANDs tell which of up to 64 rules allow a request.
//!
//! The row of a name is found by a sketch of its text, so two names may share one. A row that one name alone
//! is in (which a comparison tells) is as good as the rules themselves; of any other, the rules are asked.

use std::sync::Arc;

use crate::rules::names_resource;
use crate::{Attributes, PolicyRule, Resource};

/// The place of a set in its table.
pub(crate) type SetId = u32;

/// Many sets of rules.
#[derive(Debug)]
pub(crate) struct RuleTable {
    sets: Vec<RuleSet>,
    verbs: Rows<64>,
    groups: Rows<64>,
    resources: Rows<256>,
    /// The bits of rules that have to be asked always: they name objects, or `*/subresource`.
    to_ask: Vec<u64>,
}

/// The rows of one of a rule's lists, of `N` sketches. All three cost 48 bytes a rule.
#[derive(Debug)]
struct Rows<const N: usize> {
    /// Row after row, of `words` each; the last one is that of names that no rule has.
    bits: Vec<u64>,
    words: usize,
    names: Vec<RowName>,
}

/// Which names are in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RowName {
    None,
    One(String),
    Several,
}

#[derive(Debug)]
struct RuleSet {
    rules: Arc<[PolicyRule]>,
    /// INVARIANT (one word or whole words): a set of up to 64 rules is in one word, from bit `shift` on; a
    /// larger one begins at the first bit of a word.
    first_word: usize,
    shift: u32,
    has_paths: bool,
}

/// A request, with its sketches made once for all tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) attributes: Attributes<'a>,
    verb: usize,
    group: usize,
    resource: usize,
}

/// A request, with its rows in one table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'t, 'a> {
    table: &'t RuleTable,
    attributes: Attributes<'a>,
    verb: &'t [u64],
    group: &'t [u64],
    resource: &'t [u64],
    /// Whether each row is that of the very name.
    is_exact: bool,
}

impl<'a> Question<'a> {
    pub(crate) fn new(attributes: Attributes<'a>) -> Self {
        match attributes {
            Attributes::Resource { verb, resource } => Question {
                attributes,
                verb: sketch_of_name(verb),
                group: sketch_of_name(resource.group),
                resource: sketch_of_resource(&resource),
            },
            // Paths are compared as they are.
            Attributes::NonResource { .. } => Question { attributes, verb: 0, group: 0, resource: 0 },
        }
    }

    /// The namespace; empty for requests of the cluster and of paths.
    pub(crate) fn namespace(&self) -> &'a str {
        match self.attributes {
            Attributes::Resource { resource, .. } => resource.namespace,
            Attributes::NonResource { .. } => "",
        }
    }
}

impl RuleTable {
    /// The table of these sets; the id of each is its place.
    pub(crate) fn new(all: impl IntoIterator<Item = Arc<[PolicyRule]>>) -> RuleTable {
        let mut sets = Vec::new();
        let mut next_bit = 0;
        for rules in all {
            // A set that fits into one word is not spread over two.
            if next_bit % WORD + rules.len() > WORD {
                next_bit = next_bit.next_multiple_of(WORD);
            }
            let has_paths = rules.iter().any(|rule| !rule.non_resource_urls.is_empty());
            let (first_word, shift) = (next_bit / WORD, (next_bit % WORD) as u32);
            next_bit += rules.len();
            sets.push(RuleSet { rules, first_word, shift, has_paths });
        }
        let words = next_bit.div_ceil(WORD);
        let (verbs, groups, resources) = (Rows::new(words), Rows::new(words), Rows::new(words));
        let mut table = RuleTable { sets: Vec::new(), verbs, groups, resources, to_ask: vec![0; words] };
        for set in &sets {
            for (bit, rule) in (set.shift as usize..).zip(set.rules.iter()) {
                table.put(Place { word: set.first_word + bit / WORD, mask: 1 << (bit % WORD) }, rule);
            }
        }
        table.sets = sets;
        table
    }

    fn put(&mut self, place: Place, rule: &PolicyRule) {
        for verb in &rule.verbs {
            self.verbs.put(place, verb, sketch_of_name(verb));
        }
        for group in &rule.api_groups {
            self.groups.put(place, group, sketch_of_name(group));
        }
        let mut must_be_asked = !rule.resource_names.is_empty();
        for pattern in &rule.resources {
            if pattern.starts_with("*/") {
                must_be_asked = true;
                self.resources.put_everywhere(place);
            } else {
                let as_asked = Resource { resource: pattern, ..Resource::default() };
                self.resources.put(place, pattern, sketch_of_resource(&as_asked));
            }
        }
        if must_be_asked && let Some(bits) = self.to_ask.get_mut(place.word) {
            *bits |= place.mask;
        }
    }

    /// The rules of a set.
    pub(crate) fn rules(&self, id: SetId) -> Option<&[PolicyRule]> {
        self.sets.get(id as usize).map(|set| &set.rules[..])
    }

    /// A request to be asked of several sets.
    pub(crate) fn ask<'a>(&self, question: &Question<'a>) -> Asked<'_, 'a> {
        let attributes = question.attributes;
        let Attributes::Resource { verb, resource } = attributes else {
            return Asked { table: self, attributes, verb: &[], group: &[], resource: &[], is_exact: false };
        };
        let (verb, exact_verb) = self.verbs.row(question.verb, |name| name == verb);
        let (group, exact_group) = self.groups.row(question.group, |name| name == resource.group);
        let (row, exact_resource) = self.resources.row(question.resource, |name| names_resource(name, &resource));
        let is_exact = exact_verb && exact_group && exact_resource;
        Asked { table: self, attributes, verb, group, resource: row, is_exact }
    }
}

impl<'t> Asked<'t, '_> {
    /// The first rule of a set that allows the request.
    pub(crate) fn find_in(&self, id: SetId) -> Option<&'t PolicyRule> {
        let set = self.table.sets.get(id as usize)?;
        match self.attributes {
            Attributes::Resource { .. } => {
                // Of each word, the rules of this set that it has; nearly all sets have one word.
                let mut rules = &*set.rules;
                for word in set.first_word.. {
                    let (here, rest) = rules.split_at_checked(WORD).unwrap_or((rules, &[]));
                    if let Some(rule) = self.find_among(here, word, set.shift) {
                        return Some(rule);
                    }
                    if rest.is_empty() {
                        break;
                    }
                    rules = rest;
                }
                None
            }
            Attributes::NonResource { .. } if set.has_paths => {
                set.rules.iter().find(|rule| rule.allows(&self.attributes))
            }
            Attributes::NonResource { .. } => None,
        }
    }
}

impl<'t> Asked<'t, '_> {
    /// The first of the rules whose bits begin at `shift` in a word.
    fn find_among(&self, rules: &'t [PolicyRule], word: usize, shift: u32) -> Option<&'t PolicyRule> {
        let (verb, group, resource) = (*self.verb.get(word)?, *self.group.get(word)?, *self.resource.get(word)?);
        let mut bits = (verb & group & resource) >> shift;
        while bits != 0 {
            let bit = bits.trailing_zeros();
            // The bits after those of these rules are of other sets.
            let rule = rules.get(bit as usize)?;
            let must_be_asked = !self.is_exact || *self.table.to_ask.get(word)? >> shift >> bit & 1 == 1;
            if !must_be_asked || rule.allows(&self.attributes) {
                return Some(rule);
            }
            bits &= bits - 1;
        }
        None
    }
}

/// The bit of a rule.
#[derive(Clone, Copy)]
struct Place {
    word: usize,
    mask: u64,
}

impl<const N: usize> Rows<N> {
    fn new(words: usize) -> Self {
        Rows { bits: vec![0; (N + 1) * words], words, names: vec![RowName::None; N] }
    }

    fn put(&mut self, place: Place, name: &str, sketch: usize) {
        if name == "*" {
            return self.put_everywhere(place);
        }
        let row = sketch % N;
        if let Some(names) = self.names.get_mut(row) {
            match names {
                RowName::None => *names = RowName::One(name.to_owned()),
                RowName::One(one) if one == name => {}
                RowName::One(_) | RowName::Several => *names = RowName::Several,
            }
        }
        self.set(row, place);
    }

    fn put_everywhere(&mut self, place: Place) {
        (0..=N).for_each(|row| self.set(row, place));
    }

    fn set(&mut self, row: usize, place: Place) {
        if let Some(bits) = self.bits.get_mut(row * self.words + place.word) {
            *bits |= place.mask;
        }
    }

    /// The row of a name, and whether it is that of this name alone.
    fn row(&self, sketch: usize, is_name: impl FnOnce(&str) -> bool) -> (&[u64], bool) {
        let row = sketch % N;
        let (row, is_exact) = match self.names.get(row) {
            Some(RowName::One(name)) if is_name(name) => (row, true),
            Some(RowName::Several) => (row, false),
            Some(RowName::None | RowName::One(_)) | None => (N, true),
        };
        (self.bits.get(row * self.words..(row + 1) * self.words).unwrap_or_default(), is_exact)
    }
}

const WORD: usize = u64::BITS as usize;

fn sketch_of_name(name: &str) -> usize {
    let bytes = name.as_bytes();
    sketch(bytes.len(), |at| bytes.get(at).copied())
}

/// That of `resource/subresource`, the same wherever between the two the text is cut.
fn sketch_of_resource(asked: &Resource<'_>) -> usize {
    if asked.subresource.is_empty() {
        return sketch_of_name(asked.resource);
    }
    let (resource, subresource) = (asked.resource.as_bytes(), asked.subresource.as_bytes());
    sketch(resource.len() + 1 + subresource.len(), |at| match at.checked_sub(resource.len()) {
        None => resource.get(at).copied(),
        Some(0) => Some(b'/'),
        Some(after) => subresource.get(after - 1).copied(),
    })
}

/// A few bytes of a text, mixed into eight bits: cheap, and different for most names that Kubernetes has.
fn sketch(length: usize, byte: impl Fn(usize) -> Option<u8>) -> usize {
    let at = |index: usize| u64::from(byte(index).unwrap_or_default());
    let mixed = at(0)
        | (at(1) << 8)
        | (at(length / 2) << 16)
        | (at(length.wrapping_sub(2)) << 24)
        | (at(length.wrapping_sub(4)) << 32)
        | ((length as u64) << 40);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// So many names that they share rows, and sets of more rules than a word has bits.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof![1 => Just("*".to_owned()), 1 => Just("*/log".to_owned()), 20 => "[a-d]{1,3}(/[a-b])?"]
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(name(), 0..6)
    }

    fn rule() -> impl Strategy<Value = PolicyRule> {
        (names(), names(), names(), prop::option::weighted(0.2, name())).prop_map(
            |(verbs, api_groups, resources, resource_name)| PolicyRule {
                verbs,
                api_groups,
                resources,
                resource_names: resource_name.into_iter().collect(),
                non_resource_urls: Vec::new(),
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_table_says_what_its_rules_say(
            sets in prop::collection::vec(prop::collection::vec(rule(), 0..100), 0..5),
            asked in prop::collection::vec((name(), name(), name(), prop_oneof![Just(String::new()), name()]), 1..40),
        ) {
            let sets: Vec<Arc<[PolicyRule]>> = sets.into_iter().map(Arc::from).collect();
            let table = RuleTable::new(sets.clone());
            for (verb, group, resource, subresource) in &asked {
                let resource = Resource { group, resource, subresource, namespace: "", name: "a" };
                let attributes = Attributes::Resource { verb, resource };
                let in_table = table.ask(&Question::new(attributes));
                for (id, rules) in (0..).zip(&sets) {
                    let expected = rules.iter().find(|rule| rule.allows(&attributes));
                    prop_assert_eq!(in_table.find_in(id), expected, "{:?}", attributes);
                }
            }
        }
    }
}
