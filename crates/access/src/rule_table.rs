//! Sets of rules made quick to ask: the rules of all roles, or of all access policies, side by side.
//!
//! What a rule means is said by [`PolicyRule::allows`] alone; a table only spares most of asking it. Each
//! rule is one bit. For each verb, API group and resource the table has a row with the bits of the rules
//! that name it (or `*`), so that three ANDs tell which of up to 64 rules may allow a request.
//!
//! The row of a name is found by a sketch of its text, so two names may share one. A row that one name alone
//! is in is as good as the rules themselves, for that name; of any other, the rules are asked. Names are
//! compared only where the bits say that a rule may allow.

use std::sync::Arc;

use crate::rules::{names_resource, same};
use crate::sketch::{of_name, of_resource};
use crate::{Attributes, PolicyRule};

/// The place of a set in its table.
pub(crate) type SetId = u32;

/// Many sets of rules.
#[derive(Debug)]
pub(crate) struct RuleTable {
    sets: Vec<Arc<[PolicyRule]>>,
    /// INVARIANT (a span each): where the bits of each set are.
    spans: Vec<Span>,
    verbs: Rows<64>,
    groups: Rows<64>,
    resources: Rows<256>,
    /// The bits of rules about paths.
    with_paths: Vec<u64>,
    /// The bits of rules that have to be asked always: they name objects, or `*/subresource`.
    to_ask: Vec<u64>,
}

/// The rows of one of a rule's lists, of `N` sketches. All three cost 48 bytes a rule.
#[derive(Debug)]
struct Rows<const N: usize> {
    /// Row after row, of `words` each.
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

/// Where the bits of a set are. INVARIANT (one word or whole words): a set of up to 64 rules is in one word;
/// a larger one begins at the first bit of a word.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Its bits in its first word.
    mask: u64,
    first_word: u32,
    is_one_word: bool,
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
    question: Question<'a>,
    verb: &'t [u64],
    group: &'t [u64],
    resource: &'t [u64],
}

impl<'a> Question<'a> {
    pub(crate) fn new(attributes: Attributes<'a>) -> Self {
        match attributes {
            Attributes::Resource { verb, resource } => Question {
                attributes,
                verb: of_name(verb),
                group: of_name(resource.group),
                resource: of_resource(&resource),
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
        let sets: Vec<Arc<[PolicyRule]>> = all.into_iter().collect();
        let mut spans = Vec::with_capacity(sets.len());
        let mut next_bit = 0;
        for rules in &sets {
            // A set that fits into one word is not spread over two.
            if next_bit % WORD + rules.len() > WORD {
                next_bit = next_bit.next_multiple_of(WORD);
            }
            let is_one_word = rules.len() <= WORD;
            let bits = if is_one_word { u64::MAX.unbounded_shr((WORD - rules.len()) as u32) } else { u64::MAX };
            // A table of so many rules that their words could not be counted would not fit into memory.
            let first_word = u32::try_from(next_bit / WORD).unwrap_or(u32::MAX);
            spans.push(Span { mask: bits << (next_bit % WORD), first_word, is_one_word });
            next_bit += rules.len();
        }
        let words = next_bit.div_ceil(WORD);
        let mut table = RuleTable {
            sets: Vec::new(),
            spans: Vec::new(),
            verbs: Rows::new(words),
            groups: Rows::new(words),
            resources: Rows::new(words),
            with_paths: vec![0; words],
            to_ask: vec![0; words],
        };
        for (span, rules) in spans.iter().zip(&sets) {
            for (bit, rule) in (span.shift()..).zip(rules.iter()) {
                table.put(Place { word: span.first_word as usize + bit / WORD, mask: 1 << (bit % WORD) }, rule);
            }
        }
        RuleTable { sets, spans, ..table }
    }

    fn put(&mut self, place: Place, rule: &PolicyRule) {
        for verb in &rule.verbs {
            self.verbs.put(place, verb, of_name(verb));
        }
        for group in &rule.api_groups {
            self.groups.put(place, group, of_name(group));
        }
        let mut must_be_asked = !rule.resource_names.is_empty();
        for pattern in &rule.resources {
            if pattern.starts_with("*/") {
                must_be_asked = true;
                self.resources.put_everywhere(place);
            } else {
                self.resources.put(place, pattern, of_name(pattern));
            }
        }
        if must_be_asked {
            place.set(&mut self.to_ask);
        }
        if !rule.non_resource_urls.is_empty() {
            place.set(&mut self.with_paths);
        }
    }

    /// The rules of a set.
    pub(crate) fn rules(&self, id: SetId) -> Option<&[PolicyRule]> {
        self.sets.get(id as usize).map(|rules| &rules[..])
    }

    /// A request to be asked of several sets.
    pub(crate) fn ask<'a>(&self, question: &Question<'a>) -> Asked<'_, 'a> {
        let (verb, group, resource) = match question.attributes {
            Attributes::Resource { .. } => {
                (self.verbs.row(question.verb), self.groups.row(question.group), self.resources.row(question.resource))
            }
            Attributes::NonResource { .. } => (&*self.with_paths, &*self.with_paths, &*self.with_paths),
        };
        Asked { table: self, question: *question, verb, group, resource }
    }
}

impl<'t> Asked<'t, '_> {
    /// The first rule of a set that allows the request.
    #[inline]
    pub(crate) fn find_in(&self, id: SetId) -> Option<&'t PolicyRule> {
        let span = self.table.spans.get(id as usize)?;
        // Nearly all sets have one word, and most have no rule for it.
        if span.is_one_word && self.bits(span.first_word as usize) & span.mask == 0 {
            return None;
        }
        self.find_among(self.table.rules(id)?, *span)
    }

    /// The rules of a word that may allow the request.
    fn bits(&self, word: usize) -> u64 {
        match (self.verb.get(word), self.group.get(word), self.resource.get(word)) {
            (Some(verb), Some(group), Some(resource)) => verb & group & resource,
            _ => 0,
        }
    }

    #[inline(never)]
    fn find_among(&self, rules: &'t [PolicyRule], span: Span) -> Option<&'t PolicyRule> {
        let is_exact = self.is_exact();
        for (word, rules) in (span.first_word as usize..).zip(rules.chunks(WORD)) {
            // The bits after those of these rules are of other sets.
            let mut bits = (self.bits(word) & span.mask) >> span.shift();
            let to_ask = self.table.to_ask.get(word)? >> span.shift();
            while bits != 0 {
                let bit = bits.trailing_zeros();
                let rule = rules.get(bit as usize)?;
                if (is_exact && to_ask >> bit & 1 == 0) || rule.allows(&self.question.attributes) {
                    return Some(rule);
                }
                bits &= bits - 1;
            }
        }
        None
    }

    /// Whether each row is that of the very name.
    fn is_exact(&self) -> bool {
        let (table, question) = (self.table, &self.question);
        match question.attributes {
            Attributes::Resource { verb, resource } => {
                table.verbs.is_of(question.verb, |name| same(name, verb))
                    && table.groups.is_of(question.group, |name| same(name, resource.group))
                    && table.resources.is_of(question.resource, |name| names_resource(name, &resource))
            }
            Attributes::NonResource { .. } => false,
        }
    }
}

impl Span {
    /// The bit of the first rule in the first word.
    fn shift(&self) -> usize {
        self.mask.trailing_zeros() as usize % WORD
    }
}

/// The bit of a rule.
#[derive(Clone, Copy)]
struct Place {
    word: usize,
    mask: u64,
}

impl Place {
    fn set(self, words: &mut [u64]) {
        if let Some(bits) = words.get_mut(self.word) {
            *bits |= self.mask;
        }
    }
}

impl<const N: usize> Rows<N> {
    fn new(words: usize) -> Self {
        Rows { bits: vec![0; N * words], words, names: vec![RowName::None; N] }
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
        (0..N).for_each(|row| self.set(row, place));
    }

    fn set(&mut self, row: usize, place: Place) {
        place.set(self.bits.get_mut(row * self.words..).unwrap_or_default());
    }

    /// The row of a name: the bits of all rules that name it or `*`, and perhaps more.
    fn row(&self, sketch: usize) -> &[u64] {
        let row = sketch % N;
        self.bits.get(row * self.words..(row + 1) * self.words).unwrap_or_default()
    }

    /// Whether a row has the bits of just the rules that name this name or `*`.
    fn is_of(&self, sketch: usize, is_name: impl FnOnce(&str) -> bool) -> bool {
        match self.names.get(sketch % N) {
            Some(RowName::One(name)) => is_name(name),
            Some(RowName::None) => true,
            Some(RowName::Several) | None => false,
        }
    }
}

const WORD: usize = u64::BITS as usize;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Resource;

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
