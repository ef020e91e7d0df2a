//! Where a student's answer hangs, spins or panics: the line in their
//! file, drawn as rustc draws it.
//!
//! [`places`] stops the threads of another process for a moment, unwinds their stacks and finds the
//! innermost frame in the student's file. [`draw`] shows the line. The place of a panic is known
//! from its `Location`: [`Spot::of_panic`].
//!
//! ```no_run
//! use std::path::Path;
//! use exam::place::{draw, places};
//!
//! # let child = std::process::Command::new("true").spawn().unwrap();
//! let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
//! match places(child.id(), "exercises/03_echo.rs") {
//!     Ok(places) => {
//!         for place in places {
//!             let label = "your thread waits here: recv on fd 7, nothing will arrive";
//!             print!("{}", draw(&place.spot, root, label, false));
//!         }
//!     }
//!     Err(reason) => println!("your line is not shown: {reason}"),
//! }
//! ```
//!
//! - Call it once the verdict is known, not before. Some system calls of the threads return EINTR.
//! - While it runs, no other thread of this process may wait for the child or for any child, by
//!   `Child::wait` or `waitid`: the kernel would report the stops of the traced threads there.
//! - The program needs debug information. In optimised code a function's last call can be a jump,
//!   and then its caller has no frame. `[profile.dev]` builds exercises unoptimised.

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod look;
mod marked;
mod picture;
mod span;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::marked::{Places, Sought};
pub use self::{marked::Marked, picture::draw, span::span};

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The file, as the compiler names it: absolute, or from the root of the workspace.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// Where in the line.
    pub column: Column,
}

/// A place in a line. Debug information and a panic's location count it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Column {
    /// In bytes, from 1; 0 is not known. As in debug information.
    Byte(u32),
    /// In columns of a terminal, from 1, where a tab has four. As in a panic's `Location`.
    Display(u32),
}

impl Spot {
    /// Reads `FILE:LINE:COLUMN`, as a panic's `Location` is printed.
    #[must_use]
    pub fn of_panic(at: &str) -> Option<Spot> {
        Spot::read(at, Column::Display)
    }

    /// Reads the same of a frame of a backtrace, which has it from debug information.
    #[must_use]
    pub fn of_frame(at: &str) -> Option<Spot> {
        Spot::read(at, Column::Byte)
    }

    fn read(at: &str, column_of: fn(u32) -> Column) -> Option<Spot> {
        let (rest, column) = at.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        Some(Spot {
            file: file.to_owned(),
            line: line.parse().ok()?,
            column: column_of(column.parse().ok()?),
        })
    }
}

/// Where a thread is in the student's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The kernel's number of the thread.
    pub tid: i32,
    /// The thread's name, of which the kernel keeps 15 bytes.
    pub thread: String,
    /// The function's name, such as `echo` or `{closure#0}`; empty if debug information lacks it.
    pub function: String,
    /// The number of the system call that the thread was in, and -1 if it was in none
    /// (proc_pid_syscall(5)). A thread that waits with a timeout is out of its call from time to
    /// time. `None` where the kernel does not say.
    pub call: Option<i64>,
    /// Where in the file the thread is, or where it calls what it is in.
    pub spot: Spot,
}

/// Why a process could not be looked at, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSeen(String);

impl fmt::Display for NotSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotSeen {}

/// Where the threads of a process are in the student's file, ordered by thread number. Threads that
/// are not in the file are left out.
///
/// `student_file` is the file's path or its last components, as `Location::caller().file()` returns
/// it. The process must be a child of this one (Yama's ptrace_scope 1). A look takes about 10 ms,
/// up to 500 ms more if a thread does not stop, and up to 5 s if one gets no CPU to stop on.
///
/// # Errors
/// The kernel refuses it, the program has no debug information, or the process has ended.
pub fn places(pid: u32, student_file: &str) -> Result<Vec<Place>, NotSeen> {
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    return look::places(pid, student_file);
    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )))]
    {
        let _ = (pid, student_file);
        Err(NotSeen("not on this system and processor".to_owned()))
    }
}
