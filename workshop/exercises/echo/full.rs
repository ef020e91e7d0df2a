//! The checks in which the way back is full: a write must wait until the client reads.

use std::net::TcpStream;

use socket2::SockRef;

use super::{Echo, cause, ends, succeeds};

use crate::exam::{
    Because, Call, CheckError, Exam, Peer, Verdict, diagnosis::DROPS_THE_REST_OF_A_WRITE, numbered,
    or_skip,
};

/// A buffer that a few writes fill, in bytes.
const SMALL: usize = 16 << 10;

/// More than there is room for on the way back, in bytes.
const MUCH: usize = 192 << 10;

/// Less than the window in which the client has been promised room, in bytes.
pub(super) const LITTLE: usize = 40 << 10;

pub(super) fn returns_when_all_is_written(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = exam.connection()?;
    let small = SockRef::from(&server).set_send_buffer_size(SMALL);
    or_skip("set SO_SNDBUF", small)?;
    // No less than has been promised to the server: the kernel would throw away what it has no room
    // for.
    let promised = SockRef::from(client.stream()).set_recv_buffer_size(64 << 10);
    or_skip("set SO_RCVBUF", promised)?;
    let all = numbered(MUCH);
    if client.fill(&all)? < all.len() {
        return Err(CheckError::skipped(
            "the kernel does not take 192 KiB at once",
        ));
    }
    exam.step(format!("sent {MUCH} bytes, and does not read"));
    client.half_close()?;
    let answer = exam.start("echo", move || echo(server))?;
    answer
        .goes_on(
            "the client has not read, and the buffers on the way to it have no room for this \
                  many bytes",
        )
        .because(cause::returns_too_early)?;
    for part in all.chunks(MUCH / 4) {
        client
            .receives(part)
            .diagnose(&[DROPS_THE_REST_OF_A_WRITE])?;
    }
    ends(&client)?;
    succeeds(&answer, "after end of file")?;
    Ok(())
}

/// A write that waits for room may wait for a long time: the client is still connected.
pub(super) fn keeps_a_client_that_does_not_read(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = with_little_room_on_the_way_back(exam)?;
    let answer = exam.start("echo", move || echo(server))?;
    let sent = numbered(MUCH);
    let _pouring = client.pours(sent.clone())?;
    let _ended = exam.comes_true(|| Ok(answer.has_ended()))?;
    answer
        .goes_on("the client does not read yet, and has not closed")
        .because(cause::ends_without_room)?;
    exam.step("the client begins to read");
    client.receives(&sent).because(cause::ends_without_room)?;
    client.half_close()?;
    succeeds(&answer, "after end of file")?;
    Ok(())
}

/// A connection on which a write of the answer's is soon blocked, however little each one brings.
pub(super) fn with_little_room_on_the_way_back(exam: &Exam) -> Verdict<(Peer<'_>, TcpStream)> {
    with_room_on_the_way_back(exam, SMALL)
}

/// The same, and the server's kernel has received everything that the client sends, and its FIN.
pub(super) fn with_less_room_and_a_fin(exam: &Exam) -> Verdict<(Peer<'_>, TcpStream)> {
    let (client, server) = with_room_on_the_way_back(exam, 4 << 10)?;
    client.send(&numbered(LITTLE))?;
    client.half_close()?;
    Ok((client, server))
}

fn with_room_on_the_way_back(exam: &Exam, room: usize) -> Verdict<(Peer<'_>, TcpStream)> {
    let (client, server) = exam.connection()?;
    let small = SockRef::from(&server).set_send_buffer_size(room);
    or_skip("set SO_SNDBUF", small)?;
    let small = SockRef::from(client.stream()).set_recv_buffer_size(room);
    or_skip("set SO_RCVBUF", small)?;
    Ok((client, server))
}

/// A write that took only a part is what a busy server sees. Here a signal makes it happen: to a
/// write that is blocked in the middle, which then returns how much it had done (signal(7)).
pub(super) fn sends_the_rest(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = with_little_room_on_the_way_back(exam)?;
    let answer = exam.start("echo", move || echo(server))?;
    let sent = numbered(MUCH);
    let _pouring = client.pours(sent.clone())?;
    let mut pieces = sent.chunks(8000);
    // An answer that never waits in a write, or not soon, has none that could be cut short.
    for piece in pieces.by_ref().take(12) {
        let blocked = exam.waits_in(Call::Write)?;
        if blocked {
            answer.interrupt()?;
            exam.step("interrupted your `write`: if it had taken a part, it returned how much");
        }
        client
            .receives(piece)
            .because(cause::ends_without_room)
            .diagnose(&[DROPS_THE_REST_OF_A_WRITE])?;
        if !blocked {
            break;
        }
    }
    for piece in pieces {
        client
            .receives(piece)
            .because(cause::ends_without_room)
            .diagnose(&[DROPS_THE_REST_OF_A_WRITE])?;
    }
    client.half_close()?;
    succeeds(&answer, "after end of file")?;
    sends_the_rest_of_the_last_write(exam, echo)
}

/// The client sends nothing after the bytes whose write was cut short: the rest must come without.
fn sends_the_rest_of_the_last_write(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = with_little_room_on_the_way_back(exam)?;
    let answer = exam.start("echo", move || echo(server))?;
    let sent = numbered(MUCH);
    let (mut received, mut end, mut cuts) = (0, 0, 0);
    while end < sent.len() && cuts < 8 {
        // Of several sizes: then some write is in the middle, whatever the size of the buffer is.
        let begin = end;
        end = sent.len().min(begin + 5000 + 700 * cuts);
        client.send(&sent[begin..end])?;
        if exam.waits_in(Call::Write)? {
            answer.interrupt()?;
            cuts += 1;
            exam.step("interrupted your `write`; the client sends nothing more until it has all");
            client
                .receives(&sent[received..end])
                .because(cause::keeps_the_rest)
                .because(cause::ends_without_room)
                .diagnose(&[DROPS_THE_REST_OF_A_WRITE])?;
            received = end;
        }
    }
    client.receives(&sent[received..end])?;
    client.half_close()?;
    succeeds(&answer, "after end of file")?;
    Ok(())
}
