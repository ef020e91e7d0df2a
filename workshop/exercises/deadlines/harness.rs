//! A connection on which the exam sends and the answer reads lines, and a call of the answer.

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use super::{
    ReadLine,
    cause::{Instead, panicked, too_early, waits_beyond_max, without_end},
};

use crate::{
    checks::lent,
    exam::{AMPLE, Because, Case, Exam, Running, Timing, Took, Verdict, quote},
};

/// More bytes than any line here has that is not too long.
pub(super) const ENOUGH: usize = 1000;

/// How late a call may be at its deadline, not counting the time in which it had no CPU.
pub(super) const MARGIN: Duration = Duration::from_millis(250);

/// What a call returned: a line, or the kind of an error.
pub(super) type Got = Result<String, ErrorKind>;

/// What it was to return.
pub(super) type Wanted<'a> = Result<&'a str, ErrorKind>;

/// A connection that is lent to `read_line_within`.
pub(super) type Connection<'e> = lent::Connection<'e, ReadLine>;

/// One call.
pub(super) struct Call<'e> {
    exam: &'e Exam,
    pub(super) answer: Running<'e, io::Result<String>>,
    stream: Arc<TcpStream>,
    limit: Duration,
    max: usize,
    begun: Arc<OnceLock<Instant>>,
}

impl<'e> Connection<'e> {
    /// Calls the answer.
    pub(super) fn call(&self, limit: Duration, max: usize) -> Verdict<Call<'e>> {
        let max_told = match max {
            usize::MAX => "usize::MAX".to_owned(),
            max => max.to_string(),
        };
        self.exam.step(format!(
            "called `read_line_within` with a limit of {limit:?} and a max of {max_told}"
        ));
        let (read, stream) = (self.function, Arc::clone(&self.stream));
        let begun = Arc::new(OnceLock::new());
        let begins = Arc::clone(&begun);
        let body = move || {
            begins.get_or_init(Instant::now);
            read(&stream, limit, max)
        };
        Ok(Call {
            exam: self.exam,
            answer: self.exam.start("read_line_within", body)?,
            stream: Arc::clone(&self.stream),
            limit,
            max,
            begun,
        })
    }

    /// Calls the answer, which must return this line, in ample time.
    pub(super) fn reads(&self, line: &str) -> Verdict {
        self.call(AMPLE, ENOUGH)?
            .returns(Ok(line), |_, _| None)
            .map(drop)
    }

    /// Calls the answer, which must end by its deadline, and not before it, while `meanwhile`
    /// happens.
    pub(super) fn times_out(
        &self,
        limit: Duration,
        meanwhile: impl FnOnce(&Call) -> Verdict,
    ) -> Verdict {
        self.times_out_below(ENOUGH, limit, meanwhile)
    }

    /// As [`Connection::times_out`], with another `max`.
    pub(super) fn times_out_below(
        &self,
        max: usize,
        limit: Duration,
        meanwhile: impl FnOnce(&Call) -> Verdict,
    ) -> Verdict {
        let reference = self.exam.reference(limit)?;
        let call = self.call(limit, max)?;
        meanwhile(&call)?;
        let exam = self.exam;
        let took = call.returns(Err(ErrorKind::TimedOut), |_, _| None)?;
        let seen = format!("it has returned (TimedOut) after {:.1?}", took.time);
        match reference.judges(took, MARGIN)? {
            Timing::InTime => Ok(()),
            Timing::Early => exam
                .fail(format!("`read_line_within` to wait for {limit:?}"), seen)
                .caused_by(too_early(took.time, limit)),
            Timing::Late => exam
                .fail(
                    format!(
                        "`read_line_within` to return by its deadline, {limit:?} after the call"
                    ),
                    seen,
                )
                .because(|case| without_end(&self.stream, limit, case)),
        }
    }

    /// The stream is lent: it must be as open as the peer has left it, and block.
    pub(super) fn is_as_it_was(&self) -> Verdict {
        lent::is_as_it_was(self.exam, &self.stream)
    }
}

impl Call<'_> {
    /// For how long the call has been going on: its thread may have begun late.
    pub(super) fn goes_on_for(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// The call must return this. Returns how long it took.
    ///
    /// `cause` is what the check knows of what came instead, `None` if nothing came.
    pub(super) fn returns(
        &self,
        wanted: Wanted,
        cause: impl Fn(Option<&Got>, &Case) -> Option<String>,
    ) -> Verdict<Took> {
        let returned = self.answer.returns("after the last step");
        let returned = returned.because(|case| match case.panicked {
            true => panicked(self.max, case),
            false => cause(None, case).or_else(|| match wanted {
                Err(ErrorKind::TimedOut) => without_end(&self.stream, self.limit, case),
                Err(ErrorKind::FileTooLarge) => waits_beyond_max(self.max, case),
                _ => None,
            }),
        })?;
        let took = self.answer.took();
        let told = |wanted: Wanted| match wanted {
            Ok(line) => format!("Ok({})", quote(line.as_bytes())),
            Err(kind) => format!("an error of the kind {kind:?}"),
        };
        let seen = match &returned {
            Ok(line) => {
                let line = quote(line.as_bytes());
                format!("it has returned Ok({line}), after {:.1?}", took.time)
            }
            Err(error) => format!(
                "it has returned an error after {:.1?}: {error} ({:?})",
                took.time,
                error.kind()
            ),
        };
        let got = returned.map_err(|error| error.kind());
        if got.as_deref().map_err(|kind| *kind) == wanted {
            self.exam.step(format!("it returned {}", told(wanted)));
            return Ok(took);
        }
        self.exam
            .fail(
                format!("`read_line_within` to return {}", told(wanted)),
                seen,
            )
            .because(|case| cause(Some(&got), case))
            .because(|case| {
                let instead = Instead {
                    wanted,
                    got: &got,
                    took: took.time,
                    limit: self.limit,
                    max: self.max,
                };
                instead.diagnose(case)
            })
    }
}
