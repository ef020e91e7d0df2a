//! The exam's socket, the one that is lent to the answer, and a call of the answer.

use std::{
    cell::{Cell, RefCell},
    fmt,
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    sync::Arc,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{MsgFlags, recv},
};

use super::{
    Ask,
    cause::{
        Instead, LATE, PANICS, Silence, goes_on, hangs, in_ms, not_sent, other_bytes, too_early,
    },
};

use crate::exam::{Because, Case, Exam, Running, Timing, Took, Verdict, is_ready, or_skip, quote};

/// How late a call may be at its limit, not counting the time in which it had no CPU.
pub(super) const MARGIN: Duration = Duration::from_millis(250);

/// What a call returned.
pub(super) type Got = io::Result<Text>;

/// A text, which a failure shows as one.
pub(super) struct Text(pub(super) Vec<u8>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.0))
    }
}

/// What it was to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted<'a> {
    /// This text.
    Text(&'a [u8]),
    /// An error of this kind.
    Error(ErrorKind),
    /// EMSGSIZE, which std has no kind for.
    TooLarge,
    /// ECONNREFUSED, as the kernel returns it.
    Refused,
}

/// The exam's socket is the server; the other, connected to it, is lent to the answer.
pub(super) struct Pair<'e> {
    pub(super) exam: &'e Exam,
    pub(super) server: UdpSocket,
    pub(super) socket: Arc<UdpSocket>,
    client: SocketAddr,
    ask: Ask,
    /// All questions so far. An earlier one may arrive late: it was sent again before its answer
    /// arrived.
    asked: RefCell<Vec<Vec<u8>>>,
}

/// One call.
pub(super) struct Call<'e> {
    pub(super) exam: &'e Exam,
    socket: Arc<UdpSocket>,
    pub(super) answer: Running<'e, Got>,
    /// What it must send.
    pub(super) question: Vec<u8>,
    pub(super) limit: Duration,
    /// How often it has arrived.
    received: Cell<usize>,
}

impl<'e> Pair<'e> {
    pub(super) fn new(exam: &'e Exam, ask: Ask) -> Verdict<Pair<'e>> {
        let server = or_skip("bind a UDP socket", UdpSocket::bind("127.0.0.1:0"))?;
        let addr = or_skip("read its address", server.local_addr())?;
        let pair = Pair::to(exam, ask, server, addr)?;
        let client = pair.client;
        exam.step(format!(
            "bound {addr}, the exam's socket, and connected {client}, yours, to it"
        ));
        Ok(pair)
    }

    /// The answer's socket is connected to this address instead.
    pub(super) fn to(
        exam: &'e Exam,
        ask: Ask,
        server: UdpSocket,
        addr: SocketAddr,
    ) -> Verdict<Pair<'e>> {
        exam.owns(&server);
        exam.watches(&server);
        let socket = or_skip("bind a UDP socket", UdpSocket::bind("127.0.0.1:0"))?;
        or_skip("connect it", socket.connect(addr))?;
        let client = or_skip("read its address", socket.local_addr())?;
        Ok(Pair {
            exam,
            server,
            socket: Arc::new(socket),
            client,
            ask,
            asked: RefCell::default(),
        })
    }

    /// Calls the answer.
    pub(super) fn call(&self, request: &[u8], number: u32, limit: Duration) -> Verdict<Call<'e>> {
        self.exam.step(format!(
            "called `ask` with the request {}, the number {number:#x} and a limit of {limit:?}",
            quote(request)
        ));
        let (ask, socket, request) = (self.ask, Arc::clone(&self.socket), request.to_vec());
        let question = datagram(number, &request);
        self.asked.borrow_mut().push(question.clone());
        let body = move || ask(&socket, &request, number, limit).map(Text);
        Ok(Call {
            exam: self.exam,
            socket: Arc::clone(&self.socket),
            answer: self.exam.start("ask", body)?,
            question,
            limit,
            received: Cell::new(0),
        })
    }

    /// What arrives from the answer within a time, if anything does, other than an earlier
    /// question.
    pub(super) fn next(&self, within: Duration) -> Verdict<Option<Vec<u8>>> {
        is_ready(&self.server, PollFlags::POLLIN, within)?;
        let mut buf = vec![0; 1 << 16];
        loop {
            let came = match recv(self.server.as_raw_fd(), &mut buf, MsgFlags::MSG_DONTWAIT) {
                Ok(n) => &buf[..n],
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => continue,
                Err(errno) => return or_skip("receive", Err(errno.into())),
            };
            let asked = self.asked.borrow();
            let earlier = asked
                .split_last()
                .is_some_and(|(_, earlier)| earlier.iter().any(|question| question == came));
            if !earlier {
                return Ok(Some(came.to_vec()));
            }
        }
    }

    /// The question must arrive. Returns how long after the call it did.
    pub(super) fn receives(&self, call: &Call) -> Verdict<Duration> {
        let came = self.exam.wait_for(|rest| {
            let came = self.next(rest)?.map(|came| (came, call.answer.age()));
            Ok(match came {
                None if call.answer.has_ended() => Some(None),
                None => None,
                came => Some(came),
            })
        })?;
        match came.flatten() {
            Some((came, age)) => {
                call.is_the_question(&came)?;
                call.received.set(call.received.get() + 1);
                Ok(age)
            }
            None => call.sends_nothing(call.answer.has_ended()),
        }
    }

    /// Calls the answer, which must end when the limit has passed, and not before.
    pub(super) fn times_out(&self, request: &[u8], number: u32, limit: Duration) -> Verdict {
        let reference = self.exam.reference(limit)?;
        let call = self.call(request, number, limit)?;
        let took = call.times_out()?;
        match reference.judges(took, MARGIN)? {
            Timing::Late => call.is_late(took),
            _ => Ok(()),
        }
    }

    /// Sends this, without a step.
    pub(super) fn sends(&self, bytes: &[u8]) -> Verdict {
        // The call may have ended: that is not the subject here.
        or_skip("send", self.server.send_to(bytes, self.client).or(Ok(0))).map(drop)
    }

    /// Sends a text with a number.
    pub(super) fn answers(&self, number: u32, text: &[u8]) -> Verdict {
        self.exam.step(format!(
            "answered with the number {number:#x} and {}",
            quote(text)
        ));
        self.sends(&datagram(number, text))
    }
}

impl Call<'_> {
    pub(super) fn is_the_question(&self, came: &[u8]) -> Verdict {
        self.exam
            .must(
                came == self.question,
                format!("the datagram {}", quote(&self.question)),
                quote(came),
            )
            .because(|_| other_bytes(&self.question, came))
    }

    pub(super) fn sends_nothing<T>(&self, ended: bool) -> Verdict<T> {
        let error = match ended {
            true => self.answer.returns("after the last step")?.err(),
            false => None,
        };
        let error = error.map(|error| error.kind());
        let seen = match ended {
            true => "none arrives: your function has ended",
            false => "none arrives",
        };
        let expected = format!("the datagram {} to arrive", quote(&self.question));
        self.exam.fail(expected, seen).because(|case| {
            not_sent(
                &Silence {
                    heard: self.received.get() > 0,
                    ended,
                    error,
                    limit: self.limit,
                },
                case,
            )
        })
    }

    /// The call must return this. Returns how long it took.
    ///
    /// `cause` is what the check knows of what was returned instead, `None` if nothing was.
    pub(super) fn returns(
        &self,
        wanted: Wanted,
        cause: impl Fn(Option<&Got>, &Case) -> Option<String>,
    ) -> Verdict<Took> {
        let returned = self.answer.returns("after the last step");
        let got = returned.because(|case| match case.panicked {
            true => Some(PANICS.to_owned()),
            false => cause(None, case).or_else(|| hangs(&self.socket, case)),
        })?;
        let took = self.answer.took();
        if wanted.is(&got) {
            self.exam.step(match &got {
                Ok(text) => format!("it returned Ok({text:?})"),
                Err(error) => format!("it returned an error: {error}"),
            });
            return Ok(took);
        }
        let seen = match &got {
            Ok(text) => format!("it has returned Ok({text:?})"),
            Err(error) if took.time >= self.limit => format!(
                "it has returned an error after the limit: {error} ({:?})",
                error.kind()
            ),
            Err(error) => format!(
                "it has returned an error after {}: {error} ({:?})",
                in_ms(took.time),
                error.kind()
            ),
        };
        let instead = Instead {
            wanted,
            got: &got,
            took: took.time,
            limit: self.limit,
            number: &self.question[..4],
        };
        self.exam
            .fail(format!("`ask` to return {}", wanted.text()), seen)
            .because(|case| cause(Some(&got), case))
            .because(|case| instead.diagnose(case))
    }

    /// The call must end with a time-out, and not before its limit. Returns how long it took.
    pub(super) fn times_out(&self) -> Verdict<Took> {
        let took = self.returns(Wanted::Error(ErrorKind::TimedOut), |got, case| match got {
            None => goes_on(&self.socket.read_timeout(), case),
            Some(_) => None,
        })?;
        self.exam
            .must(
                took.time >= self.limit,
                format!("`ask` to wait for {:?}", self.limit),
                format!("it has returned TimedOut after {}", in_ms(took.time)),
            )
            .caused_by(too_early(took.time, self.limit))?;
        Ok(took)
    }

    /// It has returned, but too late.
    pub(super) fn is_late<T>(&self, took: Took) -> Verdict<T> {
        self.exam
            .fail(
                format!("`ask` to return when {:?} have passed", self.limit),
                format!("it has returned after {}", in_ms(took.time)),
            )
            .caused_by(LATE)
    }
}

impl Wanted<'_> {
    fn is(self, got: &Got) -> bool {
        match (self, got) {
            (Wanted::Text(text), Ok(Text(got))) => text == got,
            (Wanted::Error(kind), Err(error)) => error.kind() == kind,
            (Wanted::TooLarge, Err(error)) => error.raw_os_error() == Some(Errno::EMSGSIZE as i32),
            (Wanted::Refused, Err(error)) => {
                error.raw_os_error() == Some(Errno::ECONNREFUSED as i32)
            }
            _ => false,
        }
    }

    fn text(self) -> String {
        match self {
            Wanted::Text(text) => format!("Ok({})", quote(text)),
            Wanted::Error(kind) => format!("an error of the kind {kind:?}"),
            Wanted::TooLarge => "the error EMSGSIZE, as the kernel returned it".to_owned(),
            Wanted::Refused => "the error ECONNREFUSED, as the kernel returned it".to_owned(),
        }
    }
}

/// A number and a text.
pub(super) fn datagram(number: u32, text: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes(), text].concat()
}
