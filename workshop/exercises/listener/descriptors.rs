//! A process without descriptors: accept fails with EMFILE, the connection stays in the queue, and
//! so the next accept fails too, until a descriptor is free.

use std::{
    fs::File,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nix::errno::Errno;
use socket_workshop::table::{Row, State};

use super::{
    Answer,
    crowd::{Connected, Crowd},
    processor::Watched,
    rows_become,
    server::Server,
};

use crate::exam::{Because, Call, Exam, Reference, Timing, Took, Unmet, Verdict, here};

/// The check's process may have so many descriptors, so that it is soon done to take them all.
const DESCRIPTORS: u64 = 128;

/// More clients than any server has threads in accept: each of these has taken a descriptor before
/// it began to wait, and accepts one more.
const CLIENTS: usize = 12;

/// How long a server may sleep although there are descriptors again, which is a rule of the exercise;
/// and a margin. The wrong answers sleep for much longer.
const SLEEP_AT_MOST: Duration = Duration::from_secs(1);
const MARGIN: Duration = Duration::from_millis(400);

pub(super) fn outlives_a_lack_of_descriptors(exam: &Exam, answer: Answer) -> Verdict {
    here("limit the descriptors", exam.limit_descriptors(DESCRIPTORS))?;

    let server = Server::start(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    server.greets(&first)?;
    let crowd = Crowd::of(CLIENTS, &server)?;
    let threads = Watched::now()?;
    let taken = take_all_descriptors()?;
    exam.step("took every descriptor that was left to the process: accept gives EMFILE");
    let connected = crowd.connect()?;
    let queued = matches!(connected, Connected::All) && stay_queued(exam)?;
    let spun = if queued {
        threads.not_waiting(exam)?
    } else {
        None
    };
    let reference = exam.reference(SLEEP_AT_MOST)?;
    let begun = Instant::now();
    drop(taken); // the evidence needs descriptors too
    exam.step("gave the descriptors back");
    crowd.have_connected(connected)?;
    if !queued {
        return Err(Unmet::not_here(
            "every client got a descriptor, although none was left",
        ));
    }
    let expected = "your threads to wait while no descriptor is left";
    exam.must(spun.is_none(), expected, spun.unwrap_or_default()).caused_by(
        "accept fails with EMFILE as long as no descriptor is free, and leaves the connection in the queue. \
         A loop that simply goes on (`continue`, `flatten`) calls it again at once, as often as the \
         processor can: wait a little between two tries.",
    )?;
    sleeps_no_longer(exam, reference, begun)?;
    crowd.are_greeted()
}

/// Whether there are clients left that no thread can accept. The threads in accept each have a descriptor
/// already, and take one more.
fn stay_queued(exam: &Exam) -> Verdict<bool> {
    rows_become(exam, |rows| rows.iter().any(somebody_waits))
}

/// Nobody may sleep on. A thread whose sleep was no longer than a second is running by then, or could.
fn sleeps_no_longer(exam: &Exam, reference: Reference, begun: Instant) -> Verdict {
    let accepted = exam.until(|| {
        let table = exam.table()?;
        let is_late = begun.elapsed() > SLEEP_AT_MOST + MARGIN;
        let all = !table.rows.iter().any(somebody_waits);
        Ok((all || is_late).then_some(all))
    })?;
    if accepted != Some(false) {
        return Ok(()); // or there is another reason: are they greeted?
    }
    let took = Took {
        time: begun.elapsed(),
        delay: Duration::ZERO,
    };
    let late = exam.fail(
        "the clients to be accepted within a second",
        "they are in the queue still",
    );
    let Err(Unmet::Failed(case)) = &late else {
        return late;
    };
    let waits = case
        .evidence
        .sockets
        .iter()
        .any(|seen| somebody_waits(&seen.row));
    if !waits || case.is_running() || !case.is_blocked_in(&[Call::Sleep]) {
        return Ok(()); // there is another reason, or none: are they greeted?
    }
    if reference.judges(took, MARGIN)? != Timing::Late {
        return Ok(());
    }
    late.caused_by(
        "Your thread sleeps for too long: it does not hear that a descriptor is free, and whoever has \
         connected waits for the end of the sleep. Wait some milliseconds, and try again.",
    )
}

fn somebody_waits(row: &Row) -> bool {
    row.state == State::Listen && row.recv_q > 0
}

fn take_all_descriptors() -> Verdict<Vec<OwnedFd>> {
    let null: OwnedFd = here("open /dev/null", File::open("/dev/null"))?.into();
    let mut taken = Vec::new();
    loop {
        match null.try_clone() {
            Ok(descriptor) => taken.push(descriptor),
            Err(error) if error.raw_os_error() == Some(Errno::EMFILE as i32) => break,
            Err(error) => return here("duplicate a descriptor", Err(error)),
        }
    }
    taken.push(null);
    Ok(taken)
}
