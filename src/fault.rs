//! Errors for people: what was attempted, on what, and the cause, in that order and on one line.
//!
//! There is no error enum: a caller who must branch asks for the [`io::ErrorKind`], which is kept.

use std::{error::Error, fmt, io};

/// Says what was being attempted when a call failed.
pub trait Attempt<T> {
    /// Puts `what` in front of the error, as in `cannot listen on 127.0.0.1:80: permission denied`.
    ///
    /// # Errors
    /// The same failure, of the same kind.
    fn attempt(self, what: impl FnOnce() -> String) -> io::Result<T>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> io::Result<T> {
        self.map_err(|cause| {
            io::Error::new(
                cause.kind(),
                Fault {
                    what: what(),
                    cause,
                },
            )
        })
    }
}

#[derive(Debug)]
struct Fault {
    what: String,
    cause: io::Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// What a person can do about a failure of this kind, where there is something to say.
#[must_use]
pub fn advice(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::AddrInUse => Some(
            "`ss -tulnp` shows who has it; another address, or port 0 for a free one, works beside it",
        ),
        io::ErrorKind::AddrNotAvailable => Some(
            "no interface here has this address; `ip addr` lists those that do, 127.0.0.1 always does",
        ),
        io::ErrorKind::PermissionDenied => {
            Some("ports below 1024 need privileges; take a higher one")
        }
        io::ErrorKind::ConnectionRefused => {
            Some("nothing listens there: start the server first, or check the port")
        }
        io::ErrorKind::TimedOut => {
            Some("nothing answered at all: check the address, or give it longer")
        }
        _ => None,
    }
}

/// What a call returned, in a word for a table: `Ok(4)`, or the kind of its error, `BrokenPipe`.
pub fn outcome<T: fmt::Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("Ok({value:?})"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, outcome};
    use std::{error::Error, io};

    #[test]
    fn says_what_was_attempted_and_keeps_kind_and_cause() {
        let failed: io::Result<()> = Err(io::Error::from_raw_os_error(111));
        let error = failed
            .attempt(|| "cannot dial 127.0.0.1:1".to_owned())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot dial 127.0.0.1:1: Connection refused (os error 111)"
        );
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.get_ref().and_then(Error::source).is_some());
    }

    #[test]
    fn an_outcome_is_a_value_or_the_kind_of_an_error() {
        assert_eq!(outcome(Ok(4)), "Ok(4)");
        let error = io::Error::from_raw_os_error(32);
        assert_eq!(outcome::<usize>(Err(error)), "BrokenPipe");
    }
}
