//! Your boot loader loads a kernel with TFTP, and it is slow. TFTP (RFC 1350) sends a file over
//! UDP, one block at a time, and sends a block again until its ACK has arrived. Only then does it
//! send the next one (lock-step).
//!
//!     cargo run --example tftp                        plays both ends, packet by packet
//!     cargo run --example tftp -- serve DIR           terminal 1: a server for real clients
//!     cargo run --example tftp -- get FILE            terminal 2: our client; `put FILE` stores
//!     curl -O tftp://127.0.0.1:8330/FILE              or curl; `-T FILE` stores
//!     tftp -m binary 127.0.0.1 8330 -c get FILE       or tftp-hpa; `put FILE` stores
//!
//! A client reads a file with these packets:
//!
//!     RRQ      the read request: a file's name, and options
//!     OACK     the options that the server agrees to
//!     DATA n   block n of the file; one that is shorter than the others is the last
//!     ACK n    block n has arrived; ACK 0: the OACK has
//!     ERROR    what is wrong; the end that receives it ends its transfer. Error 5 answers a packet
//!              from a wrong port: the end that sends it goes on
//!
//! You will see a new port for each transfer, a block that is sent again, a packet from a wrong
//! port, an ACK that comes twice, and what lock-step costs.
//!
//! New here: all that UDP leaves to the program, in a protocol that real clients speak.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, thread};

use socket_workshop::deadline::Deadline;
use socket_workshop::folder::{Folder, Temporary};
use socket_workshop::listen::reachable;
use socket_workshop::stage::{Flags, Story, gone, unconnected};
use socket_workshop::stop::Stop;
use socket_workshop::table::End;
use socket_workshop::tftp::by_hand::{ByHand, socket_at};
use socket_workshop::tftp::{self, Code, Files, IsAnswer, Line, Packet, Port, program};

/// How long the lesson's server waits for an answer, while you look at a stage. `serve` waits 30 s,
/// and agrees to a timeout of at most 10 s: a silent client must not keep others out.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The file that the server sends: 1 MiB, which is quick even in blocks of 256 bytes.
const NAME: &str = "megabyte";

fn main() -> ExitCode {
    program::play(both_ends, exchange)
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let requests = Port::bind(flags.listen)?; // a UDP socket
    let server = requests.local_addr()?;
    let stop = Stop::new()?;
    let mut story = Story::begin_with_udp(flags, server)?;
    let temporary = Temporary::new()?.also_at_ctrl_c()?; // removed at the end, and at Ctrl-C
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    fs::write(temporary.path().join(NAME), content)?;
    let replace = false; // a file that is there already stays as it is
    let files = Files::new(Folder::open(temporary.path())?, replace).with_patience(PATIENCE);
    thread::scope(|scope| {
        // It has a thread and a socket for each transfer, and prints nothing (`drop`).
        let serving = scope.spawn(|| program::serve(&requests, &files, &stop, exchange, drop));
        let told = the_stages(&mut story, server);
        stop.request(); // after an error, too: `serve` must return
        let served = serving.join().expect("it returns its errors");
        told.and(served.map(drop))
    })?;
    story.end()
}

fn the_stages(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    let mut client = ByHand::new("client", server.ip())?; // prints each packet
    packet_by_packet(story, server, &mut client)?;
    a_lost_ack(story, server, &mut client)?;
    drop(client);
    every_ack_twice(story, server)?;
    what_lock_step_costs(story, server)
}

fn packet_by_packet(story: &mut Story, server: SocketAddr, client: &mut ByHand) -> io::Result<()> {
    let request = Packet::read_request(NAME, 512, 255);
    let bytes = request.to_bytes();
    story.tell(
        "A line for each packet that the client sends (->) or receives (<-). The number is the \
         server's port.",
    )?;
    client.sends(story, server, &request)?;
    story.tell(&format!(
        "The bytes of this packet:\n{}\n2 bytes are the opcode (1: read request). Then come \
         strings, each ended by a 0: the name, the mode (octet: bytes as they are), and options \
         with their values (RFC 2347). tsize=0 asks for the file's size: the OACK has it.",
        bytes.escape_ascii()
    ))?;
    let (_, transfer) = client.socket.peek_from(&mut [0; 4])?; // the address its answer comes from
    story
        .stage("the client has sent its request to the server's port; the answer is unread")
        .expect("server, requests", socket_at(server), unconnected())
        .expect("server, this transfer", socket_at(transfer), unconnected())
        .expect(
            "client",
            End::of(&client.socket)?,
            unconnected().recv_q(1..),
        )
        .asks("The server has one port for requests. From which does it answer?")
        .why(
            "The answer comes from a new socket, with a port for this transfer only. This port and \
             the client's identify the transfer (RFC 1350, section 4: transfer identifiers, TIDs).",
        )
        .show()?;

    story.tell("\nThe transfer goes on. A stranger, another socket, sends an ACK too:")?;
    client.receives(story, "OACK")?;
    client.sends(story, transfer, &Packet::Ack(0))?;
    client.receives(story, "DATA 1, 512 bytes")?;
    let mut stranger = ByHand::new("stranger", server.ip())?;
    stranger.sends(story, transfer, &Packet::Ack(1))?;
    stranger.receives(story, "ERROR 5")?;
    client.sends(story, transfer, &Packet::Ack(1))?;
    client.receives(story, "DATA 2, 512 bytes")?;
    client.sends(story, transfer, &Packet::error(Code::NOT_DEFINED, "enough"))?;
    story
        .stage("the stranger has got an ERROR; then the client's ERROR has ended the transfer")
        .expect("server, this transfer", socket_at(transfer), gone())
        .expect("client", End::of(&client.socket)?, unconnected().recv_q(0))
        .why(
            "The server compares the port that each packet comes from. A packet from another port \
             does not change the transfer. An ERROR from the client's port ends it: the server has \
             closed the socket.",
        )
        .show()
}

fn a_lost_ack(story: &mut Story, server: SocketAddr, client: &mut ByHand) -> io::Result<()> {
    story.tell("\nAnother transfer, timeout 1 s. The client does not acknowledge block 1:")?;
    client.sends(story, server, &Packet::read_request(NAME, 512, 1))?;
    let transfer = client.receives(story, "OACK")?;
    let before = Instant::now();
    client.sends(story, transfer, &Packet::Ack(0))?;
    client.receives(story, "DATA 1, 512 bytes")?;
    client.receives_again(story)?;
    let took = before.elapsed();
    let text = format!("The block came again {took:.1?} after ACK 0.");
    story.claim(&text, took >= Duration::from_secs(1))
}

fn every_ack_twice(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    let client = ByHand::new("client", server.ip())?.socket;
    client.send_to(&Packet::read_request(NAME, 8192, 255).to_bytes(), server)?;
    let mut blocks = Vec::new();
    let mut last_block = 0; // no block yet: ACK 0 is for the OACK
    let mut length = 8192;
    let mut buf = [0; 4 + 8192]; // a DATA packet has a header of 4 bytes
    while length == 8192 {
        let (n, transfer) = client.recv_from(&mut buf)?;
        if let Some(Packet::Data { block, bytes }) = Packet::parse(&buf[..n]) {
            blocks.push(block);
            last_block = block;
            length = bytes.len();
        }
        let ack = Packet::Ack(last_block).to_bytes();
        client.send_to(&ack, transfer)?;
        client.send_to(&ack, transfer)?;
    }
    story
        .stage("a client has received a whole file and sent every ACK twice")
        .expect("client", End::of(&client)?, unconnected().recv_q(0))
        .why(
            "If a server answers every ACK with the next block, a single ACK that comes twice \
             doubles every later block, because the client acknowledges both (RFC 1123, 4.2.3.1). \
             This server ignores the second ACK.",
        )
        .claim(
            format!(
                "{} blocks, the last one empty: it ends the file. Each came once.",
                blocks.len()
            ),
            blocks.into_iter().eq(1..=129) && length == 0,
        )
        .show()
}

fn what_lock_step_costs(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    story.tell(
        "\nLock-step takes a round trip for each block. The same file, the fastest of three times, \
         in blocks of",
    )?;
    let mut times = Vec::new();
    for block_size in [tftp::LARGEST_BLOCK, 512, 256] {
        let mut fetched = program::fetch(reachable(server), NAME, block_size, exchange)?;
        for _ in 0..2 {
            let again = program::fetch(reachable(server), NAME, block_size, exchange)?;
            if again.took < fetched.took {
                fetched = again;
            }
        }
        story.tell(&format!("- {block_size} bytes: {fetched}"))?;
        times.push(fetched.took);
    }
    story.claim("The largest blocks are the fastest.", times[0] < times[2])
}

/// Sends a packet, and sends it again until its answer arrives (lock-step). The server and our own
/// client use it. `line` is one transfer: a socket of its own, and the address of the peer.
/// `is_answer` says whether a packet of the peer's is the answer.
fn exchange(line: &mut Line, packet: &Packet, is_answer: IsAnswer) -> io::Result<()> {
    let mut wait = line.timeout; // with 1 s: 1, 2, 4, 8 s, and so on until the end
    let end = Deadline::after(line.patience);
    while !end.passed() {
        line.send(packet)?;
        let until = Deadline::after(wait).min(end);
        while line.is_readable(until)? {
            let Ok((n, from)) = line.socket.recv_from(&mut line.buf) else {
                continue; // the kernel has dropped it: its checksum was wrong (select(2), BUGS)
            };
            if line.is_stranger(from) {
                line.turn_away(n, from); // sends ERROR 5; the transfer goes on
                continue;
            }
            let Some(received) = Packet::parse(&line.buf[..n]) else {
                continue; // not a packet of TFTP
            };
            if let Packet::Error { code, text } = received {
                return Err(tftp::peers_error(code, &text));
            }
            if is_answer(&received) {
                line.peer = from; // the server's first answer comes from the transfer's port
                line.met = true; // from now on another port is a stranger's
                return Ok(());
            }
            if packet.is_ack() && received.wants_ack() {
                // What our ACK acknowledges has come again: the ACK may be lost or late.
                line.send(packet)?;
            }
            // Anything else, such as an ACK that comes twice, changes nothing.
        }
        wait *= 2; // the network or the peer may be slow: more packets would not help
    }
    let text = format!("{} has not answered {packet}", line.peer);
    Err(io::Error::new(ErrorKind::TimedOut, text))
}
