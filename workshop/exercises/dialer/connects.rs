//! The checks that end with a connection: to which address, when, and in which condition.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use socket_workshop::table::{End, State};

use super::{
    Dial, Dialing, address::Address, attempts, dialing, hand_over, has_waited, is_at_once,
    is_connected_to, is_of_kind, likely, no_connection, rests, unless_busy,
};

use crate::exam::{AMPLE, Because, Exam, Timing, Unmet, Verdict, here};

/// The shortest head start of an address before the next is dialed.
const HEAD_START: Duration = Duration::from_millis(100);

/// So many that refuse: a pause of a fifth of a second after each takes three times as long as
/// [`is_at_once`] allows.
const MANY: u8 = 16;

/// How often a check is made again on a machine that is too busy for it.
const TRIES: usize = 5;

pub(super) fn gives_back_a_connected_blocking_stream(exam: &Exam, dial: Dial) -> Verdict {
    let server = Address::that_answers(exam)?;
    let stream = dialing(exam, dial, &[&server], AMPLE)?
        .succeeds("when the address answers")
        .because(|case| likely::taken_for_failed(case, &server))?;
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
    let refuse = Address::many_that_refuse(exam, MANY)?;
    let server = Address::that_answers(exam)?;
    let addresses: Vec<&Address> = refuse.iter().chain([&server]).collect();
    let answer = dialing(exam, dial, &addresses, AMPLE)?;
    let rested = rests(exam, &answer)?;
    let stream = answer
        .succeeds("when all have refused but the last, which answers")
        .because(|case| likely::pauses(case, &server))
        .because(|case| {
            let why = "An address that refuses says nothing about those behind it.";
            likely::not_reached(case, &server, why)
        })?;
    is_connected_to(exam, &stream, &server)?;
    drop(stream);
    exam.must(
        is_at_once(rested, answer.took())?,
        format!("each of {MANY} addresses that refuse to be followed by the next at once"),
        format!("all your threads were blocked, for {rested:.1?} in all"),
    )
    .caused_by(likely::PAUSES)?;
    for _ in 0..TRIES {
        if does_not_come_back(exam, dial)? {
            return Ok(());
        }
    }
    Err(Unmet::not_here(
        "the machine is too busy: each dial was over before the exam could look",
    ))
}

/// What has refused listens while the next is being waited for: it is not to be dialed again. False if
/// the exam came too late.
fn does_not_come_back(exam: &Exam, dial: Dial) -> Verdict<bool> {
    let refuses = Address::that_refuses(exam)?;
    let silent = Address::that_is_silent(exam)?;
    let limit = Duration::from_millis(600);
    let answer = dialing(exam, dial, &[&refuses, &silent], limit)?;
    let dialed = syn_sent(exam, &answer, &silent)?;
    // Each thread has had its turn: if there is one for each address, then the first has been refused.
    exam.comes_to_rest()?;
    let in_time = !answer.has_ended();
    if in_time {
        refuses.listens_from_now(exam)?;
    }
    let returned = answer.returns("when one address has refused and the other is silent")?;
    let connections = refuses.connections(exam)?;
    exam.must(
        connections == 0,
        format!("{} not to be dialed again", refuses.addr),
        format!("{} is in its accept queue", count(connections)),
    )
    .caused_by(
        "The address had refused when the next was dialed, and was dialed again later. Refused is an \
         answer, an RST: to try again is the caller's to decide.",
    )?;
    let error = no_connection(exam, returned, "when no address answers")?;
    let why = "the last address in the list was silent";
    is_of_kind(exam, &error, ErrorKind::TimedOut, why)?;
    // Where it had no CPU, there was no time to come back.
    let had_its_time = answer.took().delay < limit / 8;
    Ok(dialed && in_time && had_its_time)
}

/// `localhost` is `::1` and 127.0.0.1, and many a server listens on one of them. The order of the
/// families is the caller's, too: the resolver has sorted the addresses.
pub(super) fn dials_both_families(exam: &Exam, dial: Dial) -> Verdict {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    for (first, second) in [(v6, v4), (v4, v6)] {
        let refuses = Address::that_refuses_at(exam, first)?;
        let server = Address::that_answers_at(exam, second)?;
        let stream = dialing(exam, dial, &[&refuses, &server], AMPLE)?
            .succeeds("when the second address answers")
            .because(|case| {
                let why = "A name may have addresses of both families, and its server be at one of them: \
                     dial them all. A socket is of one family from the beginning: make it by the \
                     address (`Domain::for_address`).";
                likely::not_reached(case, &server, why)
            })?;
        is_connected_to(exam, &stream, &server)?;
    }
    for (first, second) in [(v6, v4), (v4, v6)] {
        let refuses = Address::that_refuses_at(exam, first)?;
        let servers = [
            Address::that_answers_at(exam, first)?,
            Address::that_answers_at(exam, second)?,
        ];
        let answer = dialing(exam, dial, &[&refuses, &servers[0], &servers[1]], AMPLE)?;
        let stream = answer.succeeds("when the second address and the third answer")?;
        is_connected_to(exam, &stream, &servers[0]).because(|case| {
            case.is_in(State::Established).then(|| {
                "The second address answers, and the third, of the other family, was connected to. \
                 Dial them in the caller's order, which is that of preference: neither one family \
                 first nor the two by turns."
                    .to_owned()
            })
        })?;
    }
    Ok(())
}

pub(super) fn dials_nobody_behind_the_first_that_answers(exam: &Exam, dial: Dial) -> Verdict {
    let servers = [Address::that_answers(exam)?, Address::that_answers(exam)?];
    // Once in either order, for one of them may be an order of the answer's own.
    for [first, second] in [[0, 1], [1, 0]] {
        let in_time = |_| stops_at_the_first(exam, dial, &servers[first], &servers[second]);
        let mut tries = (0..TRIES).map(in_time);
        if !tries.try_fold(false, |seen, now| Ok(seen || now?))? {
            return Err(Unmet::not_here(format!(
                "the machine is too busy: a connection took longer than {HEAD_START:?}"
            )));
        }
    }
    Ok(())
}

/// False if the dial took so long that the second address could be dialed rightly.
fn stops_at_the_first(exam: &Exam, dial: Dial, first: &Address, second: &Address) -> Verdict<bool> {
    let before = second.connections(exam)?;
    let answer = dialing(exam, dial, &[first, second], AMPLE)?;
    let stream = answer.succeeds("when both addresses answer")?;
    let took = answer.took();
    is_connected_to(exam, &stream, first).because(|case| {
        case.is_in(State::Established).then(|| {
            "The addresses are in order of preference: the first that answers wins, not a later one."
                .to_owned()
        })
    })?;
    if took.time >= HEAD_START {
        // Its own doing, or that of a machine with other work?
        let is_busy = took.delay > HEAD_START / 8 || hand_over(2)? > HEAD_START / 8;
        return Ok(!is_busy);
    }
    let at_once = second.connections(exam)?.saturating_sub(before);
    exam.must(
        at_once == 0,
        format!("nobody to be dialed after {} has answered", first.addr),
        format!(
            "{} is in another accept queue, that of {}",
            count(at_once),
            second.addr
        ),
    )
    .caused_by(
        "The first address answered at once, and the second was dialed all the same: its server \
         gets a connection that nobody will use. Stop at the first that answers; whoever dials \
         ahead gives it a head start.",
    )?;
    exam.has_no_thread_left()?; // until then one may dial yet
    let later = second.connections(exam)?.saturating_sub(before);
    exam.must(
        later == 0,
        format!(
            "nobody to be dialed when `dial` has returned with {}",
            first.addr
        ),
        format!("then {} has come to {}", count(later), second.addr),
    )
    .caused_by(
        "The second address was dialed when `dial` had returned, by a thread that it had started \
         and not stopped. Join your threads, and then return.",
    )?;
    Ok(true)
}

fn count(connections: u32) -> String {
    match connections {
        1 => "a connection".to_owned(),
        n => format!("{n} connections"),
    }
}

pub(super) fn leaves_time_for_those_behind_a_silent_address(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(900);
    let silent = [
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
    ];
    let server = Address::that_answers(exam)?;
    let (beside, reference) = (exam.reference(limit)?, exam.reference(limit)?);
    let answer = dialing(exam, dial, &[&silent[0], &silent[1], &server], limit)?;
    let connected = answer
        .succeeds("with a connection to the third address")
        .because(|case| likely::starved(case, answer.took().time, limit, &server));
    let took = answer.took();
    let stream = unless_busy(connected, beside, took, limit)?;
    is_connected_to(exam, &stream, &server)?;
    exam.must(
        took.time >= 2 * HEAD_START,
        format!("the third address to be dialed when each before it has been silent for {HEAD_START:?}"),
        format!("it took {:.1?} until the third had been dialed and had answered", took.time),
    )
    .caused_by(
        "Across an ocean the answer to a SYN takes a tenth of a second: an address that is given less is \
         taken for silent, and would have answered. Give each 100 ms at least, where the limit allows it.",
    )?;
    has_waited(took, 2 * HEAD_START)?;
    exam.must(
        reference.judges(took, limit / 2)? != Timing::Late, // before the limit is in time
        format!("a connection before the limit of {limit:?} is over"),
        format!("it took {:.1?}", took.time),
    )
    .caused_by("The two silent addresses were given more than all of the time, before the third was dialed.")
}

pub(super) fn waits_for_an_address_that_answers_late(exam: &Exam, dial: Dial) -> Verdict {
    let server = Address::that_is_silent(exam)?;
    let answer = dialing(exam, dial, &[&server], AMPLE)?;
    syn_sent(exam, &answer, &server)?;
    server.answers_from_now(exam)?;
    let stream = answer
        .succeeds("when the SYN is sent again, a second after the first")
        .because(|case| likely::gave_up(case, answer.took().time))?;
    is_connected_to(exam, &stream, &server)
}

/// Waits for the SYN. False if the answer has ended before anybody could look, or never dials.
fn syn_sent(exam: &Exam, answer: &Dialing<'_>, address: &Address) -> Verdict<bool> {
    let sent = exam.table_shows(|table| {
        let sent = attempts(table).any(|row| row.peer == address.addr);
        (sent || answer.has_ended()).then_some(sent)
    })?;
    Ok(sent == Some(true))
}
