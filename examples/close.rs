//! Your server writes its answer and closes, every write returns Ok, and the client gets half of
//! it. A connection can end in order, with FIN, or immediately, with RST. What does the other end
//! see?
//!
//!     cargo run --example close
//!
//! You will see an answer that is lost in part because its writer closes too soon, a close that
//! loses nothing, with the states at both ends, what read and write return after a FIN and after a
//! RST, and a peer that has crashed without sending either.
//!
//! New here: bytes that `write` has accepted can still be lost, by the close that follows.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::{os::fd::OwnedFd, time::Duration};

use socket_workshop::fault::{Attempt, outcome};
#[cfg(target_os = "linux")]
use socket_workshop::peer::set_min_ttl;
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::{command, listen::Listen, peer::connected};
use socket2::SockRef;

const ANSWER: &[u8] = &[b'x'; 200_000];
const ABORT: Option<Duration> = Some(Duration::ZERO); // as SO_LINGER: close sends RST

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        too_soon(&mut story, &listener)?;
        in_order(&mut story, &listener)?;
        what_the_other_end_sees(&mut story, &listener)?;
        what_it_does_not_see(&mut story, &listener)?;
        #[cfg(target_os = "linux")]
        a_crash(&mut story, &listener)?;
        story.end()
    })
}

/// A server that has written its answer and not read the question. Its client has read nothing.
fn answered(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let (mut client, mut server, end) = connected(listener)?;
    for end in [&client, &server] {
        let socket = SockRef::from(end);
        socket.set_recv_buffer_size(64 << 10)?; // room for a part of the answer only
        socket.set_send_buffer_size(ANSWER.len())?; // room for the whole answer (socket(7))
        end.set_write_timeout(Some(Duration::from_secs(5)))?; // if there is none after all
    }
    client.write_all(b"question")?;
    server.peek(&mut [0])?; // the question has arrived, and stays unread
    let written = server.write_all(ANSWER); // Ok: this kernel has all of it
    written.attempt(|| {
        "the send buffer has no room for 200 kB; `sysctl net.core.wmem_max` limits it".to_owned()
    })?;
    Ok((client, server, end))
}

fn too_soon(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = answered(listener)?;
    drop(server); // RST, because input is unread (RFC 9293, 3.6.1)
    lost_in_part(
        story,
        "the server has written 200 kB and closed: input unread",
        "A RST, not a FIN: neither end keeps TIME_WAIT, and the bytes in Send-Q are discarded.",
        client,
        end,
    )?;

    let (client, mut server, end) = answered(listener)?;
    server.read_exact(&mut [0; 8])?; // no input is unread
    SockRef::from(&server).set_linger(ABORT)?;
    drop(server); // RST, because SO_LINGER asks for it
    lost_in_part(
        story,
        "the server has written 200 kB and closed: SO_LINGER 0",
        "Linux still returns the bytes that arrived before the RST. Do not rely on it: RFC 9293 \
         (3.10.7.4) discards them.",
        client,
        end,
    )
}

/// The stage after a RST: the client reads what has arrived of the answer.
fn lost_in_part(
    story: &mut Story,
    title: &str,
    why: &str,
    mut client: TcpStream,
    end: End,
) -> io::Result<()> {
    let mut part = Vec::new();
    let read = outcome(client.read_to_end(&mut part));
    let is_a_part = !part.is_empty() && part.len() < ANSWER.len();
    story
        .stage(title)
        .pair(end, gone(), gone())
        .why(why)
        .claim(
            format!("{} bytes arrived, then {read}.", part.len()),
            is_a_part && read == "ConnectionReset",
        )
        .show()
}

fn in_order(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = answered(listener)?;
    server.shutdown(Shutdown::Write)?;
    story
        .stage("the server wrote 200 kB and shut down its sending half")
        .pair(end, Established, must(FinWait1).recv_q(8).send_q(1..))
        .why("Its FIN waits in Send-Q after the data. The question is still unread.")
        .show()?;
    let arrived = io::copy(&mut client, &mut io::sink())?; // until end of file
    story
        .stage("the client has read until end of file")
        .pair(end, CloseWait, FinWait2)
        .why(
            "Segments 1 and 2: the server's FIN and its ACK. CLOSE_WAIT: the client must close \
              next.",
        )
        .claim(
            format!("{arrived} bytes arrived at the client: the whole answer."),
            arrived == 200_000,
        )
        .show()?;
    client.write_all(ANSWER)?;
    client.shutdown(Shutdown::Write)?; // the FIN that a close sends
    story
        .stage("the client has done the same")
        .pair(end, must(LastAck).send_q(1..), must(FinWait2).recv_q(9..))
        .why(
            "A half-close: after its own FIN the server can still receive. The client's FIN waits.",
        )
        .show()?;
    let drained = io::copy(&mut server, &mut io::sink())?;
    drop(server);
    story
        .stage("the server has read until end of file and closed")
        .pair(end, gone(), time_wait())
        .why("Segments 3 and 4: the client's FIN and its ACK. No input was unread, so no RST.")
        .claim(
            format!("{drained} bytes arrived at the server: the question, then 200 kB."),
            drained == 200_008,
        )
        .show()
}

fn what_the_other_end_sees(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (fin, peer, fin_end) = connected(listener)?;
    drop(peer);
    let (both, peer, both_end) = connected(listener)?;
    peer.shutdown(Shutdown::Write)?;
    SockRef::from(&peer).set_linger(ABORT)?;
    drop(peer);
    let (rst, peer, rst_end) = connected(listener)?;
    SockRef::from(&peer).set_linger(ABORT)?;
    drop(peer);
    story
        .stage("three peers have closed: FIN; FIN, then RST; RST")
        .expect("client that got FIN", fin_end, CloseWait)
        .expect("its peer", fin_end.other(), FinWait2)
        .expect("client that got FIN and RST", both_end, gone())
        .expect("client that got RST", rst_end, gone())
        .why("A RST ends a connection at once: it leaves no row. The program keeps its descriptor.")
        .show()?;

    let after_fin = read_then_write(&fin);
    let after_both = read_then_write(&both);
    let after_rst = read_then_write(&rst);
    story
        .stage("each client has read, then written a byte")
        .expect("client that got FIN", fin_end, gone())
        .asks("The peer has closed. What does my next write return?")
        .why(
            "A FIN says only that the peer sends no more. This write succeeded, and the peer \
              answered it with a RST. Writes fail from the moment that RST has arrived.\n\n\
              peer sent      read             write",
        )
        .claim(
            format!("FIN            {after_fin}"),
            after_fin == "Ok(0)            Ok(1)",
        )
        .claim(
            format!("FIN, then RST  {after_both}"),
            after_both == "Ok(0)            BrokenPipe",
        )
        .claim(
            format!("RST            {after_rst}"),
            after_rst == "ConnectionReset  BrokenPipe",
        )
        .show()?;

    let all_fail = [&fin, &both, &rst].map(write_then_read);
    let yes = Command::new("yes").stdout(OwnedFd::from(fin)).status()?;
    story
        .stage("each client has written again, then read")
        .expect("client that got FIN", fin_end, gone())
        .why("A reset is reported only once: the third client's read looks like end of file.")
        .claim(
            "Each of the three: write gave BrokenPipe, then read returned Ok(0).",
            all_fail == ["BrokenPipe Ok(0)"; 3],
        )
        .claim(
            format!(
                "`yes`, writing to the same socket: {yes}. In a Rust program std ignores this \
                 signal."
            ),
            yes.to_string().contains("SIGPIPE"),
        )
        .show()
}

/// What a read returned, and then a write, in two columns.
fn read_then_write(mut client: &TcpStream) -> String {
    let read = outcome(client.read(&mut [0]));
    let write = outcome(client.write(b"x"));
    format!("{read:<17}{write}")
}

/// What a write returned, and then a read.
fn write_then_read(mut client: &TcpStream) -> String {
    let write = outcome(client.write(b"x"));
    let read = outcome(client.read(&mut [0]));
    format!("{write} {read}")
}

fn what_it_does_not_see(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    server.shutdown(Shutdown::Read)?;
    server.set_read_timeout(Some(Duration::from_secs(1)))?; // a read that waits fails
    let before = server.read(&mut [0; 8])?;
    client.write_all(b"hello")?;
    story
        .stage("the server called shutdown(Read), the client wrote")
        .pair(end, Established, must(Established).recv_q(5))
        .why(
            "shutdown(Read) sends nothing, so the client cannot know. On Linux its bytes (`hello`) \
              still arrive.",
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
        .why(
            "After shutdown(Read) a read with nothing to return does not wait. Nothing else \
             changed.",
        )
        .claim("This read returned 5: the bytes can be read.", after == 5)
        .show()?;
    SockRef::from(&server).set_linger(ABORT) // no TIME_WAIT in the tables below
}

/// The peer's host loses power and starts again: its kernel no longer knows the connection.
#[cfg(target_os = "linux")]
fn a_crash(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, server, end) = connected(listener)?;
    // As if the network were down: the client's kernel drops every segment that arrives with a TTL
    // below 255, and the server's have 64 (ip(7), IP_MINTTL). So it does not see the RST of this
    // close. Nothing is left of the server's end, as after a crash.
    set_min_ttl(&client, 255)?;
    SockRef::from(&server).set_linger(ABORT)?;
    drop(server);
    story
        .stage("the peer has crashed and started again")
        .client(end, must(Established).no_timer())
        .expect("peer", end.other(), gone())
        .timers()
        .why(
            "A half-open connection (RFC 9293, 3.5.1): one end is gone and has sent nothing. The \
              other stays ESTABLISHED, without limit if it only reads.",
        )
        .show()?;
    set_min_ttl(&client, 0)?; // the network works again
    client.set_read_timeout(Some(Duration::from_secs(5)))?; // if no RST comes
    let wrote = outcome(client.write(b"x"));
    let read = outcome(client.read(&mut [0])); // waits until the RST has arrived
    story
        .stage("the client has written a byte, then read")
        .client(end, gone())
        .expect("peer", end.other(), gone())
        .why("The peer's kernel has no such connection and answered with a RST.")
        .claim(
            format!("write returned {wrote}, then read returned {read}: close the socket."),
            wrote == "Ok(1)" && read == "ConnectionReset",
        )
        .show()
}
