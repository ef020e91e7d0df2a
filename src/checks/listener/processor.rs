//! The processor time that the answer's threads use while there is nothing to do.
//!
//! How much a loop gets that never waits depends on who else runs: little, on a busy machine. But
//! between two waits a thread that waits uses next to none, however busy the machine is.

use std::time::{Duration, Instant};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

use crate::deadline::Deadline;

/// For so long the answer is watched.
const WATCHED: Duration = Duration::from_millis(400);

/// What each wait excuses: to wake, to try a system call, and to wait again.
const A_TRY: Duration = Duration::from_micros(20);

/// Processor time beyond that, a twentieth of a processor, which shows that somebody does not wait.
const TOO_MUCH: Duration = Duration::from_millis(20);

/// Processor time, and how often it was given back in order to wait.
struct Usage {
    time: Duration,
    waits: u32,
}

/// Watches the answer's threads for a while, which is the subject. If they do not wait: what they
/// have used, in a sentence.
pub(super) fn not_waiting() -> Option<String> {
    let (began, before) = (Instant::now(), so_far()?);
    let is_too_much = || {
        let now = so_far()?;
        let time = now.time.saturating_sub(before.time);
        let excused = A_TRY * now.waits.saturating_sub(before.waits);
        (time.saturating_sub(excused) >= TOO_MUCH).then_some(time)
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
