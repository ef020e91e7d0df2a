//! When the question is sent again, and when that ends.

use std::time::Duration;

use socket_workshop::deadline::Deadline;

use super::{
    Ask,
    call::{AMPLE, Call, Pair, Wanted, datagram, in_ms},
    cause::{early, late, without_end},
};

use crate::exam::{Because, Exam, LIMIT, Verdict};

/// When the question is to be sent, after the call, in milliseconds: the pauses are 50, 100, 200, 400.
const TIMES: [u64; 5] = [0, 50, 150, 350, 750];

/// So much later is no mistake, for the machine may be busy.
const LATER: Duration = Duration::from_millis(150);

/// How often a busy machine gets another chance.
const TRIES: usize = 3;

/// A pause between two datagrams that are none of the answer's.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) fn sends_again(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    for attempt in 1..=TRIES {
        let call = pair.call(b"is anybody there?", attempt as u32, AMPLE)?;
        let mut came = Vec::new();
        for _ in TIMES {
            came.push(pair.hears(&call)?);
            not_too_early(&call, &came)?;
        }
        pair.answers(attempt as u32, b"yes")?;
        call.returns(Wanted::Text(b"yes"), |_, _| None)?;
        let in_time = |(came, due): (&Duration, u64)| *came <= due_at(due) + LATER;
        if came.iter().zip(TIMES).take(4).all(in_time) {
            return Ok(());
        }
        if attempt == TRIES {
            exam.fail(due(), seen(&came)).caused_by(late())?;
        }
        exam.step("that was late: once more, for it may be the machine");
    }
    Ok(())
}

/// What is dropped must not begin the wait anew, nor end it.
pub(super) fn sends_again_although_others_come(exam: &Exam, ask: Ask) -> Verdict {
    const NUMBER: u32 = 100;
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"is anybody there?", NUMBER, AMPLE)?;
    exam.step(format!(
        "sends a datagram with another number every {PAUSE:?}, and does not answer"
    ));
    let (mut came, limit) = (Vec::new(), Deadline::after(LIMIT));
    while came.len() < TIMES.len() {
        pair.sends(&datagram(NUMBER - 1, b"late"))?;
        match pair.next(PAUSE)? {
            Some(question) if question == call.question => {
                came.push(call.answer.age());
                not_too_early(&call, &came)?;
            }
            Some(_) => exam.fail("the question", "another datagram")?,
            None if limit.passed() || call.answer.has_ended() => {
                exam.fail(due(), seen(&came)).because(|case| {
                    let begun_anew = "What comes with another number begins the wait anew: with enough of \
                         it the question is never sent again. The time to send again is a point in time: \
                         note it when the question is sent, and set what remains before each `recv`.";
                    (!call.answer.has_ended() && !case.panicked).then(|| begun_anew.to_owned())
                })?
            }
            None => {}
        }
    }
    pair.answers(NUMBER, b"yes")?;
    call.returns(Wanted::Text(b"yes"), |_, _| None).map(drop)
}

pub(super) fn gives_up_at_the_limit(exam: &Exam, ask: Ask) -> Verdict {
    const LIMITS: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(1)];
    let pair = Pair::new(exam, ask)?;
    pair.call(b"now?", 1, Duration::ZERO)?.times_out()?;
    let call = pair.call(b"is anybody there?", 2, LIMITS[0])?;
    exam.step(format!(
        "sends a datagram with another number every {PAUSE:?}, and does not answer"
    ));
    while call.answer.age() < LIMIT && !call.answer.has_ended() {
        pair.sends(&datagram(1, b"late"))?;
        pair.next(PAUSE)?;
    }
    let age = call.answer.age();
    exam.must(
        call.answer.has_ended(),
        format!("`ask` to return when {:?} have passed", LIMITS[0]),
        format!("after {} it has not returned", in_ms(age)),
    )
    .because(|case| without_end(&pair.socket, case))?;
    call.times_out()?;
    ends_between_two_sends(&pair, LIMITS[1])
}

/// The pause that is under way at the limit would last twice as long as it took to come so far.
fn ends_between_two_sends(pair: &Pair, limit: Duration) -> Verdict {
    const TOO_LONG: Duration = Duration::from_millis(1400);
    for number in 3..5 {
        let took = pair.call(b"nobody?", number, limit)?.times_out()?;
        if took < TOO_LONG {
            return Ok(());
        }
        if number == 4 {
            let expected = format!("`ask` to return when {limit:?} have passed");
            let seen = format!("it has returned after {}", in_ms(took));
            return pair.exam.fail(expected, seen).caused_by(
                "It notices that the limit has passed only when a whole pause is over: the fifth lasts \
                 from 750 ms to 1550 ms. Wait for the nearer of the two, the next time to send and the \
                 limit.",
            );
        }
    }
    Ok(())
}

/// The last of those that came must not have come before its time. That it comes later says nothing: the
/// exam may have been slow to see it.
fn not_too_early(call: &Call, came: &[Duration]) -> Verdict {
    let (Some(last), due_ms) = (came.last(), TIMES[came.len() - 1]) else {
        return Ok(());
    };
    call.exam
        .must(*last >= due_at(due_ms), due(), seen(came))
        .caused_by(early(came.len()))
}

fn due_at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds).saturating_sub(Duration::from_millis(2))
}

fn due() -> String {
    "the question 0, 50, 150, 350 … ms after the call: pauses of 50, 100, 200 … ms".to_owned()
}

fn seen(came: &[Duration]) -> String {
    let came: Vec<String> = came.iter().map(|age| in_ms(*age)).collect();
    match came.len() {
        0 => "it has not come at all".to_owned(),
        _ => format!("it has come after {}", came.join(", ")),
    }
}
