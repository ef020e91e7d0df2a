//! The checks in which the way back is full: a write must wait until the client reads.

use std::net::TcpStream;

use socket_workshop::table::{End, Table};

use super::{Echo, cause, ends, succeeds};

use crate::exam::{
    Because, Buffers, Call, CheckError, Exam, Peer, Verdict, diagnosis::DROPS_THE_REST_OF_A_WRITE,
    numbered, or_skip,
};

/// The answer's send buffer, in bytes: a few writes fill it.
const SMALL: usize = 4 << 10;

/// The client's receive buffer, in bytes. The kernel puts at most half a window into a segment.
/// Here that is not a whole number of an answer's writes, whatever their size: some take a part.
const ODD: usize = 12_345;

/// How far the client's last byte is behind the byte for which there is no room any more. A read
/// takes both, unless the answer's buffer is very small.
const REST: usize = 350;

/// How often the last write is cut short: one that had taken nothing goes on.
const CUTS: usize = 4;

/// The number of connections, at most, on which that is tried.
const CONNECTIONS: usize = 12;

/// More than there is room for on the way back, in bytes.
const MUCH: usize = 192 << 10;

/// Less than the window in which the client has been promised room, in bytes.
pub(super) const LITTLE: usize = 40 << 10;

pub(super) fn returns_when_all_is_written(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = exam.connection_with(Buffers {
        their_receive: 64 << 10,
        ..Buffers::back(SMALL)
    })?;
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
    exam.connection_with(Buffers {
        their_receive: ODD,
        ..Buffers::back(SMALL)
    })
}

/// The same, and the server's kernel has received everything that the client sends, and its FIN.
pub(super) fn with_less_room_and_a_fin(exam: &Exam) -> Verdict<(Peer<'_>, TcpStream)> {
    let (client, server) = exam.connection_with(Buffers::back(SMALL))?;
    client.send(&numbered(LITTLE))?;
    client.half_close()?;
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
/// Each connection shows how many bytes have room on the way back. The next one sends a few more.
fn sends_the_rest_of_the_last_write(exam: &Exam, echo: Echo) -> Verdict {
    let all = numbered(MUCH);
    let (mut many, mut cuts) = (all.len(), 0);
    for _connection in 0..CONNECTIONS {
        let (client, server) = with_little_room_on_the_way_back(exam)?;
        let end = or_skip("read an address", End::of(&server))?;
        let answer = exam.start("echo", move || echo(server))?;
        let sent = &all[..client.fill(&all[..many])?];
        exam.step(format!("sent {} bytes, and does not read", sent.len()));
        let blocked = stays_in_a_write(exam)?;
        let written = written_at(end, &exam.table()?);
        if blocked {
            answer.interrupt()?;
            exam.step("interrupted your `write`; the client sends nothing more until it has all");
        }
        client
            .receives(sent)
            .because(cause::keeps_the_rest)
            .because(cause::ends_without_room)
            .diagnose(&[DROPS_THE_REST_OF_A_WRITE])?;
        client.half_close()?;
        succeeds(&answer, "after end of file")?;
        cuts += usize::from(blocked && sent.len() < written + 2 * REST);
        many = match blocked {
            true => written + REST,
            false => many + REST,
        };
        if cuts == CUTS || many > all.len() {
            break;
        }
    }
    Ok(())
}

/// Whether a thread of the answer's is blocked in a write, and stays so until the client reads. By
/// then all that has arrived is acknowledged.
fn stays_in_a_write(exam: &Exam) -> Verdict<bool> {
    exam.stays_at_rest()?;
    exam.waits_in(Call::Write)
}

/// How many bytes have been written at this end, if the other end has read none.
fn written_at(end: End, table: &Table) -> usize {
    let queued = table.find(end).map_or(0, |row| row.send_q);
    let arrived = table.find(end.other()).map_or(0, |row| row.recv_q);
    (queued + arrived) as usize
}
