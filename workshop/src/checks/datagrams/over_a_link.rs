//! All of it at once: questions and answers over a link that loses, repeats and reorders.

use std::{thread, time::Duration};

use socket_workshop::{
    deadline::Deadline,
    link::{Faults, Link},
};

use super::{
    Ask,
    call::{AMPLE, Call, Pair, Wanted, datagram},
};

use crate::exam::{Because, Exam, Verdict, here};

/// How many questions.
const QUESTIONS: u32 = 12;

/// Far longer than it takes to be sent as often as this link makes necessary.
const LONG: Duration = Duration::from_secs(5);

/// A pause in which nothing comes: time to see whether the answer has returned.
const PAUSE: Duration = Duration::from_millis(5);

/// Of this seed no more than two are lost in a row, in either direction: an answer is never far.
const SEED: u64 = 27;
const FAULTS: Faults = Faults {
    loss: 0.25,
    repeat: 0.2,
    reorder: 0.3,
};

pub(super) fn gets_every_answer(exam: &Exam, ask: Ask) -> Verdict {
    let server = here(
        "bind a UDP socket",
        std::net::UdpSocket::bind("127.0.0.1:0"),
    )?;
    let addr = here("read its address", server.local_addr())?;
    // On a thread of the exam's, whose name the link's own has then.
    let starter = thread::Builder::new().name("exam link".to_owned());
    let starter = starter.spawn(move || Link::between(addr, FAULTS, SEED));
    let link = here("start a thread", starter)?.join();
    let link = here("make a link", link.expect("it has no reason to panic"))?;
    link.sockets().iter().for_each(|socket| exam.owns(socket));
    let pair = Pair::to(exam, ask, server, link.addr())?;
    exam.step(format!(
        "connected your socket to {}, a link to the exam's {addr} that loses a quarter of all datagrams, \
         repeats some, and holds some back until the next",
        link.addr()
    ));
    for number in 1..=QUESTIONS {
        let text = format!("question {number}");
        let call = pair.call(text.as_bytes(), number, AMPLE)?;
        serves(&pair, &call)?;
        let text = format!("answer to question {number}");
        call.returns(Wanted::Text(text.as_bytes()), |got, _| match got {
            Some(Ok(text)) if text.starts_with(b"answer to question ") => Some(
                "That is the answer to an earlier question, which came late or twice. Each answer has its \
                 question's number: drop those with another."
                    .to_owned(),
            ),
            _ => None,
        })?;
    }
    Ok(())
}

/// Answers whatever comes, until the call has ended.
fn serves(pair: &Pair, call: &Call) -> Verdict {
    let limit = Deadline::after(LONG);
    let mut buf = vec![0; 1 << 16];
    here("set a timeout", pair.server.set_read_timeout(Some(PAUSE)))?;
    while !call.answer.has_ended() && !limit.passed() {
        let Ok((n, from)) = pair.server.recv_from(&mut buf) else {
            continue; // the timeout ran out
        };
        if n < 4 {
            return pair.exam.fail("a number and a text", "fewer than 4 bytes");
        }
        let text = [b"answer to ", &buf[4..n]].concat();
        let number = u32::from_be_bytes([buf[0], buf[1], buf[2], buf[3]]);
        let _ = pair.server.send_to(&datagram(number, &text), from);
    }
    pair.exam
        .must(
            call.answer.has_ended(),
            "the answer to get through: it takes a few tries",
            format!("after {LONG:?} `ask` waits still"),
        )
        .because(|case| {
            (!case.is_running()).then(|| {
                "The question, or its answer, was lost, and nothing came of it any more. Nobody says so: \
                 what has not been answered in time must be sent again, as often as it takes."
                    .to_owned()
            })
        })
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use socket_workshop::link::{arrived, connected};

    use super::{FAULTS, SEED};

    /// The most of a hundred numbers in a row that did not arrive.
    fn lost_in_a_row(socket: &UdpSocket) -> usize {
        let came = arrived(socket).unwrap().concat();
        let missing: Vec<bool> = (0..100).map(|n| !came.contains(&n)).collect();
        let runs = missing.split(|missing| !missing);
        runs.map(<[bool]>::len).max().unwrap_or(0)
    }

    #[test]
    fn an_answer_is_never_far() {
        let (client, server, link) = connected(FAULTS, SEED).unwrap();
        let far: SocketAddr = link.sockets()[1].local_addr().unwrap();
        // The link must know its client before it can let anything back.
        let client_known = || Ok((server.peek(&mut [0]).is_ok()).then_some(()));
        for n in 0..100 {
            client.send(&[n]).unwrap();
        }
        let limit = socket_workshop::deadline::Deadline::after(crate::exam::LIMIT);
        limit.wait_for(client_known).unwrap();
        for n in 0..100 {
            server.send_to(&[n], far).unwrap();
        }
        let passed = link.end();
        assert_eq!(passed.taken, 200);
        assert!(lost_in_a_row(&server) <= 2);
        assert!(lost_in_a_row(&client) <= 2);
    }
}
