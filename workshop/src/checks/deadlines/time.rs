//! How long a call takes, and what it does meanwhile.

use std::{
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{deadline::Deadline, table::State};

use super::{
    ReadLine,
    call::{AMPLE, Connection, ENOUGH, is_at_rest},
};

use crate::exam::{Because, Doing, Exam, LIMIT, Verdict, here};

/// A limit where time is the subject.
const SHORT: Duration = Duration::from_millis(300);

pub(super) fn times_out_in_silence(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.call(SHORT, ENOUGH)?.times_out()?;
    connection.call(Duration::ZERO, ENOUGH)?.times_out()
}

/// Twice as long: longer than a busy machine makes the pauses between the bytes.
const LONGER: Duration = Duration::from_millis(600);

pub(super) fn ends_although_bytes_go_on_coming(exam: &Exam, read: ReadLine) -> Verdict {
    let tries = Deadline::after(LIMIT);
    while drips(exam, read)? >= LONGER && !tries.passed() {
        exam.step("a pause was as long as the limit, for the machine is busy: once more");
    }
    Ok(())
}

/// A timeout for each read would never run out: the pauses are far shorter. Returns the longest.
fn drips(exam: &Exam, read: ReadLine) -> Verdict<Duration> {
    const PAUSE: Duration = Duration::from_millis(20);
    let connection = Connection::new(exam, read)?;
    let call = connection.call(LONGER, ENOUGH)?;
    exam.step(format!("sends a byte every {PAUSE:?}, and no newline"));
    let (begun, mut longest) = (Instant::now(), PAUSE);
    while begun.elapsed() < LIMIT && !call.answer.has_ended() {
        let sent = Instant::now();
        connection.peer.fill(b".")?;
        thread::sleep(PAUSE); // its length is the subject: a slow peer
        longest = longest.max(sent.elapsed());
    }
    call.is_over(&format!(
        "with a byte every {PAUSE:?} (the longest pause was {longest:.0?})"
    ))?;
    call.times_out().map(|()| longest)
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
    connection.call(SHORT, ENOUGH)?.times_out()?;
    let blocked = |doing: &Doing| matches!(doing, Doing::Blocked { .. });
    let left_behind = exam.evidence().threads.iter().any(blocked); // for the call has returned
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
    const WATCHED: Duration = Duration::from_millis(1500); // a busy machine may let it wait to run
    let rests = || Ok(is_at_rest(exam).then_some(()));
    let rests = exam.until(rests)?;
    exam.must(
        rests.is_some(),
        "your thread to wait, while nothing comes",
        format!("it runs: at no moment in {WATCHED:?} was it blocked in a system call"),
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
