//! What a call leaves to its caller: the stream and its options, and no thread or descriptor,
//! whatever it has returned.

use std::{io::ErrorKind, time::Duration};

use socket_workshop::table::State;

use super::{
    ReadMessage,
    ends::times_out,
    harness::{Connection, Got, LARGE, framed, message},
};

use crate::exam::{
    AMPLE, Because, Exam, Verdict, descriptors, diagnosis::LEAVES_A_THREAD, here, numbered,
};

/// A read timeout that expires.
const SHORT: Duration = Duration::from_millis(50);

/// More than the messages that are not refused.
const LIMIT: usize = 1000;

/// How a call ends: what the peer sends, whether it then closes its half, the caller's read
/// timeout, and what the call returns.
struct Ending {
    sent: Vec<u8>,
    closes: bool,
    timeout: Duration,
    wanted: Got,
}

/// Every way in which a call ends and the connection goes on.
fn endings() -> Vec<Ending> {
    let ending = |sent: &[u8], closes, timeout, wanted| Ending {
        sent: sent.to_vec(),
        closes,
        timeout,
        wanted,
    };
    let large = numbered(LIMIT);
    vec![
        ending(&framed(b"hello"), false, AMPLE, message(b"hello")),
        ending(&framed(&large), false, AMPLE, message(&large)),
        ending(&framed(b""), false, AMPLE, message(b"")),
        ending(b"", true, AMPLE, Ok(None)),
        ending(b"\0\0", true, AMPLE, Err(ErrorKind::UnexpectedEof)),
        ending(b"\0\0\0\x04la", true, AMPLE, Err(ErrorKind::UnexpectedEof)),
        ending(&[0xff; 4], false, AMPLE, Err(ErrorKind::InvalidData)),
        ending(b"", false, SHORT, Err(ErrorKind::WouldBlock)),
        ending(b"\0\0", false, SHORT, Err(ErrorKind::WouldBlock)),
        ending(b"\0\0\0\x04la", false, SHORT, Err(ErrorKind::WouldBlock)),
    ]
}

fn ends<'e>(exam: &'e Exam, read: ReadMessage, ending: Ending) -> Verdict<Connection<'e>> {
    let connection = Connection::new(exam, read)?;
    if !ending.sent.is_empty() {
        connection.queues(&ending.sent)?;
    }
    if ending.closes {
        connection.peer.half_close()?;
    }
    connection.has_a_timeout(ending.timeout)?;
    let call = connection.call(LIMIT)?;
    call.returns(ending.wanted, |_, _| None)?;
    Ok(connection)
}

pub(super) fn leaves_the_stream_open(exam: &Exam, read: ReadMessage) -> Verdict {
    for ending in endings() {
        ends(exam, read, ending)?.is_as_it_was()?;
    }
    Ok(())
}

pub(super) fn leaves_the_timeout(exam: &Exam, read: ReadMessage) -> Verdict {
    for ending in endings() {
        let timeout = ending.timeout;
        let connection = ends(exam, read, ending)?;
        let left = here("read a timeout", connection.stream.read_timeout())?;
        // The kernel has rounded it up, to its jiffies.
        let is_kept = left.is_some_and(|left| left >= timeout && left <= timeout + SHORT / 2);
        exam.must(
            is_kept,
            format!("the socket's read timeout to be {timeout:?} still"),
            match left {
                Some(left) => format!("it is {left:?}; `read_message` has returned"),
                None => "it has none; `read_message` has returned".to_owned(),
            },
        )
        .caused_by(
            "Your code changed the read timeout and did not restore it on this path. SO_RCVTIMEO \
             belongs to the socket, not to the call: the caller's next read would have another \
             one. Leave it alone: how long to wait is for the caller to say.",
        )?;
    }
    Ok(())
}

pub(super) fn reads_on_after_a_timeout(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    times_out(&connection)?;
    let thread_left = !exam.leaves_no_thread()?;
    connection.sends_a_piece(&framed(b"late"))?; // a thread that still reads shall have it
    let call = connection.call(LARGE)?;
    call.returns(message(b"late"), |_, case| {
        let recv_q = case.yours().map_or(0, |seen| seen.row.recv_q);
        let is_taken = thread_left && recv_q == 0 && case.is_in(State::Established);
        is_taken.then(|| {
            "The message was sent after the first call had returned, and it is gone (Recv-Q is 0): \
             a thread that the first call started has read it. Read on the calling thread."
                .to_owned()
        })
    })
    .map(drop)
}

pub(super) fn leaves_nothing_behind(exam: &Exam, read: ReadMessage) -> Verdict {
    for ending in endings() {
        let before = descriptors()?;
        let connection = ends(exam, read, ending)?;
        exam.must(
            exam.leaves_no_thread()?,
            "no thread of yours to be left",
            "`read_message` has returned, and one is left",
        )
        .diagnose(&[LEAVES_A_THREAD])?;
        drop(connection);
        exam.must(
            exam.comes_true(|| Ok(descriptors()? <= before))?,
            "no descriptor of yours to be left",
            "`read_message` has returned, and one more is open than before the call",
        )
        .caused_by(
            "Your code opened a descriptor and did not close it: a clone of the stream \
             (`try_clone`), an eventfd or an epoll that is leaked or kept in a static. A server \
             that leaks one descriptor per message eventually runs out.",
        )?;
    }
    Ok(())
}
