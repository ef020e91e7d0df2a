//! What every `main` does: read the arguments, run, and report a failure in one line.

pub mod arguments;
pub(crate) mod ending;

use std::{
    env,
    error::Error,
    ffi::OsString,
    fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

pub use self::arguments::Arguments;
use crate::fault;

/// Reads the arguments and runs. Exit status: 0 done, 1 failed, 2 wrong usage.
///
/// A reader that has gone away (`| head`) is not a failure: the program stops and says nothing.
pub fn run<A: Arguments>(body: impl FnOnce(A) -> io::Result<()>) -> ExitCode {
    let done = |arguments| body(arguments).map(|()| ExitCode::SUCCESS);
    run_to_status(done, |_| ExitCode::FAILURE)
}

/// As [`run`], for a program that says more by its exit status.
pub fn run_to_status<A: Arguments>(
    body: impl FnOnce(A) -> io::Result<ExitCode>,
    failed: impl FnOnce(&io::Error) -> ExitCode,
) -> ExitCode {
    let name = program_name();
    let arguments = match arguments::read(&name) {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    ending::begin();
    let ended = body(arguments);
    ending::take_last_word();
    match (ended, ending::first()) {
        (Err(error), _) if is_reader_gone(&error) => ExitCode::SUCCESS,
        (Ok(status), None) => status,
        (Ok(_), Some(first)) => {
            ending::complain_of(&first);
            ExitCode::FAILURE
        }
        (Err(error), first) => {
            let text = first.unwrap_or_else(|| told(&error));
            ending::complain_of(&text);
            failed(&error)
        }
    }
}

/// An error, and what to do about it where that is known.
fn told(error: &io::Error) -> String {
    match fault::advice(error) {
        Some(advice) => format!("{error} ({advice})"),
        None => error.to_string(),
    }
}

/// The reader of our output has closed it: not the same as a peer that closed a connection.
#[derive(Debug)]
struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of the output is gone")
    }
}

impl Error for ReaderGone {}

/// For writes to stdout and stderr: turns a broken pipe into the quiet end that [`run`] knows.
#[must_use]
pub fn output_error(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, ReaderGone),
        _ => error,
    }
}

/// Writes a line to stdout, as `println!` does, but returns an error when it cannot be written:
/// `println!` would panic when its reader has gone away.
#[macro_export]
macro_rules! say {
    () => { $crate::say!("") };
    ($($text:tt)+) => { $crate::command::write_line(format_args!($($text)+)) };
}

/// What [`say!`](crate::say) calls.
///
/// # Errors
/// The line cannot be written.
pub fn write_line(line: fmt::Arguments) -> io::Result<()> {
    writeln!(io::stdout(), "{line}").map_err(output_error)
}

/// Writes a line to stderr, or, if there is no stderr, nowhere.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether the cause of all is that the reader of our output has closed it.
#[must_use]
pub fn is_reader_gone(error: &io::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match inner {
            Some(inner) if inner.is::<ReaderGone>() => return true,
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// `listener`, from `target/debug/examples/listener`.
pub(crate) fn program_name() -> String {
    let path = env::args_os()
        .next()
        .unwrap_or_else(|| OsString::from("workshop"));
    Path::new(&path).file_stem().map_or_else(
        || "workshop".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}
