//! Checks of exercise 15: bytes, ends of file and resets, passed on as if no proxy were there.

mod cause;
mod relaying;

use std::{io, net::TcpStream};

use self::relaying::Relaying;
use super::Exercise;
use crate::exam::{Because, Exam, Rule, Suite, Verdict, check, descriptors, numbered};

/// Exercise 15.
pub const EXERCISE: Exercise = Exercise {
    number: 15,
    name: "proxy",
    task: "a proxy that passes on bytes, half-closes and resets",
    hints: [
        "A thread for each direction: std::io::copy(&mut &client, &mut &server) writes what each \
         read has returned, up to end of file, and returns how many bytes that was. `&TcpStream` \
         can be read and written, so threads of `thread::scope` need no clones. What does the \
         other side know of the end of file by then?",
        "After the copy, `to.shutdown(Shutdown::Write)` passes the end of file on, and the other \
         direction goes on. If the copy fails, one of the two connections was reset. SO_LINGER of \
         zero turns the later close into a RST: set it on both, because you do not know which one \
         was reset (socket2: SockRef::from(end).set_linger(Some(Duration::ZERO))). What does the \
         other thread wait for meanwhile, and what would wake it without sending a FIN?",
        "let copied = io::copy(&mut &*from, &mut &*to); let ended = copied.and_then(|bytes| \
         to.shutdown(Shutdown::Write).and(Ok(bytes))); if ended.is_err() { for end in [from, to] { \
         SockRef::from(end).set_linger(Some(Duration::ZERO)).ok(); \
         end.shutdown(Shutdown::Read).ok(); } } ended",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 15 is held to.
pub const SUITE: Suite<Relay> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Pass on what has arrived before you wait for more, whichever side has sent it.",
            &[
                check("passes on what either side sends", passes_on_what_comes),
                check(
                    "passes on what the server sends first",
                    passes_on_what_the_server_sends_first,
                ),
                check("passes on a full buffer", passes_on_a_full_buffer),
            ],
        ),
        Rule::core(
            "Pass the bytes on unchanged.",
            &[check(
                "passes the bytes on unchanged",
                passes_bytes_unchanged,
            )],
        ),
        Rule::core(
            "Serve both directions at once. A side that is silent, or does not read, may delay \
             only the bytes that are meant for it.",
            &[check(
                "serves one direction while the other is blocked",
                serves_one_direction,
            )],
        ),
        Rule::core(
            "When one side half-closes, half-close the connection to the other side after the last \
             byte. The other direction goes on.",
            &[
                check(
                    "passes on the client's end of file",
                    passes_the_clients_end_on,
                ),
                check(
                    "passes on the server's end of file",
                    passes_the_servers_end_on,
                ),
                check(
                    "passes on what arrived before end of file",
                    passes_on_what_came_before_the_end,
                ),
            ],
        ),
        Rule::core(
            "When both sides have half-closed, return how many bytes went to the server and how \
             many went to the client. Do not wait until they are read.",
            &[
                check(
                    "returns the bytes of each direction",
                    returns_the_bytes_of_each_direction,
                ),
                check(
                    "returns while a side has bytes to read",
                    returns_while_bytes_are_unread,
                ),
            ],
        ),
        Rule::hardened(
            "While nothing arrives, wait in the kernel without a timeout.",
            &[check("waits without a timeout", waits_without_a_timeout)],
        ),
        Rule::hardened(
            "Leave in the kernel what cannot be passed on yet: hold at most 1 MiB in each \
             direction.",
            &[check("holds at most 1 MiB", holds_a_mebibyte)],
        ),
        Rule::hardened(
            "When a read returns the reset of one side, reset the connection to the other side, \
             send no FIN before, and return an error.",
            &[check(
                "passes on a reset that a read returns",
                passes_on_a_reads_reset,
            )],
        ),
        Rule::hardened(
            "When a write returns the reset of one side, reset the connection to the other side \
             too, and return an error. A normal close is not enough.",
            &[check(
                "passes on a reset that a write returns",
                passes_on_a_writes_reset,
            )],
        ),
        Rule::hardened(
            "Return an error if one side resets its connection while the other side sends to it.",
            &[check(
                "returns an error after a reset in the middle",
                returns_after_a_reset_in_the_middle,
            )],
        ),
        Rule::hardened(
            "When `relay` returns, leave no thread and no descriptor, after an error too.",
            &[check(
                "leaves no thread and no descriptor",
                leaves_nothing_open,
            )],
        ),
    ],
    cause: |_| None,
};

/// The student's function.
pub type Relay = fn(TcpStream, TcpStream) -> io::Result<(u64, u64)>;

fn passes_on_what_comes(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    for (from, to) in [(client, server), (server, client), (client, server)] {
        for byte in [b"a", b"\0", b"\n"] {
            relaying.passes(byte, from, to)?;
        }
        relaying.passes(b"several together", from, to)?;
    }
    relaying.answer.goes_on("neither side has ended")
}

fn passes_on_what_the_server_sends_first(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes(b"the server speaks first", server, client)?;
    relaying.passes(b"then the client", client, server)
}

/// A read that fills the buffer does not show that more will come.
fn passes_on_a_full_buffer(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    for (from, to) in [(client, server), (server, client)] {
        for size in [512, 1024, 2048, 4096, 8192, 16_384, 65_536] {
            relaying.passes(&numbered(size), from, to)?;
        }
    }
    Ok(())
}

fn passes_bytes_unchanged(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    let all: Vec<u8> = (0..=255).rev().collect();
    for (from, to) in [(client, server), (server, client)] {
        relaying.passes(&numbered(1000), from, to)?;
        relaying.passes(&all, from, to)?;
        relaying.passes(b"\r\n\r\n", from, to)?;
        relaying.passes(b"short", from, to)?; // after a longer one, which a buffer may still hold
        relaying.passes(&numbered(100_000), from, to)?;
    }
    Ok(())
}

fn waits_without_a_timeout(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes(b"hello", client, server)?;
    relaying.passes(b"welcome", server, client)?;
    relaying.rests()?;
    relaying.passes_the_end(client, server)?;
    // A timeout that was set while a read waited holds for the next read.
    exam.stays_at_rest()?;
    relaying.passes(b"one thing more", server, client)?;
    relaying.rests()
}

fn passes_the_clients_end_on(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes(b"question", client, server)?;
    relaying.passes_the_end(client, server)?;
    relaying.goes_on_for(server, client)?;
    relaying.passes(b"an answer, ", server, client)?;
    relaying.passes(&numbered(30_000), server, client)?;
    relaying.passes_the_end(server, client)?;
    relaying.answer.succeeds("after both ends of file")?;

    let relaying = Relaying::begin(exam, relay)?; // on which nothing is sent before
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes_the_end(client, server)?;
    relaying.passes_the_end(server, client)?;
    relaying
        .answer
        .succeeds("after both ends of file")
        .map(drop)
}

fn passes_the_servers_end_on(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes(b"welcome, and goodbye", server, client)?;
    relaying.passes_the_end(server, client)?;
    relaying.goes_on_for(client, server)?;
    relaying.passes(b"one thing more: ", client, server)?;
    relaying.passes(&numbered(30_000), client, server)?;
    relaying.passes_the_end(client, server)?;
    relaying.answer.succeeds("after both ends of file")?;

    let relaying = Relaying::begin(exam, relay)?; // on which nothing is sent before
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes_the_end(server, client)?;
    relaying.passes_the_end(client, server)?;
    relaying
        .answer
        .succeeds("after both ends of file")
        .map(drop)
}

fn passes_on_what_came_before_the_end(exam: &Exam, relay: Relay) -> Verdict {
    let (there, back) = (numbered(20_000), numbered(30_000));
    let relaying = Relaying::begin_when(exam, relay, |client, server| {
        client.peer.send(&there)?;
        client.half_close()?;
        server.peer.send(&back)?;
        server.half_close()
    })?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.receives(&there, client, server)?;
    relaying.ends(client, server)?;
    relaying.receives(&back, server, client)?;
    relaying.ends(server, client)?;
    relaying.answer.succeeds("after both ends of file")?;
    Ok(())
}

fn serves_one_direction(exam: &Exam, relay: Relay) -> Verdict {
    for server_is_slow in [false, true] {
        let relaying = Relaying::begin_with_small_buffers(exam, relay)?;
        let (client, server) = (&relaying.client, &relaying.server);
        let (slow, fast) = match server_is_slow {
            true => (server, client),
            false => (client, server),
        };
        let queued = relaying.fills(fast, slow)?;
        relaying.passes(b"still here", slow, fast)?;
        relaying.passes_the_end(slow, fast)?;
        fast.half_close()?; // with bytes still to be sent when `relay` returns
        relaying.receives_at_leisure(&queued, fast, slow)?;
        relaying.ends(fast, slow)?;
        relaying.answer.succeeds("after both ends of file")?;
    }
    Ok(())
}

fn holds_a_mebibyte(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin_with_small_buffers(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.fills_up_to_the_limit(client, server)?;
    relaying.fills_up_to_the_limit(server, client)?;

    let relaying = Relaying::begin_with_limited_send_buffers(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.holds_at_most_a_mebibyte(client, server)?;
    relaying.holds_at_most_a_mebibyte(server, client)
}

fn returns_the_bytes_of_each_direction(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes(b"three", client, server)?;
    relaying.passes(b" and four", client, server)?;
    relaying.passes(b"one", server, client)?;
    relaying.passes_the_end(client, server)?;
    relaying.passes_the_end(server, client)?;
    let counted = relaying.answer.succeeds("after both ends of file")?;
    let expected = "`relay` to return (14, 3): 5 + 9 bytes to the server, 3 to the client";
    let seen = format!("it has returned {counted:?}");
    exam.must(counted == (14, 3), expected, seen)
        .caused_by(match counted {
            (3, 14) => "The two numbers are swapped: the first one counts what went to the server.",
            (2, 1) => {
                "2 and 1 are the numbers of reads. Add up the bytes that each of them \
                       returned."
            }
            (9, 3) => "9 is what the last read returned. Add up what all of them returned.",
            _ => {
                "`io::copy` returns how many bytes it has copied. In a loop, add up what each \
                  read returned."
            }
        })?;
    counts_partial_writes(exam, relay)
}

/// The server does not read at first, so writes take a part only.
fn counts_partial_writes(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin_with_small_buffers(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    let queued = relaying.fills(client, server)?;
    relaying.passes_the_end(server, client)?;
    client.half_close()?;
    relaying.receives_at_leisure(&queued, client, server)?;
    relaying.ends(client, server)?;
    let counted = relaying.answer.succeeds("after both ends of file")?;
    let sent = queued.len() as u64;
    exam.must(
        counted == (sent, 0),
        format!("`relay` to return ({sent}, 0), as many bytes as have arrived"),
        format!("it has returned {counted:?}"),
    )
    .caused_by(match counted {
        (count, 0) if count > sent => {
            "Some bytes are counted twice. A write may take only a part, and the rest is written \
             again: count what each write has taken, not what your code gave it. Or count what \
             each read returned."
        }
        _ => "Add up what each read returned, or what each write has taken, one sum for each direction.",
    })
}

fn returns_while_bytes_are_unread(exam: &Exam, relay: Relay) -> Verdict {
    for server_is_slow in [false, true] {
        let relaying = Relaying::begin_with_small_buffers(exam, relay)?;
        let (client, server) = (&relaying.client, &relaying.server);
        let (slow, fast) = match server_is_slow {
            true => (server, client),
            false => (client, server),
        };
        let queued = relaying.fills(fast, slow)?;
        relaying.passes_the_end(slow, fast)?;
        fast.half_close()?;
        relaying.returns_before_all_is_read(&queued, fast, slow)?;
    }
    Ok(())
}

fn passes_on_a_reads_reset(exam: &Exam, relay: Relay) -> Verdict {
    for by_server in [false, true] {
        for half_closed in [false, true] {
            let relaying = Relaying::begin(exam, relay)?;
            relaying.resets(by_server, half_closed)?;
        }
    }
    Ok(())
}

fn passes_on_a_writes_reset(exam: &Exam, relay: Relay) -> Verdict {
    for by_server in [false, true] {
        Relaying::begin(exam, relay)?.resets_after_the_end(by_server)?;
    }
    Ok(())
}

fn returns_after_a_reset_in_the_middle(exam: &Exam, relay: Relay) -> Verdict {
    for by_server in [false, true] {
        let relaying = Relaying::begin_with_small_buffers(exam, relay)?;
        relaying.resets_in_the_middle(by_server)?;
    }
    Ok(())
}

/// How a relay ends, and what must be left of it then: nothing.
fn leaves_nothing_open(exam: &Exam, relay: Relay) -> Verdict {
    let ends_in_order: fn(Relaying) -> Verdict = |relaying| {
        let (client, server) = (&relaying.client, &relaying.server);
        relaying.passes_the_end(client, server)?;
        relaying.passes_the_end(server, client)?;
        relaying.answer.succeeds("after both ends of file")?;
        Ok(())
    };
    let endings: [fn(Relaying) -> Verdict; 5] = [
        ends_in_order,
        |relaying| relaying.resets(true, false),
        |relaying| relaying.resets(false, false),
        |relaying| relaying.resets(true, true),
        |relaying| relaying.resets_after_the_end(false),
    ];
    for ending in endings {
        let before = descriptors()?;
        let relaying = Relaying::begin(exam, relay)?;
        relaying.passes(b"hello", &relaying.client, &relaying.server)?;
        ending(relaying)?;
        relaying::left_no_thread(exam)?;
        let left = descriptors()?.saturating_sub(before);
        let expected = "all descriptors to be closed when `relay` has returned";
        exam.must(
            left == 0,
            expected,
            format!("{left} more are open than before"),
        )
        .caused_by(cause::KEEPS_A_DESCRIPTOR)?;
    }
    Ok(())
}
