//! `--fresh`: the data folder emptied of what Entryway made, and of nothing else.

use std::path::Path;

use crate::change;
use crate::error::CliError;
use crate::local;

/// What Entryway makes there.
const OURS: [&str; 4] = ["entryway.redb", "pki", "run.json", "admin.json"];

/// Empties the folder after a question; whether it was agreed to.
pub(super) fn empty(data: &Path, yes: bool) -> Result<bool, CliError> {
    if let Some(run) = local::running(data) {
        return Err(CliError::new(format!("a control plane is running on {} (process {})", data.display(), run.pid))
            .hint("stop it first: `entryway down`"));
    }
    let there: Vec<_> = OURS.iter().map(|name| data.join(name)).filter(|path| path.exists()).collect();
    if there.is_empty() {
        return Ok(true);
    }
    let steps = ["delete all identities, clusters and audit records in it; there is no way back".to_owned()];
    if !change::agree(&format!("This will empty {}:", data.display()), &steps, &change::Guard::default(), yes)? {
        return Ok(false);
    }
    for path in there {
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|error| CliError::io("can't remove", &path, &error))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_entryway_made_goes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("entryway.redb"), "x").unwrap();
        std::fs::create_dir(folder.path().join("pki")).unwrap();
        std::fs::write(folder.path().join("pki/ca.pem"), "x").unwrap();
        std::fs::write(folder.path().join("thesis.txt"), "x").unwrap();
        assert_eq!(empty(folder.path(), true), Ok(true));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["thesis.txt"]);
        assert_eq!(empty(&folder.path().join("missing"), true), Ok(true));
    }
}
