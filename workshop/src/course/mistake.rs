//! The mistakes of an exercise: a list of them, or the program that makes one.

use std::io::{self, ErrorKind};

use socket_workshop::say;
use textwrap::{Options, fill};

use super::{Course, did_you_mean, find};

use crate::mistakes::{Mistake, read};

impl Course {
    /// Lists the mistakes of an exercise, or prints the program that makes the one of this name.
    ///
    /// # Errors
    /// There is no such exercise or no such mistake ([`ErrorKind::InvalidInput`]), or the files of
    /// the mistakes cannot be read.
    pub fn mistake(&self, exercise: &str, name: Option<&str>) -> io::Result<()> {
        let exercise = find(exercise)?;
        let folder = self.root.join("workshop/exercises").join(exercise.name);
        let mistakes = read(&folder).map_err(io::Error::other)?;
        let Some(name) = name else {
            return list(&mistakes);
        };
        let mistake = mistakes.iter().find(|mistake| mistake.name == name);
        let mistake = mistake.ok_or_else(|| {
            let names = mistakes.iter().map(|mistake| &*mistake.name);
            let did_you_mean = did_you_mean(name, names).unwrap_or_else(|| {
                format!("`cargo workshop mistake {}` lists them", exercise.name)
            });
            let what = format!("{} has no mistake `{name}`; {did_you_mean}", exercise.name);
            io::Error::new(ErrorKind::InvalidInput, what)
        })?;
        say!("{}\n{}", mistake.head(), mistake.program.trim_end())
    }
}

fn list(mistakes: &[Mistake]) -> io::Result<()> {
    for Mistake {
        name, description, ..
    } in mistakes
    {
        let indented = Options::new(84)
            .initial_indent("    ")
            .subsequent_indent("    ");
        say!("{name}\n{}", fill(description, indented))?;
    }
    Ok(())
}
