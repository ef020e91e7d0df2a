//! Which bytes are a message, and what is left in the socket.

use socket2::SockRef;

use super::{
    ReadMessage,
    harness::{Connection, LARGE, framed, message},
};

use crate::exam::{Because, Exam, Verdict, diagnosis::READS_AHEAD, here, numbered};

pub(super) fn leaves_the_next_message(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let mut all = [framed(b"one"), framed(b"two"), framed(b"three")].concat();
    let end = all.split_off(7 + 7 + 6);
    connection.queues(&all)?;
    for (word, left) in [(b"one", 13), (b"two", 6)] {
        connection.returns(message(word))?;
        let is = connection.recv_q()?;
        let is_left = connection.leaves(left);
        match is < left {
            true => is_left.diagnose(&[READS_AHEAD])?,
            false => is_left.caused_by(
                "The message, or a part of it, is still in the socket: the next call would read it \
                 again. `peek` takes nothing. After it, read the length and the message.",
            )?,
        }
    }
    connection.peer.send(&end)?;
    connection.returns(message(b"three"))
}

pub(super) fn joins_the_pieces(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let hello = framed(b"hello");
    for cuts in [&[1, 3, 4, 6][..], &[4], &[2, 7]] {
        let call = connection.call(LARGE)?;
        let mut sent = 0;
        for cut in cuts {
            connection.sends_a_piece(&hello[sent..*cut])?;
            sent = *cut;
        }
        connection.peer.send(&hello[sent..])?;
        call.returns(message(b"hello"), |_, _| None)?;
    }
    Ok(())
}

pub(super) fn returns_the_bytes_as_they_are(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let all: Vec<u8> = (0..=255).rev().collect();
    for bytes in [&b"\0\0"[..], b"\r\n", b"a\0", b"\0\0\0\x01x", &all] {
        connection.peer.send(&framed(bytes))?;
        connection.returns(message(bytes))?;
    }
    Ok(())
}

pub(super) fn reads_any_size(exam: &Exam, read: ReadMessage) -> Verdict {
    // Of the sizes of usual buffers, and around them. Nothing follows: a read for more would wait.
    let connection = Connection::new(exam, read)?;
    let mut pouring = Vec::new(); // one that is dropped may shut the connection down
    for size in [
        1, 511, 512, 1020, 1024, 4092, 4096, 8192, 16384, 65_536, 3_000_000,
    ] {
        let bytes = numbered(size);
        pouring.push(connection.peer.pours(framed(&bytes))?);
        let call = connection.call(usize::MAX)?;
        call.returns(message(&bytes), |_, _| None)?;
    }
    // Many times what one read can bring.
    let connection = Connection::new(exam, read)?;
    let small = SockRef::from(&*connection.stream).set_recv_buffer_size(4096);
    here("set SO_RCVBUF", small)?;
    let large = numbered(30_000);
    let call = connection.call(LARGE)?;
    let pouring = connection.peer.pours(framed(&large))?;
    call.returns(message(&large), |_, _| None)?;
    drop(pouring);
    Ok(())
}

pub(super) fn returns_an_empty_message(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&framed(b""))?;
    connection.returns(message(b""))?; // with nothing after it: there is nothing to wait for
    connection.queues(&[framed(b""), framed(b"x"), framed(b"")].concat())?;
    connection.returns(message(b""))?;
    connection.returns(message(b"x"))?;
    connection.peer.half_close()?;
    connection.returns(message(b""))?;
    connection.returns(Ok(None))
}
