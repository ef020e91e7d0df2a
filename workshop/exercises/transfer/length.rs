//! The length: what it may be, and what it costs.

use std::{fs, io::ErrorKind};

use super::{
    ReadMessage,
    harness::{Connection, framed, message},
};

use crate::exam::{Because, Call, Exam, Unmet, Verdict, numbered};

const MIB: u64 = 1 << 20;

/// What may be allocated while little has arrived: a thread and its stack, a buffer. Far more than
/// that, and far less than what is promised.
const ROOM: u64 = 16 * MIB;

pub(super) fn accepts_limit_bytes(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let four_gib = usize::try_from(1_u64 << 32).unwrap_or(usize::MAX);
    for (word, limit) in [
        (&b"hello"[..], 5),
        (b"hello", 6),
        (b"", 0),
        (b"hello", four_gib),
        (b"hello", usize::MAX),
    ] {
        connection.peer.send(&framed(word))?;
        connection
            .call(limit)?
            .returns(message(word), |got, _| match got {
                Some(Err(ErrorKind::InvalidData)) if limit >= four_gib => Some(format!(
                    "The limit is larger than 32 bits can hold, and `limit as u32` cuts it to {}. \
                     Convert the length to a usize instead.",
                    limit as u32
                )),
                Some(Err(ErrorKind::InvalidData)) => Some(format!(
                    "The message has {} bytes, and the limit is {limit}: it is allowed. The \
                     length's own 4 bytes do not count. Refuse only a length above the limit.",
                    word.len()
                )),
                _ => None,
            })?;
    }
    Ok(())
}

pub(super) fn refuses_one_more_than_limit(exam: &Exam, read: ReadMessage) -> Verdict {
    for (word, limit) in [(&b"hello!"[..], 5), (b"x", 0)] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&framed(word))?;
        let call = connection.call(limit)?;
        call.returns(Err(ErrorKind::InvalidData), |got, _| match got {
            Some(Ok(Some(_))) => Some(format!(
                "The message has {} bytes, and the limit is {limit}. Your code does not compare \
                 the two, or allows one byte too many. Return InvalidData if the length is above \
                 the limit.",
                word.len()
            )),
            _ => None,
        })?;
    }
    let connection = Connection::new(exam, read)?;
    connection.peer.send(&u32::MAX.to_be_bytes())?;
    let call = connection.call(1000)?;
    call.returns(Err(ErrorKind::InvalidData), |_, case| {
        (!case.panicked).then(|| {
            "The length is 4 GiB less one, and your code does not refuse it. Either it compares \
             the length with the limit too late, when it has read on. Or it reads the length as a \
             number with a sign: in an i32 it is -1, which is below every limit. Read a u32, and \
             compare it first."
                .to_owned()
        })
    })
    .map(drop)
}

/// None of these messages comes: the peer closes after the length.
pub(super) fn accepts_every_length(exam: &Exam, read: ReadMessage) -> Verdict {
    for length in [1 << 24, 1 << 31, u32::MAX] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&length.to_be_bytes())?;
        connection.peer.half_close()?;
        let call = connection.call(usize::MAX)?;
        call.returns(Err(ErrorKind::UnexpectedEof), |got, _| match got {
            Some(Err(ErrorKind::InvalidData)) => Some(format!(
                "A length of {length} is within the limit, usize::MAX, and your code refuses it. \
                 Read the length as a u32, and compare it with nothing but the limit."
            )),
            _ => None,
        })?;
    }
    Ok(())
}

pub(super) fn refuses_before_it_reads_on(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let bytes = [&1000_u32.to_be_bytes()[..], &numbered(500)].concat();
    connection.queues(&bytes)?;
    let call = connection.call(16)?;
    call.returns(Err(ErrorKind::InvalidData), |got, case| {
        let recv_q = case.yours()?.row.recv_q;
        let waits = got.is_none() && recv_q == 0 && case.is_blocked_in(&[Call::Read, Call::Poll]);
        let reads = waits || matches!(got, Some(Err(ErrorKind::UnexpectedEof)));
        reads.then(|| {
            "Your code reads what follows the length, of a message that it has to refuse, and \
             waits for more. Compare the length with the limit as soon as its 4 bytes are there."
                .to_owned()
        })
    })?;
    // An answer that has only peeked at the length has left that, too.
    if connection.recv_q()? != 4 + 500 {
        connection.leaves(500).caused_by(
            "Your code took bytes after the length from the socket, of a message that it refuses. \
             The peer may send them without end. Return InvalidData without reading on.",
        )?;
    }
    Ok(())
}

pub(super) fn allocates_nothing_to_refuse(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&(1_u32 << 30).to_be_bytes())?;
    let before = memory("VmPeak:")?;
    let call = connection.call(1000)?;
    call.returns(Err(ErrorKind::InvalidData), |_, _| None)?;
    let grown = memory("VmPeak:")?.saturating_sub(before);
    exam.must(
        grown < 512 * MIB, // an allocator reserves 128 MiB of addresses for a thread, at the most
        "no memory to be allocated for a message of 1 GiB that is refused",
        "it has been (VmPeak in /proc/self/status); `read_message` has returned",
    )
    .caused_by(
        "Your code allocates as many bytes as the length says, and compares the length with the \
         limit after that. A peer that sends a length of 4 GiB can abort your program: an \
         allocation that fails aborts it. Compare first.",
    )
}

pub(super) fn allocates_what_has_arrived(exam: &Exam, read: ReadMessage) -> Verdict {
    const PROMISED: u32 = 100 << 20;
    let connection = Connection::new(exam, read)?;
    let before = memory("VmData:")?;
    let call = connection.call(usize::MAX)?;
    let mut arrived = 0;
    connection.sends_a_piece(&PROMISED.to_be_bytes())?;
    for piece in [&numbered(3)[..], &numbered(50_000)] {
        connection.sends_a_piece(piece)?;
        arrived += piece.len() as u64;
        let grown = memory("VmData:")?.saturating_sub(before);
        exam.must(
            grown < ROOM + 4 * arrived,
            format!("memory for the {arrived} bytes that have arrived"),
            "far more is allocated (VmData in /proc/self/status)",
        )
        .because(|case| {
            (!case.panicked).then(|| {
                format!(
                    "{arrived} bytes have arrived of the 100 MiB that the length promises, and {} \
                     MiB are allocated, most likely by `vec![0; length]` or \
                     `with_capacity(length)`. A peer needs 4 bytes for that, on each of its \
                     connections. Let the vector grow with what each read returns, or use \
                     `take(length)` and `read_to_end`.",
                    grown / MIB
                )
            })
        })?;
    }
    connection.peer.half_close()?;
    call.returns(Err(ErrorKind::UnexpectedEof), |_, _| None)
        .map(drop)
}

/// A figure of this process in bytes (proc(5), `/proc/pid/status`).
fn memory(key: &str) -> Verdict<u64> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib << 10)
        .ok_or_else(|| Unmet::not_here(format!("the kernel does not show {key} of a process")))
}
