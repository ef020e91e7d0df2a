//! What is on the wire: each segment of three connections, and the states of both ends.
//!
//!     cargo run --example handshake -- --pcap all.pcap --svg all.svg   for Wireshark; drawn
//!     sudo target/debug/examples/handshake capture --port 1234         of any other program here
//!
//! You will see the handshake and what it agrees on, an ACK that rides on data, the FINs, a refusal, and
//! what is lost and sent again. New since `headers`: conversations, captured as they take place, in a
//! network of the lesson's own, where that takes no privileges.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::{mem::discriminant, process::ExitCode};

use socket_workshop::peer::{SYN, bound, connected, hears_only};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*, TimerKind::Retransmit};
use socket_workshop::{command, listen::Listen, listen::reachable};
use socket2::SockRef;
use wire::capture::{Arguments, Capture, Files};
use wire::segment::{Flags as Bits, Segment, TcpOption::Timestamps};

fn main() -> ExitCode {
    command::run(|arguments: Arguments| match arguments.port() {
        Some(port) => Capture::on_loopback(Some(port), arguments.files())?.follow(), // `capture`
        None => three_connections(&arguments.flags, arguments.files()),
    })
}

fn three_connections(flags: &Flags, files: &Files) -> io::Result<()> {
    let entered = wire::namespace::enter(); // unshare(2): lo and all ports for itself
    let (door, mut wire) = match entered {
        // A packet socket sees segments before their receivers do.
        Ok(door) => (door, Wire(Some(Capture::on_loopback(None, files)?))),
        Err(refused) if files.pcap.is_some() || files.svg.is_some() => return Err(refused),
        Err(refused) => (format!("it {refused}"), Wire(None)),
    };
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    match &wire.0 {
        Some(capture) => {
            story.tell(&format!("There, enter the lesson's network first:  {door}"))?;
            story.each_table(capture.witness());
        }
        None => story.tell(&format!(
            "The lesson cannot show its segments here: {door}."
        ))?,
    }
    ten_segments(&mut story, &mut wire, &listener)?;
    refused(&mut story, &mut wire)?;
    match &mut wire.0 {
        Some(capture) => lost(&mut story, capture, &listener)?,
        None => story.leave_out(3, "to lose a segment takes a network of the lesson's own")?,
    }
    if let Some(capture) = &wire.0 {
        story.tell(&capture.draw()?)?;
    }
    story.end()
}

/// The segments, where the lesson may capture. Elsewhere only the kernel's table is shown.
struct Wire(Option<Capture>);

impl Wire {
    /// What has passed, up to a segment with these flags, which is waited for.
    fn until(&mut self, from: SocketAddr, flags: Bits) -> io::Result<String> {
        let capture = self.0.as_mut();
        capture.map_or(Ok(String::new()), |capture| capture.until(from, flags))
    }
}

fn ten_segments(story: &mut Story, wire: &mut Wire, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    story
        .stage("a client connects: three segments")
        .passed(&wire.until(end.local, Bits::ACK)?)
        .pair(end, Established, Established)
        .why(
            "Seq and Ack count from each end's SYN, as in Wireshark; on the wire that is any number. SACK, \
              timestamps and a scale for windows (WS) are used if both SYNs have them; MSS binds the peer.",
        )
        .show()?;
    if let Some(capture) = &wire.0 {
        agreed(story, &capture.conversation(end)?.segments)?;
    }
    let mut passed = String::new();
    for _ in 0..10 {
        SockRef::from(&server).set_tcp_quickack(false)?; // else Linux delays no ACK at first
        client.write_all(b"get subject\n")?;
        server.read_exact(&mut [0; 12])?;
        server.write_all(b"6.824\n")?;
        client.read_exact(&mut [0; 6])?;
        passed = wire.until(end.local, Bits::ACK)?;
        if passed.lines().count() == 3 || wire.0.is_none() {
            break; // else it was too busy a machine: the ACK did not wait as long for the answer
        }
    }
    story
        .stage("it asks, and is answered at once: three segments")
        .passed(&passed)
        .pair(end, must(Established).send_q(0), Established)
        .why("An ACK may wait for data to ride on (delayed ACK; RFC 9293, 3.8.6.3): here some 40 ms.")
        .show()?;
    if wire.0.is_some() {
        story.claim("The answer has one on it.", passed.lines().count() == 3)?;
    }
    client.shutdown(Shutdown::Write)?;
    story
        .stage("it shuts down: a FIN, and its ACK")
        .passed(&wire.until(end.other().local, Bits::ACK)?)
        .pair(end, FinWait2, CloseWait)
        .why("This one has waited in vain: the server sends nothing, and does not close.")
        .show()?;
    drop(server);
    story
        .stage("the server closes: a FIN, and its ACK")
        .passed(&wire.until(end.local, Bits::ACK)?)
        .pair(end, time_wait(), gone())
        .show()?;
    let Some(capture) = &wire.0 else {
        return Ok(());
    };
    let right = capture.conversation(end)?.adds_up();
    story.claim("All numbers add up: a SYN and a FIN count for one.", right)
}

/// That the handshake counts as it should, and what the SYNs agree on.
fn agreed(story: &mut Story, segments: &[Segment]) -> io::Result<()> {
    let [syn, answer, ack] = [0, 1, 2].map(|i| &segments[i]);
    let next = |segment: &Segment| segment.seq.wrapping_add(1);
    let right = answer.ack == next(syn) && ack.seq == next(syn) && ack.ack == next(answer);
    story.claim("SYN j; SYN k, ACK j+1; ACK k+1.", right)?;
    let offers = |segment: &Segment| segment.options.iter().map(discriminant).collect::<Vec<_>>();
    let four = offers(syn).len() == 4 && offers(syn) == offers(answer);
    let one = matches!(ack.options[..], [Timestamps { .. }]);
    story.claim("SYNs have four options, the ACK timestamps.", four && one)
}

fn refused(story: &mut Story, wire: &mut Wire) -> io::Result<()> {
    let (_bound, nobody) = bound([127, 0, 0, 1])?;
    let connected = TcpStream::connect(nobody);
    story
        .stage("a client connects where nobody listens: a SYN, and an RST")
        .passed(&wire.until(nobody, Bits::RST | Bits::ACK)?)
        .expect("refused client", End::all_to(nobody), gone())
        .show()?;
    story.fails("connect", connected, ErrorKind::ConnectionRefused)
}

fn lost(story: &mut Story, wire: &mut Capture, listener: &TcpListener) -> io::Result<()> {
    let (addr, listening) = (reachable(listener.local_addr()?), End::of(listener)?);
    let (mut client, local) = bound(addr.ip())?;
    let end = End::between(local, addr);
    hears_only(listener, 0)?; // a filter on the socket: whatever comes for it is lost
    let _under_way = client.connect(&addr.into());
    story
        .stage("a client connects, and the listener does not hear it")
        .passed(&wire.until(local, Bits::SYN)?)
        .expect("listener", listening, must(Listen).drops(1..))
        .pair(end, must(SynSent).timer(Retransmit), gone())
        .timers()
        .why("Silence is no refusal: when the timer runs out, the SYN goes again.")
        .show()?;
    hears_only(listener, SYN)?; // and so neither the third segment nor any data
    let opening = wire.until(local, Bits::ACK)?; // by then connect is done
    client.write_all(b"get subject\n")?;
    story
        .stage("the listener hears SYNs: the last ACK, and what the client writes, are lost")
        .passed(&(opening + &wire.until(local, Bits::PSH | Bits::ACK)?))
        .expect("listener", listening, must(Listen).drops(3..))
        .pair(end, must(Established).send_q(12).timer(Retransmit), SynRecv)
        .timers()
        .why("An end is ESTABLISHED when the peer's SYN has come, and the ACK of its own.")
        .show()?;
    SockRef::from(listener).detach_filter()?;
    story
        .stage("the listener hears everything")
        .passed(&wire.until(addr, Bits::ACK)?)
        .pair(end, Established, must(Established).recv_q(12))
        .why("The data has brought an ACK along: once a connection is open, each segment has one.")
        .show()?;
    let conversation = wire.conversation(end)?;
    let [syn, data] = [Bits::SYN, Bits::PSH | Bits::ACK].map(|bits| conversation.sent_again(bits));
    let text = format!("The same numbers again: the SYN's {syn:.0?} later, the data's {data:.0?}.");
    story.claim(&text, !syn.is_zero() && !data.is_zero())
}
