//! Whether a lesson asks what the kernel will show (`--predict`). The table in another terminal
//! must not answer first, so the lesson says that it asks, where each program may read it: in its
//! name (proc(5), `/proc/PID/comm`).

use std::{fs, io};

/// The name of a program that asks.
const NAME: &str = "a lesson asks";

/// While it lives, this program has a name that says that it asks.
#[derive(Debug)]
pub struct Asking {
    /// Its name before.
    name: String,
}

impl Asking {
    /// From now on this program asks. `None` where its name cannot be changed.
    #[must_use]
    pub fn begin() -> Option<Asking> {
        let name = fs::read_to_string(comm()).ok()?;
        fs::write(comm(), NAME).ok()?;
        Some(Asking { name })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let _ = fs::write(comm(), self.name.trim_end());
    }
}

/// The name of the main thread is the program's.
fn comm() -> String {
    format!("/proc/self/task/{}/comm", std::process::id())
}

/// Whether there is a program that asks.
///
/// # Errors
/// `/proc` cannot be read.
pub fn by_a_lesson() -> io::Result<bool> {
    let is_asking = |process: fs::DirEntry| {
        let name = fs::read_to_string(process.path().join("comm"));
        name.is_ok_and(|name| name.trim_end() == NAME)
    };
    Ok(fs::read_dir("/proc")?.flatten().any(is_asking))
}

#[cfg(test)]
mod tests {
    use super::{Asking, by_a_lesson};

    #[test]
    fn a_program_asks_as_long_as_it_says_so() {
        let asking = Asking::begin().unwrap();
        assert!(by_a_lesson().unwrap());
        drop(asking);
        assert!(
            !std::fs::read_to_string(super::comm())
                .unwrap()
                .starts_with(super::NAME)
        );
    }
}
