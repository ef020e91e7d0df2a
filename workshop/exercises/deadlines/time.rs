//! How long a call takes, and what it does meanwhile.

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use super::{
    ReadLine,
    cause::{TAKES_WHAT_IS_THERE, WAITS_TOO_LONG_AGAIN},
    harness::{Call, Connection, ENOUGH, MARGIN},
};

use crate::{
    checks::silence,
    exam::{
        AMPLE, Because, Buffers, CheckError, Exam, Verdict,
        diagnosis::{RETURNS_AT_A_SIGNAL, SPINS},
    },
};

/// A limit where time is the subject.
const SHORT: Duration = Duration::from_millis(300);

/// Less than a millisecond: in whole milliseconds it is none.
const TINY: Duration = Duration::from_micros(900);

/// Twice as long as [`SHORT`]: longer than a busy machine makes the pauses between the bytes.
const LONGER: Duration = Duration::from_millis(600);

/// The pause between two bytes of a client that is slow, or between two signals.
const PAUSE: Duration = Duration::from_millis(20);

/// More bytes than the exam can send one by one while a call lasts.
const MANY: usize = 1 << 20;

/// A limit in which a call cannot take as many bytes as a line may have.
const BRIEF: Duration = Duration::from_millis(20);

/// The size of a receive buffer that takes some time to read, in bytes.
const WIDE: usize = 200 << 10;

/// How often a call must time out while bytes are there.
const STEADY: usize = 3;

/// A pause in which a call can take all bytes that are there.
const A_GAP: Duration = Duration::from_millis(3);

/// How many bytes a line may have to which bytes are added without a pause.
const MOST: usize = 32 << 20;

/// Longer than a usual read timeout of a second, by which an answer may end what has no end yet.
const SILENCE: Duration = Duration::from_millis(1500);

pub(super) fn times_out_in_silence(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.times_out(SHORT, |_| Ok(()))?;
    // A busy machine may take as long for a call that does not wait: one of several shows it.
    for _attempt in 0..10 {
        connection.times_out(TINY, |_| Ok(()))?;
    }
    Ok(())
}

pub(super) fn waits_for_the_whole_limit(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    connection.peer.receives_nothing_for(SILENCE)?;
    connection.peer.send(b"hello\n")?;
    call.returns(Ok("hello"), |_, _| None).map(drop)
}

/// The deadline is compared with the clock before the first read too: a line that is there stays
/// there.
pub(super) fn times_out_immediately(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.times_out(Duration::ZERO, |_| Ok(()))?;
    connection.queues(b"hello\n")?;
    connection.times_out(Duration::ZERO, |_| Ok(()))?;
    connection.reads("hello")
}

/// A timeout for each read would never expire, and a deadline that begins with the first byte is
/// late. If the bytes come without a pause, no read times out.
pub(super) fn times_out_while_bytes_arrive(exam: &Exam, read: ReadLine) -> Verdict {
    let sends = |connection: &Connection, call: &Call| match connection.peer.fill(b".") {
        // Whether a call that has returned left the stream open is another rule.
        Err(_) if call.answer.comes_to_its_end()? => Ok(()),
        sent => sent.map(drop),
    };
    for (first, pause) in [
        (Duration::ZERO, PAUSE),
        (LONGER * 3 / 4, PAUSE),
        (Duration::ZERO, Duration::ZERO),
    ] {
        while_it_waits(exam, read, (first, pause), "a byte", sends)?;
    }
    times_out_after_a_late_byte(exam, read)?;
    times_out_while_bytes_are_there(exam, read)
}

/// Where the deadline is only looked at before each read, the read after this byte ends too late.
fn times_out_after_a_late_byte(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.times_out(LONGER, |_| {
        thread::sleep(LONGER * 3 / 4); // its length is the subject
        connection.peer.send(b".")
    })
}

/// More bytes are there whenever the call looks, as far as the exam can send them in time: no read
/// waits. A call that takes them faster has to wait, and then returns in time. So several times,
/// and not counting those in which the exam could not send for a while.
fn times_out_while_bytes_are_there(exam: &Exam, read: ReadLine) -> Verdict {
    let mut steady = 0;
    for _attempt in 0..4 * STEADY {
        if is_fed_steadily(exam, read)? {
            steady += 1;
        }
        if steady == STEADY {
            return Ok(());
        }
    }
    match steady {
        0 => Err(CheckError::skipped(
            "the machine is too busy: the exam could not send without a pause",
        )),
        _ => Ok(()),
    }
}

/// One call that must time out while bytes are there. Whether the exam made no pause in which the
/// call could take all of them.
fn is_fed_steadily(exam: &Exam, read: ReadLine) -> Verdict<bool> {
    let bytes = vec![b'.'; WIDE];
    let wide = Buffers {
        your_receive: WIDE,
        ..Buffers::default()
    };
    let connection = Connection::with(exam, read, wide)?;
    while connection.peer.fill(&bytes)? > 0 {}
    exam.step("sent as many bytes as there is room for, and no newline");
    let mut longest = Duration::ZERO;
    let meanwhile = |call: &Call| {
        exam.step("sends more whenever there is room, until the call returns");
        let (mut sent, mut last) = (0, Instant::now());
        while !call.answer.has_ended() && call.answer.age() < BRIEF + 2 * MARGIN {
            // Until the deadline has passed the line is not too long.
            let room = match call.goes_on_for() < 2 * BRIEF {
                true => (MOST / 2).saturating_sub(sent).min(WIDE),
                false => WIDE,
            };
            match connection.peer.fill(&bytes[..room]) {
                Err(_) if call.answer.comes_to_its_end()? => break,
                Ok(0) => thread::sleep(Duration::from_millis(1)), // until it reads, or its time is over
                taken => sent += taken?,
            }
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        Ok(())
    };
    connection
        .times_out_below(MOST, BRIEF, meanwhile)
        .caused_by(TAKES_WHAT_IS_THERE)?;
    Ok(longest < A_GAP)
}

/// A signal ends a read that has a timeout, and the next read has a timeout again.
pub(super) fn counts_the_limit_through_signals(exam: &Exam, read: ReadLine) -> Verdict {
    let when = (Duration::ZERO, PAUSE);
    while_it_waits(exam, read, when, "a signal", |_, call| {
        call.answer.interrupt()
    })
    .diagnose(&[RETURNS_AT_A_SIGNAL])
}

/// Something happens from `first` on, with this pause after each time, for as long as the call may
/// take. Once more if the machine made a pause as long as the limit.
fn while_it_waits(
    exam: &Exam,
    read: ReadLine,
    (first, pause): (Duration, Duration),
    what: &str,
    mut happens: impl FnMut(&Connection, &Call) -> Verdict,
) -> Verdict {
    let after = match first.is_zero() {
        true => String::new(),
        false => format!("after {first:?} "),
    };
    let every = match pause.is_zero() {
        true => "after the other, without a pause".to_owned(),
        false => format!("every {pause:?}"),
    };
    for _ in 0..3 {
        let connection = Connection::new(exam, read)?;
        let mut longest = Duration::ZERO;
        let meanwhile = |call: &Call| {
            exam.step(format!(
                "{after}sends {what} {every}, and no newline, until the call returns"
            ));
            thread::sleep(first); // its length is the subject, as that of each pause
            let mut last = Instant::now();
            while !call.answer.has_ended() && call.answer.age() < LONGER + 2 * MARGIN {
                happens(&connection, call)?;
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            Ok(())
        };
        connection
            .times_out_below(MANY, LONGER, meanwhile)
            .because(|case| {
                let is_late = case.has_returned_error(ErrorKind::TimedOut);
                (is_late && !pause.is_zero()).then(|| WAITS_TOO_LONG_AGAIN.to_owned())
            })?;
        if longest < LONGER {
            return Ok(());
        }
        exam.step("a pause was as long as the limit, because the machine is busy: once more");
    }
    Err(CheckError::skipped(format!(
        "the machine is too busy: three times the exam could not send {what} within {LONGER:?}"
    )))
}

/// Neither in a loop of non-blocking reads, nor in one of peeks that see the same bytes again.
pub(super) fn waits_in_the_kernel(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    comes_to_rest(exam)?;
    connection.sends_a_piece(b"hel")?;
    comes_to_rest(exam)?;
    connection.peer.send(b"lo\n")?;
    call.returns(Ok("hello"), |_, _| None)?;

    let call = || {
        let call = connection.call(SHORT, ENOUGH)?;
        call.returns(Err(ErrorKind::TimedOut), |_, _| None)?;
        Ok(call.answer)
    };
    silence::is_spent_waiting(exam, call, silence::SPINS_AT_ITS_END)
}

/// A read with a timeout that is interrupted ends with EINTR (signal(7)): no timeout, and no end.
pub(super) fn continues_after_a_signal(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    for piece in [&b"hel"[..], b"l", b"o\n"] {
        comes_to_rest(exam)?;
        call.answer.interrupt()?;
        exam.step("interrupted the system call in which your thread waited, by a signal");
        comes_to_rest(exam)?;
        connection.sends_a_piece(piece)?;
    }
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
        let waiting = case.yours()?.row.recv_q;
        (waiting > 0).then(|| {
            "There are bytes in Recv-Q, so `peek` or `poll` returns immediately, shows the same \
             bytes, and is called again. Take from the socket what belongs to the line. Then the \
             next call waits."
                .to_owned()
        })
    })
    .diagnose(&[SPINS])
}
