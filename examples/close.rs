//! Your server writes its answer and closes. Every write returns Ok, and yet the client gets only
//! half of the answer. A connection can end with an orderly close (FIN), or with a reset (RST).
//! What does the other end see?
//!
//!     cargo run --example close
//!
//! Each end sends a FIN, and each FIN gets an ACK. So an orderly close takes four segments (or
//! three, if the second FIN and the ACK of the first travel in one segment):
//!
//!     client                                               server
//!     ESTABLISHED                                          ESTABLISHED
//!                                                          shutdown       FIN_WAIT1
//!     CLOSE_WAIT     <---- FIN -----------------------
//!                    ----- ACK ---------------------->                    FIN_WAIT2
//!     shutdown
//!     LAST_ACK       ----- FIN ---------------------->                    TIME_WAIT
//!     CLOSED         <---- ACK -----------------------
//!
//! A RST ends the connection at both ends immediately, and gets no ACK.
//!
//! You will see an answer that is lost in part, because the server closes too soon. You will see an
//! orderly close, which loses nothing. Then you will see what read and write return after a FIN and
//! after a RST, and a server that crashes and sends neither.
//!
//! New here: bytes that `write` has accepted can still be lost, by the close that follows. And
//! SO_LINGER 0, an option with which close discards these bytes and sends a RST.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::{os::fd::OwnedFd, time::Duration};

use socket_workshop::fault::{Attempt, outcome};
#[cfg(target_os = "linux")]
use socket_workshop::peer::{set_min_ttl, wait_until};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*, TimerKind::WindowProbe};
use socket_workshop::{command, listen::Listen, peer::connected};
use socket2::SockRef;

const ANSWER: &[u8] = &[b'x'; 200_000];

/// For the option SO_LINGER: with 0 seconds, close discards unsent bytes and sends a RST.
const ABORT: Option<Duration> = Some(Duration::ZERO);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        too_soon(&mut story, &listener)?;
        in_order(&mut story, &listener)?;
        what_the_other_end_sees(&mut story, &listener)?;
        shutdown_read(&mut story, &listener)?;
        #[cfg(target_os = "linux")]
        a_crash(&mut story, &listener)?;
        story.end()
    })
}

/// A server that has written its answer and not read the question. Its client has read nothing.
fn answered(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let (mut client, mut server, end) = connected(listener)?;
    for socket in [&client, &server] {
        let options = SockRef::from(socket);
        // Recv-Q is in the receive buffer, Send-Q in the send buffer. Linux doubles their sizes.
        options.set_recv_buffer_size(64 << 10)?; // room for a part of the answer
        options.set_send_buffer_size(ANSWER.len())?; // room for the whole answer
        socket.set_write_timeout(Some(Duration::from_secs(5)))?; // a write without room fails
    }
    client.write_all(b"question")?;
    server.peek(&mut [0])?; // waits until the question has arrived, and leaves it unread
    let written = server.write_all(ANSWER); // Ok: this kernel has all of it
    written.attempt(|| {
        "the send buffer has no room for 200 kB; `sysctl net.core.wmem_max` limits it".to_owned()
    })?;
    client.peek(&mut [0])?; // waits until a part of the answer has arrived, and leaves it
    Ok((client, server, end))
}

fn too_soon(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = answered(listener)?;
    drop(server); // RST, because input is unread (RFC 9293, 3.6.1)
    lost_in_part(
        story,
        "the server wrote 200 kB and closed, with input unread",
        "The question was unread, so close sent a RST, not a FIN. The server's kernel discarded \
         the bytes in Send-Q. On Linux neither end keeps TIME_WAIT after a RST.",
        client,
        end,
    )?;

    let (client, mut server, end) = answered(listener)?;
    server.read_exact(&mut [0; 8])?; // no input is unread
    SockRef::from(&server).set_linger(ABORT)?;
    drop(server); // RST, because SO_LINGER asks for it
    lost_in_part(
        story,
        "the server wrote 200 kB and closed, with SO_LINGER 0",
        "SO_LINGER with 0 seconds: close sends a RST although no input is unread. Linux still \
         returns the bytes that arrived before the RST. Do not rely on it: by TCP's standard (RFC \
         9293, 3.10.7.4) they are discarded.",
        client,
        end,
    )
}

/// The stage after a RST: the client reads what has arrived of the answer.
#[track_caller] // the stage names the line that calls this
fn lost_in_part(
    story: &mut Story,
    title: &str,
    why: &str,
    mut client: TcpStream,
    end: End,
) -> io::Result<()> {
    let mut part = Vec::new();
    let read = outcome(client.read_to_end(&mut part)); // in words: Ok(…), or the kind of error
    let is_a_part = !part.is_empty() && part.len() < ANSWER.len();
    story
        .stage(title)
        .pair(end, gone(), gone())
        .why(why)
        .claim(
            format!("The client read {} bytes, then got {read}.", part.len()),
            is_a_part && read == "ConnectionReset",
        )
        .show()
}

fn in_order(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = answered(listener)?;
    server.shutdown(Shutdown::Write)?;
    // The timer WindowProbe runs when the client has no more room: lesson `zero_window`.
    let waits_for_room = must(FinWait1).send_q(1..).timer(WindowProbe);
    story
        .stage("the server wrote 200 kB and shut down its sending half")
        .pair(end, Established, waits_for_room.recv_q(8))
        .why(
            "FIN_WAIT1: the FIN is not acknowledged. It waits in Send-Q after the data, and counts \
             as one byte there. The question is still unread, but shutdown(Write) sends no RST.",
        )
        .show()?;
    let arrived = io::copy(&mut client, &mut io::sink())?; // until end of file
    story
        .stage("the client has read until end of file")
        .pair(end, CloseWait, FinWait2)
        .why(
            "Two of the four segments have passed: the server's FIN, and the ACK of this FIN. \
             CLOSE_WAIT: the client must close next.",
        )
        .claim(
            format!("{arrived} bytes arrived at the client: the whole answer."),
            arrived == ANSWER.len() as u64,
        )
        .show()?;
    client.write_all(ANSWER)?;
    client.shutdown(Shutdown::Write)?; // the FIN that a close sends
    let waits_for_room = must(LastAck).send_q(1..).timer(WindowProbe);
    story
        .stage("the client wrote 200 kB and shut down its sending half")
        .pair(end, waits_for_room, must(FinWait2).recv_q(9..))
        .why(
            "A half-close: the server has sent its FIN and still receives. LAST_ACK: the client \
             closes second. Its FIN, too, is not acknowledged, and waits in Send-Q after the data.",
        )
        .show()?;
    let drained = io::copy(&mut server, &mut io::sink())?;
    drop(server);
    story
        .stage("the server has read until end of file and closed")
        .pair(end, gone(), time_wait())
        .why(
            "The other two segments have passed: the client's FIN, and the ACK of this FIN. Both \
             ends had sent their FINs before the server closed, so close itself sent nothing.",
        )
        .claim(
            format!("{drained} bytes arrived at the server: the question, then 200 kB."),
            drained == 200_008,
        )
        .show()
}

fn what_the_other_end_sees(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (got_fin, server, fin_end) = connected(listener)?;
    drop(server); // FIN
    let (got_both, server, both_end) = connected(listener)?;
    server.shutdown(Shutdown::Write)?; // FIN
    got_both.peek(&mut [0])?; // waits until the FIN has arrived, and leaves it
    SockRef::from(&server).set_linger(ABORT)?;
    drop(server); // RST
    let (got_rst, server, rst_end) = connected(listener)?;
    SockRef::from(&server).set_linger(ABORT)?;
    drop(server); // RST
    story
        .stage("three servers closed: by FIN, by FIN and RST, by RST")
        .expect("client that got FIN", fin_end, CloseWait)
        .expect("server's end", fin_end.other(), FinWait2)
        .expect("client that got FIN and RST", both_end, gone())
        .expect("client that got RST", rst_end, gone())
        .why(
            "A RST ends a connection at both ends, and no row is left. The clients' programs still \
             have their sockets: they can call read and write.",
        )
        .show()?;

    let after_fin = read_then_write(&got_fin);
    let after_both = read_then_write(&got_both);
    let after_rst = read_then_write(&got_rst);
    story
        .stage("each client has read, then written a byte")
        .expect("client that got FIN", fin_end, gone())
        .asks("The peer has closed. What does my next write return?")
        .why(
            "A FIN says only that the peer sends no more. So the first client's write succeeded. \
             But the server had closed, and its kernel answered with a RST. Once a RST has \
             arrived, every write fails.\n\n\
             peer sent      read             write",
        )
        .claim(row("FIN", &after_fin), after_fin == ["Ok(0)", "Ok(1)"])
        .claim(
            row("FIN, then RST", &after_both),
            after_both == ["Ok(0)", "BrokenPipe"],
        )
        .claim(
            row("RST", &after_rst),
            after_rst == ["ConnectionReset", "BrokenPipe"],
        )
        .show()?;

    let all_fail = [&got_fin, &got_both, &got_rst].map(write_then_read);
    // `yes` prints lines without end, here to the first client's socket.
    let yes = Command::new("yes")
        .stdout(OwnedFd::from(got_fin))
        .status()?;
    story
        .stage("each client has written again, then read")
        .expect("client that got FIN", fin_end, gone())
        .why(
            "On Linux read does not report a RST that comes after a FIN. Without a FIN before, it \
             reports the RST once: the third client has had that error. Now its read looks like \
             end of file.",
        )
        .claim(
            "Each of the three: write gave BrokenPipe, then read returned Ok(0).",
            all_fail == ["BrokenPipe Ok(0)"; 3],
        )
        .claim(
            format!(
                "The program `yes`, printing to the first client's socket, ended with {yes}. A \
                 write that fails with BrokenPipe raises this signal. In Rust, std ignores it."
            ),
            yes.to_string().contains("SIGPIPE"),
        )
        .show()
}

/// What a read returned, and then a write.
fn read_then_write(mut client: &TcpStream) -> [String; 2] {
    let read = outcome(client.read(&mut [0]));
    let write = outcome(client.write(b"x"));
    [read, write]
}

/// A line of the table: what came, what a read returned, what a write returned.
fn row(came: &str, [read, write]: &[String; 2]) -> String {
    format!("{came:<15}{read:<17}{write}")
}

/// What a write returned, and then a read.
fn write_then_read(mut client: &TcpStream) -> String {
    let write = outcome(client.write(b"x"));
    let read = outcome(client.read(&mut [0]));
    format!("{write} {read}")
}

fn shutdown_read(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    server.shutdown(Shutdown::Read)?;
    server.set_read_timeout(Some(Duration::from_secs(1)))?; // a read that waits fails
    let before = server.read(&mut [0; 8])?;
    client.write_all(b"hello")?;
    story
        .stage("the server called shutdown(Read), the client wrote")
        .pair(end, Established, must(Established).recv_q(5))
        .why(
            "shutdown(Read) sends nothing, so the client cannot know of it. On Linux the client's \
             bytes (`hello`) still arrive.",
        )
        .claim(
            "Before they arrived, the server's read returned 0: it did not wait.",
            before == 0,
        )
        .show()?;

    let after = server.read(&mut [0; 8])?;
    story
        .stage("the server has read again")
        .pair(end, Established, must(Established).recv_q(0))
        .why("After shutdown(Read) a read that finds no bytes does not wait: it returns 0.")
        .claim("This read returned 5: the bytes can be read.", after == 5)
        .show()?;
    SockRef::from(&server).set_linger(ABORT) // no TIME_WAIT in the tables below
}

/// The server's machine loses power and starts again: its kernel does not know the connection.
#[cfg(target_os = "linux")]
fn a_crash(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    // Data first. When many SYNs come, Linux may answer one and keep no record of it (a SYN cookie:
    // tcp(7), tcp_syncookies). Then it could take a later segment for the last ACK of the
    // handshake, and open a new connection. Once data has been sent, it cannot.
    client.write_all(b"hello")?;
    server.read_exact(&mut [0; 5])?;
    wait_until(end, |row| row.is_some_and(|row| row.send_q == 0))?; // until their ACK has arrived
    // As if the network were down: the client's kernel drops every segment that arrives with a TTL
    // below 255, and the server's have 64 (IP_MINTTL; RFC 5082). So it does not see the RST of this
    // close. Nothing is left of the server's end, as after a crash.
    set_min_ttl(&client, 255)?;
    SockRef::from(&server).set_linger(ABORT)?;
    drop(server);
    story
        .stage("the server's machine has crashed and started again")
        .pair(end, must(Established).no_timer().drops(1..), gone()) // the RST was dropped
        .timers()
        .why(
            "(This crash is simulated: the server's close sent a RST, and the client's kernel was \
             told to drop it.) A half-open connection (RFC 9293, 3.5.1): one end is gone, and the \
             other has received neither FIN nor RST. The client stays ESTABLISHED. If it only \
             reads, it waits without limit.",
        )
        .show()?;
    set_min_ttl(&client, 0)?; // the network works again
    client.set_read_timeout(Some(Duration::from_secs(5)))?; // if no RST comes
    let wrote = outcome(client.write(b"x"));
    let read = outcome(client.read(&mut [0])); // waits until the RST has arrived
    story
        .stage("the client has written a byte, then read")
        .pair(end, gone(), gone())
        .why(
            "The server's kernel has no such connection, so it answered the byte with a RST. Now \
             the client must close its socket.",
        )
        .claim(
            format!("write returned {wrote}, then read gave {read}."),
            wrote == "Ok(1)" && read == "ConnectionReset",
        )
        .show()
}
