//! Checks of exercise 8: a large answer that arrives whole, whatever the peer is still saying.
//!
//! `call` is the answer at work on a connection, `time` what its limit is held to, `cause` what can
//! have gone wrong.

mod call;
mod cause;
mod time;

use std::{io, net::TcpStream, time::Duration};

use self::call::{
    Before::{Asked, HalfClosed, Nothing},
    Call,
    Size::{Fits, Large, Short},
};
use super::Exercise;

use crate::exam::{AMPLE, Exam, Rule, Suite, Verdict, check};

/// Exercise 8.
pub const EXERCISE: Exercise = Exercise {
    number: 8,
    name: "close",
    task: "send a large answer whole, and drain the peer before you close",
    hints: [
        "A close with bytes unread sends RST, and so does the kernel when bytes come to a socket that is \
         closed; a RST throws away what is not sent yet. So the order is: write all, say that no more \
         comes, read to the peer's end of file, close. Which call sends the FIN and lets you read on?",
        "`shutdown(Shutdown::Write)` sends the FIN, behind the data; then read and throw away until \
         Ok(0). Both the writes and the reads have one deadline, an `Instant`: before each of them compute \
         what remains, and set that as its timeout. `write_all` with a timeout begins it anew for each \
         part: write in a loop of your own. A call that times out is WouldBlock on Unix.",
        "let deadline = Instant::now() + limit; while !bytes.is_empty() { \
         stream.set_write_timeout(Some(remaining(deadline)?))?; match stream.write(bytes) { Ok(n) => bytes \
         = &bytes[n..], Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => {}, Err(error) \
         => return Err(error) } } if let Err(error) = stream.shutdown(Shutdown::Write) { \
         return Err(stream.take_error()?.unwrap_or(error)) } and the same loop once more with \
         set_read_timeout and read, to Ok(0), where remaining(…) is an error of the kind TimedOut when \
         nothing remains.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 8 is held to.
pub const SUITE: Suite<Function> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "all of it arrives, and the end of file behind it",
                all_of_it_arrives,
            ),
            check(
                "all of it arrives although bytes are unread",
                arrives_although_bytes_are_unread,
            ),
            check("hears the peer out", hears_the_peer_out),
            check(
                "all of it arrives where the peer's end of file came first",
                arrives_after_the_peers_end_of_file,
            ),
            check(
                "returns, and has closed, when the peer has closed",
                returns_when_the_peer_has_closed,
            ),
            check("goes on after a signal", goes_on_after_a_signal),
            check("tells a reset", tells_a_reset),
            check(
                "gives up a peer that never closes",
                time::gives_up_a_peer_that_never_closes,
            ),
            check(
                "gives up a peer that talks for ever",
                time::gives_up_a_peer_that_talks_for_ever,
            ),
            check(
                "gives up a peer that hardly reads",
                time::gives_up_a_peer_that_hardly_reads,
            ),
        ],
    )],
    cause: cause::likely,
};

/// The student's function.
pub type Function = fn(TcpStream, &[u8], Duration) -> io::Result<()>;

/// A peer that says nothing: nothing is ever unread.
fn all_of_it_arrives(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Nothing))?;
    call.arrives()?;
    call.goes_on()
}

fn arrives_although_bytes_are_unread(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.is_full()?;
    call.arrives()?;
    call.goes_on()
}

fn hears_the_peer_out(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.arrives()?;
    for words in ["and", "another thing", "before I go"] {
        call.hears(words.as_bytes())?;
    }
    call.peer.send(b"bye")?;
    call.peer.half_close()?;
    call.succeeds()
}

/// First more than there is room for. Then as much as there is: the answer may return, and what it has
/// written is not sent yet, for the peer does not read.
fn arrives_after_the_peers_end_of_file(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, HalfClosed))?;
    call.is_full()?;
    call.arrives()?;
    call.succeeds()?;

    let call = Call::begin(exam, function, AMPLE, (Fits, HalfClosed))?;
    call.answer.comes_to_its_end()?; // an answer that waits until all has been read is right, too
    call.arrives()?;
    call.succeeds()
}

fn returns_when_the_peer_has_closed(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.arrives()?;
    call.peer.half_close()?;
    call.succeeds()
}

fn goes_on_after_a_signal(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.is_full()?;
    call.interrupts()?;
    call.arrives()?;
    call.interrupts()?;
    call.hears(b"are you there?")?;
    call.peer.half_close()?;
    call.succeeds()
}

fn tells_a_reset(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.is_full()?;
    call.tells_a_reset("while it was writing")?;

    let call = Call::begin(exam, function, AMPLE, (Short, Nothing))?;
    call.arrives()?;
    call.tells_a_reset("behind the end of file")
}
