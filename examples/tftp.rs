//! Your boot loader loads a kernel with TFTP, and it is slow. TFTP (RFC 1350) sends a file over
//! UDP, one block at a time, and resends each block until its ACK arrives.
//!
//!     cargo run --example tftp                        plays both ends, packet by packet
//!     cargo run --example tftp -- serve DIR           terminal 1: a server for real clients
//!     curl -O tftp://127.0.0.1:8330/FILE              terminal 2: a client (`-T FILE` stores), or
//!     tftp -m binary 127.0.0.1 8330 -c get FILE       tftp-hpa (`put FILE`), or our own:
//!     cargo run --example tftp -- get FILE            `put FILE`
//!
//! You will see the new port that each transfer gets, a block that is resent, a packet from a
//! wrong port, what a duplicate ACK must not cause, and what lock-step costs.
//!
//! New here: everything that UDP leaves to the program, in a protocol that real clients speak.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, thread};

use socket_workshop::folder::{Folder, Temporary};
use socket_workshop::stage::{Flags, Story, gone, unconnected};
use socket_workshop::tftp::by_hand::{ByHand, socket_at};
use socket_workshop::tftp::{self, Code, Files, IsAnswer, Line, Packet, Port, program};
use socket_workshop::{deadline::Deadline, listen::reachable, stop::Stop, table::End};

/// How long the lesson's server waits for an answer, while you look at a stage. `serve` waits 30 s,
/// and agrees to a timeout of at most 10 s: a silent client must not keep others out.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The file that the server sends: 1 MiB, which is quick even in blocks of 256 bytes.
const NAME: &str = "megabyte";

const PARTS: &str = "are its bytes: an opcode, then strings: a name, a mode, and options with \
their values (RFC 2347). tsize=0 asks for the file's size; the OACK gives it, and the agreed \
options.";

fn main() -> ExitCode {
    program::play(both_ends, exchange)
}

/// Sends a packet, and resends it until the answer arrives. Only one packet is ever under way.
fn exchange(line: &mut Line, packet: &Packet, is_answer: IsAnswer) -> io::Result<()> {
    let mut wait = line.timeout; // with 1 s: 1, 2, 4, 8 s, and so on until the end
    let end = Deadline::after(line.patience);
    while !end.passed() {
        line.send(packet)?;
        let until = Deadline::after(wait).min(end);
        while line.is_readable(until)? {
            let Ok((n, from)) = line.socket.recv_from(&mut line.buf) else {
                continue; // poll reported a datagram whose checksum was wrong (select(2), BUGS)
            };
            if line.is_stranger(from) {
                line.turn_away(n, from); // sends ERROR 5; the transfer is not affected
                continue;
            }
            match Packet::parse(&line.buf[..n]) {
                Some(Packet::Error { code, text }) => return Err(tftp::peers_error(code, &text)),
                Some(heard) if is_answer(&heard) => {
                    (line.peer, line.met) = (from, true); // the source port is the peer's TID
                    return Ok(());
                }
                // The block we acknowledged arrives again: our ACK may be lost.
                Some(heard) if packet.is_ack() && heard.wants_ack() => line.send(packet)?,
                // A duplicate ACK 1 must not resend block 2: then all later blocks go twice (RFC
                // 1123, 4.2.3.1).
                _ => {}
            }
        }
        wait *= 2; // the network or the peer may be slow: more packets would not help
    }
    let text = format!("{} has not answered {packet}", line.peer);
    Err(io::Error::new(ErrorKind::TimedOut, text))
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let port = Port::bind(flags.listen)?;
    let server = port.local_addr()?;
    let stop = Stop::new()?;
    let mut story = Story::begin_with_udp(flags, server)?;
    let temporary = Temporary::new()?.also_at_ctrl_c()?;
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    fs::write(temporary.path().join(NAME), content)?;
    let files = Files::new(Folder::open(temporary.path())?, false).with_patience(PATIENCE);
    thread::scope(|scope| {
        scope.spawn(|| program::serve(&port, &files, &stop, exchange, drop));
        let told = all_parts(&mut story, server);
        stop.request(); // also after an error: `serve` must return
        told
    })?;
    story.end()
}

fn all_parts(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    packet_by_packet(story, server)?;
    every_ack_twice(story, server)?;
    what_lock_step_costs(story, server)
}

fn packet_by_packet(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    let mut client = ByHand::new("client", server.ip())?;
    let request = Packet::read_request(NAME, 512, 255);
    client.says(story, server, &request)?;
    story.tell(&format!("{}\n{PARTS}", request.to_bytes().escape_ascii()))?;
    let (_, transfer) = client.socket.peek_from(&mut [0; 4])?; // the address its answer comes from
    story
        .stage("the client has sent its request to the server's port; the answer is unread")
        .expect("server", socket_at(server), unconnected())
        .expect("server's end", socket_at(transfer), unconnected())
        .expect(
            "client",
            End::of(&client.socket)?,
            unconnected().recv_q(1..),
        )
        .asks("The server listens at one port. From which does it answer?")
        .why(
            "A new socket for each transfer: its two port numbers identify it (TIDs, RFC 1350, \
              section 4).",
        )
        .show()?;
    client.receives(story, "OACK")?;
    client.says(story, transfer, &Packet::Ack(0))?;
    client.receives(story, "DATA 1, 512 bytes")?;
    let mut stranger = ByHand::new("stranger", server.ip())?;
    stranger.says(story, transfer, &Packet::Ack(1))?;
    stranger.receives(story, "ERROR 5")?;
    client.says(story, transfer, &Packet::Ack(1))?;
    client.receives(story, "DATA 2, 512 bytes")?;
    client.says(story, transfer, &Packet::error(Code::NOT_DEFINED, "enough"))?;
    story
        .stage("a packet from a wrong port changed nothing; the client's ERROR ended it")
        .expect("server's end", socket_at(transfer), gone())
        .expect("client", End::of(&client.socket)?, unconnected().recv_q(0))
        .show()?;
    story.tell(
        "\nAnother transfer, with the shortest timeout, and an ACK that the client does not send:",
    )?;
    client.says(story, server, &Packet::read_request(NAME, 512, 1))?;
    let transfer = client.receives(story, "OACK")?;
    let before = Instant::now();
    client.says(story, transfer, &Packet::Ack(0))?;
    client.receives(story, "DATA 1, 512 bytes")?;
    client.receives_it_again(story)?; // because no ACK was sent
    let took = before.elapsed();
    let text = format!("The block arrived again {took:.1?} after ACK 0.");
    story.claim(&text, took >= Duration::from_secs(1))
}

fn every_ack_twice(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    let client = ByHand::new("client", server.ip())?.socket;
    client.send_to(&Packet::read_request(NAME, 8192, 255).to_bytes(), server)?;
    let mut blocks = Vec::new();
    let mut acked = 0;
    let mut len = 8192;
    let mut buf = [0; 8196];
    while len == 8192 {
        let (n, transfer) = client.recv_from(&mut buf)?;
        if let Some(Packet::Data { block, bytes }) = Packet::parse(&buf[..n]) {
            blocks.push(block);
            (acked, len) = (block, bytes.len());
        }
        let ack = Packet::Ack(acked).to_bytes();
        client.send_to(&ack, transfer)?;
        client.send_to(&ack, transfer)?;
    }
    story
        .stage("a client has received a whole file and sent every ACK twice")
        .expect("client", End::of(&client)?, unconnected().recv_q(0))
        .claim(
            format!("{} blocks, and each arrived once.", blocks.len()),
            blocks.into_iter().eq(1..=acked),
        )
        .show()
}

fn what_lock_step_costs(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    story.tell("\nOne block per round trip: the same file, as fast as possible, in blocks of")?;
    let mut times = Vec::new();
    for block_size in [tftp::LARGEST_BLOCK, 512, 256] {
        let fetched = program::fetch(reachable(server), NAME, block_size, exchange)?;
        story.tell(&format!("- {block_size} bytes: {fetched}"))?;
        times.push(fetched.took);
    }
    story.claim("The largest blocks are the fastest.", times[0] < times[2])
}
