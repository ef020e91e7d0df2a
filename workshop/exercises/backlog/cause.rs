//! What the answer has done with a client instead of serving it, by what the kernel shows.

use std::net::SocketAddr;

use socket_workshop::table::{End, State};

use super::server::{self, Server};

use crate::exam::{Call, Case, Doing, Owner, Seen, Stuck};

/// More calls of `handle` at once than workers.
pub(super) fn too_many_at_work(calls: usize, workers: usize) -> String {
    let how = if calls == workers + 1 {
        "Your code handles one client more than there are workers. Either a limit in your code is \
         one too high (`<=` instead of `<`), or the thread that has called `serve` handles clients \
         too: it counts."
    } else {
        "More threads of yours handle clients than there are workers. Most likely your code starts \
         a thread for each client: with each burst their number grows."
    };
    format!(
        "{how} Start one thread for each worker, once, and let each accept its next client itself."
    )
}

/// Clients have been accepted and closed, and `handle` was not called.
pub(super) const TURNED_AWAY: &str = "Your code accepted clients while all workers were busy, and \
     closed them. Leave clients in the accept queue, where they can wait. Call accept only when a \
     worker is free.";

/// All workers are busy, and not with the client whose turn it is.
const OTHERS_FIRST: &str = "The client waits in the accept queue, and every worker handles \
     another. The queue is in the order of arrival. Either your code took a later client from \
     elsewhere, or a worker still waits for a client that has closed. Let each free worker call \
     accept.";

/// Why this client has not been served.
pub(super) fn not_served(server: &Server, case: &Case, client: SocketAddr) -> Option<String> {
    if server.answer.has_ended() {
        return Some(why_ended(server, case));
    }
    let (now, workers) = (server.desk.now(), server.workers);
    let end = End::between(server.addr, client);
    let mut sockets = case.evidence.sockets.iter();
    let cause = match sockets.find(|seen| seen.row.end() == end) {
        Some(Seen {
            owner: Owner::Yours(fd),
            ..
        }) if reads(case, *fd) => format!(
            "Your thread waits in a read on this connection (fd {fd}) before it calls `handle`. A \
             client need not send anything first: pass the stream to `handle` as soon as accept \
             has returned it."
        ),
        Some(Seen {
            owner: Owner::Yours(fd),
            ..
        }) => format!(
            "The connection has been accepted (fd {fd}), and `handle` has not been called with it: \
             {now} of {workers} workers handle a client. It waits in a list or a channel of your \
             code. Call `handle` in the thread that accepts."
        ),
        Some(seen)
            if seen.row.state == State::Established || seen.row.state == State::CloseWait =>
        {
            let at_work = match now {
                0 => "none handles a client".to_owned(),
                1 if workers > 1 => "only one handles a client".to_owned(),
                _ if now < workers => format!("only {now} handle a client"),
                _ => return Some(OTHERS_FIRST.to_owned()),
            };
            format!(
                "The client waits in the accept queue, and of {workers} worker{} {at_work}. {}",
                if workers == 1 { "" } else { "s" },
                why_not_accepted(case, now, workers)
            )
        }
        _ => "Your end has closed the connection without calling `handle` with it. Leave clients \
              in the accept queue until a worker is free."
            .to_owned(),
    };
    Some(cause)
}

/// Whether a thread waits for bytes on this descriptor.
fn reads(case: &Case, fd: i32) -> bool {
    let read = Doing::Blocked {
        call: Call::Read,
        fd: Some(fd),
    };
    case.evidence.threads.contains(&read)
}

/// Whether it is proven that the threads run without moving a byte.
fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

/// No thread accepts, though one should.
fn why_not_accepted(case: &Case, now: usize, workers: usize) -> &'static str {
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
        "Your loop runs again and again without accepting it."
    } else if case.is_blocked_in(&[Call::Accept, Call::Poll]) {
        "A thread waits in accept or poll nevertheless: perhaps on another socket."
    } else if now > 0 && threads.len() == now {
        "There is no other thread. Either the thread that accepts calls `handle` itself, so that \
         no thread accepts meanwhile, or the other workers have ended. Start a thread for each \
         worker, and let each accept in a loop."
    } else if for_others > 0 && threads.len() > workers {
        "A worker that is free waits for something other than a client (futex): for a lock that \
         another thread holds while `handle` runs, for its turn, or for the end of another client. \
         Several threads may call accept on one listener, without a lock and in any order."
    } else if for_others > 0 {
        "The threads that do not handle a client wait for a lock or for a thread (futex). Either \
         other workers have ended, for example after an error of `handle`; or your code waits for \
         one particular client before it accepts the next, such as the oldest or the last of a \
         batch, or still counts a client that is over. Let each worker accept in a loop that only \
         an error of accept ends."
    } else {
        "No thread calls accept."
    }
}

fn why_ended(server: &Server, case: &Case) -> String {
    let ended = server.answer.returns("");
    let why = match ended.ok() {
        _ if case.panicked => {
            "An `unwrap` or `expect` turned the error of one client into a panic."
        }
        Some(Err(error))
            if error.raw_os_error().is_some() || server::ERRORS.contains(&error.kind()) =>
        {
            "It returned the error of one client. That error ends the connection of this client: \
             let the worker take the next."
        }
        _ => "It may return only when the listener fails.",
    };
    format!("`serve` has ended, so no thread accepts the clients that come later. {why}")
}

/// `handle` has returned, and the client's connection is still open.
pub(super) fn not_closed(case: &Case, end: End) -> Option<String> {
    let mut yours = case.evidence.yours();
    let seen = yours.find(|seen| seen.row.end() == end)?;
    let Owner::Yours(fd) = seen.owner else {
        return None;
    };
    let is_read = seen.row.state == State::CloseWait && seen.row.recv_q == 0;
    (is_read && !case.panicked).then(|| {
        format!(
            "`handle` has returned and closed its stream, but fd {fd} of this connection is still \
             open, so the kernel sends no FIN: your code keeps a clone (`try_clone`). Pass the \
             stream to `handle`, and keep no clone."
        )
    })
}

/// Two workers are busy, three clients wait, and your code has accepted or closed some of these.
pub(super) fn taken_too_early(server: &Server, case: &Case) -> Option<String> {
    let (now, workers) = (server.desk.now(), server.workers);
    let mut sockets = case.evidence.sockets.iter();
    if now > workers {
        return Some(too_many_at_work(now, workers));
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
        "one connection"
    } else {
        "connections"
    };
    Some(format!(
        "Your code has accepted {are} for which no worker is free. It accepts first, and then \
         waits for a worker, or leaves the client to the workers in a channel or a list. Even with \
         `sync_channel(0)` one client is accepted too early: the thread that accepts holds it \
         until a worker is free. A client that waits there costs a descriptor of your process. Let \
         the thread that calls `handle` call accept too: then the kernel's queue is the only one."
    ))
}

/// accept has failed, and `serve` returns another error.
pub(super) const RETURNS_A_CLIENTS_ERROR: &str = "`serve` returned the error of a client, and \
     accept has failed with another one. An error of `handle` ends that client only, and does not \
     say why this server stops. Keep no error of `handle`: return that of accept.";

/// accept fails, and `serve` has not returned the error.
pub(super) fn goes_on_without_a_listener(server: &Server, case: &Case) -> Option<String> {
    let cause = if case.panicked {
        "An `unwrap` or `expect` turned the error of accept into a panic. Return it: the caller \
         must know."
    } else if server.answer.has_ended() {
        "Your code dropped the error of accept: a worker left its loop as if there were no more \
         clients, or the error is in the result of a thread's `join` that your code ignores. \
         Return it."
    } else if spins(case) {
        "The socket no longer listens. Your loop calls accept again and again, and each call fails \
         immediately. Return the error."
    } else if case.is_blocked_in(&[Call::Sleep]) {
        "The socket no longer listens, and your thread sleeps before it tries again. Return the \
         error."
    } else if case.is_blocked_in(&[Call::Lock]) {
        "accept has failed, and your threads wait for one another (futex): the thread that accepts \
         has ended, and the others still wait for clients from it. Drop the last sender of the \
         channel, or let each worker accept itself."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
