//! Why the ends are where they are: which FIN has been sent and acknowledged, which waits and which
//! has not been sent follows from the states and the queues alone.

use std::io::ErrorKind;

use socket_workshop::table::State::{self, *};

use super::call::{Handed, Rows, states};

use crate::exam::{Awaited, Call, Case, Stuck};

/// What has become of an end's own FIN.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fin {
    NotSent,
    /// In the send buffer, or on its way: the other end has not acknowledged it.
    Waiting,
    Acknowledged,
}

/// The FIN that an end in this state has sent. Without a row it cannot be known.
fn fin(state: State) -> Option<Fin> {
    match state {
        Established | CloseWait => Some(Fin::NotSent),
        FinWait1 | Closing | LastAck => Some(Fin::Waiting),
        FinWait2 | TimeWait => Some(Fin::Acknowledged),
        _ => None,
    }
}

/// For a `bring` that does not return.
pub(super) fn of_no_end(case: &Case) -> Option<String> {
    let waits = case.awaited == Awaited::Return;
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_)));
    let cause = if waits && case.is_blocked_in(&[Call::Write]) {
        "A write that blocks waits until there is room for all, and the other end, which would have to \
         read, is in your own hands. To fill a connection, let the write not block: \
         `set_nonblocking(true)`."
    } else if waits && hangs && case.is_blocked_in(&[Call::Read]) {
        "Your thread waits in a read, and nothing comes any more. The end of file comes with the other \
         end's FIN: that has not been sent, or it stands behind data for which there is no room here."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// Why these states cannot be, the client's being CLOSE_WAIT.
pub(super) fn of_what_cannot_be(asked: (State, State)) -> String {
    let servers = if asked.1 == CloseWait {
        "the server in CLOSE_WAIT has not sent the FIN that the client has"
    } else {
        "the server in LAST_ACK has the client's FIN, which the client has not sent"
    };
    format!("The client in CLOSE_WAIT has the server's FIN and has not sent its own; {servers}.")
}

/// For an error where there should be none.
pub(super) fn of_an_error(kind: ErrorKind) -> Option<String> {
    let cause = match kind {
        ErrorKind::WouldBlock => {
            "A call on a non-blocking stream had nothing to do. If it is the write that fills: that is \
             not a failure but the sign that it is full. If it is a read: let it wait again, by \
             `set_nonblocking(false)`."
        }
        ErrorKind::NotConnected => {
            "A `shutdown` on a connection that has ended already: both FINs have passed, or a RST."
        }
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "The other end has been closed before. Closed with bytes unread it sends RST; and what is \
             written to an end that is closed is answered by one."
        }
        ErrorKind::InvalidInput => {
            "This pair is one of those in the rules, or one of them the other way round."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// For states that are not those that were asked for.
pub(super) fn of_other_states(
    asked: (State, State),
    rows: &Rows,
    handed: &Handed,
) -> Option<String> {
    let seen = states(rows);
    not_handed_back(asked, seen, handed)
        .or_else(|| the_other_way_round(asked, seen))
        .or_else(|| at_the_end(asked, seen))
        .or_else(|| of_the_fins(asked, rows))
}

/// An end whose program must not close it, and has.
fn not_handed_back(asked: (State, State), seen: (State, State), handed: &Handed) -> Option<String> {
    let ends = [
        ("client", asked.0, seen.0, &handed.client),
        ("server", asked.1, seen.1, &handed.server),
    ];
    let open = |state| fin(state) == Some(Fin::NotSent);
    let (role, state, ..) = ends
        .into_iter()
        .find(|(_, asked, seen, stream)| open(*asked) && !open(*seen) && stream.is_none())?;
    Some(format!(
        "`bring` has not handed the {role} back: with its last handle it was closed, and that sends a \
         FIN, or a RST if bytes are unread. An end is in {state} as long as its program keeps it."
    ))
}

fn the_other_way_round(asked: (State, State), seen: (State, State)) -> Option<String> {
    let exchanged = asked.0 != asked.1 && seen == (asked.1, asked.0);
    if !exchanged {
        return None;
    }
    Some(if [asked.0, asked.1].contains(&TimeWait) {
        let first = if asked.0 == TimeWait {
            "client"
        } else {
            "server"
        };
        format!(
            "TIME_WAIT is for the end whose FIN goes first, and here that was the other one's. Shut down \
             the {first}; then let the other end read to the end of file, and close."
        )
    } else {
        "That is the other way round: the first state of the pair is the client's.".to_owned()
    })
}

/// Where one of the two, or both, have nothing but TIME_WAIT or no row.
fn at_the_end(asked: (State, State), seen: (State, State)) -> Option<String> {
    let cause = match (asked, seen) {
        ((Close, Close), (TimeWait, _) | (_, TimeWait)) => {
            "Both FINs have passed: that is an orderly close, and the end whose FIN went first waits a \
             minute. Only a RST leaves no row at either end: SO_LINGER of 0 seconds, and then close."
        }
        ((Close, Close), _) => {
            "The connection has not ended. What ends it at once and leaves no row is a RST: SO_LINGER of \
             0 seconds, and then close the last handle."
        }
        (_, (Close, Close)) => {
            "A RST has ended the connection: after an orderly close one end at least is in TIME_WAIT. An \
             end that is closed with bytes unread sends one, and so does one with SO_LINGER of 0 seconds; \
             and so does the kernel when data come for an end that is closed."
        }
        ((TimeWait, TimeWait), (TimeWait, Close) | (Close, TimeWait)) => {
            "One end had the other's FIN before it sent its own, so only one has closed first. For \
             TIME_WAIT at both each must shut down before the other's FIN has come: while that stands \
             behind data."
        }
        ((TimeWait, Close) | (Close, TimeWait), (TimeWait, TimeWait)) => {
            "Each end sent its FIN before it had the other's: both have closed first. Let the second wait \
             for the first one's FIN: read to the end of file."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

fn of_the_fins(asked: (State, State), rows: &Rows) -> Option<String> {
    let seen = states(rows);
    let ends = [
        ("client", "server", asked.0, seen.0, &rows[0]),
        ("server", "client", asked.1, seen.1, &rows[1]),
    ];
    let orderly = [seen.0, seen.1].contains(&TimeWait);
    let causes = ends.into_iter().filter_map(|(role, other, asked, seen, row)| {
        let alone = row.as_ref().is_some_and(|row| row.send_q == 1);
        // No row beside TIME_WAIT: both FINs have passed. Otherwise a RST, of which it cannot be told.
        let seen = fin(seen).or(orderly.then_some(Fin::Acknowledged))?;
        match (fin(asked).unwrap_or(Fin::Acknowledged), seen) {
            (Fin::Waiting, Fin::Acknowledged) => Some(format!(
                "The {role}'s FIN was sent, and acknowledged. For it to wait there must be more data in \
                 front of it than the {other} has room for, and the {other} must not read them."
            )),
            (Fin::Acknowledged, Fin::Waiting) if alone => Some(format!(
                "The {role}'s FIN has been sent (Send-Q 1: nothing is in front of it), and no ACK of it has \
                 come. Something keeps segments from one of the ends: a filter?"
            )),
            (Fin::Acknowledged, Fin::Waiting) => Some(format!(
                "The {role}'s FIN is not acknowledged. If data stand in front of it (Send-Q), it goes when \
                 the {other} has read them: to the end of file."
            )),
            (Fin::Waiting | Fin::Acknowledged, Fin::NotSent) => Some(format!(
                "No FIN of the {role}'s has been sent, and none waits: its sending half has not been shut \
                 down, or it was dropped while another handle of it lives."
            )),
            (Fin::NotSent, Fin::Waiting | Fin::Acknowledged) => Some(format!(
                "The {role} has shut down, or was closed, and was to do neither."
            )),
            _ => None,
        }
    });
    let causes: Vec<String> = causes.collect();
    (!causes.is_empty()).then(|| causes.join(" "))
}
