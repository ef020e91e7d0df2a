//! Mistakes that occur in many exercises. Each is named once, with the evidence that it requires,
//! the evidence that rules it out, and its one wording.

use std::io::ErrorKind;

use socket_workshop::{table::State, threads::Call};

use super::{Awaited, Case, Owner, Stuck};

/// A mistake, how the evidence shows it, and what to change.
#[derive(Clone, Copy, Debug)]
pub struct Diagnosis {
    /// What must be seen.
    pub requires: fn(&Case) -> bool,
    /// What must not be seen: with it the words would be false.
    pub excludes: fn(&Case) -> bool,
    /// What the code does, what follows from that, and what to write instead. `{fd}` stands for the
    /// descriptor of the student's connection.
    pub words: &'static str,
}

impl Diagnosis {
    /// Its words, if the evidence shows it.
    #[must_use]
    pub fn of(&self, case: &Case) -> Option<String> {
        let fits = (self.requires)(case) && !(self.excludes)(case);
        fits.then(|| match case.yours().map(|seen| seen.owner) {
            Some(Owner::Yours(fd)) => self.words.replace("{fd}", &fd.to_string()),
            _ => self.words.to_owned(),
        })
    }
}

/// The words of the first of these that the evidence shows.
#[must_use]
pub fn first_of(diagnoses: &[Diagnosis], case: &Case) -> Option<String> {
    diagnoses.iter().find_map(|diagnosis| diagnosis.of(case))
}

// Waiting and spinning.

/// `read` returns Ok(0) and the loop reads again.
pub const SPINS_AT_END_OF_FILE: Diagnosis = Diagnosis {
    requires: |case| case.is_running() && case.is_in(State::CloseWait),
    excludes: |case| case.panicked || unread(case) > 0,
    words: "At end of file `read` returns Ok(0). Your loop treats that as \"no data yet\" and \
            reads again. Return when n is 0.",
};

/// A loop that neither waits nor moves a byte.
pub const SPINS: Diagnosis = Diagnosis {
    requires: spins,
    excludes: |case| case.panicked,
    words: "Your loop runs again and again without waiting in the kernel. Let a call wait for the \
            event: a blocking `read`, `accept` or `poll`, with a timeout if there is a deadline.",
};

/// A loop that calls again after an error that will not change.
pub const RETRIES_A_FATAL_ERROR: Diagnosis = Diagnosis {
    requires: |case| spins(case) && case.yours().is_none_or(|seen| seen.row.recv_q == 0),
    excludes: |case| case.panicked || case.is_in(State::CloseWait),
    words: "Your loop continues after an error, and each call fails again immediately. Only \
            `Interrupted` and a timeout are worth another try. Return every other error.",
};

/// A loop that sleeps, looks, and sleeps again.
pub const SLEEPS_BETWEEN_LOOKS: Diagnosis = Diagnosis {
    requires: |case| case.is_blocked_in(&[Call::Sleep]),
    excludes: |case| case.panicked || case.is_blocked_in(&[Call::Read, Call::Poll]),
    words: "Your code sleeps and then looks: what arrives during the sleep waits until the sleep \
            is over. Block in a call that the event ends: `poll`, or a read with a timeout.",
};

/// It has read everything that arrived, and reads on before it answers.
pub const WAITS_BEFORE_IT_ANSWERS: Diagnosis = Diagnosis {
    requires: |case| {
        case.awaited == Awaited::Bytes
            && case.arrived.is_empty()
            && case.is_blocked_in(&[Call::Read])
    },
    excludes: |case| case.panicked || unread(case) > 0 || case.is_in(State::CloseWait),
    words: "Your code has read what was sent (Recv-Q is 0), has answered nothing, and waits in the \
            next read. Either it waits for more than has come: `read_to_end` and `read_to_string` \
            wait for end of file, `read_exact` for a full buffer, `lines` for a newline. Or the \
            answer is still in a BufWriter or a LineWriter: flush it before you read again.",
};

/// The calling thread waits for one of its own that does not end.
pub const WAITS_FOR_ITS_THREAD: Diagnosis = Diagnosis {
    requires: |case| case.is_blocked_in(&[Call::Lock]),
    excludes: |case| case.panicked || case.evidence.threads.len() < 2,
    words: "Your code waits for another of its threads (a join, a lock or a channel), and that \
            thread does not end. Find what it waits for.",
};

/// The calling thread waits for another, and there is no other.
pub const WAITS_FOR_NO_THREAD: Diagnosis = Diagnosis {
    requires: |case| case.is_blocked_in(&[Call::Lock]) && case.evidence.threads.len() == 1,
    excludes: |case| case.panicked,
    words: "Your thread waits for another thread (on a condition variable, a channel or a lock), \
            but your code has no other. Look whether there is something to wait for before you \
            wait. A channel's `recv` waits as long as a Sender exists, also one of your own.",
};

// Bytes.

/// `write` took a part, and the rest was dropped.
pub const DROPS_THE_REST_OF_A_WRITE: Diagnosis = Diagnosis {
    requires: |case| case.awaited == Awaited::Bytes && skips_bytes(case),
    excludes: |case| case.panicked || case.has_returned_an_error(),
    words: "Bytes are missing in the middle, or come later than they should. `write` may take only \
            a part, and returns how much. Send the rest before anything else. On a blocking \
            socket `write_all` does that. On a non-blocking one, keep the rest until there is \
            room.",
};

/// What was written goes on with bytes that had been written before.
pub const SENDS_BYTES_AGAIN: Diagnosis = Diagnosis {
    requires: |case| case.awaited == Awaited::Bytes && repeats_bytes(case),
    excludes: |case| case.panicked,
    words: "Your code sent bytes again that it had sent before. Most likely a write took only a \
            part, and the next one began at an earlier byte: add up what the writes return, and go \
            on there. `write_all` does that on a blocking socket. If an error ends `write_all`, it \
            does not say how much was taken. Or your code wrote its whole buffer after a read that \
            filled a part of it: write `&buf[..n]`.",
};

/// More was written than the last read had brought.
pub const WRITES_THE_WHOLE_BUFFER: Diagnosis = Diagnosis {
    requires: |case| case.arrived.contains(&0) && !case.wanted.contains(&0),
    excludes: |case| case.panicked,
    words: "More came back than was sent: your code writes the whole buffer. `read` returns n, the \
            number of bytes it has put there. After them come zeros or the bytes of an earlier \
            read. Write `&buf[..n]`.",
};

/// It closed while the peer still had its half open.
pub const STOPS_BEFORE_THE_END: Diagnosis = Diagnosis {
    requires: |case| case.yours().is_none() && case.awaited != Awaited::Return,
    excludes: |case| case.panicked || case.has_returned_an_error() || peer_has_closed(case),
    words: "Your end has closed, and the peer's has not. A read that returns fewer bytes than you \
            asked for is not the end, and neither is a timeout: only Ok(0) is, from a read that has \
            room for bytes.",
};

/// More was taken from the socket than belongs to this call. For a check that has counted Recv-Q.
pub const READS_AHEAD: Diagnosis = Diagnosis {
    requires: Case::has_returned,
    excludes: |case| case.panicked,
    words: "Your code took more bytes from the socket than this call returns. The next read of the \
            socket does not find them there. A BufReader reads ahead like this, and so does every \
            `read` with room for more than belongs to this call. If each call has a buffer of its \
            own, they are lost. Read less, or `peek` first.",
};

// Errors and panics.

/// The function returned Ok although a call of it failed.
pub const LOSES_THE_ERROR: Diagnosis = Diagnosis {
    requires: |case| case.has_returned_ok(),
    excludes: |case| case.panicked,
    words: "The kernel reported the error, and your code dropped it: `unwrap_or(0)` turns it into \
            an end of file, `let _ =` ignores it, a `match` may return Ok for it, and `take_error` \
            clears it and returns it in an Ok. Return it: the caller must know.",
};

/// EINTR was returned to the caller.
pub const RETURNS_AT_A_SIGNAL: Diagnosis = Diagnosis {
    requires: |case| case.has_returned_error(ErrorKind::Interrupted),
    excludes: |case| case.panicked,
    words: "A signal interrupted the call (EINTR), and your code returned that as an error. The \
            kernel does not restart a call that has a timeout (signal(7)). Nothing had happened to \
            the connection: call again, for the time that remains.",
};

/// An `unwrap` on a result that the network decides.
pub const PANICS_ON_AN_ERROR: Diagnosis = Diagnosis {
    requires: |case| case.panicked,
    excludes: |case| panic_says(case, &MISSING) || panic_says(case, &OVERFLOW),
    words: "After a reset `read` and `write` return an error, and `shutdown` and `peer_addr` fail \
            with NotConnected. Such an error is ordinary: `unwrap` and `expect` turn it into a \
            panic. Propagate it with `?`: the caller must know.",
};

/// A descriptor that an FdSet has no room for.
pub const PANICS_IN_SELECT: Diagnosis = Diagnosis {
    requires: |case| panic_says(case, &["FD_SETSIZE"]),
    excludes: |_| false,
    words: "Your code waits in select, which knows only descriptors below 1024 (FD_SETSIZE). A \
            program with many connections has higher ones, and for these an FdSet panics. Use \
            poll: it knows every descriptor.",
};

/// A panic that the peer's bytes or its silence can cause.
pub const PANICS_ON_INPUT: Diagnosis = Diagnosis {
    requires: |case| case.panicked,
    excludes: |_| false,
    words: "The peer decides what arrives and when, so nothing that it does may cause a panic. \
            Look for an `unwrap`, an index, or arithmetic that overflows. Return an error instead.",
};

// What is left behind.

/// The function has returned, and a handle of its socket is still open.
pub const LEAKED_HANDLE: Diagnosis = Diagnosis {
    requires: |case| case.evidence.threads.is_empty() && case.is_in(State::CloseWait),
    excludes: |case| case.panicked,
    words: "The function has returned, but descriptor {fd} is still open. The kernel sends the FIN \
            when the last descriptor of a socket is closed: look for a clone (`try_clone`), a \
            descriptor that another thread owns, or `mem::forget`.",
};

/// The function has returned, and a thread of it has not ended.
pub const LEAVES_A_THREAD: Diagnosis = Diagnosis {
    requires: |case| case.has_returned() && !case.evidence.threads.is_empty(),
    excludes: |case| case.panicked,
    words: "The function has returned, but a thread that it started is still there. Join every \
            thread before you return: the caller then assumes that the work is done.",
};

/// Options of a socket that was lent are not as they were.
pub const LEAVES_OPTIONS: Diagnosis = Diagnosis {
    requires: Case::has_returned,
    excludes: |case| case.panicked,
    words: "Timeouts, O_NONBLOCK and the other options belong to the socket, not to one call or \
            one handle. They stay set after your function returns, and the caller has not chosen \
            them. Restore them on every path out, or use a way that affects one call only: `poll`, \
            MSG_DONTWAIT.",
};

/// The function has ended a connection that was only lent to it. For a check that has seen its
/// state.
pub const SHUTS_DOWN_WHAT_WAS_LENT: Diagnosis = Diagnosis {
    requires: Case::has_returned,
    excludes: |case| case.panicked,
    words: "Your code has shut down the connection. The function only borrows the stream: return \
            the error, and let the caller decide what becomes of the connection.",
};

// Functions over bytes in memory.

/// A loop over data in memory that does not end.
pub const LOOP_DOES_NOT_END: Diagnosis = Diagnosis {
    requires: spins,
    excludes: |case| case.panicked || case.yours().is_some(),
    words: "There is nothing to wait for: all the data is in the argument. A loop of yours does \
            not end. Each round must use up some of the data that is left, or return.",
};

/// An index, a slice or an `unwrap` of bytes that the sender left out.
pub const TAKES_A_MISSING_BYTE: Diagnosis = Diagnosis {
    requires: |case| panic_says(case, &MISSING),
    excludes: |case| panic_says(case, &OVERFLOW),
    words: "Your code takes something that is not there. The data may be shorter than your code \
            expects, and a length in it may be wrong. An index or a slice beyond the end panics, \
            and so does `unwrap` of None. `get`, `first_chunk` and `split_first_chunk` return None \
            instead.",
};

/// A sum or a difference of numbers that another program has sent.
pub const OVERFLOWS: Diagnosis = Diagnosis {
    requires: |case| panic_says(case, &OVERFLOW),
    excludes: |case| panic_says(case, &MISSING),
    words: "A result does not fit in the type of its number, which panics. `checked_sub` and \
            `checked_add` return None instead, `wrapping_add` and `wrapping_sub` start again at 0, \
            and a larger type has room.",
};

/// A difference below 0, such as `len() - 1` where there is nothing.
pub const FALLS_BELOW_ZERO: Diagnosis = Diagnosis {
    requires: |case| panic_says(case, &["subtract with overflow"]),
    excludes: |_| false,
    words: "Your code subtracts, and the result is below 0, which panics: an unsigned number \
            cannot be negative. For example, `len() - 1` is below 0 if there is nothing.",
};

/// An `unwrap` of bytes that are not text.
pub const UNWRAPS_UTF_8: Diagnosis = Diagnosis {
    requires: |case| panic_says(case, &["Utf8Error"]),
    excludes: |_| false,
    words: "`from_utf8` returns an error for bytes that are not UTF-8, and your code panics on \
            that error. Such bytes are ordinary input: handle the error, for example with \
            `.ok()?`.",
};

/// A result that was wrong after other calls, and is right when the call is the only one.
pub const DEPENDS_ON_EARLIER_CALLS: Diagnosis = Diagnosis {
    requires: |case| case.awaited == Awaited::Nothing && case.has_returned(),
    excludes: |case| case.panicked,
    words: "The result depends on more than the argument: on what an earlier call left in a \
            `static` or a `thread_local!`, or on the order of a HashMap, which differs from map to \
            map. Keep nothing between calls.",
};

// The evidence.

/// What std says when code takes something that is not there.
const MISSING: [&str; 3] = ["index", "on a `None` value", "mid > len"];

/// What std says when a result does not fit in its type.
const OVERFLOW: [&str; 1] = ["with overflow"];

/// Whether the threads are proven to run without waiting in the kernel and without moving a byte.
fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

/// Whether the exam's end has sent its FIN, before the student's or after it.
fn peer_has_closed(case: &Case) -> bool {
    let sent_fin = [
        State::FinWait1,
        State::FinWait2,
        State::Closing,
        State::LastAck,
    ];
    let exams = |states: &[State]| {
        let mut sockets = case.evidence.sockets.iter();
        sockets.any(|seen| seen.owner == Owner::Peers && states.contains(&seen.row.state))
    };
    // A row in TIME_WAIT belongs to no descriptor. It is not of a connection whose exam's end still
    // waits in CLOSE_WAIT.
    let mut sockets = case.evidence.sockets.iter();
    let time_wait = sockets.any(|seen| seen.row.state == State::TimeWait);
    exams(&sent_fin) || time_wait && !exams(&[State::CloseWait])
}

/// How many bytes wait in the student's receive queue. End of file counts as one on some kernels.
fn unread(case: &Case) -> u32 {
    let queue = case.yours().map_or(0, |seen| seen.row.recv_q);
    queue.saturating_sub(u32::from(case.is_in(State::CloseWait)))
}

/// Whether what came differs from what was wanted where later bytes stand.
fn skips_bytes(case: &Case) -> bool {
    let (came, wanted) = numbers_at_the_difference(case);
    let later = came.is_none_or(|came| Some(came) > wanted);
    !case.arrived.is_empty() && later
}

/// Whether what came differs from what was wanted where earlier bytes stand.
fn repeats_bytes(case: &Case) -> bool {
    let (came, wanted) = numbers_at_the_difference(case);
    came.is_some() && came < wanted
}

/// The first whole numbers after the first byte that differs from what was wanted: the data is
/// numbered, so that each eight bytes are their own offset ([`crate::numbered`]).
fn numbers_at_the_difference(case: &Case) -> (Option<u64>, Option<u64>) {
    let pairs = case.arrived.iter().zip(&case.wanted);
    let at = pairs.take_while(|(came, wanted)| came == wanted).count();
    let number = |bytes: &[u8]| {
        let mut words = bytes.get(at..)?.windows(9);
        let word = words.find(|word| word[0] == b' ' && word[8] == b' ')?;
        str::from_utf8(&word[1..8]).ok()?.parse::<u64>().ok()
    };
    (number(&case.arrived), number(&case.wanted))
}

/// Whether one of the student's panics has one of these words.
fn panic_says(case: &Case, words: &[&str]) -> bool {
    let has = |message: &String| words.iter().any(|word| message.contains(word));
    case.panic_messages.iter().any(has)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Duration};

    use socket_workshop::{
        peer::connected,
        table::{Kernel, State},
        threads::Doing,
        wait::Look,
    };

    use super::{
        DROPS_THE_REST_OF_A_WRITE, Diagnosis, PANICS_ON_AN_ERROR, RETRIES_A_FATAL_ERROR,
        SENDS_BYTES_AGAIN, SPINS_AT_END_OF_FILE, STOPS_BEFORE_THE_END,
    };
    use crate::{Awaited, Case, Evidence, Owner, Seen, Stuck, numbered};

    /// A failure with these rows, in which nothing has been returned.
    fn case(rows: &[(Owner, State)], threads: &[Doing]) -> Case {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_client, _server, end) = connected(&listener).unwrap();
        let table = Kernel::open().unwrap().table().unwrap();
        let row = table.find(end).expect("it is open");
        let seen = |&(owner, state): &(Owner, State)| {
            let mut row = row.clone();
            row.state = state;
            Seen { row, owner }
        };
        let evidence = Evidence {
            sockets: rows.iter().map(seen).collect(),
            threads: threads.to_vec(),
            watches: true,
        };
        Case::new("x".to_owned(), "y".to_owned(), evidence)
    }

    fn spin() -> Option<Stuck> {
        Some(Stuck::Spin(Duration::from_millis(300), Look::default()))
    }

    const ALWAYS: Diagnosis = Diagnosis {
        requires: |_| true,
        excludes: |_| false,
        words: "descriptor {fd} is open",
    };

    #[test]
    fn the_evidence_must_show_what_is_required_and_nothing_that_excludes_it() {
        let case = case(&[], &[]);
        let required = |requires| Diagnosis { requires, ..ALWAYS }.of(&case);
        let excluded = |excludes| Diagnosis { excludes, ..ALWAYS }.of(&case);
        assert!(required(|_| true).is_some());
        assert_eq!(required(|_| false), None);
        assert!(excluded(|_| false).is_some());
        assert_eq!(excluded(|_| true), None);
    }

    #[test]
    fn the_words_name_the_descriptor_of_the_students_connection() {
        let rows = [
            (Owner::Peers, State::Established),
            (Owner::Yours(4), State::Listen),
            (Owner::Yours(7), State::Established),
        ];
        let words = ALWAYS.of(&case(&rows, &[]));
        assert_eq!(words.as_deref(), Some("descriptor 7 is open"));
    }

    #[test]
    fn a_loop_that_runs_in_close_wait_has_met_end_of_file_unless_bytes_are_unread() {
        let mut case = case(&[(Owner::Yours(7), State::CloseWait)], &[Doing::Running]);
        case.evidence.sockets[0].row.recv_q = 1; // the FIN
        assert!(SPINS_AT_END_OF_FILE.of(&case).is_some());
        case.evidence.sockets[0].row.recv_q = 2;
        assert_eq!(SPINS_AT_END_OF_FILE.of(&case), None);
    }

    #[test]
    fn skipped_bytes_and_repeated_bytes_are_distinguished() {
        let sent = numbered(800);
        let came = |parts: [&[u8]; 2]| {
            let mut case = case(&[], &[]);
            case.awaited = Awaited::Bytes;
            (case.arrived, case.wanted) = (parts.concat(), sent.clone());
            DROPS_THE_REST_OF_A_WRITE.of(&case).is_some()
        };
        assert!(came([&sent[..203], &sent[301..]]));
        assert!(!came([&sent[..203], &sent[50..]]));
        assert!(came([&sent[..203], &[]])); // none of the rest has come
        let again = |parts: [&[u8]; 2]| {
            let mut case = case(&[], &[]);
            case.awaited = Awaited::Bytes;
            (case.arrived, case.wanted) = (parts.concat(), sent.clone());
            SENDS_BYTES_AGAIN.of(&case).is_some()
        };
        assert!(again([&sent[..203], &sent[50..]]));
        assert!(!again([&sent[..203], &sent[301..]]));
    }

    #[test]
    fn an_error_is_said_to_be_retried_only_where_a_spin_is_proven() {
        let mut case = case(&[], &[Doing::Running]);
        assert_eq!(RETRIES_A_FATAL_ERROR.of(&case), None);
        case.stuck = spin();
        assert!(RETRIES_A_FATAL_ERROR.of(&case).is_some());
    }

    #[test]
    fn an_end_stops_early_only_if_the_peer_has_not_closed_and_no_error_was_returned() {
        let stops = |rows: &[(Owner, State)]| {
            let mut case = case(rows, &[]);
            case.awaited = Awaited::Bytes;
            STOPS_BEFORE_THE_END.of(&case).is_some()
        };
        let (exams, nobodys) = (Owner::Peers, Owner::Nobodys);
        assert!(stops(&[(exams, State::CloseWait)]));
        assert!(stops(&[
            (exams, State::CloseWait),
            (nobodys, State::FinWait2)
        ]));
        assert!(stops(&[
            (exams, State::CloseWait),
            (nobodys, State::TimeWait)
        ]));
        for state in [
            State::FinWait1,
            State::FinWait2,
            State::Closing,
            State::LastAck,
        ] {
            assert!(!stops(&[(exams, state)]), "{state}");
        }
        assert!(!stops(&[(nobodys, State::TimeWait)]));

        let evidence = case(&[(exams, State::CloseWait)], &[]).evidence;
        let seen = "it has returned an error: connection reset (ConnectionReset)";
        let mut case = Case::new("x".to_owned(), seen.to_owned(), evidence);
        case.awaited = Awaited::Bytes;
        assert_eq!(STOPS_BEFORE_THE_END.of(&case), None);
    }

    #[test]
    fn a_panic_over_a_missing_byte_is_not_one_over_an_error() {
        let mut case = case(&[], &[]);
        assert_eq!(PANICS_ON_AN_ERROR.of(&case), None);
        case.panicked = true;
        case.panic_messages = vec!["called `Result::unwrap()` on an `Err` value".to_owned()];
        assert!(PANICS_ON_AN_ERROR.of(&case).is_some());
        case.panic_messages = vec!["index out of bounds: the len is 3".to_owned()];
        assert_eq!(PANICS_ON_AN_ERROR.of(&case), None);
    }
}
