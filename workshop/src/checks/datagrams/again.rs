//! When the question is sent again, and when that ends.

use std::time::{Duration, Instant};

use socket_workshop::deadline::Deadline;

use super::{
    Ask,
    call::{AMPLE, Call, Pair, Wanted, datagram},
    cause::{early, in_ms, late, without_end},
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
                    let waits_anew = came.len() < 4 && !call.answer.has_ended();
                    (waits_anew && !case.panicked).then(|| begun_anew.to_owned())
                })?
            }
            None => {}
        }
    }
    pair.answers(NUMBER, b"yes")?;
    call.returns(Wanted::Text(b"yes"), |_, _| None).map(drop)
}

pub(super) fn gives_up_at_the_limit(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    pair.call(b"now?", 1, Duration::ZERO)?.times_out()?;
    let mut late = 0;
    for number in 2..8 {
        let call = pair.call(b"is anybody there?", number, SHORT)?;
        let longest = others_come(&pair, &call)?;
        if call.answer.has_ended() {
            call.times_out()?;
            if longest < A_GAP {
                break;
            }
            exam.step("a pause was so long that a wait could end: once more");
            continue;
        }
        late += 1;
        let age = in_ms(call.answer.age());
        exam.must(
            late < 2,
            format!("`ask` to return when {SHORT:?} have passed"),
            format!("after {age} it has not returned"),
        )
        .because(|case| without_end(&pair.socket, case))?;
        exam.step(format!("after {age} it has not returned: once more"));
        pair.answers(number, b"at last")?;
        call.answer.returns("of the last step")?.ok();
    }
    ends_between_two_sends(&pair, 8)
}

/// A limit where time is the subject, and how much later is too late unless the machine is busy.
const SHORT: Duration = Duration::from_millis(300);
const TOO_LATE: Duration = Duration::from_millis(1500);

/// Whoever waits anew for what has been dropped waits for longer than this.
const A_GAP: Duration = Duration::from_millis(45);

/// Sends others until the call has ended, or is late. Returns the longest pause there really was.
fn others_come(pair: &Pair, call: &Call) -> Verdict<Duration> {
    pair.exam.step(format!(
        "sends a datagram with another number every {PAUSE:?}, and does not answer"
    ));
    let (mut sent, mut longest) = (Instant::now(), Duration::ZERO);
    while call.answer.age() < TOO_LATE && !call.answer.has_ended() {
        pair.sends(&datagram(1, b"late"))?;
        longest = longest.max(sent.elapsed());
        sent = Instant::now();
        pair.next(PAUSE)?;
    }
    Ok(longest.max(sent.elapsed()))
}

/// The pause that is under way at the limit would last twice as long as it took to come so far.
fn ends_between_two_sends(pair: &Pair, first: u32) -> Verdict {
    const LIMIT: Duration = Duration::from_secs(1);
    const TOO_LONG: Duration = Duration::from_millis(1540);
    let mut late = 0;
    for number in first..first + 4 {
        let call = pair.call(b"nobody?", number, LIMIT)?;
        let question = call.question.clone();
        let took = call.times_out()?;
        let mut questions = 0;
        while let Some(came) = pair.next(PAUSE)? {
            questions += usize::from(came == question);
        }
        // With fewer the machine is busy, and the pause that was under way another.
        if took < TOO_LONG && questions == TIMES.len() {
            return Ok(());
        }
        late += u32::from(took >= TOO_LONG);
        if late == 2 {
            let expected = format!("`ask` to return when {LIMIT:?} have passed");
            let seen = format!("it has returned after {}", in_ms(took));
            return pair.exam.fail(expected, seen).caused_by(
                "It notices that the limit has passed only when a whole pause is over: the fifth lasts \
                 from 750 ms to 1550 ms. Wait for the nearer of the two, the next time to send and the \
                 limit.",
            );
        }
        pair.exam.step("once more, for it may be the machine");
    }
    Ok(())
}

/// The last of those that came must not have come before its time. That it comes later says nothing: the
/// exam may have been slow to see it.
pub(super) fn not_too_early(call: &Call, came: &[Duration]) -> Verdict {
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
