//! Latency: a request in three writes may take thousands of times as long as the same bytes in one.
//!
//!     cargo run --example latency
//!     strace -f -e trace=sendto target/debug/examples/latency     each write is a sendto
//!
//! You will see how many segments a request becomes, why a part of it waits (Nagle's algorithm, for
//! an ACK that the server delays), and the round trips of four ways to send it. New since
//! `shutdown`: when the kernel sends what it has taken.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{process::ExitCode, thread, time::Duration, time::Instant};

use socket_workshop::histogram::{Histogram, median};
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::{command, listen::Listen, peer::connected, table::State::*};

/// Requests of each way.
const ROUNDS: u32 = 20;

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
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
        let [written, server, client, formatted] =
            [written, server, client, formatted].map(|all| median(&all));
        story.claim(
            &format!("In the median {written:.1?} by writeln!, and {formatted:.1?} by one write."),
            written > 2 * formatted,
        )?;
        story.claim(
            "TCP_NODELAY at the server changes nothing: it turns off Nagle, not the delayed ACK.",
            server > 2 * formatted,
        )?;
        story.claim(
            "At the client it helps, as one write does.",
            client < written / 2,
        )?;
        story.end()
    })
}

/// A way to send a request of 12 bytes.
struct Way {
    title: &'static str,
    client_no_delay: bool,
    server_no_delay: bool,
    send: fn(&TcpStream, &str) -> io::Result<()>,
    /// Segments that a request becomes, at least.
    segments: u32,
    why: &'static str,
}

const WRITTEN: Way = Way {
    title: "20 requests by writeln!(stream, \"get {key}\"), each answered",
    client_no_delay: false,
    server_no_delay: false,
    // A `write` for each piece: the text, the key, the newline.
    send: |mut stream, key| writeln!(stream, "get {key}"),
    segments: 2,
    why: "The first of three writes goes alone, at once. A small segment waits while anything is \
          unacknowledged (Nagle's algorithm; RFC 9293, 3.7.4): the other two wait, and go together. \
          And the server delays its ACK, to let it ride on an answer (3.8.6.3). Each waits for the \
          other, until the delay is over.",
};

const SERVER_NO_DELAY: Way = Way {
    title: "the same, and the server has set TCP_NODELAY",
    server_no_delay: true,
    why: "The option is about what its own socket sends.",
    ..WRITTEN
};

const CLIENT_NO_DELAY: Way = Way {
    title: "the same, and the client has set TCP_NODELAY",
    client_no_delay: true,
    segments: 3,
    why: "Nothing waits: each write is a segment, and a header of 52 bytes brings one of the newline.",
    ..WRITTEN
};

const FORMATTED: Way = Way {
    title: "formatted first, then one write",
    send: |mut stream, key| stream.write_all(format!("get {key}\n").as_bytes()),
    segments: 1,
    why: "One segment, and no option. Nagle sends at once when nothing is unacknowledged.",
    ..WRITTEN
};

/// Requests and their answers, on a connection of their own: how long each took.
fn ask(story: &mut Story, listener: &TcpListener, way: &Way) -> io::Result<Vec<Duration>> {
    let (client, server, end) = connected(listener)?;
    client.set_nodelay(way.client_no_delay)?;
    server.set_nodelay(way.server_no_delay)?;
    thread::scope(|scope| {
        scope.spawn(|| answer(&server));
        let mut answers = BufReader::new(&client);
        let rounds = (0..ROUNDS).map(|_| {
            let started = Instant::now();
            (way.send)(&client, "subject")?;
            answers.read_line(&mut String::new())?;
            Ok(started.elapsed())
        });
        let rounds = rounds.collect::<io::Result<_>>();
        let shown = story
            .stage(way.title)
            .client(end, must(Established).send_q(0))
            .server(
                end,
                must(Established)
                    .recv_q(0)
                    .segments_in(way.segments * ROUNDS..),
            )
            .why(way.why)
            .show();
        client.shutdown(Shutdown::Write)?; // the end of file ends the server's thread
        shown.and(rounds)
    })
}

/// The server: an answer for each line, in one write.
fn answer(mut stream: &TcpStream) -> io::Result<()> {
    BufReader::new(stream)
        .lines()
        .try_for_each(|request| request.and_then(|_| stream.write_all(b"6.824\n")))
}
