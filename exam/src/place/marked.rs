//! Where the student's threads were when a check had failed.

use std::collections::BTreeMap;

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::{Spot, places};
use crate::{proof::WAITS, report::Failure};

/// A place in the student's file, and what happens there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// The place.
    pub spot: Spot,
    /// What is said of it.
    pub label: String,
}

/// How often threads are looked at, at most, until each has been found. One that waits must be
/// found in its call.
const LOOKS: usize = 3;

/// Where the student's threads were when a check had failed.
#[derive(Debug, Default)]
pub(crate) struct Places {
    marked: Vec<Marked>,
    /// Why they are not known.
    not_seen: Option<String>,
}

impl Places {
    /// Looks at threads of a process, by their numbers, with what is to be said of each.
    pub(crate) fn of(process: Pid, file: &str, threads: &[(i32, String)]) -> Places {
        if threads.is_empty() {
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
                let Some((_, label)) = threads.iter().find(|(id, _)| *id == place.tid) else {
                    continue;
                };
                if label.starts_with(WAITS) && !place.in_call {
                    continue; // its wait has just ended
                }
                let mark = || Marked {
                    spot: place.spot.clone(),
                    label: label.clone(),
                };
                marked.entry(place.tid).or_insert_with(mark);
            }
            if threads.iter().all(|(id, _)| marked.contains_key(id)) {
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
