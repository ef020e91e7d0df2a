//! What is on the wire: every segment of a connection, and of two for which not all goes well.
//!
//!     cargo run --example handshake                               --pcap FILE for Wireshark
//!     cargo run --example handshake -- capture --port 1234        of any program here, as root
//!
//! You will see the SYNs and what they agree on, how the numbers count, an ACK that rides on data, a
//! SYN and data that are lost and sent again, and an RST; and what each does to the states. New since
//! `headers`: segments as they pass. The lesson has a network of its own: it captures unprivileged.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{mem, process::ExitCode};

use clap::{Parser, Subcommand};
use socket_workshop::peer::{SYN, bound, connected, hears_only};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*, TimerKind::Retransmit};
use socket_workshop::{command, listen::Listen};
use socket2::SockRef;
use wire::capture::{Capture, Files};
use wire::segment::{Flags as Bits, Segment};
use wire::{conversation::Conversation, namespace};

/// A lesson: every segment that passes, and the states of both ends
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    files: Files,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// List the segments of any program on loopback, until Ctrl-C (needs root)
    Capture {
        /// Only those from or to this port
        #[arg(long, value_name = "N")]
        port: u16,
        #[command(flatten)]
        files: Files,
    },
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| match arguments.command {
        Some(Command::Capture { port, files }) => {
            Capture::on_loopback(Some(port), &files)?.follow()
        }
        None => both_ends(&arguments.flags, &arguments.files),
    })
}

fn both_ends(flags: &Flags, files: &Files) -> io::Result<()> {
    let door = namespace::enter()?; // unshare, and loopback up: before any thread
    let mut wire = Capture::on_loopback(None, files)?; // a packet socket: sees what passes
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    story.tell(&format!(
        "          but first:  {door}    (a network of its own)"
    ))?;
    story.each_table(wire.witness());
    ten_segments(&mut story, &mut wire, &listener)?;
    lost(&mut story, &mut wire, &listener)?;
    refused(&mut story, &mut wire)?;
    wire.draw()?;
    story.end()
}

fn ten_segments(story: &mut Story, wire: &mut Capture, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    story
        .stage("connect: a SYN, a SYN with an ACK, an ACK")
        .passed(&wire.until(end.local, Bits::ACK)?)
        .pair(end, Established, Established)
        .show()?;
    SockRef::from(&server).set_tcp_quickack(false)?;
    client.write_all(b"get subject\n")?;
    server.read_exact(&mut [0; 12])?;
    server.write_all(b"6.824\n")?;
    client.read_exact(&mut [0; 6])?;
    story
        .stage("a request, answered at once")
        .passed(&wire.until(end.local, Bits::ACK)?)
        .pair(
            end,
            must(Established).send_q(0),
            must(Established).send_q(0),
        )
        .show()?;
    client.shutdown(Shutdown::Write)?;
    story
        .stage("the client has shut down")
        .passed(&wire.until(listener.local_addr()?, Bits::ACK)?)
        .pair(end, FinWait2, CloseWait)
        .show()?;
    drop(server);
    story
        .stage("the server has closed")
        .passed(&wire.until(end.local, Bits::ACK)?)
        .pair(end, time_wait(), gone())
        .show()?;
    Ok(())
}

fn lost(story: &mut Story, wire: &mut Capture, listener: &TcpListener) -> io::Result<()> {
    let addr = listener.local_addr()?;
    let (client, local) = bound(addr.ip())?;
    let end = End::between(local, addr);
    hears_only(listener, 0)?;
    let _under_way = client.connect(&addr.into());
    story
        .stage("another client has connected, and its SYN was lost")
        .passed(&wire.until(local, Bits::SYN)?)
        .expect("listener", End::of(listener)?, must(Listen).drops(1..))
        .client(end, must(SynSent).send_q(1).timer(Retransmit))
        .server(end, gone())
        .timers()
        .show()?;
    hears_only(listener, SYN)?;
    story
        .stage("the listener hears SYNs again; one came, but the last ACK was lost")
        .passed(&wire.until(local, Bits::ACK)?)
        .expect("listener", End::of(listener)?, must(Listen).drops(2..))
        .pair(end, Established, SynRecv)
        .show()?;
    (&client).write_all(b"get subject\n")?;
    story
        .stage("the client has written, and that was lost, too")
        .passed(&wire.until(local, Bits::PSH | Bits::ACK)?)
        .expect("listener", End::of(listener)?, must(Listen).drops(3..))
        .pair(end, must(Established).send_q(12).timer(Retransmit), SynRecv)
        .timers()
        .show()?;
    SockRef::from(listener).detach_filter()?;
    story
        .stage("nothing is lost any more")
        .passed(&wire.until(addr, Bits::ACK)?)
        .pair(
            end,
            must(Established).send_q(0),
            must(Established).recv_q(12),
        )
        .show()
}

fn refused(story: &mut Story, wire: &mut Capture) -> io::Result<()> {
    let ((client, local), (_, nobody)) = (bound([127, 0, 0, 1])?, bound([127, 0, 0, 1])?);
    client.set_nonblocking(false)?;
    let connected = client.connect(&nobody.into());
    story
        .stage("a third client has connected to a port where nobody listens")
        .passed(&wire.until(nobody, Bits::RST | Bits::ACK)?)
        .client(End::between(local, nobody), gone())
        .show()?;
    story.fails("connect", connected, ErrorKind::ConnectionRefused)
}
