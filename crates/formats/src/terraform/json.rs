//! Plans and states in JSON: `terraform show -json` of either, and raw `.tfstate` files.
//!
//! Plans may be large, and nearly all of one is about other resources: those are passed over where they stand,
//! and only what is needed becomes a tree. So a plan costs little more memory than its text.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::TYPES;
use super::references::References;
use super::resource::{Resource, declare};
use crate::reader::Reader;
use crate::tree::{Node, Value};
use crate::{Diagnostic, json};

/// Whether a text is one: JSON with the marks of Terraform near its beginning.
pub(crate) fn is_it(text: &str) -> bool {
    let mut end = text.len().min(64 * 1024);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    // A plan, a state as shown, a state as it is kept.
    let marks: [&[&str]; 3] = [&["format_version"], &["terraform_version"], &["lineage", "serial"]];
    let has = |mark: &&str| head.contains(&format!("\"{mark}\""));
    json::looks_like_json(text) && marks.into_iter().any(|marks| marks.iter().all(has))
}

/// The top of all three kinds of file. What is unknown to it is passed over.
#[derive(Deserialize)]
struct File<'t> {
    #[serde(borrow)]
    format_version: Option<Cow<'t, str>>,
    version: Option<u64>,
    #[serde(borrow, default)]
    planned_values: Option<Values<'t>>,
    #[serde(borrow, default)]
    values: Option<Values<'t>>,
    #[serde(borrow, default)]
    resource_changes: Option<Wanted<Change<'t>>>,
    #[serde(borrow, default)]
    resources: Option<Wanted<StateResource<'t>>>,
    #[serde(borrow, default)]
    configuration: Option<&'t RawValue>,
    errored: Option<bool>,
    complete: Option<bool>,
}

#[derive(Deserialize)]
struct Values<'t> {
    #[serde(borrow)]
    root_module: Option<Module<'t>>,
}

#[derive(Deserialize)]
struct Module<'t> {
    #[serde(borrow, default)]
    address: Option<Cow<'t, str>>,
    #[serde(borrow, default)]
    resources: Option<Wanted<PlannedResource<'t>>>,
    #[serde(borrow, default)]
    child_modules: Option<Vec<Module<'t>>>,
}

#[derive(Deserialize)]
struct PlannedResource<'t> {
    #[serde(borrow)]
    address: Cow<'t, str>,
    #[serde(borrow)]
    mode: Option<Cow<'t, str>>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'t, str>,
    #[serde(borrow, default)]
    index: Option<&'t RawValue>,
    #[serde(borrow, default)]
    values: Option<&'t RawValue>,
    #[serde(borrow, default)]
    deposed_key: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct Change<'t> {
    #[serde(borrow)]
    address: Cow<'t, str>,
    #[serde(borrow, default)]
    module_address: Option<Cow<'t, str>>,
    #[serde(borrow)]
    mode: Option<Cow<'t, str>>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'t, str>,
    #[serde(borrow, default)]
    index: Option<&'t RawValue>,
    #[serde(borrow, default)]
    deposed: Option<&'t RawValue>,
    #[serde(borrow)]
    change: ChangeBody<'t>,
}

#[derive(Deserialize)]
struct ChangeBody<'t> {
    #[serde(borrow, default)]
    actions: Vec<Cow<'t, str>>,
    #[serde(borrow, default)]
    after: Option<&'t RawValue>,
    #[serde(borrow, default)]
    after_unknown: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct StateResource<'t> {
    #[serde(borrow, default)]
    module: Option<Cow<'t, str>>,
    #[serde(borrow)]
    mode: Option<Cow<'t, str>>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'t, str>,
    #[serde(borrow)]
    name: Cow<'t, str>,
    #[serde(borrow, default)]
    instances: Vec<Instance<'t>>,
}

#[derive(Deserialize)]
struct Instance<'t> {
    #[serde(borrow, default)]
    index_key: Option<&'t RawValue>,
    #[serde(borrow, default)]
    attributes: Option<&'t RawValue>,
    #[serde(borrow, default)]
    deposed: Option<&'t RawValue>,
}

/// A resource that is managed (data sources are not) and of a type that is about access.
trait Filtered {
    fn mode(&self) -> Option<&str>;
    fn kind(&self) -> &str;
    fn is_wanted(&self) -> bool {
        self.mode().is_none_or(|mode| mode == "managed") && TYPES.contains(&self.kind())
    }
}

macro_rules! filtered {
    ($($name:ident),*) => {$(
        impl Filtered for $name<'_> {
            fn mode(&self) -> Option<&str> {
                self.mode.as_deref()
            }
            fn kind(&self) -> &str {
                &self.kind
            }
        }
    )*};
}
filtered!(PlannedResource, Change, StateResource);

/// A list of which only the wanted elements are kept.
struct Wanted<T>(Vec<T>);

impl<'de, T: Deserialize<'de> + Filtered> Deserialize<'de> for Wanted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Filtered> Visitor<'de> for Elements<T> {
            type Value = Wanted<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of resources")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Wanted<T>, A::Error> {
                let mut wanted = Vec::new();
                while let Some(element) = sequence.next_element::<T>()? {
                    if element.is_wanted() {
                        wanted.push(element);
                    }
                }
                Ok(Wanted(wanted))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Wanted<T>, E> {
                Ok(Wanted(Vec::new()))
            }
        }
        deserializer.deserialize_any(Elements(PhantomData))
    }
}

/// Reads the whole source.
pub(crate) fn read(reader: &mut Reader<'_>) {
    let source = Arc::clone(&reader.source);
    let text = source.text().trim_start_matches('\u{feff}');
    let file: File<'_> = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let at = offset(source.text(), error.line(), error.column());
            let shown = error.to_string();
            let what = shown.split(" at line ").next().unwrap_or_default().to_owned();
            let said = reader.error(&(at..at), format!("this is no whole plan or state of Terraform: {what}"));
            if error.is_eof() {
                said.help = Some("the text ends too early: it was not written to its end".to_owned());
            }
            return;
        }
    };
    if !check_version(&file, reader) {
        return;
    }
    if file.errored == Some(true) {
        reader.warning(&(0..0), "planning ended in an error, so the plan may lack resources");
    }
    if file.complete == Some(false) {
        reader.warning(&(0..0), "the plan is not complete: Terraform has put off some changes");
    }
    let loader = Loader { source: &source };
    let mut resources = Vec::new();
    let result = match &file.resources {
        Some(state) if file.format_version.is_none() => loader.state(&state.0, &mut resources),
        _ => loader.plan(&file, &mut resources),
    };
    if let Err(diagnostic) = result {
        reader.say(*diagnostic);
    }
    let references = References::new(file.configuration.map(RawValue::get));
    references.resolve(&mut resources);
    declare(resources, reader);
}

/// Whether the file has a version whose form is known.
fn check_version(file: &File<'_>, reader: &mut Reader<'_>) -> bool {
    match (&file.format_version, file.version) {
        (Some(version), _) if matches!(version.split('.').next(), Some("0" | "1")) => true,
        (Some(version), _) => {
            reader.error(&(0..0), format!("the format version `{version}` of this plan or state is not known")).help =
                Some("versions from 0.1 up to before 2.0 are read".to_owned());
            false
        }
        (None, Some(4)) => true,
        (None, Some(version)) => {
            reader.error(&(0..0), format!("version {version} of Terraform's state is not known")).help = Some(
                "version 4 is read (Terraform 0.12 and later); `terraform show -json` gives a form that is".to_owned(),
            );
            false
        }
        (None, None) => {
            reader.error(&(0..0), "this has neither `format_version` nor the `version` of a state").help =
                Some("give the output of `terraform show -json PLAN`, or a `.tfstate` file".to_owned());
            false
        }
    }
}

struct Loader<'s> {
    source: &'s Arc<crate::Source>,
}

impl Loader<'_> {
    /// Planned values, with what the changes say of unknown ones; or the values of a state.
    fn plan(&self, file: &File<'_>, resources: &mut Vec<Resource>) -> Result<(), Box<Diagnostic>> {
        let rows = file.resource_changes.as_ref().map_or(&[][..], |changes| &changes.0);
        let mut changes: HashMap<&str, &Change<'_>> = HashMap::new();
        let mut gone: HashSet<&str> = HashSet::new();
        for row in rows.iter().filter(|row| is_absent(row.deposed)) {
            let is_kept = row.change.actions.iter().any(|action| !matches!(&**action, "delete" | "forget"));
            if is_kept {
                changes.insert(&row.address, row);
            } else {
                gone.insert(&row.address);
            }
        }
        let mut planned = Vec::new();
        for values in [&file.planned_values, &file.values] {
            let root = values.as_ref().and_then(|values| values.root_module.as_ref());
            let mut modules: Vec<&Module<'_>> = root.into_iter().collect();
            while let Some(module) = modules.pop() {
                let address = module.address.as_deref().unwrap_or_default();
                planned.extend(module.resources.iter().flat_map(|list| &list.0).map(|resource| (address, resource)));
                modules.extend(module.child_modules.iter().flatten().rev());
            }
        }
        for (module, resource) in planned {
            if !is_absent(resource.deposed_key) || gone.contains(&*resource.address) {
                continue;
            }
            let change = changes.remove(&*resource.address);
            let values = change.and_then(|row| row.change.after).or(resource.values);
            let after_unknown = change.and_then(|row| row.change.after_unknown);
            resources.push(self.resource(
                &resource.address,
                module,
                &resource.kind,
                resource.index,
                values,
                after_unknown,
            )?);
        }
        // A plan without planned values still has its changes, in their order.
        for row in rows.iter().filter(|row| changes.contains_key(&*row.address) && is_absent(row.deposed)) {
            let module = row.module_address.as_deref().unwrap_or_default();
            let (after, after_unknown) = (row.change.after, row.change.after_unknown);
            resources.push(self.resource(&row.address, module, &row.kind, row.index, after, after_unknown)?);
        }
        Ok(())
    }

    /// A raw state.
    fn state(&self, list: &[StateResource<'_>], resources: &mut Vec<Resource>) -> Result<(), Box<Diagnostic>> {
        for resource in list {
            let module = resource.module.as_deref().unwrap_or_default();
            let prefix = if module.is_empty() { String::new() } else { format!("{module}.") };
            for instance in resource.instances.iter().filter(|instance| is_absent(instance.deposed)) {
                let index = instance.index_key.map(|key| format!("[{}]", key.get())).unwrap_or_default();
                let address = format!("{prefix}{}.{}{index}", resource.kind, resource.name);
                let key = instance.index_key;
                resources.push(self.resource(&address, module, &resource.kind, key, instance.attributes, None)?);
            }
        }
        Ok(())
    }

    fn resource(
        &self,
        address: &str,
        module: &str,
        kind: &str,
        index: Option<&RawValue>,
        values: Option<&RawValue>,
        after_unknown: Option<&RawValue>,
    ) -> Result<Resource, Box<Diagnostic>> {
        let key = index.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let mut values = match values {
            Some(raw) => json::read_part(self.source, &self.bytes(raw)).map_err(Box::new)?,
            None => Node { bytes: 0..0, tag: None, value: Value::Mapping(Vec::new()) },
        };
        if let Some(raw) = after_unknown {
            let marks = json::read_part(self.source, &self.bytes(raw)).map_err(Box::new)?;
            overlay(&mut values, &marks);
        }
        let (address, module) = (address.to_owned(), module.to_owned());
        Ok(Resource { address, module, kind: kind.to_owned(), key, values })
    }

    /// Where a raw value stands: it borrows from the text.
    fn bytes(&self, raw: &RawValue) -> Range<usize> {
        let start = (raw.get().as_ptr() as usize).saturating_sub(self.source.text().as_ptr() as usize);
        start..start + raw.get().len()
    }
}

/// Whether a member is not there, or `null`.
fn is_absent(raw: Option<&RawValue>) -> bool {
    raw.is_none_or(|raw| matches!(raw.get(), "null" | "\"\""))
}

/// Marks what is unknown: `true` stands in `marks` where the value is known only after the apply.
fn overlay(values: &mut Node, marks: &Node) {
    if marks.truth() == Some(true) {
        *values = Node::unknown(KNOWN_AFTER_APPLY, values.bytes.clone());
        return;
    }
    match (&mut values.value, &marks.value) {
        (Value::Mapping(pairs), Value::Mapping(marks)) => {
            for mark in marks {
                match pairs.iter_mut().find(|pair| pair.key == mark.key) {
                    Some(pair) => overlay(&mut pair.value, &mark.value),
                    None if mark.value.truth() == Some(true) => {
                        let value = Node::unknown(KNOWN_AFTER_APPLY, mark.value.bytes.clone());
                        let key_bytes = mark.key_bytes.clone();
                        pairs.push(crate::tree::Pair { key: mark.key.clone(), key_bytes, value });
                    }
                    None => {}
                }
            }
        }
        (Value::Sequence(items), Value::Sequence(marks)) => {
            items.iter_mut().zip(marks).for_each(|(item, mark)| overlay(item, mark));
        }
        _ => {}
    }
}

/// Why a value of a plan is unknown.
pub(super) const KNOWN_AFTER_APPLY: &str = "known after apply";

/// The byte of a line and column (both from 1) of serde_json.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

/// A map of a plan's configuration that may be absent or null.
pub(super) type Members<T> = Option<BTreeMap<String, T>>;
