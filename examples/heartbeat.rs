//! Your client has been silent for an hour. Is it idle, or did its machine lose power? In the
//! table both cases look the same, until you send something and wait for an answer.
//!
//!     cargo run --example heartbeat
//!     cargo run --example heartbeat -- --interval 200ms --misses 5
//!
//! You will see a program that hangs while its kernel still acknowledges, pings that find no room
//! in the send buffer, and what the kernel can detect: SO_KEEPALIVE and TCP_USER_TIMEOUT, both with
//! a peer that is cut off from the network.
//!
//! New here: a deadline that moves forward when a byte is received, and only then.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{process::ExitCode, thread};

use bpaf::{Parser, construct};
use socket_workshop::command::arguments::{longer_than_zero, option_or};
use socket_workshop::deadline::TICK;
use socket_workshop::heartbeat::{Heartbeat, Ping, Pings, keepalive_probes};
use socket_workshop::peer::{connected, narrow};
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{State::*, TimerKind::WindowProbe};
use socket_workshop::{command, listen::Listen};

/// The arguments of the program.
struct Arguments {
    interval: Duration,
    misses: u32,
    flags: Flags,
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| {
        let listener = Listen::default().on(arguments.flags.listen)?;
        let mut story = Story::begin(&arguments.flags, listener.local_addr()?)?;
        heartbeats(&mut story, &listener, &arguments)?;
        no_room_for_a_ping(&mut story, &listener, &arguments)?;
        #[cfg(target_os = "linux")]
        keepalive(&mut story, &listener)?;
        #[cfg(target_os = "linux")]
        user_timeout(&mut story, &listener)?;
        story.end()
    })
}

/// A peer that counts as dead.
struct Silent {
    /// How long it had been silent.
    silence: Duration,
    /// How many bytes it had sent before.
    bytes: usize,
    /// The pings that were sent to it, or that were skipped because there was no room (`missed`).
    pings: Pings,
}

/// Pings a quiet peer until it has been silent for `misses` intervals.
fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Silent> {
    // A thread sends the pings, and never waits (MSG_DONTWAIT, send(2)): if the send buffer is
    // full, it skips a ping. A write_all could wait without limit. Then `heartbeat.end()` below
    // would wait, too: it waits for the thread that sends.
    let heartbeat = Heartbeat::start(interval, Ping::on(stream, b"ping\n")?);
    // Each byte from the peer restarts the clock of the read. What we send does not.
    stream.set_read_timeout(Some(interval.saturating_mul(misses)))?;
    let mut heard = Instant::now();
    let mut bytes = 0;
    loop {
        match stream.read(&mut [0; 64]) {
            // The peer has closed: that is not silence.
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                heard = Instant::now();
                bytes += n;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Ok(Silent {
                    silence: heard.elapsed(),
                    bytes,
                    pings: heartbeat.end()?,
                });
            }
            // A signal has ended the read: for example Ctrl-Z, and later fg (signal(7)). The read
            // begins again, and so does its clock, although no byte has come: a dead peer is
            // noticed a little later.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error), // the peer has reset: that is not silence either
        }
        // Any byte from the peer counts as a sign of life: the next ping can wait.
        heartbeat.activity();
    }
}

fn heartbeats(story: &mut Story, listener: &TcpListener, given: &Arguments) -> io::Result<()> {
    let (client, server, end) = connected(listener)?;
    // Longer than the pause before a ping: a ping that does not come is an error.
    let patience = given.interval.saturating_add(Duration::from_secs(10));
    server.set_read_timeout(Some(patience))?;
    let peer = thread::spawn(move || {
        let mut pings = BufReader::new(&server).lines();
        for _ in 0..2 {
            if pings.next().transpose()?.is_none() {
                break; // end of file
            }
            (&server).write_all(b"pong\n")?;
        }
        Ok::<_, io::Error>(server) // still open, but no thread reads from it any more
    });
    let silent = watch(&client, given.interval, given.misses)?;
    let _hung = peer.join().expect("the peer only reads and writes")?;
    let silence = silent.silence;
    let limit = given.interval.saturating_mul(given.misses);
    let answers = 2 * b"pong\n".len();
    story
        .stage("the peer answered two pings, then its program hung")
        .client(end, must(Established).send_q(0))
        .server(end, must(Established).recv_q(5..))
        .why(
            "The peer's kernel acknowledged the pings (Send-Q 0), and they wait in its Recv-Q. A \
             write that succeeds proves nothing about the program; only its answer does.",
        )
        .claim(
            format!(
                "The peer counts as dead after {silence:.2?} of silence; the limit was {limit:?}."
            ),
            silence + TICK >= limit && silent.bytes == answers,
        )
        .show()
}

/// The peer hangs while we send it more than both buffers hold.
fn no_room_for_a_ping(
    story: &mut Story,
    listener: &TcpListener,
    given: &Arguments,
) -> io::Result<()> {
    let (mut client, _server, end) = narrow(listener)?; // small receive buffers
    client.set_write_timeout(Some(Duration::from_millis(200)))?;
    let full = client.write_all(&vec![0; 64 << 20]);
    client.set_write_timeout(None)?; // from here on a write waits for room without limit
    let silent = watch(&client, given.interval, given.misses)?;
    let limit = given.interval.saturating_mul(given.misses);
    let Silent { silence, pings, .. } = silent;
    story
        .stage("the peer reads nothing, and the client's send buffer is full")
        .client(end, must(Established).send_q(1..).timer(WindowProbe))
        .server(end, must(Established).recv_q(1..))
        .timers()
        .why(
            "There is no room for a ping, and a write would wait as long as the peer does not \
             read. So a ping must not wait. A ping without room is skipped, and counts as one \
             that was not answered.",
        )
        .fails(
            "write_all, after 200 ms without room,",
            full,
            ErrorKind::WouldBlock,
        )
        .claim(
            format!(
                "{} pings were skipped, {} sent. The peer counts as dead after {silence:.2?}.",
                pings.missed, pings.sent
            ),
            pings.sent == 0 && silence + TICK >= limit,
        )
        .show()
}

/// SO_KEEPALIVE: on an idle connection the kernel itself sends probes. (A probe is a segment
/// without data that asks for an ACK.)
#[cfg(target_os = "linux")]
fn keepalive(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    use socket_workshop::{peer::set_min_ttl, stage::gone, table::TimerKind::Keepalive};
    use socket2::{SockRef, TcpKeepalive};

    let (mut client, server, end) = connected(listener)?;
    let second = Duration::from_secs(1);
    let probes = TcpKeepalive::new().with_time(second).with_interval(second);
    let socket = SockRef::from(&client);
    socket.set_tcp_keepalive(&probes.with_retries(2))?;
    let time = socket.tcp_keepalive_time()?;
    let retries = socket.tcp_keepalive_retries()?;
    story
        .stage("SO_KEEPALIVE after 1 s of silence; the peer's program hangs")
        .asks("The peer's program hangs. Does keepalive notice?")
        // The first segment is the SYN+ACK. No program has sent data: the second answers a probe.
        .client(end, must(Established).timer(Keepalive).received(2..))
        .server(end, must(Established).no_timer())
        .timers()
        .why(
            "The client's kernel has received the SYN+ACK and then an ACK, the answer to a probe. \
             The peer's kernel sent it; its program did nothing. So keepalive does not notice that \
             a program hangs. By default the first probe is sent after two hours.",
        )
        .claim(
            "The kernel reports the options as set: after 1 s, at most 2 unanswered probes.",
            time == second && retries == 2,
        )
        .show()?;

    // As if the cable were pulled: each IP packet carries a number, its TTL, here 64. The server's
    // kernel now drops what comes with a TTL below 255 (IP_MINTTL; RFC 5082): everything.
    let before = keepalive_probes();
    set_min_ttl(&server, 255)?;
    let started = Instant::now();
    let read = client.read(&mut [0]);
    let took = started.elapsed();
    let sent = keepalive_probes()
        .zip(before)
        .map(|(now, before)| now - before);
    let counted = match sent {
        Some(sent) => format!("The kernel has sent {sent} probes (nstat -az TcpExtTCPKeepAlive)."),
        None => "(This kernel does not count the probes.)".to_owned(),
    };
    story
        .stage("the peer's machine is cut off, and the client reads")
        .pair(end, gone(), Established)
        .why(
            "No probe was answered, so the client's kernel timed out. The peer's kernel sends \
             nothing, so it never finds out.",
        )
        .fails(&format!("After {took:.1?} read"), read, ErrorKind::TimedOut)
        .claim(counted, sent.is_none_or(|sent| sent >= 2))
        .show()?;
    set_min_ttl(&server, 0) // so that this end receives the RST when it closes
}

/// TCP_USER_TIMEOUT: how long data may wait for its ACK (tcp(7)).
#[cfg(target_os = "linux")]
fn user_timeout(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    use socket_workshop::{peer::set_min_ttl, table::TimerKind::Retransmit};
    use socket2::SockRef;

    let (mut client, server, end) = connected(listener)?;
    let limit = Duration::from_secs(2);
    SockRef::from(&client).set_tcp_user_timeout(Some(limit))?;
    set_min_ttl(&server, 255)?;
    let written = Instant::now();
    client.write_all(b"hello")?;
    story
        .stage("TCP_USER_TIMEOUT 2 s; 5 bytes to a machine that is cut off")
        .client(end, must(Established).send_q(5).timer(Retransmit))
        .server(end, must(Established).recv_q(0))
        .timers()
        .why(
            "The kernel waits for an ACK, and times out after 2 s, not after 15 minutes or more \
             (tcp_retries2). On an idle connection it waits for no ACK, so this option \
             would not detect the loss.",
        )
        .show()?;
    let started = Instant::now();
    let read = client.read(&mut [0]);
    let waited = started.elapsed();
    let since_the_write = written.elapsed();
    set_min_ttl(&server, 0)?;
    story.fails("\nThen read", read, ErrorKind::TimedOut)?;
    let text =
        format!("read failed {since_the_write:.1?} after the write: the limit of 2 s had passed.");
    story.claim(&text, since_the_write >= limit && waited < 5 * limit)
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str =
        "Heartbeats: detects a silent peer, and shows what the kernel offers instead";

    fn parser() -> impl Parser<Arguments> + 'static {
        let help = "Ping after this long without a byte from the peer";
        let interval = option_or("300ms", "interval", "DURATION", help, longer_than_zero);
        let help = "Treat the peer as dead after this many intervals";
        let misses = option_or("3", "misses", "N", help, two_or_more);
        let flags = Flags::parser();
        construct!(Arguments {
            interval,
            misses,
            flags
        })
    }
}

fn two_or_more(text: &str) -> Result<u32, &'static str> {
    let number = text.parse().ok().filter(|number| *number >= 2);
    number.ok_or("expected a whole number, 2 or more")
}
