//! The files that declare access, read from the command line's arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{AccountId, ClusterName, Region};
use entryway_formats::{Declared, Format, ReadOptions, Source, local_modules};

use crate::args::Global;
use crate::error::CliError;
use crate::{complete, diagnostics};

/// The file where none is named.
pub(crate) const DEFAULT_FILE: &str = "entryway.yaml";
/// A file may be so long: a Terraform plan of a large fleet is.
const LONGEST_FILE: u64 = 512 << 20;

/// Which files.
#[derive(Debug, Clone, Args)]
pub(crate) struct FileArgs {
    /// Files that declare access (else entryway.yaml): Entryway's own, Terraform (source, plan or state), eksctl,
    /// CloudFormation, manifests; a folder for its Terraform files, `-` for stdin
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The cluster that files are about which name none
    #[arg(short = 'c', long = "cluster-name", visible_aliases = ["cluster", "name"], value_name = "CLUSTER",
          add = ArgValueCompleter::new(complete::clusters))]
    pub(crate) cluster: Option<ClusterName>,
    /// The files' format, where it is not plain from them: entryway, terraform, terraform-json, eksctl, cloudformation,
    /// kubernetes
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// The value of a Terraform variable or CloudFormation parameter; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) variables: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is written as NAME=VALUE".to_owned()),
    }
}

impl FileArgs {
    /// Reads them as one declaration. Account and region are the caller's, for texts that leave them open.
    pub(crate) fn read(
        &self,
        global: &Global,
        account: Option<&AccountId>,
        region: Option<&Region>,
    ) -> Result<Declared, CliError> {
        let files = if self.files.is_empty() { vec![PathBuf::from(DEFAULT_FILE)] } else { self.files.clone() };
        if self.files.is_empty() && !Path::new(DEFAULT_FILE).exists() {
            return Err(CliError::new(format!("there is no `{DEFAULT_FILE}` in this folder, and no file was named"))
                .hint("write one (docs/access-as-code.md), or make it of what is there: `entryway import`"));
        }
        let sources = sources(&files)?;
        diagnostics::value(global, entryway_formats::read_all(&sources, &self.options(account, region)))
    }

    /// How they are read.
    pub(crate) fn options(&self, account: Option<&AccountId>, region: Option<&Region>) -> ReadOptions {
        ReadOptions {
            format: self.format,
            cluster: self.cluster.clone(),
            account: account.cloned(),
            region: region.cloned(),
            variables: self.variables.iter().cloned().collect::<BTreeMap<_, _>>(),
            ..ReadOptions::default()
        }
    }
}

/// The most folders of modules that are read along.
const MOST_FOLDERS: usize = 1_000;

/// The texts of files and folders, and of the folders that Terraform files among them call as modules.
pub(crate) fn sources(files: &[PathBuf]) -> Result<Vec<Arc<Source>>, CliError> {
    let mut all = named(files)?;
    let mut known: BTreeSet<PathBuf> = all.iter().filter_map(|source| folder(Path::new(source.name()))).collect();
    let mut next = 0;
    while let Some(source) = all.get(next).cloned() {
        next += 1;
        let Some(folder_of_source) = folder(Path::new(source.name())).filter(|_| is_terraform(source.name())) else {
            continue;
        };
        for called in local_modules(&source) {
            // What is not there is told where it is called.
            let Ok(there) = folder_of_source.join(&called).canonicalize() else { continue };
            if !there.is_dir() || !known.insert(there) {
                continue;
            }
            if known.len() > MOST_FOLDERS {
                return Err(CliError::new(format!("the modules are in more than {MOST_FOLDERS} folders")));
            }
            let path = Path::new(source.name()).parent().unwrap_or(Path::new("")).join(&called);
            for file in terraform_files(&path)? {
                all.push(self::source(&file)?);
            }
        }
    }
    Ok(all)
}

fn folder(file: &Path) -> Option<PathBuf> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parent.canonicalize().ok()
}

fn named(files: &[PathBuf]) -> Result<Vec<Arc<Source>>, CliError> {
    let mut all = Vec::new();
    for file in files {
        if file.is_dir() {
            let there = terraform_files(file)?;
            if there.is_empty() {
                return Err(CliError::new(format!("the folder `{}` has no Terraform files", file.display()))
                    .hint("name files, or a folder with `.tf` files"));
            }
            for one in &there {
                all.push(source(one)?);
            }
        } else {
            all.push(source(file)?);
        }
    }
    Ok(all)
}

/// Whether a file is in Terraform's language.
fn is_terraform(name: &str) -> bool {
    [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|end| name.ends_with(end))
}

/// What Terraform reads of a folder: `.tf`, and the variables that it takes by itself.
fn terraform_files(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |error: &std::io::Error| CliError::io("can't read the folder", folder, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_source = is_terraform(name);
        let is_values = ["terraform.tfvars", "terraform.tfvars.json"].contains(&name)
            || name.ends_with(".auto.tfvars")
            || name.ends_with(".auto.tfvars.json");
        if (is_source || is_values) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn source(path: &Path) -> Result<Arc<Source>, CliError> {
    let failed = |error: &std::io::Error| CliError::io("can't read", path, error);
    let (name, text) = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().take(LONGEST_FILE).read_to_string(&mut text).map_err(|error| failed(&error))?;
        ("stdin".to_owned(), text)
    } else {
        let length = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
        if length > LONGEST_FILE {
            return Err(CliError::new(format!(
                "`{}` has {length} bytes, and files are read up to {LONGEST_FILE}",
                path.display()
            )));
        }
        (path.display().to_string(), std::fs::read_to_string(path).map_err(|error| failed(&error))?)
    };
    Ok(Source::new(name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_terraform() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["main.tf", "b.auto.tfvars", "terraform.tfvars", "other.tfvars", "x.yaml", ".terraform.lock.hcl"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let read = sources(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> = read.iter().map(|one| one.name().rsplit('/').next().unwrap().to_owned()).collect();
        assert_eq!(names, ["b.auto.tfvars", "main.tf", "terraform.tfvars"]);
        let empty = tempfile::tempdir().unwrap();
        assert!(sources(&[empty.path().to_owned()]).is_err());
        assert!(sources(&[folder.path().join("none.yaml")]).unwrap_err().to_string().contains("none.yaml"));
    }

    #[test]
    fn modules_beside_are_read_along_once() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let main =
            write("prod/main.tf", "module \"a\" { source = \"../mod/a\" }\nmodule \"none\" { source = \"./none\" }\n");
        write("mod/a/a.tf.json", "{\"module\": {\"b\": {\"source\": \"../b\"}}}");
        write("mod/b/b.tf", "module \"a\" { source = \"../a\" }\n");
        write("mod/c/c.tf", "");
        let names = |files: &[PathBuf]| -> Vec<String> {
            let read = sources(files).unwrap();
            read.iter().map(|one| one.name().rsplit('/').next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(std::slice::from_ref(&main)), ["main.tf", "a.tf.json", "b.tf"]);
        assert_eq!(names(&[main, folder.path().join("mod/b")]), ["main.tf", "b.tf", "a.tf.json"]);
    }

    #[test]
    fn variables_have_names() {
        assert_eq!(variable("a=b=c"), Ok(("a".into(), "b=c".into())));
        for bad in ["", "a", "=b"] {
            assert!(variable(bad).is_err());
        }
    }
}
