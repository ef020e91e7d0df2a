//! When the question is sent again, and when that ends.

use std::{
    thread,
    time::{Duration, Instant},
};

use socket_workshop::threads::run_delay;

use super::{
    Ask,
    call::{Call, MARGIN, Pair, Wanted, datagram},
    cause::{early, in_ms, late, without_end},
};

use crate::{
    checks::delay,
    exam::{AMPLE, Because, Exam, Timing, Took, Unmet, Verdict},
};

/// When the question is to be sent, after the call, in milliseconds: the pauses are 50, 100, 200, 400.
const TIMES: [u64; 5] = [0, 50, 150, 350, 750];

/// So much later is no mistake.
const LATER: Duration = Duration::from_millis(150);

/// Where the exam has had no CPU for so long, a question that came too early may not have seemed so.
const UNSEEN: Duration = Duration::from_millis(200);

/// How often a busy machine gets another chance.
const TRIES: usize = 3;

/// A pause between two datagrams that are none of the answer's, and how many of them are sent at most:
/// for 1.5 s.
const PAUSE: Duration = Duration::from_millis(10);
const OTHERS: usize = 150;

pub(super) fn sends_again(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    for attempt in 1.. {
        let number = attempt as u32;
        // The last of them tells nothing that those before have not told.
        let due_times = &TIMES[..TIMES.len() - 1];
        let references: Verdict<Vec<_>> = due_times
            .iter()
            .map(|due| exam.reference(Duration::from_millis(*due)))
            .collect();
        let own = run_delay();
        let call = pair.call(b"is anybody there?", number, AMPLE)?;
        let mut came = Vec::new();
        for _ in TIMES {
            came.push(pair.hears(&call)?);
            not_too_early(&call, &came)?;
        }
        let own = run_delay().saturating_sub(own);
        pair.answers(number, b"yes")?;
        let delay = call.returns(Wanted::Text(b"yes"), |_, _| None)?.delay;
        let timings: Verdict<Vec<Timing>> = references?
            .into_iter()
            .zip(&came)
            .map(|(reference, time)| reference.judges(Took { time: *time, delay }, LATER))
            .collect();
        let is_late = |(came, due): (&Duration, &u64)| *came > due_at(*due) + LATER;
        let seems_late = came.iter().zip(due_times).any(is_late);
        match timings {
            Ok(_) if !seems_late && own < UNSEEN => break,
            Ok(timings)
                if attempt == TRIES && timings.contains(&Timing::Late) && own < LATER / 3 =>
            {
                exam.fail(due(), seen(&came)).caused_by(late())?;
            }
            // What had no CPU, the answer or the exam, cannot be told from what was late.
            Ok(_) if attempt == TRIES => {
                return Err(Unmet::not_here(
                    "the machine is too busy: the times of the questions tell nothing",
                ));
            }
            Err(busy) if attempt == TRIES => return Err(busy),
            _ => exam.step("that was late: once more, for it may be the machine"),
        }
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
    let (mut came, mut others) = (Vec::new(), 0);
    while came.len() < TIMES.len() {
        pair.sends(&datagram(NUMBER - 1, b"late"))?;
        others += 1;
        match pair.next(PAUSE)? {
            Some(question) if question == call.question => {
                came.push(call.answer.age());
                not_too_early(&call, &came)?;
            }
            Some(_) => exam.fail("the question", "another datagram")?,
            None if others >= OTHERS || call.answer.has_ended() => {
                exam.fail(due(), seen(&came)).because(|case| {
                    let begun_anew = "What comes with another number begins the wait anew: with enough of \
                         it the question is never sent again. The time to send again is a point in time: \
                         note it when the question is sent, and set what remains before each `recv`.";
                    let waits_anew = !call.answer.has_ended();
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
    pair.times_out(b"now?", 1, Duration::ZERO)?;
    gives_up_while_others_come(&pair, 2)?;
    ends_between_two_sends(&pair, 20)
}

/// A limit where time is the subject.
const SHORT: Duration = Duration::from_millis(300);

/// In a pause this long, a wait that begins anew with each datagram may end.
const A_GAP: Duration = Duration::from_millis(45);

fn gives_up_while_others_come(pair: &Pair, first: u32) -> Verdict {
    let exam = pair.exam;
    let mut late = 0;
    for number in first..first + 6 {
        let reference = exam.reference(SHORT)?;
        let delay = delay::of_others();
        let call = pair.call(b"is anybody there?", number, SHORT)?;
        let longest = others_come(pair, &call)?;
        let timeout = pair.socket.read_timeout(); // before nothing comes any more, and the call may end
        if call.answer.has_ended() {
            let took = call.times_out()?;
            match reference.judges(took, MARGIN)? {
                Timing::Late if late == 1 => return call.is_late(took),
                Timing::Late => late += 1,
                _ if longest < A_GAP => return Ok(()),
                _ => {}
            }
            exam.step("it was late, or a pause was so long that a wait could end: once more");
            continue;
        }
        let took = Took {
            time: call.answer.age(),
            delay: delay::of_others().saturating_sub(delay),
        };
        late += u32::from(reference.judges(took, MARGIN)? == Timing::Late);
        let age = in_ms(took.time);
        exam.must(
            late < 2,
            format!("`ask` to return when {SHORT:?} have passed"),
            format!("after {age} it has not returned"),
        )
        .because(|case| without_end(&timeout, case))?;
        exam.step(format!("after {age} it has not returned: once more"));
        pair.answers(number, b"at last")?;
        call.answer.returns("after the last step")?.ok();
    }
    Err(Unmet::not_here(
        "the machine is too busy: the exam could not send without a pause, six times",
    ))
}

/// Sends others until the call has ended, or is late. Returns the longest pause there really was.
fn others_come(pair: &Pair, call: &Call) -> Verdict<Duration> {
    pair.exam.step(format!(
        "sends a datagram with another number every {PAUSE:?}, and does not answer"
    ));
    let (mut sent, mut longest) = (Instant::now(), Duration::ZERO);
    for _ in 0..OTHERS {
        pair.sends(&datagram(1, b"late"))?;
        longest = longest.max(sent.elapsed());
        if call.answer.has_ended() {
            break;
        }
        sent = Instant::now();
        pair.next(PAUSE)?;
        let left = PAUSE.saturating_sub(sent.elapsed());
        thread::sleep(left); // its length is the subject, if a question came before it was over
    }
    Ok(longest)
}

/// The pause that is under way at the limit would last twice as long as it took to come so far.
fn ends_between_two_sends(pair: &Pair, first: u32) -> Verdict {
    const LONGER: Duration = Duration::from_secs(1);
    let mut late = 0;
    for number in first..first + 4 {
        let reference = pair.exam.reference(LONGER)?;
        let call = pair.call(b"nobody?", number, LONGER)?;
        let took = call.times_out()?;
        let mut questions = 0;
        while let Some(came) = pair.next(Duration::ZERO)? {
            questions += usize::from(came == call.question);
        }
        match reference.judges(took, MARGIN)? {
            // With fewer the machine is busy, and the pause that was under way another.
            Timing::InTime if questions == TIMES.len() => return Ok(()),
            Timing::Late if late == 1 => {
                let expected = format!("`ask` to return when {LONGER:?} have passed");
                let seen = format!("it has returned after {}", in_ms(took.time));
                return pair.exam.fail(expected, seen).caused_by(
                    "It notices that the limit has passed only when a whole pause is over: the fifth lasts \
                     from 750 ms to 1550 ms. Wait for the nearer of the two, the next time to send and the \
                     limit.",
                );
            }
            timing => late += u32::from(timing == Timing::Late),
        }
        pair.exam.step("once more, for it may be the machine");
    }
    Err(Unmet::not_here(
        "the machine is too busy: the questions were late, four times",
    ))
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

/// When it is to come next, which the last that came does not put off.
pub(super) fn next_due(came: &[Duration]) -> Duration {
    due_at(TIMES[came.len().min(TIMES.len() - 1)])
}

fn due_at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
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
