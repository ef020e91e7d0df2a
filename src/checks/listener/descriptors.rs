//! A process without descriptors: accept fails with EMFILE, the connection stays in the queue, and
//! so the next accept fails too, until a descriptor is free.

use std::{
    fs::File,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit},
        time::TimeValLike,
    },
};

use super::{Answer, comes_true, server::Server};
use crate::{
    deadline::Deadline,
    exam::{Because, Exam, Unmet, Verdict, here},
    table::State,
};

/// The check's process may have so many descriptors, so that it is soon done to take them all.
const DESCRIPTORS: u64 = 128;

/// More clients than any server has threads in accept: each of these has taken a descriptor before
/// it began to wait, and accepts one more.
const CLIENTS: usize = 12;

/// For so long the answer is watched while it has no descriptor.
const WATCHED: Duration = Duration::from_millis(800);

/// The processor time that it may use meanwhile. To try again every millisecond takes a tenth of it.
const ALLOWED: Duration = Duration::from_millis(100);

pub(super) fn outlives_a_lack_of_descriptors(exam: &Exam, answer: Answer) -> Verdict {
    let (_, hard) = here(
        "read a limit",
        getrlimit(Resource::RLIMIT_NOFILE).map_err(Into::into),
    )?;
    let limited = setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS.min(hard), hard);
    here("limit the descriptors", limited.map_err(Into::into))?;

    let server = Server::start(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    server.greets(&first)?;
    let crowd = server.crowd(CLIENTS)?;
    let taken = take_all_descriptors()?;
    exam.step("took every descriptor that was left to the process: accept gives EMFILE");
    let connected = crowd.connect();
    let starved = connected.is_ok().then(|| {
        let waits = comes_true(exam, |rows| {
            rows.iter()
                .any(|row| row.state == State::Listen && row.recv_q > 0)
        });
        (waits, processor_time_used_in(WATCHED))
    });
    drop(taken); // the evidence needs descriptors too
    exam.step("gave the descriptors back");
    connected?;
    if let Some((waits, (used, time))) = starved {
        if !waits {
            return Err(Unmet::not_here(
                "every client got a descriptor, although none was left",
            ));
        }
        let expected = "your threads to wait while no descriptor is left";
        let seen = format!("in {time:.0?} they have used {used:.0?} of processor time");
        exam.must(used < ALLOWED, expected, seen).caused_by(
            "accept fails with EMFILE as long as no descriptor is free, and leaves the connection in the \
             queue. A loop that simply goes on (`continue`, `flatten`) calls it again at once, hundreds \
             of thousands of times a second: wait a little between two tries.",
        )?;
    }
    crowd.are_greeted()
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

/// The processor time that this process uses in the time given, and in how much time it did so: less
/// if it is too much already.
fn processor_time_used_in(limit: Duration) -> (Duration, Duration) {
    let (began, before) = (Instant::now(), processor_time());
    let used = || processor_time().saturating_sub(before);
    let _ = Deadline::after(limit).wait_for(|| Ok((used() >= ALLOWED).then_some(())));
    (used(), began.elapsed())
}

fn processor_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
        return Duration::ZERO;
    };
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(time.num_microseconds().unsigned_abs())
}
