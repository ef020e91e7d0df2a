//! What is left when a dialer has returned.

use std::{net::SocketAddr, time::Duration};

use socket_workshop::table::{End, State};

use super::{
    Dial, address::Address, attempts, dialing, is_connected_to, likely, no_connection, unless_busy,
};

use crate::exam::{Because, Exam, Verdict, descriptors, here};

pub(super) fn leaves_nothing_behind(exam: &Exam, dial: Dial) -> Verdict {
    let refuses = Address::that_refuses(exam)?;
    let silent = Address::that_is_silent(exam)?;
    let server = Address::that_answers(exam)?;
    let before = descriptors()?;

    let limit = Duration::from_millis(800);
    let reference = exam.reference(limit)?;
    let answer = dialing(exam, dial, &[&refuses, &silent, &server], limit)?;
    let connected = answer
        .succeeds("with a connection to the third address")
        .because(|case| {
            let why = "Neither a refusal nor silence says anything about the addresses behind it, and \
                 there was to be time left for them.";
            likely::not_reached(case, &server, why)
        });
    let stream = unless_busy(connected, reference, answer.took(), limit)?;
    is_connected_to(exam, &stream, &server)?;
    no_attempt_is_left(exam)?;
    let end = here("read the stream's addresses", End::of(&stream))?;
    drop(stream);
    exam.step("closed the stream that it gave back");
    let state = exam.table()?.find(end).map(|row| row.state);
    exam.must(
        state != Some(State::Established),
        "the connection to end when the stream is closed",
        "it is ESTABLISHED: no FIN has been sent",
    )
    .caused_by(
        "Another handle of the connection is still open, a clone of it (`try_clone`, dup) that was \
         forgotten or that a thread holds. Closing the last one sends the FIN.",
    )?;
    nothing_else_is_left(exam, before)?;

    let limit = Duration::from_millis(300);
    let answer = dialing(exam, dial, &[&refuses, &silent], limit)?;
    let returned = answer.returns("with a limit of 300ms")?;
    no_connection(exam, returned, "when no address answers")?;
    no_attempt_is_left(exam)?;
    nothing_else_is_left(exam, before)
}

fn no_attempt_is_left(exam: &Exam) -> Verdict {
    let table = exam.table()?;
    let under_way: Vec<SocketAddr> = attempts(&table).map(|row| row.peer).collect();
    exam.must(
        under_way.is_empty(),
        "`dial` to leave no attempt under way",
        format!("it has returned, and {under_way:?} is still being dialed (SYN_SENT)"),
    )
    .because(likely::still_under_way)
}

/// No thread, and no more descriptors than before.
fn nothing_else_is_left(exam: &Exam, before: usize) -> Verdict {
    exam.must(
        exam.leaves_no_thread()?,
        "`dial` to leave no thread",
        "it has returned, and there is one, or more",
    )
    .caused_by(
        "`dial` has returned, and a thread that it started is left. Each call would leave one: \
         see that it ends, and join it. To wait for several attempts, or for the time to pass, \
         `poll` needs no thread.",
    )?;
    let open = descriptors()?;
    exam.must(
        open <= before,
        "`dial` to leave no descriptor but the stream's",
        format!("{} more open", open.saturating_sub(before)),
    )
    .caused_by(
        "Each attempt has a socket of its own, and one that has failed must be closed too; so must \
         what you wait with, an epoll perhaps. `TcpStream`, `Socket` and `OwnedFd` close when they \
         are dropped; a raw number, and what was forgotten, does not.",
    )
}
