//! Your server writes its answer and closes, every write returns Ok, and the client gets half of
//! it. A connection can end in order, with FIN, or immediately, with RST. What does the other end
//! see?
//!
//!     cargo run --example close
//!
//! You will see an answer that is lost in part because its writer closes too soon, a close that
//! loses nothing, with the states at both ends, and what read and write return after a FIN and
//! after a RST.
//!
//! New here: bytes that `write` has accepted can still be lost, by the close that follows.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::{os::fd::OwnedFd, time::Duration};

use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::{command, fault::outcome, listen::Listen, peer::connected};
use socket2::SockRef;

const ANSWER: &[u8] = &[b'x'; 600_000];
const ABORT: Option<Duration> = Some(Duration::ZERO); // as SO_LINGER: close sends RST

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        too_soon(&mut story, &listener)?;
        in_order(&mut story, &listener)?;
        what_the_other_end_hears(&mut story, &listener)?;
        what_it_does_not_hear(&mut story, &listener)?;
        story.end()
    })
}

/// A server that has written its answer and not read the question. Its client has read nothing.
fn answered(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let (mut client, mut server, end) = connected(listener)?;
    SockRef::from(&client).set_recv_buffer_size(64 << 10)?; // room for a part of the answer only
    SockRef::from(&server).set_recv_buffer_size(64 << 10)?;
    client.write_all(b"question")?;
    server.peek(&mut [0])?; // the question has arrived, and stays unread
    server.write_all(ANSWER)?; // Ok: this kernel has all of it
    Ok((client, server, end))
}

fn too_soon(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    for (how, reads, linger) in [("input unread", 0, None), ("SO_LINGER 0", 8, ABORT)] {
        let (mut client, mut server, end) = answered(listener)?;
        server.read_exact(&mut vec![0; reads])?;
        SockRef::from(&server).set_linger(linger)?;
        drop(server); // RST: unread input is lost (RFC 9293, 3.6.1), or SO_LINGER asks for it
        story
            .stage(&format!("the server has written 600 kB and closed: {how}"))
            .pair(end, gone(), gone())
            .why(
                "A RST, not a FIN: neither end keeps TIME_WAIT, and the bytes in Send-Q are \
                  discarded.",
            )
            .show()?;
        let mut part = Vec::new();
        let read = outcome(client.read_to_end(&mut part));
        let text = format!("{} bytes arrived, then {read}.", part.len());
        story.claim(&text, part.len() < 600_000 && read == "ConnectionReset")?;
    }
    Ok(())
}

fn in_order(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = answered(listener)?;
    server.shutdown(Shutdown::Write)?;
    story
        .stage("the server has written 600 kB and shut down its sending half")
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
        .stage("the client has written 600 kB too, and shut down its sending half")
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
    story.claim(&text, [arrived, drained] == [600_000, 600_008])
}

fn what_the_other_end_hears(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
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
    story.tell("A reset is reported only once: the next read looks like end of file.")?;
    let yes = Command::new("yes").stdout(OwnedFd::from(fin)).status()?;
    let yes = format!(
        "`yes`, writing to the same socket: {yes}. In a Rust program std ignores this signal."
    );
    story.claim(&yes, yes.contains("SIGPIPE"))
}

fn what_it_does_not_hear(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    server.shutdown(Shutdown::Read)?;
    server.set_read_timeout(Some(Duration::from_secs(1)))?; // a read that waits fails
    let before = server.read(&mut [0; 8])?;
    client.write_all(b"hello")?;
    story
        .stage("the server has shut down its receiving half, and the client has written `hello`")
        .pair(end, Established, must(Established).recv_q(5))
        .why("On Linux shutdown(Read) sends nothing, so the client cannot know. Its bytes arrived.")
        .show()?;
    let after = server.read(&mut [0; 8])?;
    story.claim(
        "The server's reads returned 0, then 5.",
        [before, after] == [0, 5],
    )
}
