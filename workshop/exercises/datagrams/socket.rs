//! What the kernel returns, and where the call waits.

use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{MsgFlags, recv},
};

use super::{
    Ask,
    cause::in_ms,
    harness::{Got, Pair, Wanted, datagram},
    times::SOON,
};

use crate::{
    checks::{delay, silence},
    exam::{AMPLE, Because, CheckError, Exam, Took, Verdict, numbered, or_skip},
};

/// After that the question would be sent again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// By then a thread that has received a datagram waits again, on a machine that is not busy.
const LATE: Duration = Duration::from_millis(200);

/// A limit for a call that is to return an error of the kernel immediately: one that waits on ends
/// then.
pub(super) const NOT_AT_ONCE: Duration = Duration::from_secs(1);

pub(super) fn is_refused(exam: &Exam, ask: Ask) -> Verdict {
    let (socket, addr) = deaf()?;
    let pair = Pair::to(exam, ask, socket, addr)?;
    exam.step(format!(
        "connected your socket to {addr}, where no socket receives it: ICMP reports that to its \
         kernel"
    ));
    is_refused_at_once(&pair, false)?;
    is_refused_at_once(&pair, true)?;
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"are you there?", 2, NOT_AT_ONCE)?;
    pair.receives(&call)?;
    let addr = or_skip("read an address", pair.server.local_addr())?;
    or_skip("connect a socket", pair.server.connect(addr))?;
    exam.step("connected the exam's socket to itself: what you send is refused from now on");
    call.returns(Wanted::Refused, |got, _| refused(got))
        .map(drop)
}

/// With an earlier datagram of the socket the error is there before the call, and its `send` fails.
fn is_refused_at_once(pair: &Pair, earlier: bool) -> Verdict {
    let mut at_once = Ok(());
    // A busy machine may be late once.
    for number in 1..=3 {
        if earlier {
            let _ = pair.socket.take_error(); // of the call before
            or_skip("send a datagram", pair.socket.send(b"earlier"))?;
            pair.exam.becomes_ready(&pair.socket, PollFlags::POLLERR)?;
            pair.exam
                .step("sent a datagram on your socket, and it was refused");
        }
        let call = pair.call(b"is anyone there?", number, NOT_AT_ONCE)?;
        let took = call.returns(Wanted::Refused, |got, _| refused(got))?;
        at_once = is_at_once(pair.exam, took);
        if at_once.is_ok() {
            break;
        }
    }
    at_once
}

/// A call that has sent the question twice takes 50 ms at least, however much of that it had no
/// CPU.
fn is_at_once(exam: &Exam, took: Took) -> Verdict {
    if took.time >= FIRST_PAUSE && took.delay >= FIRST_PAUSE / 4 {
        return Err(CheckError::skipped(format!(
            "the machine is too busy: `ask` waited {} for a CPU",
            in_ms(took.delay)
        )));
    }
    exam.must(
        took.time < FIRST_PAUSE,
        format!("`ask` to return before {FIRST_PAUSE:?} have passed"),
        format!("it has returned after {}", in_ms(took.time)),
    )
    .caused_by(
        "The first `send` or `recv` returns ECONNREFUSED already. Your code ignored it and sent \
         the question again. Return the first error that is not a timeout or a signal.",
    )
}

fn refused(got: Option<&Got>) -> Option<String> {
    let cause = match got {
        None => WAITS,
        Some(Err(error)) if error.kind() == ErrorKind::TimedOut => WAITS,
        Some(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            "The kind is right, but the error is a new one without the kernel's number. Return the \
             error that `send` or `recv` has returned."
        }
        Some(_) => return None,
    };
    Some(cause.to_owned())
}

const WAITS: &str = "The question could not be delivered, and the kernel reports that once each \
     time: the next `recv` or `send` fails with ECONNREFUSED. Either your code ignored that error \
     like a timeout, or it did not send again. Return every error that is not a timeout or a \
     signal.";

pub(super) fn is_too_large(exam: &Exam, ask: Ask) -> Verdict {
    const MOST: usize = 65_507 - 4;
    let pair = Pair::new(exam, ask)?;
    let text = numbered(MOST + 8);
    let call = pair.call(&text[..MOST + 1], 1, NOT_AT_ONCE)?;
    call.returns(Wanted::TooLarge, |got, _| {
        let cause = match got {
            Some(Err(error)) if error.kind() == ErrorKind::TimedOut => {
                "The kernel accepts no datagram of 65 508 bytes: `send` fails with EMSGSIZE each \
                 time. Your code ignored that, and waited for an answer to a question that was \
                 never sent. Propagate the error of `send` with `?`."
            }
            None | Some(Ok(_)) => return None,
            Some(Err(error)) if error.raw_os_error().is_some() => return None,
            Some(Err(_)) => {
                "The call fails, but with a new error instead of the kernel's. The caller needs \
                 the kernel's number to decide what to do. Return the error that `send` has \
                 returned."
            }
        };
        Some(cause.to_owned())
    })?;
    let call = pair.call(&text[..MOST], 2, AMPLE)?;
    pair.receives(&call)?;
    pair.answers(2, b"ok")?;
    call.returns(Wanted::Text(b"ok"), |_, _| None).map(drop)
}

pub(super) fn waits_in_the_kernel(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"is anyone there?", 9, AMPLE)?;
    for _ in 0..SOON {
        pair.receives(&call)?;
        comes_to_rest(exam)?;
    }
    // The next pause lasts 800 ms.
    exam.step("sent a datagram with another number");
    let (sent, delay) = (Instant::now(), delay::of_others());
    pair.sends(&datagram(8, b"late"))?;
    exam.until(|| Ok(is_read(&pair.socket)?.then_some(())))?;
    comes_to_rest(exam)?;
    // With few turns a thread that spins uses little CPU time, and rests when it has sent again.
    let delay = delay::of_others().saturating_sub(delay);
    if sent.elapsed() > LATE && delay > LATE {
        return Err(CheckError::skipped(format!(
            "the machine is too busy: your threads waited {} for a CPU",
            in_ms(delay)
        )));
    }
    pair.answers(9, b"yes")?;
    call.returns(Wanted::Text(b"yes"), |_, _| None)?;

    // Nothing comes at all, and the question is sent at 0, 50, 150 and 350 ms.
    let call = || {
        let call = pair.call(b"is anyone there?", 10, SILENCE)?;
        call.times_out()?;
        Ok(call.answer)
    };
    silence::is_spent_waiting(exam, call, SPINS_BEFORE_IT_SENDS)
}

/// A limit of a call that gets no answer.
const SILENCE: Duration = Duration::from_millis(400);

const SPINS_BEFORE_IT_SENDS: &str = "Nothing came, and your thread ran for a part of the time: it \
     looks at the clock or asks the socket again and again, for example in the last milliseconds \
     before it sends, in order not to be late. A `recv` on a blocking socket waits in the kernel. Set its \
     timeout to all the time until the question is to be sent again.";

/// Whether nothing is left to receive on this socket.
fn is_read(socket: &UdpSocket) -> Verdict<bool> {
    let mut byte = [0];
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    match recv(socket.as_raw_fd(), &mut byte, flags) {
        Ok(_) => Ok(false),
        Err(Errno::EAGAIN) => Ok(true),
        Err(errno) => or_skip("look at your socket", Err(errno.into())),
    }
}

/// A thread that waits is blocked in a system call.
fn comes_to_rest(exam: &Exam) -> Verdict {
    exam.must(
        exam.comes_to_rest()?,
        "your thread to wait, while nothing comes",
        "it runs",
    )
    .caused_by(
        "There is nothing to receive, and your thread runs: it asks the socket or the clock again \
         and again, which keeps a CPU busy. A `recv` on a blocking socket waits in the kernel. Set \
         its timeout to the time until the question is to be sent again.",
    )
}

/// A socket that is connected to itself: what another socket sends to it is refused. And no other
/// program can get its port.
pub(super) fn deaf() -> Verdict<(UdpSocket, SocketAddr)> {
    let socket = or_skip("bind a UDP socket", UdpSocket::bind("127.0.0.1:0"))?;
    let addr = or_skip("read its address", socket.local_addr())?;
    or_skip("connect it", socket.connect(addr))?;
    Ok((socket, addr))
}
