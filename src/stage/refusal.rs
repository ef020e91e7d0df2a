//! The maintainer's switch: `REFUSE=3` refuses the third of a lesson's stages and claims, as if the
//! kernel had not confirmed it, to see how the lesson ends then. `REFUSE=0` refuses none, and the
//! lesson says at its end how many there are.

use std::{env, io};

/// The name of the environment variable.
const REFUSE: &str = "REFUSE";

/// Counts stages and claims, and knows which is to be refused.
#[derive(Debug)]
pub(super) struct Refusals {
    refused: Option<usize>,
    so_far: usize,
}

impl Refusals {
    /// As the environment asks.
    pub(super) fn by_environment() -> io::Result<Refusals> {
        let refused = match env::var(REFUSE) {
            Ok(text) => Some(text.parse().map_err(|_| {
                let message = format!("{REFUSE} is the number of a stage or claim, not `{text}`");
                io::Error::new(io::ErrorKind::InvalidInput, message)
            })?),
            Err(_) => None,
        };
        Ok(Refusals::of(refused))
    }

    /// Refuses this one, or, where it is 0, only counts.
    pub(super) fn of(refused: Option<usize>) -> Refusals {
        Refusals { refused, so_far: 0 }
    }

    /// How many there were, if REFUSE asks for that.
    pub(super) fn counted(&self) -> Option<String> {
        let asked = self.refused == Some(0);
        asked.then(|| format!("{} stages and claims can be refused.", self.so_far))
    }

    /// Counts one more. If it is to be refused, returns a word on who has asked for that.
    pub(super) fn next(&mut self) -> Option<String> {
        self.so_far += 1;
        let refused = self.refused == Some(self.so_far);
        refused.then(|| format!("refused, as {REFUSE}={} asks", self.so_far))
    }
}
