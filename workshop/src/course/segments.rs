//! The segments that pass while exercises are examined: all of them run in a network of their own,
//! where a capture needs no privilege.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use serde_json::Value;
use wire::{
    capture::{Capture, Files},
    namespace,
    segment::Segment,
};

use crate::play::passed;

/// How many segments are kept of an exercise. Further ones are not: it has had its picture by then.
const MOST: usize = 100_000;

/// A capture, and what it has seen.
#[derive(Debug)]
pub(super) struct Segments {
    capture: Option<Capture>,
    /// Why there is no capture, or why it sees no more.
    why_not: Option<String>,
    seen: Vec<(Duration, Segment, String)>,
}

impl Segments {
    /// Enters a network of its own and begins. Everything that is started from now on is in it.
    pub fn capture() -> Segments {
        let entered = namespace::enter().map_err(|refused| format!("the exercise {refused}"));
        let capture = entered.and_then(|_door| {
            let capture = Capture::on_loopback(None, &Files::default());
            capture.map_err(|error| error.to_string())
        });
        let (capture, why_not) = match capture {
            Ok(capture) => (Some(capture), None),
            Err(why_not) => (None, Some(why_not)),
        };
        Segments {
            capture,
            why_not,
            seen: Vec::new(),
        }
    }

    /// Why segments are not seen, or not all.
    pub fn why_not(&self) -> Option<&str> {
        self.why_not.as_deref()
    }

    /// Readable when a segment has passed.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.capture.as_ref().map(AsFd::as_fd)
    }

    /// Takes those that have passed.
    pub fn take(&mut self) {
        while let Some(capture) = &mut self.capture {
            match capture.passed() {
                Ok(Some(_)) if self.seen.len() == MOST => {}
                Ok(Some(segment)) => self.seen.push(segment),
                Ok(None) => return,
                Err(error) => self.end(&error),
            }
        }
    }

    fn end(&mut self, error: &io::Error) {
        self.why_not = Some(format!("the capture has failed: {error}"));
        self.capture = None;
    }

    /// Forgets those of the exercise before.
    pub fn again(&mut self) -> &mut Segments {
        self.seen.clear();
        self
    }

    /// Those from or to one of these ports, between two times in microseconds since 1970, as events
    /// with their time since the first of the two.
    pub fn between(&self, from: u64, to: u64, ports: &[u16]) -> Vec<(u64, Value)> {
        let has_port = |segment: &Segment| {
            ports.contains(&segment.from.port()) || ports.contains(&segment.to.port())
        };
        let seen = self.seen.iter().filter_map(|(time, segment, info)| {
            let time = u64::try_from(time.as_micros()).ok()?;
            let at = i64::try_from(time.checked_sub(from)?).ok()?;
            let is_of_it = time <= to && has_port(segment);
            is_of_it.then(|| (time, passed(at, segment, info)))
        });
        seen.collect()
    }

    /// How many were missed for want of room, as far as is known.
    pub fn missed(&self) -> u32 {
        self.capture.as_ref().map_or(0, Capture::dropped)
    }
}
