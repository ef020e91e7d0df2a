//! The checks of the wait: how long it lasts, what ends it, and what does not.

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use socket_workshop::table::End;

use super::{
    Connect,
    call::{Call, Cancel, readable, under_way},
    cause, hangs,
};

use crate::{
    checks::dialer::address::Address,
    exam::{AMPLE, Because, Exam, Reference, Timing, Unmet, Verdict, here},
};

/// A limit where time is the subject. Not a whole number of milliseconds: poll counts in these.
const SHORT: Duration = Duration::from_micros(400_990);

pub(super) fn gives_up_when_the_limit_is_over(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    for limit in [SHORT, Duration::ZERO] {
        let reference = exam.reference(limit)?;
        let call = Call::begin(exam, connect, silent.addr, limit, &cancel)?;
        times_out(exam, &call, reference, hangs::late)?;
    }
    Ok(())
}

fn times_out(
    exam: &Exam,
    call: &Call,
    reference: Reference,
    late: impl FnOnce(Duration, Duration) -> String,
) -> Verdict {
    let limit = call.limit;
    let when = format!("with a limit of {limit:?}");
    call.fails(ErrorKind::TimedOut, &when, |case| {
        hangs::overdue(case, limit)
    })?;
    let took = call.answer.took();
    let timing = reference.judges(took, SHORT / 2)?;
    let time = took.time;
    exam.must(
        timing != Timing::Early,
        format!("`connect` to wait for {limit:?}"),
        format!("it returned after {time:?}"),
    )
    .caused_by(cause::gave_up(time, limit))?;
    exam.must(
        timing != Timing::Late,
        format!("`connect` to return when its limit of {limit:?} is over"),
        format!("it returned after {time:.1?}"),
    )
    .caused_by(late(time, limit))
}

/// Cut to a number of 32 bits of milliseconds, or of 16, only [`CUT`] is left of it.
const LONG: Duration = Duration::from_millis((1 << 32) + 500);
const CUT: Duration = Duration::from_millis(500);

pub(super) fn waits_in_the_kernel(exam: &Exam, connect: Connect) -> Verdict {
    for limit in [AMPLE, LONG, Duration::MAX] {
        let mut cancel = Cancel::new()?;
        let (_silent, call, _end) = under_way(exam, connect, limit, &cancel)?;
        exam.step("your thread waits in the kernel");
        if limit == LONG {
            // Its length is the subject: where all of the limit is kept, nothing ends the wait.
            exam.comes_true(|| Ok(call.answer.has_ended() || call.answer.age() > 2 * CUT))?;
            call.goes_on()?;
        }
        cancel.write(exam)?;
        let aborted = ErrorKind::ConnectionAborted;
        call.fails(aborted, "after that", hangs::deaf_to_cancel)?;
    }
    Ok(())
}

/// A SYN that was lost is sent again by the kernel a second later; that is the answer's time.
pub(super) fn waits_for_a_late_answer(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let (server, call, end) = under_way(exam, connect, AMPLE, &cancel)?;
    server.answers_from_now(exam)?;
    let when = "when the kernel has sent the SYN again, and it is answered";
    let stream = call.connects(when)?;
    let local = here("read the stream's address", End::of(&stream))?.local;
    exam.must(
        local == end.local,
        format!("the dial from {} to have come through", end.local),
        format!("the stream is connected from {local}"),
    )
    .caused_by(
        "The first dial was given up, and another one begun: a SYN from another port. An answer to the \
         first, which may come a second later or from far away, would have met a closed socket. A dial \
         is begun once; the kernel repeats its SYN. Wait for that one, as long as the limit allows.",
    )
}

pub(super) fn goes_on_after_a_signal(exam: &Exam, connect: Connect) -> Verdict {
    let mut cancel = Cancel::new()?;
    let (_silent, call, _end) = under_way(exam, connect, AMPLE, &cancel)?;
    call.answer.interrupt()?;
    exam.step("interrupted the system call in which your thread waits, by a signal");
    call.rests()?;
    cancel.write(exam)?;
    call.fails(
        ErrorKind::ConnectionAborted,
        "after that",
        hangs::deaf_to_cancel,
    )
}

pub(super) fn keeps_to_its_limit_through_signals(exam: &Exam, connect: Connect) -> Verdict {
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        if signals(exam, connect)? < SHORT {
            return Ok(());
        }
        exam.step("a pause was as long as the limit, for the machine is busy: once more");
    }
    Err(Unmet::not_here(
        "the machine is too busy: the exam cannot send signals often enough",
    ))
}

/// A limit that begins anew with each signal does not run out while signals go on coming. Returns the
/// longest pause between two.
fn signals(exam: &Exam, connect: Connect) -> Verdict<Duration> {
    const PAUSE: Duration = Duration::from_millis(20);
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    let reference = exam.reference(SHORT)?;
    let call = Call::begin(exam, connect, silent.addr, SHORT, &cancel)?;
    exam.step(format!(
        "interrupts your thread by a signal every {PAUSE:?}"
    ));
    let mut longest = PAUSE;
    while call.answer.age() < 3 * SHORT && !call.answer.has_ended() {
        let sent = Instant::now();
        call.answer.interrupt()?;
        thread::sleep(PAUSE); // its length is the subject: signals that go on coming
        longest = longest.max(sent.elapsed());
    }
    let signals = call.answer.age();
    let late = |took, limit| hangs::begins_anew(took, signals, limit);
    times_out(exam, &call, reference, late).map(|()| longest)
}

pub(super) fn ends_when_it_is_cancelled(exam: &Exam, connect: Connect) -> Verdict {
    let mut cancel = Cancel::new()?;
    let (silent, call, _end) = under_way(exam, connect, AMPLE, &cancel)?;
    cancel.write(exam)?;
    let aborted = ErrorKind::ConnectionAborted;
    call.fails(aborted, "after that", hangs::deaf_to_cancel)?;
    exam.must(
        cancel.is_readable()?,
        "what was written to be there still: `cancel` is only lent",
        "there is nothing to read from `cancel` any more",
    )
    .caused_by(
        "It was read from. Another thread may wait for the same word, and would never hear of it: \
         poll tells that it has come, and takes nothing away.",
    )?;
    let call = Call::begin(exam, connect, silent.addr, AMPLE, &cancel)?;
    let when = format!(
        "with a limit of {}, for `cancel` was readable before",
        readable(AMPLE)
    );
    call.fails(aborted, &when, hangs::deaf_to_cancel)
}

pub(super) fn takes_the_end_of_cancel_for_a_cancel(exam: &Exam, connect: Connect) -> Verdict {
    let mut cancel = Cancel::new()?;
    let (_silent, call, _end) = under_way(exam, connect, AMPLE, &cancel)?;
    cancel.end(exam);
    let aborted = ErrorKind::ConnectionAborted;
    call.fails(aborted, "after that", hangs::deaf_to_the_end)
}
