//! The length: what it may be, and what it costs.

use std::{fs, io::ErrorKind};

use super::{
    ReadMessage,
    call::{Connection, framed, message},
};

use crate::exam::{Because, Call, Exam, Unmet, Verdict};

const MIB: u64 = 1 << 20;

/// What memory may be set aside for while little has come: a thread and its stack, a buffer. Far more
/// than that, and far less than what is promised.
const ROOM: u64 = 16 * MIB;

pub(super) fn takes_limit_bytes_and_no_more(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let four_gib = usize::try_from(1_u64 << 32).unwrap_or(usize::MAX);
    for (word, limit) in [
        (&b"hello"[..], 5),
        (b"", 0),
        (b"hello", four_gib),
        (b"hello", usize::MAX),
    ] {
        connection.peer.send(&framed(word))?;
        connection
            .call(limit)?
            .returns(message(word), |got, _| match got {
                Some(Err(ErrorKind::InvalidData)) if limit >= four_gib => Some(format!(
                    "The limit is larger than 32 bits can hold. `limit as u32` cuts it, to {}: make a \
                     usize of the length instead.",
                    limit as u32
                )),
                Some(Err(ErrorKind::InvalidData)) => Some(format!(
                    "The message has {} bytes, and that is the limit: it is allowed. The length's own 4 \
                     bytes do not count.",
                    word.len()
                )),
                _ => None,
            })?;
    }
    for (word, limit) in [(&b"hello!"[..], 5), (b"x", 0)] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&framed(word))?;
        let call = connection.call(limit)?;
        call.returns(Err(ErrorKind::InvalidData), |got, _| match got {
            Some(Ok(Some(_))) => Some(format!(
                "The message has {} bytes, and the limit is {limit}. Either nothing compares the two, or \
                 it allows too many.",
                word.len()
            )),
            _ => None,
        })?;
    }
    Ok(())
}

pub(super) fn refuses_before_it_reads_on(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let mut bytes = 1000_u32.to_be_bytes().to_vec();
    bytes.extend([b'x'; 500]);
    connection.queues(&bytes)?;
    let call = connection.call(16)?;
    call.returns(Err(ErrorKind::InvalidData), |got, case| {
        let recv_q = case.yours()?.row.recv_q;
        let waits = got.is_none() && recv_q == 0 && case.is_blocked_in(&[Call::Read, Call::Poll]);
        let reads = waits || matches!(got, Some(Err(ErrorKind::UnexpectedEof)));
        reads.then(|| {
            "What follows the length has been read, of a message that is to be refused, and more of it \
             is waited for. The length alone tells that: compare it with the limit before anything else."
                .to_owned()
        })
    })?;
    // Who has only peeked at the length has left that, too.
    if connection.recv_q()? != 4 + 500 {
        connection.leaves(500, |_| {
            Some(
                "Bytes behind the length have been taken from the socket, of a message that is refused. \
                 That the peer has sent them is no reason to read them: it may go on so for ever.",
            )
        })?;
    }
    connection.is_as_it_was()?;

    costs_no_memory_to_refuse(exam, read)?;

    let connection = Connection::new(exam, read)?;
    connection.peer.send(&u32::MAX.to_be_bytes())?;
    let call = connection.call(1000)?;
    call.returns(Err(ErrorKind::InvalidData), |_, _| {
        Some(
            "A length of 4 GiB less one was not refused. In 32 bits with a sign it is -1, which is below \
             every limit: the length is a u32."
                .to_owned(),
        )
    })
    .map(drop)
}

fn costs_no_memory_to_refuse(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&(1_u32 << 30).to_be_bytes())?;
    let before = memory("VmPeak:")?;
    let call = connection.call(1000)?;
    call.returns(Err(ErrorKind::InvalidData), |_, _| None)?;
    let grown = memory("VmPeak:")?.saturating_sub(before);
    exam.must(
        grown < 512 * MIB, // an allocator reserves 128 MiB of addresses for a thread, at the most
        "no memory to be set aside for a message of 1 GiB that is refused",
        "it has been (VmPeak in /proc/self/status); it has returned",
    )
    .caused_by(
        "Memory was set aside for as many bytes as the length says, and then the length was compared \
         with the limit. A peer that names 4 GiB can end the program so: a vector that gets no memory \
         aborts it.",
    )
}

pub(super) fn takes_memory_for_what_has_arrived(exam: &Exam, read: ReadMessage) -> Verdict {
    const PROMISED: u32 = 100 << 20;
    let connection = Connection::new(exam, read)?;
    let before = memory("VmData:")?;
    let call = connection.call(usize::MAX)?;
    let mut arrived = 0;
    connection.sends_a_piece(&PROMISED.to_be_bytes())?;
    for piece in [&[b'x'; 3][..], &[b'x'; 50_000]] {
        connection.sends_a_piece(piece)?;
        arrived += piece.len() as u64;
        let grown = memory("VmData:")?.saturating_sub(before);
        exam.must(
            grown < ROOM + 4 * arrived,
            format!("memory for the {arrived} bytes that have come"),
            "far more has been set aside (VmData in /proc/self/status)",
        )
        .because(|case| {
            (!case.panicked).then(|| {
                format!(
                    "{arrived} bytes have come of 100 MiB that the length promises, and {} MiB of memory \
                     are set aside, most likely by `vec![0; length]` or `with_capacity(length)`. A peer needs 4 \
                     bytes for that, on each of its connections. Let the vector grow by what each read \
                     brings, or let `take(length)` and `read_to_end` do it.",
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
        .ok_or_else(|| Unmet::not_here(format!("the kernel does not tell {key} of a process")))
}
