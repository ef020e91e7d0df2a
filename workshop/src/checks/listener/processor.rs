//! The processor time that the answer's threads use while there is nothing to do.
//!
//! How much a loop gets that never waits depends on who else runs: little, on a busy machine. But a
//! thread that waits uses next to none between two waits, and that is so on any machine.

use std::time::{Duration, Instant};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use socket_workshop::deadline::Deadline;

/// For so long the answer is watched.
const WATCHED: Duration = Duration::from_millis(400);

/// Too much is a twentieth of a processor, and what it takes to wake and try a system call for each
/// time that a thread has waited.
const TOO_MUCH: (Duration, Duration) = (Duration::from_millis(20), Duration::from_micros(20));

/// On a machine so busy that a loop does not get that: this, and far more than it takes for each wait.
const TOO_LONG: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(1));

/// Processor time, and how often it was given back in order to wait.
struct Usage {
    time: Duration,
    waits: u32,
}

/// Watches the answer's threads for a while, which is the subject. If they do not wait: what they
/// have used, in a sentence.
pub(in crate::checks) fn not_waiting() -> Option<String> {
    let (began, before) = (Instant::now(), so_far()?);
    let is_too_much = || {
        let now = so_far()?;
        let time = now.time.saturating_sub(before.time);
        let waits = now.waits.saturating_sub(before.waits);
        let allowed = [TOO_MUCH, TOO_LONG].map(|(once, each_wait)| once + each_wait * waits);
        allowed.iter().any(|limit| time >= *limit).then_some(time)
    };
    let spent = Deadline::after(WATCHED).wait_for(|| Ok(is_too_much()));
    let time = spent.ok().flatten()?;
    let elapsed = began.elapsed();
    Some(format!(
        "in {elapsed:.0?} they have used {time:.0?} of processor time"
    ))
}

/// Of the whole process, without this thread, which only looks on.
fn so_far() -> Option<Usage> {
    let all = usage(UsageWho::RUSAGE_SELF)?;
    let own = usage(UsageWho::RUSAGE_THREAD)?;
    Some(Usage {
        time: all.time.saturating_sub(own.time),
        waits: all.waits.saturating_sub(own.waits),
    })
}

fn usage(who: UsageWho) -> Option<Usage> {
    let usage = getrusage(who).ok()?;
    let time = usage.user_time() + usage.system_time();
    Some(Usage {
        time: Duration::from_micros(time.num_microseconds().unsigned_abs()),
        waits: usage.voluntary_context_switches().try_into().ok()?,
    })
}
