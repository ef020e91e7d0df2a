//! What examines a student's answer: an [`Exam`] runs it against honest and hostile peers, and when
//! it does not do what a check is about, asks the kernel what its sockets and threads are doing.
//!
//! A [`Suite`] is the checks of one exercise. Each check runs in a separate process (`supervise`),
//! so that an answer which hangs, spins, exits or eats all descriptors costs one check, and nothing
//! is left of it. A check never names a particular answer: what it says follows from what arrived,
//! what was returned, and what the kernel shows.

mod buffers;
mod case;
pub mod diagnosis;
mod evidence;
mod numbers;
mod options;
mod orphans;
mod peer;
pub mod place;
mod polled;
mod proof;
mod report;
mod rule;
mod running;
mod supervise;
mod text;
mod threads;
mod time;
mod trace;
mod waiting;
mod watched;

use std::{
    cell::{Cell, RefCell},
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    panic::Location,
    process::ExitCode,
    rc::Weak,
    sync::{Arc, atomic::AtomicUsize},
    thread,
    time::{Duration, Instant},
};

use nix::{errno::Errno, poll::PollFlags};
pub use socket_workshop::threads::{Call, Doing};
pub use socket_workshop::wait::Stuck;
use socket_workshop::{
    table::{End, Kernel, Neighbourhood, Table},
    wait::IDLE,
};
use socket2::{Domain, Socket, Type};

use self::supervise::{Message, Supervisor};
pub use self::{
    buffers::Buffers,
    case::{Awaited, Because, Case, CheckError, Verdict},
    evidence::{Evidence, Owner, Seen},
    numbers::Numbers,
    options::{Options, handles_of, inode_of},
    peer::{Peer, Pouring},
    place::Marked,
    report::{Failure, Outcome, Printer, Report, full_text},
    rule::{Check, Level, Rule, Stated, check},
    running::{Problem, Running, problems},
    text::{dump, numbered, quote},
    time::{Reference, Timing, Took},
    trace::{Moment, OwnedRow, Trace},
    waiting::is_ready,
};
pub use self::{orphans::Orphans, supervise::CEILING};

/// A limit for an answer where time is not the subject: longer than any check may take.
pub const AMPLE: Duration = Duration::from_secs(3600);

/// CPU time that threads may use until they block, before a failure shows them.
const A_MOMENT: Duration = Duration::from_millis(20);

/// What one exercise is held to.
#[derive(Debug)]
pub struct Suite<A: 'static> {
    /// The name of the exercise, as of its lesson.
    pub exercise: &'static str,
    /// The rules, as its header states them.
    pub rules: &'static [Rule<A>],
    /// The causes that any of its checks may meet, for those that name none themselves.
    pub cause: fn(&Case) -> Option<String>,
}

impl<A: Copy> Suite<A> {
    /// The rules as they are stated, each with the names of its checks.
    #[must_use]
    pub fn stated(&self) -> Vec<(Stated, Vec<&'static str>)> {
        let names = |rule: &Rule<A>| rule.checks.iter().map(|check| check.name).collect();
        let stated = |(number, rule): (usize, &Rule<A>)| (rule.stated(number), names(rule));
        (1..).zip(self.rules).map(stated).collect()
    }

    /// Every check, with the rule that it enforces.
    fn checks(&self) -> Vec<(Stated, &'static Check<A>)> {
        let all = (1..).zip(self.rules).flat_map(|(number, rule)| {
            let checks = rule.checks.iter();
            checks.map(move |check| (rule.stated(number), check))
        });
        all.collect()
    }

    /// The `main` of an exercise: makes every check, prints what came of it, and returns 0 if all
    /// passed, 1 if one failed, 3 if none failed but some could not be made here.
    ///
    /// Arguments are parts of names, of which one must occur in a check for it to be made;
    /// `--json`, to print reports that can be read by a program; `--hold`, to make one check after
    /// the other, and to stop the process of one that fails until Enter, so that its sockets can be
    /// looked at; and `--trace`, to report with a failure what the kernel showed after each step.
    /// Others, which `cargo test` may pass on to every test, are ignored.
    #[track_caller]
    pub fn examine(&self, answer: A) -> ExitCode {
        self.examine_file(Location::caller().file(), answer)
    }

    /// As [`Suite::examine`], for an answer in another file than the one that calls this.
    pub fn examine_file(&self, file: &str, answer: A) -> ExitCode {
        supervise::main(self, file, answer)
    }
}

/// One check under way: where its steps are reported, and what is needed
/// to ask the kernel about it.
pub struct Exam {
    supervisor: Supervisor,
    kernel: RefCell<Option<Kernel>>,
    /// Sockets with one of its ports at either end are shown. A wait looks at all TCP sockets of
    /// this process: an answer may have connections of its own, with bytes under way in them.
    neighbourhood: RefCell<Neighbourhood>,
    /// Whether this process's UDP sockets are shown as well.
    udp: Cell<bool>,
    /// What was at these ports before: another process's.
    old: RefCell<Vec<End>>,
    /// The inodes of the exam's own sockets: all others are the student's.
    own: RefCell<Vec<u32>>,
    /// Its ends of connections that acknowledge before each look, as long as they are open.
    peers: RefCell<Vec<Weak<TcpStream>>>,
    /// The last table that was read, for the look that follows in a wait.
    just_read: RefCell<Option<Table>>,
    /// How many bytes the exam has sent and received.
    moved: Cell<u64>,
    /// What a check counts besides, such as calls that are done.
    counted: RefCell<Option<Arc<AtomicUsize>>>,
    /// How the last wait ended, if what it waited for did not happen.
    stuck: RefCell<Option<Stuck>>,
    /// What the threads were doing that an answer has left, when they were found. They may end.
    left: RefCell<Vec<Doing>>,
    /// Whether a clock has said since the last step that the answer was late.
    is_late: Cell<bool>,
    /// When every wait ends.
    ceiling: Instant,
}

impl fmt::Debug for Exam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exam").finish_non_exhaustive()
    }
}

impl Exam {
    fn new(supervisor: Supervisor) -> Exam {
        let kernel = Kernel::open().ok();
        Exam {
            supervisor,
            kernel: RefCell::new(kernel),
            neighbourhood: RefCell::new(Neighbourhood::of(&[]).with_own_sockets()),
            udp: Cell::default(),
            old: RefCell::default(),
            own: RefCell::default(),
            peers: RefCell::default(),
            moved: Cell::default(),
            counted: RefCell::default(),
            just_read: RefCell::default(),
            stuck: RefCell::default(),
            left: RefCell::default(),
            is_late: Cell::default(),
            ceiling: Exam::new_ceiling(),
        }
    }

    /// Notes what has just been done. A failure lists all of it.
    pub fn step(&self, what: impl Into<String>) {
        self.forget_stuck();
        self.is_late.set(false);
        self.supervisor.report(&Message::Step(what.into()));
        self.traces_step();
    }

    /// From now on a change of this number counts as progress in waits: for a check that has many
    /// calls made by one thread, each of which may take its time.
    pub fn counts(&self, done: &Arc<AtomicUsize>) {
        self.counted.replace(Some(Arc::clone(done)));
    }

    /// The exam has sent or received bytes. That is progress, even if each look finds the queues as
    /// they were.
    fn has_moved(&self, bytes: usize) {
        self.moved.update(|before| before + bytes as u64);
    }

    /// A listener of the exam's own, on a free port of loopback.
    ///
    /// # Errors
    /// There is no IPv4 here.
    pub fn listener(&self) -> Verdict<TcpListener> {
        self.listener_at(Ipv4Addr::LOCALHOST)
    }

    /// The same, on another address of loopback. A pair of ports in TIME_WAIT may be used again by
    /// other programs, if they connect to the same address.
    ///
    /// # Errors
    /// There is no IPv4 here.
    pub fn listener_at(&self, ip: Ipv4Addr) -> Verdict<TcpListener> {
        let listener = or_skip("listen on loopback", TcpListener::bind((ip, 0)))?;
        self.owns(&listener);
        self.watches(&listener);
        Ok(listener)
    }

    /// A connection: the exam's end, and the end that the answer will get.
    ///
    /// # Errors
    /// There is no IPv4 here.
    pub fn connection(&self) -> Verdict<(Peer<'_>, TcpStream)> {
        self.connection_with(Buffers::default())
    }

    /// As [`Exam::connection`], with buffers of these sizes.
    ///
    /// # Errors
    /// There is no IPv4 here.
    pub fn connection_with(&self, buffers: Buffers) -> Verdict<(Peer<'_>, TcpStream)> {
        let listener = self.listener()?;
        let addr = or_skip("read its address", listener.local_addr())?;
        let (stream, yours) = or_skip("connect", buffers.connected(&listener))?;
        let client = or_skip("read its address", stream.local_addr())?;
        let peer = Peer::new(self, stream); // the exam's own from now on
        self.step(format!(
            "connected {client}, the exam's end, and {addr}, yours{}",
            buffers.described()
        ));
        Ok((peer, yours))
    }

    /// Dials the answer's server.
    ///
    /// # Errors
    /// It cannot be reached: the check has failed.
    pub fn dial(&self, addr: SocketAddr) -> Verdict<Peer<'_>> {
        let expected = format!("a connection to {addr}");
        match self.connects(addr)? {
            Some(Ok(stream)) => {
                let client = or_skip("read its address", stream.local_addr())?;
                self.step(format!("connected {client} to your server {addr}"));
                Ok(Peer::new(self, stream))
            }
            Some(Err(error)) => self.fail(expected, error.to_string()),
            None => self.fail(expected, "the SYN is not answered"),
        }
    }

    /// What connect says for this address. `None` if the SYN will never be answered. The call
    /// itself does not wait in the kernel: the exam could not look meanwhile.
    ///
    /// # Errors
    /// There is no such socket here.
    pub fn connects(&self, addr: SocketAddr) -> Verdict<Option<io::Result<TcpStream>>> {
        self.watches_port(addr.port());
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None);
        let socket = or_skip("make a socket", socket)?;
        self.owns(&socket);
        or_skip("make a socket non-blocking", socket.set_nonblocking(true))?;
        match socket.connect(&addr.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {
                if !self.becomes_ready(&socket, PollFlags::POLLOUT)? {
                    return Ok(None);
                }
            }
            Err(error) => return Ok(Some(Err(error))),
        }
        if let Some(error) = or_skip("read SO_ERROR", socket.take_error())? {
            return Ok(Some(Err(error)));
        }
        or_skip("make a socket blocking", socket.set_nonblocking(false))?;
        Ok(Some(Ok(socket.into())))
    }

    /// Declares a socket the exam's own: the evidence will say so.
    pub fn owns(&self, socket: &impl AsFd) {
        if let Ok(file) = nix::sys::stat::fstat(socket) {
            self.own.borrow_mut().push(file.st_ino as u32);
        }
    }

    /// What the kernel shows now.
    ///
    /// A thread that is running gets a moment to block, so that the evidence shows where it stays
    /// and not what it was passing by.
    pub fn evidence(&self) -> Evidence {
        let (begun, cpu) = (Instant::now(), cpu_time());
        let moves = |doing: &Doing| matches!(doing, Doing::Running | Doing::Unknown);
        loop {
            let has_run = cpu_time().saturating_sub(cpu) > A_MOMENT;
            let is_over = has_run || begun.elapsed() > IDLE;
            let threads = threads::students().unwrap_or_default();
            if is_over || !threads.iter().any(|thread| moves(&thread.doing)) {
                let evidence = self.look();
                if is_over || !evidence.threads.iter().any(moves) {
                    return evidence;
                }
            }
            thread::sleep(Duration::from_millis(1)); // a thread that blocks sends no event
        }
    }

    fn look(&self) -> Evidence {
        // First: what they have done by now the table must show.
        let threads = threads::students().unwrap_or_default();
        let doing = threads.iter().map(|thread| thread.doing).collect();
        let look = || self.sockets().unwrap_or_default();
        let watches = !self.neighbourhood.borrow().ports().is_empty();
        Evidence::gather(doing, look, &self.own.borrow(), watches)
    }

    /// The check has failed.
    ///
    /// # Errors
    /// Always: the failure, with what the kernel shows now.
    pub fn fail<T>(&self, expected: impl Into<String>, seen: impl Into<String>) -> Verdict<T> {
        self.fail_waiting(Awaited::Nothing, expected, seen)
    }

    fn fail_waiting<T>(
        &self,
        awaited: Awaited,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Verdict<T> {
        let stuck = self.take_stuck();
        if let Some(Stuck::Ceiling(..)) = stuck {
            waiting::is_a_machine_for_it()?;
        }
        let left = self.left.take();
        let mut evidence = self.evidence();
        if evidence.threads.is_empty() {
            evidence.threads = left;
        }
        let look = evidence.look();
        let traces = self.supervisor.traces();
        let moment = traces.then(|| self.last_moment(&evidence));
        let mut case = Case::new(expected.into(), seen.into(), evidence);
        case.moment = moment;
        case.awaited = awaited;
        case.proof = stuck.as_ref().map(proof::line);
        // Last, for calls that are looked at may be interrupted: the answer may go on.
        self.supervisor
            .find(stuck.as_ref().map(proof::sought).unwrap_or_default());
        self.supervisor.may_hold(look);
        case.stuck = stuck;
        Err(CheckError::Failed(Box::new(case)))
    }

    /// Passes if the condition holds, and fails otherwise.
    ///
    /// # Errors
    /// It does not hold.
    pub fn must(
        &self,
        holds: bool,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Verdict {
        if holds {
            Ok(())
        } else {
            self.fail(expected, seen)
        }
    }
}

/// For what the exam itself needs: if the machine does not grant it,
/// nothing can be said of the answer.
///
/// # Errors
/// [`CheckError::Skipped`].
pub fn or_skip<T>(what: &str, result: io::Result<T>) -> Verdict<T> {
    result.map_err(|error| CheckError::skipped(format!("cannot {what}: {error}")))
}

/// How many descriptors this process has open.
///
/// # Errors
/// There is no `/proc`.
pub fn descriptors() -> Verdict<usize> {
    Ok(or_skip("count descriptors", std::fs::read_dir("/proc/self/fd"))?.count())
}

/// The CPU time of this process so far.
pub fn cpu_time() -> Duration {
    let clock = nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID;
    nix::time::clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}
