//! How a connection ends: in order, by FIN, or at once, by RST; and what the other end hears of it.
//!
//!     cargo run --example close
//!
//! You will see an answer of which only a part arrives, because its writer closes too soon; a close
//! that loses nothing, with the states at both ends; and what a FIN and a RST make of the other end's
//! reads and writes. New since `kv`: a write that has succeeded may be lost, by the close behind it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::{os::fd::OwnedFd, time::Duration};

use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::{command, fault::outcome, listen::Listen, peer::connected};
use socket2::SockRef;

const ANSWER: &[u8] = &[b'x'; 600_000];
const ABORT: Option<Duration> = Some(Duration::ZERO); // as SO_LINGER: close with RST

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

/// A server that has written its answer, and left the question unread. Its client has read nothing.
fn answered(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let (mut client, mut server, end) = connected(listener)?;
    SockRef::from(&client).set_recv_buffer_size(64 << 10)?; // room for a part of the answer only
    SockRef::from(&server).set_recv_buffer_size(64 << 10)?;
    client.write_all(b"question")?;
    server.peek(&mut [0])?; // it is there, and stays there
    server.write_all(ANSWER)?; // Ok: this end's kernel has all of it
    Ok((client, server, end))
}

fn too_soon(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    for (how, reads, linger) in [("input unread", 0, None), ("SO_LINGER 0", 8, ABORT)] {
        let (mut client, mut server, end) = answered(listener)?;
        server.read_exact(&mut vec![0; reads])?;
        SockRef::from(&server).set_linger(linger)?;
        drop(server); // RST: input is lost (RFC 9293, 3.6.1), or it has been told to
        story
            .stage(&format!("the server has written 600 kB, and closed: {how}"))
            .pair(end, gone(), gone())
            .why("RST and no FIN: no TIME_WAIT, and all that was in Send-Q is thrown away.")
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
        .stage("the server has written 600 kB, and shut down its sending half")
        .pair(end, Established, must(FinWait1).recv_q(8).send_q(1..))
        .why("Its FIN waits in Send-Q, behind the data. The question is still unread.")
        .show()?;
    let arrived = io::copy(&mut client, &mut io::sink())?; // to the end of file
    story
        .stage("the client has read to the end of file")
        .pair(end, CloseWait, FinWait2)
        .why("Segments 1 and 2: the FIN and its ACK. CLOSE_WAIT: it is the client's turn to close.")
        .show()?;
    client.write_all(ANSWER)?;
    client.shutdown(Shutdown::Write)?; // the FIN that a close sends
    story
        .stage("the client has written as much, and shut down its sending half")
        .pair(end, must(LastAck).send_q(1..), must(FinWait2).recv_q(9..))
        .why("A half-close: after its own FIN the server still receives. The client's FIN waits.")
        .show()?;
    let drained = io::copy(&mut server, &mut io::sink())?;
    drop(server);
    story
        .stage("the server has read to the end of file, and closed")
        .pair(end, gone(), time_wait())
        .why("Segments 3 and 4: the client's FIN and its ACK. Nothing was unread: no RST.")
        .show()?;
    let text = format!("{arrived} bytes arrived, {drained} the other way.");
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
        .stage("each client has read, and then written a byte")
        .expect("client that got FIN", fin_end, gone())
        .why("Some books say that a peer's close ends one's writes too. A FIN says only that the peer sends no \
              more. This write has succeeded, and brought back RST: writes fail once that is here.")
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
    story.tell("A reset is told only once: the next read looks like an end of file.")?;
    let yes = Command::new("yes").stdout(OwnedFd::from(fin)).status()?;
    let yes = format!("`yes`, writing to it as well: {yes}. In our process std ignores that.");
    story.claim(&yes, yes.contains("SIGPIPE"))
}

fn what_it_does_not_hear(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    server.shutdown(Shutdown::Read)?;
    server.set_read_timeout(Some(Duration::from_secs(1)))?; // a read that waited would fail
    let before = server.read(&mut [0; 8])?;
    client.write_all(b"hello")?;
    story
        .stage("the server has shut down its receiving half, and the client written `hello`")
        .pair(end, Established, must(Established).recv_q(5))
        .why("shutdown(Read) sends nothing: the client cannot know. Its write succeeded, and arrived.")
        .show()?;
    let after = server.read(&mut [0; 8])?;
    story.claim("Its reads gave 0, then 5.", [before, after] == [0, 5])
}
