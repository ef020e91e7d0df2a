//! One check, from its process's start to its end, as its supervisor sees it from outside.

use std::{
    env, fs, io,
    ops::ControlFlow,
    os::fd::AsFd,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};
use socket_workshop::{
    command::{complain, output_error},
    deadline::Deadline,
};

use super::{
    CEILING, Check,
    ended::{Ended, Left, threads},
    excess::{Excess, Limits, Look, PRINTED, of_processes, reason},
    output::Output,
    protocol::{Forged, Inbox, Message},
};
use crate::{
    orphans::{Orphans, pid},
    place::Places,
    report::{Outcome, Report},
    trace::Trace,
};

/// How often the supervisor looks after a process.
const LOOK_AFTER: Duration = Duration::from_millis(20);

/// How often it looks for what the process has started: there may be many to look at.
const LOOK_ROUND_AFTER: Duration = Duration::from_millis(200);

/// How long the kernel may take to end a process that has closed its files, or to stop it.
/// Generous: the machine may be busy.
const A_MOMENT: Duration = Duration::from_secs(5);

/// The process of a check.
pub(super) struct Process<'a> {
    check: &'a Check<'a>,
    orphans: &'a Orphans,
    child: Child,
    pid: Pid,
    inbox: Inbox,
    output: Output,
    /// The limits that the answer has not set.
    limits: Option<Limits>,
    steps: Vec<String>,
    /// If it is asked for.
    trace: Option<Trace>,
    places: Places,
    has_begun: bool,
    is_late: bool,
    started: Instant,
    deadline: Deadline,
    looked: Instant,
    looked_round: Instant,
    /// At the last look it was. That it stops itself to be held is said before it does.
    was_stopped: bool,
}

impl<'a> Process<'a> {
    pub(super) fn start(
        check: &'a Check<'a>,
        orphans: &'a Orphans,
        limits: Option<Limits>,
    ) -> io::Result<Process<'a>> {
        let started = Instant::now();
        let trace = check.trace.then(Trace::new); // before the process can send anything
        let (inbox, stdin) = Inbox::new()?;
        let (output, stdout) = io::pipe()?;
        let mut command = Command::new(env::current_exe()?);
        command
            .args(["--one", &check.number.to_string()])
            .args(check.hold.then_some("--hold"))
            .args(check.trace.then_some("--trace"))
            .stdin(stdin)
            .stderr(stdout.try_clone()?)
            .stdout(stdout);
        let child = orphans.spawn(&mut command)?;
        Ok(Process {
            check,
            orphans,
            pid: pid(&child),
            child,
            inbox,
            output: Output::of(output),
            limits,
            steps: Vec::new(),
            trace,
            places: Places::default(),
            has_begun: false,
            is_late: false,
            started,
            deadline: Deadline::after(CEILING),
            looked: started,
            looked_round: started,
            was_stopped: false,
        })
    }

    /// Reads the reports until the check is over, kills what is left of
    /// it, and returns its outcome, and whether it has failed by a clock.
    pub(super) fn supervise(mut self) -> io::Result<(Report, bool)> {
        let ended = self.read_reports();
        let milliseconds = self.started.elapsed().as_millis() as u64;
        let status = self.end()?;
        let outcome = ended?.outcome(self.steps, self.trace, self.places, status);
        let (printed, printed_bytes) = self.output.rest();
        let is_late = self.is_late && matches!(outcome, Outcome::Failed(_));
        let report = Report {
            check: self.check.name.to_owned(),
            rule: self.check.rule.clone(),
            outcome,
            milliseconds,
            printed,
            printed_bytes,
        };
        Ok((report, is_late))
    }

    /// Kills the process and all that it has started, and says how it ended.
    fn end(&mut self) -> io::Result<ExitStatus> {
        let status = self.orphans.end(&mut self.child)?;
        self.orphans.kill();
        Ok(status)
    }

    /// Reads the reports, and returns how the process ended. One that
    /// takes too much of the machine is not read to the end.
    fn read_reports(&mut self) -> io::Result<Ended> {
        loop {
            if let Some(ended) = self.wait()? {
                return Ok(ended);
            }
            loop {
                match self.inbox.next() {
                    Ok(Some(message)) => {
                        if let ControlFlow::Break(ended) = self.take(message)? {
                            return Ok(ended);
                        }
                    }
                    Ok(None) => break,
                    Err(Forged) => return Ok(Ended::Forged),
                }
            }
            if self.inbox.is_closed {
                return Ok(self.goes_on_or_has_ended());
            }
        }
    }

    /// A report, if it comes in its order.
    fn take(&mut self, message: Message) -> io::Result<ControlFlow<Ended>> {
        if self.has_begun == matches!(message, Message::Begin) {
            return Ok(ControlFlow::Break(Ended::Forged));
        }
        match message {
            Message::Begin => self.has_begun = true,
            Message::Step(step) => self.steps.push(step),
            Message::Moment(moment) => {
                if let Some(trace) = &mut self.trace {
                    trace.add(self.steps.len(), moment);
                }
            }
            Message::LimitsDescriptors(limit) => {
                if let Some(limits) = &mut self.limits {
                    limits.set_descriptors(limit);
                }
            }
            Message::Held(look) => {
                let since = Instant::now();
                self.show_held(look)?;
                self.started += since.elapsed(); // the reader's time, not the check's
                self.deadline = Deadline::after(CEILING);
            }
            Message::Where(threads) => {
                self.places = Places::of(self.pid, self.check.file, &threads);
                self.inbox.has_looked();
            }
            Message::End {
                outcome,
                is_late,
                ours,
            } => {
                self.is_late = is_late;
                return self.take_end(outcome, ours).map(ControlFlow::Break);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// What it says is so, unless the kernel says more.
    fn take_end(&mut self, outcome: Outcome, ours: usize) -> io::Result<Ended> {
        match outcome {
            Outcome::Passed => self.leaves(),
            Outcome::Skipped { why } => {
                let limits = self.limits.as_ref();
                let reason = limits.and_then(|limits| reason(self.pid, limits, ours));
                Ok(match reason {
                    Some(excess) => Ended::Hindered(why, excess),
                    None => Ended::Said(Outcome::Skipped { why }),
                })
            }
            outcome => Ok(Ended::Said(outcome)),
        }
    }

    /// It has passed, if it now ends, and says nothing more.
    fn leaves(&mut self) -> io::Result<Ended> {
        self.inbox.say_goodbye();
        while !self.inbox.is_closed {
            if let Some(ended) = self.wait()? {
                return Ok(ended);
            }
        }
        match (self.inbox.is_empty(), self.goes_on_or_has_ended()) {
            (false, _) => Ok(Ended::Forged),
            (true, Ended::ByItself) => Ok(Ended::Said(Outcome::Passed)),
            (true, ended) => Ok(ended),
        }
    }

    /// Waits for a report, for output, or for the next look at the
    /// process, and says if it must end.
    fn wait(&mut self) -> io::Result<Option<Ended>> {
        let mut fds = vec![PollFd::new(self.inbox.as_fd(), PollFlags::POLLIN)];
        fds.extend(
            self.output
                .fd()
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN)),
        );
        let patience = PollTimeout::try_from(LOOK_AFTER).unwrap_or(PollTimeout::ZERO);
        match poll(&mut fds, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let is_ready = |fd: &PollFd| fd.any().unwrap_or(false);
        let (reported, printed) = (is_ready(&fds[0]), fds.get(1).is_some_and(is_ready));
        if reported {
            self.inbox.read()?;
        }
        if printed {
            self.output.read();
        }
        if self.output.bytes > PRINTED {
            return Ok(Some(Ended::Excess(Excess::Printed(self.output.bytes))));
        }
        if self.looked.elapsed() < LOOK_AFTER {
            return Ok(None);
        }
        self.looked = Instant::now();
        if is_nobody_listening() {
            return Err(output_error(io::ErrorKind::BrokenPipe.into()));
        }
        Ok(self.look(reported))
    }

    /// Whether the process must end now.
    fn look(&mut self, reported: bool) -> Option<Ended> {
        let look = Look::at(self.pid); // `None` where there is no /proc
        let stopped = !reported && look.as_ref().is_some_and(|look| look.is_stopped);
        if let Some(excess) = look.and_then(|look| look.excess) {
            return Some(Ended::Excess(excess));
        }
        // Twice in a row, without a word: then it is not about to be held, nor to go on.
        if stopped && self.was_stopped {
            return Some(Ended::Stopped);
        }
        self.was_stopped = stopped;
        if self.looked_round.elapsed() >= LOOK_ROUND_AFTER {
            self.looked_round = Instant::now();
            self.orphans.kill(); // of any check: a daemon is not part of an answer
            if let Some(excess) = of_processes(self.pid) {
                return Some(Ended::Excess(excess));
            }
        }
        let late = self.deadline.passed() && !reported;
        late.then(|| Ended::Late(threads(self.pid)))
    }

    /// It has closed its end of the socket.
    fn goes_on_or_has_ended(&self) -> Ended {
        let program = |pid| fs::read_link(format!("/proc/{pid}/exe"));
        let ours = program(Pid::this()).ok();
        let look = || {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
            // It stays a zombie, so that its number cannot become
            // another's before it is waited for.
            match waitid(Id::Pid(self.pid), flags) {
                Ok(WaitStatus::StillAlive) => {}
                Ok(WaitStatus::Signaled(..)) => return Ok(Some(self.killed())),
                _ => return Ok(Some(Ended::ByItself)),
            }
            let another = program(self.pid)
                .ok()
                .filter(|is| Some(is) != ours.as_ref());
            Ok(another
                .map(|program| Ended::Left(Left::AnotherProgram(program.display().to_string()))))
        };
        let limit = Deadline::after(A_MOMENT);
        let ended = limit.wait_for(look).ok().flatten();
        ended.unwrap_or(Ended::Left(Left::ClosedTheSocket))
    }

    /// A signal has ended it: a lack of memory, perhaps, that the answer has made.
    fn killed(&self) -> Ended {
        let now = Limits::of(self.pid);
        let lowered = now.and_then(|now| now.lowered_from(self.limits.as_ref()?));
        lowered.map_or(Ended::ByItself, Ended::Excess)
    }

    /// Says where to look at the sockets of a check that has failed, waits
    /// for Enter, and lets it go on.
    fn show_held(&self, look: Option<String>) -> io::Result<()> {
        let look = look.unwrap_or_else(|| "netstat -nat".to_owned());
        complain(&format!(
            "FAILED    {}\n  held    its sockets stay as they are; in another terminal:\n\
             \x20           {look}\n\
             [Enter] goes on, and prints why",
            self.check.name
        ));
        io::stdin().read_line(&mut String::new())?;
        // It says that it stops before it does: the signal to go on must not be the first to come.
        let stops = || {
            Ok(Look::at(self.pid)
                .is_none_or(|look| look.is_stopped)
                .then_some(()))
        };
        Deadline::after(A_MOMENT).wait_for(stops)?;
        let _ = kill(self.pid, Signal::SIGCONT);
        Ok(())
    }
}

/// Whether the reader of our reports has closed its end, or was killed: then nothing needs these
/// reports any more. A pipe reports POLLERR, a socket or a terminal POLLHUP.
fn is_nobody_listening() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let gone = poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
    gone && fds[0]
        .revents()
        .is_some_and(|seen| seen.intersects(PollFlags::POLLERR | PollFlags::POLLHUP))
}
