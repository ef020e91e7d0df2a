//! The answer at work: its server, what its calls do, and its `stop`.

use std::{
    fmt,
    io::{self, BufRead, BufReader, ErrorKind, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{MsgFlags, recv},
};
use socket_workshop::{
    listen::Listen,
    table::{End, Table},
};
use socket2::SockRef;

use super::{Start, Stop, cause};

use crate::exam::{
    AMPLE, Answer, Because, Exam, Peer, Reference, Timing, Took, Verdict, here, numbered,
};

/// What a client sends, and reads back.
pub(super) const LINE: &[u8] = b"hello\n";

/// For this a client gets more than any buffer has room for.
pub(super) const MUCH: &[u8] = b"much\n";

/// Calls that `serve` was called for, and those that have ended.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// Whether a read of a call has returned WouldBlock, for which it needs a limit that is not its
/// own.
static WOULD_BLOCK: AtomicBool = AtomicBool::new(false);

/// Whether `stop` of the server under way has been called.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Whether its limit is so far away that no check waits for it.
static FAR: AtomicBool = AtomicBool::new(false);

/// The option of the first stream that came with one.
static LIMITED: OnceLock<String> = OnceLock::new();

/// What the answer serves its clients with: reads a line, sends it back, and returns.
fn serve(stream: TcpStream) {
    if let Some(by) = limited_by(&stream) {
        LIMITED.get_or_init(|| by);
    }
    BEGUN.fetch_add(1, SeqCst);
    let _ = answer(&stream); // the client sees it
    ENDED.fetch_add(1, SeqCst);
}

/// An option that is set on the stream, before `serve` has set any.
fn limited_by(stream: &TcpStream) -> Option<String> {
    let timeout = |name, set: io::Result<Option<Duration>>| {
        let set = set.ok().flatten()?;
        Some(format!("{name} of {set:?}"))
    };
    let socket = SockRef::from(stream);
    let option = |name: &str, set: io::Result<bool>| set.ok()?.then(|| name.to_owned());
    timeout("a read timeout", stream.read_timeout())
        .or_else(|| timeout("a write timeout", stream.write_timeout()))
        .or_else(|| timeout("SO_LINGER", socket.linger()))
        .or_else(|| option("O_NONBLOCK", socket.nonblocking()))
        .or_else(|| option("SO_KEEPALIVE", socket.keepalive()))
        .or_else(|| option("TCP_NODELAY", stream.nodelay()))
}

fn answer(mut stream: &TcpStream) -> io::Result<()> {
    let mut line = Vec::new();
    let read = BufReader::new(stream).read_until(b'\n', &mut line);
    if matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock) {
        WOULD_BLOCK.store(true, SeqCst);
    }
    read?;
    match &line[..] {
        MUCH => {
            let chunk = numbered(64 << 10);
            (0..1000).try_for_each(|_| stream.write_all(&chunk))
        }
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

pub(super) fn would_block() -> bool {
    WOULD_BLOCK.load(SeqCst)
}

pub(super) fn stopping() -> bool {
    STOPPING.load(SeqCst)
}

pub(super) fn limit_is_far() -> bool {
    FAR.load(SeqCst)
}

pub(super) fn limited() -> Option<&'static str> {
    LIMITED.get().map(String::as_str)
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
        Server::with(exam, start, listening(exam, addr)?)
    }

    pub(super) fn with(exam: &'e Exam, start: Start, listener: TcpListener) -> Verdict<Server<'e>> {
        let addr = here("read its address", listener.local_addr())?;
        STOPPING.store(false, SeqCst);
        let started = exam.start("start", move || start(listener, serve).map(Started))?;
        let Started(stop) = started
            .succeeds("immediately")
            .because(cause::starts_late)?;
        exam.step(format!("called your `start` with a listener on {addr}"));
        Ok(Server { exam, addr, stop })
    }

    /// A client, whose call has begun.
    pub(super) fn client(&self, name: &str) -> Verdict<Peer<'e>> {
        let before = begun();
        let client = self.exam.dial(self.addr)?.named(name);
        self.has_begun(before + 1, name)?;
        Ok(client)
    }

    /// This many silent clients, whose calls have begun.
    pub(super) fn silent_clients(&self, count: usize) -> Verdict<Vec<TcpStream>> {
        let before = begun();
        let clients = dial(self.exam, self.addr, count)?;
        self.exam.step(format!("connected {count} silent clients"));
        self.has_begun(before + count, "last of them")?;
        Ok(clients)
    }

    fn has_begun(&self, count: usize, name: &str) -> Verdict {
        let called = self.exam.comes_true(|| Ok(begun() >= count))?;
        let expected = format!("`serve` to be called for the {name}");
        let verdict = self.exam.must(called, expected, "it has not been called");
        verdict.because(cause::not_served)
    }

    /// Calls `stop`.
    pub(super) fn stop(self, limit: Duration) -> Verdict<Stopping<'e>> {
        self.exam
            .step(format!("called `stop` with a limit of {limit:?}"));
        let stop = self.stop;
        STOPPING.store(true, SeqCst);
        FAR.store(limit == AMPLE, SeqCst);
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
    STOPPING.store(false, SeqCst);
    exam.start("stop", move || {
        let stop = start(listener, serve)?;
        STOPPING.store(true, SeqCst);
        FAR.store(true, SeqCst);
        stop(AMPLE)
    })
}

/// What `stop` returns, which must be Ok.
pub(super) fn stopped(stop: &Stopping<'_>, when: &str) -> Verdict<usize> {
    stop.succeeds(when)
        .because(|case| match case.has_returned() {
            true => cause::fails(case),
            false => cause::does_not_stop(case),
        })
}

/// `stop` has returned how many connections it closed.
pub(super) fn counts(exam: &Exam, count: usize, cut_off: usize) -> Verdict {
    exam.must(
        count == cut_off,
        format!(
            "`stop` to return {cut_off}, the number of connections that it closed at the \
                 limit"
        ),
        format!("it has returned {count}"),
    )
    .caused_by(if count > cut_off {
        "Only the connections that were still open at the limit count. Do not count the clients \
         that were served, or the calls that were over by then."
    } else {
        "Calls were under way, and their clients had not ended them. Either your code closed the \
         connections before the limit, or it did not count what it closed at the limit. Count each \
         connection that you shut down."
    })
}

/// Nothing listens at this address any more. At another, the port may be another process's.
pub(super) fn closes_its_listener(exam: &Exam, addr: SocketAddr) -> Verdict<bool> {
    let closed = |table: &Table| table.find(End::listener(addr)).is_none().then_some(());
    let seen = exam.table_shows(closed)?;
    Ok(seen.is_some())
}

/// Clients that connect, and are silent.
pub(super) fn dial(exam: &Exam, addr: SocketAddr, count: usize) -> Verdict<Vec<TcpStream>> {
    let client = |_| {
        let expected = format!("a connection to {addr}");
        match exam.connects(addr)? {
            Some(Ok(client)) => Ok(client),
            Some(Err(error)) => exam.fail(expected, error.to_string()),
            None => exam.fail(expected, "the SYN is not answered"),
        }
    };
    (0..count).map(client).collect()
}

/// How a connection ended, as its client sees it: what came before the end of file, or an error.
/// `None` if it never ends.
pub(super) fn rest_of(exam: &Exam, client: &TcpStream) -> Verdict<Option<io::Result<Vec<u8>>>> {
    let (mut all, mut buf) = (Vec::new(), [0; 4096]);
    while exam.becomes_ready(client, PollFlags::POLLIN)? {
        match recv(client.as_raw_fd(), &mut buf, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => return Ok(Some(Ok(all))),
            Ok(n) => all.extend(&buf[..n]),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Ok(Some(Err(errno.into()))),
        }
    }
    Ok(None)
}

/// Something that must happen soon, and has begun.
pub(super) struct Soon {
    begun: Instant,
    reference: Reference,
}

/// The exam waits as long beside it, to see whether the machine is too busy.
const A_WAIT: Duration = Duration::from_millis(100);

/// How late it may be: several threads may have to get their turns, one after the other. Longer
/// than the pause of an answer that looks now and then, and shorter than one of a second.
const MARGIN: Duration = Duration::from_millis(500);

impl Soon {
    pub(super) fn from_now(exam: &Exam) -> Verdict<Soon> {
        Ok(Soon {
            reference: exam.reference(A_WAIT)?,
            begun: Instant::now(),
        })
    }

    /// It has happened.
    pub(super) fn has_come(self, exam: &Exam, expected: &str, cause: &str) -> Verdict {
        let took = self.begun.elapsed();
        let judged = Took {
            time: took.max(A_WAIT),
            delay: Duration::ZERO,
        };
        match self.reference.judges(judged, MARGIN)? {
            Timing::Late => exam
                .fail(expected, format!("it has happened after {took:.1?}"))
                .caused_by(cause),
            _ => Ok(()),
        }
    }
}
