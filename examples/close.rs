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
    for (how, reads, linger) in [("input unread", 0, None), ("SO_LINGER 0", 8, ABORT)] {
        let (mut client, mut server, end) = answered(listener)?;
        server.read_exact(&mut vec![0; reads])?;
        SockRef::from(&server).set_linger(linger)?;
        drop(server); // RST: unread input is lost (RFC 9293, 3.6.1), or SO_LINGER asks for it
        story
            .stage(&format!("the server has written 200 kB and closed: {how}"))
            .pair(end, gone(), gone())
            .why(
                "A RST, not a FIN: neither end keeps TIME_WAIT, and the bytes in Send-Q are \
                  discarded.",
            )
            .show()?;
        let mut part = Vec::new();
        let read = outcome(client.read_to_end(&mut part));
        let text = format!("{} bytes arrived, then {read}.", part.len());
        let is_a_part = !part.is_empty() && part.len() < ANSWER.len();
        story.claim(&text, is_a_part && read == "ConnectionReset")?;
    }
    story.tell(
        "Linux still returns the bytes that arrived before the RST. Do not rely on it: RFC 9293 \
         (section 3.10.7.4) discards them.",
    )
}

fn in_order(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = answered(listener)?;
    server.shutdown(Shutdown::Write)?;
    story
        .stage("the server has written 200 kB and shut down its sending half")
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
        .show()?;
    client.write_all(ANSWER)?;
    client.shutdown(Shutdown::Write)?; // the FIN that a close sends
    story
        .stage("the client has written 200 kB too, and shut down its sending half")
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
        .show()?;
    let text = format!("{arrived} bytes arrived at the client, {drained} at the server.");
    story.claim(&text, [arrived, drained] == [200_000, 200_008])
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
        .stage("three peers have closed: by FIN, by FIN and then RST, by RST")
        .expect("client that got FIN", fin_end, CloseWait)
        .expect("its peer", fin_end.other(), FinWait2)
        .expect("client that got FIN and RST", both_end, gone())
        .expect("client that got RST", rst_end, gone())
        .show()?;
    let clients = [&fin, &both, &rst];
    let first = clients.map(|mut client| [client.read(&mut [0]), client.write(b"x")].map(outcome));
    story
        .stage("each client has read, then written a byte")
        .expect("client that got FIN", fin_end, gone())
        .why(
            "A FIN says only that the peer sends no more. This write succeeded, and the peer \
              answered it with a RST. Writes fail from the moment that RST has arrived.",
        )
        .show()?;
    let then = clients.map(|mut client| [client.write(b"x"), client.read(&mut [0])].map(outcome));
    story.tell("\npeer sent      read             write       write       read")?;
    let rows = "\
FIN            Ok(0)            Ok(1)       BrokenPipe  Ok(0)
FIN, then RST  Ok(0)            BrokenPipe  BrokenPipe  Ok(0)
RST            ConnectionReset  BrokenPipe  BrokenPipe  Ok(0)";
    for (row, ([a, b], [c, d])) in rows.lines().zip(first.iter().zip(&then)) {
        let measured = format!("{}{a:<17}{b:<12}{c:<12}{d}", &row[..15]);
        story.claim(&measured, measured == row)?;
    }
    story.tell("Linux reports a reset only once: the next read looks like end of file.")?;
    let yes = Command::new("yes").stdout(OwnedFd::from(fin)).status()?;
    let yes = format!(
        "`yes`, writing to the same socket: {yes}. In a Rust program std ignores this signal."
    );
    story.claim(&yes, yes.contains("SIGPIPE"))
}

fn what_it_does_not_see(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    server.shutdown(Shutdown::Read)?;
    server.set_read_timeout(Some(Duration::from_secs(1)))?; // a read that waits fails
    let before = server.read(&mut [0; 8])?;
    client.write_all(b"hello")?;
    story
        .stage("the server has shut down its receiving half, and the client has written `hello`")
        .pair(end, Established, must(Established).recv_q(5))
        .why(
            "shutdown(Read) sends nothing, so the client cannot know. On Linux its bytes still \
              arrive and can be read; only a read with nothing to return does not wait.",
        )
        .show()?;
    let after = server.read(&mut [0; 8])?;
    story.claim(
        "The server's reads returned 0, then 5.",
        [before, after] == [0, 5],
    )
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
        .server(end, gone())
        .timers()
        .why(
            "A half-open connection (RFC 9293, 3.5.1): one end is gone and has sent nothing. The \
              other stays ESTABLISHED, without limit if it only reads.",
        )
        .show()?;
    set_min_ttl(&client, 0)?; // the network works again
    let wrote = client.write(b"x");
    story
        .stage("the client has written a byte")
        .pair(end, gone(), gone())
        .why("The peer's kernel has no such connection and answered with a RST.")
        .show()?;
    let [wrote, read] = [wrote, client.read(&mut [0])].map(outcome);
    let text = format!("write returned {wrote}, then read returned {read}: close the socket.");
    story.claim(&text, wrote == "Ok(1)" && read == "ConnectionReset")
}
