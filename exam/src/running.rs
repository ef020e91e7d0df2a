//! The student's function on a separate thread: what it returned, that it panicked, or that it has
//! not come back. A thread that does not come back is abandoned; its process ends with the check.

use std::{
    backtrace::Backtrace,
    cell::Cell,
    fmt::Debug,
    io,
    os::unix::thread::JoinHandleExt,
    panic::{self, AssertUnwindSafe, Location, PanicHookInfo},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    libc::pthread_t,
    sys::{pthread::pthread_kill, signal::Signal},
    time::{ClockId, clock_gettime},
};

use socket_workshop::threads::run_delay;

use super::{
    Awaited, Exam, Took, Verdict, or_skip,
    place::{Marked, Spot},
};

/// The answer at work, until it returns.
#[derive(Debug)]
pub struct Running<'e, T> {
    exam: &'e Exam,
    function: &'static str,
    outcome: mpsc::Receiver<(Option<T>, Took, Duration)>,
    thread: JoinHandle<()>,
    started: Instant,
    took: Cell<Option<Took>>,
    cpu: Cell<Duration>,
}

/// A panic in the student's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it said.
    pub message: String,
    /// Where, as `exercises/03_echo.rs:21`.
    pub at: String,
    /// The same place, if it is in a file of the workshop's.
    pub(super) spot: Option<Spot>,
}

/// How much of a panic's message stands beside its line. The whole message is in `seen`.
const LONGEST: usize = 59;

impl Problem {
    /// The line, with what is said of it.
    pub(super) fn marked(&self) -> Option<Marked> {
        let first = self.message.lines().next().unwrap_or_default();
        let mut message: String = first.chars().take(LONGEST).collect();
        if message.len() < first.len() {
            message.push('…');
        }
        Some(Marked {
            spot: self.spot.clone()?,
            label: format!("panicked here: {message}"),
        })
    }
}

static PROBLEMS: Mutex<Vec<Problem>> = Mutex::new(Vec::new());
static RETURNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The panics so far, on whatever thread.
#[must_use]
pub fn problems() -> Vec<Problem> {
    PROBLEMS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// What the functions under examination have returned so far, as text.
pub(super) fn returned() -> Vec<String> {
    RETURNED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// The CPU time of the calling thread so far.
fn thread_cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// How many threads have panicked and look for the place of the panic. Reading the debug information
/// takes CPU time that is the exam's, not the student's.
static LOOKING: AtomicUsize = AtomicUsize::new(0);

/// A program that panics more often than this spins.
const FEW: usize = 10;

/// Whether the place of a panic is being looked for.
pub(super) fn looks_for_a_place() -> bool {
    LOOKING.load(Ordering::Relaxed) > 0 && problems().len() < FEW
}

/// Notes each panic instead of printing it, and hands it on.
/// `student_file` is the file's path or its last components.
pub(super) fn record_panics(student_file: String, tell: impl Fn(&Problem) + Send + Sync + 'static) {
    panic::set_hook(Box::new(move |info: &PanicHookInfo| {
        let at = info
            .location()
            .map_or_else(String::new, |at| match is_in_std(at) {
                true => "a place in std".to_owned(),
                false => format!("{}:{}", at.file(), at.line()),
            });
        LOOKING.fetch_add(1, Ordering::Relaxed);
        let spot = info
            .location()
            .and_then(|at| spot_of_panic(at, &student_file));
        LOOKING.fetch_sub(1, Ordering::Relaxed);
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.unwrap_or("no message").to_owned();
        let problem = Problem { message, at, spot };
        tell(&problem);
        let mut problems = PROBLEMS.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < 100 {
            problems.push(problem);
        }
    }));
}

/// The line in the student's file: of the panic itself, or of the call that has led to it. If the
/// panic has nothing to do with that file, where it is.
fn spot_of_panic(at: &Location, student_file: &str) -> Option<Spot> {
    let own = Spot::of_panic(&at.to_string());
    if Path::new(at.file()).ends_with(student_file) {
        return own;
    }
    let stack = format!("{:#}", Backtrace::force_capture()); // `#` for whole paths
    let frames = stack
        .lines()
        .filter_map(|line| Spot::of_frame(line.trim_start().strip_prefix("at ")?));
    let mut students = frames.filter(|spot| Path::new(&spot.file).ends_with(student_file));
    students.next().or(own.filter(|_| !is_in_std(at)))
}

/// Whether a panic comes from std's code: its path is another one where its source is installed.
fn is_in_std(at: &Location) -> bool {
    at.file().starts_with("/rustc/") || at.file().contains("/lib/rustlib/src/rust/")
}

impl Exam {
    /// Starts the student's function. What it returns is told in every failure that follows.
    ///
    /// # Errors
    /// No thread can be started here.
    pub fn start<T: Debug + Send + 'static>(
        &self,
        function: &'static str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Verdict<Running<'_, T>> {
        // What earlier calls returned the check has seen.
        RETURNED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.start_untold(function, move || {
            let value = body();
            let text: String = format!("{value:?}").chars().take(200).collect();
            RETURNED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("`{function}` has returned {text}"));
            value
        })
    }

    /// As [`Exam::start`], for a function whose result is not worth telling in later failures.
    ///
    /// # Errors
    /// No thread can be started here.
    pub fn start_untold<T: Send + 'static>(
        &self,
        function: &'static str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Verdict<Running<'_, T>> {
        let (outcome_of, outcome) = mpsc::sync_channel(1);
        let run = move || {
            let (called, delay) = (Instant::now(), run_delay());
            let result = panic::catch_unwind(AssertUnwindSafe(body)).ok();
            let took = Took {
                time: called.elapsed(),
                delay: run_delay().saturating_sub(delay),
            };
            // An error: the exam no longer waits.
            let _ = outcome_of.send((result, took, thread_cpu_time()));
        };
        let started = Instant::now();
        let thread = thread::Builder::new().name("answer".to_owned()).spawn(run);
        let thread = or_skip("start a thread", thread)?;
        Ok(Running {
            exam: self,
            function,
            outcome,
            thread,
            started,
            took: Cell::new(None),
            cpu: Cell::default(),
        })
    }
}

impl<T> Running<'_, T> {
    /// What the function returns: waits until it has.
    ///
    /// # Errors
    /// It never will, or it has panicked.
    pub fn returns(&self, when: &str) -> Verdict<T> {
        let expected = || format!("`{}` to return {when}", self.function);
        let outcome = self
            .exam
            .wait_for(|rest| match self.outcome.recv_timeout(rest) {
                Ok((result, took, cpu)) => {
                    self.took.set(Some(took));
                    self.cpu.set(cpu);
                    Ok(Some(result))
                }
                Err(RecvTimeoutError::Disconnected) => Ok(Some(None)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
            })?;
        let seen = match outcome {
            Some(Some(value)) => return Ok(value),
            Some(None) => "it has panicked",
            None => "it has not returned",
        };
        self.exam.fail_waiting(Awaited::Return, expected(), seen)
    }

    /// Waits until each of the answer's threads is blocked and stays so, and checks that the
    /// function has not returned.
    ///
    /// # Errors
    /// It has.
    pub fn goes_on(&self, why: &str) -> Verdict {
        self.exam.stays_at_rest()?;
        self.exam.forget_stuck(); // that its threads wait is as it should be
        let expected = format!("`{}` to go on: {why}", self.function);
        self.exam.must(!self.has_ended(), expected, "it has ended")
    }

    /// Whether the function has returned, or panicked.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the function has returned, or panicked. `false` if it never will.
    ///
    /// # Errors
    /// None.
    pub fn comes_to_its_end(&self) -> Verdict<bool> {
        self.exam.comes_true(|| Ok(self.has_ended()))
    }

    /// How long ago the function was called.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long the call took, once it has returned; until then, how long it has been going on.
    #[must_use]
    pub fn took(&self) -> Took {
        self.took.get().unwrap_or_else(|| Took {
            time: self.age(),
            delay: Duration::ZERO,
        })
    }

    /// How much CPU time the call's thread used, once the call has returned; zero until then.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.cpu.get()
    }

    /// Interrupts the system call in which the function's thread waits, by a signal that does
    /// nothing else. A call that had done a part of its work returns how much (signal(7),
    /// SA_RESTART); any other is restarted.
    ///
    /// # Errors
    /// Signals cannot be caught here.
    pub fn interrupt(&self) -> Verdict {
        static CAUGHT: Mutex<bool> = Mutex::new(false);
        let mut caught = CAUGHT.lock().unwrap_or_else(PoisonError::into_inner);
        if !*caught {
            let handler = ctrlc::set_handler(|| {}).map_err(io::Error::other);
            or_skip("catch a signal", handler)?;
            *caught = true;
        }
        let thread: pthread_t = self.thread.as_pthread_t();
        or_skip(
            "send a signal",
            pthread_kill(thread, Signal::SIGINT).map_err(io::Error::from),
        )
    }
}

impl<T> Running<'_, io::Result<T>> {
    /// What the function returned, which must be no error.
    ///
    /// # Errors
    /// It never will, or it has returned an error, or it has panicked.
    pub fn succeeds(&self, when: &str) -> Verdict<T> {
        match self.returns(when)? {
            Ok(value) => Ok(value),
            Err(error) => self.exam.fail(
                format!("`{}` to return Ok {when}", self.function),
                format!("it has returned an error: {error} ({:?})", error.kind()),
            ),
        }
    }

    /// The error that the function returned, if it returns one.
    ///
    /// # Errors
    /// It never will, or it has succeeded, or it has panicked.
    pub fn fails(&self, when: &str) -> Verdict<io::Error> {
        match self.returns(when)? {
            Err(error) => Ok(error),
            Ok(_) => self.exam.fail(
                format!("`{}` to return an error {when}", self.function),
                "it has returned Ok",
            ),
        }
    }
}
