//! When a call ends without an answer.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Ask,
    cause::{self, in_ms, without_end},
    harness::{Call, MARGIN, Pair, Wanted, datagram},
    times::{PAUSE, SOON},
};

use crate::{
    checks::delay,
    exam::{Because, CheckError, Exam, Timing, Took, Verdict},
};

/// A call with a limit of zero takes less, at least one of several.
const IMMEDIATELY: Duration = Duration::from_millis(40);

/// How many calls are made with a limit of zero.
const CALLS: u32 = 5;

pub(super) fn returns_timed_out(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    // The last is less than a millisecond.
    for (number, limit) in (1..).zip([300_000, 1000, 49_000, 50_000, 51_000, 1900, 900]) {
        pair.times_out(b"anyone?", number, Duration::from_micros(limit))?;
    }
    Ok(())
}

pub(super) fn times_out_immediately(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let mut shortest = Duration::MAX;
    for number in 1..=CALLS {
        let call = pair.call(b"now?", number, Duration::ZERO)?;
        let took = call.times_out()?;
        shortest = shortest.min(took.time.saturating_sub(took.delay));
    }
    exam.must(
        shortest < IMMEDIATELY,
        "`ask` to return immediately: the limit has passed",
        format!(
            "each of the {CALLS} calls has taken {} or more",
            in_ms(shortest)
        ),
    )
    .caused_by(cause::WAITS_FOR_ZERO)
}

pub(super) fn accepts_the_longest(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    for (number, limit) in (1..).zip(long_limits()) {
        let call = pair.call(b"is anyone there?", number, limit)?;
        for _ in 0..2 {
            pair.receives(&call).because(cause::overflows)?;
        }
        pair.answers(number, b"yes")?;
        call.returns(Wanted::Text(b"yes"), |_, _| None)?;
    }
    Ok(())
}

/// Each but the first becomes 0, or negative, in an integer of 32 or of 64 bits.
fn long_limits() -> [Duration; 7] {
    let all = u64::MAX;
    [
        Duration::MAX,
        Duration::from_millis(1 << 31),
        Duration::from_millis(1 << 32),
        Duration::from_secs(1 << 32),
        Duration::from_nanos(all) + Duration::from_nanos(1),
        Duration::from_micros(all) + Duration::from_micros(1),
        Duration::from_millis(all) + Duration::from_millis(1),
    ]
}

pub(super) fn times_out_in_a_pause(exam: &Exam, ask: Ask) -> Verdict {
    ends_between_two_sends(&Pair::new(exam, ask)?, 20)
}

/// A limit where time is the subject.
const SHORT: Duration = Duration::from_millis(300);

/// When a call with that limit is late, whatever it waits for.
const LATE: Duration = Duration::from_millis(1500);

/// In a pause this long, a wait that starts again with each datagram may end.
const A_GAP: Duration = Duration::from_millis(45);

/// From this long before the limit on, others come so often that one is always in the queue: no
/// read can time out, at the limit or at the end of a pause.
const BEFORE: Duration = Duration::from_millis(20);

/// How many come then, in each millisecond. The queue has room for more.
const MANY: usize = 60;

/// In a pause this long, the queue may be empty and the shortest timeout may end. Where the kernel's
/// tick is behind its clock, a timeout may end in a shorter pause: so a call must end in time twice.
const A_JIFFY: Duration = Duration::from_millis(4);

pub(super) fn times_out_while_others_come(exam: &Exam, ask: Ask) -> Verdict {
    let pair = &Pair::new(exam, ask)?;
    let (mut is_in_time, mut without_a_pause) = (false, 0);
    for number in 2..16 {
        let reference = exam.reference(SHORT)?;
        let delay = delay::of_others();
        let call = pair.call(b"is anyone there?", number, SHORT)?;
        let mut sent = Instant::now();
        let longest = others_come(pair, &call, &mut sent)?;
        let at_the_limit = others_come_without_a_pause(pair, &call, &mut sent)?;
        // While others still arrive: later the call may end.
        let timeout = pair.socket.read_timeout();
        if call.answer.has_ended() {
            let took = call.times_out()?;
            match reference.judges(took, MARGIN)? {
                Timing::Late => return call.is_late(took),
                _ if longest < A_GAP && at_the_limit < A_JIFFY => without_a_pause += 1,
                _ => is_in_time |= longest.max(at_the_limit) < A_GAP,
            }
            if without_a_pause == 2 {
                return Ok(());
            }
            exam.step("once more: a timeout may have ended by chance, or in a long pause");
            continue;
        }
        let took = Took {
            time: call.answer.age(),
            delay: delay::of_others().saturating_sub(delay),
        };
        let is_late = reference.judges(took, MARGIN)? == Timing::Late;
        let age = in_ms(took.time);
        exam.must(
            !is_late,
            format!("`ask` to return when {SHORT:?} have passed"),
            format!("after {age} it has not returned"),
        )
        .because(|case| without_end(&timeout, case))?;
        exam.step(format!("after {age} it has not returned: once more"));
        exam.comes_to_rest()?; // with nothing in its queue, which had no room for an answer
        pair.answers(number, b"at last")?;
        call.answer.returns("after the last step")?.ok();
    }
    // At least once no pause was long, although a short one came at the limit or after it: most
    // waits that start again would not have ended.
    if is_in_time || without_a_pause > 0 {
        return Ok(());
    }
    Err(CheckError::skipped(
        "the machine is too busy: the exam could not send without a pause, 14 times",
    ))
}

/// Sends others until it is soon the limit. Returns the longest pause there really was.
fn others_come(pair: &Pair, call: &Call, sent: &mut Instant) -> Verdict<Duration> {
    pair.exam.step(format!(
        "sends a datagram with another number every {PAUSE:?}, and does not answer"
    ));
    let mut longest = Duration::ZERO;
    while !call.answer.has_ended() && call.answer.age() < SHORT - BEFORE {
        longest = longest.max(sends(pair, sent)?);
        pair.next(PAUSE)?;
        let left = PAUSE.saturating_sub(sent.elapsed());
        thread::sleep(left); // its length is the subject, if a question came before it was over
    }
    Ok(longest)
}

/// Sends another datagram. Returns the pause before it, or longer: from before the last was sent
/// until after this one.
fn sends(pair: &Pair, sent: &mut Instant) -> Verdict<Duration> {
    let now = Instant::now();
    pair.sends(&datagram(1, b"late"))?;
    let pause = sent.elapsed();
    *sent = now;
    Ok(pause)
}

/// Keeps the queue full until the call has ended or is late. Returns the longest pause: the one
/// before the first of them counts if the limit was in it.
fn others_come_without_a_pause(pair: &Pair, call: &Call, sent: &mut Instant) -> Verdict<Duration> {
    pair.exam.step(format!(
        "sends {MANY} of them in each millisecond, before the limit and after it"
    ));
    let before = sends(pair, sent)?;
    let mut longest = match call.answer.age() < SHORT {
        true => Duration::ZERO,
        false => before,
    };
    while !call.answer.has_ended() && call.answer.age() < LATE {
        for _ in 0..MANY {
            longest = longest.max(sends(pair, sent)?);
        }
        thread::sleep(Duration::from_millis(1)); // its length is the subject
    }
    Ok(longest)
}

/// However busy the machine is, only this many questions are due within the limit.
fn asks_too_often(pair: &Pair, questions: usize) -> Verdict {
    let expected = format!("at most {SOON} questions in 1 s: after 0, 50, 150, 350 and 750 ms");
    let failed = pair.exam.fail(expected, format!("{questions} have come"));
    failed.because(|_| {
        (questions == SOON + 1).then(|| {
            "Your code sends the question once more when the limit has passed, although the pause \
             is not over. Compare the clock with the limit before you send."
                .to_owned()
        })
    })
}

/// The pause that is under way at the limit would last twice as long as it took to come so far.
fn ends_between_two_sends(pair: &Pair, first: u32) -> Verdict {
    const LONGER: Duration = Duration::from_secs(1);
    for number in first..first + 4 {
        let reference = pair.exam.reference(LONGER)?;
        let call = pair.call(b"anyone?", number, LONGER)?;
        let took = call.times_out()?;
        let mut questions = 0;
        while let Some(came) = pair.next(Duration::ZERO)? {
            questions += usize::from(came == call.question);
        }
        match reference.judges(took, MARGIN)? {
            Timing::InTime if questions > SOON => return asks_too_often(pair, questions),
            // With fewer the machine is busy, and the pause that was under way another.
            Timing::InTime if questions == SOON => return Ok(()),
            Timing::Late => {
                let expected = format!("`ask` to return when {LONGER:?} have passed");
                let seen = format!("it has returned after {}", in_ms(took.time));
                return pair.exam.fail(expected, seen).caused_by(
                    "Your code notices the limit only when a whole pause is over: the fifth pause \
                     lasts from 750 ms to 1550 ms. Wait until the nearer of the two: the next time \
                     to send, or the limit.",
                );
            }
            _ => {}
        }
        pair.exam.step("once more, because the machine may be busy");
    }
    Err(CheckError::skipped(
        "the machine is too busy: the questions were late, four times",
    ))
}
