//! How a program ends that has failed: in order if it can, and a second later in any case.
//!
//! An error that is returned from a `thread::scope` waits there for the scope's threads. Whoever owns what
//! they wait for should close it when dropped, and then they end. If one waits all the same, the error
//! would never be told: so [`soon`] begins a second, after which the program says its message, removes
//! its temporary folders and exits, whatever its threads wait for.

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
use crate::folder::remove_temporary_folders;

/// How long a program that has failed may take to end in order.
const UNWINDING: Duration = Duration::from_secs(1);

/// Whether this process is a program that [`super::run`] runs, and ends: a test is not.
static RUNS: AtomicBool = AtomicBool::new(false);

/// Why the program has failed. What fails after that is a consequence, and is not told.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Whether the last word has been taken: there is one message.
static LAST_WORD: AtomicBool = AtomicBool::new(false);

/// From here on this process ends when its program has failed.
pub(super) fn begin() {
    RUNS.store(true, SeqCst);
}

/// The program has failed, and ends: in order within a second, or without.
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
    // No thread: then the program can only end in order.
    let _ = thread::Builder::new().spawn(move || {
        thread::sleep(UNWINDING); // no synchronisation: a limit
        take_last_word();
        complain(&format!("{}: {message}", program_name()));
        remove_temporary_folders();
        process::exit(1)
    });
}

/// Why the program has failed, if that is known already.
pub(super) fn first() -> Option<String> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// For the thread that says how the program ends. Any other waits here for the exit.
pub(super) fn take_last_word() {
    while LAST_WORD.swap(true, SeqCst) {
        thread::park();
    }
}
