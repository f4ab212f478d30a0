//! Parsed policies, kept by their text: a caller's policies are read for each call, and change seldom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use entryway_iam::policy::PolicyDocument;

use crate::DirectoryError;

/// How many parsed policies are kept; then the cache starts over.
const KEPT: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Documents {
    parsed: Mutex<HashMap<String, Arc<PolicyDocument>>>,
}

impl Documents {
    /// The policy of this text. One that was stored and can't be read any more is an error, never an empty policy:
    /// it might be the one that denies.
    pub(crate) fn parsed(&self, key: &str, text: &str) -> Result<Arc<PolicyDocument>, DirectoryError> {
        if let Some(found) = self.lock().get(text) {
            return Ok(Arc::clone(found));
        }
        let document = PolicyDocument::parse(text)
            .map_err(|error| DirectoryError::Corrupt { key: key.to_owned(), problem: error.to_string() })?;
        let document = Arc::new(document);
        let mut parsed = self.lock();
        if parsed.len() >= KEPT {
            parsed.clear();
        }
        parsed.insert(text.to_owned(), Arc::clone(&document));
        Ok(document)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<PolicyDocument>>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
