//! What a stage demands of one end's row.

use std::{fmt, ops::RangeFrom, time::Duration};

use crate::table::{End, Protocol, Row, State, Table, TimerKind};

/// A demand on one end's row. A [`State`] alone is one; [`must`] begins one with more.
#[derive(Clone, Copy, Debug)]
pub struct Must {
    /// `None`: there must be no row.
    state: Option<State>,
    rows: usize,
    recv_q: Option<Count>,
    send_q: Option<Count>,
    backlog: Option<Count>,
    drops: Option<Count>,
    window: Option<Count>,
    segments_in: Option<Count>,
    received: Option<Count>,
    unsent: Option<Count>,
    /// `Some(None)`: none may run.
    timer: Option<Option<TimerKind>>,
    remaining_below: Duration,
    orphan: bool,
}

/// A demand on a number: `5`, or `1..` for at least one.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// This number.
    Exactly(u32),
    /// This number or more.
    AtLeast(u32),
}

/// The end must be in this state, and more can be demanded.
#[must_use]
pub fn must(state: State) -> Must {
    Must {
        state: Some(state),
        rows: 1,
        ..gone()
    }
}

/// The end must be in TIME_WAIT, with the kernel's countdown to its end.
#[must_use]
pub fn time_wait() -> Must {
    must(State::TimeWait).timer(TimerKind::TimeWait)
}

/// The UDP socket must be there and have no peer. netstat shows no state of it, ss says UNCONN.
#[must_use]
pub fn unconnected() -> Must {
    must(State::Close)
}

/// The kernel must have no row for the end: it is CLOSED.
#[must_use]
pub fn gone() -> Must {
    Must {
        state: None,
        rows: 0,
        recv_q: None,
        send_q: None,
        backlog: None,
        drops: None,
        window: None,
        segments_in: None,
        received: None,
        unsent: None,
        timer: None,
        remaining_below: Duration::MAX,
        orphan: false,
    }
}

impl From<State> for Must {
    fn from(state: State) -> Must {
        must(state)
    }
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "a demand that is dropped shows in the story at once"
)]
impl Must {
    /// There must be this many rows of the end, each as demanded: listeners that share a port.
    pub fn rows(self, rows: usize) -> Must {
        Must { rows, ..self }
    }

    /// Bytes not yet read; for a listener, connections in the accept queue; for UDP, the memory
    /// that datagrams take up which have not been read.
    pub fn recv_q(self, count: impl Into<Count>) -> Must {
        Must {
            recv_q: Some(count.into()),
            ..self
        }
    }

    /// Bytes not yet acknowledged.
    pub fn send_q(self, count: impl Into<Count>) -> Must {
        Must {
            send_q: Some(count.into()),
            ..self
        }
    }

    /// A listener's backlog. Where the kernel does not report it, this is not checked.
    pub fn backlog(self, count: impl Into<Count>) -> Must {
        Must {
            backlog: Some(count.into()),
            ..self
        }
    }

    /// SYNs that a listener dropped, or datagrams that a UDP socket did. Where the kernel does not
    /// report it, this is not checked.
    pub fn drops(self, count: impl Into<Count>) -> Must {
        Must {
            drops: Some(count.into()),
            ..self
        }
    }

    /// Bytes that the peer is ready to take beyond those acknowledged, as it announced last. Where
    /// the kernel does not report it, this is not checked.
    pub fn window(self, count: impl Into<Count>) -> Must {
        Must {
            window: Some(count.into()),
            ..self
        }
    }

    /// Segments with data received so far. Where the kernel does not report it, this is not
    /// checked.
    pub fn segments_in(self, count: impl Into<Count>) -> Must {
        Must {
            segments_in: Some(count.into()),
            ..self
        }
    }

    /// Segments received so far, those without data too. Where the kernel does not report it, this
    /// is not checked.
    pub fn received(self, count: impl Into<Count>) -> Must {
        Must {
            received: Some(count.into()),
            ..self
        }
    }

    /// Bytes written that have not been sent yet. Where the kernel does not report it, this is not
    /// checked.
    pub fn unsent(self, count: impl Into<Count>) -> Must {
        Must {
            unsent: Some(count.into()),
            ..self
        }
    }

    /// A timer of this kind must be running.
    pub fn timer(self, kind: TimerKind) -> Must {
        Must {
            timer: Some(Some(kind)),
            ..self
        }
    }

    /// Less than this must remain of the timer: a countdown seen.
    pub fn counted_below(self, remaining: Duration) -> Must {
        Must {
            remaining_below: remaining,
            ..self
        }
    }

    /// Whether it waits for a timer, which runs down without any call.
    pub(super) fn waits_for_a_countdown(&self) -> bool {
        self.remaining_below < Duration::MAX
    }

    /// No timer may be running: left alone, nothing will ever happen to this end.
    pub fn no_timer(self) -> Must {
        Must {
            timer: Some(None),
            ..self
        }
    }

    /// No program may own the socket: all descriptors of it are closed.
    pub fn orphan(self) -> Must {
        Must {
            orphan: true,
            ..self
        }
    }

    pub(super) fn state(&self) -> Option<State> {
        self.state
    }

    /// What is demanded of a row, is told by the kernel, and is not printed by netstat.
    pub(super) fn beside_netstat(&self, row: &Row) -> impl Iterator<Item = (&'static str, u32)> {
        let is_shown = |name| name != "drops" || row.protocol == Protocol::Udp;
        self.figures(row)
            .into_iter()
            .filter(move |(name, ..)| is_shown(*name))
            .filter_map(|(name, demand, seen)| Some((name, demand.and(seen)?)))
    }

    /// The figures that are demanded of a row and that the kernel does not report for it. They are
    /// not checked.
    pub(super) fn not_reported(&self, row: &Row) -> impl Iterator<Item = &'static str> {
        let unchecked =
            |demand: Option<Count>, seen: Option<u32>| demand.is_some() && seen.is_none();
        self.figures(row)
            .into_iter()
            .filter_map(move |(name, demand, seen)| unchecked(demand, seen).then_some(name))
    }

    /// The figures that a kernel may not report: name, what is demanded, and what is reported.
    fn figures(&self, row: &Row) -> [(&'static str, Option<Count>, Option<u32>); 6] {
        [
            ("backlog", self.backlog, row.backlog),
            ("drops", self.drops, row.drops),
            ("window", self.window, row.window),
            ("data segments", self.segments_in, row.segments_in),
            ("segments received", self.received, row.received),
            ("not sent", self.unsent, row.unsent),
        ]
    }

    /// Whether it demands what only TCP_INFO contains.
    pub(super) fn needs_info(&self) -> bool {
        let demands = [self.window, self.segments_in, self.received, self.unsent];
        demands.iter().any(Option::is_some)
    }

    pub(super) fn demands_a_timer(&self) -> bool {
        self.timer.is_some()
    }

    /// Whether it demands one row of the end, or none.
    pub(super) fn is_of_one_row(&self) -> bool {
        self.rows <= 1
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state.is_none()
    }

    /// Whether the kernel may remove the row after a minute.
    pub(super) fn may_run_out(&self) -> bool {
        matches!(self.state, Some(State::TimeWait | State::FinWait2))
    }

    pub(super) fn holds(&self, table: &Table, end: End) -> bool {
        table.find_all(end).count() == self.rows
            && table.find_all(end).all(|row| self.holds_for(row))
    }

    fn holds_for(&self, row: &Row) -> bool {
        let met = |demand: Option<Count>, seen: u32| demand.is_none_or(|count| count.met_by(seen));
        let met_if_told = |demand, seen: Option<u32>| seen.is_none_or(|seen| met(demand, seen));
        Some(row.state) == self.state
            && met(self.recv_q, row.recv_q)
            && met(self.send_q, row.send_q)
            && met_if_told(self.backlog, row.backlog)
            && met_if_told(self.drops, row.drops)
            && met_if_told(self.window, row.window)
            && met_if_told(self.segments_in, row.segments_in)
            && met_if_told(self.received, row.received)
            && met_if_told(self.unsent, row.unsent)
            && self
                .timer
                .is_none_or(|kind| row.timer.map(|timer| timer.kind) == kind)
            && row
                .timer
                .is_none_or(|timer| timer.remaining < self.remaining_below)
            && (!self.orphan || row.inode == 0)
    }
}

impl fmt::Display for Must {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(state) = self.state else {
            return f.write_str("no row");
        };
        match state {
            State::Close => f.write_str("not connected")?, // a UDP socket: TCP has no row in CLOSE
            state => write!(f, "{state}")?,
        }
        if self.rows > 1 {
            write!(f, " in {} rows", self.rows)?;
        }
        let counts = [
            ("Recv-Q", self.recv_q),
            ("Send-Q", self.send_q),
            ("backlog", self.backlog),
            ("drops", self.drops),
            ("window", self.window),
            ("data segments received", self.segments_in),
            ("segments received", self.received),
            ("not sent", self.unsent),
        ];
        for (name, count) in counts {
            match count {
                Some(Count::Exactly(n)) => write!(f, ", {name} {n}")?,
                Some(Count::AtLeast(n)) => write!(f, ", {name} at least {n}")?,
                None => {}
            }
        }
        if self.orphan {
            f.write_str(", owned by no program")?;
        }
        match self.timer {
            Some(Some(kind)) if self.remaining_below == Duration::MAX => {
                write!(f, ", timer {kind:?}")
            }
            Some(Some(kind)) => write!(f, ", timer {kind:?} below {:?}", self.remaining_below),
            Some(None) => f.write_str(", no timer"),
            None => Ok(()),
        }
    }
}

impl Count {
    fn met_by(self, seen: u32) -> bool {
        match self {
            Count::Exactly(n) => seen == n,
            Count::AtLeast(n) => seen >= n,
        }
    }
}

impl From<u32> for Count {
    fn from(n: u32) -> Count {
        Count::Exactly(n)
    }
}

impl From<RangeFrom<u32>> for Count {
    fn from(range: RangeFrom<u32>) -> Count {
        Count::AtLeast(range.start)
    }
}
