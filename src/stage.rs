//! The stage: narrates a lesson, and lets the kernel confirm it.
//!
//! A [`Story`] is told in stages. Each is titled by what has just been done, and says what the
//! kernel must now show. The story waits until the socket table agrees, prints it, and
//! pauses as the reader has asked; if the kernel does not agree in time, the lesson ends with an
//! error that shows both. Narration reads the table and nothing else: a lesson does the same with
//! and without it.

mod claim;
mod diagram;
mod event;
mod expected;
mod follow;
mod must;
mod pace;
mod printer;
mod quiz;
mod recorder;
mod refusal;
mod rows;
mod story;
mod text;

use std::{
    io::{self, ErrorKind},
    panic::Location,
};

pub use event::PassedSegment;
pub use must::{Count, Must, gone, must, time_wait, unconnected};
pub use pace::{Flags, Steps, Target, play, play_with, tell};
pub use story::Story;
pub use text::{WIDTH, titled, wrapped};

use self::{
    claim::Claim,
    event::{Event, Heading},
    expected::Expected,
};
use crate::table::End;

/// One stage, while it is being described. [`Stage::show`] plays it.
#[must_use = "a stage is played by `show`"]
pub struct Stage<'a> {
    story: &'a mut Story,
    title: &'a str,
    /// Where the lesson shows it.
    source: &'static Location<'static>,
    question: &'a str,
    claims: Vec<Claim>,
    why: &'a str,
    passed: &'a str,
    expected: Vec<(&'a str, End, Must)>,
    nothing_else: bool,
    timers: bool,
}

impl<'a> Stage<'a> {
    /// The kernel must show this for the end that plays this role in the story.
    pub fn expect(mut self, role: &'a str, end: End, must: impl Into<Must>) -> Stage<'a> {
        self.expected.push((role, end, must.into()));
        self
    }

    /// The kernel must show this for a connection's client's end.
    pub fn client(self, client: End, must: impl Into<Must>) -> Stage<'a> {
        self.expect("client", client, must)
    }

    /// The kernel must show this for a connection's server's end; given is the client's.
    pub fn server(self, client: End, must: impl Into<Must>) -> Stage<'a> {
        self.expect("server's end", client.other(), must)
    }

    /// The kernel must show these for both ends of a connection; given is the client's.
    pub fn pair(self, client: End, its: impl Into<Must>, servers: impl Into<Must>) -> Stage<'a> {
        self.client(client, its).server(client, servers)
    }

    /// The kernel must show these for the four ends of two connections with a proxy between: the
    /// client, the proxy's end to it, the proxy's end to the server, the server. Given are the
    /// clients' ends: the second connection's client is the proxy.
    pub fn proxied(
        self,
        client: End,
        proxy: End,
        [its, proxys, other, servers]: [impl Into<Must>; 4],
    ) -> Stage<'a> {
        self.client(client, its)
            .expect("proxy, to the client", client.other(), proxys)
            .expect("proxy, to the server", proxy, other)
            .expect("server", proxy.other(), servers)
    }

    /// And no other row of the listeners that this stage names.
    pub fn nothing_else(mut self) -> Stage<'a> {
        self.nothing_else = true;
        self
    }

    /// Prints the timers too, as `netstat -nato` does.
    pub fn timers(mut self) -> Stage<'a> {
        self.timers = true;
        self
    }

    /// What is to be understood from the table, told after it.
    pub fn why(mut self, why: &'a str) -> Stage<'a> {
        self.why = why;
        self
    }

    /// The question that this stage answers: with `--step` it is asked before the answer is shown.
    pub fn asks(mut self, question: &'a str) -> Stage<'a> {
        self.question = question;
        self
    }

    /// A claim that is not about the table: what a call returned, how long it took. If it holds, it
    /// is printed after the explanation, before the pause. If it does not, the stage fails.
    pub fn claim(mut self, text: impl Into<String>, holds: bool) -> Stage<'a> {
        self.claims.push(Claim::that(text, holds));
        self
    }

    /// A claim that a call has failed with an error of this kind.
    pub fn fails<T>(mut self, call: &str, result: io::Result<T>, kind: ErrorKind) -> Stage<'a> {
        self.claims.push(Claim::failure(call, result, kind));
        self
    }

    /// What has been seen besides the table, on the wire for instance:
    /// printed before it, line by line.
    pub fn passed(mut self, lines: &'a str) -> Stage<'a> {
        self.passed = lines;
        self
    }

    /// Plays the stage: prints the title, asks, waits for the kernel to agree, prints the table,
    /// explains, claims, pauses.
    ///
    /// # Errors
    /// The kernel did not agree (the message shows both), a claim does not hold, or the output is
    /// closed.
    pub fn show(self) -> io::Result<()> {
        let Stage {
            story,
            title,
            source,
            question,
            claims,
            why,
            passed,
            ..
        } = self;
        let expected = Expected {
            rows: self.expected,
            nothing_else: self.nothing_else,
        };
        story.confirmed += 1;
        let named = |end: &End| expected.rows.iter().any(|(_, other, _)| other == end);
        story.earlier.retain(|end| !named(end)); // the same addresses again: ours now
        for (_, end, _) in &expected.rows {
            story.follow(*end)?;
        }
        story.roles.extend(
            expected
                .rows
                .iter()
                .map(|(role, end, _)| ((*role).to_owned(), *end)),
        );
        let heading = Heading {
            number: story.confirmed,
            title,
            source,
            question,
        };
        story.emit(&Event::Stage(&heading))?;
        let title = heading.numbered();
        story.refuse_if_asked(&format!("stage `{title}`"))?;
        if !passed.is_empty() {
            story.emit(&Event::Passed(passed))?;
        }
        if let Some(mut kernel) = story.kernel.take() {
            let confirmed = story.confirm(&mut kernel, &expected)?;
            story.kernel = Some(kernel);
            let table =
                confirmed.map_err(|(table, stuck)| expected.refuted(&title, &stuck, &table))?;
            story.remember_what_timers_keep(&table);
            for name in expected.not_reported(&table) {
                *story.unchecked.entry(name).or_default() += 1;
            }
            story.emit(&Event::Confirmed(&expected.rows))?;
            let shown = story.shown(&table, &expected, self.timers);
            story.emit(&Event::Shown(&shown))?;
        }
        if !why.is_empty() {
            story.emit(&Event::Explained(why))?;
        }
        for claim in claims {
            story.settle(claim)?;
        }
        story.emit(&Event::StageEnds)?;
        story.emit(&Event::Pause)
    }
}

#[cfg(test)]
mod tests;
