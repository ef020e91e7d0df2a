//! The checks of the wait: how long it lasts, what ends it, and what does not.

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{deadline::Deadline, table::End};

use super::{
    Connect,
    call::{AMPLE, Call, Cancel, JIFFY, readable, under_way},
    cause, hangs,
};

use crate::{
    checks::dialer::address::Address,
    exam::{Because, Exam, LIMIT, Verdict, here},
};

/// A limit where time is the subject.
const SHORT: Duration = Duration::from_millis(400);

pub(super) fn gives_up_when_the_limit_is_over(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    for limit in [SHORT, Duration::ZERO] {
        let call = Call::begin(exam, connect, silent.addr, limit, &cancel)?;
        times_out(exam, &call)?;
    }
    Ok(())
}

fn times_out(exam: &Exam, call: &Call) -> Verdict {
    let limit = call.limit;
    let when = format!("with a limit of {limit:?}");
    let took = call.fails(ErrorKind::TimedOut, &when, |case| {
        hangs::overdue(case, limit)
    })?;
    exam.must(
        took + JIFFY >= limit,
        format!("`connect` to wait for {limit:?}"),
        format!("it has given up after {took:.0?}"),
    )
    .caused_by(cause::gave_up(took, limit))
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
            let ended = || Ok(call.answer.has_ended().then_some(()));
            exam.until(ended)?;
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
    let within = LIMIT + LIMIT / 4;
    let when = "when the kernel has sent the SYN again, and it is answered";
    let stream = call.connects(within, when)?;
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
    )?;
    Ok(())
}

pub(super) fn keeps_to_its_limit_through_signals(exam: &Exam, connect: Connect) -> Verdict {
    let tries = Deadline::after(LIMIT);
    while signals(exam, connect)? >= SHORT && !tries.passed() {
        exam.step("a pause was as long as the limit, for the machine is busy: once more");
    }
    Ok(())
}

/// A limit that begins anew with each signal would never run out. Returns the longest pause.
fn signals(exam: &Exam, connect: Connect) -> Verdict<Duration> {
    const PAUSE: Duration = Duration::from_millis(20);
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    let call = Call::begin(exam, connect, silent.addr, SHORT, &cancel)?;
    exam.step(format!(
        "interrupts your thread by a signal every {PAUSE:?}"
    ));
    let mut longest = PAUSE;
    while call.answer.age() < LIMIT && !call.answer.has_ended() {
        let sent = Instant::now();
        call.answer.interrupt()?;
        thread::sleep(PAUSE); // its length is the subject: signals that go on coming
        longest = longest.max(sent.elapsed());
    }
    exam.must(
        call.answer.has_ended(),
        format!("`connect` to return when its limit of {SHORT:?} is over"),
        format!(
            "{:.0?} after the call it had not returned",
            call.answer.age()
        ),
    )
    .because(|case| hangs::begins_anew(case, SHORT))?;
    times_out(exam, &call).map(|()| longest)
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
    call.fails(aborted, &when, hangs::deaf_to_cancel).map(drop)
}

pub(super) fn takes_the_end_of_cancel_for_a_cancel(exam: &Exam, connect: Connect) -> Verdict {
    let mut cancel = Cancel::new()?;
    let (_silent, call, _end) = under_way(exam, connect, AMPLE, &cancel)?;
    cancel.end(exam);
    let aborted = ErrorKind::ConnectionAborted;
    call.fails(aborted, "after that", hangs::deaf_to_the_end)
        .map(drop)
}
