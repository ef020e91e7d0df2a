//! Is anybody there? A connection that is idle and one whose peer is dead look the same.
//!
//!     cargo run --example heartbeat
//!     cargo run --example heartbeat -- --interval 200ms --misses 5
//!
//! You will see a peer that falls silent while its kernel goes on acknowledging, and what the
//! kernel's own means can notice: SO_KEEPALIVE and TCP_USER_TIMEOUT, both with a peer that is cut
//! off. New since `deadlines`: a deadline that is pushed on, by what arrives and by nothing else.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{process::ExitCode, thread};

use clap::Parser;
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::State::*;
use socket_workshop::{command, heartbeat::Heartbeat, listen::Listen, peer::connected};

/// Is anybody there? Heartbeats, and what the kernel offers instead
#[derive(Parser)]
struct Arguments {
    /// Ping after this long without a word from the peer
    #[arg(long, value_name = "DURATION", default_value = "300ms", value_parser = command::longer_than_zero)]
    interval: Duration,
    /// Take the peer for dead after this many intervals
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..))]
    misses: u32,
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| {
        let listener = Listen::default().on(arguments.flags.listen)?;
        let mut story = Story::begin(&arguments.flags, listener.local_addr()?)?;
        heartbeats(&mut story, &listener, arguments)?;
        #[cfg(target_os = "linux")]
        the_kernels_own_means(&mut story, &listener)?;
        story.end()
    })
}

/// Pings a quiet peer until it has been silent for `misses` intervals. Returns for how long,
/// and how many bytes it had sent.
fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<(Duration, usize)> {
    let mut pings = stream.try_clone()?;
    let heartbeat = Heartbeat::start(interval, move || pings.write_all(b"ping\n"));
    // The clock of the read begins anew with each word from the peer, and never with one of ours.
    stream.set_read_timeout(Some(interval.saturating_mul(misses)))?;
    let (mut heard, mut bytes) = (Instant::now(), 0);
    loop {
        match stream.read(&mut [0; 64]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()), // closed, which is not silence
            Ok(n) => (heard, bytes) = (Instant::now(), bytes + n),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Ok((heard.elapsed(), bytes));
            }
            Err(error) => return Err(error), // reset, which is not silence either
        }
        heartbeat.activity(); // a word from the peer is as good as an answer: the next ping can wait
    }
}

fn heartbeats(story: &mut Story, listener: &TcpListener, given: Arguments) -> io::Result<()> {
    let (client, server, end) = connected(listener)?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    let peer = thread::spawn(move || {
        let mut pings = BufReader::new(&server).lines();
        for _ in 0..2 {
            pings.next();
            (&server).write_all(b"pong\n")?;
        }
        Ok::<_, io::Error>(server) // still open, and nobody reads from it any more
    });
    let (silence, bytes) = watch(&client, given.interval, given.misses)?;
    let _hung = peer.join().expect("the peer only reads and writes")?;
    story
        .stage("the peer answered two pings, and then it hung")
        .client(end, must(Established).send_q(0))
        .server(end, must(Established).recv_q(5..))
        .why(
            "The pings were acknowledged (Send-Q 0) and wait in its Recv-Q: its kernel is well. So \
              a write that succeeds is no sign of life; only what the program answers is.",
        )
        .show()?;
    let limit = given.interval.saturating_mul(given.misses);
    let text = format!("Taken for dead after {silence:.2?} of silence; the limit was {limit:?}.");
    story.claim(&text, silence >= limit && bytes == 2 * b"pong\n".len())
}

#[cfg(target_os = "linux")]
fn the_kernels_own_means(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    use socket_workshop::{peer::set_min_ttl, stage::gone, table::TimerKind::*};
    use socket2::{SockRef, TcpKeepalive};
    let second = Duration::from_secs(1);

    let (mut client, server, end) = connected(listener)?;
    let probes = TcpKeepalive::new().with_time(second).with_interval(second);
    let socket = SockRef::from(&client);
    socket.set_tcp_keepalive(&probes.with_retries(2))?;
    let (time, retries) = (
        socket.tcp_keepalive_time()?,
        socket.tcp_keepalive_retries()?,
    );
    story
        .stage("SO_KEEPALIVE: a probe after 1 s, then each second, given up after 2")
        .client(end, must(Established).timer(Keepalive))
        .server(end, must(Established).no_timer())
        .timers()
        .why("By default it takes two hours. A hung program passes: its kernel answers the probes.")
        .show()?;
    story.claim(
        "The options read back as set.",
        (time, retries) == (second, 2),
    )?;
    // As if the cable were pulled: the server's kernel drops each segment that comes with a TTL below 255,
    // and the client's have 64 (ip(7), IP_MINTTL).
    set_min_ttl(&server, 255)?;
    let started = Instant::now();
    let read = client.read(&mut [0]);
    let took = started.elapsed();
    story
        .stage("the peer's host has been cut off, and the client has read")
        .pair(end, gone(), Established)
        .why("The client's kernel gave up. The peer's, which sends nothing, will never know.")
        .show()?;
    story.fails(&format!("After {took:.1?} read"), read, ErrorKind::TimedOut)?;
    set_min_ttl(&server, 0)?; // so that its end learns of it too, when it closes

    let (mut client, server, end) = connected(listener)?;
    SockRef::from(&client).set_tcp_user_timeout(Some(2 * second))?;
    set_min_ttl(&server, 255)?;
    client.write_all(b"hello")?;
    story
        .stage("TCP_USER_TIMEOUT of 2 s, a peer that is cut off, and 5 bytes written")
        .client(end, must(Established).send_q(5).timer(Retransmit))
        .timers()
        .why(
            "The kernel waits for an ACK, and gives up after 2 s instead of some 15 minutes. An \
              idle connection waits for nothing, and would not be noticed.",
        )
        .show()?;
    let read = client.read(&mut [0]);
    set_min_ttl(&server, 0)?;
    story.fails("read", read, ErrorKind::TimedOut)
}
