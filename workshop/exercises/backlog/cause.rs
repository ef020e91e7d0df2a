//! What the answer has done with a client instead of serving it, by what the kernel shows.

use std::net::SocketAddr;

use socket_workshop::table::{End, State};

use super::server::Server;

use crate::exam::{Call, Case, Doing, Seen, Stuck, Whose};

/// More calls of `handle` at once than workers.
pub(super) const TOO_MANY_AT_WORK: &str = "A thread is started for each client, or more of them than there \
     are workers: a burst of clients is then a burst of threads. Start as many as there are workers, \
     once, and let each accept its next client itself.";

/// Clients have been accepted and closed, and `handle` was not called.
pub(super) const TURNED_AWAY: &str = "Clients that came while all workers were busy have been accepted and \
     closed. In the queue they would have waited; who is turned away is lost. Call accept only when a \
     worker is free.";

/// All workers are busy, and not with the client whose turn it is.
const OTHERS_FIRST: &str = "The client waits in the accept queue, and every worker is at work with another. \
     The queue is in the order of arrival: somebody who came later has been taken from elsewhere, or a \
     worker still waits for a client that has closed.";

/// Why this client's turn has not come.
pub(super) fn not_served(server: &Server, case: &Case, client: SocketAddr) -> Option<String> {
    if server.answer.has_ended() {
        return Some(why_ended(server, case));
    }
    let (now, workers) = (server.desk.now(), server.workers);
    let end = End::between(server.addr, client);
    let mut sockets = case.evidence.sockets.iter();
    let cause = match sockets.find(|seen| seen.row.end() == end) {
        Some(Seen { whose: Whose::Yours(fd), .. }) => format!(
            "The connection has been accepted (fd {fd}), and `handle` has not been called with it: {now} \
             of {workers} workers are at work. It waits in a list or a channel of yours, behind others or \
             for a thread that is not free."
        ),
        Some(seen) if seen.row.state == State::Established || seen.row.state == State::CloseWait => {
            let at_work = match now {
                0 => "none is at work".to_owned(),
                1 if workers > 1 => "only one is at work".to_owned(),
                _ if now < workers => format!("only {now} are at work"),
                _ => return Some(OTHERS_FIRST.to_owned()),
            };
            format!(
                "The client waits in the accept queue, and of {workers} worker{} {at_work}. {}",
                if workers == 1 { "" } else { "s" },
                why_not_accepted(case, now)
            )
        }
        _ => "Your end has closed the connection, and `handle` was not called with it: whoever comes is to \
              wait until a worker is free, not to be turned away."
            .to_owned(),
    };
    Some(cause)
}

/// Whether it is proven that the threads run without moving a byte.
fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

/// Nobody accepts, though somebody should.
fn why_not_accepted(case: &Case, now: usize) -> &'static str {
    let threads = &case.evidence.threads;
    let waits = |doing: &&Doing| {
        matches!(
            doing,
            Doing::Blocked {
                call: Call::Lock,
                ..
            }
        )
    };
    let for_others = threads.iter().filter(waits).count();
    if case.panicked {
        "A thread has panicked."
    } else if spins(case) {
        "Your thread is running, and does not get it from accept."
    } else if case.is_blocked_in(&[Call::Accept, Call::Poll]) {
        "A thread waits in accept or in poll all the same: of another socket, perhaps."
    } else if now > 0 && threads.len() == now {
        "No other thread is there: the one that accepts calls `handle` itself, so that nobody accepts \
         meanwhile, or the other workers have ended."
    } else if for_others > 0 {
        "Others of your threads wait for a lock or for a thread (futex). Either a lock is held while \
         `handle` runs, and only its holder may accept; or a batch of clients is waited for to the last \
         before the next are accepted."
    } else {
        "None of your threads calls accept."
    }
}

fn why_ended(server: &Server, case: &Case) -> String {
    let ended = server.answer.returns("");
    let why = match ended.ok() {
        _ if case.panicked => {
            "It panicked: an `unwrap` or `expect` makes a panic of a client's error."
        }
        Some(Err(error)) if error.raw_os_error().is_some() => {
            "It has returned the error of one client, which `handle` returned: that is the end of that \
             client's connection. The worker takes the next."
        }
        _ => "It ends only when the listener fails.",
    };
    format!("`serve` has ended, so nobody accepts the clients that come after. {why}")
}

/// Two workers are busy, three clients wait, and something has been done about these.
pub(super) fn taken_too_early(server: &Server, case: &Case) -> Option<String> {
    let (now, workers) = (server.desk.now(), server.workers);
    let mut sockets = case.evidence.sockets.iter();
    if now > workers {
        return Some(TOO_MANY_AT_WORK.to_owned());
    }
    let closed = |seen: &Seen| {
        seen.row.peer == server.addr && matches!(seen.row.state, State::CloseWait | State::TimeWait)
    };
    if sockets.any(closed) {
        return Some(TURNED_AWAY.to_owned());
    }
    let accepted = case.evidence.yours();
    let accepted = accepted.filter(|seen| seen.row.state == State::Established);
    let accepted = accepted
        .count()
        .checked_sub(workers)
        .filter(|more| *more > 0)?;
    let are = if accepted == 1 {
        "One connection has"
    } else {
        "Connections have"
    };
    Some(format!(
        "{are} been accepted for which no worker is free: a thread that only accepts hands over to the \
         workers, by a channel or a list, and is ahead of them. Whoever waits there costs a descriptor of \
         your process, and no limit but memory; a channel without room is ahead by one still. Let the \
         thread that will serve be the one that accepts: then the kernel's queue is the only one."
    ))
}

/// accept fails, and `serve` has not said so.
pub(super) fn goes_on_without_a_listener(server: &Server, case: &Case) -> Option<String> {
    let cause = if case.panicked {
        "An `unwrap` or `expect` makes a panic of accept's error. It is the caller's to know: return it."
    } else if server.answer.has_ended() {
        "Accept's error was lost: a worker's loop was left as if there were no more clients (a listener has \
         no end of file), or the error is in the result of a thread's `join`, and nobody looked at it. \
         Return it."
    } else if spins(case) {
        "The socket does not listen any more, and your thread is running: it calls accept again and again, \
         which fails at once each time. Return the error."
    } else if case.is_blocked_in(&[Call::Sleep]) {
        "The socket does not listen any more, and your thread sleeps, as if that would pass: return the \
         error."
    } else if case.is_blocked_in(&[Call::Lock]) {
        "accept has failed, and your threads wait for one another (futex): who accepts has ended, and the \
         others still wait for what it would have given them."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
