//! Where the student's threads were when a check had failed.

use std::collections::BTreeMap;

use nix::{libc, unistd::Pid};
use serde::{Deserialize, Serialize};

use super::{Place, Spot, places};
use crate::report::Failure;

/// A place in the student's file, and what happens there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// The place.
    pub spot: Spot,
    /// What is said of it.
    pub label: String,
}

/// A thread whose place is sought.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sought {
    /// The kernel's number of the thread.
    pub(crate) thread: i32,
    /// The number of the system call in which it waits. It must be found in this one.
    pub(crate) call: Option<i64>,
    /// What is said of its place.
    pub(crate) label: String,
}

impl Sought {
    /// Whether a look found it where it waits, and not on the way from one wait to the next. A call
    /// with a timeout goes on as restart_syscall(2) after a look.
    fn is_at(&self, place: &Place) -> bool {
        match (self.call, place.call) {
            (Some(sought), Some(found)) => found == sought || found == libc::SYS_restart_syscall,
            _ => true,
        }
    }
}

/// How often threads are looked at, at most, until each has been found.
const LOOKS: usize = 3;

/// Where the student's threads were when a check had failed.
#[derive(Debug, Default)]
pub(crate) struct Places {
    marked: Vec<Marked>,
    /// Why they are not known.
    not_seen: Option<String>,
}

impl Places {
    /// Looks at threads of a process.
    pub(crate) fn of(process: Pid, file: &str, sought: &[Sought]) -> Places {
        if sought.is_empty() {
            return Places::default();
        }
        let mut marked = BTreeMap::new();
        for _ in 0..LOOKS {
            let seen = match places(process.as_raw().cast_unsigned(), file) {
                Ok(seen) => seen,
                Err(reason) => {
                    return Places {
                        marked: Vec::new(),
                        not_seen: Some(format!("the line in your file is not known: {reason}")),
                    };
                }
            };
            for place in seen {
                let mut sought = sought.iter();
                let Some(sought) = sought.find(|sought| sought.thread == place.tid) else {
                    continue;
                };
                if !sought.is_at(&place) {
                    continue;
                }
                let mark = || Marked {
                    spot: place.spot.clone(),
                    label: sought.label.clone(),
                };
                marked.entry(place.tid).or_insert_with(mark);
            }
            if sought
                .iter()
                .all(|sought| marked.contains_key(&sought.thread))
            {
                break;
            }
        }
        let mut distinct: Vec<Marked> = Vec::new();
        for mark in marked.into_values() {
            if !distinct.contains(&mark) {
                distinct.push(mark);
            }
        }
        Places {
            marked: distinct,
            not_seen: None,
        }
    }

    /// The failure with these places.
    pub(crate) fn add_to(self, mut failure: Failure) -> Failure {
        failure.places.extend(self.marked);
        failure.kernel.extend(self.not_seen);
        failure
    }
}
