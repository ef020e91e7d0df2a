//! Checks of exercise 9: a connection brought into the states that are asked for.
//!
//! `call` calls the answer and lets the kernel decide; `cause` says which FIN has been sent and which
//! has not, as the states that came out tell it.

mod call;
mod cause;

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
};

use socket_workshop::table::State::{self, *};

use self::call::{Bytes, bringing, brings};
use super::Exercise;

use crate::exam::{Because, Exam, Rule, Suite, Verdict, check};

/// Exercise 9.
pub const EXERCISE: Exercise = Exercise {
    number: 9,
    name: "states",
    task: "a connection brought into the states that are asked for",
    hints: [
        "Write beside each state which FINs it has seen: its own, not sent, waiting or acknowledged, and \
         the other end's. `shutdown(Write)` sends one; it waits for as long as there is data in front of \
         it that the other end does not read, and has no room for.",
        "Four moves are enough, for either end: shut down; fill (`set_nonblocking(true)`, write 64 KiB, of \
         which a part is taken, `set_nonblocking(false)`); read to the end of file, which lets the other's \
         FIN through; and for no row at all, SO_LINGER of 0 seconds and drop. Keep both streams: a drop \
         is a close.",
        "match states { (FinWait2, CloseWait) => fin(&client)?, (TimeWait, Close) => { fin(&client)?; \
         read_to_end(&server)?; fin(&server)? } (Closing, FinWait2) => { fill(&client)?; fill(&server)?; \
         fin(&client)?; fin(&server)?; read_to_end(&client)? } … } Ok((Some(client), Some(server))), \
         and for the other way round: bring(server, client, (states.1, states.0)).map(|(s, c)| (c, s))",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 9 is held to.
pub const SUITE: Suite<Bring> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check("half-closes either end", half_closes_either_end),
            check(
                "leaves TIME_WAIT at the client",
                leaves_time_wait_at_the_client,
            ),
            check(
                "leaves TIME_WAIT at the server, with bytes unread",
                leaves_time_wait_at_the_server,
            ),
            check(
                "keeps a FIN waiting behind data",
                keeps_a_fin_waiting_behind_data,
            ),
            check("keeps both FINs waiting", keeps_both_fins_waiting),
            check("brings either end to CLOSING", brings_either_end_to_closing),
            check(
                "leaves TIME_WAIT at both ends",
                leaves_time_wait_at_both_ends,
            ),
            check(
                "brings the second to close to LAST_ACK",
                brings_the_second_to_close_to_last_ack,
            ),
            check("leaves no row", leaves_no_row),
            check("refuses what cannot be", refuses_what_cannot_be),
        ],
    )],
    cause: |_| None,
};

/// The student's function.
pub type Bring =
    fn(TcpStream, TcpStream, (State, State)) -> io::Result<(Option<TcpStream>, Option<TcpStream>)>;

fn half_closes_either_end(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (FinWait2, CloseWait), Bytes::None)?;
    brings(exam, bring, (CloseWait, FinWait2), Bytes::Unread)
}

fn leaves_time_wait_at_the_client(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (TimeWait, Close), Bytes::None)
}

fn leaves_time_wait_at_the_server(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (Close, TimeWait), Bytes::Unread)
}

fn keeps_a_fin_waiting_behind_data(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (FinWait1, Established), Bytes::None)?;
    brings(exam, bring, (Established, FinWait1), Bytes::Unread)
}

fn keeps_both_fins_waiting(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (FinWait1, FinWait1), Bytes::None)
}

fn brings_either_end_to_closing(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (Closing, FinWait2), Bytes::None)?;
    brings(exam, bring, (FinWait2, Closing), Bytes::None)
}

fn leaves_time_wait_at_both_ends(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (TimeWait, TimeWait), Bytes::None)
}

fn brings_the_second_to_close_to_last_ack(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (FinWait2, LastAck), Bytes::None)?;
    brings(exam, bring, (LastAck, FinWait2), Bytes::Unread)
}

fn leaves_no_row(exam: &Exam, bring: Bring) -> Verdict {
    brings(exam, bring, (Close, Close), Bytes::None)
}

fn refuses_what_cannot_be(exam: &Exam, bring: Bring) -> Verdict {
    for asked in [(CloseWait, CloseWait), (CloseWait, LastAck)] {
        let (answer, _) = bringing(exam, bring, asked, Bytes::None)?;
        let returned = answer.returns("for states that cannot be");
        let expected = "an error of kind InvalidInput: no connection can be in these states";
        match returned.because(cause::of_no_end)? {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {}
            Err(error) => exam
                .fail(expected, format!("one of kind {:?}: {error}", error.kind()))
                .caused_by(
                    "What cannot be is a mistake in the input, and no trouble of a socket's.",
                )?,
            Ok(_) => exam
                .fail(expected, "it has returned Ok")
                .caused_by(cause::of_what_cannot_be(asked))?,
        }
    }
    Ok(())
}
