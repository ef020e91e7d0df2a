//! What a page shows of a failure besides its text: the rows and threads after each step, with the
//! times at which they were looked at. Nothing of it is gathered unless the page is asked for: each
//! look takes time.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use socket_workshop::table::own_sockets;

use super::{Evidence, Exam, evidence::EXAMS, threads};

/// How a check came to its failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// When the check began, in microseconds since 1970.
    pub began: u64,
    /// When it was over.
    pub ended: u64,
    /// What the kernel showed after steps, each with the number of the step, from 1.
    pub moments: Vec<(usize, Moment)>,
    /// What it showed when the check had failed, if its process was there to look.
    pub last: Option<Moment>,
    /// How many lines of the failure's `kernel` say the same as `last`.
    pub lines: usize,
}

/// What the kernel showed at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When, in microseconds since 1970.
    pub time: u64,
    /// Rows of the socket table: the first of them.
    pub rows: Vec<OwnedRow>,
    /// How many rows there were besides.
    pub more: usize,
    /// What the student's threads were doing, a line for each kind.
    pub threads: Vec<String>,
    /// The ports that the check is about.
    pub ports: Vec<u16>,
}

/// A row of the socket table, in netstat's columns, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedRow {
    /// `tcp` or `udp`, with a `6` for IPv6.
    pub protocol: String,
    /// Recv-Q.
    pub recv_q: u32,
    /// Send-Q.
    pub send_q: u32,
    /// This end's address.
    pub local: String,
    /// The other end's address.
    pub peer: String,
    /// Its state.
    pub state: String,
    /// Its timer.
    pub timer: String,
    /// The end: its address, and its peer's if it has one.
    pub end: String,
    /// As a failure says it, such as `yours, fd 7`; empty if nobody owns it any more.
    pub owner: String,
}

impl Trace {
    /// Of more steps than these, the moments after those in the middle are not kept.
    pub const FIRST: usize = 20;
    /// As many of the last.
    pub const LAST: usize = 40;

    /// Of a check that begins now.
    pub(super) fn new() -> Trace {
        Trace {
            began: now(),
            ..Trace::default()
        }
    }

    /// What the kernel showed after this step. Of two moments the later one counts.
    pub(super) fn add(&mut self, step: usize, moment: Moment) {
        self.exam_owns(&moment);
        match self.moments.last_mut() {
            Some((last, before)) if *last == step => *before = moment,
            _ => self.moments.push((step, moment)),
        }
        if self.moments.len() > Self::FIRST + Self::LAST {
            self.moments.remove(Self::FIRST);
        }
    }

    /// The exam may declare a socket its own only after the step that made it.
    fn exam_owns(&mut self, later: &Moment) {
        let exams = later.rows.iter().filter(|row| row.owner == EXAMS);
        let exams: Vec<&String> = exams.map(|row| &row.end).collect();
        let earlier = self.moments.iter_mut();
        for row in earlier.flat_map(|(_, moment)| &mut moment.rows) {
            if exams.contains(&&row.end) {
                EXAMS.clone_into(&mut row.owner);
            }
        }
    }

    /// It is over. What the check's own process has seen at its failure is added.
    pub(super) fn end(mut self, seen: Option<Box<Trace>>) -> Box<Trace> {
        self.ended = now();
        if let Some(seen) = seen {
            seen.last.iter().for_each(|last| self.exam_owns(last));
            (self.last, self.lines) = (seen.last, seen.lines);
        }
        Box::new(self)
    }
}

impl Moment {
    /// This evidence, whose table was read at this time.
    fn of(evidence: &Evidence, time: u64, ports: &[u16]) -> Moment {
        let rows = evidence.rows();
        Moment {
            time,
            more: evidence.sockets.len() - rows.len(),
            rows,
            threads: threads::lines(&evidence.threads),
            ports: ports.to_owned(),
        }
    }
}

impl Exam {
    /// The last step has been done just now: a page will show this moment after it.
    pub(super) fn traces_step(&self) {
        if self.supervisor.traces()
            && let Some(moment) = self.moment()
        {
            self.supervisor.traced(moment);
        }
    }

    /// `None` where the kernel does not show all of it, such as without a descriptor left.
    fn moment(&self) -> Option<Moment> {
        let (mut is_readable, mut time) = (own_sockets().is_ok(), 0);
        let threads = threads::students().ok()?;
        let doing = threads.iter().map(|thread| thread.doing).collect();
        let look = || {
            let table = self.sockets();
            is_readable &= table.is_ok();
            time = now();
            table.unwrap_or_default()
        };
        let evidence = Evidence::gather(doing, look, &self.own.borrow(), true);
        is_readable.then(|| Moment::of(&evidence, time, self.neighbourhood.borrow().ports()))
    }

    /// The evidence of a failure, for a page.
    pub(super) fn last_moment(&self, evidence: &Evidence) -> Moment {
        Moment::of(evidence, now(), self.neighbourhood.borrow().ports())
    }
}

/// Microseconds since 1970, by the clock that a capture has too.
fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{EXAMS, Moment, OwnedRow, Trace};

    fn moment(time: u64, owner: &str) -> Moment {
        Moment {
            time,
            rows: vec![OwnedRow {
                protocol: "tcp".to_owned(),
                recv_q: 0,
                send_q: 0,
                local: "127.0.0.1:1".to_owned(),
                peer: "127.0.0.1:2".to_owned(),
                state: "ESTABLISHED".to_owned(),
                timer: "off (0.00/0/0)".to_owned(),
                end: "127.0.0.1:1 -> 127.0.0.1:2".to_owned(),
                owner: owner.to_owned(),
            }],
            more: 0,
            threads: Vec::new(),
            ports: vec![1],
        }
    }

    #[test]
    fn the_later_of_two_moments_after_a_step_counts() {
        let mut trace = Trace::new();
        trace.add(1, moment(10, "yours, fd 7"));
        trace.add(1, moment(20, "yours, fd 7"));
        trace.add(2, moment(30, "yours, fd 7"));
        let kept = trace.moments.iter().map(|(step, at)| (*step, at.time));
        assert_eq!(kept.collect::<Vec<_>>(), [(1, 20), (2, 30)]);
    }

    #[test]
    fn of_many_moments_the_first_and_the_last_are_kept() {
        let mut trace = Trace::new();
        (1..=1000).for_each(|step| trace.add(step, moment(0, EXAMS)));
        let kept: Vec<usize> = trace.moments.iter().map(|(step, _)| *step).collect();
        let (first, last) = (Trace::FIRST, Trace::LAST);
        assert_eq!(kept.len(), first + last);
        assert_eq!(kept[first - 1..=first], [first, 1000 - last + 1]);
        assert_eq!(kept.last(), Some(&1000));
    }

    #[test]
    fn a_socket_that_the_exam_declares_its_own_later_was_so_before() {
        let mut trace = Trace::new();
        trace.add(1, moment(0, "yours, fd 6"));
        let seen = Trace {
            last: Some(moment(1, EXAMS)),
            lines: 3,
            ..Trace::default()
        };
        let trace = trace.end(Some(Box::new(seen)));
        assert_eq!(trace.moments[0].1.rows[0].owner, EXAMS);
        assert_eq!(trace.lines, 3);
    }
}
