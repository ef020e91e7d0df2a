//! The answer at work: its server, what its calls do, and its `stop`.

use std::{
    fmt,
    io::{self, BufRead, BufReader, ErrorKind, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd,
    sync::{
        Condvar, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
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
use socket2::{Domain, Socket, Type};

use super::{Start, Stop, cause};

use crate::exam::{AMPLE, Because, Case, Exam, Options, Peer, Running, Verdict, or_skip};

/// What a client sends, and reads back.
pub(super) const LINE: &[u8] = b"hello\n";

/// For this a client gets more than any buffer has room for.
pub(super) const MUCH: &[u8] = b"much\n";

/// Calls that `serve` was called for, and those that have ended.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// Whether a read of a call has returned WouldBlock: the answer has set a timeout or O_NONBLOCK.
static WOULD_BLOCK: AtomicBool = AtomicBool::new(false);

/// Whether `stop` of the server under way has been called.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Whether its limit is so far away that no check waits for it.
static FAR: AtomicBool = AtomicBool::new(false);

/// How the options of the first stream differed that did not have those of a plain connection.
static LIMITED: OnceLock<String> = OnceLock::new();

/// The options of a connection that accept has returned.
static PLAIN: OnceLock<Options> = OnceLock::new();

/// Whether calls that are done with their connection wait before they return.
static HOLDS: Mutex<bool> = Mutex::new(false);
static RELEASED: Condvar = Condvar::new();

/// How many of them wait.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Calls that are done with their connection return when this is dropped.
pub(super) struct Hold;

impl Hold {
    pub(super) fn calls() -> Hold {
        *HOLDS.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Hold
    }

    /// How many calls wait to return.
    pub(super) fn count(&self) -> usize {
        HELD.load(SeqCst)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        *HOLDS.lock().unwrap_or_else(PoisonError::into_inner) = false;
        RELEASED.notify_all();
    }
}

fn waits_if_held() {
    let holds = HOLDS.lock().unwrap_or_else(PoisonError::into_inner);
    if *holds {
        HELD.fetch_add(1, SeqCst);
    }
    let released = RELEASED.wait_while(holds, |holds| *holds);
    drop(released);
}

/// The function that serves a connection: reads a line, sends it back, and returns.
fn serve(stream: TcpStream) {
    if let Some(by) = limited_by(&stream) {
        LIMITED.get_or_init(|| by);
    }
    BEGUN.fetch_add(1, SeqCst);
    let _ = answer(&stream); // the client will tell
    waits_if_held();
    ENDED.fetch_add(1, SeqCst);
}

/// How its options differ from those of a plain connection, before `serve` has set any.
fn limited_by(stream: &TcpStream) -> Option<String> {
    let changed = PLAIN.get()?.changed(&Options::of(stream).without_buffers());
    (!changed.is_empty()).then(|| changed.join(", ").replace(" before", " expected"))
}

/// Looks once at the options of a connection that accept has returned.
fn look_at_a_plain_connection() -> io::Result<()> {
    if PLAIN.get().is_none() {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        let (accepted, _) = listener.accept()?;
        PLAIN.get_or_init(|| Options::of(&accepted).without_buffers());
    }
    Ok(())
}

fn answer(mut stream: &TcpStream) -> io::Result<()> {
    let mut line = Vec::new();
    let read = BufReader::new(stream).read_until(b'\n', &mut line);
    if matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock) {
        WOULD_BLOCK.store(true, SeqCst);
    }
    read?;
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

/// The value that `start` returned, for evidence: a function has no text.
struct Started(Stop);

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a server")
    }
}

/// `stop` at work.
pub(super) type Stopping<'e> = Running<'e, io::Result<usize>>;

/// More clients than any check connects: where the server accepts none, the queue has room for all.
const BACKLOG: i32 = 256;

/// A listener for the answer.
pub(super) fn listening(exam: &Exam, addr: SocketAddr) -> Verdict<TcpListener> {
    or_skip("connect to a listener", look_at_a_plain_connection())?;
    let listener = or_skip(
        &format!("listen on {addr}"),
        Listen::with_backlog(BACKLOG).on(addr),
    )?;
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
        let addr = or_skip("read its address", listener.local_addr())?;
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

    /// As [`Self::client`], where another one has reset its connection.
    pub(super) fn client_after_a_reset(&self, name: &str) -> Verdict<Peer<'e>> {
        let before = begun();
        let dialled = self.exam.dial(self.addr);
        let client = dialled.because(cause::ends_at_a_reset)?.named(name);
        self.must_begin(before + 1, name)
            .because(cause::ends_at_a_reset)
            .because(cause::not_served)?;
        Ok(client)
    }

    /// Two clients with one address and port, connected to two addresses of this machine, on which
    /// the server listens. Their calls have begun.
    pub(super) fn clients_of_one_port(&self) -> Verdict<[Peer<'e>; 2]> {
        let (before, port) = (begun(), self.addr.port());
        let mut local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut client = |server: SocketAddr| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?; // for the port of the other, which does not listen
            socket.bind(&local.into())?;
            socket.connect(&server.into())?;
            let stream = TcpStream::from(socket);
            local = stream.local_addr()?;
            self.exam.step(format!("connected {local} to {server}"));
            Ok(Peer::new(self.exam, stream))
        };
        let first = client(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let first = or_skip("connect", first)?;
        let second = client(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port)));
        let second = or_skip("connect from the same port", second)?;
        self.has_begun(before + 2, "clients")?;
        Ok([first, second])
    }

    /// This many silent clients, whose calls have begun.
    pub(super) fn silent_clients(&self, count: usize) -> Verdict<Vec<TcpStream>> {
        let before = begun();
        let mut clients = dial(self.exam, self.addr, count)?;
        self.exam
            .step(format!("connected {count} clients, which send nothing"));
        let all_begin = || self.exam.comes_true(|| Ok(begun() >= before + count));
        if all_begin()? {
            return Ok(clients);
        }
        let calls = begun() - before;
        let one_more_begins = self.begins_one_more(&mut clients)?;
        all_begin()?; // it stays so, and the failure shows where the threads wait
        let also = match one_more_begins {
            true => ", and for one more when another client connected",
            false => "",
        };
        self.exam
            .fail(
                format!("`serve` to be called for all {count} of them"),
                format!("it was called for {calls}{also}"),
            )
            .because(|case| cause::accepts_one_for_each_event(case, one_more_begins))
            .because(|case| cause::serves_some(case, calls))
            .because(cause::not_served)
    }

    /// Some clients are not served. Whether another one, which connects now, makes the server begin
    /// one more call.
    fn begins_one_more(&self, clients: &mut Vec<TcpStream>) -> Verdict<bool> {
        let before = begun();
        let Some(Ok(another)) = self.exam.connects(self.addr)? else {
            return Ok(false);
        };
        clients.push(another);
        self.exam.step("connected another client");
        self.exam.comes_true(|| Ok(begun() > before))
    }

    /// A client's call ends: it sends its line, and reads the answer and end of file.
    pub(super) fn ends(&self, client: &Peer<'_>) -> Verdict {
        client.send(LINE)?;
        client.receives(LINE)?;
        self.closes(client)
    }

    /// `serve` has answered a client, and returned: the client must read end of file.
    pub(super) fn closes(&self, client: &Peer<'_>) -> Verdict {
        let end = End::between(self.addr, client.addr()?);
        client.ends().because(|case| cause::stays_open(case, end))
    }

    fn has_begun(&self, count: usize, name: &str) -> Verdict {
        self.must_begin(count, name).because(cause::not_served)
    }

    fn must_begin(&self, count: usize, name: &str) -> Verdict {
        let called = self.exam.comes_true(|| Ok(begun() >= count))?;
        let expected = format!("`serve` to be called for the {name}");
        self.exam.must(called, expected, "it has not been called")
    }

    /// Calls `stop`.
    pub(super) fn stop(self, limit: Duration) -> Verdict<Stopping<'e>> {
        self.exam
            .step(format!("called `stop` with a limit of {limit:?}"));
        let stop = self.stop;
        STOPPING.store(true, SeqCst);
        FAR.store(limit >= AMPLE, SeqCst);
        self.exam.start("stop", move || stop(limit))
    }
}

/// Calls `start` and, right after it, `stop`.
pub(super) fn start_and_stop(
    exam: &Exam,
    start: Start,
    listener: TcpListener,
    limit: Duration,
) -> Verdict<Stopping<'_>> {
    exam.step(format!(
        "called `start`, and right after it `stop` with a limit of {limit:?}"
    ));
    STOPPING.store(false, SeqCst);
    exam.start("stop", move || {
        let stop = start(listener, serve)?;
        STOPPING.store(true, SeqCst);
        FAR.store(limit >= AMPLE, SeqCst);
        stop(limit)
    })
}

/// `stop` returns this number of connections that it closed at the limit.
pub(super) fn stopped(exam: &Exam, stop: &Stopping<'_>, when: &str, cut_off: usize) -> Verdict {
    let count = stops(exam, stop, when)?;
    counts(exam, count, cut_off)
}

/// `stop` returns Ok, and a number that is not the subject.
pub(super) fn stops(exam: &Exam, stop: &Stopping<'_>, when: &str) -> Verdict<usize> {
    stops_or(exam, stop, when, |_| None)
}

/// The same, for a check that knows a cause of its own if it does not return.
pub(super) fn stops_or(
    exam: &Exam,
    stop: &Stopping<'_>,
    when: &str,
    why: fn(&Case) -> Option<String>,
) -> Verdict<usize> {
    let returned = stop.returns(when).because(why);
    match returned.because(cause::does_not_stop)? {
        Ok(count) => Ok(count),
        Err(error) => {
            let seen = format!("it has returned an error: {error} ({:?})", error.kind());
            let failed = exam.fail(format!("`stop` to return Ok {when}"), seen);
            failed.because(|_| cause::fails(&error))
        }
    }
}

/// The number that `stop` has returned.
pub(super) fn counts(exam: &Exam, count: usize, cut_off: usize) -> Verdict {
    exam.must(
        count == cut_off,
        format!(
            "`stop` to return {cut_off}, the number of connections that were open at the limit"
        ),
        format!("it has returned {count}"),
    )
    .caused_by(if count > cut_off {
        "Count the connections that you close at the limit, and no others: not the clients that \
         were served before, and not the calls that are over."
    } else {
        "More calls were under way than `stop` counted. Your code closed connections before the \
         limit, or did not count those that it closed at the limit, or did not wait for the calls."
    })
}

/// Nothing listens at this address any more. At another, the port may be another process's.
pub(super) fn closes_its_listener(exam: &Exam, addr: SocketAddr) -> Verdict<bool> {
    let closed = |table: &Table| table.find(End::listener(addr)).is_none().then_some(());
    let seen = exam.table_shows(closed)?;
    Ok(seen.is_some())
}

/// Clients that connect, and send nothing.
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

/// What a client still reads.
pub(super) struct Rest {
    pub(super) bytes: Vec<u8>,
    /// How the connection ended after them: by end of file, or by an error. `None` if it never
    /// does.
    pub(super) end: Option<io::Result<()>>,
}

/// Reads to the end of a connection.
pub(super) fn rest_of(exam: &Exam, client: &TcpStream) -> Verdict<Rest> {
    let (mut bytes, mut buf) = (Vec::new(), [0; 4096]);
    let mut end = None;
    while exam.becomes_ready(client, PollFlags::POLLIN)? {
        match recv(client.as_raw_fd(), &mut buf, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => end = Some(Ok(())),
            Ok(n) => bytes.extend(&buf[..n]),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => end = Some(Err(errno.into())),
        }
        if end.is_some() {
            break;
        }
    }
    Ok(Rest { bytes, end })
}
