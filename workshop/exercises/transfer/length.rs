//! The length: what it may be, and what it costs.

use std::{fs, io::ErrorKind};

use super::{
    ReadMessage,
    harness::{Connection, Got, framed, message},
    lent::{is_open_in, state_of},
};

use crate::exam::{Because, Call, Case, CheckError, Exam, Verdict, numbered};

const MIB: u64 = 1 << 20;

/// What a call may cost while little has arrived: a thread and its stack, a buffer. It is far less
/// than is announced.
const ROOM: u64 = 16 * MIB;

/// The first number that does not fit in 32 bits.
const FOUR_GIB: u64 = 1 << 32;

pub(super) fn message_of_limit_bytes(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    for (size, limit) in [(5, 5), (4, 5), (1, 1), (0, 0), (0, 1), (4096, 4096)] {
        let word = &numbered(size)[..size];
        connection.peer.send(&framed(word))?;
        let call = connection.call(limit)?;
        call.returns(message(word), |got, _| match got {
            Some(Err(ErrorKind::InvalidData)) => Some(format!(
                "The message has {size} bytes and the limit is {limit}: it is allowed. A message \
                 of exactly `limit` bytes is allowed too, and the 4 bytes of the length do not \
                 count."
            )),
            _ => None,
        })?;
    }
    Ok(())
}

pub(super) fn above_the_limit(exam: &Exam, read: ReadMessage) -> Verdict {
    for (size, limit) in [(6, 5), (1, 0), (5, 1), (4097, 4096)] {
        let connection = Connection::new(exam, read)?;
        let word = &numbered(size)[..size];
        connection.peer.send(&framed(word))?;
        let call = connection.call(limit)?;
        call.returns(Err(ErrorKind::InvalidData), |got, _| match got {
            Some(Ok(Some(_))) => Some(format!(
                "The message has {size} bytes, and the limit is {limit}. Either your code does not \
                 compare them, or it allows too many. Return InvalidData if the length is larger \
                 than the limit."
            )),
            _ => None,
        })?;
    }
    Ok(())
}

pub(super) fn before_it_reads_on(exam: &Exam, read: ReadMessage) -> Verdict {
    // The length alone: there is nothing more to read.
    let connection = Connection::new(exam, read)?;
    connection.queues(&17_u32.to_be_bytes())?;
    let call = connection.call(16)?;
    call.returns(Err(ErrorKind::InvalidData), reads_on)?;
    // A part of the message, and the end of file after it. The first bytes of a length may be too
    // much already.
    for (length, is_closed) in [(1000_u32, false), (1000, true), (0x1020_3040, false)] {
        let connection = Connection::new(exam, read)?;
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(&numbered(504)[..500]);
        connection.queues(&bytes)?;
        if is_closed {
            connection.peer.half_close()?;
        }
        let call = connection.call(16)?;
        call.returns(Err(ErrorKind::InvalidData), reads_on)?;
        // When an end shuts down, the kernel may throw away what is queued. Another rule forbids
        // that.
        if !is_open_in(state_of(exam, &connection.stream)?) {
            continue;
        }
        // Some kernels count end of file as a byte. A `peek` has left the length, too.
        let (fin, left) = (usize::from(is_closed), connection.recv_q()?);
        if ![500, 500 + fin, 504, 504 + fin].contains(&left) {
            connection.leaves(500, |left| {
                Some(match left {
                    0..500 => {
                        "Your code takes bytes that follow the length of a message that it \
                         refuses. A peer may send such bytes without end, so reading them costs \
                         time for nothing. Return InvalidData after the length."
                    }
                    _ => {
                        "A part of the length is still in the socket: your code decides before it \
                         has read all 4 bytes of it. Read them first, and then compare."
                    }
                })
            })?;
        }
    }
    Ok(())
}

/// Why a length was not refused at once.
fn reads_on(got: Option<&Got>, case: &Case) -> Option<String> {
    let recv_q = case.yours()?.row.recv_q;
    let waits = got.is_none() && recv_q == 0 && case.is_blocked_in(&[Call::Read, Call::Poll]);
    let reads = waits || matches!(got, Some(Err(ErrorKind::UnexpectedEof)));
    reads.then(|| {
        "Your code reads on after the length, although the length is above the limit. Compare the \
         length with the limit as soon as its 4 bytes are there, before you do anything else with \
         it."
        .to_owned()
    })
}

pub(super) fn every_limit(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let four_gib = usize::try_from(FOUR_GIB).unwrap_or(usize::MAX);
    let half = usize::try_from(FOUR_GIB / 2).unwrap_or(usize::MAX);
    let signed = isize::MAX as usize;
    let limits = [
        half,
        four_gib - 1,
        four_gib,
        signed,
        signed + 1,
        usize::MAX - 3,
        usize::MAX,
    ];
    for limit in limits {
        connection.peer.send(&framed(b"hello"))?;
        let call = connection.call(limit)?;
        call.returns(message(b"hello"), |got, _| match got {
            Some(Err(ErrorKind::InvalidData)) => {
                let how = match limit > signed {
                    true => "`as i64` makes such a number negative",
                    false => "`as u32` and `as i32` cut such a number",
                };
                Some(format!(
                    "The limit is {limit:#x}, and a message of 5 bytes was refused. {how}, and a \
                     sum with it overflows. Convert the length to a usize instead, and compare it \
                     with `limit` itself."
                ))
            }
            _ => None,
        })?;
    }
    Ok(())
}

/// The peer announces such a length, sends 3 bytes of the message, and ends.
pub(super) fn every_length_within(exam: &Exam, read: ReadMessage) -> Verdict {
    let lengths = [i32::MAX as u32, 1 << 31, u32::MAX];
    let limited_to_it = lengths.map(|length| (length, length as usize));
    for (length, limit) in lengths
        .map(|length| (length, usize::MAX))
        .into_iter()
        .chain(limited_to_it)
    {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&length.to_be_bytes())?;
        connection.peer.send(b"the")?;
        connection.peer.half_close()?;
        let call = connection.call(limit)?;
        call.returns(Err(ErrorKind::UnexpectedEof), |got, _| match got {
            Some(Err(ErrorKind::InvalidData)) => Some(format!(
                "The length is {length:#x}, which the limit allows, and your code refuses it. \
                 Either it does not read the length as it is (all 4 bytes, the highest first, \
                 without a sign: `u32::from_be_bytes`), or it compares it with another limit than \
                 `limit`, or a sum with it overflows."
            )),
            _ => None,
        })?;
    }
    Ok(())
}

pub(super) fn every_length(exam: &Exam, read: ReadMessage) -> Verdict {
    for length in [1 << 8, 1 << 16, 1 << 24, 1 << 31, u32::MAX - 3, u32::MAX] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&length.to_be_bytes())?;
        let call = connection.call(100)?;
        call.returns(Err(ErrorKind::InvalidData), |got, case| {
            let other = match reads_on(got, case) {
                Some(_) => " Or your code reads on before it compares.",
                None => "",
            };
            (!case.panicked).then(|| {
                format!(
                    "The length is {length:#x}, far above the limit of 100, and was not refused. \
                     Use all 4 bytes (`u32::from_be_bytes`), without a sign: as an i32 a length \
                     from 0x80000000 is negative, so it is below every limit. A sum with it may \
                     overflow.{other}"
                )
            })
        })?;
    }
    Ok(())
}

pub(super) fn allocates_nothing(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(&(1_u32 << 30).to_be_bytes())?;
    let before = memory("VmPeak:")?;
    let call = connection.call(1000)?;
    call.returns(Err(ErrorKind::InvalidData), |_, _| None)?;
    let grown = memory("VmPeak:")?.saturating_sub(before);
    exam.must(
        grown < 512 * MIB, // an allocator reserves 128 MiB of addresses for a thread, at the most
        "no memory to be allocated for a message of 1 GiB that is refused",
        "it has been (VmPeak in /proc/self/status); it has returned",
    )
    .caused_by(
        "Your code allocates as many bytes as the length says, and compares the length with the \
         limit afterwards. A program that cannot get the memory aborts, so a peer can end it with \
         4 bytes. Compare first.",
    )
}

pub(super) fn memory_for_what_has_arrived(exam: &Exam, read: ReadMessage) -> Verdict {
    const ANNOUNCED: u32 = 100 << 20;
    let sizes = [
        (usize::MAX, &[3, 50_000, 400_000][..]),
        (ANNOUNCED as usize, &[3, 50_000]),
    ];
    for (limit, sizes) in sizes {
        let connection = Connection::new(exam, read)?;
        let before = memory("VmData:")?;
        let call = connection.call(limit)?;
        let mut arrived = 0;
        connection.sends_a_piece(&ANNOUNCED.to_be_bytes())?;
        for size in sizes {
            let piece = &numbered(*size)[..*size];
            connection.sends_a_piece(piece)?;
            arrived += piece.len() as u64;
            let grown = memory("VmData:")?.saturating_sub(before);
            let is_little = grown < ROOM + 4 * arrived;
            if !is_little {
                // How the last wait ended, such as that a thread fills the memory, is not the point.
                exam.step(format!("VmData has grown by {} MiB", grown / MIB));
            }
            exam.must(
                is_little,
                format!("memory for the {arrived} bytes that have arrived"),
                "far more has been allocated (VmData in /proc/self/status)",
            )
            .because(|case| (!case.panicked).then(|| allocates(arrived, grown)))?;
        }
        connection.peer.half_close()?;
        call.returns(Err(ErrorKind::UnexpectedEof), |_, _| None)?;
    }
    Ok(())
}

fn allocates(arrived: u64, grown: u64) -> String {
    let how = if grown < 100 * MIB {
        "That is less than the length says: your code makes room in large steps (`resize`, \
         `reserve`, `with_capacity` of a part), before the bytes of a step have arrived."
    } else {
        "`vec![0; length]`, `with_capacity(length)` and `reserve(length)` allocate what the peer \
         announces."
    };
    format!(
        "The length announces 100 MiB, {arrived} bytes of them have arrived, and your code has \
         allocated {} MiB. Each connection of a peer can cost you that. {how} Let the vector grow \
         with what each read returns: `take(length)` with `read_to_end` does.",
        grown / MIB
    )
}

/// A figure of this process in bytes (proc(5), `/proc/pid/status`).
fn memory(key: &str) -> Verdict<u64> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib << 10)
        .ok_or_else(|| CheckError::skipped(format!("the kernel does not show {key} of a process")))
}
