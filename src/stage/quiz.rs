//! `--predict`: which state will each end be in? Asked before the table is shown, graded after it.

use std::io::{self, Write};

use super::{must::Must, pace::ask};
use crate::{
    command::output_error,
    table::{End, State},
};

/// The score so far.
#[derive(Debug, Default)]
pub(super) struct Quiz {
    asked: usize,
    right: usize,
    /// Whether stdin has ended: nobody is there to be asked.
    over: bool,
}

impl Quiz {
    /// One answer for each end; an empty one is "I do not know".
    pub(super) fn ask(
        &mut self,
        out: &mut impl Write,
        rows: &[(&str, End, Must)],
    ) -> io::Result<Vec<String>> {
        if self.asked == 0 && !self.over {
            let states: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
            writeln!(out, "(States: {}.)", states.join(", ")).map_err(output_error)?;
        }
        let mut guesses = Vec::new();
        for (role, end, _) in rows {
            if self.over {
                break;
            }
            match ask(out, &format!("State of the {role}, {end}? "))? {
                Some(guess) => guesses.push(guess),
                None => self.over = true,
            }
        }
        Ok(guesses)
    }

    /// Says which guesses were right. Every end counts as asked, an answer or none.
    pub(super) fn grade(
        &mut self,
        out: &mut impl Write,
        rows: &[(&str, End, Must)],
        guesses: &[String],
    ) -> io::Result<()> {
        for ((role, _, must), guess) in rows.iter().zip(guesses) {
            let truth = must.state().unwrap_or(State::Close);
            let right = is_right(guess, truth);
            self.asked += 1;
            self.right += usize::from(right);
            let verdict = match guess.as_str() {
                _ if right => "right".to_owned(),
                "" => "not predicted".to_owned(),
                guess => format!("you said {guess}"),
            };
            writeln!(out, "{role}: {truth} ({verdict})").map_err(output_error)?;
        }
        Ok(())
    }

    pub(super) fn score(&self) -> String {
        format!("Predicted: {} of {}.", self.right, self.asked)
    }
}

/// CLOSED may be called by what netstat shows of it: nothing.
fn is_right(guess: &str, truth: State) -> bool {
    let nothing = ["none", "gone", "nothing", "no row"];
    guess.parse() == Ok(truth)
        || (truth == State::Close && nothing.contains(&guess.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::{State, is_right};

    #[test]
    fn closed_is_what_netstat_shows_no_row_for() {
        assert!(is_right("closed", State::Close));
        assert!(is_right("None", State::Close));
        assert!(!is_right("none", State::TimeWait));
        assert!(!is_right("", State::Close));
    }
}
