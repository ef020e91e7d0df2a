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
    Functions,
    crowd::{Connected, Crowd},
    processor::{Asleep, Watched},
    rows_become,
    server::Server,
};

use crate::exam::{
    Because, Call, Case, CheckError, Exam, Peer, Reference, Timing, Took, Verdict, or_skip,
};

/// The limit of descriptors of the check's process: few, so that it takes little time to open them
/// all.
const DESCRIPTORS: u64 = 128;

/// More clients than any server has threads in accept: each of these has taken a descriptor before
/// it began to wait, and accepts one more.
const CLIENTS: usize = 12;

/// How long a server may sleep between two tries, which is a rule of the exercise; and a margin.
const SLEEP_AT_MOST: Duration = Duration::from_secs(1);
const MARGIN: Duration = Duration::from_millis(400);

/// A shortage that lasts, which is the subject: pauses that double each time have by then become
/// longer than they may, whatever they began with.
const LONG: Duration = Duration::from_millis(3500);

const SLEEPS_TOO_LONG: &str = "Your thread sleeps for more than a second. Nothing wakes it when a \
    descriptor is free, so clients wait in the queue until the sleep is over. Sleep for some \
    milliseconds between two tries, and let the pause grow to one second at most.";

/// A server with a client, and others that connect while no descriptor is left.
struct Shortage<'s> {
    first: Peer<'s>,
    crowd: Crowd<'s>,
    connected: Connected,
    threads: Watched,
    asleep: Asleep,
    taken: Vec<OwnedFd>,
}

impl<'s> Shortage<'s> {
    fn begin(server: &'s Server<'s>) -> Verdict<Shortage<'s>> {
        let exam = server.exam;
        let first = exam.dial(server.addr)?.named("first client");
        server.greets(&first)?;
        let crowd = Crowd::of(CLIENTS, server)?;
        let (threads, asleep) = (Watched::now()?, Asleep::now()?);
        let taken = take_all_descriptors()?;
        exam.step("took every descriptor that was left to the process: accept returns EMFILE");
        let connected = crowd.connect()?;
        Ok(Shortage {
            first,
            crowd,
            connected,
            threads,
            asleep,
            taken,
        })
    }

    /// Clients are left that no thread can accept. The threads in accept each have a descriptor
    /// already, and take one more.
    fn leaves_clients_queued(&self, exam: &Exam) -> Verdict<bool> {
        Ok(matches!(self.connected, Connected::All)
            && rows_become(exam, |rows| rows.iter().any(clients_wait))?)
    }

    /// Gives the descriptors back: a failure needs some too.
    fn end(self, exam: &Exam, were_queued: bool) -> Verdict<(Peer<'s>, Crowd<'s>)> {
        drop(self.taken);
        exam.step("gave the descriptors back");
        self.crowd.have_connected(self.connected)?;
        if !were_queued {
            self.crowd.none_is_turned_away()?;
            return Err(CheckError::skipped(
                "every client got a descriptor, although none was left",
            ));
        }
        Ok((self.first, self.crowd))
    }
}

fn few_descriptors(exam: &Exam) -> Verdict {
    or_skip("limit the descriptors", exam.limit_descriptors(DESCRIPTORS))
}

pub(super) fn serves_again_after_a_shortage(exam: &Exam, answer: Functions) -> Verdict {
    few_descriptors(exam)?;
    let server = Server::start(exam, answer)?;
    let shortage = Shortage::begin(&server)?;
    let queued = shortage.leaves_clients_queued(exam)?;
    shortage.threads.not_waiting(exam)?; // what it does about the error is done, or it spins
    let (first, crowd) = shortage.end(exam, queued)?;
    first.send(b"still here").because(loses_a_client)?;
    first.receives_nothing_for(MARGIN).because(loses_a_client)?;
    crowd.none_is_turned_away()?;
    crowd.are_greeted()
}

fn loses_a_client(case: &Case) -> Option<String> {
    (!case.panicked).then(|| {
        "This client was connected before the shortage, and your end has closed its connection. A \
         shortage of descriptors concerns new clients only: they wait in the accept queue."
            .to_owned()
    })
}

pub(super) fn does_not_spin_during_a_shortage(exam: &Exam, answer: Functions) -> Verdict {
    few_descriptors(exam)?;
    let server = Server::start(exam, answer)?;
    let shortage = Shortage::begin(&server)?;
    let queued = shortage.leaves_clients_queued(exam)?;
    let spun = if queued {
        shortage.threads.not_waiting(exam)?
    } else {
        None
    };
    shortage.end(exam, queued)?;
    let expected = "your threads to wait while no descriptor is left";
    exam.must(spun.is_none(), expected, spun.unwrap_or_default()).caused_by(
        "accept fails with EMFILE as long as no descriptor is free, and leaves the connection in \
         the queue. A loop that continues immediately (`continue`, `flatten`) calls it again as \
         fast as the processor can. Wait a little between two tries.",
    )
}

pub(super) fn tries_again_within_a_second(exam: &Exam, answer: Functions) -> Verdict {
    few_descriptors(exam)?;
    let server = Server::start(exam, answer)?;
    let mut shortage = Shortage::begin(&server)?;
    let queued = shortage.leaves_clients_queued(exam)?;
    let (begun, own) = (Instant::now(), exam.reference(LONG)?);
    let slept = exam.until(|| {
        let longest = shortage.asleep.longest();
        let is_over = longest > SLEEP_AT_MOST + MARGIN || begun.elapsed() >= LONG;
        Ok(is_over.then_some(longest))
    })?;
    let reference = exam.reference(SLEEP_AT_MOST)?;
    let freed = Instant::now();
    let (_first, crowd) = shortage.end(exam, queued)?;
    let slept = slept.unwrap_or_default();
    if slept > SLEEP_AT_MOST + MARGIN {
        own.judges(
            Took {
                time: begun.elapsed(),
                delay: Duration::ZERO,
            },
            MARGIN,
        )
        .map(drop)?;
        return exam
            .fail(
                "sleeps of one second at most while no descriptor is left",
                format!("a thread has slept for {slept:.1?} without a break"),
            )
            .caused_by(SLEEPS_TOO_LONG);
    }
    sleeps_no_longer(exam, reference, freed)?;
    crowd.are_greeted()
}

/// No thread may sleep on. If its sleep was no longer than a second it is running by then, or
/// could.
fn sleeps_no_longer(exam: &Exam, reference: Reference<'_>, begun: Instant) -> Verdict {
    let accepted = exam.until(|| {
        let table = exam.table()?;
        let is_late = begun.elapsed() > SLEEP_AT_MOST + MARGIN;
        let all = !table.rows.iter().any(clients_wait);
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
        "they are still in the queue",
    );
    let Err(CheckError::Failed(case)) = &late else {
        return late;
    };
    let waits = case
        .evidence
        .sockets
        .iter()
        .any(|seen| clients_wait(&seen.row));
    if !waits || case.is_running() || !case.is_blocked_in(&[Call::Sleep]) {
        return Ok(()); // there is another reason, or none: are they greeted?
    }
    if reference.judges(took, MARGIN)? != Timing::Late {
        return Ok(());
    }
    late.caused_by(SLEEPS_TOO_LONG)
}

fn clients_wait(row: &Row) -> bool {
    row.state == State::Listen && row.recv_q > 0
}

fn take_all_descriptors() -> Verdict<Vec<OwnedFd>> {
    let null: OwnedFd = or_skip("open /dev/null", File::open("/dev/null"))?.into();
    let mut taken = Vec::new();
    loop {
        match null.try_clone() {
            Ok(descriptor) => taken.push(descriptor),
            Err(error) if error.raw_os_error() == Some(Errno::EMFILE as i32) => break,
            Err(error) => return or_skip("duplicate a descriptor", Err(error)),
        }
    }
    taken.push(null);
    Ok(taken)
}
