//! `bring` called, and the kernel asked for the result: the states must come, and stay.

use std::{
    fmt,
    io::{self, Write},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use socket_workshop::{
    peer::narrow,
    table::{End, Row, State},
};
use socket2::SockRef;

use super::{Bring, cause};

use crate::exam::{
    Because, CheckError, Exam, Options, Running, Verdict, descriptors,
    diagnosis::{LEAVES_A_THREAD, LEAVES_OPTIONS},
    inode_of, numbered, or_skip,
};

/// How long the states are watched for whether they stay, which is the subject: longer than an ACK
/// is delayed (40 ms), and than what is lost waits before it is sent again (200 ms). Where nothing
/// is under way, and no thread could act, they are known to stay.
const SEEN_TO_STAY: Duration = Duration::from_millis(300);

/// The size of the send buffers, in bytes: small, so that filling and draining them takes little
/// time.
const SMALL: usize = 16 << 10;

/// What has been sent on the connection before `bring` is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    None,
    /// This many at each end, unread.
    Unread(usize),
}

/// What `bring` has returned.
pub(super) struct Handed {
    pub(super) client: Option<TcpStream>,
    pub(super) server: Option<TcpStream>,
}

impl Handed {
    /// How many ends.
    pub(super) fn count(&self) -> usize {
        usize::from(self.client.is_some()) + usize::from(self.server.is_some())
    }
}

/// As a failure shows it: which, and not their addresses.
impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |stream: &Option<TcpStream>| stream.as_ref().map_or("None", |_| "Some(…)");
        write!(f, "({}, {})", side(&self.client), side(&self.server))
    }
}

/// The connection that is brought somewhere.
pub(super) struct Pair<'e> {
    exam: &'e Exam,
    client: End,
    inodes: [u64; 2],
    /// Of both ends, before the call.
    options: [Options; 2],
    /// How many descriptors are open besides its two.
    others: usize,
}

/// The rows of the client and the server.
pub(super) type Rows = [Option<Row>; 2];

/// Where the servers listen. Few others connect to this address, so the ends in TIME_WAIT stay.
const SERVERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

type Bringing<'e> = Running<'e, io::Result<Handed>>;

/// Calls the answer with a new connection, on a thread of its own.
pub(super) fn bringing(
    exam: &Exam,
    bring: Bring,
    asked: (State, State),
    bytes: Bytes,
) -> Verdict<(Bringing<'_>, Pair<'_>)> {
    let listener = exam.listener_at(SERVERS)?;
    let (mut client, mut server, end) = or_skip("connect", narrow(&listener))?;
    drop(listener);
    exam.has_opened(end);
    for end in [&client, &server] {
        or_skip(
            "set SO_SNDBUF",
            SockRef::from(end).set_send_buffer_size(SMALL),
        )?;
    }
    exam.step(format!(
        "connected {}, the client, and {}, the server",
        end.local,
        end.other().local
    ));
    if let Bytes::Unread(count) = bytes {
        let text = numbered(count);
        let sent = client.write_all(&text).and(server.write_all(&text));
        or_skip("write to both ends", sent)?;
        let unread = |rows: &Rows| {
            rows.iter()
                .flatten()
                .all(|row| row.recv_q as usize == count)
        };
        if !exam.comes_true(|| Ok(unread(&rows(exam, end)?)))? {
            return Err(CheckError::skipped(
                "what is sent on loopback does not arrive",
            ));
        }
        exam.step(format!("sent {count} bytes from each end; they are unread"));
    }
    let pair = Pair {
        exam,
        client: end,
        inodes: [inode_of(&client)?, inode_of(&server)?],
        options: [
            Options::of(&client), // its buffers have sizes that were set, and keep them
            Options::of(&server),
        ],
        others: descriptors()? - 2,
    };
    exam.step(format!("called `bring` for {}", named(asked)));
    let body = move || {
        let (client, server) = bring(client, server, asked)?;
        Ok(Handed { client, server })
    };
    Ok((exam.start("bring", body)?, pair))
}

/// A connection that has been brought into the states that were asked for.
pub(super) struct Brought<'e> {
    exam: &'e Exam,
    asked: (State, State),
    pub(super) pair: Pair<'e>,
    handed: Handed,
}

impl<'e> Brought<'e> {
    /// Calls the answer, and checks that the kernel comes to show the states, and keeps showing
    /// them: some states are passed through on the way to others.
    pub(super) fn to(
        exam: &'e Exam,
        bring: Bring,
        asked: (State, State),
        bytes: Bytes,
    ) -> Verdict<Brought<'e>> {
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
        let rows = rows(exam, pair.client)?;
        let there = |rows: &Rows| states(rows) == asked;
        let came =
            there(&rows) || exam.comes_true(|| Ok(there(&self::rows(exam, pair.client)?)))?;
        let rows = self::rows(exam, pair.client)?;
        exam.must(
            came,
            format!("the kernel to show {}", named(asked)),
            named(states(&rows)),
        )
        .because(|_| cause::of_other_states(asked, &rows, &handed))?;
        let brought = Brought {
            exam,
            asked,
            pair,
            handed,
        };
        brought.stays()?;
        Ok(brought)
    }

    /// How many ends were returned.
    pub(super) fn count(&self) -> usize {
        self.handed.count()
    }

    /// The kernel keeps showing the states.
    fn stays(&self) -> Verdict {
        let there = |rows: &Rows| states(rows) == self.asked;
        let Some(rows) = changes(self.exam, self.pair.client, there)? else {
            let shown = "the kernel shows these states, and keeps showing them";
            self.exam.step(shown);
            return Ok(());
        };
        self.exam
            .fail(
                format!("the kernel to keep showing {}", named(self.asked)),
                format!("for a moment that, and then {}", named(states(&rows))),
            )
            .because(|_| cause::of_other_states(self.asked, &rows, &self.handed))
    }

    /// An end whose program must not have sent a FIN is among those returned.
    pub(super) fn has_what_must_stay_open(&self) -> Verdict {
        let ends = [
            ("client", self.asked.0, &self.handed.client),
            ("server", self.asked.1, &self.handed.server),
        ];
        for (role, state, stream) in ends {
            let must = matches!(state, State::Established | State::CloseWait);
            self.exam
                .must(
                    !must || stream.is_some(),
                    format!("the {role} to be returned: its state is {}", state.name()),
                    "it has returned None for it, and a descriptor of it is open elsewhere",
                )
                .caused_by(format!(
                    "Your code keeps the {role} open and does not return it: it went to \
                     `mem::forget`, or a clone of it is still open. Return the stream itself."
                ))?;
        }
        Ok(())
    }

    /// Each end is returned in its place.
    pub(super) fn has_the_client_first(&self) -> Verdict {
        let ends = [&self.handed.client, &self.handed.server];
        for ((stream, inode), role) in ends.into_iter().zip(self.pair.inodes).zip(ROLES) {
            let Some(stream) = stream else { continue };
            let seen = "it has returned another socket there";
            let expected = format!("the {role} to be returned as the {role}");
            self.exam
                .must(inode_of(stream)? == inode, expected, seen)
                .caused_by(
                    "The first that `bring` returns is the client and the second the server, also \
                     when the pair is the other way round. If you exchange the ends for a call, \
                     exchange them again in what it returns.",
                )?;
        }
        Ok(())
    }

    /// The options of what was returned are as before.
    pub(super) fn has_its_options(&self) -> Verdict {
        let ends = [&self.handed.client, &self.handed.server];
        for ((stream, before), role) in ends.into_iter().zip(&self.pair.options).zip(ROLES) {
            let Some(stream) = stream else { continue };
            let changed = before.changed(&Options::of(stream));
            self.exam
                .must(
                    changed.is_empty(),
                    format!("the options of the {role} to be as they were"),
                    format!("`bring` has returned, and changed {}", changed.join("; ")),
                )
                .diagnose(&[LEAVES_OPTIONS])?;
        }
        Ok(())
    }

    /// Ends the connection, so that the next will be the only one that is shown.
    pub(super) fn ends(self) -> Verdict {
        for stream in [self.handed.client, self.handed.server]
            .into_iter()
            .flatten()
        {
            let reset = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            or_skip("set SO_LINGER", reset)?;
        }
        Ok(())
    }
}

impl Pair<'_> {
    /// No thread is left.
    pub(super) fn left_no_thread(&self) -> Verdict {
        let seen = "`bring` has returned, and there is one, or more";
        self.exam
            .must(
                self.exam.leaves_no_thread()?,
                "no thread to be left when `bring` returns",
                seen,
            )
            .diagnose(&[LEAVES_A_THREAD])
    }

    /// Nothing is open except this many ends.
    pub(super) fn left_no_descriptor(&self, ends: usize) -> Verdict {
        let open = || Ok(descriptors()?.saturating_sub(self.others));
        let closed = self.exam.comes_true(|| Ok(open()? == ends))?;
        let open = open()?;
        self.exam
            .must(
                closed,
                "nothing to be open except what was returned",
                format!("{open} descriptors are open, and {ends} were returned"),
            )
            .diagnose(&[LEAVES_A_THREAD])
            .caused_by(
                "Your code leaves a descriptor open: a clone, a stream that was forgotten, or one \
                 that a thread keeps. Close what you do not return.",
            )
    }
}

const ROLES: [&str; 2] = ["client", "server"];

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
