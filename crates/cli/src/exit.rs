//! Exit codes: a promise to scripts (`grep` and `diff` have the same).

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Yes, done, the same.
    Yes,
    /// No, different.
    No,
    /// It could not be done: bad usage, refused, unreachable.
    Failed,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Yes => 0,
            Exit::No => 1,
            Exit::Failed => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_as_promised() {
        assert_eq!([Exit::Yes, Exit::No, Exit::Failed].map(Exit::code), [0, 1, 2]);
    }
}
