//! Untrusted YAML as documents of the tree, with the place of every value.
//!
//! Bounded in text, depth and number of values (an alias counts as all that it stands for), so that no file
//! can cost more than a fixed multiple of its size. Tags are kept as written (CloudFormation's `!Ref`), merge
//! keys (`<<`) are resolved, and a key that stands twice is an error that names both places.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::tree::{Node, Pair, Scalar, Style, Value};
use crate::{Diagnostic, Place, Read, Source};

/// As large a YAML or JSON text as is read.
pub(crate) const LONGEST_TEXT: usize = 64 * 1024 * 1024;
const DEEPEST: usize = 128;
/// Values of one text, those of aliases included.
const MOST_VALUES: usize = 4_000_000;
/// Values that all aliases of one text together may stand for; 64 bytes of text count as one more.
const MOST_ALIASED: usize = 200_000;

/// Reads all documents of a text. What stands before a syntax error is kept.
pub(crate) fn read(source: &Arc<Source>) -> Read<Vec<Node>> {
    let text = source.text();
    if text.len() > LONGEST_TEXT {
        return Read { value: Vec::new(), diagnostics: vec![too_long(source)] };
    }
    let mut builder = Builder {
        source,
        offsets: Offsets::new(text),
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
        aliased: 0,
        diagnostics: Vec::new(),
    };
    let mut documents = Vec::new();
    if let Err(stop) = builder.documents(&mut documents) {
        builder.diagnostics.push(*stop);
    }
    Read { value: documents, diagnostics: builder.diagnostics }
}

/// What to say of a text that is not read for its length.
pub(crate) fn too_long(source: &Arc<Source>) -> Diagnostic {
    let length = source.text().len();
    let message = format!("the text is {length} bytes long; at most {LONGEST_TEXT} are read");
    Diagnostic::error(message, Some(Place { source: Arc::clone(source), bytes: 0..0 }))
}

/// The end of reading. Boxed: it is rare, and large.
type Stop = Box<Diagnostic>;

struct Builder<'t> {
    source: &'t Arc<Source>,
    offsets: Offsets<'t>,
    parser: Parser<'t, StrInput<'t>>,
    /// Each anchored value, with its weight.
    anchors: HashMap<usize, (Node, usize)>,
    values: usize,
    aliased: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'t> Builder<'t> {
    fn documents(&mut self, documents: &mut Vec<Node>) -> Result<(), Stop> {
        while let Some((event, _)) = self.next()? {
            if matches!(event, Event::DocumentStart(_)) {
                self.anchors.clear();
                let (event, span) = self.must_next()?;
                let node = self.node(event, &span, 0)?;
                // `---` with nothing behind it, as Helm writes them.
                if !node.is_null() {
                    documents.push(node);
                }
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Stop> {
        let event = self.parser.next_event().transpose();
        event.map_err(|error| self.syntax(&error))
    }

    fn must_next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.next()? {
            Some(event) => Ok(event),
            None => {
                let end = self.source.text().len();
                Err(self.stop(end..end, "the text ends too early"))
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, Stop> {
        let start = self.offsets.byte(span.start.index());
        let mut bytes = start..self.offsets.byte(span.end.index()).max(start);
        if depth > DEEPEST {
            return Err(self.stop(bytes, &format!("values are nested deeper than {DEEPEST}")));
        }
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(self.stop(bytes, &format!("the text holds more than {MOST_VALUES} values")));
        }
        let (value, anchor, tag) = match event {
            Event::Alias(anchor) => return self.alias(anchor, bytes),
            Event::Scalar(text, style, anchor, tag) => {
                let forced = tag.as_deref().is_some_and(is_string_tag);
                let style = match style {
                    ScalarStyle::Plain if forced => Style::Quoted,
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                (Value::Scalar(Scalar { text: text.into_owned(), style }), anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => {
                let (items, end) = self.sequence(depth)?;
                bytes.end = end.max(bytes.end);
                (Value::Sequence(items), anchor, tag)
            }
            Event::MappingStart(anchor, tag) => {
                let (pairs, end) = self.mapping(depth)?;
                bytes.end = end.max(bytes.end);
                (Value::Mapping(pairs), anchor, tag)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(self.stop(bytes, "a value is missing")),
        };
        let tag = tag.filter(|tag| !tag.is_yaml_core_schema() && !is_string_tag(tag));
        let node = Node { bytes, tag: tag.map(|tag| tag.to_string().into_boxed_str()), value };
        if anchor != 0 {
            let weight = weight(&node);
            // The copy that is kept is paid for like one that is used.
            self.pay(weight, node.bytes.clone())?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<(Vec<Node>, usize), Stop> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.must_next()?;
            if event == Event::SequenceEnd {
                let end = self.end(&span, items.last());
                return Ok((items, end));
            }
            items.push(self.node(event, &span, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<(Vec<Pair>, usize), Stop> {
        let mut pairs: Vec<Pair> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        let mut merges = Vec::new();
        let end = loop {
            let (event, span) = self.must_next()?;
            if event == Event::MappingEnd {
                break self.end(&span, pairs.last().map(|pair| &pair.value));
            }
            let key = self.node(event, &span, depth + 1)?;
            let (event, span) = self.must_next()?;
            let value = self.node(event, &span, depth + 1)?;
            let key_bytes = key.bytes;
            let (text, plain) = match key.value {
                Value::Scalar(scalar) => (scalar.text, scalar.style == Style::Plain),
                Value::Sequence(_) | Value::Mapping(_) => {
                    let message = "a key must be a text; a text that begins with `{`, `[` or `{{` needs quotes";
                    return Err(self.stop(key_bytes, message));
                }
            };
            if text == "<<" && plain {
                merges.push(value);
                continue;
            }
            match index.get(&text).and_then(|at| pairs.get_mut(*at)) {
                Some(first) => {
                    let (first_place, here) = (place(self.source, &first.key_bytes), place(self.source, &key_bytes));
                    let error = Diagnostic::error(format!("the key `{text}` is there twice"), Some(here))
                        .related(first_place, "it is here first");
                    self.diagnostics.push(error.help("leave one of them out"));
                    *first = Pair { key: text, key_bytes, value };
                }
                None => {
                    index.insert(text.clone(), pairs.len());
                    pairs.push(Pair { key: text, key_bytes, value });
                }
            }
        };
        self.merge(&mut pairs, merges)?;
        Ok((pairs, end))
    }

    /// Adds what `<<` names: the mapping's own keys win, then the first of several.
    fn merge(&mut self, pairs: &mut Vec<Pair>, merges: Vec<Node>) -> Result<(), Stop> {
        let mut known: Option<HashSet<String>> = None;
        for merge in merges {
            let bytes = merge.bytes.clone();
            let maps = match merge.value {
                Value::Mapping(_) => vec![merge],
                Value::Sequence(items) => items,
                Value::Scalar(_) => return Err(self.stop(bytes, "`<<` needs a mapping, or a list of mappings")),
            };
            let known = known.get_or_insert_with(|| pairs.iter().map(|pair| pair.key.clone()).collect());
            for map in maps {
                let Value::Mapping(merged) = map.value else {
                    return Err(self.stop(bytes, "`<<` needs a mapping, or a list of mappings"));
                };
                for pair in merged {
                    if known.insert(pair.key.clone()) {
                        pairs.push(pair);
                    }
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, bytes: Range<usize>) -> Result<Node, Stop> {
        let Some((node, weight)) = self.anchors.get(&anchor) else {
            return Err(self.stop(bytes, "an alias must not stand within what it stands for"));
        };
        let (node, weight) = (node, *weight);
        if self.aliased.saturating_add(weight) > MOST_ALIASED {
            return Err(self.too_many_aliases(bytes));
        }
        self.aliased += weight;
        Ok(node.clone())
    }

    fn pay(&mut self, weight: usize, bytes: Range<usize>) -> Result<(), Stop> {
        self.aliased = self.aliased.saturating_add(weight);
        if self.aliased > MOST_ALIASED { Err(self.too_many_aliases(bytes)) } else { Ok(()) }
    }

    fn too_many_aliases(&self, bytes: Range<usize>) -> Stop {
        self.stop(bytes, &format!("aliases stand for more than {MOST_ALIASED} values; write them out"))
    }

    /// Where a collection ends: behind its bracket, or with its last value where it has none. (The parser's own
    /// end of a bracket takes in spaces and comments behind it.)
    fn end(&mut self, span: &Span, last: Option<&Node>) -> usize {
        let at = self.offsets.byte(span.start.index());
        match self.source.text().as_bytes().get(at) {
            Some(b']' | b'}') => at + 1,
            _ => last.map_or(0, |last| last.bytes.end),
        }
    }

    fn syntax(&mut self, error: &ScanError) -> Stop {
        let at = self.offsets.byte(error.marker().index());
        let mut stop = self.stop(at..at, &format!("not valid YAML: {}", error.info()));
        if self.source.text().contains("{{") {
            stop.help = Some(
                "templates can't be read; give what they are rendered to (`helm template`, `kustomize build`)".into(),
            );
        }
        stop
    }

    fn stop(&self, bytes: Range<usize>, message: &str) -> Stop {
        Box::new(Diagnostic::error(message, Some(place(self.source, &bytes))))
    }
}

/// How many values a value is, 64 bytes of text being one more.
pub(crate) fn weight(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(scalar) => 1 + scalar.text.len() / 64,
        Value::Sequence(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Mapping(pairs) => {
            1 + pairs.iter().map(|pair| 1 + pair.key.len() / 64 + weight(&pair.value)).sum::<usize>()
        }
    }
}

/// `!!str` or the bare `!`: a text, whatever it looks like.
fn is_string_tag(tag: &Tag) -> bool {
    (tag.is_yaml_core_schema() && tag.suffix == "str") || (tag.handle.is_empty() && tag.suffix == "!")
}

fn place(source: &Arc<Source>, bytes: &Range<usize>) -> Place {
    Place { source: Arc::clone(source), bytes: bytes.clone() }
}

/// From the parser's count of characters to bytes.
struct Offsets<'t> {
    text: &'t str,
    /// The last answer, characters and bytes; questions mostly go forward.
    last: (usize, usize),
    is_ascii: bool,
}

impl<'t> Offsets<'t> {
    fn new(text: &'t str) -> Self {
        Offsets { text, last: (0, 0), is_ascii: text.is_ascii() }
    }

    fn byte(&mut self, character: usize) -> usize {
        if self.is_ascii {
            return character.min(self.text.len());
        }
        let (mut count, mut at) = self.last;
        let bytes = self.text.as_bytes();
        let is_inner = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        while count < character && at < bytes.len() {
            at += 1;
            while is_inner(at) {
                at += 1;
            }
            count += 1;
        }
        while count > character && at > 0 {
            at -= 1;
            while at > 0 && is_inner(at) {
                at -= 1;
            }
            count -= 1;
        }
        self.last = (count, at);
        at
    }
}
