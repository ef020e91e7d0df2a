//! A connection on which the exam sends and the answer reads lines, and a call of the answer.

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use socket_workshop::{
    deadline::Deadline,
    table::{End, Table},
};

use super::{
    ReadLine,
    cause::{Instead, panicked, too_early, without_end},
};

use crate::exam::{Answer, Because, Case, Doing, Exam, LIMIT, Peer, Unmet, Verdict, here};

/// A limit where time is not the subject: longer than the exam itself waits.
pub(super) const AMPLE: Duration = Duration::from_secs(10);

/// More bytes than any line here has that is not too long.
pub(super) const ENOUGH: usize = 1000;

/// How much too early a time-out may seem, for clocks count in steps.
pub(super) const JIFFY: Duration = Duration::from_millis(10);

/// How long pieces may stand in Recv-Q before the exam sends more: each of them where the answer rests,
/// and all of them where it runs.
const A_WHILE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(1);

/// What a call returned: a line, or the kind of an error.
pub(super) type Got = Result<String, ErrorKind>;

/// What it was to return.
pub(super) type Wanted<'a> = Result<&'a str, ErrorKind>;

/// A connection: the exam has one end, and lends the other to the answer, call after call.
pub(super) struct Connection<'e> {
    exam: &'e Exam,
    pub(super) peer: Peer<'e>,
    stream: Arc<TcpStream>,
    read: ReadLine,
    patience: Deadline,
}

/// One call.
pub(super) struct Call<'e> {
    exam: &'e Exam,
    stream: Arc<TcpStream>,
    pub(super) answer: Answer<'e, io::Result<String>>,
    limit: Duration,
    max: usize,
}

impl<'e> Connection<'e> {
    pub(super) fn new(exam: &'e Exam, read: ReadLine) -> Verdict<Connection<'e>> {
        let (peer, stream) = exam.connection()?;
        Ok(Connection {
            exam,
            peer,
            stream: Arc::new(stream),
            read,
            patience: Deadline::after(PATIENCE),
        })
    }

    /// Calls the answer.
    pub(super) fn call(&self, limit: Duration, max: usize) -> Verdict<Call<'e>> {
        self.exam.step(format!(
            "called `read_line_within` with a limit of {limit:?} and a max of {max}"
        ));
        let (read, stream) = (self.read, Arc::clone(&self.stream));
        let body = move || read(&stream, limit, max);
        Ok(Call {
            exam: self.exam,
            stream: Arc::clone(&self.stream),
            answer: self.exam.start("read_line_within", body)?,
            limit,
            max,
        })
    }

    /// Calls the answer, which must return this line, in ample time.
    pub(super) fn reads(&self, line: &str) -> Verdict {
        self.call(AMPLE, ENOUGH)?
            .returns(Ok(line), |_, _| None)
            .map(drop)
    }

    /// Sends, and waits until all of it stands in Recv-Q. Only while no call is under way.
    pub(super) fn queues(&self, bytes: &[u8]) -> Verdict {
        self.peer.send(bytes)?;
        let there = || Ok((self.recv_q().ok() == Some(bytes.len())).then_some(()));
        match self.exam.until(there)? {
            Some(()) => Ok(()),
            None => Err(Unmet::not_here("what was sent does not stand in Recv-Q")),
        }
    }

    /// Sends, and waits until it has been taken from the socket: what is sent next comes in another
    /// read. Not for ever, and less long where the answer rests: it may wait for the whole line.
    pub(super) fn sends_a_piece(&self, bytes: &[u8]) -> Verdict {
        self.peer.send(bytes)?;
        let (sent, end) = (
            Instant::now(),
            here("read an address", End::of(&self.stream))?,
        );
        let taken = |table: &Table| {
            let arrived = table.find(end.other()).is_none_or(|row| row.send_q == 0);
            let taken = arrived && table.find(end).is_none_or(|row| row.recv_q == 0);
            (taken || sent.elapsed() > A_WHILE && is_at_rest(self.exam)).then_some(())
        };
        self.exam.table_shows(taken).map(drop)
    }

    /// How many bytes wait for the answer in its socket, once all that was sent has arrived there.
    pub(super) fn recv_q(&self) -> Verdict<usize> {
        let end = here("read an address", End::of(&self.stream))?;
        let arrived = |table: &Table| {
            let under_way = table.find(end.other()).is_some_and(|row| row.send_q > 0);
            let waiting = table.find(end).map_or(0, |row| row.recv_q as usize);
            (!under_way).then_some(waiting)
        };
        let waiting = self.exam.table_shows(arrived)?;
        waiting.ok_or_else(|| Unmet::not_here("what was sent does not arrive"))
    }
}

impl Call<'_> {
    /// The call must return this, within [`LIMIT`] from now. Returns how long it took in all.
    ///
    /// `cause` is what the check knows of what came instead, `None` if nothing came.
    pub(super) fn returns(
        self,
        wanted: Wanted,
        cause: impl Fn(Option<&Got>, &Case) -> Option<String>,
    ) -> Verdict<Duration> {
        let returned = self.answer.returns("of the last step");
        let returned = returned.because(|case| match case.panicked {
            true => Some(panicked(wanted).to_owned()),
            false => cause(None, case),
        })?;
        let took = self.answer.age();
        let seen = match &returned {
            Ok(line) => format!("it has returned Ok({line:?}), after {took:.0?}"),
            Err(error) => format!(
                "it has returned an error after {took:.0?}: {error} ({:?})",
                error.kind()
            ),
        };
        let got = returned.map_err(|error| error.kind());
        if got.as_deref().map_err(|kind| *kind) == wanted {
            self.exam.step(match wanted {
                Ok(line) => format!("it returned Ok({line:?})"),
                Err(kind) => format!("it returned an error of the kind {kind:?}"),
            });
            return Ok(took);
        }
        let expected = match wanted {
            Ok(line) => format!("`read_line_within` to return Ok({line:?})"),
            Err(kind) => {
                format!("`read_line_within` to return an error of the kind {kind:?}")
            }
        };
        self.exam
            .fail(expected, seen)
            .because(|case| cause(Some(&got), case))
            .because(|case| {
                let instead = Instead {
                    wanted,
                    got: &got,
                    took,
                    limit: self.limit,
                    max: self.max,
                };
                instead.likely(case)
            })
    }

    /// The call must end by its deadline, and not before it.
    pub(super) fn times_out(self) -> Verdict {
        let (exam, limit, stream) = (self.exam, self.limit, Arc::clone(&self.stream));
        let took = self.returns(Err(ErrorKind::TimedOut), |got, case| match got {
            None => Some(without_end(&stream, limit, case)),
            Some(_) => None,
        })?;
        exam.must(
            took + JIFFY >= limit,
            format!("`read_line_within` to wait for {limit:?}"),
            format!("it has given up after {took:.0?}"),
        )
        .caused_by(too_early(took, limit))
    }

    /// The call must be over although its peer has not been silent.
    pub(super) fn is_over(&self, while_: &str) -> Verdict {
        let late = self.answer.age();
        let (limit, stream) = (self.limit, Arc::clone(&self.stream));
        self.exam
            .must(
                self.answer.has_ended(),
                format!("`read_line_within` to return by its deadline, {limit:?} after the call"),
                format!("{late:.0?} after the call, {while_}, it had not returned"),
            )
            .because(|case| Some(without_end(&stream, limit, case)))
    }
}

/// Whether no thread of the answer's runs: each is blocked in a system call, or has ended.
pub(super) fn is_at_rest(exam: &Exam) -> bool {
    !exam.evidence().threads.contains(&Doing::Running)
}
