//! Checks of exercise 15: bytes, ends of file and resets, passed on as if nobody were between.

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
        "A thread for each direction: std::io::copy(&mut &client, &mut &server) writes what each read has \
         brought, to the end of file, and returns how many bytes that was. `&TcpStream` can be read and \
         written, so threads of `thread::scope` need no clones. What does the other side know of the \
         end of file by then?",
        "Behind the copy, `to.shutdown(Shutdown::Write)` passes the end of file on, and the other direction \
         goes on. If the copy fails, one of the two has been reset. SO_LINGER with zero makes an RST of \
         the close that is to come: set it on both connections, for either may be the other one \
         (socket2: SockRef::from(end).set_linger(Some(Duration::ZERO))). What does the other thread \
         wait for meanwhile, and what would wake it without sending a FIN?",
        "let copied = io::copy(&mut &*from, &mut &*to); let ended = copied.and_then(|bytes| \
         to.shutdown(Shutdown::Write).and(Ok(bytes))); if ended.is_err() { for end in [from, to] { \
         SockRef::from(end).set_linger(Some(Duration::ZERO)).ok(); end.shutdown(Shutdown::Read).ok(); } } \
         ended",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 15 is held to.
pub const SUITE: Suite<Relay> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "passes on what comes, whichever side speaks",
                passes_on_what_comes,
            ),
            check(
                "passes the client's end of file on, and the answer back",
                passes_the_clients_end_on,
            ),
            check(
                "passes the server's end of file on, and the client's words still",
                passes_the_servers_end_on,
            ),
            check(
                "passes on what came before the end of file",
                passes_on_what_came_before_the_end,
            ),
            check(
                "a side that does not read holds up its own direction only",
                holds_up_one_direction,
            ),
            check(
                "takes no more than it can pass on",
                takes_no_more_than_it_can_pass_on,
            ),
            check(
                "returns the bytes of each direction",
                returns_the_bytes_of_each_direction,
            ),
            check("passes a reset on", passes_a_reset_on),
            check(
                "ends when one side resets in the middle",
                ends_when_one_side_resets_in_the_middle,
            ),
            check("leaves nothing behind", leaves_nothing_behind),
        ],
    )],
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
        relaying.passes(b"several at once", from, to)?;
    }
    relaying.rests()?;
    relaying.answer.goes_on("neither side has ended")
}

fn passes_the_clients_end_on(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes(b"question", client, server)?;
    relaying.passes_the_end(client, server)?;
    relaying.passes(b"an answer, ", server, client)?;
    relaying.passes(&numbered(30_000), server, client)?;
    relaying.passes_the_end(server, client)?;
    relaying.answer.succeeds("after both ends of file")?;
    Ok(())
}

fn passes_the_servers_end_on(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.passes(b"welcome, and goodbye", server, client)?;
    relaying.passes_the_end(server, client)?;
    relaying.passes(b"one thing more: ", client, server)?;
    relaying.passes(&numbered(30_000), client, server)?;
    relaying.passes_the_end(client, server)?;
    relaying.answer.succeeds("after both ends of file")?;
    Ok(())
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

fn holds_up_one_direction(exam: &Exam, relay: Relay) -> Verdict {
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

fn takes_no_more_than_it_can_pass_on(exam: &Exam, relay: Relay) -> Verdict {
    let relaying = Relaying::begin_with_small_buffers(exam, relay)?;
    let (client, server) = (&relaying.client, &relaying.server);
    relaying.fills(client, server)?;
    relaying.fills(server, client).map(drop)
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
            (3, 14) => "The other way round: the first number is of what went to the server.",
            (2, 1) => "2 and 1 is how many reads there were. What counts is what each of them returned.",
            (9, 3) => "9 is what the last read brought. Add up what each of them returned.",
            _ => "`io::copy` returns how many bytes it has copied; a loop adds up what each read returned.",
        })
}

fn passes_a_reset_on(exam: &Exam, relay: Relay) -> Verdict {
    for by_server in [false, true] {
        for half_closed in [false, true] {
            let relaying = Relaying::begin(exam, relay)?;
            relaying.resets(by_server, half_closed)?;
        }
        Relaying::begin(exam, relay)?.resets_behind_the_end(by_server)?;
    }
    Ok(())
}

fn ends_when_one_side_resets_in_the_middle(exam: &Exam, relay: Relay) -> Verdict {
    for by_server in [false, true] {
        let relaying = Relaying::begin_with_small_buffers(exam, relay)?;
        relaying.resets_in_the_middle(by_server)?;
    }
    Ok(())
}

fn leaves_nothing_behind(exam: &Exam, relay: Relay) -> Verdict {
    let before = descriptors()?;
    for reset in [false, true] {
        let relaying = Relaying::begin(exam, relay)?;
        let (client, server) = (&relaying.client, &relaying.server);
        relaying.passes(b"hello", client, server)?;
        if reset {
            relaying.resets(true, false)?;
        } else {
            relaying.passes_the_end(client, server)?;
            relaying.passes_the_end(server, client)?;
            relaying.answer.succeeds("after both ends of file")?;
            drop(relaying);
        }
        relaying::left_no_thread(exam)?;
        let left = descriptors()?.saturating_sub(before);
        let expected = "all descriptors to be closed when `relay` has returned";
        exam.must(
            left == 0,
            expected,
            format!("{left} more are open than before"),
        )
        .caused_by(cause::DESCRIPTORS_ARE_LEFT)?;
    }
    Ok(())
}
