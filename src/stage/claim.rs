//! What a lesson claims besides the table: what a call returned, how long it took.

use std::io::{self, ErrorKind};

use super::story::refused;
use crate::command;

/// A claim, and whether it holds.
pub(super) struct Claim {
    /// As it is printed if it holds. It may begin with an empty line.
    pub(super) text: String,
    /// The error if it does not.
    holds: io::Result<()>,
}

impl Claim {
    pub(super) fn that(text: impl Into<String>, holds: bool) -> Claim {
        let text = text.into();
        let holds = match holds {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "not so on this machine: {}",
                text.trim()
            ))),
        };
        Claim { text, holds }
    }

    /// That a call has failed with an error of this kind.
    pub(super) fn failure<T>(call: &str, result: io::Result<T>, kind: ErrorKind) -> Claim {
        let instead = |what: String| {
            io::Error::other(format!("{call} gave no {kind:?} on this machine: {what}"))
        };
        let holds = match result {
            Err(error) if error.kind() == kind => Ok(()),
            Err(error) if command::is_reader_gone(&error) => Err(error),
            Err(error) => Err(instead(error.to_string())),
            Ok(_) => Err(instead("it succeeded".to_owned())),
        };
        Claim {
            text: format!("{call} gave {kind:?}."),
            holds,
        }
    }

    /// Its text. If it does not hold, the program ends from now on.
    ///
    /// # Errors
    /// It does not hold; or the output is closed.
    pub(super) fn settle(self) -> io::Result<String> {
        match self.holds {
            Ok(()) => Ok(self.text),
            Err(error) if command::is_reader_gone(&error) => Err(error),
            Err(error) => Err(refused(error.to_string())),
        }
    }
}
