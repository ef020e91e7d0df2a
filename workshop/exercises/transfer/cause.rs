//! What follows from what a call returned instead of what it was to return, whatever the check; and
//! from where it waits when it should have returned.

use std::io::ErrorKind;

use socket_workshop::table::State;

use super::harness::{Got, framed};

use crate::exam::{
    Call, Case, Stuck,
    diagnosis::{
        LOSES_THE_ERROR, OVERFLOWS, PANICS_ON_AN_ERROR, SPINS, SPINS_AT_END_OF_FILE,
        TAKES_A_MISSING_BYTE, WAITS_FOR_ITS_THREAD, first_of,
    },
};

/// Why a call returned this where it was to return that.
pub(super) fn instead(wanted: &Got, got: &Got, case: &Case) -> Option<String> {
    let cause = match (wanted, got) {
        (Ok(Some(wanted)), Ok(Some(got))) => return another_message(&wanted.0, &got.0),
        (Ok(Some(wanted)), Ok(None)) if wanted.0.is_empty() => {
            "Your code returns None for a length of 0. That is an empty message, and more messages \
             may follow it: return Some of an empty vector. Return None only for end of file, \
             where no length comes."
        }
        (Ok(Some(_)), Ok(None)) => {
            "Your code returns None, although a message was there or on its way. Only a read that \
             returns Ok(0) is end of file. A read that returns few bytes is not, and neither is \
             one that fails."
        }
        (Ok(None), Ok(Some(_))) => {
            "Only end of file had arrived, and your code returns a message. A `read` that returns \
             Ok(0) leaves the buffer as it was: its zeros are not a length. Look at what `read` \
             returns."
        }
        (Err(ErrorKind::InvalidData), Ok(None)) => {
            "Your code returns None for a length above the limit. The caller treats None as end of \
             file, but the peer has not closed. Return InvalidData."
        }
        (Err(ErrorKind::InvalidData), Ok(Some(_))) => {
            "The length of this message is above the limit, and your code returns a message. \
             Compare the two before you read on, and return InvalidData."
        }
        (Err(ErrorKind::UnexpectedEof), Ok(None)) => {
            "Your code returns None, although bytes of a message had arrived before end of file: \
             the message is cut. Return None only if no byte of a length has arrived, and \
             UnexpectedEof otherwise."
        }
        (Err(ErrorKind::UnexpectedEof), Ok(Some(_))) => {
            "End of file came before the message was complete, and your code returns what there \
             was. At end of file `read_to_end` returns Ok, with `take` too, and `read` returns \
             Ok(0). Compare how many bytes there are with the length, and return UnexpectedEof if \
             some are missing."
        }
        (Err(_), Ok(_)) => return LOSES_THE_ERROR.of(case),
        (wanted, Err(kind)) => return an_error(wanted, *kind, case).map(str::to_owned),
        (Ok(None), Ok(None)) => return None,
    };
    Some(cause.to_owned())
}

/// Why another message than this was returned, as far as the two of them show.
fn another_message(wanted: &[u8], got: &[u8]) -> Option<String> {
    let at = wanted.iter().zip(got).take_while(|(a, b)| a == b).count();
    let zeros_follow = got.len() > at && got[at..].iter().all(|byte| *byte == 0);
    let is_four_less = got.len() == wanted.len().saturating_sub(4) && wanted.starts_with(got);
    let cause = if is_four_less {
        "The last 4 bytes of the message are missing. Either your code subtracts 4 from the \
         length, which does not count its own bytes. Or it stops after one read, which may return \
         only a part of the length or of the message. Read until all bytes are there."
    } else if got.is_empty() {
        "Your code returns an empty message, and the length is not 0. A `read` may return only a \
         part of the length, and the rest of the buffer stays 0: read on until 4 bytes are there. \
         And all 4 count: use `u32::from_be_bytes`."
    } else if framed(wanted).starts_with(got) || got.starts_with(&framed(wanted)[..4]) {
        "The message that your code returns begins with the 4 bytes of the length. They are not a \
         part of the message: return only what follows them."
    } else if zeros_follow && got.len() <= wanted.len() {
        "The message has the right beginning, and zeros follow that were not sent. `read` may \
         return less than the buffer has room for, and the rest of the buffer stays 0. Use what \
         `read` returns, and read on; `read_exact` does."
    } else if got.starts_with(wanted) {
        "Your code returns more than the message: a buffer that is longer, or bytes of the next \
         message. Return as many bytes as the length says."
    } else if got.len() < wanted.len() && wanted.starts_with(got) {
        "Your code returns only the beginning of the message. One read may return only a part of \
         it, and a length may need all of its 4 bytes. Read on until there are as many bytes as \
         the length says."
    } else if wanted.ends_with(got) {
        "The beginning of the message is missing: your code did not keep what an earlier read \
         returned. Append what each read returns, also if a signal comes between two reads."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// An error was returned where a message, end of file or another error was due.
fn an_error(wanted: &Got, kind: ErrorKind, case: &Case) -> Option<&'static str> {
    Some(match (wanted, kind) {
        (_, ErrorKind::Interrupted) => {
            "A signal came while your code waited, and the read returned EINTR: a read with a \
             timeout is not restarted (signal(7)). Nothing is lost: read again. `read_exact` and \
             `read_to_end` do that, `read` returns the error."
        }
        (Ok(None), ErrorKind::UnexpectedEof) => {
            "The peer has closed between two messages, which is not an error, and your code \
             returns one. `read_exact` returns UnexpectedEof there, as it does for a length that \
             is cut. Look at what each `read` of the length returns, and return None if the first \
             is Ok(0)."
        }
        (Ok(Some(message)), ErrorKind::UnexpectedEof) if message.0.is_empty() => {
            "The message is empty, and your code still reads for it. A read into an empty buffer \
             returns Ok(0) too, as soon as something has arrived, and that is not end of file. \
             Return before that read if the length is 0."
        }
        (_, ErrorKind::UnexpectedEof) if case.is_in(State::Established) => {
            "Your code returns UnexpectedEof, and the peer has not closed: both ends are \
             ESTABLISHED. A read that returns fewer bytes than the buffer has room for is not end \
             of file: read on. Nor is an error of a read: return it as it is."
        }
        (Ok(Some(_)), ErrorKind::InvalidData) => {
            "The length is within the limit, and your code refuses it. The highest byte is first: \
             use `u32::from_be_bytes`. `from_le_bytes`, and `from_ne_bytes` on most machines, turn \
             a small number into a very large one. Also, the 4 bytes may arrive in pieces: read \
             until all are there."
        }
        (Err(ErrorKind::UnexpectedEof), ErrorKind::InvalidData) => {
            "End of file came within the length or the message, and your code returns InvalidData. \
             Either it compares with the limit before it has all 4 bytes of the length, or it \
             reads the length wrong."
        }
        (Ok(_), ErrorKind::WouldBlock) => {
            "Your code returns WouldBlock, and the caller has set neither O_NONBLOCK nor such a \
             timeout on the socket. Leave the socket as it is: a blocking read waits."
        }
        (Err(ErrorKind::InvalidData), _) => {
            "Your code returns an error, but not InvalidData. The length was above the limit, so \
             nothing that follows it matters: compare first, and return InvalidData."
        }
        (Err(ErrorKind::ConnectionReset), ErrorKind::UnexpectedEof) => {
            "The connection was reset, and your code returns UnexpectedEof. Either it replaces the \
             error, or it treats a read that returned fewer bytes than there was room for as end \
             of file: the next read returns the error. Only Ok(0) is end of file."
        }
        (Err(_), _) => {
            "Your code returns another error than the read did. The caller decides by its \
             ErrorKind what to do: propagate the error of the read with `?`."
        }
        _ => return None,
    })
}

/// Why a call has panicked that was to return this.
pub(super) fn panicked(wanted: &Got, case: &Case) -> String {
    let general = || match wanted {
        Err(ErrorKind::ConnectionReset) => PANICS_ON_AN_ERROR.of(case),
        _ => None,
    };
    first_of(&[OVERFLOWS, TAKES_A_MISSING_BYTE], case)
        .or_else(general)
        .unwrap_or_else(|| {
            "Your code panics at what a peer has sent or done. A panic ends the thread, and with \
             it the other work of the server. Return an error instead of `unwrap` or `expect`."
                .to_owned()
        })
}

/// Why a call goes on that was to return this, by where it waits.
pub(super) fn waits(wanted: &Got, case: &Case) -> Option<String> {
    if matches!(case.stuck, Some(Stuck::Spin(..))) {
        return match wanted {
            Err(ErrorKind::WouldBlock) => Some(
                "The caller's read timeout has run out, and your code reads again and again. The \
                 caller decides how long to wait: return the error of the first read that fails."
                    .to_owned(),
            ),
            _ => runs(case),
        };
    }
    if !case.is_blocked_in(&[Call::Read]) {
        return WAITS_FOR_ITS_THREAD.of(case);
    }
    let all_read = case.yours().is_some_and(|seen| seen.row.recv_q == 0);
    let cause = match wanted {
        Err(ErrorKind::WouldBlock) => {
            "The caller's read timeout has run out, and your thread waits in another read. Either \
             your code reads again after the timeout, or it removes the timeout from the socket. \
             The caller decides how long to wait: return the error."
        }
        Err(ErrorKind::InvalidData) => {
            "The length is above the limit, and your thread waits for more bytes. Compare the \
             length with the limit as soon as its 4 bytes are there."
        }
        Ok(Some(message)) if message.0.is_empty() && all_read => {
            "A length of 0 has been read (Recv-Q is 0), and your thread waits in another read. An \
             empty message has no bytes that could still arrive: return it. Every blocking read \
             waits until something arrives, even one into an empty buffer."
        }
        Ok(Some(_)) if all_read => {
            "The whole message has been read (Recv-Q is 0), and your thread waits for more. Either \
             it reads the length as a larger number (the lowest byte first, or 4 added), or it did \
             not keep what an earlier read returned, or it reads to end of file or until a buffer \
             is full."
        }
        Ok(Some(_)) if !all_read => {
            "There are bytes in Recv-Q, and your thread waits in a read all the same. The socket's \
             option SO_RCVLOWAT, or the flag MSG_WAITALL, makes a read wait until it can return \
             that many bytes at once. What has arrived belongs to the message: read it, and only \
             the number of bytes that is missing."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// Why a thread runs that has nothing to do.
pub(super) fn runs(case: &Case) -> Option<String> {
    let recv_q = case.yours()?.row.recv_q;
    let peeks = recv_q > u32::from(case.is_in(State::CloseWait));
    if peeks {
        let cause = "There are bytes in Recv-Q, and your thread uses CPU time without reading \
                     them. Either a `peek` or a `poll` returns immediately, shows the same again, \
                     and your code repeats it: take the bytes of the message from the socket with \
                     `read`. Or your code first fills as much memory as the length says (`vec![0; \
                     length]`, `resize`): let the buffer grow with the bytes that arrive.";
        return Some(cause.to_owned());
    }
    first_of(&[SPINS_AT_END_OF_FILE, SPINS], case).or_else(|| {
        (!case.panicked).then(|| {
            "There is nothing to read (Recv-Q is 0), and your thread runs. Either it reads a \
             non-blocking socket again and again, or it repeats a read that fails. Let a blocking \
             read wait."
                .to_owned()
        })
    })
}
