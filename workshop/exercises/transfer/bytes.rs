//! Which bytes are a message, and what is left in the socket.

use socket2::SockRef;

use super::{
    ReadMessage,
    call::{Connection, LARGE, framed, message},
};

use crate::exam::{Exam, Verdict, here, numbered};

pub(super) fn leaves_the_next_message_in_the_socket(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let mut all = [framed(b"one"), framed(b"two"), framed(b"three")].concat();
    let end = all.split_off(7 + 7 + 6);
    connection.queues(&all)?;
    for (word, left) in [(b"one", 13), (b"two", 6)] {
        connection.returns(message(word))?;
        connection.leaves(left, |is| match is {
            is if is < left => Some(
                "More was taken from the socket than the length and its message, and what is in a buffer \
                 when the call returns is lost: the next call has a new one. That is what a BufReader \
                 does, and every read that has room for more than is known to belong to the message.",
            ),
            _ => Some(
                "The message, or a part of it, has not been taken from the socket: the next call would \
                 read it again. `peek` takes nothing.",
            ),
        })?;
    }
    connection.peer.send(&end)?;
    connection.returns(message(b"three"))
}

pub(super) fn puts_together_what_comes_in_pieces(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let hello = framed(b"hello");
    for cuts in [&[1, 3, 4, 6][..], &[4], &[2, 7]] {
        let call = connection.call(LARGE)?;
        let mut sent = 0;
        for cut in cuts {
            connection.sends_a_piece(&hello[sent..*cut])?;
            connection.comes_to_rest()?;
            sent = *cut;
        }
        connection.peer.send(&hello[sent..])?;
        call.returns(message(b"hello"), |_, _| None)?;
    }
    // Many times what one read can bring.
    let small = SockRef::from(&*connection.stream).set_recv_buffer_size(4096);
    here("set SO_RCVBUF", small)?;
    let large = numbered(30_000);
    let call = connection.call(LARGE)?;
    let pouring = connection.peer.pours(framed(&large))?;
    call.returns(message(&large), |_, _| None)?;
    drop(pouring);
    Ok(())
}

pub(super) fn takes_zero_for_an_empty_message(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&framed(b""))?;
    connection.returns(message(b""))?; // with nothing behind it: there is nothing to wait for
    connection.queues(&[framed(b""), framed(b"x"), framed(b"")].concat())?;
    connection.returns(message(b""))?;
    connection.returns(message(b"x"))?;
    connection.peer.half_close()?;
    connection.returns(message(b""))?;
    connection.returns(Ok(None))
}
