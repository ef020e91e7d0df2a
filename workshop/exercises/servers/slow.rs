//! A client that does not read its answers.

use super::{
    Serve, cause,
    serving::{EAGER, ENOUGH, LONG, Lines, SHORT, Serving, answer_to, lines_from},
};
use crate::exam::{Because, Exam, Peer, Verdict};

/// What may be held for a client, in bytes.
const MOST: usize = 1 << 20;

pub(super) fn delays_no_other(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let other = serving.client("other client")?;
    serving.answers(&other, b"before\n")?;
    let slow = serving.narrow_client("slow client")?;
    serving.fills(&slow)?;
    serving.answers(&other, b"meanwhile\n")?;
    let third = serving.client("third client")?;
    serving.answers(&third, b"third\n")
}

/// The kernel has taken all answers, so the connection can be closed: a close may wait.
pub(super) fn closes_without_a_wait(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_large_send_buffers(exam, serve)?;
    let other = serving.client("other client")?;
    serving.answers(&other, b"before\n")?;
    let slow = serving.narrow_client("slow client")?;
    let sent = serving.sends_plenty(&slow)?;
    serving.answers(&other, b"meanwhile\n")?;
    serving.receives(&slow, &answer_to(&sent))?;
    serving.ends(&slow)
}

pub(super) fn sends_everything(exam: &Exam, serve: Serve) -> Verdict {
    for length in [LONG, SHORT] {
        let serving = Serving::begin_with_small_buffers(exam, serve)?;
        let slow = serving.narrow_client("slow client")?;
        let sent = serving.fills_with(&slow, length)?;
        serving.receives(&slow, &answer_to(&sent))?;
        // It has read everything, and is a client as any other again.
        let begun = sent.len() % length;
        let rest = &lines_from(sent.len(), length)[..length - begun];
        slow.send(rest)?;
        let line = [&sent[sent.len() - begun..], rest].concat();
        serving.receives(&slow, &answer_to(&line))?;
        serving.answers(&slow, b"all of it\n")?;

        // Once more, a little at a time.
        let sent = serving.fills_with(&slow, length)?;
        for piece in answer_to(&sent).chunks(1 << 10).take(20) {
            serving.receives(&slow, piece)?;
            exam.comes_to_rest()?;
        }
    }
    Ok(())
}

pub(super) fn waits_for_room(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let slow = serving.narrow_client("slow client")?;
    serving.fills(&slow)?;
    serving.rests("while a client does not read")?;

    let ended = serving.narrow_client("second slow client")?;
    serving.fills(&ended)?;
    ended.half_close()?;
    serving.rests("while a client does not read, and has half-closed")?;

    let told = serving.narrow_client("client whose FIN arrives")?;
    serving.ends_while_answers_wait(&told)?;
    serving.rests("while a client does not read, and its FIN has arrived")?;

    // A server may read this all, and the end of file after it, before it is to wait for room.
    let read = serving.narrow_client("third slow client")?;
    serving.sends_a_little(&read)?;
    serving.rests("while a client does not read, and its end of file can be read")
}

pub(super) fn holds_a_mebibyte(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    // A limit on the number of answers does not limit their length.
    let slow = serving.narrow_client("slow client with long lines")?;
    takes_at_most_that(exam, &serving.fills_with(&slow, LONG)?)?;
    let slow = serving.narrow_client("slow client")?;
    let taken = serving.fills(&slow)?;
    takes_at_most_that(exam, &taken)?;
    // How far a read goes above the limit is chance, so more than once.
    let pieces = [20_000, 9_000, 30_000, 14_000, 25_000, 11_000, 27_000];
    let length = SHORT;
    let lines = Lines {
        length,
        enough: ENOUGH,
    };
    holds_it_after_each(&serving, &slow, lines, taken, &pieces)?;
    // Each read of the server makes room, and the kernel usually fills it at once from the send
    // buffer of this client: then there is always more to read.
    let eager = serving.eager_client("eager client")?;
    let mut taken = Vec::new();
    let lines = Lines {
        length,
        enough: EAGER,
    };
    serving.fills_more(&eager, lines, &mut taken)?;
    holds_it_after_each(&serving, &eager, lines, taken, &[40_000; 6])
}

/// A client reads each of these numbers of bytes, and sends as many lines as go after each.
fn holds_it_after_each(
    serving: &Serving,
    client: &Peer,
    lines: Lines,
    mut taken: Vec<u8>,
    pieces: &[usize],
) -> Verdict {
    let mut read = 0;
    for more in pieces {
        holds_at_most_that(serving, client, taken.len() - read)?;
        let answers = answer_to(&taken);
        serving.receives(client, &answers[read..read + more])?;
        read += more;
        serving.fills_more(client, lines, &mut taken)?;
    }
    holds_at_most_that(serving, client, taken.len() - read)
}

/// The server and the kernel's buffers hold what a client has sent that does not read.
fn takes_at_most_that(exam: &Exam, taken: &[u8]) -> Verdict {
    exam.must(
        taken.len() <= MOST + (512 << 10),
        "at most 1 MiB to be held, besides what the kernel's buffers hold",
        format!("{} bytes have been taken from the client", taken.len()),
    )
    .caused_by(cause::TAKES_TOO_MUCH)
}

/// What is in none of the kernel's queues, the server holds. `all`: what the client has sent, less
/// what it has read.
fn holds_at_most_that(serving: &Serving, client: &Peer, all: usize) -> Verdict {
    let exam = serving.exam;
    exam.stays_at_rest()?;
    let in_queues = serving.in_queues(client)?;
    exam.step(format!(
        "the queues of both ends hold {in_queues} bytes of these lines, and of their answers"
    ));
    let held = all.saturating_sub(in_queues);
    exam.must(
        held <= MOST,
        "at most 1 MiB to be held, besides what the kernel's buffers hold",
        format!("{held} bytes are in none of the queues"),
    )
    .caused_by(cause::STOPS_TOO_LATE)
}
