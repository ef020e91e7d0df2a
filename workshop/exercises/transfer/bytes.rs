//! Which bytes are the message, and which stay in the socket.

use super::{
    ReadMessage,
    harness::{Connection, LARGE, framed, message},
};

use crate::exam::{Buffers, Exam, Verdict, numbered};

/// The sizes of usual buffers, and lengths of one and two bytes.
const SIZES: [usize; 9] = [1, 4, 255, 256, 512, 1024, 4096, 8192, 16_384];

pub(super) fn without_its_length(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&framed(b"hello"))?;
    connection.returns(message(b"hello"))?;
    for size in SIZES {
        let bytes = &numbered(size)[..size];
        connection.queues(&framed(bytes))?;
        connection.returns(message(bytes))?; // and nothing follows it
    }
    Ok(())
}

pub(super) fn no_byte_is_special(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&framed(b"hello"))?;
    connection.returns(message(b"hello"))?;
    let all: Vec<u8> = (0..=255).rev().collect();
    for word in [&all[..], b"\r\n", b" a line\r\n\r\n", b"\0", b"\0\0\0\x01x"] {
        connection.queues(&framed(word))?;
        let call = connection.call(LARGE)?;
        call.returns(message(word), |got, _| {
            got.map(|_| {
                "An earlier message was right, so your code treats some of the bytes of this one \
                 as special. `from_utf8` refuses what is not text, and `trim` and `lines` remove \
                 what looks like white space. Return the bytes as they are."
                    .to_owned()
            })
        })?;
    }
    Ok(())
}

pub(super) fn leaves_the_next_message(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let mut all = [framed(b"one"), framed(b"two"), framed(b"three")].concat();
    let end = all.split_off(7 + 7 + 6);
    connection.queues(&all)?;
    for (word, left) in [(b"one", 13), (b"two", 6)] {
        connection.returns(message(word))?;
        connection.leaves(left, |is| Some(leaves_another_number(is, left)))?;
    }
    connection.peer.send(&end)?;
    connection.returns(message(b"three"))?;
    leaves_it_after_a_large_message(exam, read)
}

/// Many times the room of a usual read, and not a multiple of it. The last byte comes together with
/// the next message.
const MANY_PIECES: usize = 100_003;

fn leaves_it_after_a_large_message(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let large = numbered(MANY_PIECES);
    let mut all = framed(&large);
    let next = framed(b"next");
    let last = all.split_off(all.len() - 1);
    let call = connection.call(LARGE)?;
    connection.sends_a_piece(&all)?;
    connection.peer.send(&[last, next.clone()].concat())?;
    call.returns(message(&large), |_, _| None)?;
    connection.leaves(next.len(), |is| Some(leaves_another_number(is, next.len())))?;
    connection.returns(message(b"next"))
}

/// Why this many bytes are left in the socket, where there were to be another number.
fn leaves_another_number(is: usize, wanted: usize) -> &'static str {
    match is < wanted {
        true => {
            "Your code takes more from the socket than the length and its message. The rest is in \
             a buffer that is dropped when the call returns, so the next call does not get it. A \
             BufReader reads ahead like that, and so does every read with room for more than \
             belongs to the message. If you read in pieces, the last read must not ask for more \
             than is missing."
        }
        false => {
            "The message, or a part of it, is still in the socket: the next call reads it again. \
             `peek` takes nothing. Use `read`."
        }
    }
}

pub(super) fn length_in_pieces(exam: &Exam, read: ReadMessage) -> Verdict {
    in_pieces(exam, read, &[&[1, 4], &[2, 3, 4], &[3]])
}

pub(super) fn message_in_pieces(exam: &Exam, read: ReadMessage) -> Verdict {
    in_pieces(exam, read, &[&[4, 6], &[5, 8], &[7]])?;
    // Many times what one read can return.
    for size in [30_000, 70_000] {
        let small = Buffers {
            your_receive: 4096,
            ..Buffers::default()
        };
        let connection = Connection::with(exam, read, small)?;
        let large = numbered(size);
        let call = connection.call(LARGE)?;
        let pouring = connection.peer.pours(framed(&large))?;
        call.returns(message(&large), |_, _| None)?;
        drop(pouring);
    }
    Ok(())
}

/// The same message, once for each list of places where it is cut.
fn in_pieces(exam: &Exam, read: ReadMessage, cuts: &[&[usize]]) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let hello = framed(b"hello");
    for cuts in cuts {
        let call = connection.call(LARGE)?;
        let mut sent = 0;
        for cut in *cuts {
            connection.sends_a_piece(&hello[sent..*cut])?;
            sent = *cut;
        }
        connection.peer.send(&hello[sent..])?;
        call.returns(message(b"hello"), |_, _| None)?;
    }
    Ok(())
}

pub(super) fn empty_message(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&framed(b""))?;
    connection.returns(message(b""))?; // nothing follows it: there is nothing to wait for
    connection.queues(&[framed(b""), framed(b"x")].concat())?;
    connection.returns(message(b""))?;
    connection.returns(message(b"x"))?;
    connection.queues(&framed(b""))?;
    connection.peer.half_close()?;
    connection.returns(message(b""))
}
