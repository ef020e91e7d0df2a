//! The story: where it is told, what it remembers, and how it waits for the kernel.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{self, ErrorKind, IsTerminal},
    mem,
    net::SocketAddr,
    panic::Location,
    thread,
    time::{Duration, Instant},
};

use super::{
    Flags, Stage,
    claim::Claim,
    event::{Consumer, Ending, Event, PassedSegment},
    expected::Expected,
    follow::orphans,
    pace::Pace,
    printer::Printer,
    quiz::Predictions,
    recorder::Recorder,
    refusal::Refusals,
};
use crate::{
    command,
    table::{End, Kernel, Neighbourhood, Protocol, Row, Table, TimerKind, own_sockets},
    threads,
    wait::{Look, Stuck, World, wait},
};

/// When a stage is given up although something still moves. On an idle
/// machine it is confirmed at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than anybody waits.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A lesson as it is told.
pub struct Story {
    pub(super) printer: Printer,
    /// All others that get each event, after the printer.
    consumers: Vec<Box<dyn Consumer>>,
    /// Returns the segments that have passed since the last event, where the lesson captures.
    segments: Box<dyn FnMut() -> Vec<PassedSegment>>,
    pub(super) kernel: Option<Kernel>,
    /// The rows of the story's ports.
    pub(super) neighbourhood: RefCell<Neighbourhood>,
    /// Ends that no program owned when the story began: in TIME_WAIT, most likely, since an
    /// earlier run.
    pub(super) earlier: Vec<End>,
    /// How many of them the reader has been told of.
    pub(super) earlier_told: usize,
    /// The parts that ends have played so far, newest last: a row keeps
    /// its name when it is not the subject.
    pub(super) roles: Vec<(String, End)>,
    /// Ends of which a stage has shown a row that only a timer keeps, and when it ends.
    pub(super) kept: Vec<(End, Instant)>,
    pub(super) patience: Duration,
    pub(super) confirmed: usize,
    /// Stages that could not be played here, and why.
    left_out: Vec<(usize, String)>,
    /// Figures that stages demand and the kernel does not report, and in how many stages.
    pub(super) unchecked: BTreeMap<&'static str, usize>,
    pub(super) refusals: Refusals,
}

/// What a lesson fails with when the kernel, or a call, has refuted it. From now on the program
/// ends: in order, or without ([`command::ending`]).
pub(super) fn refused(message: String) -> io::Error {
    command::ending::soon(&message);
    io::Error::other(message)
}

impl Story {
    /// Begins a story about one port, on stdout, with the commands to run in another terminal.
    ///
    /// # Errors
    /// Stdout is closed. A table that cannot be read is not an error: the story says so and goes
    /// on.
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
        let printer = Printer {
            hints_at_steps: matches!(flags.pace(), Pace::GoOn) && !flags.predict,
            ..Printer::on(Box::new(stdout), bold, flags.pace())
        };
        Story::told_by(printer, flags, about, protocol)
    }

    /// Begins a story on stderr, for a lesson that is a program with an output of its own.
    ///
    /// # Errors
    /// As for [`Story::begin`].
    pub fn begin_on_stderr(flags: &Flags, about: SocketAddr) -> io::Result<Story> {
        let stderr = io::stderr();
        let bold = stderr.is_terminal();
        let printer = Printer::on(Box::new(stderr), bold, flags.pace());
        Story::told_by(printer, flags, about, Protocol::Tcp)
    }

    pub(super) fn told_by(
        printer: Printer,
        flags: &Flags,
        about: SocketAddr,
        protocol: Protocol,
    ) -> io::Result<Story> {
        command::ending::tells_a_story();
        let mut consumers: Vec<Box<dyn Consumer>> = Vec::new();
        if flags.predict {
            consumers.push(Box::new(Predictions::on(printer.out.clone())));
        }
        if let Some(file) = &flags.record {
            consumers.push(Box::new(Recorder::create(file)?));
        }
        let mut story = Story {
            printer,
            consumers,
            segments: Box::new(Vec::new),
            kernel: None,
            neighbourhood: RefCell::new(Neighbourhood::of(&[about.port()])),
            earlier: Vec::new(),
            earlier_told: 0,
            roles: Vec::new(),
            kept: Vec::new(),
            patience: PATIENCE,
            confirmed: 0,
            left_out: Vec::new(),
            unchecked: BTreeMap::new(),
            refusals: Refusals::by_environment()?,
        };
        story.emit(&Event::Begins { protocol, about })?;
        let neighbourhood = story.neighbourhood.get_mut();
        match Kernel::open().and_then(|mut kernel| {
            let table = neighbourhood.dump(&mut kernel, false)?;
            Ok((orphans(&table), kernel))
        }) {
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
    #[track_caller]
    pub fn stage<'a>(&'a mut self, title: &'a str) -> Stage<'a> {
        Stage {
            story: self,
            title,
            source: Location::caller(),
            question: "",
            claims: Vec::new(),
            why: "",
            passed: "",
            expected: Vec::new(),
            nothing_else: false,
            timers: false,
        }
    }

    /// From now on hands each table that a stage has confirmed to this function, for a record of
    /// its own.
    pub fn each_table(&mut self, witness: impl FnMut(&Table) + 'static) {
        self.consumers.push(Box::new(Witness(witness)));
    }

    /// For a lesson that captures: before each event this function is asked for the segments that
    /// have passed since the event before, for a record.
    pub fn each_segment(&mut self, passed: impl FnMut() -> Vec<PassedSegment> + 'static) {
        self.segments = Box::new(passed);
    }

    /// Hands an event to all consumers, after the segments that have passed before it.
    pub(super) fn emit(&mut self, event: &Event<'_>) -> io::Result<()> {
        for passed in (self.segments)() {
            self.hand(&Event::Segment(&passed))?;
        }
        self.hand(event)
    }

    fn hand(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.printer.take(event)?;
        self.consumers
            .iter_mut()
            .try_for_each(|consumer| consumer.take(event))
    }

    /// A paragraph between stages.
    ///
    /// # Errors
    /// The output is closed.
    pub fn tell(&mut self, text: &str) -> io::Result<()> {
        self.emit(&Event::Told(text))
    }

    /// A claim that is not about the table: what a call returned, how long
    /// it took. Prints it, if it holds.
    ///
    /// # Errors
    /// It does not hold here; or the output is closed.
    ///
    /// A claim about what a stage shows is better made by [`Stage::claim`], which prints it before
    /// the pause.
    pub fn claim(&mut self, text: &str, holds: bool) -> io::Result<()> {
        self.settle(Claim::that(text, holds))
    }

    /// A claim that a call has failed with an error of this kind. Prints it, if it is so.
    ///
    /// # Errors
    /// The call has succeeded, or failed otherwise; or the output is closed.
    pub fn fails<T>(
        &mut self,
        call: &str,
        result: io::Result<T>,
        kind: ErrorKind,
    ) -> io::Result<()> {
        self.settle(Claim::failure(call, result, kind))
    }

    /// Prints a claim that holds.
    pub(super) fn settle(&mut self, claim: Claim) -> io::Result<()> {
        self.refuse_if_asked(&format!("the claim: {}", claim.text.trim()))?;
        let text = claim.settle()?;
        self.emit(&Event::Claimed(&text))
    }

    /// Stages that cannot be played on this machine, and why: told now, and counted at the end.
    ///
    /// # Errors
    /// The output is closed.
    pub fn leave_out(&mut self, stages: usize, why: &str) -> io::Result<()> {
        self.emit(&Event::LeftOut { stages, why })?;
        self.left_out.push((stages, why.to_owned()));
        Ok(())
    }

    /// Ends the story with what the kernel has confirmed and what it could not, and the score of
    /// the predictions.
    ///
    /// # Errors
    /// The output is closed.
    pub fn end(mut self) -> io::Result<()> {
        self.emit(&Event::LastStageOver)?;
        if let Some(counted) = self.refusals.counted() {
            self.tell(&counted)?;
        }
        let ending = Ending {
            stages: self.confirmed,
            checked: self.kernel.is_some(),
            left_out: mem::take(&mut self.left_out),
            unchecked: mem::take(&mut self.unchecked),
        };
        self.emit(&Event::Ends(&ending))
    }

    /// Waits until the table shows all that is expected, or never will.
    /// `Err` holds the last table, and why it does not.
    pub(super) fn confirm(
        &self,
        kernel: &mut Kernel,
        stage: &Expected<'_>,
    ) -> io::Result<Result<Table, (Table, Stuck)>> {
        let ceiling = Instant::now() + self.patience.min(A_DAY); // no further than the clock goes
        let stuck = loop {
            let stuck = match self.confirm_by_looks(kernel, stage, ceiling)? {
                Ok(table) => return Ok(Ok(table)),
                Err(stuck) => stuck,
            };
            // A connection that the wait has not looked at may bring what the stage waits for.
            let is_over = Instant::now() >= ceiling;
            if is_over || !self.neighbourhood.borrow_mut().has_missed(kernel)? {
                break stuck;
            }
        };
        let table = self.table(kernel, stage, Neighbourhood::dump)?;
        Ok(match self.agrees(stage, &table) {
            true => Ok(table),
            false => Err((table, stuck)),
        })
    }

    fn confirm_by_looks(
        &self,
        kernel: &mut Kernel,
        stage: &Expected<'_>,
        ceiling: Instant,
    ) -> io::Result<Result<Table, Stuck>> {
        // Looking up the stage's ends costs microseconds: wait with that, then take the table to be
        // shown.
        if kernel.looks_up() && stage.can_be_looked_up() {
            let seen = self.wait_for_the_kernel(kernel, stage, ceiling, |kernel| {
                Ok(self.agrees(stage, &stage.look_up(kernel)?).then_some(()))
            })?;
            if let Err(stuck) = seen {
                return Ok(Err(stuck));
            }
        }
        self.wait_for_the_kernel(kernel, stage, ceiling, |kernel| {
            let table = self.table(kernel, stage, Neighbourhood::complete)?;
            Ok(self.agrees(stage, &table).then_some(table))
        })
    }

    /// The rows of the story's ports, but for what an earlier run has left.
    fn table(
        &self,
        kernel: &mut Kernel,
        stage: &Expected<'_>,
        read: fn(&mut Neighbourhood, &mut Kernel, bool) -> io::Result<Table>,
    ) -> io::Result<Table> {
        let mut table = stage.look(kernel, &mut self.neighbourhood.borrow_mut(), read)?;
        table
            .rows
            .retain(|row| !(row.is_orphan() && self.earlier.contains(&row.end())));
        Ok(table)
    }

    /// Looks until there is an answer, or the evidence says that there never will be one.
    fn wait_for_the_kernel<T>(
        &self,
        kernel: &mut Kernel,
        stage: &Expected<'_>,
        ceiling: Instant,
        mut look: impl FnMut(&mut Kernel) -> io::Result<Option<T>>,
    ) -> io::Result<Result<T, Stuck>> {
        let kernel = RefCell::new(kernel);
        let mut cast = Cast {
            kernel: &kernel,
            neighbourhood: &self.neighbourhood,
            datagrams: stage.names_an_end_of(Protocol::Udp),
            counts_down: stage.waits_for_a_countdown(),
            looks: 0,
        };
        wait(&mut cast, ceiling, |rest| {
            let seen = look(*kernel.borrow_mut())?;
            if seen.is_none() {
                thread::sleep(rest); // the table has no event to wait for instead
            }
            Ok(seen)
        })
    }

    fn agrees(&self, stage: &Expected<'_>, table: &Table) -> bool {
        let all = stage.rows.iter().all(|(_, end, must)| {
            must.holds(table, *end) || (must.may_run_out() && self.has_run_out(*end))
        });
        let others = table.rows.iter().any(|row| stage.is_stranger(row));
        all && !(stage.nothing_else && others)
    }

    /// Counts a stage or a claim, and refuses it if that is what REFUSE asks for.
    pub(super) fn refuse_if_asked(&mut self, what: &str) -> io::Result<()> {
        let Some(asked) = self.refusals.next() else {
            return Ok(());
        };
        self.tell(&format!("({asked})"))?;
        Err(refused(format!("{asked}: {what}")))
    }

    /// Whether an earlier stage has shown a row of this end that only a timer kept, and its minute
    /// is over: an instructor may explain a stage for longer than that, and the next one must not
    /// be refuted then.
    fn has_run_out(&self, end: End) -> bool {
        self.kept
            .iter()
            .rfind(|(kept, _)| *kept == end)
            .is_some_and(|(_, until)| *until <= Instant::now())
    }

    /// In TIME_WAIT, and in FIN_WAIT2 when no program has the socket (tcp(7), tcp_fin_timeout).
    pub(super) fn remember_what_timers_keep(&mut self, table: &Table) {
        for row in &table.rows {
            if let Some(timer) = row.timer.filter(|timer| timer.kind == TimerKind::TimeWait) {
                self.kept
                    .push((row.end(), Instant::now() + timer.remaining));
            }
        }
    }
}

/// Takes the tables only.
struct Witness<F>(F);

impl<F: FnMut(&Table)> Consumer for Witness<F> {
    fn take(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let Event::Shown(shown) = event {
            self.0(shown.table);
        }
        Ok(())
    }
}

/// Who could still bring about what a stage claims: the lesson's threads,
/// and the sockets of its ports.
struct Cast<'a> {
    kernel: &'a RefCell<&'a mut Kernel>,
    neighbourhood: &'a RefCell<Neighbourhood>,
    datagrams: bool,
    /// Whether the stage waits for a timer, so that each moment brings it nearer.
    counts_down: bool,
    looks: u64,
}

impl World for Cast<'_> {
    fn look(&mut self, with_info: bool) -> io::Result<Look> {
        let threads = threads::others()?;
        let mut kernel = self.kernel.borrow_mut();
        let mut neighbourhood = self.neighbourhood.borrow_mut();
        let table = neighbourhood.look(*kernel, with_info)?;
        let own = own_sockets()?;
        self.looks += u64::from(self.counts_down);
        let is_others = |row: &Row| row.inode != 0 && !own.contains_key(&row.inode);
        Ok(Look {
            threads,
            has_others: table.rows.iter().any(is_others),
            sockets: table.rows,
            datagrams: self.datagrams,
            progress: self.looks,
        })
    }
}
