//! connect takes exactly one second, or a read gets its answer 200 ms late. A segment was lost on
//! the network. What do the kernels do about it, and how does a refusal differ from a loss?
//!
//!     cargo run --example loss
//!     cargo run --example loss -- --pcap all.pcap --svg all.svg   for Wireshark; as a picture
//!
//! You will see a connection refused, a SYN lost and resent, a handshake whose last ACK is lost,
//! and data that is resent, with longer waits, while no ACK comes.
//!
//! New here: the retransmission timer. Lesson `handshake` comes before: it shows a connection on
//! which nothing is lost.
//!
//! Exercise: the one of lesson `handshake`: `cargo workshop check handshake`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use socket_workshop::command;
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::peer::{SYN, bound, connected, finish_connect, hears_only};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*, TimerKind::Retransmit};
use socket2::SockRef;
use wire::capture::{Files, StoryArguments, Tap};
use wire::segment::Flags as Bits;

/// How often the lesson lets the answer be sent before it arrives.
const SENT: usize = 4;

fn main() -> ExitCode {
    command::run(|arguments: StoryArguments| lossy(&arguments.flags, &arguments.files))
}

fn lossy(flags: &Flags, files: &Files) -> io::Result<()> {
    // unshare(2): a loopback and ports of the lesson's own; a packet socket sees its segments.
    let mut tap = Tap::enter(files)?;
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    tap.introduce(&mut story)?;
    refused(&mut story, &mut tap)?;
    if tap.captures() {
        a_lost_handshake(&mut story, &mut tap, &listener)?;
        a_lost_answer(&mut story, &mut tap, &listener)?;
        tap.draw(&mut story)?;
    } else {
        story.leave_out(5, "losing a segment needs a network namespace")?;
    }
    story.end()
}

fn refused(story: &mut Story, tap: &mut Tap) -> io::Result<()> {
    let (_bound, nobody) = bound([127, 0, 0, 1])?; // no listener can have this port now
    let connected = TcpStream::connect(nobody);
    story
        .stage("a port without a listener: a SYN, and a RST")
        .passed(&tap.until(nobody, Bits::RST | Bits::ACK)?)
        .expect("refused client", End::all_to(nobody), gone())
        .why("A RST is an answer: connect fails at once, and nothing is resent.")
        .fails("connect", connected, ErrorKind::ConnectionRefused)
        .show()
}

fn a_lost_handshake(story: &mut Story, tap: &mut Tap, listener: &TcpListener) -> io::Result<()> {
    let addr = reachable(listener.local_addr()?);
    let listening = End::of(listener)?;
    let (client, local) = bound(addr.ip())?;
    let end = End::between(local, addr);
    hears_only(listener, 0)?; // a filter on the socket: every segment to it is lost
    let _under_way = client.connect(&addr.into()); // EINPROGRESS: does not wait
    story
        .stage("a client connects, and its SYN is lost at the listener")
        .passed(&tap.until(local, Bits::SYN)?)
        .expect("listener", listening, must(Listen).drops(1..))
        .pair(end, must(SynSent).timer(Retransmit), gone())
        .timers()
        .why("Silence is not a refusal: when the timer expires, the kernel resends the SYN.")
        .show()?;

    hears_only(listener, SYN)?; // so the third segment and all data are lost
    let opening = tap.until(local, Bits::ACK)?;
    let mut client = finish_connect(client)?;
    client.write_all(b"get subject\n")?;
    story
        .stage("the handshake's last ACK and the data are lost")
        .asks("The ACK that completes the handshake is lost. Is the client connected?")
        .passed(&(opening + &tap.until(local, Bits::PSH | Bits::ACK)?))
        .expect("listener", listening, must(Listen).drops(3..))
        .pair(end, must(Established).send_q(12).timer(Retransmit), SynRecv)
        .timers()
        .why(
            "The listener receives SYNs only. An end is ESTABLISHED once it has the peer's SYN and \
             the ACK of its own SYN.",
        )
        .show()?;

    SockRef::from(listener).detach_filter()?;
    let passed = tap.until(addr, Bits::ACK)?;
    let conversation = tap.conversation(end)?.expect("the lesson captures");
    let syn = conversation.sent_again(Bits::SYN);
    let data = conversation.sent_again(Bits::PSH | Bits::ACK);
    story
        .stage("the listener receives everything")
        .passed(&passed)
        .pair(end, Established, must(Established).recv_q(12))
        .why(
            "The data carried the ACK: after the first SYN each segment has one, except some RSTs.",
        )
        .claim(
            format!("The same numbers again: the SYN {syn:.0?} later, the data {data:.0?} later."),
            !syn.is_zero() && !data.is_zero(),
        )
        .show()?;
    listener.accept()?;
    Ok(())
}

/// Each segment with the server's answer is lost, until the client receives one.
fn a_lost_answer(story: &mut Story, tap: &mut Tap, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    tap.until(end.local, Bits::ACK)?; // not shown: as in lesson `handshake`
    let answer = Bits::PSH | Bits::ACK;
    let servers = end.other().local;
    hears_only(&client, 0)?; // every segment to the client is lost
    server.write_all(b"6.824\n")?;
    let mut passed = String::new();
    for _ in 0..SENT {
        passed += &tap.until(servers, answer)?;
    }
    let conversation = tap.conversation(end)?.expect("the lesson captures");
    let times = conversation.all_sent(servers, answer);
    let waits: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    story
        .stage("an answer, and every segment to the client is lost")
        .passed(&passed)
        .pair(
            end,
            Established,
            must(Established).send_q(6).timer(Retransmit),
        )
        .timers()
        .why(
            "The server's write has returned Ok. Its kernel resends: first a probe (RFC 8985, 7), \
             then on a timer that doubles each time, up to 120 s (RFC 6298, 5.5). After the time \
             that net.ipv4.tcp_retries2 stands for, 15 minutes or more, it times out: ETIMEDOUT.",
        )
        .claim(
            format!("The waits between them: {waits:.0?}."),
            waits[SENT - 2] > waits[SENT - 3] * 3 / 2,
        )
        .show()?;

    SockRef::from(&client).detach_filter()?;
    let mut text = [0; 6];
    client.read_exact(&mut text)?;
    story
        .stage("the client receives again, and has read the answer")
        .passed(&tap.until(end.local, Bits::ACK)?)
        .pair(
            end,
            must(Established).recv_q(0),
            must(Established).send_q(0),
        )
        .why("Neither program has seen an error. The answer was late.")
        .show()
}
