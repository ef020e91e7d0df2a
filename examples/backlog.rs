//! Under load some clients of your server connect after exactly one second, and others time out.
//! The accept queue was full. Which clients wait in it, and what happens to one that finds no room?
//!
//!     cargo run --example backlog
//!
//! You will see connections that are complete before accept, and a SYN that the kernel drops
//! silently. You will see a connection that is complete at one end only. Then 256 clients dial at
//! once, with a short and with a long queue.
//!
//! New here: a full accept queue. (In this queue complete connections wait for accept. The backlog,
//! the argument of listen, is its limit: lesson `listener`.)

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use socket_workshop::accept_queue::{decided, overflows, somaxconn};
use socket_workshop::command;
use socket_workshop::deadline::Deadline;
use socket_workshop::fault::Attempt;
use socket_workshop::histogram::Histogram;
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::peer;
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, Row, State, State::*, Table, TimerKind::Retransmit};
use socket2::SockRef;

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
    let first_end = End::of(&first)?;
    let second_end = End::of(&second)?;
    let hello = must(Established).recv_q(5);
    story
        .stage("listen(1): two clients connected, one wrote")
        .expect("listener", queue, must(Listen).backlog(1).recv_q(2))
        .expect("first client", first_end, Established)
        .expect("server, first", first_end.other(), hello)
        .expect("second client", second_end, Established)
        .expect("server, second", second_end.other(), Established)
        .asks("listen(1): how many may wait?")
        .why(
            "The server has not called accept. Its kernel completes connections and takes data \
             without that. The listener's Recv-Q is the number of connections that wait. The \
             backlog is 1, and two wait: Linux queues one more.",
        )
        .show()?;

    let before = overflows().unwrap_or(0);
    let (third, local) = peer::bound(addr.ip())?;
    peer::begin_to_connect(&third, addr)?; // sends the SYN and returns
    let dialing = End::between(local, addr);
    let fourth = TcpStream::connect_timeout(&addr, Duration::from_millis(100));
    let both = || Ok(overflows().filter(|now| *now >= before + 2));
    let now = match overflows() {
        Some(seen) => Deadline::after(Duration::from_secs(5))
            .wait_for(both)?
            .unwrap_or(seen),
        None => 0,
    };
    let stage = story
        .stage("the queue is full; a third and a fourth client dial")
        .expect("listener", queue, must(Listen).recv_q(2).drops(1..))
        .expect("third client", dialing, must(SynSent).timer(Retransmit))
        .timers()
        .why(
            "Linux dropped both SYNs (other systems may refuse). To the clients that looks like a \
             lost SYN: nothing answers, not even a RST. When its timer expires, the third client's \
             kernel sends its SYN again.",
        )
        .fails(
            "The fourth client's connect_timeout, of 100 ms,",
            fourth,
            ErrorKind::TimedOut,
        );
    if overflows().is_none() {
        return stage.show(); // this machine does not count them
    }
    stage
        .claim(
            format!("ListenOverflows counts dropped SYNs (nstat -az): {before} before, {now} now."),
            now >= before + 2,
        )
        .show()
}

/// The queue has room when a client's SYN arrives, and is full before the client's ACK arrives. On
/// a slow network or a busy machine this can happen. Here the client's kernel drops the SYN+ACK
/// until the queue is full.
#[cfg(target_os = "linux")]
fn complete_at_one_end(story: &mut Story, addr: SocketAddr) -> io::Result<()> {
    let cookies = fs::read_to_string("/proc/sys/net/ipv4/tcp_syncookies");
    if cookies.is_ok_and(|text| text.trim() == "2") {
        let why = "net.ipv4.tcp_syncookies is 2, so the kernel keeps no row in SYN_RECV";
        return story.leave_out(1, why);
    }
    let listener = Listen::with_backlog(1).on(addr)?;
    let queue = End::of(&listener)?;
    let addr = reachable(addr);
    let (late, local) = peer::bound(addr.ip())?;
    let end = End::between(local, addr);
    peer::set_min_ttl(&late, 255)?; // drops the server's segments, which have a TTL of 64
    peer::begin_to_connect(&late, addr)?;
    let asks = |row: Option<Row>| row.is_some_and(|row| row.state == SynRecv);
    peer::wait_until(end.other(), asks)?; // its SYN has arrived, before the queue is full
    let limit = Duration::from_secs(5); // an error, and no long wait, if there is no room
    let _first = TcpStream::connect_timeout(&addr, limit)?;
    let _second = TcpStream::connect_timeout(&addr, limit)?;
    peer::wait_until(queue, |row| row.is_some_and(|row| row.recv_q == 2))?; // now it is full
    peer::set_min_ttl(&late, 0)?;
    let mut late = peer::finish_connect(late)?; // SYN and SYN+ACK are sent again
    late.write_all(b"hello")?; // this segment carries the ACK, too
    story
        .stage("room for a client's SYN, but none for its ACK")
        .expect("listener", queue, must(Listen).recv_q(2).drops(2..))
        .client(end, must(Established).send_q(5))
        .server(end, SynRecv)
        .why(
            "The client's connect and write have succeeded. The server's kernel drops the ACK and \
             the data until there is room. (With net.ipv4.tcp_abort_on_overflow=1 it sends a RST.) \
             The rows without a role fill the queue.",
        )
        .show()?;
    drop(listener); // first, so that the FIN of `late` is answered with a RST: no row is left
    drop(late);
    Ok(())
}

fn two_backlogs(story: &mut Story) -> io::Result<()> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let by_std = TcpListener::bind(anywhere)?;
    let long = Listen::with_backlog(4096).on(anywhere)?;
    let longest = Listen::with_backlog(i32::MAX).on(anywhere)?;
    let limit = somaxconn();
    let few = limit.min(128);
    let many = limit.min(4096);
    let clients = 2 * few; // half of them find no room in the short queue
    let short_queue = burst(&by_std, few, clients)?;
    let long_queue = burst(&long, many, clients)?;
    let dropped = clients.saturating_sub(short_queue.queued as u32); // at least a segment of each
    let short_row = must(Listen).backlog(few).drops(dropped..);
    let long_row = must(Listen).backlog(many).recv_q(0);
    story
        .stage("clients have dialed a short and a long queue")
        .expect("TcpListener::bind", End::of(&by_std)?, short_row)
        .expect("listen(4096)", End::of(&long)?, long_row)
        .expect(
            "listen(i32::MAX)",
            End::of(&longest)?,
            must(Listen).backlog(limit),
        )
        .why(&format!(
            "The kernel cuts the backlog to net.core.somaxconn, {limit} here, and listen does not \
             report that. TcpListener::bind asks for 128, so a larger somaxconn does not help it. \
             {clients} clients at once dialed the listener with a backlog of {few}, and later \
             {clients} the one with {many}. These are their states before the first accept:"
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
        "{late} clients waited a second, until their SYN was sent again (RFC 6298, section 2)."
    );
    story.claim(&text, late >= short_queue.silent)
}

/// What happened to the clients of a burst.
struct Burst {
    clients: u32,
    backlog: u32,
    /// How many connections were in the queue before the server accepted any.
    queued: usize,
    /// Clients that were connected by then, as far as their own kernel knew.
    complete: usize,
    /// Clients whose SYN was dropped.
    silent: usize,
    /// How long each connect took.
    times: Vec<Duration>,
}

impl Burst {
    /// Whether the queue took as many as it has room for. Of each other client the kernel dropped
    /// the SYN, or the last ACK.
    fn fits(&self) -> bool {
        // The queue holds one more than the backlog. CPUs that see the last place free at the same
        // time may all fill it.
        let room = self.clients.min(self.backlog + 1) as usize;
        let cpus = thread::available_parallelism().map_or(1, usize::from);
        let all = self.complete + self.silent == self.clients as usize;
        // A client may be ESTABLISHED without a place in the queue, as in the stage before.
        all && self.complete >= self.queued && (room..room + cpus).contains(&self.queued)
    }
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "backlog {}: {} in the queue, {} ESTABLISHED, {} SYN_SENT",
            self.backlog, self.queued, self.complete, self.silent
        )
    }
}

/// Many clients dial at once while the server is busy. Then it accepts.
fn burst(listener: &TcpListener, backlog: u32, clients: u32) -> io::Result<Burst> {
    let addr = listener.local_addr()?;
    // On a listener the read timeout limits accept: a client that never comes is an error.
    SockRef::from(listener).set_read_timeout(Some(Duration::from_secs(5)))?;
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..clients {
            threads.push(scope.spawn(|| timed_connect(addr)));
        }
        let table = decided(listener, clients); // now each SYN has been answered or dropped
        let accepted = accept_all(listener, clients);
        if accepted.is_err() {
            // Refuses the clients that still dial, so that their threads end.
            let _ = SockRef::from(listener).shutdown(Shutdown::Read);
        }
        accepted.attempt(|| format!("cannot accept {clients} clients"))?;

        let mut connections = Vec::new(); // none closes before all have connected
        let mut times = Vec::new();
        for thread in threads {
            let (connection, time) = thread.join().expect("connect does not panic")?;
            connections.push(connection);
            times.push(time);
        }
        let table = table?;
        let queue = table.find(End::of(listener)?);
        Ok(Burst {
            clients,
            backlog,
            queued: queue.map_or(0, |row| row.recv_q as usize),
            complete: clients_in(Established, &table, addr),
            silent: clients_in(SynSent, &table, addr),
            times,
        })
    })
}

/// Connects, and returns how long that took.
fn timed_connect(addr: SocketAddr) -> io::Result<(TcpStream, Duration)> {
    let started = Instant::now();
    let client = TcpStream::connect(addr)?;
    Ok((client, started.elapsed()))
}

/// Accepts this many clients, and closes each.
fn accept_all(listener: &TcpListener, clients: u32) -> io::Result<()> {
    for _ in 0..clients {
        drop(listener.accept()?);
    }
    Ok(())
}

/// How many clients of this server were in this state.
fn clients_in(state: State, table: &Table, server: SocketAddr) -> usize {
    let rows = table.rows.iter();
    rows.filter(|row| row.peer == server && row.state == state)
        .count()
}
