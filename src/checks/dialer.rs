//! Checks of exercise 2: the first of several addresses that answers, by one limit.
//!
//! How the limit is shared out is the answer's own affair, and attempts may overlap: the checks look
//! at what came back, when, and what is left.

mod address;
mod likely;

use std::{
    cmp::Reverse,
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use self::address::Address;
use super::Exercise;
use crate::{
    deadline::Deadline,
    exam::{Answer, Because, Exam, LIMIT, Suite, Verdict, here},
    table::{End, Row, State, Table},
};

/// Exercise 2.
pub const EXERCISE: Exercise = Exercise {
    number: 2,
    name: "dialer",
    task: "connect to the first of several addresses that answers, by one limit",
    hints: [
        "`connect_timeout` takes one address and one duration. How long may each address take, so that \
         there is time for those behind it, and all of them together keep to the limit? And what if \
         nothing remains: what does `connect_timeout` make of zero?",
        "Before each attempt compute what remains of the limit, and give the address an equal share of \
         it: what remains, divided by the number of addresses that have not been dialed. If the share \
         is zero, it has timed out. Keep what each address did for the error.",
        "for (i, addr) in addrs.iter().enumerate() { let remaining = \
         limit.saturating_sub(started.elapsed()); match connect(addr, remaining / (addrs.len() - i) as \
         u32) { Ok(stream) => return Ok(stream), Err(error) => { kind = error.kind(); \
         outcomes.push(format!(\"{addr}: {error}\")) } } }",
    ],
    checks: || SUITE.names(),
};

/// What exercise 2 is held to.
pub const SUITE: Suite<Dial> = Suite {
    exercise: EXERCISE.name,
    checks: &[
        (
            "gives back a connected, blocking stream",
            gives_back_a_connected_blocking_stream,
        ),
        ("goes on after a refusal", goes_on_after_a_refusal),
        ("dials both families", dials_both_families),
        (
            "dials nobody behind the first that answers",
            dials_nobody_behind_the_first_that_answers,
        ),
        (
            "leaves time for those behind a silent address",
            leaves_time_for_those_behind_a_silent_address,
        ),
        (
            "waits for an address that answers late",
            waits_for_an_address_that_answers_late,
        ),
        (
            "gives up when the limit is over",
            gives_up_when_the_limit_is_over,
        ),
        (
            "fails at once when all refuse",
            fails_at_once_when_all_refuse,
        ),
        ("tells what each address did", tells_what_each_address_did),
        (
            "takes a limit of zero for a time-out",
            takes_a_limit_of_zero_for_a_time_out,
        ),
        (
            "takes no address for invalid input",
            takes_no_address_for_invalid_input,
        ),
        ("leaves nothing behind", leaves_nothing_behind),
    ],
    cause: likely::cause,
};

/// The student's function.
pub type Dial = fn(&[SocketAddr], Duration) -> io::Result<TcpStream>;

type Dialing<'e> = Answer<'e, io::Result<TcpStream>>;

/// The shortest head start of an address before the next is dialed.
const HEAD_START: Duration = Duration::from_millis(100);

fn dialing<'e>(
    exam: &'e Exam,
    dial: Dial,
    addresses: &[&Address],
    limit: Duration,
) -> Verdict<Dialing<'e>> {
    let addrs: Vec<SocketAddr> = addresses.iter().map(|address| address.addr).collect();
    exam.step(format!(
        "called `dial` with {addrs:?} and a limit of {limit:?}"
    ));
    exam.start("dial", move || dial(&addrs, limit))
}

fn is_connected_to(exam: &Exam, stream: &TcpStream, address: &Address) -> Verdict {
    let seen = match stream.peer_addr() {
        Ok(peer) if peer == address.addr => return Ok(()),
        Ok(peer) => format!("it is connected to {peer}"),
        Err(error) => format!("it has no peer: {error}"),
    };
    exam.fail(
        format!("the stream to be connected to {}", address.addr),
        seen,
    )
    .because(likely::no_connection)
}

fn is_of_kind(exam: &Exam, error: &io::Error, kind: ErrorKind, why: &str) -> Verdict {
    exam.must(
        error.kind() == kind,
        format!("an error of the kind {kind:?}: {why}"),
        format!("{:?}: {error}", error.kind()),
    )
    .because(|_| likely::another_kind(error.kind(), kind))
}

fn gives_back_a_connected_blocking_stream(exam: &Exam, dial: Dial) -> Verdict {
    let server = Address::that_answers(exam)?;
    let stream = dialing(exam, dial, &[&server], LIMIT)?.succeeds("when the address answers")?;
    is_connected_to(exam, &stream, &server)?;
    let end = here("read the stream's addresses", End::of(&stream))?;
    let state = exam.table()?.find(end).map(|row| row.state);
    exam.must(
        state == Some(State::Established),
        "the stream to be ESTABLISHED",
        state.map_or("it has no row".to_owned(), |state| format!("it is {state}")),
    )
    .caused_by("`dial` is to give back a connection with both halves open: nothing shut down.")?;
    let flags = fcntl(&stream, FcntlArg::F_GETFL).map_err(io::Error::from);
    let flags = OFlag::from_bits_retain(here("read a descriptor's flags", flags)?);
    exam.must(
        !flags.contains(OFlag::O_NONBLOCK),
        "a blocking stream",
        "O_NONBLOCK is set: a read from it would return WouldBlock",
    )
    .caused_by(
        "The socket was made non-blocking, so that connect returns at once, and has stayed so. The \
         flag belongs to the socket, not to the call: `set_nonblocking(false)` before it is given back.",
    )?;
    let read = here("read SO_RCVTIMEO", stream.read_timeout())?;
    let write = here("read SO_SNDTIMEO", stream.write_timeout())?;
    exam.must(
        read.is_none() && write.is_none(),
        "a stream with no timeout set",
        format!("the read timeout is {read:?}, the write timeout {write:?}"),
    )
    .caused_by(
        "A timeout that was set for dialing has stayed on the socket: every later read or write of \
         the caller's would end by it. Set it back to `None`.",
    )
}

fn goes_on_after_a_refusal(exam: &Exam, dial: Dial) -> Verdict {
    let refuses = [Address::that_refuses(exam)?, Address::that_refuses(exam)?];
    let server = Address::that_answers(exam)?;
    let answer = dialing(exam, dial, &[&refuses[0], &refuses[1], &server], LIMIT)?;
    let stream = answer
        .succeeds("after two refusals, for the third address answers")
        .because(|case| {
            likely::not_reached(
                case,
                &server,
                "An address that refuses says nothing about those behind it.",
            )
        })?;
    is_connected_to(exam, &stream, &server)
}

/// `localhost` is `::1` and 127.0.0.1, and many a server listens on one of them.
fn dials_both_families(exam: &Exam, dial: Dial) -> Verdict {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    for (first, second) in [(v6, v4), (v4, v6)] {
        let refuses = Address::that_refuses_at(exam, first)?;
        let server = Address::that_answers_at(exam, second)?;
        let stream = dialing(exam, dial, &[&refuses, &server], LIMIT)?
            .succeeds("when the second address answers")
            .because(|case| {
                let why = "A name may have addresses of both families, and its server be at one of them: \
                     dial them all. A socket is of one family from the beginning: make it by the \
                     address (`Domain::for_address`).";
                likely::not_reached(case, &server, why)
            })?;
        is_connected_to(exam, &stream, &server)?;
    }
    Ok(())
}

fn dials_nobody_behind_the_first_that_answers(exam: &Exam, dial: Dial) -> Verdict {
    let servers = [Address::that_answers(exam)?, Address::that_answers(exam)?];
    // Once in either order, for one of them may be an order of the answer's own.
    for [first, second] in [[0, 1], [1, 0]] {
        let (first, second) = (&servers[first], &servers[second]);
        let before = second.connections(exam)?;
        let answer = dialing(exam, dial, &[first, second], LIMIT)?;
        let stream = answer.succeeds("when both addresses answer")?;
        let took = answer.age();
        is_connected_to(exam, &stream, first).because(|case| {
            case.is_in(State::Established).then(|| {
                "The addresses are in order of preference: the first that answers wins, not a later one."
                    .to_owned()
            })
        })?;
        // On a busy machine the head start may have gone by before the first could answer.
        let connections = second.connections(exam)? - before;
        exam.must(
            connections == 0 || took >= HEAD_START,
            format!("nobody to be dialed after {} has answered", first.addr),
            format!("{} is in another accept queue, that of {}", count(connections), second.addr),
        )
        .caused_by(
            "The first address answered at once, and the second was dialed all the same: its server \
             gets a connection that nobody will use. Stop at the first that answers; whoever dials \
             ahead gives it a head start.",
        )?;
    }
    Ok(())
}

fn count(connections: u32) -> String {
    match connections {
        1 => "a connection".to_owned(),
        n => format!("{n} connections"),
    }
}

fn leaves_time_for_those_behind_a_silent_address(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(1500);
    let silent = [
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
    ];
    let server = Address::that_answers(exam)?;
    let answer = dialing(exam, dial, &[&silent[0], &silent[1], &server], limit)?;
    let stream = answer
        .succeeds("with a connection to the third address")
        .because(|case| likely::starved(case, answer.age(), limit, &silent, &server))?;
    let took = answer.age();
    is_connected_to(exam, &stream, &server)?;
    exam.must(
        took < limit,
        format!("a connection before the limit of {limit:?} is over"),
        format!("it took {took:.1?}"),
    )
    .caused_by("The two silent addresses were given more than all of the time, before the third was dialed.")
}

fn waits_for_an_address_that_answers_late(exam: &Exam, dial: Dial) -> Verdict {
    let limit = 2 * LIMIT;
    let server = Address::that_is_silent(exam)?;
    let answer = dialing(exam, dial, &[&server], limit)?;
    syn_sent(exam)?;
    server.answers_from_now(exam)?;
    let stream = answer
        .succeeds("when the SYN is sent again, a second after the first")
        .because(|case| likely::gave_up(case, answer.age(), limit))?;
    is_connected_to(exam, &stream, &server)
}

/// Waits for the SYN. An answer that has given up before anybody could look goes on to its failure.
fn syn_sent(exam: &Exam) -> Verdict {
    let look = || {
        Ok(match exam.table() {
            Ok(table) => attempts(&table).next().map(|_| Ok(())),
            Err(unmet) => Some(Err(unmet)),
        })
    };
    match Deadline::after(LIMIT / 4).wait_for(look) {
        Ok(Some(Err(unmet))) => Err(unmet),
        _ => Ok(()),
    }
}

/// The attempts that are under way.
fn attempts(table: &Table) -> impl Iterator<Item = &Row> {
    table.rows.iter().filter(|row| row.state == State::SynSent)
}

fn gives_up_when_the_limit_is_over(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(600);
    let silent = [
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
    ];
    let answer = dialing(exam, dial, &[&silent[0], &silent[1], &silent[2]], limit)?;
    // Three times the limit would be 1.8 s: by now the third address would be waited for.
    let returned = answer
        .returns_within(Duration::from_millis(1500), "with a limit of 600ms")
        .because(|case| likely::overdue(case, &silent))?;
    let error = no_connection(exam, returned, "when all addresses are silent")?;
    is_of_kind(
        exam,
        &error,
        ErrorKind::TimedOut,
        "the last address was silent",
    )
}

/// The error that came back, instead of a connection.
fn no_connection(exam: &Exam, returned: io::Result<TcpStream>, when: &str) -> Verdict<io::Error> {
    match returned {
        Err(error) => Ok(error),
        Ok(_stream) => exam
            .fail(
                format!("`dial` to return an error {when}"),
                "it has returned Ok",
            )
            .because(likely::no_connection),
    }
}

fn fails_at_once_when_all_refuse(exam: &Exam, dial: Dial) -> Verdict {
    let refuse = [Address::that_refuses(exam)?, Address::that_refuses(exam)?];
    let answer = dialing(exam, dial, &[&refuse[0], &refuse[1]], 5 * LIMIT)?;
    let returned = answer
        .returns("when both addresses have refused")
        .because(likely::goes_on_after_the_last)?;
    let error = no_connection(exam, returned, "when both addresses refuse")?;
    let why = "the last address refused";
    is_of_kind(exam, &error, ErrorKind::ConnectionRefused, why)
}

/// Dials the same kinds of addresses in two orders, of which the last is the same. Where the text
/// tells what each did, it differs between them, and not in the addresses alone.
fn tells_what_each_address_did(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(600);
    let silent = Address::that_is_silent(exam)?;
    let refuse = [Address::that_refuses(exam)?, Address::that_refuses(exam)?];
    let mut texts = Vec::new();
    for addresses in [
        [&refuse[0], &silent, &refuse[1]],
        [&silent, &refuse[0], &refuse[1]],
    ] {
        let answer = dialing(exam, dial, &addresses, limit)?;
        let returned = answer.returns("with a limit of 600ms")?;
        let error = no_connection(exam, returned, "when no address answers")?;
        exam.step(format!("read its text: {error}"));
        let text = by_number(&error.to_string(), &addresses);
        for (number, address) in (1..).zip(addresses) {
            exam.must(
                text.contains(&format!("<{number}>")),
                format!("the error to name {}", address.addr),
                error.to_string(),
            )
            .caused_by(
                "Three addresses were dialed, and the error does not name each of them. Keep what \
                 each attempt returned, together with its address, and make one text of it all: \
                 `io::Error::new(kind, text)`.",
            )?;
        }
        let why = "the last address in the list refused";
        is_of_kind(exam, &error, ErrorKind::ConnectionRefused, why)?;
        texts.push(text);
    }
    exam.must(
        texts[0] != texts[1],
        "a text that tells which address refused and which was silent",
        format!("both times, with the addresses numbered: {}", texts[0]),
    )
    .caused_by(
        "First the silent address was the second, then it was the first, and the texts differ in \
         nothing but the addresses: they do not tell which of them was silent and which refused.",
    )
}

/// The text with each address replaced by its place in the list, from `<1>`. The longest comes
/// first: it may begin with another.
fn by_number(text: &str, addresses: &[&Address]) -> String {
    let numbers = (1..).map(|number: usize| format!("<{number}>"));
    let addrs = addresses.iter().map(|address| address.addr.to_string());
    let mut names: Vec<(String, String)> = addrs.zip(numbers).collect();
    names.sort_by_key(|(addr, _)| Reverse(addr.len()));
    names.iter().fold(text.to_owned(), |text, (addr, number)| {
        text.replace(addr, number)
    })
}

fn takes_a_limit_of_zero_for_a_time_out(exam: &Exam, dial: Dial) -> Verdict {
    let silent = [
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
    ];
    // Half a nanosecond is zero.
    for limit in [Duration::ZERO, Duration::from_nanos(1)] {
        let when = format!("with a limit of {limit:?}");
        let answer = dialing(exam, dial, &[&silent[0], &silent[1]], limit)?;
        let returned = answer.returns(&when).because(likely::no_limit_for_zero)?;
        let error = no_connection(exam, returned, &when)?;
        is_of_kind(
            exam,
            &error,
            ErrorKind::TimedOut,
            "there was no time to answer",
        )?;
    }
    Ok(())
}

fn takes_no_address_for_invalid_input(exam: &Exam, dial: Dial) -> Verdict {
    let answer = dialing(exam, dial, &[], LIMIT / 2)?;
    let returned = answer.returns("when there is no address").because(|case| {
        case.panicked.then(|| {
            "Without an address there is no first one to index, no last error to unwrap, and no number \
             to divide the limit by: a division by zero panics."
                .to_owned()
        })
    })?;
    let error = no_connection(exam, returned, "when there is no address")?;
    let why = "the caller has given no address";
    is_of_kind(exam, &error, ErrorKind::InvalidInput, why)
}

fn leaves_nothing_behind(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(900);
    let refuses = Address::that_refuses(exam)?;
    let silent = Address::that_is_silent(exam)?;
    let server = Address::that_answers(exam)?;
    let before = descriptors()?;

    let answer = dialing(exam, dial, &[&refuses, &silent, &server], limit)?;
    let stream = answer.succeeds("with a connection to the third address")?;
    is_connected_to(exam, &stream, &server)?;
    is_all_there_is(exam, before + 1, "the stream")?;
    drop(stream);

    let answer = dialing(exam, dial, &[&refuses, &silent], limit)?;
    let returned = answer.returns("with a limit of 900ms")?;
    no_connection(exam, returned, "when no address answers")?;
    is_all_there_is(exam, before, "nothing")
}

/// No attempt is under way, and there are so many descriptors.
fn is_all_there_is(exam: &Exam, expected: usize, left: &str) -> Verdict {
    let table = exam.table()?;
    let under_way: Vec<SocketAddr> = attempts(&table).map(|row| row.peer).collect();
    exam.must(
        under_way.is_empty(),
        format!("`dial` to leave {left}, and no attempt under way"),
        format!("it has returned, and {under_way:?} is still being dialed (SYN_SENT)"),
    )
    .caused_by(
        "`dial` has returned while a socket of its own still waits for an answer to its SYN: it lives \
         on in a thread that nobody has waited for, or was never closed. Whoever dials several at \
         once must close the losers: with non-blocking sockets and `poll`, to drop them is enough.",
    )?;
    let open = descriptors()?;
    exam.must(
        open <= expected,
        format!("`dial` to leave {left}, and no other descriptor"),
        format!("{} descriptors too many are open", open.saturating_sub(expected)),
    )
    .caused_by(
        "Each attempt has a socket of its own, and one that has failed must be closed too. \
         `TcpStream`, `Socket` and `OwnedFd` close when they are dropped; a raw number, and what was \
         forgotten, does not.",
    )
}

/// How many descriptors this process has open.
fn descriptors() -> Verdict<usize> {
    let folder = here("read /proc/self/fd", fs::read_dir("/proc/self/fd"))?;
    Ok(folder.count())
}
