//! The answer at work: its server, what its calls do, and its `stop`.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use super::{Start, Stop, cause};
use crate::{
    deadline::Deadline,
    exam::{Answer, Because, Exam, LIMIT, Peer, Verdict, here},
    listen::Listen,
    table::State,
};

/// What a client says, and hears.
pub(super) const LINE: &[u8] = b"hello\n";

/// For this a client gets more than any buffer has room for.
pub(super) const MUCH: &[u8] = b"much\n";

/// Longer than any check takes.
pub(super) const FAR: Duration = Duration::from_secs(60);

/// Calls that `serve` was called for, and those that have ended.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// What the answer serves its clients with: reads a line, sends it back, and returns.
fn serve(stream: TcpStream) {
    BEGUN.fetch_add(1, SeqCst);
    let _ = answer(&stream); // the client will tell
    ENDED.fetch_add(1, SeqCst);
}

fn answer(mut stream: &TcpStream) -> io::Result<()> {
    let mut line = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut line)?;
    match &line[..] {
        MUCH => (0..1000).try_for_each(|_| stream.write_all(&[b'x'; 64 << 10])),
        [.., b'\n'] => stream.write_all(&line),
        _ => Ok(()), // end of file before the end of the line
    }
}

pub(super) fn begun() -> usize {
    BEGUN.load(SeqCst)
}

pub(super) fn ended() -> usize {
    ENDED.load(SeqCst)
}

/// The student's server, until it is stopped.
pub(super) struct Server<'e> {
    pub(super) exam: &'e Exam,
    pub(super) addr: SocketAddr,
    stop: Stop,
}

/// What `start` returned, for evidence: a function has no text.
struct Started(Stop);

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a server")
    }
}

/// `stop` at work.
pub(super) type Stopping<'e> = Answer<'e, io::Result<usize>>;

/// A listener for the answer.
pub(super) fn listening(exam: &Exam, addr: SocketAddr) -> Verdict<TcpListener> {
    let listener = here(&format!("listen on {addr}"), Listen::default().on(addr))?;
    exam.watches(&listener);
    Ok(listener)
}

impl<'e> Server<'e> {
    /// On a free port of IPv4's loopback.
    pub(super) fn start(exam: &'e Exam, start: Start) -> Verdict<Server<'e>> {
        Server::on(exam, start, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub(super) fn on(exam: &'e Exam, start: Start, addr: SocketAddr) -> Verdict<Server<'e>> {
        let listener = listening(exam, addr)?;
        let addr = here("read its address", listener.local_addr())?;
        let started = exam.start("start", move || start(listener, serve).map(Started))?;
        let Started(stop) = started.succeeds("at once").because(cause::starts_late)?;
        exam.step(format!("called your `start` with a listener on {addr}"));
        Ok(Server { exam, addr, stop })
    }

    /// A client, whose call has begun.
    pub(super) fn client(&self, name: &str) -> Verdict<Peer<'e>> {
        let before = begun();
        let client = self.exam.dial(self.addr)?.named(name);
        let served = Deadline::after(LIMIT).wait_for(|| Ok((begun() > before).then_some(())));
        let served = matches!(served, Ok(Some(())));
        let expected = format!("`serve` to be called for the {name} within {LIMIT:?}");
        let seen = "it has not been called";
        self.exam
            .must(served, expected, seen)
            .because(cause::not_served)?;
        Ok(client)
    }

    /// Calls `stop`.
    pub(super) fn stop(self, limit: Duration) -> Verdict<Stopping<'e>> {
        self.exam
            .step(format!("called `stop` with a limit of {limit:?}"));
        let stop = self.stop;
        self.exam.start("stop", move || stop(limit))
    }
}

/// Calls `start` and, right after it, `stop`.
pub(super) fn start_and_stop(
    exam: &Exam,
    start: Start,
    listener: TcpListener,
) -> Verdict<Stopping<'_>> {
    exam.step("called `start`, and right after it `stop`");
    exam.start("stop", move || {
        start(listener, serve).and_then(|stop| stop(FAR))
    })
}

/// `stop` returns within [`LIMIT`], and has cut off so many.
pub(super) fn stopped(exam: &Exam, stop: &Stopping<'_>, when: &str, cut_off: usize) -> Verdict {
    let count = stop.succeeds(when).because(cause::does_not_stop)?;
    counts(exam, count, cut_off)
}

/// `stop` has returned how many it has cut off.
pub(super) fn counts(exam: &Exam, count: usize, cut_off: usize) -> Verdict {
    exam.must(
        count == cut_off,
        format!("`stop` to return {cut_off}, the connections that it had to cut off"),
        format!("it has returned {count}"),
    )
    .caused_by(
        "What counts is the connections that were still open at the limit and were closed for that: not \
         those that were served, and not the calls that were over by then.",
    )
}

/// Whether the kernel still shows a listener.
fn listens(exam: &Exam) -> Verdict<bool> {
    Ok(exam
        .table()?
        .rows
        .iter()
        .any(|row| row.state == State::Listen))
}

/// No socket listens any more, by [`LIMIT`].
pub(super) fn closes_its_listener(exam: &Exam) -> Verdict<bool> {
    exam.table()?;
    let look = || Ok((!listens(exam).unwrap_or(false)).then_some(()));
    Ok(matches!(
        Deadline::after(LIMIT).wait_for(look),
        Ok(Some(()))
    ))
}

/// How a connection ended, as its client sees it.
pub(super) fn rest_of(client: &TcpStream, limit: Duration) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    Deadline::after(limit).on(client).read_to_end(&mut all)?;
    Ok(all)
}
