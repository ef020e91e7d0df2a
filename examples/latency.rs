//! Your client sends a small request, on loopback, and the answer takes 40 ms. The same bytes in
//! one write take microseconds. What does the kernel wait for?
//!
//!     cargo run --example latency
//!     strace -f -e trace=sendto target/debug/examples/latency     each write is a sendto
//!
//! You will see which part of a request the kernel holds back if you write it in pieces (Nagle's
//! algorithm), how many segments four ways to send it need, and how long each takes.
//!
//! New here: when the kernel sends the bytes that a write gave it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use socket_workshop::histogram::{Histogram, median};
use socket_workshop::stage::{Count, Flags, Story, must};
use socket_workshop::{command, listen::Listen, peer::connected, table::State::*};

/// How many requests each way sends.
const ROUNDS: u32 = 20;

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        held_back(&mut story, &listener)?;
        let written = ask(&mut story, &listener, &WRITTEN)?;
        let server = ask(&mut story, &listener, &SERVER_NO_DELAY)?;
        let client = ask(&mut story, &listener, &CLIENT_NO_DELAY)?;
        let formatted = ask(&mut story, &listener, &FORMATTED)?;
        let histogram = Histogram::default()
            .column("writeln!", &written)
            .column("server NODELAY", &server)
            .column("client NODELAY", &client)
            .column("one write", &formatted);
        story.tell(&format!("\nThe round trips:\n\n{histogram}\n"))?;
        let written = median(&written);
        let server = median(&server);
        let client = median(&client);
        let formatted = median(&formatted);
        story.claim(
            &format!(
                "In the median a request takes {written:.1?} with writeln!, and \
                      {formatted:.1?} with one write."
            ),
            written > 2 * formatted,
        )?;
        story.claim(
            "TCP_NODELAY at the server changes nothing: it turns off Nagle's algorithm, not the \
             delayed ACK.",
            server > 2 * formatted,
        )?;
        story.claim("TCP_NODELAY at the client helps too.", 2 * client < written)?;
        story.end()
    })
}

/// Request after request, each in three writes, and a stage that shows one that waits.
fn held_back(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = connected(listener)?;
    thread::scope(|scope| {
        scope.spawn(|| answer(&server));
        scope.spawn(|| while round(&client, &WRITTEN).is_ok() {});
        let shown = story
            .stage("the client has written \"get \", \"subject\", \"\\n\"; no answer has arrived")
            .client(end, must(Established).send_q(12).unsent(8))
            .server(end, must(Established).recv_q(0))
            .asks("Two small writes, one answer, on loopback: how long?")
            .why(
                "Four bytes are sent, eight are not: while anything is unacknowledged (on Linux: \
                  anything small), no small segment is sent (Nagle; RFC 9293, 3.7.4). The server's \
                  end delays the ACK, to let it ride on an answer (3.8.6.3); but its program has \
                  no whole line to answer. Each end waits for the other until the delay is over.",
            )
            .show();
        client.shutdown(Shutdown::Write)?; // ends the next round, and the server reads end of file
        shown
    })
}

/// A way to send a request of 12 bytes.
struct Way {
    title: &'static str,
    client_no_delay: bool,
    server_no_delay: bool,
    send: fn(&TcpStream, &str) -> io::Result<()>,
    segments: Count, // with data, in all rounds
    why: &'static str,
}

const WRITTEN: Way = Way {
    title: "20 requests by writeln!(stream, \"get {key}\"), each answered",
    client_no_delay: false,
    server_no_delay: false,
    // A `write` for each piece: the text, the key, the newline.
    send: |mut stream, key| writeln!(stream, "get {key}"),
    segments: Count::AtLeast(2 * ROUNDS),
    why: "Two segments a request: the first piece, then the others together. At the start of a \
          connection Linux does not delay its ACKs yet, so the first request does not wait.",
};

const SERVER_NO_DELAY: Way = Way {
    title: "the same, with TCP_NODELAY at the server",
    server_no_delay: true,
    why: "The option affects only what its own socket sends.",
    ..WRITTEN
};

const CLIENT_NO_DELAY: Way = Way {
    title: "the same, with TCP_NODELAY at the client",
    client_no_delay: true,
    segments: Count::AtLeast(3 * ROUNDS),
    why: "Nothing waits: each write is a segment. The newline is one byte with 40 or more of \
          headers.",
    ..WRITTEN
};

const FORMATTED: Way = Way {
    title: "formatted first, then one write",
    send: |mut stream, key| stream.write_all(format!("get {key}\n").as_bytes()),
    segments: Count::Exactly(ROUNDS),
    why: "One segment, without an option: Nagle sends immediately if no data is unacknowledged.",
    ..WRITTEN
};

/// The server: an answer for each line, in one write.
fn answer(mut stream: &TcpStream) -> io::Result<()> {
    for request in BufReader::new(stream).lines() {
        request?;
        stream.write_all(b"6.824\n")?;
    }
    Ok(())
}

/// A request and its answer: how long they took.
fn round(mut client: &TcpStream, way: &Way) -> io::Result<Duration> {
    let started = Instant::now();
    (way.send)(client, "subject")?;
    client.read_exact(&mut [0; 6])?;
    Ok(started.elapsed())
}

/// All rounds, on a connection of their own: how long each took.
fn ask(story: &mut Story, listener: &TcpListener, way: &Way) -> io::Result<Vec<Duration>> {
    let (client, server, end) = connected(listener)?;
    client.set_nodelay(way.client_no_delay)?;
    server.set_nodelay(way.server_no_delay)?;
    thread::scope(|scope| {
        scope.spawn(|| answer(&server));
        let rounds = (0..ROUNDS).map(|_| round(&client, way)).collect();
        let received = must(Established).send_q(0).segments_in(way.segments);
        let shown = story
            .stage(way.title)
            .client(end, must(Established).send_q(0))
            .server(end, received)
            .why(way.why)
            .show();
        client.shutdown(Shutdown::Write)?; // the server reads end of file
        shown?;
        rounds
    })
}
