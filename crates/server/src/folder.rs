//! The data folder and the private files in it: folders are 0700, files 0600.
//!
//! A folder that others could write to, or that holds something else, is refused: the store's keys open clusters.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use entryway_store::EmbeddedStore;

/// Why the data folder can't be used. None is worth a retry before something else changed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system said no.
    #[error("{path} can't be {what}: {error}{}", advice(.error))]
    Io {
        /// The file or folder.
        path: String,
        /// What was tried: `read`, `written`, …
        what: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// Something that is no folder stands there.
    #[error("{0} is not a folder; name another with --data")]
    NoFolder(String),
    /// It has files that are not Entryway's.
    #[error("{0} holds files that are not Entryway's; name an empty or new folder with --data")]
    Foreign(String),
    /// Another user owns it.
    #[error("{path} belongs to user {owner}, and this process runs as user {user}; name another folder with --data")]
    OtherOwner {
        /// The folder.
        path: String,
        /// Its owner's id.
        owner: u32,
        /// This process's user id.
        user: u32,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; get the rights to it, or name another folder with --data"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room, or name another folder with --data",
        _ => "",
    }
}

fn io_error(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.display().to_string();
    move |error| FolderError::Io { path, what, error }
}

/// Makes the data folder, or checks the one that is there and closes it to others. Gives its absolute path.
pub(crate) fn open(data: &Path) -> Result<PathBuf, FolderError> {
    if data.exists() {
        if !data.is_dir() {
            return Err(FolderError::NoFolder(data.display().to_string()));
        }
        if !data.join(EmbeddedStore::FILE).exists() && !is_fresh(data)? {
            return Err(FolderError::Foreign(data.display().to_string()));
        }
    }
    private_folder(data)?;
    let data = fs::canonicalize(data).map_err(io_error(data, "opened"))?;
    // Rights by mode bits do not tell of read-only file systems.
    let probe = data.join(".probe");
    write_passing(&probe, b"")?;
    fs::remove_file(&probe).map_err(io_error(&probe, "removed"))?;
    Ok(data)
}

/// Whether nothing is in it but what a first start that was cut short left behind.
fn is_fresh(data: &Path) -> Result<bool, FolderError> {
    const OURS: [&str; 5] = ["pki", "admin.json", "run.json", ".probe", "lost+found"];
    for entry in fs::read_dir(data).map_err(io_error(data, "read"))? {
        let name = entry.map_err(io_error(data, "read"))?.file_name();
        if !OURS.iter().any(|ours| name == *ours) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a folder of mode 0700, or gives the one that is there this mode.
pub(crate) fn private_folder(path: &Path) -> Result<(), FolderError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error(path, "made"))?;
    let found = fs::metadata(path).map_err(io_error(path, "read"))?;
    let user = own_user(path)?;
    if found.uid() != user {
        return Err(FolderError::OtherOwner { path: path.display().to_string(), owner: found.uid(), user });
    }
    if found.mode() & 0o777 != 0o700 {
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(io_error(path, "closed to others"))?;
    }
    Ok(())
}

/// The id of the user that files of this process belong to.
fn own_user(near: &Path) -> Result<u32, FolderError> {
    // Linux tells without a file; elsewhere a file of our own has it.
    if let Ok(own) = fs::metadata("/proc/self") {
        return Ok(own.uid());
    }
    let probe = std::env::temp_dir().join(format!("entryway-{}", std::process::id()));
    let uid = File::create(&probe).and_then(|file| file.metadata()).map_err(io_error(near, "checked"))?.uid();
    let _ = fs::remove_file(&probe);
    Ok(uid)
}

/// Reads a private file; `None` where it is missing. One that others could read is closed to them.
pub(crate) fn read(path: &Path) -> Result<Option<String>, FolderError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path, "read")(error)),
    };
    let mode = file.metadata().map_err(io_error(path, "read"))?.mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "was open to other users and has been closed to them");
        file.set_permissions(Permissions::from_mode(0o600)).map_err(io_error(path, "closed to others"))?;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(io_error(path, "read"))?;
    Ok(Some(text))
}

/// Writes a private file, whole or not at all, and onto the disk. One that is there as it should be is left alone.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), FolderError> {
    if read(path).is_ok_and(|found| found.is_some_and(|found| found.as_bytes() == content)) {
        return Ok(());
    }
    replace(path, content, File::sync_all)
}

/// The same for a file that means nothing after a crash, and so need not wait for the disk.
pub(crate) fn write_passing(path: &Path, content: &[u8]) -> Result<(), FolderError> {
    replace(path, content, |_| Ok(()))
}

fn replace(path: &Path, content: &[u8], settle: fn(&File) -> io::Result<()>) -> Result<(), FolderError> {
    let temporary = path.with_extension("new");
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        settle(&file)?;
        fs::rename(&temporary, path)
    })();
    written.map_err(io_error(path, "written"))
}

/// Puts a private file in another's place, and that onto the disk.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), FolderError> {
    fs::rename(from, to).map_err(io_error(from, "renamed"))?;
    let parent = to.parent().unwrap_or(to);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(io_error(parent, "written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn folders_and_files_are_private() {
        let base = tempfile::tempdir().unwrap();
        let data = open(&base.path().join("a/b")).unwrap();
        assert_eq!(mode(&data), 0o700);
        write(&data.join("admin.json"), b"secret").unwrap();
        assert_eq!(mode(&data.join("admin.json")), 0o600);

        // Opened to others since: closed again.
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(data.join("admin.json"), Permissions::from_mode(0o644)).unwrap();
        open(&data).unwrap();
        assert_eq!(read(&data.join("admin.json")).unwrap().as_deref(), Some("secret"));
        assert_eq!((mode(&data), mode(&data.join("admin.json"))), (0o700, 0o600));
        assert_eq!(read(&data.join("nothing")).unwrap(), None);
    }

    #[test]
    fn other_peoples_folders_are_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("thesis.tex"), "…").unwrap();
        assert!(matches!(open(base.path()), Err(FolderError::Foreign(_))));
        assert!(matches!(open(&base.path().join("thesis.tex")), Err(FolderError::NoFolder(_))));
        assert!(matches!(open(&base.path().join("thesis.tex/x")), Err(FolderError::Io { .. })));
    }
}
