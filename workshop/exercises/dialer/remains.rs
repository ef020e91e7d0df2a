//! What is left after a dialer has returned.

use std::{net::SocketAddr, time::Duration};

use socket_workshop::table::{End, State};

use super::{
    Dial, address::Address, attempts, cause, connects::UNREACHABLE, dialing, dialing_at,
    is_connected_to, no_connection, unless_busy,
};

use crate::exam::{
    AMPLE, Because, Exam, Verdict, descriptors, diagnosis::LEAVES_A_THREAD, or_skip,
};

pub(super) fn leaves_nothing_beside_the_stream(exam: &Exam, dial: Dial) -> Verdict {
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
            let why = "Neither a refusal nor silence says anything about the later addresses: \
                 leave time for them, and dial them all.";
            cause::not_reached(case, &server, why)
        });
    let stream = unless_busy(connected, reference, answer.took(), limit)?;
    is_connected_to(exam, &stream, &server)?;
    no_attempt_is_left(exam)?;
    let end = or_skip("read the stream's addresses", End::of(&stream))?;
    drop(stream);
    exam.step("closed the stream that it returned");
    let state = exam.table()?.find(end).map(|row| row.state);
    exam.must(
        state != Some(State::Established),
        "the connection to end when the stream is closed",
        "it is ESTABLISHED: no FIN has been sent",
    )
    .caused_by(
        "Another handle of the connection is still open: a clone (`try_clone`, dup) that your code \
         keeps, or that a thread holds. The kernel sends the FIN when the last one is closed. Keep \
         no clone.",
    )?;
    nothing_else_is_left(exam, before)
}

pub(super) fn leaves_nothing_after_an_error(exam: &Exam, dial: Dial) -> Verdict {
    let refuses = Address::that_refuses(exam)?;
    let silent = Address::that_is_silent(exam)?;
    let before = descriptors()?;
    for limit in [Duration::from_millis(300), Duration::ZERO] {
        let answer = dialing(exam, dial, &[&refuses, &silent], limit)?;
        let returned = answer.returns(&format!("with a limit of {limit:?}"))?;
        no_connection(exam, returned, "when no address answers")?;
        no_attempt_is_left(exam)?;
        nothing_else_is_left(exam, before)?;
    }
    let answer = dialing_at(exam, dial, vec![UNREACHABLE], AMPLE)?;
    let returned = answer.returns("when the only address is unreachable")?;
    no_connection(exam, returned, "when the only address is unreachable")?;
    nothing_else_is_left(exam, before)
}

fn no_attempt_is_left(exam: &Exam) -> Verdict {
    let had_threads = !exam.evidence().threads.is_empty(); // before the look: they may end meanwhile
    let table = exam.table()?;
    let under_way: Vec<SocketAddr> = attempts(&table).map(|row| row.peer).collect();
    exam.must(
        under_way.is_empty(),
        "`dial` to leave no attempt under way",
        format!("it has returned, and {under_way:?} is still being dialed (SYN_SENT)"),
    )
    .because(|case| cause::still_under_way(case, had_threads))
}

/// No thread, and no more descriptors than before.
fn nothing_else_is_left(exam: &Exam, before: usize) -> Verdict {
    exam.must(
        exam.leaves_no_thread()?,
        "`dial` to leave no thread",
        "it has returned, and a thread is still there",
    )
    .diagnose(&[LEAVES_A_THREAD])?;
    let open = descriptors()?;
    exam.must(
        open <= before,
        "`dial` to leave no descriptor but the stream's",
        format!("{} more are open", open.saturating_sub(before)),
    )
    .caused_by(
        "Each attempt has a socket of its own. Close those that failed too, and also what you wait \
         with, such as an epoll. `TcpStream`, `Socket` and `OwnedFd` close when they are dropped. \
         A raw descriptor is not closed when it is dropped, and neither is what goes to \
         `mem::forget`.",
    )
}
