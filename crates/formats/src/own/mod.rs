//! Entryway's own file: `docs/access-file.md` is for people, `schema/entryway.schema.json` for editors.
//!
//! Strict: a key that is not known is an error, since a grant that silently does nothing is the worst kind.
//! All mistakes are said at once. Nothing is resolved against the world.

mod body;
mod read;
mod rules;
mod splice;
#[cfg(test)]
mod tests;
mod update;
mod write;

pub(crate) use read::read;
pub use update::update;
pub(crate) use write::write;

/// The JSON Schema of the file, for editors and for `entryway schema`.
pub fn schema() -> &'static str {
    include_str!("../../schema/entryway.schema.json")
}
