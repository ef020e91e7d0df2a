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
//! Exercise, that of lesson `handshake`: `cargo workshop check handshake`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::command;
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::peer::{
    SYN, begin_to_connect, bound, connected, finish_connect, receives_only,
};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*, TimerKind::Retransmit};
use socket2::SockRef;
use wire::capture::{Files, StoryArguments, Tap};
use wire::segment::Flags as TcpFlags;

/// For `receives_only`, which lets a segment in only if it has one of the given flags. None is
/// given, so every segment is lost.
const NO_FLAGS: u8 = 0;

/// How many times the answer is sent, and lost, before the client receives it.
const TIMES_LOST: usize = 4;

fn main() -> ExitCode {
    command::run(|arguments: StoryArguments| lossy(&arguments.flags, &arguments.files))
}

fn lossy(flags: &Flags, files: &Files) -> io::Result<()> {
    // A network of the lesson's own (unshare(2)), and a socket that sees its segments (packet(7)).
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
        story.leave_out(
            5,
            "this lesson captures and drops segments in a network namespace",
        )?;
    }
    story.end()
}

fn refused(story: &mut Story, tap: &mut Tap) -> io::Result<()> {
    let (_bound, nobody) = bound([127, 0, 0, 1])?; // no listener can have this port now
    let connected = TcpStream::connect(nobody);
    story
        .stage("a client connects to a port without a listener: a SYN, and a RST")
        .passed(&tap.until(nobody, TcpFlags::RST | TcpFlags::ACK)?)
        .expect("refused client", End::all_to(nobody), gone())
        .why("A RST is an answer: connect fails at once, and the kernel does not resend the SYN.")
        .fails("connect", connected, ErrorKind::ConnectionRefused)
        .show()
}

fn a_lost_handshake(story: &mut Story, tap: &mut Tap, listener: &TcpListener) -> io::Result<()> {
    let addr = reachable(listener.local_addr()?);
    let listening = End::of(listener)?;
    let (client, local) = bound(addr.ip())?;
    let end = End::between(local, addr);
    receives_only(listener, NO_FLAGS)?;
    begin_to_connect(&client, addr)?; // sends the SYN and returns
    story
        .stage("a client connects to a listener, whose socket loses every segment")
        .passed(&tap.until(local, TcpFlags::SYN)?)
        .expect("listener", listening, must(Listen).drops(1..))
        .pair(end, must(SynSent).timer(Retransmit), gone())
        .timers()
        .why(
            "No answer is not a refusal. The client's kernel waits for a second (timer), then \
             resends the SYN.",
        )
        .show()?;

    receives_only(listener, SYN)?; // the last ACK of the handshake and the data are lost
    let mut passed = tap.until(local, TcpFlags::ACK)?;
    let mut client = finish_connect(client)?;
    client.write_all(b"get subject\n")?;
    passed += &tap.until(local, TcpFlags::PSH | TcpFlags::ACK)?;
    story
        .stage("the listener receives the next SYN; the last ACK and the data are lost")
        .asks("The ACK that completes the handshake is lost. Is the client connected?")
        .passed(&passed)
        .expect("listener", listening, must(Listen).drops(3..))
        .pair(end, must(Established).send_q(12).timer(Retransmit), SynRecv)
        .timers()
        .why(
            "An end is ESTABLISHED once it has the peer's SYN and the ACK of its own SYN. The \
             client has both. The server lacks the ACK.",
        )
        .show()?;

    SockRef::from(listener).detach_filter()?;
    let passed = tap.until(addr, TcpFlags::ACK)?;
    let conversation = tap.conversation(end)?.expect("the lesson captures");
    let syn = conversation.sent_again(TcpFlags::SYN);
    let data = conversation.sent_again(TcpFlags::PSH | TcpFlags::ACK);
    story
        .stage("the listener's filter is gone, and the client has resent its data")
        .passed(&passed)
        .pair(end, Established, must(Established).recv_q(12))
        .why(
            "The data carried the ACK that the server lacked: each segment except the client's SYN \
             and some RSTs carries an ACK.",
        )
        .claim(
            format!(
                "Sent again with the same Seq: the SYN after {syn:.0?}, the data after {data:.0?}."
            ),
            !syn.is_zero() && !data.is_zero(),
        )
        .show()?;
    listener.accept()?;
    Ok(())
}

/// Each segment with the server's answer is lost, until the client receives one.
fn a_lost_answer(story: &mut Story, tap: &mut Tap, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    tap.until(end.local, TcpFlags::ACK)?; // not shown: as in lesson `handshake`
    let answer = TcpFlags::PSH | TcpFlags::ACK;
    let servers = end.other().local;
    receives_only(&client, NO_FLAGS)?;
    server.write_all(b"6.824\n")?;
    let mut passed = String::new();
    for _ in 0..TIMES_LOST {
        passed += &tap.until(servers, answer)?;
    }
    let conversation = tap.conversation(end)?.expect("the lesson captures");
    let times = conversation.all_sent(servers, answer);
    let first = times[1] - times[0];
    let second = times[2] - times[1];
    let third = times[3] - times[2];
    story
        .stage("the server has answered a client, whose socket loses every segment")
        .passed(&passed)
        .pair(
            end,
            Established,
            must(Established).send_q(6).timer(Retransmit),
        )
        .timers()
        .why(
            "The server's write has returned Ok. Its kernel resends the answer: at first as a \
             probe (RFC 8985, 7), then when a timer expires. The timer doubles each time (RFC \
             6298, 5.5), on Linux up to 120 s. There the connection times out after 15 minutes or \
             more (ETIMEDOUT; net.ipv4.tcp_retries2).",
        )
        .claim(
            format!(
                "It waited {first:.0?} (the probe), {second:.0?}, then twice that: {third:.0?}."
            ),
            third > second * 3 / 2, // twice, but for a busy machine
        )
        .show()?;

    SockRef::from(&client).detach_filter()?;
    let mut text = [0; 6];
    client.read_exact(&mut text)?;
    story
        .stage("the client's filter is gone, and the client has read the answer")
        .passed(&tap.until(end.local, TcpFlags::ACK)?)
        .pair(
            end,
            must(Established).recv_q(0),
            must(Established).send_q(0),
        )
        .why("Neither program has seen an error. The answer was late.")
        .show()
}
