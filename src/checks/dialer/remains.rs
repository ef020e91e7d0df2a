//! What is left when a dialer has returned.

use std::{net::SocketAddr, time::Duration};

use super::{Dial, address::Address, attempts, dialing, is_connected_to, likely, no_connection};
use crate::exam::{Because, Exam, Verdict, descriptors};

pub(super) fn leaves_nothing_behind(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(900);
    let refuses = Address::that_refuses(exam)?;
    let silent = Address::that_is_silent(exam)?;
    let server = Address::that_answers(exam)?;
    let before = descriptors()?;

    let answer = dialing(exam, dial, &[&refuses, &silent, &server], limit)?;
    let stream = answer
        .succeeds("with a connection to the third address")
        .because(|case| {
            let why = "Neither a refusal nor silence says anything about the addresses behind it, and \
                 there was to be time left for them.";
            likely::not_reached(case, &server, why)
        })?;
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
    .because(likely::still_under_way)?;
    let open = descriptors()?;
    exam.must(
        open <= expected,
        format!("`dial` to leave {left}, and no other descriptor"),
        format!("{} more open", open.saturating_sub(expected)),
    )
    .caused_by(
        "Each attempt has a socket of its own, and one that has failed must be closed too. \
         `TcpStream`, `Socket` and `OwnedFd` close when they are dropped; a raw number, and what was \
         forgotten, does not.",
    )
}
