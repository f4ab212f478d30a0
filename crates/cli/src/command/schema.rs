//! `entryway schema`: the JSON Schema of the access file, for editors; with files, whether they are as they should be.

use std::path::PathBuf;

use clap::Args;

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{declared, diagnostics, output};

/// What may be written behind `schema`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  entryway schema > entryway.schema.json\n  entryway schema entryway.yaml")]
pub(crate) struct SchemaArgs {
    /// Check these files, as `plan` reads them, in place of printing the schema; no cluster is asked
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Prints the schema, or checks files.
pub(crate) fn run(global: &Global, args: &SchemaArgs) -> Result<Exit, CliError> {
    if args.files.is_empty() {
        output::print(entryway_formats::schema())?;
        return Ok(Exit::Yes);
    }
    // Which cluster a file without one is about does not matter to whether it is right.
    let options =
        entryway_formats::ReadOptions { cluster: "any".parse().ok(), ..entryway_formats::ReadOptions::default() };
    let sources = declared::sources(&args.files)?;
    let declared = diagnostics::value(global, entryway_formats::read_all(&sources, &options))?;
    if !global.quiet {
        let entries: usize = declared.clusters.iter().map(|cluster| cluster.entries.len()).sum();
        let (clusters, entries) =
            (output::count(declared.clusters.len(), "cluster", "clusters"), output::count(entries, "entry", "entries"));
        output::print(&format!("valid: {clusters}, {entries}\n"))?;
    }
    Ok(Exit::Yes)
}
