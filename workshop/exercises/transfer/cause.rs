//! What follows from what a call returned instead of what it was to return, whatever the check; and
//! from where it waits when it should have returned.

use std::io::ErrorKind;

use socket_workshop::table::State;

use super::harness::{Got, framed};

use crate::exam::{
    Call, Case, Stuck,
    diagnosis::{PANICS_ON_INPUT, RETURNS_AT_A_SIGNAL, SPINS, SPINS_AT_END_OF_FILE, first_of},
    problems,
};

/// Why a call returned this where it was to return that.
pub(super) fn instead(wanted: &Got, got: &Got, case: &Case) -> Option<String> {
    let cause = match (wanted, got) {
        (Ok(Some(wanted)), Ok(Some(got))) => {
            return another_message(&wanted.0, &got.0).map(str::to_owned);
        }
        (Ok(Some(wanted)), Ok(None)) if wanted.0.is_empty() => {
            "A length of 0 is an empty message, and its sender goes on. Return None only at end of \
             file, where no length has come."
        }
        (Ok(Some(_)), Ok(None)) => {
            "Your code reports end of file, and a message is there or on its way. A read that \
             returns few bytes, or fails, is not the end: only Ok(0) is."
        }
        (Ok(None), Ok(Some(_))) => {
            "Nothing has come but end of file, and your code returns a message. A `read` that \
             returns Ok(0) leaves the buffer as it was: its zeros are not a length. Check what \
             `read` returns."
        }
        (Err(ErrorKind::InvalidData), Ok(None)) => {
            "A length above the limit is not end of file: the peer has not closed. A caller that \
             gets None believes that it has every message. Return InvalidData."
        }
        (Err(ErrorKind::InvalidData), Ok(Some(_))) => {
            "The length of this message is above the limit, and your code returns the message. \
             Compare the two before you read on."
        }
        (Err(ErrorKind::UnexpectedEof), Ok(None)) => {
            "Bytes of a message came before end of file, at least of its length: the message is \
             cut. Return None only if no byte came before end of file."
        }
        (Err(ErrorKind::UnexpectedEof), Ok(Some(_))) => {
            "End of file came before the message was complete, and your code returns a part of it. \
             `read_to_end` returns Ok there, with `take` too, and `read` returns Ok(0): compare \
             the number of bytes with the length."
        }
        (Err(_), Ok(_)) => {
            "A read failed, and your code treats its error as end of file, or as a read that \
             returned nothing. Return the error: the caller must know."
        }
        (wanted, Err(kind)) => return an_error(wanted, *kind, case),
        (Ok(None), Ok(None)) => return None,
    };
    Some(cause.to_owned())
}

/// Why another message than this was returned, as far as the two of them show.
fn another_message(wanted: &[u8], got: &[u8]) -> Option<&'static str> {
    let at = wanted.iter().zip(got).take_while(|(a, b)| a == b).count();
    let zeros_follow = got.len() > at && got[at..].iter().all(|byte| *byte == 0);
    let zeros_are_lost = got.len() < wanted.len()
        && wanted.starts_with(got)
        && wanted[got.len()..].iter().all(|byte| *byte == 0);
    let without_the_header = got.len() == wanted.len().saturating_sub(4) && wanted.starts_with(got);
    Some(if zeros_are_lost {
        "The zeros at the end of the message are missing: your code treats a zero as the end, or \
         trims it. A message may have any bytes. Its length alone says where it ends."
    } else if without_the_header {
        "The message is shorter than its length says. Either your code subtracts the length's own \
         4 bytes, which do not count. Or it treats one read as the whole of something: the \
         message, or the length, whose missing bytes are then zeros of the buffer."
    } else if got.is_empty() {
        "Your code returned an empty message, and no length of zero was sent. A `read` may return \
         a part of the length, and the rest of the buffer stays as it was. Read until 4 bytes are \
         there."
    } else if framed(wanted).starts_with(got) || got.starts_with(&framed(wanted)[..4]) {
        "The message begins with the 4 bytes of its length. They are not a part of it: remove them."
    } else if zeros_follow && got.len() <= wanted.len() {
        "The message has the right length, but ends with zeros that the peer did not send: `read` \
         returned fewer bytes than the buffer has room for. Read until the buffer is full, as \
         `read_exact` does."
    } else if got.starts_with(wanted) {
        "Your code returned more than the message: the rest of a buffer, or bytes of the next \
         message. Return as many bytes as the length says."
    } else if got.len() < wanted.len() && wanted.starts_with(got) {
        "Your code returned only the beginning of the message. One read returns what has arrived, \
         which may be less. Read until there are as many bytes as the length says."
    } else if wanted.ends_with(got) {
        "The beginning of the message is missing: your code did not keep what an earlier read \
         returned. Append each piece to one buffer, also after a signal."
    } else {
        return None;
    })
}

/// An error was returned where something else, or another error, was due.
fn an_error(wanted: &Got, kind: ErrorKind, case: &Case) -> Option<String> {
    let cause = match (wanted, kind) {
        (_, ErrorKind::Interrupted) => return RETURNS_AT_A_SIGNAL.of(case),
        (Ok(None), ErrorKind::UnexpectedEof) => {
            "The peer closed between two messages, which is not an error. `read_exact` returns \
             UnexpectedEof there, as it does within a message. For the length, look at what each \
             `read` returns, or at how many bytes there are."
        }
        (Ok(Some(message)), ErrorKind::UnexpectedEof) if message.0.is_empty() => {
            "The message is empty, and your code reports end of file. A read into a buffer without \
             room returns Ok(0) too, and that is not end of file. Return an empty message without \
             reading."
        }
        (_, ErrorKind::UnexpectedEof) if case.is_in(State::Established) => {
            "Both ends are ESTABLISHED, so there is no end of file. A read that returns fewer \
             bytes than there is room for has returned what had arrived: read on. An error of a \
             read is not end of file."
        }
        (Ok(Some(_)), ErrorKind::InvalidData) => {
            "The length is within the limit, and your code refuses it. Either it reads the bytes \
             in the wrong order (`from_le_bytes`, and `from_ne_bytes` on most machines): use \
             `u32::from_be_bytes`. Or it uses zeros of a buffer as a part of the length, or has \
             another limit of its own."
        }
        (Err(ErrorKind::UnexpectedEof), ErrorKind::InvalidData) => {
            "End of file came within the message, and your code reports a wrong length. Either it \
             treats the bytes before end of file as a whole length, or it refuses a length within \
             the limit."
        }
        (Ok(_), ErrorKind::WouldBlock) => {
            "WouldBlock is EAGAIN: the socket is non-blocking, or its read timeout has expired, \
             and the caller has set neither. Remove your own."
        }
        (Err(ErrorKind::InvalidData), _) => {
            "Your code fails for another reason than the length, which is above the limit. Compare \
             the length with the limit before you read what follows it."
        }
        (Err(_), _) => {
            "Your code fails, as it should, but with another kind of error. The caller decides by \
             the ErrorKind what to do next: return the kernel's error as it is."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// Why a call has panicked that was to return this.
pub(super) fn panicked(wanted: &Got, case: &Case) -> Option<String> {
    let overflows = problems()
        .iter()
        .any(|problem| problem.message.contains("overflow"));
    if matches!(wanted, Ok(Some(_))) && overflows {
        return Some(
            "It panicked because a number overflowed. The limit may be the largest number, to \
             which nothing can be added. Compare the length with the limit itself."
                .to_owned(),
        );
    }
    PANICS_ON_INPUT.of(case)
}

/// Why a call goes on that was to return this, by where it waits.
pub(super) fn waits(wanted: &Got, case: &Case) -> Option<String> {
    if matches!(case.stuck, Some(Stuck::Spin(..))) {
        return match wanted {
            Err(ErrorKind::WouldBlock) => Some(
                "Your thread runs: most likely it repeats a read that has timed out, again and \
                 again. The caller has said how long to wait: return the error."
                    .to_owned(),
            ),
            _ => runs(case),
        };
    }
    let all_read = case.yours().is_some_and(|seen| seen.row.recv_q == 0);
    if !case.is_blocked_in(&[Call::Read]) {
        return match wanted {
            Err(ErrorKind::WouldBlock) => Some(WAITS_AGAIN.to_owned()),
            _ => None,
        };
    }
    let cause = match wanted {
        Err(ErrorKind::WouldBlock) => WAITS_AGAIN,
        Err(ErrorKind::InvalidData) => {
            "The length is above the limit, and your thread waits for what follows it. Compare the \
             length with the limit as soon as its 4 bytes are there."
        }
        Ok(Some(message)) if message.0.is_empty() && all_read => {
            "Your code has read a length of zero (Recv-Q is 0), and your thread waits in another \
             read. An empty message has no more bytes: return it at once. A read waits until \
             something comes, even into an empty buffer."
        }
        Ok(Some(_)) if all_read => {
            "Your code has read the whole message (Recv-Q is 0), and your thread waits for more. \
             Either it expects a larger message: the bytes of the length in the wrong order, or \
             its own 4 bytes counted. Or it did not keep what a read returned. Or it reads until \
             end of file, or until a read fills less than the buffer. Stop when there are as many \
             bytes as the length says."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

const WAITS_AGAIN: &str = "The caller's read timeout has expired, and your code waits again. \
    Either it repeats the read, or it has removed the timeout from the socket. How long to wait is \
    for the caller to say: return the error.";

/// Why a thread runs that has nothing to do.
pub(super) fn runs(case: &Case) -> Option<String> {
    let recv_q = case.yours()?.row.recv_q;
    if recv_q > 0 && !case.is_in(State::CloseWait) {
        return Some(
            "There are bytes in Recv-Q, so `peek` or `poll` returns immediately, shows the same \
             bytes, and is called again. Take from the socket what belongs to the message. Then \
             the next call waits."
                .to_owned(),
        );
    }
    first_of(&[SPINS_AT_END_OF_FILE, SPINS], case)
}
