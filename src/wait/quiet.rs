//! Whether anything is under way between sockets: a segment, or a timer that will send one.

use std::{net::SocketAddr, time::Duration};

use crate::{
    table::{Row, State, Timer, TimerKind},
    wait::Look,
};

/// A keepalive timer that is further away than this ends no wait of ours.
const FAR: Duration = Duration::from_secs(60);

/// Whether the sockets of this look stay as they are, as long as no thread acts.
pub(super) fn is_quiet(look: &Look) -> bool {
    look.sockets.iter().all(|row| rests(row, look))
}

/// When the kernel next sends something without a call, if it will.
pub(super) fn next_try(look: &Look) -> Option<Duration> {
    let under_way = look.sockets.iter().filter(|row| !rests(row, look));
    let retransmits =
        |timer: &Timer| matches!(timer.kind, TimerKind::Retransmit | TimerKind::WindowProbe);
    let timers = under_way.filter_map(|row| row.timer.filter(retransmits));
    timers.map(|timer| timer.remaining).min()
}

/// Whether it takes the peer's window ([`Row::window`]) to say so.
pub(super) fn depends_on_windows(look: &Look) -> bool {
    look.sockets.iter().any(is_probing)
}

fn is_probing(row: &Row) -> bool {
    row.send_q > 0 && is_running(row, TimerKind::WindowProbe)
}

fn is_running(row: &Row, kind: TimerKind) -> bool {
    row.timer.is_some_and(|timer| timer.kind == kind)
}

fn rests(row: &Row, look: &Look) -> bool {
    match row.state {
        State::Listen | State::Close | State::TimeWait => true,
        // The kernel sends the SYN, or the SYN,ACK, again on a timer. It drops a SYN as long as the
        // accept queue is full.
        State::SynSent => look.sockets.iter().any(|other| is_full_for(other, row)),
        State::SynRecv => false,
        // A peer that does not read has closed its window: a probe brings no byte across, and no
        // segment is sent before it does (RFC 9293, 3.8.6.1).
        // If the peer has read all meanwhile, the next probe will find room.
        _ if is_probing(row) => row.window == Some(0) && has_unread(row, look),
        State::FinWait1 | State::Closing | State::LastAck => false,
        State::Established | State::CloseWait | State::FinWait2 => {
            let is_probed = row
                .timer
                .is_some_and(|timer| timer.kind == TimerKind::Keepalive && timer.remaining < FAR);
            row.send_q == 0
                && !is_running(row, TimerKind::Retransmit)
                && !is_probed
                && (has_its_peer(row, look) || !is_on_this_machine(row.peer))
        }
    }
}

/// Whether this is the listener to which the other socket connects, with a full accept queue.
fn is_full_for(listener: &Row, connecting: &Row) -> bool {
    let (at, to) = (listener.local, connecting.peer);
    let ip = at.ip().to_canonical();
    listener.state == State::Listen
        && listener
            .backlog
            .is_some_and(|backlog| listener.recv_q > backlog)
        && at.port() == to.port()
        && (ip.is_unspecified() || ip == to.ip().to_canonical())
}

/// Whether the peer has bytes that its program has not read. One on another machine may have.
fn has_unread(row: &Row, look: &Look) -> bool {
    let other = row.end().other();
    let mut rows = look.sockets.iter();
    rows.find(|row| other.is(row))
        .is_none_or(|row| row.recv_q > 0)
}

/// Where the other end of a connection is gone, its RST may be on the way.
fn has_its_peer(row: &Row, look: &Look) -> bool {
    let other = row.end().other();
    look.sockets.iter().any(|row| other.is(row))
}

fn is_on_this_machine(addr: SocketAddr) -> bool {
    addr.ip().to_canonical().is_loopback()
}
