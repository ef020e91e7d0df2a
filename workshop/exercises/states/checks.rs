//! Checks of exercise 9: a connection brought into a given pair of states.
//!
//! `harness` calls the answer and asks the kernel; `cause` says which FIN has been sent and which
//! has not, as the states show it.

mod cause;
mod harness;

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
};

use socket_workshop::table::State::{self, *};

use self::harness::{Brought, Bytes, Handed, Pair, bringing};
use super::Exercise;

use crate::exam::{Because, Exam, Rule, Suite, Verdict, check};

/// Exercise 9.
pub const EXERCISE: Exercise = Exercise {
    number: 9,
    name: "states",
    task: "bring a connection into a given pair of states",
    hints: [
        "Write beside each state which FINs it has seen: its own (not sent, waiting or \
         acknowledged) and the other end's. `shutdown(Write)` sends one. The FIN waits while there \
         is data before it for which the other end has no room.",
        "Four moves are enough, for either end: shut down; fill (`set_nonblocking(true)`, write 64 \
         KiB, of which the kernel takes a part, `set_nonblocking(false)`); read to end of file, \
         which lets the other end's FIN through; and for no row at all, SO_LINGER of 0 seconds and \
         drop. Keep both streams: a drop is a close.",
        "match states { (FinWait2, CloseWait) => fin(&client)?, (TimeWait, Close) => { \
         fin(&client)?; read_to_end(&server)?; fin(&server)? } (Closing, FinWait2) => { \
         fill(&client)?; fill(&server)?; fin(&client)?; fin(&server)?; read_to_end(&client)? } … } \
         Ok((Some(client), Some(server))), and for the other way round: bring(server, client, \
         (states.1, states.0)).map(|(s, c)| (c, s))",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 9 is held to.
pub const SUITE: Suite<Bring> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "For each pair of the table, bring the client into the first state and the server into \
             the second.",
            &[
                check("reaches FIN_WAIT2 and CLOSE_WAIT", |exam, bring| {
                    reaches(exam, bring, (FinWait2, CloseWait))
                }),
                check("reaches FIN_WAIT2 and LAST_ACK", |exam, bring| {
                    reaches(exam, bring, (FinWait2, LastAck))
                }),
                check("reaches FIN_WAIT2 and CLOSING", |exam, bring| {
                    reaches(exam, bring, (FinWait2, Closing))
                }),
                check("reaches FIN_WAIT1 and ESTABLISHED", |exam, bring| {
                    reaches(exam, bring, (FinWait1, Established))
                }),
                check("reaches FIN_WAIT1 at both ends", |exam, bring| {
                    reaches(exam, bring, (FinWait1, FinWait1))
                }),
                check("reaches TIME_WAIT at the client only", |exam, bring| {
                    reaches(exam, bring, (TimeWait, Close))
                }),
                check("reaches TIME_WAIT at both ends", |exam, bring| {
                    reaches(exam, bring, (TimeWait, TimeWait))
                }),
                check("leaves no row at either end", |exam, bring| {
                    reaches(exam, bring, (Close, Close))
                }),
            ],
        ),
        Rule::core(
            "Do the same for each pair the other way round.",
            &[check(
                "reaches each pair the other way round",
                reaches_the_other_way_round,
            )],
        ),
        Rule::core(
            "When the segments under way have arrived, the kernel must show these states, and go \
             on showing them for a minute. (That is how long TIME_WAIT lasts.)",
            &[check("keeps the states", keeps_the_states)],
        ),
        Rule::core(
            "Return the ends that must stay open for that: first the client, then the server. You \
             may return more than must stay open.",
            &[
                check(
                    "returns the ends that must stay open",
                    returns_what_must_stay_open,
                ),
                check("returns the client first", returns_the_client_first),
            ],
        ),
        Rule::hardened(
            "There may be unread bytes at both ends, up to 4000 at each. Reach the same states; \
             you may discard the bytes.",
            &[check(
                "reaches each pair with bytes unread",
                reaches_each_with_bytes_unread,
            )],
        ),
        Rule::hardened(
            "For a pair in which no connection can be, such as CloseWait and CloseWait, return \
             InvalidInput.",
            &[check("refuses impossible pairs", refuses_impossible_pairs)],
        ),
        Rule::hardened(
            "Return the ends with their options unchanged: blocking and without timeouts.",
            &[check("leaves the options unchanged", leaves_the_options)],
        ),
        Rule::hardened(
            "On every path out, leave no thread, and no descriptor except those that you return.",
            &[
                check("leaves no thread on any path", leaves_no_thread),
                check("leaves no descriptor on any path", leaves_no_descriptor),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Bring =
    fn(TcpStream, TcpStream, (State, State)) -> io::Result<(Option<TcpStream>, Option<TcpStream>)>;

/// The pairs of the table.
const PAIRS: [(State, State); 8] = [
    (FinWait2, CloseWait),
    (FinWait2, LastAck),
    (FinWait2, Closing),
    (FinWait1, Established),
    (FinWait1, FinWait1),
    (TimeWait, TimeWait),
    (TimeWait, Close),
    (Close, Close),
];

/// The states of an end that has, or has had, a connection.
const STATES: [State; 7] = [
    CloseWait,
    LastAck,
    Established,
    FinWait1,
    FinWait2,
    TimeWait,
    Closing,
];

/// Pairs that no connection can be in, whatever is lost.
fn impossible_pairs() -> impl Iterator<Item = (State, State)> {
    let pairs = STATES.into_iter();
    let pairs = pairs.flat_map(|client| STATES.map(|server| (client, server)));
    pairs.filter(|pair| cause::is_impossible(*pair))
}

fn reaches(exam: &Exam, bring: Bring, asked: (State, State)) -> Verdict {
    Brought::to(exam, bring, asked, Bytes::None)?.ends()
}

fn reaches_the_other_way_round(exam: &Exam, bring: Bring) -> Verdict {
    for (client, server) in PAIRS
        .into_iter()
        .filter(|(client, server)| client != server)
    {
        reaches(exam, bring, (server, client))?;
    }
    Ok(())
}

fn keeps_the_states(exam: &Exam, bring: Bring) -> Verdict {
    for asked in PAIRS {
        reaches(exam, bring, asked)?;
    }
    Ok(())
}

/// An end that has not sent a FIN sends one when it is closed.
fn returns_what_must_stay_open(exam: &Exam, bring: Bring) -> Verdict {
    for asked in [
        (FinWait2, CloseWait),
        (CloseWait, FinWait2),
        (FinWait1, Established),
        (Established, FinWait1),
    ] {
        let brought = Brought::to(exam, bring, asked, Bytes::None)?;
        brought.has_what_must_stay_open()?;
        brought.ends()?;
    }
    Ok(())
}

fn returns_the_client_first(exam: &Exam, bring: Bring) -> Verdict {
    for (client, server) in PAIRS {
        for asked in [(client, server), (server, client)] {
            let brought = Brought::to(exam, bring, asked, Bytes::None)?;
            brought.has_the_client_first()?;
            brought.ends()?;
        }
    }
    Ok(())
}

/// Few bytes, and more than one read into a small buffer takes.
const UNREAD: [Bytes; 2] = [Bytes::Unread(5), Bytes::Unread(4000)];

fn reaches_each_with_bytes_unread(exam: &Exam, bring: Bring) -> Verdict {
    for (client, server) in PAIRS {
        for asked in [(client, server), (server, client)] {
            for unread in UNREAD {
                Brought::to(exam, bring, asked, unread)?.ends()?;
            }
        }
    }
    Ok(())
}

fn refuses_impossible_pairs(exam: &Exam, bring: Bring) -> Verdict {
    for asked in impossible_pairs() {
        let (answer, _) = bringing(exam, bring, asked, Bytes::None)?;
        let returned = answer.returns("for an impossible pair");
        let expected = "an error of the kind InvalidInput: no connection can be in these states";
        match returned.because(cause::of_no_end)? {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {}
            Err(error) => exam
                .fail(expected, format!("one of kind {:?}: {error}", error.kind()))
                .caused_by(
                    "Your code returns another error for a pair that cannot be. The pair is a \
                     wrong argument: check it first, and return InvalidInput.",
                )?,
            Ok(_) => exam
                .fail(expected, "it has returned Ok")
                .caused_by(cause::of_an_impossible_pair(asked))?,
        }
    }
    Ok(())
}

fn leaves_the_options(exam: &Exam, bring: Bring) -> Verdict {
    for asked in PAIRS {
        let brought = Brought::to(exam, bring, asked, Bytes::None)?;
        brought.has_its_options()?;
        brought.ends()?;
    }
    Ok(())
}

fn leaves_no_thread(exam: &Exam, bring: Bring) -> Verdict {
    on_every_path(exam, bring, |pair, _| pair.left_no_thread())
}

fn leaves_no_descriptor(exam: &Exam, bring: Bring) -> Verdict {
    on_every_path(exam, bring, |pair, ends| pair.left_no_descriptor(ends))
}

/// What must be so after each pair, and after one that is refused. It is told how many ends were
/// returned.
fn on_every_path(exam: &Exam, bring: Bring, must: impl Fn(&Pair<'_>, usize) -> Verdict) -> Verdict {
    for asked in PAIRS {
        let brought = Brought::to(exam, bring, asked, Bytes::None)?;
        must(&brought.pair, brought.count())?;
        brought.ends()?;
    }
    let (answer, pair) = bringing(exam, bring, (CloseWait, CloseWait), Bytes::None)?;
    let returned = answer.returns("for an impossible pair");
    // Ok is wrong, and checked elsewhere: what it returned stays open until all has been looked at.
    let handed = returned.because(cause::of_no_end)?.ok();
    must(&pair, handed.as_ref().map_or(0, Handed::count))
}
