//! What the kernel says, and how the socket is left.

use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{
    Ask,
    again::{next_due, not_too_early},
    call::{Got, Pair, Wanted},
    cause::in_ms,
};

use crate::exam::{AMPLE, Because, Exam, Took, Unmet, Verdict, here, numbered};

/// After that the question would be sent again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A limit for a call that is to end with an error of the kernel's, at once: one that waits for more
/// ends then.
const NOT_AT_ONCE: Duration = Duration::from_secs(1);

pub(super) fn says_that_nobody_is_there(exam: &Exam, ask: Ask) -> Verdict {
    let (socket, addr) = deaf()?;
    let pair = Pair::to(exam, ask, socket, addr)?;
    exam.step(format!(
        "connected your socket to {addr}, where nobody hears it: its kernel is told so by ICMP"
    ));
    let mut at_once = Ok(());
    // A busy machine may be late once.
    for number in 1..=3 {
        let call = pair.call(b"is anybody there?", number, NOT_AT_ONCE)?;
        let took = call.returns(Wanted::Error(ErrorKind::ConnectionRefused), |got, _| {
            refused(got)
        })?;
        at_once = is_at_once(exam, took);
        if at_once.is_ok() {
            break;
        }
    }
    at_once?;
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"are you there?", 2, NOT_AT_ONCE)?;
    pair.hears(&call)?;
    let addr = here("read an address", pair.server.local_addr())?;
    here("connect a socket", pair.server.connect(addr))?;
    exam.step("from now on the exam's socket hears itself only: to you, nobody is there");
    call.returns(Wanted::Error(ErrorKind::ConnectionRefused), |got, _| {
        refused(got)
    })
    .map(drop)
}

/// A call that has sent the question twice takes 50 ms at least, however much of that it had no CPU.
fn is_at_once(exam: &Exam, took: Took) -> Verdict {
    if took.time >= FIRST_PAUSE && took.delay >= FIRST_PAUSE / 4 {
        return Err(Unmet::not_here(format!(
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
        "The kernel says ECONNREFUSED to the first `recv` already, for the first question. That was passed \
         over, and the question sent again.",
    )
}

fn refused(got: Option<&Got>) -> Option<String> {
    let waits = match got {
        None => true,
        Some(Err(error)) => error.kind() == ErrorKind::TimedOut,
        Some(Ok(_)) => false,
    };
    waits.then(|| {
        "What was sent could not be delivered, and the kernel says so, once each time: the next `recv` or \
         `send` fails with ECONNREFUSED. Either that was passed over as if nothing had come yet, or \
         nothing was sent again: return it."
            .to_owned()
    })
}

pub(super) fn says_that_it_is_too_large(exam: &Exam, ask: Ask) -> Verdict {
    const MOST: usize = 65_507 - 4;
    let pair = Pair::new(exam, ask)?;
    let text = numbered(MOST + 8);
    let call = pair.call(&text[..MOST + 1], 1, NOT_AT_ONCE)?;
    call.returns(Wanted::TooLarge, |got, _| {
        let cause = match got {
            Some(Err(error)) if error.kind() == ErrorKind::TimedOut => {
                "The kernel takes no datagram of 65 508 bytes: `send` fails with EMSGSIZE, each time. That \
                 was passed over, and an answer to nothing was waited for."
            }
            None | Some(Ok(_)) => return None,
            Some(Err(error)) if error.raw_os_error().is_some() => return None,
            Some(Err(_)) => {
                "It has failed, but with an error of its own. The caller can learn from the kernel's what to \
                 do: return that as it is."
            }
        };
        Some(cause.to_owned())
    })?;
    let call = pair.call(&text[..MOST], 2, AMPLE)?;
    pair.hears(&call)?;
    pair.answers(2, b"ok")?;
    call.returns(Wanted::Text(b"ok"), |_, _| None).map(drop)
}

pub(super) fn leaves_the_socket_as_it_was(exam: &Exam, ask: Ask) -> Verdict {
    for timeout in [None, Some(Duration::from_secs(3))] {
        let pair = Pair::new(exam, ask)?;
        here("set a timeout", pair.socket.set_read_timeout(timeout))?;
        exam.step(match timeout {
            None => "your socket has no read timeout".to_owned(),
            Some(timeout) => format!("set the read timeout of your socket to {timeout:?}"),
        });
        let call = pair.call(b"one", 1, AMPLE)?;
        pair.hears(&call)?;
        pair.answers(1, b"first")?;
        call.returns(Wanted::Text(b"first"), |_, _| None)?;
        is_as_it_was(&pair, timeout)?;
        pair.call(b"two", 2, Duration::from_millis(100))?
            .times_out()?;
        is_as_it_was(&pair, timeout)?;
        let (socket, addr) = deaf()?;
        let pair = Pair::to(exam, ask, socket, addr)?;
        here("set a timeout", pair.socket.set_read_timeout(timeout))?;
        exam.step("another socket of yours is like the first, but nobody hears it");
        let call = pair.call(b"three", 3, NOT_AT_ONCE)?;
        call.returns(Wanted::Error(ErrorKind::ConnectionRefused), |_, _| None)?;
        is_as_it_was(&pair, timeout)?;
    }
    Ok(())
}

fn is_as_it_was(pair: &Pair, timeout: Option<Duration>) -> Verdict {
    let (exam, socket) = (pair.exam, &*pair.socket);
    let now = here("read a timeout", socket.read_timeout())?;
    exam.must(
        now == timeout,
        match timeout {
            None => "the socket to have no read timeout, as before".to_owned(),
            Some(timeout) => format!("the socket's read timeout to be {timeout:?}, as before"),
        },
        match now {
            None => "it has none now".to_owned(),
            Some(_) => "it has another now".to_owned(),
        },
    )
    .caused_by(
        "The socket is only lent, and its read timeout (SO_RCVTIMEO) stays on it when the call returns: \
         the caller's next `recv` would be held to it. Read it first, and set it again at the end, \
         whichever way the call ends: after an error too.",
    )?;
    let flags = fcntl(socket, FcntlArg::F_GETFL).map_err(Into::into);
    let flags = OFlag::from_bits_truncate(here("read a socket's flags", flags)?);
    exam.must(
        !flags.contains(OFlag::O_NONBLOCK),
        "the socket to block, as before",
        "it is non-blocking now (O_NONBLOCK)",
    )
    .caused_by(
        "The socket is only lent: put back what has been set, whichever way the call ends.",
    )?;
    exam.must(
        socket.peer_addr().is_ok(),
        "the socket to be connected, as before",
        "it is not",
    )?;
    while pair.next(Duration::ZERO)?.is_some() {} // what was sent before it returned
    let alone = exam.until(|| {
        let alone = exam.evidence().threads.is_empty();
        let asks_on = pair.next(Duration::ZERO)?.is_some();
        Ok((alone || asks_on).then_some(alone))
    })?;
    exam.must(
        alone == Some(true),
        "no thread to be left, for `ask` has returned",
        "a thread that it started goes on",
    )
    .caused_by(
        "A thread that still receives takes what the caller's next `recv` is to have, and one that sends \
         asks for what nobody waits for. Whoever starts a thread tells it to end, and joins it.",
    )
}

pub(super) fn waits_and_goes_on_after_a_signal(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"is anybody there?", 9, AMPLE)?;
    let (mut came, mut told) = (Vec::new(), false);
    // The later the pause, the longer it is: a machine that is busy leaves enough of the last.
    for _ in 0..4 {
        came.push(pair.hears(&call)?);
        not_too_early(&call, &came)?; // a signal is no reason to send again
        comes_to_rest(exam)?;
        call.answer.interrupt()?;
        exam.step("interrupted the system call in which your thread waited, by a signal");
        told |= call.answer.age() < next_due(&came);
    }
    came.push(pair.hears(&call)?);
    not_too_early(&call, &came)?;
    if !told {
        return Err(Unmet::not_here(
            "the machine is too busy: no signal came before the question was due again",
        ));
    }
    pair.answers(9, b"yes")?;
    call.returns(Wanted::Text(b"yes"), |_, _| None).map(drop)
}

/// A thread that waits is blocked in a system call.
fn comes_to_rest(exam: &Exam) -> Verdict {
    exam.must(
        exam.comes_to_rest()?,
        "your thread to wait, while nothing comes",
        "it runs",
    )
    .caused_by(
        "There is nothing to receive, and yet your thread runs: it asks the socket, or the clock, again and \
         again, which keeps a processor busy. A `recv` of a blocking socket waits in the kernel; its \
         timeout is what remains until the question is to be sent again.",
    )
}

/// A socket that hears from itself only: to whoever else sends to it, nobody is there. And nobody else
/// can get its port.
fn deaf() -> Verdict<(UdpSocket, SocketAddr)> {
    let socket = here("bind a UDP socket", UdpSocket::bind("127.0.0.1:0"))?;
    let addr = here("read its address", socket.local_addr())?;
    here("connect it", socket.connect(addr))?;
    Ok((socket, addr))
}
