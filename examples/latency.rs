//! Your client sends a small request, on loopback, and the answer takes 40 ms. The same bytes in
//! one write take microseconds. What does the kernel wait for?
//!
//!     cargo run --example latency
//!     strace -f -e trace=sendto target/debug/examples/latency     each write is a sendto
//!
//! You will see which part of a request the kernel holds back if your code writes it in pieces.
//! Then you will see the same requests sent in four ways: how many segments they take, and how long
//! the answers take.
//!
//! New here: Nagle's algorithm (a small segment waits until earlier data is acknowledged), and the
//! delayed ACK (the kernel holds an ACK back for a moment, because an answer could carry it).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use socket_workshop::command;
use socket_workshop::histogram::{Histogram, median};
use socket_workshop::listen::Listen;
use socket_workshop::peer::connected;
use socket_workshop::stage::{Count, Flags, Story, must};
use socket_workshop::table::State::*;

/// How many requests are sent in each way.
const REQUESTS: u32 = 20;

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        held_back(&mut story, &listener)?;
        let in_pieces = send_requests(&mut story, &listener, &IN_PIECES)?;
        let server_option = send_requests(&mut story, &listener, &SERVER_NO_DELAY)?;
        let client_option = send_requests(&mut story, &listener, &CLIENT_NO_DELAY)?;
        let one_write = send_requests(&mut story, &listener, &ONE_WRITE)?;
        let histogram = Histogram::default()
            .column("writeln!", &in_pieces)
            .column("server NODELAY", &server_option)
            .column("client NODELAY", &client_option)
            .column("one write", &one_write);
        story.tell(&format!(
            "\nHow many requests took at least this time, and less than the next:\n\n{histogram}\n"
        ))?;
        let slow = median(&in_pieces);
        let fast = median(&one_write);
        story.claim(
            &format!("The median request takes {slow:.1?} with writeln!, {fast:.1?} in one write."),
            slow > 2 * fast,
        )?;
        story.claim(
            "TCP_NODELAY at the server does not help: it does not turn off the delayed ACK.",
            median(&server_option) > 2 * fast,
        )?;
        story.claim(
            "TCP_NODELAY at the client helps.",
            2 * median(&client_option) < slow,
        )?;
        story.end()
    })
}

/// Sends requests in pieces until the stage has caught one that waits.
fn held_back(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = connected(listener)?;
    thread::scope(|scope| {
        scope.spawn(|| answer(&server));
        scope.spawn(|| while request(&client, &IN_PIECES).is_ok() {});
        let shown = story
            .stage("the client has written \"get \", \"subject\", \"\\n\"; no answer has arrived")
            .client(end, must(Established).send_q(12).unsent(8))
            .server(end, must(Established).recv_q(0))
            .asks("Three small writes, one answer, on loopback: how long?")
            .why(
                "None of the 12 bytes is acknowledged, and 8 are not sent. Nagle's algorithm holds \
                 them back: a small segment waits until earlier data is acknowledged (RFC 9293, \
                 3.7.4; on Linux, only until earlier small segments are). The server's kernel has \
                 received 4 bytes and delays its ACK, because an answer could carry it (3.8.6.3). \
                 But the server's program has read them, and waits for a whole line. Both wait \
                 until the delay is over.",
            )
            .show();
        client.shutdown(Shutdown::Write)?; // the next request fails; the server reads end of file
        shown
    })
}

/// A way to send a request of 12 bytes.
struct Way {
    title: &'static str,
    client_no_delay: bool,
    server_no_delay: bool,
    send: fn(&TcpStream, &str) -> io::Result<()>,
    /// How many segments with data the server receives, in all.
    segments: Count,
    why: &'static str,
}

const IN_PIECES: Way = Way {
    title: "20 requests, each sent by writeln!(stream, \"get {key}\")",
    client_no_delay: false,
    server_no_delay: false,
    send: |mut stream, key| writeln!(stream, "get {key}"), // writes the text, the key, the newline
    segments: Count::AtLeast(2 * REQUESTS),
    why: "writeln! makes three writes. The first piece is sent at once; the other two wait for its \
          ACK, and share a segment. At the start of a connection Linux does not delay its ACKs \
          yet: the first request does not wait, and may take a third segment.",
};

const SERVER_NO_DELAY: Way = Way {
    title: "the same, with TCP_NODELAY at the server",
    server_no_delay: true,
    why: "TCP_NODELAY turns off Nagle's algorithm for what this end sends. The client sends the \
          requests: for them nothing has changed.",
    ..IN_PIECES
};

const CLIENT_NO_DELAY: Way = Way {
    title: "the same, with TCP_NODELAY at the client",
    client_no_delay: true,
    segments: Count::AtLeast(3 * REQUESTS),
    why: "No piece waits: on loopback each write is a segment. The last one carries one byte, the \
          newline, after 40 bytes of headers or more.",
    ..IN_PIECES
};

const ONE_WRITE: Way = Way {
    title: "without the option: the client formats the text, then makes one write",
    send: |mut stream, key| stream.write_all(format!("get {key}\n").as_bytes()),
    segments: Count::Exactly(REQUESTS),
    why: "One segment for each request. The previous request was acknowledged by its answer, so \
          Nagle's algorithm has nothing to wait for.",
    ..IN_PIECES
};

/// The server: an answer for each line, in one write.
fn answer(mut stream: &TcpStream) -> io::Result<()> {
    for line in BufReader::new(stream).lines() {
        line?;
        stream.write_all(b"6.824\n")?;
    }
    Ok(())
}

/// Sends a request and reads its answer. Returns how long that took.
fn request(mut client: &TcpStream, way: &Way) -> io::Result<Duration> {
    let started = Instant::now();
    (way.send)(client, "subject")?;
    client.read_exact(&mut [0; 6])?;
    Ok(started.elapsed())
}

/// Sends all requests in one way, on a new connection. Returns how long each took.
fn send_requests(
    story: &mut Story,
    listener: &TcpListener,
    way: &Way,
) -> io::Result<Vec<Duration>> {
    let (client, server, end) = connected(listener)?;
    client.set_nodelay(way.client_no_delay)?;
    server.set_nodelay(way.server_no_delay)?;
    thread::scope(|scope| {
        scope.spawn(|| answer(&server));
        let times = (0..REQUESTS).map(|_| request(&client, way)).collect();
        let received = must(Established).send_q(0).segments_in(way.segments);
        let shown = story
            .stage(way.title)
            .client(end, must(Established).send_q(0))
            .server(end, received)
            .why(way.why)
            .show();
        client.shutdown(Shutdown::Write)?; // the server reads end of file
        shown?;
        times
    })
}
