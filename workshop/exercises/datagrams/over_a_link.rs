//! All of it at once: questions and answers over a link that loses, repeats and reorders.

use std::{
    io::{self, ErrorKind},
    thread,
};

use nix::poll::PollFlags;
use socket_workshop::link::{Faults, Link};

use super::{
    Ask,
    harness::{Call, Pair, Text, Wanted, datagram},
};

use crate::exam::{AMPLE, Because, Exam, Verdict, is_ready, or_skip};

/// How many questions.
const QUESTIONS: u32 = 12;

/// With this seed no more than two are lost in a row, in either direction.
pub const SEED: u64 = 27;
/// What the link does to datagrams, as shares of them.
pub const FAULTS: Faults = Faults {
    loss: 0.25,
    repeat: 0.2,
    reorder: 0.3,
};

pub(super) fn gets_every_answer(exam: &Exam, ask: Ask) -> Verdict {
    let server = or_skip(
        "bind a UDP socket",
        std::net::UdpSocket::bind("127.0.0.1:0"),
    )?;
    let addr = or_skip("read its address", server.local_addr())?;
    // On a thread of the exam's, whose name the link's own has then.
    let starter = thread::Builder::new().name("exam link".to_owned());
    let starter = starter.spawn(move || Link::between(addr, FAULTS, SEED));
    let link = or_skip("start a thread", starter)?.join();
    let link = or_skip("make a link", link.expect("it has no reason to panic"))?;
    link.sockets().iter().for_each(|socket| exam.owns(socket));
    or_skip("make a socket non-blocking", server.set_nonblocking(true))?;
    let pair = Pair::to(exam, ask, server, link.addr())?;
    exam.step(format!(
        "connected your socket to {}, a link to the exam's {addr} that loses a quarter of all \
         datagrams, repeats some, and holds some back until the next",
        link.addr()
    ));
    for number in 1..=QUESTIONS {
        let text = format!("question {number}");
        let call = pair.call(text.as_bytes(), number, AMPLE)?;
        serves(&pair, &call)?;
        let text = format!("answer to question {number}");
        call.returns(Wanted::Text(text.as_bytes()), |got, _| match got {
            Some(Ok(Text(text))) if text.starts_with(b"answer to question ") => Some(
                "That is the answer to an earlier question, which arrived late or twice. Each \
                 answer has the number of its question: drop those with another number."
                    .to_owned(),
            ),
            _ => None,
        })?;
    }
    Ok(())
}

/// Answers whatever comes, until the call has ended.
fn serves(pair: &Pair, call: &Call) -> Verdict {
    let ended = pair.exam.wait_for(|rest| {
        // An answer that is sent is progress, so the wait starts again.
        while is_ready(&pair.server, PollFlags::POLLIN, rest)? && !call.answer.has_ended() {
            serves_one(pair)?;
        }
        Ok(call.answer.has_ended().then_some(()))
    })?;
    pair.exam
        .must(
            ended.is_some(),
            "the answer to arrive, after a few tries",
            "`ask` still waits",
        )
        .because(|case| {
            (!case.is_running()).then(|| {
                "The question or its answer was lost, and UDP does not report that. Send the \
                 question again after each pause, until the answer arrives."
                    .to_owned()
            })
        })
}

fn serves_one(pair: &Pair) -> Verdict {
    let mut buf = vec![0; 1 << 16];
    let (n, from) = match pair.server.recv_from(&mut buf) {
        Ok(came) => came,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
        Err(error) => return or_skip("receive", Err(error)),
    };
    if n < 4 {
        return pair.exam.fail("a number and a text", "fewer than 4 bytes");
    }
    let text = [b"answer to ", &buf[4..n]].concat();
    let number = u32::from_be_bytes([buf[0], buf[1], buf[2], buf[3]]);
    // The call may have ended: that is not the subject here.
    let sent: io::Result<usize> = pair.server.send_to(&datagram(number, &text), from);
    or_skip("send", sent.or(Ok(0))).map(drop)
}
