//! Your call of connect has returned. What did the two kernels send each other? This lesson
//! captures each segment of three connections, and shows it beside the states of both ends.
//!
//!     cargo run --example handshake -- --pcap all.pcap --svg all.svg   for Wireshark; as a picture
//!     sudo target/debug/examples/handshake capture --port 1234         of any program on this machine
//!
//! You will see the handshake and what it agrees on, an ACK that travels with data, the FINs, a
//! refusal, and segments that are lost and resent.
//!
//! New here: whole conversations, captured live in a network namespace, which needs no privileges.

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
    let entered = wire::namespace::enter(); // unshare(2): a loopback and ports of its own
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
            story.tell(&format!(
                "There, enter the lesson's network namespace first:  {door}"
            ))?;
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
        None => story.leave_out(3, "losing a segment needs a network namespace")?,
    }
    if let Some(capture) = &wire.0 {
        story.tell(&capture.draw()?)?;
    }
    story.end()
}

/// The segments, if the lesson may capture. If not, it shows only the kernel's table.
struct Wire(Option<Capture>);

impl Wire {
    /// Waits for a segment with these flags, and returns all that passed until then.
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
            "Seq and Ack count from each end's SYN, as in Wireshark; on the wire a SYN has any \
              number. SACK, timestamps and window scaling (WS) are used if both SYNs have them; \
              MSS limits the peer.",
        )
        .show()?;
    if let Some(capture) = &wire.0 {
        agreed(story, &capture.conversation(end)?.segments)?;
    }
    let mut passed = String::new();
    for _ in 0..10 {
        SockRef::from(&server).set_tcp_quickack(false)?; // or Linux would not delay the first ACKs
        client.write_all(b"get subject\n")?;
        server.read_exact(&mut [0; 12])?;
        server.write_all(b"6.824\n")?;
        client.read_exact(&mut [0; 6])?;
        passed = wire.until(end.local, Bits::ACK)?;
        if passed.lines().count() == 3 || wire.0.is_none() {
            break; // if not, the machine was too busy, and the ACK was sent before the answer
        }
    }
    story
        .stage("the client asks and is answered immediately: three segments")
        .passed(&passed)
        .pair(end, must(Established).send_q(0), Established)
        .why(
            "An ACK may wait for data to travel with (delayed ACK; RFC 9293, 3.8.6.3): here about \
              40 ms.",
        )
        .show()?;
    if wire.0.is_some() {
        story.claim(
            "The answer carries the ACK of the question.",
            passed.lines().count() == 3,
        )?;
    }
    client.shutdown(Shutdown::Write)?;
    story
        .stage("the client shuts down: a FIN, and its ACK")
        .passed(&wire.until(end.other().local, Bits::ACK)?)
        .pair(end, FinWait2, CloseWait)
        .why(
            "This ACK was delayed for data that never came, then sent alone: the server does not \
              close yet.",
        )
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
    story.claim(
        "All numbers add up: a SYN and a FIN count as one byte each.",
        right,
    )
}

/// Checks the numbers of the handshake, and what the SYNs agree on.
fn agreed(story: &mut Story, segments: &[Segment]) -> io::Result<()> {
    let [syn, answer, ack] = [0, 1, 2].map(|i| &segments[i]);
    let next = |segment: &Segment| segment.seq.wrapping_add(1);
    let right = answer.ack == next(syn) && ack.seq == next(syn) && ack.ack == next(answer);
    story.claim("SYN j; SYN k, ACK j+1; ACK k+1.", right)?;
    let offers = |segment: &Segment| segment.options.iter().map(discriminant).collect::<Vec<_>>();
    let four = offers(syn).len() == 4 && offers(syn) == offers(answer);
    let one = matches!(ack.options[..], [Timestamps { .. }]);
    story.claim(
        "The SYNs have four options, the ACK has timestamps.",
        four && one,
    )
}

fn refused(story: &mut Story, wire: &mut Wire) -> io::Result<()> {
    let (_bound, nobody) = bound([127, 0, 0, 1])?;
    let connected = TcpStream::connect(nobody);
    story
        .stage("a client connects to a port without a listener: a SYN, and a RST")
        .passed(&wire.until(nobody, Bits::RST | Bits::ACK)?)
        .expect("refused client", End::all_to(nobody), gone())
        .show()?;
    story.fails("connect", connected, ErrorKind::ConnectionRefused)
}

fn lost(story: &mut Story, wire: &mut Capture, listener: &TcpListener) -> io::Result<()> {
    let (addr, listening) = (reachable(listener.local_addr()?), End::of(listener)?);
    let (mut client, local) = bound(addr.ip())?;
    let end = End::between(local, addr);
    hears_only(listener, 0)?; // a filter on the socket: every segment to it is lost
    let _under_way = client.connect(&addr.into());
    story
        .stage("a client connects, and its SYN is lost at the listener")
        .passed(&wire.until(local, Bits::SYN)?)
        .expect("listener", listening, must(Listen).drops(1..))
        .pair(end, must(SynSent).timer(Retransmit), gone())
        .timers()
        .why("Silence is not a refusal: when the timer expires, the kernel resends the SYN.")
        .show()?;
    hears_only(listener, SYN)?; // so the third segment and all data are lost
    let opening = wire.until(local, Bits::ACK)?; // by then connect has returned
    client.write_all(b"get subject\n")?;
    story
        .stage("the listener receives SYNs only: the last ACK and the client's data are lost")
        .passed(&(opening + &wire.until(local, Bits::PSH | Bits::ACK)?))
        .expect("listener", listening, must(Listen).drops(3..))
        .pair(end, must(Established).send_q(12).timer(Retransmit), SynRecv)
        .timers()
        .why("An end is ESTABLISHED once it has the peer's SYN and the ACK of its own SYN.")
        .show()?;
    SockRef::from(listener).detach_filter()?;
    story
        .stage("the listener receives everything")
        .passed(&wire.until(addr, Bits::ACK)?)
        .pair(end, Established, must(Established).recv_q(12))
        .why("The data carried the ACK: after the first SYN each segment has one.")
        .show()?;
    let conversation = wire.conversation(end)?;
    let [syn, data] = [Bits::SYN, Bits::PSH | Bits::ACK].map(|bits| conversation.sent_again(bits));
    let text =
        format!("The same numbers again: the SYN {syn:.0?} later, the data {data:.0?} later.");
    story.claim(&text, !syn.is_zero() && !data.is_zero())
}
