//! `write` has returned Ok. Where are the bytes now? And why does the next write hang? Between two
//! programs there are two buffers and a window, and a slow reader stops the writer.
//!
//!     cargo run --example window
//!
//! You will see writes of 1 KB read in other pieces, bytes that stay in the send buffer until they
//! are acknowledged, a window that closes, the write that waits for it and continues, and a plot
//! of it all.
//!
//! New here: flow control (the receiver announces how much room it has).

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::{process::ExitCode, thread, thread::ScopedJoinHandle, time::Duration};

use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State::*, TimerKind::*};
use socket_workshop::{command, listen::Listen, peer, peer::connected, queues::Queues};
use socket2::SockRef;

const KB: usize = 1024;
const SMALL: usize = 16 * KB; // the size we ask for each buffer; Linux doubles it (socket(7))
const ALL: usize = 6 * SMALL; // more than both buffers hold

/// The client, which writes; the server's end, which reads; the client's addresses.
type Ends<'a> = (&'a TcpStream, &'a TcpStream, End);
type Writer<'a> = ScopedJoinHandle<'a, io::Result<usize>>;

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
        let ends = (&client, &server, end);
        other_pieces(&mut story, ends)?;
        #[cfg(target_os = "linux")]
        kept_until_acknowledged(&mut story, ends)?;
        a_write_that_waits(&mut story, ends)?;
        story.end()
    })
}

/// A `write` that has returned says nothing about reads: not that there was one, nor how large.
fn other_pieces(story: &mut Story, (mut client, mut server, end): Ends) -> io::Result<()> {
    for _ in 0..6 {
        client.write_all(&[b'x'; KB])?; // copies into the send buffer
    }
    story
        .stage("six writes of 1 KB have returned; the server has not read")
        .client(end, must(Established).send_q(0).window(1..))
        .server(end, must(Established).recv_q(6 * KB as u32))
        .why("The peer's kernel has acknowledged all bytes. The window is how many more it takes.")
        .show()?;
    let mut read = |room| server.read(&mut vec![0; room]);
    let pieces = [read(2 * KB)?, read(3 * KB)?, read(1)?, read(SMALL)?];
    let text = format!("The server reads them in pieces of {pieces:?}: a stream has no messages.");
    story.claim(&text, pieces == [2 * KB, 3 * KB, 1, KB - 1])
}

/// A peer that has read all bytes, and whose ACKs are lost.
#[cfg(target_os = "linux")]
fn kept_until_acknowledged(story: &mut Story, (client, server, end): Ends) -> io::Result<()> {
    let (mut writer, mut reader) = (client, server);
    // IP_MINTTL: the server's segments have a TTL of 64 and are dropped.
    peer::set_min_ttl(client, 255)?;
    writer.write_all(&[b'x'; KB])?;
    reader.read_exact(&mut [0; KB])?;
    story
        .stage("the server has read 1 KB more, but its ACKs do not reach the client")
        .client(end, must(Established).send_q(KB as u32).timer(Retransmit))
        .server(end, must(Established).recv_q(0))
        .timers()
        .why("The client's kernel keeps the bytes and sends them again when the timer expires.")
        .show()?;
    peer::set_min_ttl(client, 0)?;
    reader.write_all(b"!")?;
    story
        .stage("ACKs pass again; the server has written a byte")
        .client(end, must(Established).send_q(0).recv_q(1))
        .why(
            "Each segment acknowledges everything received so far, this one too: the 1 KB is \
              freed.",
        )
        .show()?;
    writer.read_exact(&mut [0])
}

/// One write of more than both buffers hold.
fn a_write_that_waits(story: &mut Story, (mut client, server, end): Ends) -> io::Result<()> {
    thread::scope(|scope| {
        let writer = scope.spawn(move || client.write(&[b'x'; ALL]));
        let told =
            a_closed_window(story, end, &writer).and_then(|()| the_release(story, server, writer));
        client.shutdown(Shutdown::Write).and(told) // ends a write that still waits
    })
}

fn a_closed_window(story: &mut Story, client: End, writer: &Writer) -> io::Result<()> {
    story
        .stage("one write of 96 KB; the server does not read")
        .client(client, must(Established).window(0).timer(WindowProbe))
        .server(client, must(Established).recv_q(1..))
        .timers()
        .why(
            "The receive buffer is full: the window is 0. Then the send buffer filled up, and \
              write waits. On the timer (`probe`) the kernel asks whether the window has opened.",
        )
        .show()?;
    let queues = Queues::of(client).look()?.unwrap_or_default();
    let copied = queues.send_q + queues.recv_q;
    let text = format!("write has not returned: {copied} of {ALL} bytes are in the two queues.");
    story.claim(&text, !writer.is_finished() && (copied as usize) < ALL)
}

/// A reader that takes 2 KB at a time.
fn the_release(story: &mut Story, mut server: &TcpStream, writer: Writer) -> io::Result<()> {
    let client = End::of(server)?.other();
    let mut queues = Queues::of(client);
    queues.look()?; // the first column of the plot
    let (mut read, mut waited) = (server.read(&mut [0; 2 * KB])?, 0);
    queues.look()?;
    story
        .stage("the server has read 2 KB")
        .client(client, must(Established).window(0))
        .why(
            "The window reopens only once half the buffer or a full segment is free (RFC 9293, \
              3.8.6.2.2).",
        )
        .show()?;
    while read < ALL - 4 * KB {
        read += server.read(&mut [0; 2 * KB])?;
        // Not synchronisation: a slow reader is the subject.
        thread::sleep(Duration::from_millis(5));
        queues.look()?;
        if !writer.is_finished() {
            waited = queues.looks().len();
        }
    }
    let written = writer.join().expect("the thread only writes")?;
    story
        .stage("write has returned; the last bytes are not read yet")
        .server(client, must(Established).recv_q(1..))
        .show()?;
    let unread = ALL - read;
    let text = format!(
        "write returned {written}: the kernel has all bytes, and {unread} are not read yet."
    );
    story.claim(&text, written == ALL && unread > 0)?;
    server.read_exact(&mut vec![0; unread])?;
    queues.look()?;
    story
        .stage("all bytes are read; a column for each read of 2 KB, ^ where write returned")
        .client(client, must(Established).send_q(0).window(1..))
        .server(client, must(Established).recv_q(0))
        .why(&queues.plot().mark(waited).to_string())
        .show()
}
