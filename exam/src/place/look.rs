//! Looks at another process, by ptrace(2) and its debug information.

mod arch;
mod elf;
mod lines;
mod part;
mod stacks;

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
};

use nix::unistd::Pid;

use self::{
    elf::Elf,
    lines::{Information, Lines},
};
use super::{NotSeen, Place};

pub(super) fn places(pid: u32, student_file: &str) -> Result<Vec<Place>, NotSeen> {
    let pid = Pid::from_raw(pid.cast_signed());
    thread::scope(|scope| {
        // A thread that cannot be let go now is let go when the thread
        // that debugs it ends: this one.
        let debugger = thread::Builder::new().name("exam debugger".to_owned());
        let looking = debugger.spawn_scoped(scope, || look(pid, Path::new(student_file)));
        let looking =
            looking.map_err(|error| NotSeen(format!("cannot start a thread: {error}")))?;
        let broken = |_| NotSeen("the debugger is broken".to_owned());
        looking.join().map_err(broken)?
    })
}

fn look(pid: Pid, student: &Path) -> Result<Vec<Place>, NotSeen> {
    let program = Elf::open(format!("/proc/{pid}/exe").as_ref());
    let program = program.map_err(|error| NotSeen::refused(pid, &error))?;
    let stacks = stacks::stacks(pid)?;
    let information = Information::of(program).map_err(|error| NotSeen::refused(pid, &error))?;
    let mut lines = Lines::of(&information, student)?;
    let mut places = Vec::new();
    for stack in stacks {
        if let Some((spot, function)) = lines.innermost(&stack.frames) {
            places.push(Place {
                tid: stack.tid,
                thread: stack.thread,
                function,
                call: stack.call,
                spot,
            });
        }
    }
    Ok(places)
}

impl NotSeen {
    fn ended() -> NotSeen {
        NotSeen("the process has ended".to_owned())
    }

    fn no_debug_information() -> NotSeen {
        NotSeen("the program has no debug information".to_owned())
    }

    /// Why the kernel does not let us look at a process.
    fn refused(pid: Pid, error: &io::Error) -> NotSeen {
        match error.kind() {
            ErrorKind::NotFound => return NotSeen::ended(),
            _ if error.raw_os_error() == Some(nix::libc::ESRCH) => return NotSeen::ended(),
            ErrorKind::PermissionDenied => {}
            _ => return NotSeen(format!("cannot look at the process: {error}")),
        }
        // 1 allows a parent to look at its children; from 2 on it takes a
        // capability, or nothing helps.
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
        let scope = scope.trim();
        if scope.parse().is_ok_and(|scope: u32| scope > 1) {
            return NotSeen(format!(
                "ptrace is refused here (Yama's ptrace_scope is {scope})"
            ));
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| -> Option<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().nth(1)?.parse().ok() // the effective one, of a user
        };
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"));
        if let Some(tracer) = tracer.map(str::trim).filter(|tracer| *tracer != "0") {
            return NotSeen(format!("process {tracer} is debugging it already"));
        }
        // The files of a process that may not be dumped belong to root (proc_pid(5)).
        let owner = fs::metadata(format!("/proc/{pid}/status")).map(|status| status.uid());
        match owner {
            Ok(owner) if field("Uid:").is_some_and(|user| user != owner) => {
                NotSeen("the process has forbidden it (PR_SET_DUMPABLE)".to_owned())
            }
            _ => NotSeen(format!("ptrace is refused here ({error})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use nix::{errno::Errno, unistd::Pid};

    use super::NotSeen;

    #[test]
    fn a_thread_or_a_file_that_is_gone_means_that_the_process_has_ended() {
        let refused = |errno: Errno| NotSeen::refused(Pid::this(), &io::Error::from(errno));
        assert_eq!(refused(Errno::ESRCH), NotSeen::ended());
        assert_eq!(refused(Errno::ENOENT), NotSeen::ended());
    }

    #[test]
    fn any_other_error_is_named() {
        let refused = |errno: Errno| NotSeen::refused(Pid::this(), &io::Error::from(errno));
        let out_of_memory = refused(Errno::ENOMEM).to_string();
        assert!(
            out_of_memory.starts_with("cannot look at the process: "),
            "{out_of_memory}"
        );
        let refused = refused(Errno::EPERM).to_string();
        assert!(refused.starts_with("ptrace is refused here ("), "{refused}");
    }
}
