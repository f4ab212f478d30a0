//! The control plane on this machine, as its data folder shows it: what is running, and the administrator's keys.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use entryway_server::{RunInfo, read_run_file};
use etcetera::BaseStrategy;

use crate::error::CliError;

/// How long a loopback connection may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// The data folder that is meant: the named one, else `entryway` in the user's data folder.
pub(crate) fn data_folder(named: Option<&Path>) -> Result<PathBuf, CliError> {
    match named {
        Some(path) => std::path::absolute(path).map_err(|error| CliError::io("can't find", path, &error)),
        None => Ok(default_folder()?),
    }
}

fn default_folder() -> Result<PathBuf, CliError> {
    let dirs = etcetera::choose_base_strategy().map_err(|error| {
        CliError::new(format!("there is no home folder: {error}")).hint("name a folder with `--data`")
    })?;
    Ok(dirs.data_dir().join("entryway"))
}

/// What runs on a data folder; `None` where nothing does. A file that a `kill -9` left behind is not enough:
/// somebody has to listen there.
pub(crate) fn running(data: &Path) -> Option<RunInfo> {
    read_run_file(data).filter(|run| answers(&run.api))
}

/// The API of what runs on the default data folder, for hints.
pub(crate) fn running_by_default() -> Option<String> {
    running(&default_folder().ok()?).map(|run| run.api)
}

/// Whether somebody listens at the URL.
pub(crate) fn answers(api: &str) -> bool {
    let authority = api.trim_start_matches("http://").trim_end_matches('/');
    let Ok(addresses) = authority.to_socket_addrs() else { return false };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_left_behind_is_not_running() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(running(folder.path()), None);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let run = RunInfo {
            pid: 1,
            api: format!("http://{}", listener.local_addr().unwrap()),
            data: folder.path().to_owned(),
            region: "us-east-1".into(),
            account: "111122223333".into(),
            clusters: Vec::new(),
        };
        std::fs::write(folder.path().join("run.json"), serde_json::to_string(&run).unwrap()).unwrap();
        assert_eq!(running(folder.path()), Some(run));
        drop(listener);
        assert_eq!(running(folder.path()), None);
        std::fs::write(folder.path().join("run.json"), "{").unwrap();
        assert_eq!(running(folder.path()), None);
    }
}
