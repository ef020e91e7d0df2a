//! How much CPU time a call uses that has nothing to do until its limit.

use std::time::Duration;

use crate::exam::{Because, CheckError, Exam, Verdict};

/// A call that waits in the kernel uses less. A thread that spins gets more in each of its turns,
/// also on a busy machine.
const LITTLE: Duration = Duration::from_millis(3);

/// With so much, in all calls together, it is known to run.
const MUCH: Duration = Duration::from_millis(100);

/// How many calls are made, where one alone shows little.
const CALLS: u32 = 8;

/// Makes calls, each of which has nothing to do until its limit, until one of them has used hardly
/// any CPU time. `call` makes one, and returns how much it has used.
///
/// # Errors
/// They use much more than that. [`CheckError::Skipped`] if they get too little to tell.
pub(super) fn is_spent_waiting(
    exam: &Exam,
    mut call: impl FnMut() -> Verdict<Duration>,
    cause: &str,
) -> Verdict {
    let mut all = Duration::ZERO;
    for calls in 1..=CALLS {
        let used = call()?;
        if used < LITTLE {
            return Ok(());
        }
        all += used;
        let plural = if calls == 1 { "" } else { "s" };
        exam.must(
            all < MUCH,
            "your thread to be blocked in the kernel until the limit",
            format!("in {calls} call{plural} it used {all:.0?} of CPU time"),
        )
        .caused_by(cause)?;
        exam.step(format!(
            "your thread used {used:.1?} of CPU time: once more"
        ));
    }
    Err(CheckError::skipped(
        "the machine is too busy: the call gets too little of the CPU",
    ))
}
