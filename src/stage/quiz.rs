//! `--predict`: which state will each end be in? Asked before the table is shown, graded after it.
//! Or another question, where there is no table.

use std::io::{self, Write};

use super::{
    event::{Consumer, Event},
    must::Must,
    pace::ask,
    printer::Output,
    text::{WIDTH, wrapped},
};
use crate::{
    asking::Asking,
    command::output_error,
    table::{End, State},
};

/// Asks about each stage before its table is printed, and grades the answers after it.
pub(super) struct Predictions {
    out: Output,
    quiz: Quiz,
    /// What is asked about: each role, and the state that is right, if its end has a row.
    asked: Vec<(String, Option<State>)>,
    guesses: Vec<String>,
    /// While a question is open, from the first call that changes what the kernel shows.
    asking: Option<Asking>,
}

impl Predictions {
    /// It writes where the printer does, and gets each event after it: so a pause is over when the
    /// next question opens.
    pub(super) fn on(out: Output) -> Predictions {
        Predictions {
            out,
            quiz: Quiz::default(),
            asked: Vec::new(),
            guesses: Vec::new(),
            asking: Asking::begin(),
        }
    }
}

impl Consumer for Predictions {
    fn take(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Confirmed(rows) => {
                let asked = rows
                    .iter()
                    .map(|(role, _, must)| ((*role).to_owned(), must.state()));
                self.asked = asked.collect();
                self.guesses = self.quiz.ask(&mut self.out, rows)?;
            }
            Event::Shown(_) => self.quiz.grade(&mut self.out, &self.asked, &self.guesses)?,
            Event::StageEnds => self.asking = None,
            Event::Pause if !self.quiz.is_over() => self.asking = Asking::begin(),
            Event::LastStageOver => self.out.line(&self.quiz.score())?,
            _ => {}
        }
        Ok(())
    }
}

/// The score so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiz {
    asked: usize,
    right: usize,
    /// Whether stdin has ended: then no question can be asked.
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
            let mut states: Vec<&str> = State::ALL.into_iter().map(name).collect();
            states.sort_by_key(|&name| name == "CLOSED");
            let all = format!("(States: {}: no row.)", states.join(", "));
            for line in wrapped(&all, WIDTH) {
                writeln!(out, "{line}").map_err(output_error)?;
            }
        }
        let mut guesses = Vec::new();
        for (role, end, _) in rows {
            while !self.over {
                match ask(out, &format!("State of the {role}, {end}? "))? {
                    Some(guess) if is_known(&guess) => {
                        guesses.push(guess);
                        break;
                    }
                    Some(_) => writeln!(out, "(not one of the states)").map_err(output_error)?,
                    None => self.over = true,
                }
            }
        }
        Ok(guesses)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Asks for names, in their order, and says whether they were right.
    /// Nothing is "I do not know".
    pub(super) fn ask_names(
        &mut self,
        out: &mut impl Write,
        question: &str,
        names: &[&str],
    ) -> io::Result<()> {
        let Some(guess) = ask(out, &format!("{question} "))? else {
            self.over = true;
            return Ok(());
        };
        let words = guess.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let right = words.join(" ").eq_ignore_ascii_case(&names.join(" "));
        self.asked += usize::from(!words.is_empty());
        self.right += usize::from(right);
        let verdict = match words.len() {
            _ if right => "right".to_owned(),
            0 => "not predicted".to_owned(),
            _ => format!("you said {guess}"),
        };
        writeln!(out, "{} ({verdict})", names.join(" ")).map_err(output_error)
    }

    /// Says which guesses were right.
    pub(super) fn grade(
        &mut self,
        out: &mut impl Write,
        asked: &[(String, Option<State>)],
        guesses: &[String],
    ) -> io::Result<()> {
        for ((role, state), guess) in asked.iter().zip(guesses) {
            let truth = state.unwrap_or(State::Close);
            let right = is_right(guess, truth);
            let shown = match state {
                Some(State::Close) => "no state", // a UDP socket that is not connected
                _ => name(truth),
            };
            self.asked += usize::from(!guess.is_empty());
            self.right += usize::from(right);
            let verdict = match guess.as_str() {
                _ if right => "right".to_owned(),
                "" => "not predicted".to_owned(),
                guess => format!("you said {guess}"),
            };
            writeln!(out, "{role}: {shown} ({verdict})").map_err(output_error)?;
        }
        Ok(())
    }

    pub(super) fn score(&self) -> String {
        format!("Predicted: {} of {}.", self.right, self.asked)
    }
}

/// netstat's name, but that RFC 9293 says CLOSED where netstat has a row no more.
fn name(state: State) -> &'static str {
    if state == State::Close {
        "CLOSED"
    } else {
        state.name()
    }
}

/// The state that is meant, if it is one. CLOSED may be called by what
/// netstat shows of it: nothing.
fn meant(guess: &str) -> Option<State> {
    let nothing = ["none", "gone", "nothing", "no row"];
    if nothing.contains(&guess.to_ascii_lowercase().as_str()) {
        return Some(State::Close);
    }
    guess.parse().ok()
}

fn is_known(guess: &str) -> bool {
    guess.is_empty() || meant(guess).is_some()
}

fn is_right(guess: &str, truth: State) -> bool {
    meant(guess) == Some(truth)
}

#[cfg(test)]
mod tests {
    use super::{State, is_known, is_right};

    #[test]
    fn a_slip_of_the_hand_is_no_prediction() {
        assert!(!is_known("FIN_WIAT1"));
        assert!(is_known("") && is_known("fin wait 1") && is_known("no row"));
    }

    #[test]
    fn closed_is_what_netstat_shows_no_row_for() {
        assert!(is_right("closed", State::Close));
        assert!(is_right("None", State::Close));
        assert!(!is_right("none", State::TimeWait));
        assert!(!is_right("", State::Close));
    }
}
