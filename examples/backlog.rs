//! Under load some clients of your server connect after exactly one second, and others time out.
//! The accept queue was full. Which clients wait in it, and what happens to one that finds no room?
//!
//!     cargo run --example backlog
//!
//! You will see connections that are complete before accept, a SYN that the kernel drops silently,
//! a connection that is complete at one end only, and how 256 clients at once fare with two
//! backlogs.
//!
//! New here: an accept queue (connections that are complete and wait for accept) that is full.

use socket_workshop::accept_queue::{decided, overflows, somaxconn};
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State, State::*, TimerKind::Retransmit};
use socket_workshop::{
    command, fault::Attempt, histogram::Histogram, listen::Listen, listen::reachable, peer,
};
use socket2::SockRef;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::with_backlog(1).on(flags.listen)?;
        let addr = listener.local_addr()?;
        let mut story = Story::begin(&flags, addr)?;
        room_for_two(&mut story, listener)?;
        #[cfg(target_os = "linux")]
        complete_at_one_end(&mut story, addr)?;
        two_backlogs(&mut story)?;
        story.end()
    })
}

fn room_for_two(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let queue = End::of(&listener)?;
    let addr = reachable(listener.local_addr()?);
    let mut first = TcpStream::connect(addr)?;
    let second = TcpStream::connect(addr)?;
    first.write_all(b"hello")?;
    story
        .stage("listen(1): two clients have connected, one has written; no accept yet")
        .expect("listener", queue, must(Listen).backlog(1).recv_q(2))
        .pair(End::of(&first)?, Established, must(Established).recv_q(5))
        .pair(End::of(&second)?, Established, Established)
        .asks("listen(1): how many may wait?")
        .why(
            "The kernel completes the handshake and takes data before accept. The listener's \
             Recv-Q is the number of waiting connections. The backlog is 1 and two wait: Linux \
             queues one more.",
        )
        .show()?;

    let before = overflows().unwrap_or(0);
    let (third, local) = peer::bound(addr.ip())?;
    let _under_way = third.connect(&addr.into()); // returns EINPROGRESS: does not wait
    let dialing = End::between(local, addr);
    let fourth = TcpStream::connect_timeout(&addr, Duration::from_millis(100));
    let now = overflows().unwrap_or(0);
    let stage = story
        .stage("a third client dials, and so does a fourth, with a limit of 100 ms")
        .expect("listener", queue, must(Listen).recv_q(2).drops(1..))
        .expect("third", dialing, must(SynSent).timer(Retransmit))
        .timers()
        .why(
            "Linux dropped their SYNs; other systems may refuse. A refusal would be an answer, a \
             RST; this is silence, as if the SYN had been lost. On the timer the third client's \
             kernel sends it again.",
        )
        .fails(
            "The fourth client's connect_timeout",
            fourth,
            ErrorKind::TimedOut,
        );
    if overflows().is_none() {
        return stage.show(); // this machine does not count them
    }
    stage
        .claim(
            format!("ListenOverflows of all listeners (nstat -az): {before} before, {now} now."),
            now >= before + 2,
        )
        .show()
}

/// The ACK that ends a handshake arrives when the queue is already full. On a network, distance
/// does that; here the client's kernel drops the answer to its SYN until then (ip(7), IP_MINTTL).
#[cfg(target_os = "linux")]
fn complete_at_one_end(story: &mut Story, addr: SocketAddr) -> io::Result<()> {
    let listener = Listen::with_backlog(1).on(addr)?;
    let (queue, addr) = (End::of(&listener)?, reachable(addr));
    let (late, local) = peer::bound(addr.ip())?;
    let end = End::between(local, addr);
    peer::set_min_ttl(&late, 255)?; // the server's segments have a TTL of 64
    let _under_way = late.connect(&addr.into()); // does not wait: EINPROGRESS
    let soon = Duration::from_secs(5); // they are not to wait if there is no room
    let _first = TcpStream::connect_timeout(&addr, soon)?;
    let _second = TcpStream::connect_timeout(&addr, soon)?;
    peer::set_min_ttl(&late, 0)?;
    let mut late = peer::finish_connect(late)?; // the SYN was resent, and answered again
    late.write_all(b"hello")?; // carries the ACK again
    story
        .stage("there was room when a client's SYN arrived, and there is none for its ACK")
        .expect("listener", queue, must(Listen).recv_q(2).drops(2..))
        .client(end, must(Established).send_q(5))
        .server(end, SynRecv)
        .why(
            "The client's connect and write have succeeded. The server's kernel drops the ACK and \
             the data until there is room (with net.ipv4.tcp_abort_on_overflow=1 it sends a RST).",
        )
        .show()
}

fn two_backlogs(story: &mut Story) -> io::Result<()> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let by_std = TcpListener::bind(anywhere)?;
    let long = Listen::with_backlog(4096).on(anywhere)?;
    let longest = Listen::with_backlog(i32::MAX).on(anywhere)?;
    let limit = somaxconn();
    let few = limit.min(128);
    let many = limit.min(4096);
    let clients = 2 * few; // each finds room for its first SYN, or for its second
    let short_queue = burst(&by_std, few, clients)?;
    let long_queue = burst(&long, many, clients)?;
    let dropped = short_queue.silent as u32;
    story
        .stage("both servers have accepted all clients; a third listener asks for i32::MAX")
        .expect(
            "std's",
            End::of(&by_std)?,
            must(Listen).backlog(few).drops(dropped..),
        )
        .expect(
            "4096",
            End::of(&long)?,
            must(Listen).backlog(many).recv_q(0),
        )
        .expect("i32::MAX", End::of(&longest)?, must(Listen).backlog(limit))
        .why(&format!(
            "The kernel cuts the backlog to net.core.somaxconn, {limit} here, and listen does not \
             report it. std asks for 128: a larger somaxconn does not help its listeners."
        ))
        .claim(short_queue.to_string(), short_queue.fits())
        .claim(long_queue.to_string(), long_queue.fits())
        .show()?;
    let histogram = Histogram::default()
        .column(&format!("backlog {few}"), &short_queue.times)
        .column(&format!("backlog {many}"), &long_queue.times);
    story.tell(&format!("\nHow long connect took:\n\n{histogram}\n"))?;
    let times = short_queue.times.iter();
    let late = times.filter(|time| time.as_millis() >= 900).count();
    let text = format!(
        "{late} clients waited for their second SYN, sent after a second (RFC 6298, section 2)."
    );
    story.claim(&text, late >= short_queue.silent)
}

/// How the clients of a burst fared.
struct Burst {
    clients: u32,
    backlog: u32,
    /// Clients that were connected before the server accepted any.
    complete: usize,
    /// Clients whose SYN was dropped.
    silent: usize,
    /// How long each connect took.
    times: Vec<Duration>,
}

impl Burst {
    /// Whether the queue took as many as it has room for, and the kernel dropped the others' SYNs.
    fn fits(&self) -> bool {
        // The queue holds one more than the backlog. Each CPU that sees the last place free may
        // fill it.
        let room = self.clients.min(self.backlog + 1) as usize;
        let cpus = thread::available_parallelism().map_or(1, usize::from);
        let all = self.complete + self.silent == self.clients as usize;
        all && (room..room + cpus).contains(&self.complete)
    }
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Burst {
            clients,
            backlog,
            complete,
            silent,
            ..
        } = self;
        write!(
            f,
            "{clients} at once, backlog {backlog}: {complete} ESTABLISHED, {silent} SYN_SENT."
        )
    }
}

/// Many clients dial at once while the server is busy; then it accepts.
fn burst(at: &TcpListener, backlog: u32, clients: u32) -> io::Result<Burst> {
    let addr = at.local_addr()?;
    SockRef::from(at).set_read_timeout(Some(Duration::from_secs(5)))?; // for accept, too
    let dial = || {
        let started = Instant::now();
        TcpStream::connect(addr).map(|client| (client, started.elapsed()))
    };
    let (table, accepted, connected) = thread::scope(|scope| {
        let dialing: Vec<_> = (0..clients).map(|_| scope.spawn(dial)).collect();
        let table = decided(at, clients); // each SYN has been answered or dropped
        let accepted = (0..clients).try_for_each(|_| at.accept().map(drop));
        if accepted.is_err() {
            let _ = SockRef::from(at).shutdown(Shutdown::Read); // refuse those who still dial
        }
        let joined = dialing.into_iter().map(|client| client.join());
        let connected = joined.map(|client| client.expect("connect does not panic"));
        (table, accepted, connected.collect::<io::Result<Vec<_>>>())
    });
    accepted.attempt(|| "a client is missing, accept".to_owned())?;
    let table = table?;
    let rows = table.rows.iter().filter(|row| row.peer == addr);
    let count = |state: State| rows.clone().filter(|row| row.state == state).count();
    Ok(Burst {
        clients,
        backlog,
        complete: count(Established),
        silent: count(SynSent),
        times: connected?.into_iter().map(|(_, time)| time).collect(),
    })
}
