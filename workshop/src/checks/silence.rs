//! How much CPU time a call uses that has nothing to do until its limit.

use std::time::Duration;

use crate::exam::{Because, CheckError, Exam, Running, Verdict};

/// A call that waits in the kernel uses less.
const LITTLE: Duration = Duration::from_millis(3);

/// A call that had to wait longer for a CPU may have spun, and got too little to show it.
const STARVED: Duration = Duration::from_millis(10);

/// With so much, in all calls together, it is known to run.
const MUCH: Duration = Duration::from_millis(100);

/// How many calls are made, where one alone shows little.
const CALLS: u32 = 8;

/// For a call that has one deadline.
pub(super) const SPINS_AT_ITS_END: &str = "Nothing came, and your thread ran for a part of the \
    time: it looks at the clock or asks the socket again and again, for example in the last \
    milliseconds before the limit, in order not to be late. Wait in the kernel for all that \
    remains: to be late by a little is allowed.";

/// Makes calls, each of which has nothing to do until its limit, until one of them has used hardly
/// any CPU time, although it could have got more. `call` makes one, which must have returned.
///
/// # Errors
/// They use much more than that. [`CheckError::Skipped`] if they get too little to tell.
pub(super) fn is_spent_waiting<'e, T>(
    exam: &'e Exam,
    mut call: impl FnMut() -> Verdict<Running<'e, T>>,
    cause: &str,
) -> Verdict {
    let mut all = Duration::ZERO;
    for calls in 1..=CALLS {
        let answer = call()?;
        let (used, delay) = (answer.cpu(), answer.took().delay);
        if used < LITTLE && delay < STARVED {
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
            "your thread used {used:.1?} of CPU time, and waited {delay:.1?} for a CPU: once more"
        ));
    }
    Err(CheckError::skipped(
        "the machine is too busy: the call gets too little of the CPU",
    ))
}
