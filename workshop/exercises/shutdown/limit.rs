//! What happens at the limit: to the connections that are left, and to what `stop` returns.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use socket_workshop::table::{Row, State, Table, TimerKind};

use super::{
    Start, cause,
    drain::CUT_EARLY,
    server::{LINE, MUCH, Server, Soon, Stopping, counts, rest_of, stopped},
};

use crate::exam::{AMPLE, Because, Exam, Reference, Seen, Timing, Took, Unmet, Verdict};

/// The limit that `stop` gets where it has to cut something off, which is the subject.
const CUT_OFF_AFTER: Duration = Duration::from_millis(300);

/// How much later it may be done. Several threads may have to get their turns, one after the other.
/// The wrong answers take ten times the limit.
const MARGIN: Duration = Duration::from_millis(1500);

pub(super) fn closes_what_is_left(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("silent client")?;
    let reference = exam.reference(CUT_OFF_AFTER)?;
    // Before `stop` is called: what is measured from here is no less than the limit.
    let called = Instant::now();
    let stop = server.stop(CUT_OFF_AFTER)?;
    let end = rest_of(exam, client.stream())?;
    let took = since(called);
    if end.is_none() {
        return exam
            .fail(
                "the connection to be closed at the limit",
                "it is still open",
            )
            .because(|case| cause::left_open(case, stop.has_ended()));
    }
    exam.step("the connection has ended");
    let seen = format!("it was closed after {:.0?}", took.time);
    match reference.judges(took, MARGIN)? {
        Timing::InTime => stopped(&stop, "after the limit").map(drop),
        Timing::Early => {
            let expected =
                format!("the connection to be left alone for {CUT_OFF_AFTER:?}, the limit");
            exam.fail(expected, seen).caused_by(CUT_EARLY)
        }
        Timing::Late => {
            let expected = format!("the connection to be closed at the limit, {CUT_OFF_AFTER:?}");
            exam.fail(expected, seen).caused_by(
                "Your code waits longer than the limit. Compute a deadline (an `Instant`) when \
                 `stop` is called, and before each wait compute what remains.",
            )
        }
    }
}

/// How long something has taken that the exam has seen.
fn since(begun: Instant) -> Took {
    Took {
        time: begun.elapsed(),
        delay: Duration::ZERO,
    }
}

/// What `stop` returns, which it must do at the limit: calls are under way until then.
fn returns_at_the_limit(
    exam: &Exam,
    stop: &Stopping<'_>,
    begun: Instant,
    reference: Reference,
) -> Verdict<io::Result<usize>> {
    let is_late = || begun.elapsed() > CUT_OFF_AFTER + MARGIN;
    let ended = exam.until(|| {
        let ended = stop.has_ended();
        Ok((ended || is_late()).then_some(ended))
    })?;
    let expected = format!("`stop` to return at the limit, {CUT_OFF_AFTER:?}");
    let (took, seen, value) = match ended {
        None => return exam.fail(expected, "it has not returned"), // and never will
        Some(false) => {
            let took = since(begun);
            let seen = format!("it had not returned after {:.0?}", took.time);
            (took, seen, None)
        }
        Some(true) => {
            let value = stop.returns("at the limit")?;
            if value.is_err() {
                return Ok(value); // it is not about time
            }
            let took = stop.took();
            let seen = format!("it has returned after {:.0?}", took.time);
            (took, seen, Some(value))
        }
    };
    match (reference.judges(took, MARGIN)?, value) {
        (Timing::InTime, Some(value)) => Ok(value),
        (Timing::Early, _) => exam.fail(expected, seen).caused_by(
            "`stop` returned before the limit, and calls were under way. Either your code does not \
             wait for them, or it closed their connections early. Until the limit leave them \
             alone, and wait.",
        ),
        _ => exam.fail(expected, seen),
    }
}

/// Too many to give each a limit of its own.
const SILENT: usize = 10;

pub(super) fn has_one_limit(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let _silent = server.silent_clients(SILENT)?;
    let full = server.client("client that does not read")?;
    full.send(MUCH)?;
    let pipe_is_full = |table: &Table| {
        // The kernel asks again and again whether there is room at the client.
        let probes = |row: &Row| {
            row.timer
                .is_some_and(|timer| timer.kind == TimerKind::WindowProbe)
        };
        let filled = |row: &Row| row.local == server.addr && row.send_q > 0 && probes(row);
        let mut rows = table.rows.iter();
        rows.any(|row| filled(row) && row.state == State::Established)
            .then_some(())
    };
    if exam.table_shows(pipe_is_full)?.is_none() {
        return Err(Unmet::not_here(
            "a client that does not read does not fill its pipe",
        ));
    }
    exam.step("its answer has filled both buffers: the call waits in a write");
    let reference = exam.reference(CUT_OFF_AFTER)?;
    let begun = Instant::now();
    let stop = server.stop(CUT_OFF_AFTER)?;
    let returned = returns_at_the_limit(exam, &stop, begun, reference);
    let returned = returned.because(|case| cause::some_are_left(case, SILENT + 1))?;
    let error = returned
        .err()
        .map_or_else(String::new, |error| error.to_string());
    exam.must(
        error.is_empty(),
        "`stop` to return Ok",
        format!("it has returned an error: {error}"),
    )?;
    let open = |seen: &&Seen| seen.row.state != State::Listen;
    let closed = exam.comes_true(|| Ok(exam.evidence().yours().filter(open).count() == 0))?;
    exam.must(
        closed,
        "every connection to be closed",
        "`stop` has returned, and some are open",
    )
    .caused_by(
        "Handles of connections are still open: a clone (`try_clone`), or a handle that a thread \
         owns. Drop them, and wait for the threads, before `stop` returns.",
    )
}

/// How often a client ends its call, which is the subject: much more often than the limit.
const OFTEN: Duration = Duration::from_millis(50);

/// So many that calls end, one after the other, for longer than `stop` may take.
const ENDING: usize = 60;

const MOVED: &str = "Calls ended one after the other, and `stop` waited for the whole limit again \
    each time. The limit is one for all calls: compute a deadline (an `Instant`) once, and before \
    each wait compute what remains.";

pub(super) fn calls_that_end_do_not_move_it(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let mut clients = server.silent_clients(ENDING)?;
    let reference = exam.reference(CUT_OFF_AFTER)?;
    let begun = Instant::now();
    let stop = server.stop(CUT_OFF_AFTER)?;
    exam.step(format!("a client ends its call every {OFTEN:?}"));
    while !stop.has_ended() && begun.elapsed() <= CUT_OFF_AFTER + MARGIN {
        thread::sleep(OFTEN); // its length is the subject
        clients.pop();
    }
    returns_at_the_limit(exam, &stop, begun, reference)
        .because(cause::accepts_still)
        .because(|case| (!case.panicked && case.stuck.is_none()).then(|| MOVED.to_owned()))
        .map(drop)
}

/// Several clients whose calls are over, at different times, and several that are silent.
pub(super) fn returns_the_number(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let early = server.client("early client")?;
    early.send(LINE)?;
    early.receives(LINE)?;
    early.ends().because(cause::stays_open)?;
    let stop = server.stop(AMPLE)?;
    let count = stopped(&stop, "when no call is under way")?;
    counts(exam, count, 0)?;

    let server = Server::start(exam, start)?;
    let (early, late) = (
        server.client("early client")?,
        server.client("late client")?,
    );
    let _silent = server.silent_clients(3)?;
    early.send(LINE)?;
    early.receives(LINE)?;
    early.ends().because(cause::stays_open)?;
    let stop = server.stop(CUT_OFF_AFTER)?;
    late.send(LINE).because(|_| Some(CUT_EARLY.to_owned()))?;
    late.receives(LINE)
        .because(|_| Some(CUT_EARLY.to_owned()))?;
    let count = stopped(&stop, "at the limit")?;
    counts(exam, count, 3)
}

pub(super) fn closes_at_once(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("silent client")?;
    exam.comes_to_rest()?;
    let soon = Soon::from_now(exam)?;
    let stop = server.stop(Duration::ZERO)?;
    let count = stopped(&stop, "with a limit of zero")?;
    soon.has_come(exam, "`stop` to return immediately", cause::SLEEPS)?;
    counts(exam, count, 1)?;
    let ended = rest_of(exam, client.stream())?.is_some();
    exam.must(
        ended,
        "the connection to be closed",
        "`stop` has returned, and it is open",
    )
    .because(|case| cause::left_open(case, true))
}
