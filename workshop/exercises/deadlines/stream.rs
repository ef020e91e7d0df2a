//! What a call leaves to its caller: the stream, and no thread or descriptor, whatever it has
//! returned.

use std::{io::ErrorKind, time::Duration};

use socket_workshop::table::State;

use super::{
    ReadLine, bytes,
    harness::{Connection, ENOUGH},
};

use crate::exam::{
    AMPLE, Because, Exam, Verdict, descriptors,
    diagnosis::{LEAVES_A_THREAD, SHUTS_DOWN_WHAT_WAS_LENT},
};

/// A limit that runs out.
const SHORT: Duration = Duration::from_millis(50);

/// Long enough to be still running when a call has returned, and short enough that a program may
/// set it.
const MINUTES: Duration = Duration::from_secs(600);

/// What a peer sends, whether it then closes its half, the limit of the call, and what it returns.
type Ending = (
    &'static [u8],
    bool,
    Duration,
    Result<&'static str, ErrorKind>,
);

/// Every way in which a call ends and the connection goes on.
const ENDINGS: [Ending; 8] = [
    (b"hello\n", false, MINUTES, Ok("hello")),
    (b"", false, SHORT, Err(ErrorKind::TimedOut)),
    (b"hel", false, SHORT, Err(ErrorKind::TimedOut)),
    (b"", false, Duration::ZERO, Err(ErrorKind::TimedOut)),
    (b"", true, MINUTES, Err(ErrorKind::UnexpectedEof)),
    (b"hel", true, MINUTES, Err(ErrorKind::UnexpectedEof)),
    (b"caf\xe9\n", false, MINUTES, Err(ErrorKind::InvalidData)),
    (b"123456", false, MINUTES, Err(ErrorKind::FileTooLarge)),
];

/// More than the lines that are not too long.
const MAX: usize = 5;

fn ends<'e>(exam: &'e Exam, read: ReadLine, ending: Ending) -> Verdict<Connection<'e>> {
    let (sent, closes, limit, wanted) = ending;
    let connection = Connection::new(exam, read)?;
    if !sent.is_empty() {
        connection.queues(sent)?;
    }
    if closes {
        connection.peer.half_close()?;
    }
    let call = connection.call(limit, MAX)?;
    call.returns(wanted, |got, case| match wanted {
        Err(ErrorKind::UnexpectedEof) => bytes::end_of_file(got, case),
        Err(ErrorKind::InvalidData) => bytes::not_utf8(got, case),
        _ => None,
    })?;
    Ok(connection)
}

pub(super) fn leaves_the_stream_open(exam: &Exam, read: ReadLine) -> Verdict {
    for ending in ENDINGS {
        ends(exam, read, ending)?.is_as_it_was()?;
    }
    Ok(())
}

pub(super) fn leaves_nothing_behind(exam: &Exam, read: ReadLine) -> Verdict {
    for ending in ENDINGS {
        let before = descriptors()?;
        let connection = ends(exam, read, ending)?;
        exam.must(
            exam.leaves_no_thread()?,
            "no thread of yours to be left",
            "`read_line_within` has returned, and one is left",
        )
        .diagnose(&[LEAVES_A_THREAD])?;
        drop(connection);
        exam.must(
            exam.comes_true(|| Ok(descriptors()? <= before))?,
            "no descriptor of yours to be left",
            "`read_line_within` has returned, and one more is open than before the call",
        )
        .caused_by(
            "Your code opened a descriptor and did not close it: a clone of the stream \
             (`try_clone`), an eventfd or an epoll that is leaked or kept in a static. A server \
             that leaks one descriptor per line eventually runs out.",
        )?;
    }
    Ok(())
}

pub(super) fn reads_on_after_a_timeout(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.times_out(SHORT, |_| Ok(()))?;
    let thread_left = !exam.leaves_no_thread()?;
    connection.sends_a_piece(b"late\n")?; // a thread that still reads shall have it
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Ok("late"), |_, case| {
        let recv_q = case.yours().map_or(0, |seen| seen.row.recv_q);
        let is_taken = thread_left && recv_q == 0 && case.is_in(State::Established);
        is_taken.then(|| {
            "The line was sent after the first call had returned, and it is gone (Recv-Q is 0): a \
             thread that the first call started has read it. Returning does not end a read in \
             which another thread is blocked. Read on the calling thread, with a read timeout."
                .to_owned()
        })
    })
    .because(|case| match case.is_in(State::Established) {
        true => None,
        false => SHUTS_DOWN_WHAT_WAS_LENT.of(case),
    })
    .map(drop)
}
