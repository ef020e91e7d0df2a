//! Your call of connect has returned. What did the two kernels send each other? This lesson
//! captures each segment of one connection, and shows it beside the states of both ends.
//!
//!     cargo run --example handshake
//!     cargo run --example handshake -- --pcap all.pcap --svg all.svg   for Wireshark; as a picture
//!     sudo target/debug/examples/handshake capture --port 1234         segments of any program
//!
//! You will see the handshake and what it agrees on, data that arrives before accept, an ACK that
//! travels with data, and the FINs. You need lesson `echo` before this one, no other. Lesson `loss`
//! shows lost segments and a refusal.
//!
//! New here: segments, as they pass. The lesson captures them in a network namespace (a network
//! that only this process sees), which needs no privileges on most systems.
//!
//! Exercise: `cargo workshop check handshake`

use std::io::{self, Read, Write};
use std::mem::discriminant;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::command;
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*};
use socket2::SockRef;
use wire::capture::{Arguments, Capture, Files, Tap};
use wire::conversation::Conversation;
use wire::segment::{Flags as TcpFlags, TcpOption::Timestamps};

/// The least that the lesson accepts for a delayed ACK, in milliseconds. Linux delays it for 40 ms
/// or more (`TCP_DELACK_MIN`), as its clock counts them: a tick may last 10 ms, so a little less
/// may pass.
const SHORTEST_DELAY: u128 = 25;

fn main() -> ExitCode {
    command::run(|arguments| match arguments {
        Arguments::Capture(port, files) => Capture::on_loopback(Some(port), &files)?.follow(),
        Arguments::Story(story) => one_connection(&story.flags, &story.files),
    })
}

const KEY: &str = "
Each segment is a line, as in Wireshark: the seconds since the first one, its
direction and its flags. Then Seq, the number of its first byte; Ack, the number
of the byte that its sender expects next; Win, the window (how many bytes its
sender has room for); Len, how many bytes of data it carries.";

fn one_connection(flags: &Flags, files: &Files) -> io::Result<()> {
    // A network of the lesson's own (unshare(2)), and a socket that sees its segments (packet(7)).
    let mut tap = Tap::enter(files)?;
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    tap.introduce(&mut story)?;
    if tap.captures() {
        story.tell(KEY)?;
    }
    let client = TcpStream::connect(reachable(listener.local_addr()?))?;
    let end = End::of(&client)?;
    it_opens(&mut story, &mut tap, end)?;
    let server = before_accept(&mut story, &mut tap, &client, &listener)?;
    an_answer(&mut story, &mut tap, &client, &server)?;
    it_closes(&mut story, &mut tap, &client, server)?;
    tap.draw(&mut story)?;
    story.end()
}

fn it_opens(story: &mut Story, tap: &mut Tap, end: End) -> io::Result<()> {
    // Waits for a segment that the client sends with this flag alone. Returns the lines of all
    // segments that have passed so far.
    let mut passed = tap.until(end.local, TcpFlags::ACK)?;
    let opening = tap.conversation(end)?.map(Opening::of);
    if let Some(opening) = &opening {
        passed += &opening.options;
    }
    let mut stage = story
        .stage("a client connects: three segments")
        .passed(&passed)
        .pair(end, Established, Established)
        .why(
            "The numbers count from each end's SYN. (In the segments themselves each end begins \
             with a number that is hard to guess.) Below the segments are the options of the \
             SYNs. MSS: the most data that the peer may send in a segment. If both SYNs have \
             them, the ends also use SACK (an ACK for data after a gap), timestamps (TSval, and \
             TSecr, the peer's last one), and WS (windows count in units of WS bytes).",
        );
    if let Some(opening) = opening {
        stage = stage
            .claim(
                "Each ACK is the number of the peer's SYN, plus one.",
                opening.numbers_are_right,
            )
            .claim(
                "Both SYNs have the same four options, and the third segment has timestamps.",
                opening.options_agree,
            );
    }
    stage.show()
}

/// What the three segments of a handshake say.
struct Opening {
    /// The options of the two SYNs, a line for each.
    options: String,
    numbers_are_right: bool,
    options_agree: bool,
}

impl Opening {
    fn of(conversation: Conversation) -> Opening {
        let syn = &conversation.segments[0];
        let answer = &conversation.segments[1];
        let ack = &conversation.segments[2];
        let after_syn = syn.seq.wrapping_add(1); // after the highest number comes 0
        let after_answer = answer.seq.wrapping_add(1);

        // `discriminant` is which option it is, without its value.
        let offered: Vec<_> = syn.options.iter().map(discriminant).collect();
        let accepted: Vec<_> = answer.options.iter().map(discriminant).collect();
        let only_timestamps = matches!(ack.options[..], [Timestamps { .. }]);
        Opening {
            options: format!(
                "SYN:       {}\nSYN, ACK:  {}\n",
                conversation.options(syn),
                conversation.options(answer)
            ),
            numbers_are_right: answer.ack == after_syn
                && ack.seq == after_syn
                && ack.ack == after_answer,
            options_agree: offered.len() == 4 && offered == accepted && only_timestamps,
        }
    }
}

/// Returns what accept returned.
fn before_accept(
    story: &mut Story,
    tap: &mut Tap,
    mut client: &TcpStream,
    listener: &TcpListener,
) -> io::Result<TcpStream> {
    let end = End::of(client)?;
    client.write_all(b"hello\n")?;
    story
        .stage("data and its ACK; the server has not called accept")
        .asks("What does accept send?")
        .passed(&tap.until(end.other().local, TcpFlags::ACK)?)
        .expect("listener", End::of(listener)?, must(Listen).recv_q(1))
        .pair(
            end,
            must(Established).send_q(0),
            must(Established).recv_q(6),
        )
        .why(
            "The server's kernel opens the connection and takes its data without the program. \
             accept will send nothing: it only takes the connection out of the queue. (PSH asks \
             the receiver's kernel to hand the data on to the program.)",
        )
        .show()?;
    let (mut server, _) = listener.accept()?;
    server.read_exact(&mut [0; 6])?;
    Ok(server)
}

fn an_answer(
    story: &mut Story,
    tap: &mut Tap,
    mut client: &TcpStream,
    mut server: &TcpStream,
) -> io::Result<()> {
    let end = End::of(client)?;
    let before = match tap.conversation(end)? {
        Some(conversation) => conversation.segments.len(), // those that passed before accept
        None => 0,
    };
    let mut passed = String::new();
    // Once is enough, unless the machine is so busy that the ACK is sent before the answer.
    for _ in 0..10 {
        SockRef::from(server).set_tcp_quickack(false)?; // or Linux would not delay the first ACKs
        client.write_all(b"get subject\n")?;
        server.read_exact(&mut [0; 12])?;
        server.write_all(b"6.824\n")?;
        client.read_exact(&mut [0; 6])?;
        passed = tap.until(end.local, TcpFlags::ACK)?;
        if passed.lines().count() == 3 || !tap.captures() {
            break;
        }
    }
    let mut stage = story
        .stage("a question, answered immediately: three segments")
        .passed(&passed)
        .pair(end, must(Established).send_q(0), Established)
        .why(
            "The server's kernel holds its ACK back for a moment, and the answer comes in time to \
             carry it (delayed ACK; RFC 9293, 3.8.6.3). So there is no fourth segment.",
        );
    if let Some(conversation) = tap.conversation(end)? {
        let next = &conversation.segments[before];
        stage = stage
            .claim(
                "accept sent nothing: the next segment was the client's question.",
                next.from == end.local && next.len > 0,
            )
            .claim(
                "The answer carries the ACK of the question.",
                passed.lines().count() == 3,
            );
    }
    stage.show()
}

fn it_closes(
    story: &mut Story,
    tap: &mut Tap,
    client: &TcpStream,
    server: TcpStream,
) -> io::Result<()> {
    let end = End::of(client)?;
    client.shutdown(Shutdown::Write)?;
    let passed = tap.until(end.other().local, TcpFlags::ACK)?;
    let mut stage = story
        .stage("the client shuts down: a FIN, and its ACK")
        .passed(&passed)
        .pair(end, FinWait2, CloseWait)
        .why(
            "The server's kernel delays this ACK too: data or a FIN of the server could carry it. \
             The program sends nothing, so the ACK is sent alone when its timer expires.",
        );
    if let Some(conversation) = tap.conversation(end)? {
        let fin = conversation.last_sent(end.local, TcpFlags::FIN | TcpFlags::ACK);
        let ack = conversation.last_sent(end.other().local, TcpFlags::ACK);
        let delay = ack.saturating_sub(fin).as_millis();
        stage = stage.claim(
            format!("It was sent {delay} ms after the FIN."),
            delay >= SHORTEST_DELAY,
        );
    }
    stage.show()?;

    drop(server);
    let passed = tap.until(end.local, TcpFlags::ACK)?;
    let mut stage = story
        .stage("the server closes: a FIN, and its ACK")
        .passed(&passed)
        .pair(end, time_wait(), gone())
        .why("The last ACK has closed the server's end. The client sent its FIN first: TIME_WAIT.");
    if let Some(conversation) = tap.conversation(end)? {
        stage = stage.claim(
            "In every segment Seq and Ack follow from those before: a SYN and a FIN count as one \
             byte.",
            conversation.adds_up(),
        );
    }
    stage.show()
}
