//! The checks that end with a connection: to which address, when, and in which condition.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{Dial, address::Address, attempts, dialing, is_connected_to, likely};
use crate::{
    deadline::Deadline,
    exam::{Because, Exam, LIMIT, Verdict, here},
    table::{End, State},
};

/// The shortest head start of an address before the next is dialed.
const HEAD_START: Duration = Duration::from_millis(100);

pub(super) fn gives_back_a_connected_blocking_stream(exam: &Exam, dial: Dial) -> Verdict {
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

pub(super) fn goes_on_after_a_refusal(exam: &Exam, dial: Dial) -> Verdict {
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
pub(super) fn dials_both_families(exam: &Exam, dial: Dial) -> Verdict {
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

pub(super) fn dials_nobody_behind_the_first_that_answers(exam: &Exam, dial: Dial) -> Verdict {
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
        let connections = second.connections(exam)?.saturating_sub(before);
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

pub(super) fn leaves_time_for_those_behind_a_silent_address(exam: &Exam, dial: Dial) -> Verdict {
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

pub(super) fn waits_for_an_address_that_answers_late(exam: &Exam, dial: Dial) -> Verdict {
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
