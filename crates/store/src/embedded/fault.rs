//! redb's many error types as one, and that one as the store's.

use std::io::ErrorKind;
use std::path::Path;

use redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};

use crate::StoreError;

/// What went wrong below, before it is known of which file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Redb(redb::Error),
    #[error("format {found} instead of {known}")]
    OtherFormat { found: u64, known: u64 },
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Redb(error.into())
            }
        }
    )*};
}
from_redb!(CommitError, DatabaseError, StorageError, TableError, TransactionError);

impl Fault {
    /// The file's content makes no sense.
    pub(super) fn damaged(how: &str) -> Self {
        Self::Redb(redb::Error::Corrupted(how.to_owned()))
    }

    /// The error of the store for the file at `path`.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let broken = |problem: String| StoreError::Broken { path: path.display().to_string(), problem };
        match self {
            Self::Store(error) => error,
            Self::OtherFormat { found, known } => broken(format!(
                "it is of format {found}, this version reads format {known}; \
                 use the version of entryway that wrote it, or choose another data folder"
            )),
            Self::Redb(error) => match error {
                redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                    StoreError::InUse { path: path.display().to_string() }
                }
                redb::Error::UpgradeRequired(version) => {
                    broken(format!("redb's file format {version} is not the one this version reads; {MOVE_AWAY}"))
                }
                redb::Error::Io(error) => at_io(&error, path),
                redb::Error::Corrupted(how) => broken(format!("it is damaged ({how}); {RESTORE}")),
                redb::Error::TableTypeMismatch { .. }
                | redb::Error::TableIsMultimap(_)
                | redb::Error::TableDoesNotExist(_)
                | redb::Error::TypeDefinitionChanged { .. } => {
                    broken(format!("it is a redb file, but not a store; {MOVE_AWAY}"))
                }
                other => StoreError::Unavailable(format!("{}: {other}", path.display())),
            },
        }
    }
}

const MOVE_AWAY: &str = "move it away, or choose another data folder";
const RESTORE: &str = "restore it from a copy, or move it away to start afresh";

/// The error of the store for an I/O error at `path`.
pub(super) fn at_io(error: &std::io::Error, path: &Path) -> StoreError {
    let path = path.display().to_string();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            StoreError::NoAccess { path, problem: format!("{error}; run as its owner, or choose another data folder") }
        }
        ErrorKind::InvalidData => StoreError::Broken { path, problem: format!("it is not a store; {MOVE_AWAY}") },
        ErrorKind::UnexpectedEof => StoreError::Broken { path, problem: format!("it is cut short; {RESTORE}") },
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            StoreError::Broken { path, problem: format!("{error}; {MOVE_AWAY}") }
        }
        _ => StoreError::Unavailable(format!("{path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The superuser is refused nothing, so the rule is tested apart from a file.
    #[test]
    fn io_errors() {
        for (kind, expected) in [
            (
                ErrorKind::PermissionDenied,
                "/f can't be opened: permission denied; run as its owner, or choose another data folder",
            ),
            (
                ErrorKind::InvalidData,
                "/f can't be read as a store: it is not a store; move it away, or choose another data folder",
            ),
            (
                ErrorKind::UnexpectedEof,
                "/f can't be read as a store: it is cut short; restore it from a copy, or move it away to start afresh",
            ),
            (ErrorKind::StorageFull, "the store is unavailable: /f: no storage space"),
        ] {
            assert_eq!(at_io(&kind.into(), Path::new("/f")).to_string(), expected);
        }
    }
}
