//! Which kubeconfig file is meant, and its text.

use std::path::{Path, PathBuf};

use crate::error::CliError;
use crate::private_file;

/// A kubeconfig file as it is now.
#[derive(Debug, Clone)]
pub(crate) struct KubeconfigFile {
    /// Its absolute path, as it was named.
    pub(crate) path: PathBuf,
    /// Its text; empty where there is no file yet.
    pub(crate) text: String,
}

/// The files that may be meant: the one that is named, else those of `KUBECONFIG`, else `~/.kube/config`.
pub(crate) fn candidates(named: Option<&Path>, variable: Option<&std::ffi::OsStr>) -> Result<Vec<PathBuf>, CliError> {
    if let Some(path) = named {
        return Ok(vec![absolute(path)?]);
    }
    let listed: Vec<PathBuf> = variable
        .map(|value| std::env::split_paths(value).filter(|path| !path.to_string_lossy().trim().is_empty()).collect())
        .unwrap_or_default();
    if listed.is_empty() {
        return Ok(vec![home()?.join(".kube").join("config")]);
    }
    listed.iter().map(|path| absolute(path)).collect()
}

fn home() -> Result<PathBuf, CliError> {
    etcetera::home_dir().map_err(|error| {
        CliError::new(format!("there is no home folder: {error}")).hint("name the file with `--kubeconfig`")
    })
}

/// The path from the root, with `~` as the home folder.
fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    let path = match path.strip_prefix("~") {
        Ok(rest) => home()?.join(rest),
        Err(_) => path.to_owned(),
    };
    std::path::absolute(&path).map_err(|error| CliError::io("can't find", &path, &error))
}

impl KubeconfigFile {
    /// Reads a file; one that is not there is empty.
    pub(crate) fn read(path: PathBuf) -> Result<KubeconfigFile, CliError> {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(CliError::io("can't read the kubeconfig", &path, &error)),
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            CliError::new(format!(
                "the kubeconfig {} is not UTF-8 from its byte {} on",
                path.display(),
                error.utf8_error().valid_up_to()
            ))
            .hint("mend the file, or name another with `--kubeconfig`; nothing was written")
        })?;
        Ok(KubeconfigFile { path, text })
    }

    /// Replaces the file.
    pub(crate) fn write(&self, text: &str) -> Result<(), CliError> {
        private_file::replace(&self.path, text)
            .map_err(|error| CliError::io("can't write the kubeconfig", &self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_files() {
        let files = |named: Option<&str>, variable: Option<&str>| {
            candidates(named.map(Path::new), variable.map(std::ffi::OsStr::new)).unwrap()
        };
        assert_eq!(files(Some("/a/b"), Some("/c")), [PathBuf::from("/a/b")]);
        assert_eq!(files(None, Some("/c:/d")), [PathBuf::from("/c"), PathBuf::from("/d")]);
        assert_eq!(files(None, Some(": :/d")), [PathBuf::from("/d")]);
        assert!(files(None, Some(""))[0].ends_with(".kube/config"));
        assert!(files(None, None)[0].ends_with(".kube/config"));
        assert!(files(Some("~/x"), None)[0].is_absolute());
        assert!(files(Some("rel"), None)[0].is_absolute());
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, b"a: \xff").unwrap();
        let error = KubeconfigFile::read(path).unwrap_err().to_string();
        assert!(error.contains("byte 3"), "{error}");
    }
}
