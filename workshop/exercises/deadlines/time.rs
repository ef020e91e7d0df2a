//! How long a call takes, and what it does meanwhile.

use std::{
    thread,
    time::{Duration, Instant},
};

use socket_workshop::table::State;

use super::{
    ReadLine,
    call::{Call, Connection, ENOUGH},
};

use crate::exam::{AMPLE, Because, Exam, Unmet, Verdict};

/// A limit where time is the subject.
const SHORT: Duration = Duration::from_millis(300);

/// Twice as long: longer than a busy machine makes the pauses between the bytes.
const LONGER: Duration = Duration::from_millis(600);

/// The pause between two bytes of a peer that is slow, and how many it sends: for longer than the limit.
const PAUSE: Duration = Duration::from_millis(20);
const DRIPS: usize = 60;

pub(super) fn times_out_in_silence(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.times_out(SHORT, |_| Ok(()))?;
    connection.times_out(Duration::ZERO, |_| Ok(()))
}

pub(super) fn ends_although_bytes_go_on_coming(exam: &Exam, read: ReadLine) -> Verdict {
    for _ in 0..3 {
        if drips(exam, read)? < LONGER {
            return Ok(());
        }
        exam.step("a pause was as long as the limit, for the machine is busy: once more");
    }
    Err(Unmet::not_here(
        "the machine is too busy: three times the exam could not send a byte in 600 ms",
    ))
}

/// A timeout for each read would never run out: the pauses are far shorter. Returns the longest.
fn drips(exam: &Exam, read: ReadLine) -> Verdict<Duration> {
    let connection = Connection::new(exam, read)?;
    let mut longest = PAUSE;
    let drip = |call: &Call| {
        exam.step(format!(
            "sends a byte every {PAUSE:?}, and no newline, {DRIPS} times or until it returns"
        ));
        let mut sent = Instant::now();
        for _ in 0..DRIPS {
            if call.answer.has_ended() {
                break;
            }
            connection.peer.fill(b".")?;
            longest = longest.max(sent.elapsed());
            sent = Instant::now();
            thread::sleep(PAUSE); // its length is the subject: a slow peer
        }
        Ok(())
    };
    connection.times_out(LONGER, drip)?;
    Ok(longest)
}

/// Neither in a loop of non-blocking reads, nor in one of peeks that see the same bytes again.
pub(super) fn waits_in_the_kernel(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    comes_to_rest(exam)?;
    connection.sends_a_piece(b"hel")?;
    comes_to_rest(exam)?;
    connection.peer.send(b"lo\n")?;
    call.returns(Ok("hello"), |_, _| None).map(drop)
}

pub(super) fn reads_on_after_a_time_out(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.times_out(SHORT, |_| Ok(()))?;
    let left_behind = !exam.has_no_thread_left()?;
    connection.sends_a_piece(b"late\n")?; // whoever still reads shall have it
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Ok("late"), |_, case| {
        let recv_q = case.yours().map_or(0, |seen| seen.row.recv_q);
        let cause = if !case.is_in(State::Established) {
            "The first call has closed the connection, or shut it down. The stream is only lent: a call \
             that has given up leaves to its caller what is to become of it."
        } else if left_behind && recv_q == 0 {
            "When the first call had returned, a thread that it had started was still there, and the \
             line is gone (Recv-Q is 0): it was that thread's read that took it. A wait for another \
             thread can be given up, but not the read that the other thread is blocked in."
        } else {
            return None;
        };
        Some(cause.to_owned())
    })
    .map(drop)
}

/// A read with a timeout that is interrupted ends with EINTR (signal(7)): no time-out, and no end.
pub(super) fn goes_on_after_a_signal(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    connection.sends_a_piece(b"hel")?;
    comes_to_rest(exam)?;
    call.answer.interrupt()?;
    exam.step("interrupted the system call in which your thread waited, by a signal");
    comes_to_rest(exam)?;
    connection.peer.send(b"lo\n")?;
    call.returns(Ok("hello"), |_, _| None).map(drop)
}

/// A thread that waits is blocked in a system call.
fn comes_to_rest(exam: &Exam) -> Verdict {
    exam.must(
        exam.comes_to_rest()?,
        "your thread to wait, while nothing comes",
        "it runs",
    )
    .because(|case| {
        Some(
            match case.yours()?.row.recv_q {
                0 => {
                    "There is nothing to read (Recv-Q is 0), and yet your thread runs: most likely it asks a \
                     non-blocking socket again and again, which keeps a processor busy. A read of a \
                     blocking socket waits in the kernel; its limit is what remains until the deadline."
                }
                _ => {
                    "There are bytes in Recv-Q, so a `peek`, or a poll for something to read, returns at \
                     once, shows what it has shown before, and is called again. Take from the socket what \
                     belongs to the line; then the next call has something to wait for."
                }
            }
            .to_owned(),
        )
    })
}
