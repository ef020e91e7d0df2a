//! Why the ends are where they are: which FIN has been sent and acknowledged, which waits and which
//! has not been sent follows from the states and the queues alone.

use std::io::ErrorKind;

use socket_workshop::table::State::{self, *};

use super::harness::{Handed, Rows, states};

use crate::exam::{Awaited, Call, Case, Seen, Stuck, diagnosis::SPINS};

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
        "Your thread is blocked in a write: it waits for the other end to read, and that end is in \
         your own hands. To fill a connection, use a write that does not block: \
         `set_nonblocking(true)`."
    } else if waits && hangs && case.is_blocked_in(&[Call::Read]) {
        "Your thread waits in a read for the other end's FIN. It has not been sent, or it waits \
         after data for which there is no room here. Shut the other end down first, and read all \
         of its data."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// What a `bring` can do wrong in any check.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    let spins = SPINS.of(case)?;
    let has_unread = |seen: &Seen| seen.row.state == CloseWait && seen.row.recv_q > 1;
    Some(match case.evidence.yours().any(has_unread) {
        true => format!(
            "{spins} Here an end has the other's FIN, and bytes before it that your code has not \
             read (Recv-Q). While they are there, `peek` and `poll` return immediately, and do not \
             show what comes after them: read to end of file, and discard what you read."
        ),
        false => spins,
    })
}

/// Whether an end in this state has the other end's FIN.
fn has_the_others_fin(state: State) -> bool {
    matches!(state, CloseWait | LastAck | Closing | TimeWait)
}

/// Whether no connection can be in these states, whatever is lost. CLOSED does not count: an end
/// without a row may have had any connection.
pub(super) fn is_impossible((client, server): (State, State)) -> bool {
    let lacks_a_fin = |state, others| {
        has_the_others_fin(state) && fin(others) == Some(Fin::NotSent)
            || fin(state) == Some(Fin::Acknowledged) && !has_the_others_fin(others)
    };
    lacks_a_fin(client, server)
        || lacks_a_fin(server, client)
        || (client, server) == (LastAck, LastAck)
}

/// Why no connection can be in these states.
pub(super) fn of_an_impossible_pair(asked: (State, State)) -> String {
    let ends = [
        ("client", "server", asked.0, asked.1),
        ("server", "client", asked.1, asked.0),
    ];
    let why = ends.into_iter().find_map(|(role, other, state, others)| {
        let (name, others_name) = (state.name(), others.name());
        if has_the_others_fin(state) && fin(others) == Some(Fin::NotSent) {
            Some(format!(
                "The {role} in {name} has the {other}'s FIN, and the {other} in {others_name} has \
                 not sent one."
            ))
        } else if fin(state) == Some(Fin::Acknowledged) && !has_the_others_fin(others) {
            Some(format!(
                "The {role} in {name} has an ACK for its FIN, and the {other} in {others_name} has \
                 not received one."
            ))
        } else {
            None
        }
    });
    let why = why.unwrap_or_else(|| {
        "An end in LAST_ACK received the other's FIN before it sent its own. That cannot be true \
         of both ends."
            .to_owned()
    });
    format!("{why} Return InvalidInput for each pair that you cannot reach.")
}

/// For an error where there should be none.
pub(super) fn of_an_error(kind: ErrorKind) -> Option<String> {
    let cause = match kind {
        ErrorKind::WouldBlock => {
            "Your code returned WouldBlock from a non-blocking stream. If it is the write that \
             fills the connection, that only says that it is full: go on. If it is a read, make \
             the stream blocking first: `set_nonblocking(false)`."
        }
        ErrorKind::NotConnected => {
            "Your code returned the error of a `shutdown` on a connection that has ended: both \
             FINs have passed, or a reset. Shut each end down once, and read its bytes before you \
             close it."
        }
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "The other end has sent a reset. A close with bytes unread sends one, and so does the \
             kernel for data that arrives at a closed end. Read to end of file before you close an \
             end, or use `shutdown` and keep the stream."
        }
        ErrorKind::InvalidInput => {
            "Your code refuses a pair of the table, or one of them the other way round. Exchange \
             the ends, reach the pair, and exchange them again."
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
        "`bring` has not returned the {role}. Dropping the last handle closes it, which sends a \
         FIN, or a reset if bytes are unread. An end stays in {state} only while it is open: \
         return it."
    ))
}

fn the_other_way_round(asked: (State, State), seen: (State, State)) -> Option<String> {
    let exchanged = asked.0 != asked.1 && seen == (asked.1, asked.0);
    if !exchanged {
        return None;
    }
    let that_is_in = |state| match asked.0 == state {
        true => "client",
        false => "server",
    };
    Some(if [asked.0, asked.1].contains(&Closing) {
        format!(
            "The states are exchanged. Both ends have sent their FIN, and the wrong one has the \
             other's: an end that reads to end of file lets the other's FIN in. Read at the {}, \
             which is to be in CLOSING, and not at the other end.",
            that_is_in(Closing)
        )
    } else if [asked.0, asked.1].contains(&TimeWait) {
        let first = that_is_in(TimeWait);
        format!(
            "The end that sends its FIN first keeps TIME_WAIT, and here that was the other end. \
             Shut down the {first} first; then read to end of file at the other end, and shut it \
             down."
        )
    } else {
        "The states are exchanged: the first state of the pair is the client's. Shut the other end \
         down first."
            .to_owned()
    })
}

/// Where one of the two, or both, have nothing but TIME_WAIT or no row.
fn at_the_end(asked: (State, State), seen: (State, State)) -> Option<String> {
    let cause = match (asked, seen) {
        ((Close, Close), (TimeWait, _) | (_, TimeWait)) => {
            "Both FINs have passed: after such a close the end that closed first keeps TIME_WAIT \
             for a minute. Only a reset leaves no row at either end: set SO_LINGER to 0 seconds, \
             then close."
        }
        ((Close, Close), _) => {
            "The connection has not ended. A reset ends it immediately and leaves no row: set \
             SO_LINGER to 0 seconds, then close the last handle."
        }
        (_, (Close, Close)) => {
            "A reset has ended the connection. An end that is closed with bytes unread sends one. \
             One with SO_LINGER of 0 seconds may send one too, and so does the kernel when data \
             arrives at an end that is closed, or that `shutdown` has closed in both directions. \
             Read all bytes before you close, or shut down the sending half and keep the stream."
        }
        ((TimeWait, TimeWait), (TimeWait, Close) | (Close, TimeWait)) => {
            "One end had the other's FIN before it sent its own, so only one has closed first. For \
             TIME_WAIT at both, shut each end down before the other's FIN arrives: write more than \
             fits before each FIN, so that both FINs wait."
        }
        ((TimeWait, Close) | (Close, TimeWait), (TimeWait, TimeWait)) => {
            "Each end sent its FIN before it had the other's: both have closed first. Wait for the \
             first FIN at the second end: read to end of file, then shut it down."
        }
        ((FinWait2, Closing), (FinWait2, LastAck)) | ((Closing, FinWait2), (LastAck, FinWait2)) => {
            "LAST_ACK: this end had the other's FIN before it sent its own. For CLOSING it must \
             send its own first: write more than fits before each FIN, so that both FINs wait. \
             Then read to end of file at this end."
        }
        ((FinWait2, LastAck), (FinWait2, Closing)) | ((LastAck, FinWait2), (Closing, FinWait2)) => {
            "CLOSING: this end sent its FIN before it had the other's. For LAST_ACK let the other \
             end's FIN arrive first: read to end of file at this end, and then shut it down."
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
        // No row beside TIME_WAIT: both FINs have passed. Otherwise a reset, and nothing follows.
        let seen = fin(seen).or(orderly.then_some(Fin::Acknowledged))?;
        match (fin(asked).unwrap_or(Fin::Acknowledged), seen) {
            (Fin::Waiting, Fin::Acknowledged) => Some(format!(
                "The {role}'s FIN was sent and acknowledged. To hold it back, write more data \
                 before it than the {other} has room for, and do not read at the {other}."
            )),
            (Fin::Acknowledged, Fin::Waiting) if alone => Some(format!(
                "The {role}'s FIN has been sent (Send-Q 1: no data is before it), and it is not \
                 acknowledged: one end does not receive segments. Remove the filter or option that \
                 drops them."
            )),
            (Fin::Acknowledged, Fin::Waiting) => Some(format!(
                "The {role}'s FIN is not acknowledged. If data waits before it (Send-Q), it is \
                 sent when the {other} has room: read at the {other} to end of file."
            )),
            (Fin::Waiting | Fin::Acknowledged, Fin::NotSent) => Some(format!(
                "The {role} has sent no FIN, and none waits: its sending half was not shut down, \
                 or it was dropped while another handle of it is open. Call \
                 `shutdown(Shutdown::Write)`."
            )),
            (Fin::NotSent, Fin::Waiting | Fin::Acknowledged) => Some(format!(
                "The {role} was shut down or closed. Keep it open: its state needs an end that has \
                 sent no FIN."
            )),
            _ => None,
        }
    });
    let causes: Vec<String> = causes.collect();
    match causes.is_empty() {
        true => arrived_all_the_same(asked, seen),
        false => Some(causes.join(" ")),
    }
}

/// An end that was to have no FIN has the other's, whose ACK is still under way.
fn arrived_all_the_same(asked: (State, State), seen: (State, State)) -> Option<String> {
    let (role, other) = match (asked, seen) {
        ((Established, _), (CloseWait, _)) => ("client", "server"),
        ((_, Established), (_, CloseWait)) => ("server", "client"),
        _ => return None,
    };
    Some(format!(
        "The {other}'s FIN has arrived at the {role}. One that is lost is sent again. To hold it \
         back, write more data before it than the {role} has room for, and do not read at the \
         {role}."
    ))
}
