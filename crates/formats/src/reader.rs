//! What all readers share: where places and messages come from, and the rules for principals, policies, types,
//! modes and scopes as files write them. One reader a format stands on it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use entryway_access::{
    AccessScope, AccountId, AuthenticationMode, ClusterName, EntryType, Partition, PolicyArn, PolicyCatalogue,
    RbacObjects, Region,
};

use crate::nearest::did_you_mean;
use crate::tree::Node;
use crate::{
    ClusterSelector, Declared, DeclaredCluster, Diagnostic, Place, Placed, PolicyRef, PrincipalRef, Read, Source,
};

/// What a text does not say, and a reader may know all the same.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The format; told from the text where absent.
    pub format: Option<crate::Format>,
    /// The cluster that a text is about which names none: an aws-auth ConfigMap, RBAC, a Terraform module.
    pub cluster: Option<ClusterName>,
    /// The account for texts that leave it to the caller (`${AWS::AccountId}`).
    pub account: Option<AccountId>,
    /// The region, likewise.
    pub region: Option<Region>,
    /// The policies that exist, for warnings about those that don't.
    pub catalogue: PolicyCatalogue,
    /// Values of template parameters (CloudFormation) and variables (Terraform), which win over defaults.
    pub variables: BTreeMap<String, String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            format: None,
            cluster: None,
            account: None,
            region: None,
            catalogue: PolicyCatalogue::builtin(),
            variables: BTreeMap::new(),
        }
    }
}

impl ReadOptions {
    /// The partition of the region; `aws` where nothing tells.
    pub(crate) fn partition(&self) -> Partition {
        self.region.as_ref().map_or(Partition::Aws, Partition::of_region)
    }
}

/// Reading one source (or the files of a Terraform folder): what it declares so far, and what there is to
/// say of it.
pub(crate) struct Reader<'o> {
    pub(crate) source: Arc<Source>,
    /// Further sources that are read together with the first, each with the number that its bytes are counted
    /// from: so a range alone tells file and place. In the order of their numbers.
    further: Vec<(usize, Arc<Source>)>,
    pub(crate) options: &'o ReadOptions,
    pub(crate) declared: Declared,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What belongs to something that may stand in another source.
    pub(crate) loose: crate::manifest::Loose,
}

impl<'o> Reader<'o> {
    pub(crate) fn new(source: &Arc<Source>, options: &'o ReadOptions) -> Self {
        Reader {
            source: Arc::clone(source),
            further: Vec::new(),
            options,
            declared: Declared::default(),
            diagnostics: Vec::new(),
            loose: crate::manifest::Loose::default(),
        }
    }

    /// All of it.
    pub(crate) fn finish(self) -> Read<Declared> {
        Read { value: self.declared, diagnostics: self.diagnostics }
    }

    /// Reads another source along; its bytes are counted from the number that is given back.
    pub(crate) fn add_source(&mut self, source: &Arc<Source>) -> usize {
        let (base, last) = self.further.last().map_or((0, &self.source), |(base, source)| (*base, source));
        let base = base + last.text().len() + 1;
        self.further.push((base, Arc::clone(source)));
        base
    }

    pub(crate) fn place(&self, bytes: &Range<usize>) -> Place {
        let of_this = self.further.iter().rev().find(|(base, _)| *base <= bytes.start);
        let (base, source) = of_this.map_or((0, &self.source), |(base, source)| (*base, source));
        Place { source: Arc::clone(source), bytes: bytes.start - base..bytes.end.saturating_sub(base) }
    }

    pub(crate) fn placed<T>(&self, value: T, bytes: &Range<usize>) -> Placed<T> {
        Placed::at(value, self.place(bytes))
    }

    /// Says an error; the answer is for adding help and places.
    pub(crate) fn error(&mut self, bytes: &Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = Diagnostic::error(message, Some(self.place(bytes)));
        self.say(diagnostic)
    }

    pub(crate) fn warning(&mut self, bytes: &Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = Diagnostic::warning(message, Some(self.place(bytes)));
        self.say(diagnostic)
    }

    pub(crate) fn note(&mut self, bytes: &Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = Diagnostic::note(message, Some(self.place(bytes)));
        self.say(diagnostic)
    }

    pub(crate) fn say(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.diagnostics.push_mut(diagnostic)
    }

    /// The cluster of that selector, made where the text did not have it yet. The same selector again is
    /// the same cluster.
    pub(crate) fn cluster(&mut self, selector: Placed<ClusterSelector>) -> &mut DeclaredCluster {
        let clusters = &mut self.declared.clusters;
        let found = clusters.iter().position(|cluster| cluster.selector.value == selector.value);
        let at = found.unwrap_or(clusters.len());
        if found.is_none() {
            clusters.push(DeclaredCluster {
                selector,
                mode: None,
                entries: Vec::new(),
                aws_auth: None,
                rbac: RbacObjects::default(),
            });
        }
        #[expect(clippy::indexing_slicing, reason = "found, or pushed right above")]
        &mut clusters[at]
    }

    /// The selector for a text that names no cluster: the caller's, else unknown.
    pub(crate) fn default_cluster(&self, label: &str, reason: &str) -> ClusterSelector {
        match &self.options.cluster {
            Some(name) => self.named(name.clone(), None, None),
            None => ClusterSelector::Unknown { label: label.to_owned(), reason: reason.to_owned() },
        }
    }

    /// A cluster by name; region and account from the options where the text has none.
    pub(crate) fn named(
        &self,
        name: ClusterName,
        region: Option<Region>,
        account: Option<AccountId>,
    ) -> ClusterSelector {
        ClusterSelector::Named {
            name,
            region: region.or_else(|| self.options.region.clone()),
            account: account.or_else(|| self.options.account.clone()),
        }
    }

    /// A member that must be a text, if it is there: says so where it is something else.
    pub(crate) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let text = node.text();
        if text.is_none() && !node.is_null() {
            let kind = node.kind();
            match &node.tag {
                Some(tag) => {
                    self.error(&node.bytes, format!("`{what}` must be a text, and `{tag}` can't be resolved here"))
                }
                None => self.error(&node.bytes, format!("`{what}` must be a text, not {kind}")),
            };
        }
        text
    }

    /// A list of texts with their places; elements that are none are said to be.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Vec<Placed<String>> {
        if node.is_null() {
            return Vec::new();
        }
        if !node.is_sequence() {
            let kind = node.kind();
            self.error(&node.bytes, format!("`{what}` must be a list of texts, not {kind}")).help =
                Some(format!("write `{what}: [\u{2026}]`, or each on a line of its own begun by `- `"));
            return Vec::new();
        }
        let mut texts = Vec::new();
        for item in node.items() {
            if let Some(text) = self.text(item, what) {
                texts.push(self.placed(text.to_owned(), &item.bytes));
            }
        }
        texts
    }

    /// A mapping of texts to texts (tags); numbers and truth values are taken as they are written.
    pub(crate) fn text_map(&mut self, node: &Node, what: &str) -> BTreeMap<String, String> {
        if !node.is_mapping() && !node.is_null() {
            let kind = node.kind();
            self.error(&node.bytes, format!("`{what}` must be a mapping of texts to texts, not {kind}"));
        }
        let pairs = node.pairs().iter();
        pairs
            .filter_map(|pair| self.text(&pair.value, &pair.key).map(|text| (pair.key.clone(), text.to_owned())))
            .collect()
    }

    /// Says of each key that is not known what it might have meant: an error (`strict`) or a warning.
    pub(crate) fn unknown_keys(&mut self, node: &Node, known: &[&str], what: &str, strict: bool) {
        for pair in node.pairs().iter().filter(|pair| !known.contains(&pair.key.as_str())) {
            let message = format!("{what} has no key `{}`", pair.key);
            let diagnostic =
                if strict { self.error(&pair.key_bytes, message) } else { self.warning(&pair.key_bytes, message) };
            diagnostic.help = Some(did_you_mean(&pair.key, known));
        }
    }

    /// A principal's ARN. One that can't be is an error, and `None`.
    pub(crate) fn principal(&mut self, text: &str, bytes: &Range<usize>) -> Option<Placed<PrincipalRef>> {
        match text.parse() {
            Ok(arn) => Some(self.placed(PrincipalRef::Arn(arn), bytes)),
            Err(error) => {
                self.error(bytes, error.to_string());
                None
            }
        }
    }

    /// A policy by its ARN. One that AWS's catalogue lacks is kept, with a warning.
    pub(crate) fn policy_arn(&mut self, text: &str, bytes: &Range<usize>) -> Option<Placed<PolicyRef>> {
        let arn: PolicyArn = match text.parse() {
            Ok(arn) => arn,
            Err(error) => {
                let near = self.options.catalogue.resolve(text, self.options.partition()).ok();
                let diagnostic = self.error(bytes, format!("{error}"));
                diagnostic.help = near.map(|arn| format!("did you mean `{arn}`?"));
                return None;
            }
        };
        if matches!(arn, PolicyArn::Aws { .. })
            && let Err(message) = self.options.catalogue.resolve(text, arn.partition())
        {
            self.warning(bytes, message);
        }
        Some(self.placed(PolicyRef::Arn(arn), bytes))
    }

    /// An entry's type; `None` with an error for one that there is none of.
    pub(crate) fn entry_type(&mut self, text: &str, bytes: &Range<usize>) -> Option<Placed<EntryType>> {
        if let Ok(kind) = text.parse() {
            return Some(self.placed(kind, bytes));
        }
        let known: Vec<&str> = EntryType::ALL.into_iter().map(EntryType::as_str).collect();
        self.error(bytes, format!("`{text}` is no type of an access entry")).help = Some(one_of(text, &known));
        None
    }

    /// An authentication mode.
    pub(crate) fn mode(&mut self, text: &str, bytes: &Range<usize>) -> Option<Placed<AuthenticationMode>> {
        if let Ok(mode) = text.parse() {
            return Some(self.placed(mode, bytes));
        }
        let known: Vec<&str> = AuthenticationMode::ALL.into_iter().map(AuthenticationMode::as_str).collect();
        self.error(bytes, format!("`{text}` is no authentication mode")).help = Some(one_of(text, &known));
        None
    }

    /// A scope from its two members; `None` with an error for one that EKS refuses.
    pub(crate) fn scope(
        &mut self,
        kind: &str,
        namespaces: &[Placed<String>],
        bytes: &Range<usize>,
    ) -> Option<Placed<AccessScope>> {
        let texts: Vec<String> = namespaces.iter().map(|namespace| namespace.value.clone()).collect();
        match AccessScope::from_parts(kind, &texts) {
            Ok(scope) => Some(self.placed(scope, bytes)),
            Err(error) => {
                self.error(bytes, error.to_string());
                None
            }
        }
    }
}

/// A help line for a value of a fixed set.
fn one_of(text: &str, known: &[&str]) -> String {
    match crate::nearest::nearest(text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it must be one of {}", known.join(", ")),
    }
}
