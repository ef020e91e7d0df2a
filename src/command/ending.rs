//! How a failed program ends: in order if it can, and after one second in any case.
//!
//! `thread::scope` joins its threads before an error leaves it. Each lesson closes what its threads
//! wait for, so that they end. If one still waits, the join would hang and the user would never see
//! the error. So [`soon`] starts a limit of one second. When it runs out, the program prints its
//! message, removes its temporary folders and exits.

use std::{
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use super::{complain, program_name};
use crate::{folder::remove_temporary_folders, sysctl};

/// How long a program that has failed may take to end in order.
const UNWINDING: Duration = Duration::from_secs(1);

/// Whether [`super::run`] runs this process. It does not run the tests, which must not exit.
static RUNS: AtomicBool = AtomicBool::new(false);

/// Why the program has failed. Later failures follow from the first one and are not printed.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Whether a thread is already printing the message: there is only one.
static LAST_WORD: AtomicBool = AtomicBool::new(false);

/// The kernel's unusual settings when the program began its story.
static UNUSUAL: Mutex<Option<String>> = Mutex::new(None);

/// The program begins a story. What refutes it may be a setting of this kernel.
pub(crate) fn tells_a_story() {
    *UNUSUAL.lock().unwrap_or_else(PoisonError::into_inner) = sysctl::unusual();
}

/// Prints why the program has failed, in a line; and in another one, if it is a lesson and this
/// kernel has unusual settings, which these are.
pub(super) fn complain_of(failure: &str) {
    let name = program_name();
    complain(&format!("{name}: {failure}"));
    if let Some(unusual) = &*UNUSUAL.lock().unwrap_or_else(PoisonError::into_inner) {
        complain(&format!("{name}: {unusual}"));
    }
}

/// From now on [`soon`] ends this process.
pub(super) fn begin() {
    RUNS.store(true, SeqCst);
}

/// The program has failed. It now has one second to end in order.
pub(crate) fn soon(message: &str) {
    if !RUNS.load(SeqCst) {
        return;
    }
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    if first.is_some() {
        return;
    }
    *first = Some(message.to_owned());
    let message = message.to_owned();
    // Without this thread the program can only end in order.
    let _ = thread::Builder::new().spawn(move || {
        thread::sleep(UNWINDING); // a limit, not synchronisation
        take_last_word();
        complain_of(&message);
        remove_temporary_folders();
        process::exit(1)
    });
}

/// Why the program has failed, if it has.
pub(super) fn first() -> Option<String> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Called by a thread before it prints how the program ends. A second
/// caller waits here for the exit.
pub(super) fn take_last_word() {
    while LAST_WORD.swap(true, SeqCst) {
        thread::park();
    }
}
