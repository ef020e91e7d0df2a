//! The story: where it is told, what it remembers, and how it waits for the kernel.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Flags, Stage,
    expected::{Expected, is_orphan},
    follow::{next_door, orphans},
    pace::Pace,
    quiz::Quiz,
    text::wrapped,
};
use crate::{
    command::{self, output_error},
    deadline::Deadline,
    table::{End, Kernel, Protocol, State, Table},
};

/// How long the kernel may take to show what a stage claims. On an idle machine it is there at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// The width to which text is set; rows of the table are as wide as netstat makes them.
const WIDTH: usize = 88;

/// A lesson as it is told.
pub struct Story {
    pub(super) out: Box<dyn Write>,
    pub(super) bold: bool,
    pub(super) kernel: Option<Kernel>,
    pub(super) ports: Vec<u16>,
    /// Ends that no program owned when the story began: in TIME_WAIT, most likely, since an earlier run.
    pub(super) earlier: Vec<End>,
    /// The parts that ends have played so far, newest last: a row keeps its name when it is not the subject.
    pub(super) roles: Vec<(String, End)>,
    /// Ends that a stage has shown in TIME_WAIT, and when that ends.
    pub(super) waiting: Vec<(End, Instant)>,
    pub(super) patience: Duration,
    pub(super) confirmed: usize,
    pub(super) pace: Pace,
    pub(super) quiz: Option<Quiz>,
    pub(super) diagram: bool,
    pub(super) witness: Option<Witness>,
}

type Witness = Box<dyn FnMut(&Table)>;

impl Story {
    /// Begins a story about one port, on stdout, with the commands to run in another terminal.
    ///
    /// # Errors
    /// Stdout is closed. A table that cannot be read is no error: the story says so and goes on.
    pub fn begin(flags: &Flags, about: SocketAddr) -> io::Result<Story> {
        Story::on_stdout(flags, about, Protocol::Tcp)
    }

    /// Begins a story about a UDP port, on stdout. What its stages show is UDP's table, too.
    ///
    /// # Errors
    /// As for [`Story::begin`].
    pub fn begin_with_udp(flags: &Flags, about: SocketAddr) -> io::Result<Story> {
        Story::on_stdout(flags, about, Protocol::Udp)
    }

    fn on_stdout(flags: &Flags, about: SocketAddr, protocol: Protocol) -> io::Result<Story> {
        let stdout = io::stdout();
        let bold = stdout.is_terminal();
        Story::told_on(Box::new(stdout), bold, flags, about, protocol)
    }

    /// Begins a story on stderr, for a lesson that is a program with an output of its own.
    ///
    /// # Errors
    /// As for [`Story::begin`].
    pub fn begin_on_stderr(flags: &Flags, about: SocketAddr) -> io::Result<Story> {
        let stderr = io::stderr();
        let bold = stderr.is_terminal();
        Story::told_on(Box::new(stderr), bold, flags, about, Protocol::Tcp)
    }

    pub(super) fn told_on(
        out: Box<dyn Write>,
        bold: bool,
        flags: &Flags,
        about: SocketAddr,
        protocol: Protocol,
    ) -> io::Result<Story> {
        let mut story = Story {
            out,
            bold,
            kernel: None,
            ports: vec![about.port()],
            earlier: Vec::new(),
            roles: Vec::new(),
            waiting: Vec::new(),
            patience: PATIENCE,
            confirmed: 0,
            pace: flags.pace(),
            quiz: flags.predict.then(Quiz::default),
            diagram: false,
            witness: None,
        };
        next_door(protocol, about.port())
            .iter()
            .try_for_each(|line| story.line(line))?;
        match Kernel::open()
            .and_then(|mut kernel| Ok((orphans(&mut kernel, &story.ports)?, kernel)))
        {
            Ok((_, kernel)) if protocol == Protocol::Udp => story.kernel = Some(kernel),
            Ok((earlier, kernel)) => {
                story.earlier = earlier;
                story.kernel = Some(kernel);
            }
            Err(error) => story.tell(&format!(
                "{error}. Nothing below is checked here: compare it with netstat."
            ))?,
        }
        Ok(story)
    }

    /// The next stage, titled by what has just been done.
    pub fn stage<'a>(&'a mut self, title: &'a str) -> Stage<'a> {
        Stage {
            story: self,
            title,
            why: "",
            passed: "",
            expected: Vec::new(),
            nothing_else: false,
            timers: false,
        }
    }

    /// From now on hands each table that a stage has confirmed to this function, for a record of its own.
    pub fn each_table(&mut self, witness: impl FnMut(&Table) + 'static) {
        self.witness = Some(Box::new(witness));
    }

    /// A paragraph between stages.
    ///
    /// # Errors
    /// The output is closed.
    pub fn tell(&mut self, text: &str) -> io::Result<()> {
        for line in wrapped(text, WIDTH) {
            self.line(&line)?;
        }
        Ok(())
    }

    /// A claim that is not about the table: what a call returned, how long it took. Tells it, if it holds.
    ///
    /// # Errors
    /// It does not hold here; or the output is closed.
    pub fn claim(&mut self, text: &str, holds: bool) -> io::Result<()> {
        if !holds {
            return Err(io::Error::other(format!("not so on this machine: {text}")));
        }
        self.tell(text)
    }

    /// A claim that a call has failed with an error of this kind. Tells it, if it is so.
    ///
    /// # Errors
    /// The call has succeeded, or failed otherwise; or the output is closed.
    pub fn fails<T>(
        &mut self,
        call: &str,
        result: io::Result<T>,
        kind: ErrorKind,
    ) -> io::Result<()> {
        match result {
            Err(error) if error.kind() == kind => self.tell(&format!("{call} gave {kind:?}.")),
            Err(error) if command::is_reader_gone(&error) => Err(error),
            Err(error) => Err(io::Error::other(format!(
                "{call} gave no {kind:?} on this machine: {error}"
            ))),
            Ok(_) => Err(io::Error::other(format!(
                "{call} gave no {kind:?} on this machine: it succeeded"
            ))),
        }
    }

    /// Ends the story with what the kernel has confirmed, and the score of the predictions.
    ///
    /// # Errors
    /// The output is closed.
    pub fn end(mut self) -> io::Result<()> {
        self.line("")?;
        if let Some(quiz) = self.quiz.take() {
            self.line(&quiz.score())?;
        }
        if self.kernel.is_some() {
            self.line(&format!(
                "The kernel has confirmed all {} stages.",
                self.confirmed
            ))?;
        }
        Ok(())
    }

    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
            .and_then(|()| self.out.flush())
            .map_err(output_error)
    }

    /// A line that begins a stage.
    pub(super) fn heading(&mut self, title: &str) -> io::Result<()> {
        self.line("")?;
        match self.bold {
            true => self.line(&format!("\x1b[1m{title}\x1b[0m")),
            false => self.line(title),
        }
    }

    /// Waits until the table shows all that is expected. `Err` holds the last table that did not.
    pub(super) fn confirm(
        &self,
        kernel: &mut Kernel,
        stage: &Expected<'_>,
    ) -> io::Result<Result<Table, Table>> {
        let limit = Deadline::after(self.patience);
        // Looking up the stage's ends costs microseconds: wait with that, then take the table to be shown.
        if kernel.looks_up() && stage.can_be_looked_up() {
            limit.wait_for(|| Ok(self.agrees(stage, &stage.look_up(kernel)?).then_some(())))?;
        }
        let mut last = Table::default();
        let agreed = limit.wait_for(|| {
            last = stage.look(kernel, &self.ports)?;
            last.rows
                .retain(|row| !(is_orphan(row) && self.earlier.contains(&row.end())));
            Ok(self.agrees(stage, &last).then(|| last.clone()))
        })?;
        Ok(agreed.ok_or(last))
    }

    fn agrees(&self, stage: &Expected<'_>, table: &Table) -> bool {
        let all = stage.rows.iter().all(|(_, end, must)| {
            must.holds(table, *end) || (must.is_time_wait() && self.has_run_out(*end))
        });
        let others = table.rows.iter().any(|row| stage.is_stranger(row));
        all && !(stage.nothing_else && others)
    }

    /// Whether an earlier stage has shown this end in TIME_WAIT, and its minute is over: whoever
    /// explains a stage for longer than that must not find the next one refuted.
    fn has_run_out(&self, end: End) -> bool {
        self.waiting
            .iter()
            .any(|&(waiting, until)| waiting == end && until <= Instant::now())
    }

    pub(super) fn remember_time_waits(&mut self, table: &Table) {
        for row in table.rows.iter().filter(|row| row.state == State::TimeWait) {
            let remaining = row
                .timer
                .map_or(Duration::from_secs(60), |timer| timer.remaining);
            self.waiting.push((row.end(), Instant::now() + remaining));
        }
    }
}
