//! A connection on which the exam sends and the answer reads lines; a call of the answer, and what
//! follows from what it returned, whatever the check.

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use super::ReadLine;
use crate::{
    deadline::Deadline,
    exam::{Answer, Because, Call as System, Case, Doing, Exam, LIMIT, Peer, Unmet, Verdict, here},
    table::{End, State},
};

/// A limit where time is not the subject: longer than the exam itself waits.
pub(super) const AMPLE: Duration = Duration::from_secs(10);

/// More bytes than any line here has that is not too long.
pub(super) const ENOUGH: usize = 1000;

/// How much too early a time-out may seem, for clocks count in steps.
const JIFFY: Duration = Duration::from_millis(10);

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
    pub(super) exam: &'e Exam,
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
        match here("look for bytes", Deadline::after(LIMIT).wait_for(there))? {
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
        let taken = || {
            let table = self.exam.table().unwrap_or_default();
            let arrived = table.find(end.other()).is_none_or(|row| row.send_q == 0);
            let taken = arrived && table.find(end).is_none_or(|row| row.recv_q == 0);
            Ok((taken || sent.elapsed() > A_WHILE && is_at_rest(self.exam)).then_some(()))
        };
        here("look for bytes", self.patience.wait_for(taken)).map(drop)
    }

    /// How many bytes wait for the answer in its socket.
    pub(super) fn recv_q(&self) -> Verdict<usize> {
        let end = here("read an address", End::of(&self.stream))?;
        let table = self.exam.table()?;
        let row = table.find(end);
        Ok(row.map_or(0, |row| row.recv_q as usize))
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
        let returned = returned.because(|case| match (case.panicked, wanted) {
            (false, _) => cause(None, case),
            (true, Err(ErrorKind::TimedOut)) => Some(
                "It panicked where time was the only thing that happened. A `Duration` is never \
                 negative: where the time that has passed is more than the limit, `limit - passed` \
                 panics; `saturating_sub` gives zero, `checked_sub` None. That is when to return TimedOut."
                    .to_owned(),
            ),
            (true, _) => Some(
                "Whatever a peer sends or does, it is no reason to panic: return an error instead."
                    .to_owned(),
            ),
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
            .because(|case| self.likely(wanted, &got, took, case))
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

    fn likely(&self, wanted: Wanted, got: &Got, took: Duration, case: &Case) -> Option<String> {
        let cause = match (wanted, got) {
            (Ok(wanted), Ok(got)) => return another_line(wanted, got).map(str::to_owned),
            (Err(ErrorKind::TimedOut), Err(ErrorKind::WouldBlock))
                if took + JIFFY >= self.limit =>
            {
                "WouldBlock is EAGAIN, the kernel's word for a read timeout that ran out (socket(7), \
                 SO_RCVTIMEO); on Windows it is TimedOut. A caller should not need to know both: match \
                 both, and return TimedOut."
            }
            (_, Err(ErrorKind::WouldBlock)) => {
                "WouldBlock is EAGAIN, and there was time left: the socket is non-blocking, or its read \
                 timeout is shorter than what remains. When a wait ends early, look at the clock, and \
                 wait again."
            }
            (Err(ErrorKind::TimedOut), Err(ErrorKind::InvalidInput)) => {
                "Most likely `set_read_timeout` was given what remains when nothing does: it refuses a \
                 duration of zero with InvalidInput. Zero means that the deadline has passed: return \
                 TimedOut instead of asking for it."
            }
            (_, Err(ErrorKind::UnexpectedEof)) if case.is_in(State::Established) => {
                "There is no end of file: nobody has closed, both ends are ESTABLISHED. End of file is \
                 Ok(0) of a read that has room for bytes. An error of `read` is none; and an empty \
                 buffer, or a `take` that is used up, gives Ok(0) too."
            }
            (_, Err(ErrorKind::TimedOut)) => {
                return Some(too_early(took, self.limit));
            }
            (Ok(line), Err(ErrorKind::FileTooLarge)) => {
                return Some(format!(
                    "The line has {} bytes, and max is {}. What counts is the bytes in front of the \
                     newline: not the newline, and nothing behind it.",
                    line.len(),
                    self.max
                ));
            }
            (_, Err(ErrorKind::Interrupted)) => {
                "A signal came while it waited, and the call ended with EINTR: with a timeout it is not \
                 restarted (signal(7)). The connection is as it was: compute what remains, and wait on."
            }
            (Err(ErrorKind::TimedOut), Ok(line)) if line.is_empty() => {
                "Nothing had come, not even a newline, and an empty line was returned. Is an error of \
                 `read` passed over? It says that nothing has been read."
            }
            (Err(ErrorKind::TimedOut), Ok(_)) => {
                "Some bytes had come, but no newline: what one read brought, or what was there when the \
                 time was over, is no line."
            }
            (Err(ErrorKind::FileTooLarge), Ok(line)) if line.len() <= self.max => {
                "The first bytes of a line that is too long were returned as a line. Nobody has sent \
                 that line, and the rest of it would be taken for the next one."
            }
            (Err(ErrorKind::FileTooLarge), Ok(line)) => {
                return Some(format!(
                    "This line has {} bytes, and max is {}. Either nothing compares the two, or it \
                     allows too many.",
                    line.len(),
                    self.max
                ));
            }
            (Err(_), Err(_)) => {
                "It has failed, as it should, but by another name. A caller tells the cases apart by \
                 their ErrorKind."
            }
            _ => return None,
        };
        Some(cause.to_owned())
    }
}

fn too_early(took: Duration, limit: Duration) -> String {
    format!(
        "It gave up after {took:.0?}, of a limit of {limit:?}. Either the limit is counted wrong (in \
         another unit, or a part of it twice), or something else is taken for its end: an error, a \
         wait that is over. Only the clock tells."
    )
}

/// Whether no thread of the answer's runs: each is blocked in a system call, or has ended.
pub(super) fn is_at_rest(exam: &Exam) -> bool {
    !exam.evidence().threads.contains(&Doing::Running)
}

/// Why another line than this was returned, as far as the two of them tell.
fn another_line(wanted: &str, got: &str) -> Option<&'static str> {
    Some(if got.strip_suffix('\n') == Some(wanted) {
        "The newline ends the line and is no part of it: take it off."
    } else if got.contains('\0') {
        "There are zeros that nobody sent: the whole buffer was taken. `read` and `peek` return n, how \
         many bytes they have put there: use `&buf[..n]`."
    } else if got.contains('\n') {
        "One read can bring more than a line: TCP is a stream of bytes and keeps no lines apart. Stop \
         behind the first newline."
    } else if got.contains(char::REPLACEMENT_CHARACTER) {
        "A replacement character that nobody sent: `from_utf8_lossy`, of bytes that are not yet the \
         whole line. Put the bytes together first, then make text of them."
    } else if got.trim() == wanted.trim() {
        "Only the newline is taken off: `trim` takes spaces too, `lines` and `trim_end` a `\\r`, and \
         these may be meant."
    } else if wanted.starts_with(got) {
        "It took what one read brought for the line. How the bytes are cut into pieces says nothing: \
         the line ends at its newline, so read on until it comes."
    } else if wanted.ends_with(got) {
        "The beginning is missing: a later read has taken its place. Put the pieces together."
    } else {
        return None;
    })
}

/// Why a call goes on after its deadline, by where it waits and what the socket has been told.
fn without_end(stream: &TcpStream, limit: Duration, case: &Case) -> String {
    if case.is_running() {
        return "Your thread runs and waits for nothing: it does not look at the clock, or does not stop \
                when the deadline has passed."
            .to_owned();
    }
    if !case.is_blocked_in(&[System::Read]) {
        return "It waits, but not in a read: whatever it waits in (`kernel` says in what) must end by \
                the deadline too. Give it what remains until then, computed anew before each wait."
            .to_owned();
    }
    match stream.read_timeout() {
        Ok(Some(timeout)) => format!(
            "The socket's read timeout (SO_RCVTIMEO) is {timeout:?}, of a limit of {limit:?}. It begins \
             anew with each read: every byte that comes, and every read after one that timed out, puts \
             the end off. A deadline is one point in time: note it first, and compute what remains \
             before each read."
        ),
        _ => "The socket has no read timeout (SO_RCVTIMEO): a read on it waits until something comes, \
              however late it is by then. A look at the clock before or after it does not end it; the \
              read itself needs a limit: what remains until the deadline."
            .to_owned(),
    }
}
