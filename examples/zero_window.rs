//! Your upload stalls: no error, no progress, and `ss -o` shows the timer `persist`. The peer's
//! program does not read, and its kernel has announced a window of zero. What do the two kernels do
//! until it reads again?
//!
//!     cargo run --example zero_window
//!
//! You will see the window close. The sender's kernel asks again and again whether it has opened.
//! You will see why it does not open when the first bytes are read, and a plot of both queues and
//! the window.
//!
//! New here: window probes (segments that ask for the window), and how a window opens again. Lesson
//! `window` comes before: it says what the window is.
//!
//! Exercise: the one of lesson `window`: `cargo workshop check window`

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use socket_workshop::command;
use socket_workshop::deadline::Deadline;
use socket_workshop::listen::Listen;
use socket_workshop::peer::{connected, set_min_ttl, wait_until};
use socket_workshop::queues::{Queues, window_probes};
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State::*, TimerKind::WindowProbe};
use socket2::SockRef;

const KB: usize = 1024;
/// The size that we request for each buffer. Linux doubles it, and uses a part for itself
/// (socket(7)): about 16 to 32 KB of data fit.
const SMALL: usize = 16 * KB;
const ALL: usize = 6 * SMALL; // more than both buffers hold
const PIECE: usize = 2 * KB; // what the server reads at a time

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let options = Listen {
            recv_buffer: Some(SMALL), // SO_RCVBUF; accepted sockets inherit it
            ..Listen::default()
        };
        let listener = options.on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        let (client, server, end) = connected(&listener)?;
        SockRef::from(&client).set_send_buffer_size(SMALL)?; // SO_SNDBUF
        client.set_nonblocking(true)?; // a write takes what fits, and returns
        let mut queues = Queues::of(end);
        let written = it_closes(&mut story, &mut queues, &client, end)?;
        let read = it_opens(&mut story, &mut queues, &server, end)?;
        a_slow_reader(&mut story, queues, &client, &server, written, read)?;
        story.end()
    })
}

/// Returns how many bytes the client's kernel has taken.
fn it_closes(
    story: &mut Story,
    queues: &mut Queues,
    mut client: &TcpStream,
    end: End,
) -> io::Result<usize> {
    story
        .stage("the server has a small receive buffer")
        .client(end, must(Established).window(1..))
        .server(end, Established)
        .why("The window is the most that the client's kernel may send without a further ACK.")
        .show()?;
    queues.look()?; // the first column of the plot

    let before = window_probes();
    let mut written = write_what_fits(client, ALL)?;
    story
        .stage("the client writes, and the server does not read")
        .client(end, must(Established).window(0).send_q(1..))
        .server(end, must(Established).recv_q(1..))
        .why(
            "Each ACK announced a new window, the last one a window of 0: the receive buffer is \
             full. The bytes that do not fit wait in the client's send buffer (Send-Q).",
        )
        .show()?;

    written += write_what_fits(client, ALL - written)?; // ACKs have freed room in the send buffer
    let more = client.write(&[b'x'; KB]);
    let now = wait_for_a_probe(before)?;
    let mut stage = story
        .stage("the client has filled its send buffer too")
        .client(
            end,
            must(Established).window(0).send_q(1..).timer(WindowProbe),
        )
        .server(end, must(Established).recv_q(1..))
        .timers()
        .why(
            "A timer runs (netstat: probe, ss: persist). When it expires, the client's kernel \
             sends a probe, to ask whether the window has opened: the ACK that says so could be \
             lost (RFC 9293, 3.8.6.1). The server's kernel answers such probes, so nothing times \
             out.",
        )
        .fails("The next write", more, ErrorKind::WouldBlock);
    if let (Some(before), Some(now)) = (before, now) {
        stage = stage.claim(
            format!("Probes sent so far (TCPWinProbe, nstat -az): {before} before, now {now}."),
            now > before,
        );
    }
    stage.show()?;
    Ok(written)
}

/// Waits until this kernel has sent more probes than before, and returns how many. `None`: it does
/// not count them.
fn wait_for_a_probe(before: Option<u64>) -> io::Result<Option<u64>> {
    let Some(before) = before else {
        return Ok(None);
    };
    let more_than_before = || Ok(window_probes().filter(|now| *now > before));
    let now = Deadline::after(Duration::from_secs(10)).wait_for(more_than_before)?;
    Ok(Some(now.unwrap_or(before))) // if none was sent, the claim fails
}

/// Writes until the kernel takes no more: each ACK makes room for another write.
fn write_what_fits(mut client: &TcpStream, left: usize) -> io::Result<usize> {
    let bytes = vec![b'x'; left];
    let mut written = 0;
    while written < left {
        match client.write(&bytes[written..]) {
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// Returns how many bytes the server has read.
fn it_opens(
    story: &mut Story,
    queues: &mut Queues,
    mut server: &TcpStream,
    end: End,
) -> io::Result<usize> {
    server.read_exact(&mut [0; PIECE])?;
    queues.look()?;
    story
        .stage("the server has read 2 KB")
        .client(end, must(Established).window(0))
        .asks("A full receiver reads 2 KB. May the sender send 2 KB?")
        .why(
            "The window stays 0. The server's kernel does not announce a little room: it would get \
             many small segments (the silly window syndrome).",
        )
        .show()?;

    // Once the window opens, the client's kernel would fill it. So until the next stage has shown
    // it, the server's kernel drops the client's segments (IP_MINTTL: their TTL is 64).
    set_min_ttl(server, 255)?;
    let mut reads = 1;
    while queues.window() == Some(0) && queues.unread() >= PIECE {
        server.read_exact(&mut [0; PIECE])?;
        reads += 1;
        queues.look()?;
    }
    if queues.window() == Some(0) {
        // All is read, and the ACK that opens the window has not arrived yet.
        wait_until(end, |row| row.is_some_and(|row| row.window != Some(0)))?;
        queues.look()?;
    }
    let mut stage = story
        .stage("the server reads 2 KB at a time, until the window opens")
        .client(end, must(Established).window(1..))
        .why(
            "By TCP's standard (RFC 9293, 3.8.6.2.2) a window opens again when half the buffer is \
             free, or room for a full segment if that is less.",
        );
    if let (Some(first), Some(opened)) = (queues.first_window(), queues.window()) {
        stage = stage.claim(
            format!(
                "After {reads} reads it opened to {opened} bytes: at least half of the first \
                 window, {first}."
            ),
            reads > 1 && opened >= first / 2,
        );
    }
    stage.show()?;
    set_min_ttl(server, 0)?;
    Ok(reads * PIECE)
}

/// The server reads to the end, 2 KB at a time; the client writes the rest as there is room.
fn a_slow_reader(
    story: &mut Story,
    mut queues: Queues,
    client: &TcpStream,
    mut server: &TcpStream,
    mut written: usize,
    mut read: usize,
) -> io::Result<()> {
    let end = End::of(client)?;
    let mut last_write = 0;
    while read < ALL {
        if written < ALL {
            written += write_what_fits(client, ALL - written)?;
            last_write = queues.looks().len();
        }
        read += server.read(&mut [0; PIECE])?;
        queues.look()?;
    }
    let plot = queues.plot().mark(last_write);
    story
        .stage("the server has read all 96 KB, 2 KB at a time")
        .client(end, must(Established).send_q(0))
        .server(end, must(Established).recv_q(0))
        .why(&format!(
            "The first column is from before the first write, each further one from after a read. \
             ^ marks the client's last write. The window opens in big steps.\n{plot}"
        ))
        .show()
}
