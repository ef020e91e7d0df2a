//! A conversation: the segments of one connection as they passed, and the states of its two ends
//! beside them, as the kernel's table showed them.

use std::{net::SocketAddr, time::Duration};

use socket_workshop::table::State;

use crate::segment::Segment;

/// One connection, or the attempt to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The end that sent the first SYN.
    pub client: SocketAddr,
    /// The other end.
    pub server: SocketAddr,
    /// What passed between them, in the order in which it passed.
    pub segments: Vec<Segment>,
    /// The states in which the kernel showed the ends, in the order in which it did.
    pub states: Vec<Change>,
}

/// An end is seen in another state than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it was seen, on the clock of the segments: it may have changed a little earlier.
    pub at: Duration,
    /// Which end.
    pub end: SocketAddr,
    /// Its state. `None`: there is no row for it, which is CLOSED.
    pub state: Option<State>,
}
