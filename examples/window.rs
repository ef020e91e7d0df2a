//! `write` has returned Ok. Where are the bytes now? And why does the next write hang? Between two
//! programs there are two buffers, one in each kernel:
//!
//!     client                                                                  server
//!     write --> send buffer (Send-Q) ===== data ====> receive buffer (Recv-Q) --> read
//!                                    <= ACK, window =
//!
//! With each ACK the receiver's kernel announces its window: how many more bytes it has room for.
//! The sender's kernel sends no more than that (flow control).
//!
//!     cargo run --example window
//!
//! You will see writes of 1 KB that are read in other pieces, and bytes that stay in the send
//! buffer until they are acknowledged. Then a large write waits because both buffers are full. When
//! it returns, the server has not read all of it.
//!
//! New here: the window, and flow control. What the kernels do while the window is 0 is in lesson
//! `zero_window`.
//!
//! Exercise: `cargo workshop check window`

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::thread::{self, ScopedJoinHandle};

use socket_workshop::command;
use socket_workshop::listen::Listen;
use socket_workshop::peer::{self, connected};
use socket_workshop::queues::Queues;
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State::*, TimerKind::*};
use socket2::SockRef;

const KB: usize = 1024;
/// The size that we request for each buffer. Linux doubles it, and uses a part for itself
/// (socket(7)): about 16 to 32 KB of data fit.
const SMALL: usize = 16 * KB;
const ALL: usize = 6 * SMALL; // more than both buffers hold
const LAST: usize = 4 * KB; // what the server leaves unread at first

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
        other_pieces(&mut story, &client, &server, end)?;
        #[cfg(target_os = "linux")]
        kept_until_acknowledged(&mut story, &client, &server, end)?;
        a_write_that_waits(&mut story, &client, &server, end)?;
        story.end()
    })
}

/// A `write` that has returned does not say whether the peer has read, or how much.
fn other_pieces(
    story: &mut Story,
    mut client: &TcpStream,
    mut server: &TcpStream,
    end: End,
) -> io::Result<()> {
    for _ in 0..6 {
        client.write_all(&[b'x'; KB])?; // copies into the send buffer
    }
    story
        .stage("six writes of 1 KB have returned; nothing is read yet")
        .client(end, must(Established).send_q(0))
        .server(end, must(Established).recv_q((6 * KB) as u32))
        .asks("write has returned. Where are the bytes?")
        .why(
            "All bytes are in the server's receive buffer (Recv-Q). The server's kernel has \
             acknowledged them, so the client's kernel has freed its copy (Send-Q).",
        )
        .show()?;
    let mut buf = [0; SMALL];
    let pieces = [
        server.read(&mut buf[..2 * KB])?,
        server.read(&mut buf[..3 * KB])?,
        server.read(&mut buf[..1])?,
        server.read(&mut buf)?,
    ];
    story
        .stage("the server has read four times")
        .client(end, Established)
        .server(end, must(Established).recv_q(0))
        .why("A stream has no messages: reads need not match writes.")
        .claim(
            format!("Reads with room for [2048, 3072, 1, 16384] bytes returned {pieces:?}."),
            pieces == [2 * KB, 3 * KB, 1, KB - 1],
        )
        .show()
}

/// A peer that has read all bytes, and whose ACKs are lost.
#[cfg(target_os = "linux")]
fn kept_until_acknowledged(
    story: &mut Story,
    mut client: &TcpStream,
    mut server: &TcpStream,
    end: End,
) -> io::Result<()> {
    // Segments have a TTL of 64. For the client its kernel now drops those below 255 (IP_MINTTL).
    peer::set_min_ttl(client, 255)?;
    client.write_all(&[b'x'; KB])?;
    server.read_exact(&mut [0; KB])?;
    story
        .stage("1 KB more is written and read, and the ACKs are lost")
        .client(end, must(Established).send_q(KB as u32).timer(Retransmit))
        .server(end, must(Established).recv_q(0))
        .timers()
        .why(
            "The client's kernel does not know that the bytes have arrived. It keeps them, and \
             sends them again when its timer expires.",
        )
        .show()?;
    peer::set_min_ttl(client, 0)?; // the client receives all segments
    server.write_all(b"!")?;
    story
        .stage("ACKs pass again; the server has written a byte")
        .client(end, must(Established).send_q(0).recv_q(1))
        .why(
            "Every segment with data also carries an ACK, of all bytes received so far. The \
             segment with this byte did, and the client's kernel has freed the 1 KB.",
        )
        .show()?;
    client.read_exact(&mut [0])
}

/// One write of more than both buffers hold.
fn a_write_that_waits(
    story: &mut Story,
    mut client: &TcpStream,
    server: &TcpStream,
    end: End,
) -> io::Result<()> {
    thread::scope(|scope| {
        let writer = scope.spawn(move || client.write(&[b'x'; ALL]));
        let told = both_buffers_full(story, server, end, writer);
        let _ = client.shutdown(Shutdown::Write); // ends the write if it still waits
        told
    })
}

fn both_buffers_full(
    story: &mut Story,
    mut server: &TcpStream,
    end: End,
    writer: ScopedJoinHandle<io::Result<usize>>,
) -> io::Result<()> {
    story
        .stage("one write of 96 KB; the server does not read")
        .client(end, must(Established).send_q(1..).window(0))
        .server(end, must(Established).recv_q(1..))
        .why(
            "The receive buffer is full, and the server's kernel has announced that: window 0. \
             Then the send buffer filled up, and write waits for room in it.",
        )
        .show()?;
    let queues = Queues::of(end).look()?; // the queues of both ends. None: no table here
    let queues = queues.unwrap_or_default();
    let copied = queues.send_q + queues.recv_q;
    let waited = !writer.is_finished();
    server.read_exact(&mut [0; ALL - LAST])?;
    let written = writer.join().expect("the thread only writes")?;
    story
        .stage("the server has read all but the last 4 KB")
        .server(end, must(Established).recv_q(1..))
        .why("write returned when the kernel had its last byte, not when the server had read it.")
        .claim(
            format!("Before, write waited: {copied} of {ALL} bytes were in the two queues."),
            waited && (copied as usize) < ALL,
        )
        .claim(
            format!("Now it has returned {written}, and {LAST} of these bytes are not read yet."),
            written == ALL,
        )
        .show()?;

    server.read_exact(&mut [0; LAST])?;
    story
        .stage("all bytes are read")
        .client(end, must(Established).send_q(0).window(1..))
        .server(end, must(Established).recv_q(0))
        .why("Both buffers are empty, and the window is open again.")
        .show()
}
