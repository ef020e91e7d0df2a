//! What a stage demands of one end's row.

use std::{fmt, ops::RangeFrom, time::Duration};

use crate::table::{Row, State, TimerKind};

/// A demand on one end's row. A [`State`] alone is one; [`must`] begins one with more.
#[derive(Clone, Copy, Debug)]
pub struct Must {
    /// `None`: there must be no row.
    state: Option<State>,
    recv_q: Option<Count>,
    send_q: Option<Count>,
    backlog: Option<Count>,
    drops: Option<Count>,
    /// The kind, and what must be left of it at most; `Some(None)`: none may run.
    timer: Option<Option<(TimerKind, Duration)>>,
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
        ..gone()
    }
}

/// The kernel must have no row for the end: it is CLOSED.
#[must_use]
pub fn gone() -> Must {
    Must {
        state: None,
        recv_q: None,
        send_q: None,
        backlog: None,
        drops: None,
        timer: None,
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
    /// Bytes not yet read; for a listener, connections in the accept queue.
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

    /// A listener's backlog. Where the kernel does not tell it, this is not checked.
    pub fn backlog(self, count: impl Into<Count>) -> Must {
        Must {
            backlog: Some(count.into()),
            ..self
        }
    }

    /// SYNs that a listener dropped. Where the kernel does not tell it, this is not checked.
    pub fn drops(self, count: impl Into<Count>) -> Must {
        Must {
            drops: Some(count.into()),
            ..self
        }
    }

    /// A timer of this kind must be running.
    pub fn timer(self, kind: TimerKind) -> Must {
        self.timer_below(kind, Duration::MAX)
    }

    /// A timer of this kind must be running, with less than this remaining: a countdown seen.
    pub fn timer_below(self, kind: TimerKind, remaining: Duration) -> Must {
        Must {
            timer: Some(Some((kind, remaining))),
            ..self
        }
    }

    /// No timer may be running: left alone, nothing will ever happen to this end.
    pub fn no_timer(self) -> Must {
        Must {
            timer: Some(None),
            ..self
        }
    }

    pub(super) fn state(&self) -> Option<State> {
        self.state
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state.is_none()
    }

    pub(super) fn is_time_wait(&self) -> bool {
        self.state == Some(State::TimeWait)
    }

    pub(super) fn holds(&self, row: Option<&Row>) -> bool {
        let (Some(state), Some(row)) = (self.state, row) else {
            return self.state.is_none() && row.is_none();
        };
        let met = |demand: Option<Count>, seen: u32| demand.is_none_or(|count| count.met_by(seen));
        let met_if_told = |demand, seen: Option<u32>| seen.is_none_or(|seen| met(demand, seen));
        row.state == state
            && met(self.recv_q, row.recv_q)
            && met(self.send_q, row.send_q)
            && met_if_told(self.backlog, row.backlog)
            && met_if_told(self.drops, row.drops)
            && match self.timer {
                None => true,
                Some(None) => row.timer.is_none(),
                Some(Some((kind, below))) => row
                    .timer
                    .is_some_and(|timer| timer.kind == kind && timer.remaining < below),
            }
    }
}

impl fmt::Display for Must {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(state) = self.state else {
            return f.write_str("no row");
        };
        write!(f, "{state}")?;
        let counts = [
            ("Recv-Q", self.recv_q),
            ("Send-Q", self.send_q),
            ("backlog", self.backlog),
            ("drops", self.drops),
        ];
        for (name, count) in counts {
            match count {
                Some(Count::Exactly(n)) => write!(f, ", {name} {n}")?,
                Some(Count::AtLeast(n)) => write!(f, ", {name} at least {n}")?,
                None => {}
            }
        }
        match self.timer {
            Some(Some((kind, Duration::MAX))) => write!(f, ", timer {kind:?}"),
            Some(Some((kind, below))) => write!(f, ", timer {kind:?} below {below:?}"),
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
