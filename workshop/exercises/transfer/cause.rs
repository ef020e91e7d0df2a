//! What follows from what a call returned instead of what it was to return, whatever the check; and
//! from where it waits when it should have returned.

use std::io::ErrorKind;

use socket_workshop::table::State;

use super::call::{Got, framed};

use crate::exam::{Call, Case, Stuck};

/// Why a call returned this where it was to return that.
pub(super) fn instead(wanted: &Got, got: &Got, case: &Case) -> Option<&'static str> {
    match (wanted, got) {
        (Ok(Some(wanted)), Ok(Some(got))) => another_message(&wanted.0, &got.0),
        (Ok(Some(wanted)), Ok(None)) if wanted.0.is_empty() => Some(
            "A length of zero is a message, an empty one, and its sender will go on. `None` is the end of \
             file, at which there is no length at all.",
        ),
        (Ok(Some(_)), Ok(None)) => Some(
            "The end of file was reported, and a message was there or on its way: a read that brings little, \
             or fails, is no end. Only Ok(0) is.",
        ),
        (Ok(None), Ok(Some(_))) => Some(
            "Nothing had come but the end of file, and a message was returned. A `read` that returns Ok(0) \
             leaves the buffer as it was: its zeros are no length.",
        ),
        (Err(ErrorKind::InvalidData), Ok(None)) => Some(
            "A length above the limit is no end of file: nobody has closed. A caller that is told `None` takes \
             what it has for all there was.",
        ),
        (Err(ErrorKind::InvalidData), Ok(Some(_))) => Some(
            "The length in front of this message is above the limit. Either nothing compares the two, or it \
             comes too late.",
        ),
        (Err(ErrorKind::UnexpectedEof), Ok(None)) => Some(
            "Bytes of a message had come before the end of file, of its length at least: it is cut, and \
             not the end. `None` is for an end of file in front of which there is nothing.",
        ),
        (Err(ErrorKind::UnexpectedEof), Ok(Some(_))) => Some(
            "The end of file came before the message was complete, and what there was of it was returned. \
             `read_to_end` returns Ok for that, with `take` too, and a `read` returns Ok(0): compare how \
             many bytes there are with the length.",
        ),
        (Err(_), Ok(_)) => Some(
            "A read has failed, and its error was taken for an end of file, or for a read that brought \
             nothing. They are different things to a caller: return the error.",
        ),
        (wanted, Err(kind)) => an_error(wanted, *kind, case),
        (Ok(None), Ok(None)) => None,
    }
}

/// Why another message than this was returned, as far as the two of them tell.
fn another_message(wanted: &[u8], got: &[u8]) -> Option<&'static str> {
    let at = wanted.iter().zip(got).take_while(|(a, b)| a == b).count();
    let zeros_follow = got.len() > at && got[at..].iter().all(|byte| *byte == 0);
    let without_the_header = got.len() == wanted.len().saturating_sub(4) && wanted.starts_with(got);
    Some(if without_the_header {
        "That is less than the length says. Either its own 4 bytes were taken off, which it does not count. \
         Or one read was taken to bring the whole of something: the message, or the length, whose missing \
         bytes are then zeros of a buffer."
    } else if got.is_empty() {
        "An empty message was returned, of a length of zero that nobody sent. A `read` may bring a part of \
         the length, and the rest of the buffer stays as it was: read on until 4 bytes are there."
    } else if framed(wanted).starts_with(got) || got.starts_with(&framed(wanted)[..4]) {
        "The 4 bytes of the length are in it. They tell how long the message is, and are no part of it."
    } else if zeros_follow && got.len() <= wanted.len() {
        "It has the right length, and behind the first bytes zeros that nobody sent: `read` has brought \
         less than the buffer has room for, and says so by what it returns. `read_exact` repeats it."
    } else if got.starts_with(wanted) {
        "More than the message was returned: a buffer beyond what belongs to it, or bytes of the next one. \
         It has as many bytes as its length says."
    } else if got.len() < wanted.len() && wanted.starts_with(got) {
        "That is only its beginning. If it is what one read brought: how the bytes are cut into pieces says \
         nothing. Read on until there are as many as the length says."
    } else if wanted.ends_with(got) {
        "The beginning is missing: what an earlier read had brought was not kept. Put the pieces together, \
         also where a signal comes between them."
    } else {
        return None;
    })
}

/// An error was returned where something else, or another error, was due.
fn an_error(wanted: &Got, kind: ErrorKind, case: &Case) -> Option<&'static str> {
    Some(match (wanted, kind) {
        (_, ErrorKind::Interrupted) => {
            "A signal came while it waited, and the read ended with EINTR: with a timeout it is not \
             restarted (signal(7)). The connection is as it was: read again. `read_exact` and \
             `read_to_end` do; `read` returns it."
        }
        (Ok(None), ErrorKind::UnexpectedEof) => {
            "The peer has closed between two messages, which is the end and no error. `read_exact` gives \
             UnexpectedEof for it as for a message that is cut: for the length, look at what each `read` \
             returns, or how many bytes there were."
        }
        (Ok(Some(message)), ErrorKind::UnexpectedEof) if message.0.is_empty() => {
            "The message is empty, and its end is where its length ends. A read into a buffer with no room \
             returns Ok(0) too, as soon as there is something to read, and that is not the end of file."
        }
        (_, ErrorKind::UnexpectedEof) if case.is_in(State::Established) => {
            "There is no end of file: nobody has closed, both ends are ESTABLISHED. A read that brings \
             fewer bytes than there is room for has brought what had come: read on. And an error of a read \
             is no end."
        }
        (Ok(Some(_)), ErrorKind::InvalidData) => {
            "The length is within the limit, with its highest byte first (`u32::from_be_bytes`). Read the \
             other way round, as `from_le_bytes` does, and `from_ne_bytes` on most machines, a small number \
             is a very large one. And its 4 bytes may come in pieces: zeros of a buffer are no length."
        }
        (Err(ErrorKind::UnexpectedEof), ErrorKind::InvalidData) => {
            "The end of file came in the middle, and the bytes in front of it were taken for a whole length, \
             or the length for a wrong one."
        }
        (Ok(_), ErrorKind::WouldBlock) => {
            "WouldBlock is EAGAIN: the socket is non-blocking, or has a read timeout, and it was not the \
             caller who wanted that."
        }
        (Err(ErrorKind::InvalidData), _) => {
            "It has failed, as it should, but for another reason: the length was above the limit, and what \
             came behind it no longer mattered."
        }
        (Err(_), _) => {
            "It has failed, as it should, but by another name. A caller tells the cases apart by their \
             ErrorKind: return the kernel's error as it is."
        }
        _ => return None,
    })
}

/// Why a call has panicked that was to return this.
pub(super) fn panicked(wanted: &Got) -> &'static str {
    match wanted {
        Ok(Some(_)) => {
            "It panicked at a message that it was to return. If it was an overflow: a limit may be any \
             number, and nothing can be added to the largest."
        }
        _ => "Whatever a peer sends or does, it is no reason to panic: return an error instead.",
    }
}

/// Why a call goes on that was to return this, by where it waits.
pub(super) fn waits(wanted: &Got, case: &Case) -> Option<&'static str> {
    if matches!(case.stuck, Some(Stuck::Spin(..))) {
        return match wanted {
            Err(ErrorKind::WouldBlock) => Some(
                "Your thread runs: most likely a read that has timed out is repeated again and again. The \
                 caller has said how long to wait: return the error.",
            ),
            _ => runs(case),
        };
    }
    let all_read = case.yours().is_some_and(|seen| seen.row.recv_q == 0);
    if !case.is_blocked_in(&[Call::Read]) {
        return None;
    }
    Some(match wanted {
        Err(ErrorKind::WouldBlock) => {
            "The caller's read timeout has run out, and your thread waits in another read. It was repeated, \
             or the timeout was taken off the socket: how long to wait is the caller's to say. Return the \
             error."
        }
        Err(ErrorKind::InvalidData) => {
            "The length is above the limit, and your thread waits for what is to follow it. Compare it \
             with the limit as soon as its 4 bytes are there."
        }
        Ok(Some(message)) if message.0.is_empty() && all_read => {
            "A length of zero has been read (Recv-Q is 0), and your thread waits in another read. Nothing \
             belongs to an empty message that could still come: return it at once. Every read of a socket \
             waits until there is something, also one into an empty buffer."
        }
        Ok(Some(_)) if all_read => {
            "The whole message has been read (Recv-Q is 0), and your thread waits for more. Either the length \
             is taken for a larger one: the wrong way round, or with its own 4 bytes in it. Or what a read \
             brought was not kept. Or the read goes on to the end of file, or to a full buffer."
        }
        _ => return None,
    })
}

/// Why a thread runs that has nothing to do.
pub(super) fn runs(case: &Case) -> Option<&'static str> {
    let recv_q = case.yours()?.row.recv_q;
    Some(if case.is_in(State::CloseWait) && recv_q <= 1 {
        "The end of file is there: the peer's FIN has come (CLOSE_WAIT), and every read returns Ok(0) at \
         once. That is not \"nothing yet\": there will never be more."
    } else if recv_q == 0 {
        "There is nothing to read (Recv-Q is 0), and yet your thread runs: most likely it asks a non-blocking \
         socket again and again, or a read that fails is repeated, which keeps a processor busy. A read of \
         a blocking socket waits in the kernel."
    } else {
        "There are bytes in Recv-Q, so a `peek`, or a poll for something to read, returns at once, shows what \
         it has shown before, and is called again. Take from the socket what belongs to the message; then \
         the next call has something to wait for."
    })
}
