//! `bring` called, and the kernel asked what has come of it: the states must be there soon, and stay.

use std::{
    fmt,
    io::{self, Write},
    net::TcpStream,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::sys::stat::fstat;
use socket_workshop::{
    peer::narrow,
    table::{End, Row, State},
};
use socket2::SockRef;

use super::{Bring, cause};

use crate::exam::{Answer, Because, Exam, Unmet, Verdict, descriptors, here};

/// How long the states are watched for whether they stay, which is the subject: longer than an ACK is
/// delayed (40 ms), and than what is lost waits before it is sent again (200 ms). Where nothing is under
/// way, and no thread could act, they are known to stay.
const SEEN_TO_STAY: Duration = Duration::from_millis(300);

/// What the send buffers are asked for, in bytes: whoever fills them, and reads at the other end, is soon
/// done with both.
const SMALL: usize = 16 << 10;

/// What has been sent on the connection before `bring` is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    None,
    /// Some at both ends, which nobody has read.
    Unread,
}

/// What `bring` has handed back.
pub(super) struct Handed {
    pub(super) client: Option<TcpStream>,
    pub(super) server: Option<TcpStream>,
}

/// As a failure shows it: which, and not their addresses.
impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |stream: &Option<TcpStream>| stream.as_ref().map_or("None", |_| "Some(…)");
        write!(f, "({}, {})", side(&self.client), side(&self.server))
    }
}

/// The connection that is brought somewhere.
pub(super) struct Pair {
    client: End,
    inodes: [u64; 2],
    /// How many descriptors are open besides its two.
    others: usize,
}

/// The rows of the client and the server.
pub(super) type Rows = [Option<Row>; 2];

type Bringing<'e> = Answer<'e, io::Result<Handed>>;

/// Calls the answer with a new connection, on a thread of its own.
pub(super) fn bringing(
    exam: &Exam,
    bring: Bring,
    asked: (State, State),
    bytes: Bytes,
) -> Verdict<(Bringing<'_>, Pair)> {
    let listener = exam.listener()?;
    let (mut client, mut server, end) = here("connect", narrow(&listener))?;
    drop(listener);
    for end in [&client, &server] {
        here(
            "set SO_SNDBUF",
            SockRef::from(end).set_send_buffer_size(SMALL),
        )?;
    }
    exam.step(format!(
        "connected {}, the client, and {}, the server",
        end.local,
        end.other().local
    ));
    if bytes == Bytes::Unread {
        let sent = client.write_all(b"hello").and(server.write_all(b"hello"));
        here("write to both ends", sent)?;
        let unread = |rows: &Rows| rows.iter().flatten().all(|row| row.recv_q > 0);
        if !exam.comes_true(|| Ok(unread(&rows(exam, end)?)))? {
            return Err(Unmet::not_here("what is sent on loopback does not come"));
        }
        exam.step("sent \"hello\" from each end; nobody has read it");
    }
    let pair = Pair {
        client: end,
        inodes: [inode(&client)?, inode(&server)?],
        others: descriptors()? - 2,
    };
    exam.step(format!("called `bring` for {}", named(asked)));
    let body = move || {
        let (client, server) = bring(client, server, asked)?;
        Ok(Handed { client, server })
    };
    Ok((exam.start("bring", body)?, pair))
}

/// Calls the answer, and checks that the kernel comes to show the states, and goes on to show them.
pub(super) fn brings(exam: &Exam, bring: Bring, asked: (State, State), bytes: Bytes) -> Verdict {
    let (answer, pair) = bringing(exam, bring, asked, bytes)?;
    let returned = answer.returns(&format!("for {}", named(asked)));
    let handed = match returned.because(cause::of_no_end)? {
        Ok(handed) => handed,
        Err(error) => {
            let expected = format!("`bring` to return Ok for {}", named(asked));
            let seen = format!("it has returned an error: {error} ({:?})", error.kind());
            return exam
                .fail(expected, seen)
                .because(|_| cause::of_an_error(error.kind()));
        }
    };
    comes_to_stay(exam, asked, &pair, &handed)?;
    exam.step("the kernel shows these states, and goes on to show them");
    hands_back_what_it_keeps(exam, &pair, &handed)?;
    // The next connection shall be the only one that is shown.
    for stream in [handed.client, handed.server].into_iter().flatten() {
        let reset = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        here("set SO_LINGER", reset)?;
    }
    Ok(())
}

fn comes_to_stay(exam: &Exam, asked: (State, State), pair: &Pair, handed: &Handed) -> Verdict {
    let there = |rows: &Rows| states(rows) == asked;
    let came = exam.comes_true(|| Ok(there(&rows(exam, pair.client)?)))?;
    let (rows, how) = if came {
        match changes(exam, pair.client, there)? {
            Some(rows) => (rows, "for a moment that, and then "),
            None => return Ok(()),
        }
    } else {
        (rows(exam, pair.client)?, "")
    };
    exam.fail(
        format!("the kernel to show {}", named(asked)),
        format!("{how}{}", named(states(&rows))),
    )
    .because(|_| cause::of_other_states(asked, &rows, handed))
}

/// The rows, if they do not stay as they are.
fn changes(exam: &Exam, client: End, stay: impl Fn(&Rows) -> bool) -> Verdict<Option<Rows>> {
    let begun = Instant::now();
    let seen = exam.until(|| {
        let rows = rows(exam, client)?;
        Ok(match stay(&rows) {
            false => Some(Some(rows)),
            true => (begun.elapsed() >= SEEN_TO_STAY).then_some(None),
        })
    })?;
    Ok(seen.flatten()) // or it is proven that they stay
}

fn rows(exam: &Exam, client: End) -> Verdict<Rows> {
    let table = exam.table()?;
    Ok([client, client.other()].map(|end| table.find(end).cloned()))
}

/// The states of the client and the server: without a row, CLOSED.
pub(super) fn states(rows: &Rows) -> (State, State) {
    let state = |row: &Option<Row>| row.as_ref().map_or(State::Close, |row| row.state);
    (state(&rows[0]), state(&rows[1]))
}

fn named((client, server): (State, State)) -> String {
    let name = |state| match state {
        State::Close => "no row",
        _ => state.name(),
    };
    format!(
        "{} at the client, {} at the server",
        name(client),
        name(server)
    )
}

fn hands_back_what_it_keeps(exam: &Exam, pair: &Pair, handed: &Handed) -> Verdict {
    let ends = [&handed.client, &handed.server];
    for ((stream, inode), role) in ends.into_iter().zip(pair.inodes).zip(["client", "server"]) {
        let Some(stream) = stream else { continue };
        exam.must(
            self::inode(stream)? == inode,
            format!("the {role} to be handed back as the {role}"),
            "another socket",
        )
        .caused_by(
            "The first that `bring` hands back is the client, the second the server, also when what is \
             asked for is the other way round.",
        )?;
    }
    let kept = ends.iter().filter(|stream| stream.is_some()).count();
    let open = || Ok(descriptors()?.saturating_sub(pair.others));
    let closed = exam.comes_true(|| Ok(open()? == kept))?;
    let open = open()?;
    exam.must(
        closed,
        "nothing to be open but what was handed back",
        format!("{open} descriptors are open, and {kept} came back"),
    )
    .caused_by(
        "What `bring` does not hand back it closes. A clone, a stream that is forgotten or one that a \
         thread keeps is still open.",
    )
}

fn inode(stream: &TcpStream) -> Verdict<u64> {
    let file = fstat(stream.as_fd()).map_err(io::Error::from);
    Ok(here("look at a descriptor", file)?.st_ino)
}
