//! When the question is sent again, and when the answer is returned.

use std::time::{Duration, Instant};

use socket_workshop::threads::run_delay;

use super::{
    Ask,
    cause::{LATE_AGAIN, SLEEPS, STARTS_THE_PAUSE_AGAIN, early, in_ms},
    harness::{Call, MARGIN, Pair, Wanted, datagram},
};

use crate::exam::{AMPLE, Because, CheckError, Exam, Timing, Took, Verdict};

/// When the question is to be sent, after the call, in milliseconds: the pauses are 50, 100, 200,
/// 400, …
const TIMES: [u64; 7] = [0, 50, 150, 350, 750, 1550, 3150];

/// How many of them are looked at where their growth is not the subject.
pub(super) const SOON: usize = 5;

/// So much later is not a mistake.
const LATER: Duration = Duration::from_millis(150);

/// Where the exam has had no CPU for so long, a question that came too early may not have seemed
/// so.
const UNSEEN: Duration = Duration::from_millis(200);

/// How often a busy machine gets another chance.
const TRIES: usize = 3;

/// A pause between two datagrams that are not the answer, and how many of them are sent at most:
/// for 1.5 s.
pub(super) const PAUSE: Duration = Duration::from_millis(10);
const OTHERS: usize = 150;

pub(super) fn sends_again(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    // The last question shows nothing new.
    is_in_time(&pair, &TIMES[..SOON - 1], LATE_AGAIN, |_, _| Ok(()))
}

/// None of the questions that are due at these times may be late. `between` is called after each
/// question, with the number of questions so far.
fn is_in_time(
    pair: &Pair,
    due_times: &[u64],
    late: &str,
    between: impl Fn(&Call, usize) -> Verdict,
) -> Verdict {
    let exam = pair.exam;
    for attempt in 1.. {
        let number = attempt as u32;
        let references: Verdict<Vec<_>> = due_times
            .iter()
            .map(|due| exam.reference(Duration::from_millis(*due)))
            .collect();
        let own = run_delay();
        let call = pair.call(b"is anyone there?", number, AMPLE)?;
        let mut came = Vec::new();
        for _ in 0..SOON {
            came.push(pair.receives(&call)?);
            not_too_early(&call, &came)?;
            between(&call, came.len())?;
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
                exam.fail(due(), seen(&came)).caused_by(late)?;
            }
            // What had no CPU, the answer or the exam, cannot be distinguished from what was late.
            Ok(_) if attempt == TRIES => {
                return Err(CheckError::skipped(
                    "the machine is too busy: the times of the questions show nothing",
                ));
            }
            Err(busy) if attempt == TRIES => return Err(busy),
            _ => exam.step("that was late: once more, because the machine may be busy"),
        }
    }
    Ok(())
}

/// Each pause is twice the one before, with no longest pause.
pub(super) fn doubles_every_pause(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"is anyone there?", 1, AMPLE)?;
    let mut came = Vec::new();
    for _ in TIMES {
        came.push(pair.receives(&call)?);
        not_too_early(&call, &came)?;
    }
    pair.answers(1, b"yes")?;
    call.returns(Wanted::Text(b"yes"), |_, _| None).map(drop)
}

/// The answer arrives at the beginning of a pause of 800 ms.
pub(super) fn returns_as_soon_as_it_arrives(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"is anyone there?", 1, AMPLE)?;
    for _ in 0..SOON {
        pair.receives(&call)?;
    }
    let reference = exam.reference(Duration::from_millis(1))?;
    let sent = Instant::now();
    pair.answers(1, b"yes")?;
    let delay = call.returns(Wanted::Text(b"yes"), |_, _| None)?.delay;
    let time = sent.elapsed();
    let is_late = reference.judges(Took { time, delay }, MARGIN)? == Timing::Late;
    let seen = format!("it has returned {} later", in_ms(time));
    exam.must(!is_late, "`ask` to return when the answer arrives", seen)
        .caused_by(SLEEPS)
}

/// A signal that comes again and again must neither end the pause nor start it again.
pub(super) fn keeps_them_after_signals(exam: &Exam, ask: Ask) -> Verdict {
    const SIGNALS: usize = 100;
    let pair = Pair::new(exam, ask)?;
    let call = pair.call(b"is anyone there?", 9, AMPLE)?;
    let (mut came, mut interrupted) = (Vec::new(), false);
    // The later the pause, the longer it is: a machine that is busy leaves enough of the last.
    for _ in 0..SOON - 1 {
        came.push(pair.receives(&call)?);
        not_too_early(&call, &came)?;
        exam.comes_to_rest()?;
        call.answer.interrupt()?;
        exam.step("interrupted the system call in which your thread waited, by a signal");
        interrupted |= call.answer.age() < next_due(&came);
    }
    exam.step(format!("interrupts your thread every {PAUSE:?}"));
    for signals in 0.. {
        if let Some(question) = pair.next(PAUSE)? {
            call.is_the_question(&question)?;
            came.push(call.answer.age());
            break;
        }
        if call.answer.has_ended() {
            return call.sends_nothing(true);
        }
        exam.must(signals < SIGNALS, due(), seen(&came))
            .because(|case| (!case.panicked).then(|| STARTS_THE_PAUSE_AGAIN.to_owned()))?;
        call.answer.interrupt()?;
    }
    not_too_early(&call, &came)?;
    if !interrupted {
        return Err(CheckError::skipped(
            "the machine is too busy: no signal came before the question was due again",
        ));
    }
    pair.answers(9, b"yes")?;
    call.returns(Wanted::Text(b"yes"), |_, _| None).map(drop)
}

/// A dropped datagram must neither end the pause nor start it again.
pub(super) fn keeps_them_while_others_come(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let late = datagram(100, b"late");
    let runts: Vec<&[u8]> = (0..4).map(|size| &late[..size]).collect();
    keeps_them(&pair, 101, "a datagram with another number", &[&late])?;
    keeps_them(&pair, 102, "a datagram of 0 to 3 bytes", &runts)?;
    keeps_them_after_a_single_one(&pair, &late)
}

/// It comes in the middle of a pause of 400 ms. A wait that starts again then ends 200 ms too late.
fn keeps_them_after_a_single_one(pair: &Pair, other: &[u8]) -> Verdict {
    let middle = due_at((TIMES[SOON - 2] + TIMES[SOON - 1]) / 2);
    let sends_it = |call: &Call, came: usize| {
        if came != SOON - 1 {
            return Ok(());
        }
        let rest = middle.saturating_sub(call.answer.age());
        let too_early = pair.next(rest)?.map(|_| call.answer.age());
        pair.exam
            .must(too_early.is_none(), due(), seen(too_early.as_slice()))
            .caused_by(early(SOON))?;
        pair.exam.step(format!(
            "sent a datagram with another number {middle:?} after the call, in a pause"
        ));
        pair.sends(other)
    };
    is_in_time(pair, &TIMES[..SOON], STARTS_THE_PAUSE_AGAIN, sends_it)
}

/// While these come one after the other, again and again.
fn keeps_them(pair: &Pair, number: u32, what: &str, others: &[&[u8]]) -> Verdict {
    let exam = pair.exam;
    let call = pair.call(b"is anyone there?", number, AMPLE)?;
    exam.step(format!("sends {what} every {PAUSE:?}, and does not answer"));
    let (mut came, mut sent) = (Vec::new(), 0);
    while came.len() < SOON {
        pair.sends(others[sent % others.len()])?;
        sent += 1;
        match pair.next(PAUSE)? {
            Some(question) if question == call.question => {
                came.push(call.answer.age());
                not_too_early(&call, &came)?;
            }
            Some(_) => exam.fail("the question", "another datagram")?,
            None if sent >= OTHERS || call.answer.has_ended() => {
                exam.fail(due(), seen(&came)).because(|case| {
                    let waits = !call.answer.has_ended() && !case.panicked;
                    waits.then(|| STARTS_THE_PAUSE_AGAIN.to_owned())
                })?
            }
            None => {}
        }
    }
    pair.answers(number, b"yes")?;
    call.returns(Wanted::Text(b"yes"), |_, _| None).map(drop)
}

/// The last of those that came must not have come early. A late one shows nothing: the exam may
/// have been slow to see it.
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
