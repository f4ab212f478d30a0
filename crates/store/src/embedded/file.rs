//! The file: made whole or not at all, opened with a small cache, refused clearly when it is not ours.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, StorageBackend};

use super::fault::{Fault, at_io};
use super::{EmbeddedStore, tables};
use crate::StoreError;

/// redb's page cache, for reads and for the pages of a commit under way. Its own default is 1 GiB.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// The path of the store's file in `folder`, which is made where it is missing.
pub(super) fn in_folder(folder: &Path) -> Result<PathBuf, StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| at_io(&error, folder))?;
    Ok(folder.join(EmbeddedStore::FILE))
}

/// Opens the file, or makes it.
pub(super) fn open(path: &Path) -> Result<Database, Fault> {
    loop {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => return open_file(file, path),
            Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(at_io(&error, path).into()),
        }
    }
}

fn open_file(file: File, path: &Path) -> Result<Database, Fault> {
    // An empty file is what an interrupted copy leaves; redb would take it for a new database.
    if file.metadata().map_err(|error| at_io(&error, path))?.len() == 0 {
        return Err(at_io(&ErrorKind::UnexpectedEof.into(), path).into());
    }
    open_backend(FileBackend::new(file)?)
}

/// Opens what the backend holds and checks that it is a store of this version.
pub(super) fn open_backend(backend: impl StorageBackend) -> Result<Database, Fault> {
    let db = builder().create_with_backend(backend)?;
    tables::check_format(&db)?;
    Ok(db)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Makes an empty store under another name and then gives it its name, so that no crash leaves half a file
/// behind, and of two processes that start at once one wins.
fn create(path: &Path) -> Result<(), StoreError> {
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let io = |error: std::io::Error| at_io(&error, path);
    remove_if_there(&draft).map_err(io)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&draft).map_err(io)?;
    fill(file).map_err(|fault| fault.at(path))?;
    match fs::hard_link(&draft, path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        // A file system without hard links.
        Err(_) => fs::rename(&draft, path).map_err(io)?,
    }
    remove_if_there(&draft).map_err(io)?;
    sync_folder(path).map_err(io)
}

fn fill(file: File) -> Result<(), Fault> {
    let db = builder().create_with_backend(FileBackend::new(file)?)?;
    tables::create(&db)?;
    Ok(db.close()?)
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the file's name durable. (Only Unix lets a folder be flushed.)
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent().filter(|_| cfg!(unix)) {
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
