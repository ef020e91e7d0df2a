//! How long threads have been ready to run, and had no CPU.

use std::{fs, time::Duration};

use socket_workshop::threads::run_delay;

/// How long the threads of this process, without this one, have waited for a CPU so far (proc(5),
/// `/proc/pid/task/tid/schedstat`). Zero where the kernel does not say.
pub(super) fn of_others() -> Duration {
    let tasks = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let delay = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let all = Duration::from_nanos(tasks.filter_map(delay).sum());
    all.saturating_sub(run_delay())
}
