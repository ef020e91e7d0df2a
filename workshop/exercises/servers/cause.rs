//! What a server on one thread can do wrong, by what the kernel shows of its connections.

use socket_workshop::table::{End, State};

use super::serving::Serving;

use crate::exam::{
    Call, Case, Doing, Owner, Seen, Stuck,
    diagnosis::{
        PANICS_ON_AN_ERROR, RETURNS_AT_A_SIGNAL, SPINS_AT_END_OF_FILE, WRITES_THE_WHOLE_BUFFER,
        first_of,
    },
};

pub(super) const ANSWERS_A_PART: &str = "Something came back before the newline did. A read \
     returns what has arrived, and a line may arrive in any number of pieces. Keep what is \
     unfinished with its client, and answer when the newline has come.";

pub(super) const STARTS_THREADS: &str = "Your code starts threads. A thread for each client is \
     another design: here one thread waits for all of them, in poll. So a client costs a few \
     hundred bytes, and no thread.";

pub(super) const KEEPS_A_LONG_LINE: &str = "Your code keeps a line that does not end, or waits for \
     the rest of it. A client could send gigabytes without a newline, and your server would keep \
     them. Close the connection as soon as more than 64 KiB are there without a newline.";

pub(super) const SKIPS_A_LONG_LINE: &str = "A line of 65537 bytes got no answer, and its connection \
     is still open. Its newline came in the same read as its last bytes. Close the connection of a \
     line that is too long, whether its newline has come or not.";

pub(super) const ANSWERS_A_LONG_LINE: &str = "A line of 65537 bytes was answered. Its newline came \
     in the same read as its last bytes, and your code looks at the length of what is left after \
     the last newline only. Compare the length of each whole line too.";

pub(super) const TAKES_TOO_MUCH: &str = "Your code reads on although the client does not read its \
     answers, and keeps them. One such client can use up the memory of the server. Do not read \
     from a client while answers to it are left, also in a loop that reads until WouldBlock: its \
     bytes then wait in the kernel, whose window closes and holds the client back.";

pub(super) const STOPS_TOO_LATE: &str = "Your code stops reading from a client that does not read \
     its answers, but it holds more than 1 MiB by then. The answers, the part of a line, and what \
     one more read may bring count together: read only while all of that is at most 1 MiB, also in \
     a loop that reads until WouldBlock. A client may send faster than your code reads. It is \
     enough to read once from a client when all its answers are sent.";

pub(super) const LEAVES_A_DESCRIPTOR: &str = "The function has returned, and a descriptor is still \
     open: a connection, the listener, or a descriptor to wait with, such as an epoll instance. \
     Look for `mem::forget`, a `static`, or a clone that is not dropped.";

/// `serve` has returned or panicked before the stop.
pub(super) fn has_ended(serving: &Serving, case: &Case) -> Option<String> {
    if case.panicked {
        return Some(panics(case));
    }
    serving.is_over().then(|| {
        "`serve` has returned before the stop, and all clients have lost their connections. What \
         a single client does, and an error of its connection, must end that connection only: \
         remove the client, and go on."
            .to_owned()
    })
}

fn panics(case: &Case) -> String {
    let other_panic = (PANICS_ON_AN_ERROR.excludes)(case);
    if other_panic { PANICS } else { UNWRAPS }.to_owned()
}

const UNWRAPS: &str = "Your code has panicked, and all clients have lost their connections. A reset \
     by a client is an ordinary error of `read` and `write`, and `unwrap` turns it into a panic. \
     Remove this client, and go on.";

const PANICS: &str = "Your code has panicked, and all clients have lost their connections. A \
     client decides what arrives and when, so nothing that it does may cause a panic. Look for an \
     `unwrap`, an index, or arithmetic that overflows.";

/// The accept queue is full.
pub(super) fn not_accepted(serving: &Serving, case: &Case) -> Option<String> {
    has_ended(serving, case).or_else(|| {
        let (call, _) = blocked(case)?;
        Some(format!(
            "The accept queue is full, so the kernel drops the SYNs of new clients, and your \
             thread waits in {call}. Ask poll about the listener each time, however many clients \
             are connected, and accept each client that waits."
        ))
    })
}

/// The server's end of a connection, if the answer still has it.
fn yours(case: &Case, end: End) -> Option<&Seen> {
    let mut yours = case.evidence.yours();
    yours.find(|seen| seen.row.end() == end)
}

fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

/// Where the answer's thread is blocked.
fn blocked(case: &Case) -> Option<(Call, Option<i32>)> {
    let mut threads = case.evidence.threads.iter();
    threads.find_map(|doing| match doing {
        Doing::Blocked { call, fd } => Some((*call, *fd)),
        _ => None,
    })
}

/// A client did not get its answer.
pub(super) fn not_answered(serving: &Serving, case: &Case, end: End) -> Option<String> {
    if let Some(ended) = has_ended(serving, case) {
        return Some(ended);
    }
    if !case.wanted.starts_with(&case.arrived) {
        return Some(other_bytes(case));
    }
    let mut sockets = case.evidence.sockets.iter();
    let seen = sockets.find(|seen| seen.row.end() == end);
    let open = |seen: &&Seen| matches!(seen.row.state, State::Established | State::CloseWait);
    let Some(seen) = seen.filter(open) else {
        return Some(CLOSES_TOO_EARLY.to_owned());
    };
    if spins(case) {
        return None;
    }
    let (call, fd) = blocked(case)?;
    let Owner::Yours(own) = seen.owner else {
        return Some(format!(
            "The connection waits in the accept queue, and your thread waits in {call}. {}",
            instead_of(call)
        ));
    };
    let unread = seen.row.recv_q;
    Some(match call {
        Call::Read if fd == Some(own) => format!(
            "Your thread waits in a read on this connection (fd {own}): it has read what has come, \
             and waits for more before it answers, or before it serves another client. {}",
            instead_of(call)
        ),
        Call::Poll if unread > 0 => format!(
            "{unread} bytes of the client are unread in your socket's Recv-Q, and your thread \
             waits in poll: poll is not asked about this connection, or for the wrong event. While \
             answers are left, ask for POLLOUT, else for POLLIN. If you ask for changes only \
             (EPOLLET), read until WouldBlock each time."
        ),
        Call::Poll if seen.row.send_q == 0 => {
            "Your code has read all that the client has sent (Recv-Q is 0), it has not sent the \
             whole answer (Send-Q is 0), and your thread waits in poll. Either answers are left, \
             and poll is asked for POLLIN only: ask for POLLOUT while something is left to send. \
             Or whole lines stay in your buffer: answer each line that a read completes, and after \
             it search the rest from its first byte. Or your code has lost bytes that it has \
             read, or that the kernel did not take: `write` returns how many bytes it has taken: \
             keep the others."
                .to_owned()
        }
        Call::Poll => return None,
        _ => format!(
            "Your thread waits in {call}{}, and this client waits for its answer. {}",
            fd.map(|fd| format!(" on fd {fd}")).unwrap_or_default(),
            instead_of(call)
        ),
    })
}

/// What to do instead of waiting in this call.
fn instead_of(call: Call) -> &'static str {
    match call {
        Call::Read => {
            "One thread serves all clients, so it may wait in poll only. Make each connection \
             non-blocking, read what is there, and keep an unfinished line with its client."
        }
        Call::Write => {
            "One thread serves all clients, so it may wait in poll only. Make each connection \
             non-blocking (`set_nonblocking`: accepted connections do not inherit it), write what \
             there is room for, and keep the rest until poll reports POLLOUT."
        }
        Call::Accept => {
            "One thread serves all clients, so it may wait in poll only: make the listener \
             non-blocking, and call accept when poll reports it."
        }
        Call::Sleep => "Let poll wait: it returns as soon as something has arrived.",
        Call::Close => {
            "One thread serves all clients, so it may wait in poll only. With SO_LINGER of some \
             seconds a close waits until the client has acknowledged everything, on a non-blocking \
             socket too. Set no SO_LINGER: the kernel sends what is written after the close, too."
        }
        Call::Lock => "The thread waits for another one. One thread is enough here.",
        _ => "Ask poll about `stop`, the listener and every connection, each time.",
    }
}

/// Other bytes have come than the answer.
fn other_bytes(case: &Case) -> String {
    if let Some(whole_buffer) = first_of(&[WRITES_THE_WHOLE_BUFFER], case) {
        return whole_buffer;
    }
    let (arrived, wanted) = (&case.arrived, &case.wanted);
    let reversed_with_its_end =
        |answer: &[u8]| arrived.len() == wanted.len() && arrived[1..] == answer[..answer.len() - 1];
    if arrived.starts_with(b"\n") && reversed_with_its_end(wanted) {
        return "The newline came first. It ends the answer: reverse the bytes before it only."
            .to_owned();
    }
    let words = "What came back is not the answer. Reverse the bytes before each newline, and no \
         others: not the newline, not several lines as one, not the characters of a text. Keep the \
         bytes of each client apart. `write` may take a part only: keep the rest, in its order.";
    words.to_owned()
}

const CLOSES_TOO_EARLY: &str = "Your code has closed the connection, and the client still waits \
     for answers. Close it only at an error, or when end of file has come (`read` returns Ok(0)) \
     and every answer is sent. WouldBlock is not an error of the connection: it says that \
     there is nothing to read now, or no room to write. A close with bytes unread sends a RST.";

/// A client has half-closed and got no end of file.
pub(super) fn not_closed(serving: &Serving, case: &Case, end: End) -> Option<String> {
    if let Some(ended) = has_ended(serving, case) {
        return Some(ended);
    }
    if !case.arrived.is_empty() {
        return Some(
            "The client has half-closed, and got more bytes than the answers. A part of a line \
             without its newline gets no answer."
                .to_owned(),
        );
    }
    let Some(seen) = yours(case, end) else {
        return Some(
            "The client got a reset, and no end of file: a socket that is closed with bytes unread \
             sends RST, and so does one with SO_LINGER of zero. Read to end of file, then close."
                .to_owned(),
        );
    };
    if spins(case) {
        return (seen.row.state == State::CloseWait).then(|| SPINS_AT_END_OF_FILE.words.to_owned());
    }
    (seen.row.state == State::CloseWait).then(|| {
        "The client has sent its FIN (CLOSE_WAIT), and your code has not closed the connection. \
         End of file is an event for POLLIN: `read` returns Ok(0). Send the answers that are left, \
         then drop the stream. `shutdown` and a clone that is still open do not close it."
            .to_owned()
    })
}

/// A client has not been served up to a line of this length.
pub(super) fn closes_at_a_long_line(case: &Case, length: usize) -> Option<String> {
    let closed = case.yours().is_none() && !case.panicked && case.arrived.is_empty();
    closed.then(|| {
        format!(
            "Your code has closed the connection at a line of {length} bytes. Lines of up to 65536 \
             bytes are to be served; the newline does not count, and neither do bytes after it."
        )
    })
}

/// `serve` has ended after a signal.
pub(super) fn ends_at_a_signal(case: &Case) -> Option<String> {
    if case.has_returned_ok() {
        return Some(
            "`serve` has returned Ok at a signal, as if `stop` were readable. A signal interrupts \
             poll (EINTR), and says nothing about its descriptors: call poll again."
                .to_owned(),
        );
    }
    first_of(&[RETURNS_AT_A_SIGNAL, PANICS_ON_AN_ERROR], case)
}

/// `serve` does not return at the stop.
pub(super) fn does_not_stop(case: &Case) -> Option<String> {
    if case.panicked {
        return Some(PANICS.to_owned());
    }
    if spins(case) {
        return Some(
            "`stop` is readable, and your loop runs on without waiting: poll reports `stop` each \
             time. Return when it does, whatever else is ready."
                .to_owned(),
        );
    }
    let (call, _) = blocked(case)?;
    Some(format!(
        "`stop` is readable, and your thread waits in {call}. Ask poll about `stop` each time, \
         return as soon as it is readable, and wait for no client before."
    ))
}

const SPINS: &str = "Your loop runs without waiting. Either poll returns immediately each time, \
     because it reports an event to which your code does not react: POLLOUT while nothing is \
     left to send, POLLIN or POLLRDHUP after end of file or while you do not read (POLLRDHUP: the \
     peer has sent its FIN), or an error (POLLERR, POLLHUP). Or your code tries a call again and \
     again after WouldBlock. Or it does not call poll, or gives it a timeout of zero.";

/// What the evidence alone shows, whatever the check is about.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    (spins(case) && !case.panicked).then(|| SPINS.to_owned())
}

/// The thread does not wait although nothing can be done, or wakes up for nothing.
pub(super) fn does_not_rest(serving: &Serving, case: &Case, spins: bool) -> Option<String> {
    if let Some(ended) = has_ended(serving, case) {
        return Some(ended);
    }
    let words = match spins {
        true => SPINS,
        false => {
            "Your code waits with a timeout, or sleeps between two looks. It wakes up for nothing, \
             and during a sleep what arrives must wait. Call poll without a timeout \
             (PollTimeout::NONE): it returns when something happens."
        }
    };
    Some(words.to_owned())
}

/// A connection is over, and a descriptor of it is still open.
pub(super) fn keeps_a_descriptor(serving: &Serving, case: &Case) -> Option<String> {
    has_ended(serving, case).or_else(|| {
        Some(
            "The connection is over, and a descriptor of it is still open. Remove the client from \
             your list when a read returns Ok(0) or an error, and drop its stream: `shutdown` \
             closes no descriptor, a clone keeps one, and so does an entry that is never removed. \
             A server that leaks one descriptor per client eventually runs out."
                .to_owned(),
        )
    })
}

/// A reset has ended more than its connection.
pub(super) fn ends_at_a_reset(serving: &Serving, case: &Case) -> Option<String> {
    if case.panicked {
        return Some(panics(case));
    }
    serving.is_over().then(|| {
        "`serve` has returned at the reset of one client. A call on its connection has failed: a \
         read (ECONNRESET), a write (EPIPE, too), or one such as `peer_addr` (ENOTCONN). Whatever \
         its error is: it concerns its connection only. Remove that client, and go on."
            .to_owned()
    })
}
