//! TFTP (RFC 1350): a file over UDP in lock-step, each block sent again until its ACK comes.
//!
//!     cargo run --example tftp                        both ends, packet by packet
//!     cargo run --example tftp -- serve DIR           terminal 1: a server for real clients
//!     curl -O tftp://127.0.0.1:8330/FILE              terminal 2: one of them (`-T FILE` stores), or
//!     tftp -m binary 127.0.0.1 8330 -c get FILE       tftp-hpa (`put FILE`), or our own:
//!     cargo run --example tftp -- get FILE            `put FILE`
//!
//! You will see the port that a transfer gets of its own, a block that is sent again, a stranger who is
//! told so, what an ACK must not do when it comes twice, and what lock-step costs. New since
//! `datagrams`: all that UDP leaves to the program, in a protocol that others speak.

use std::io::{self, ErrorKind};
use std::{fs, net::SocketAddr, process::ExitCode, thread, time::Duration, time::Instant};

use socket_workshop::folder::{Folder, Temporary};
use socket_workshop::stage::{Flags, Story, gone, unconnected};
use socket_workshop::tftp::by_hand::{ByHand, socket_at};
use socket_workshop::tftp::{self, Code, Files, IsAnswer, Line, Packet, program};
use socket_workshop::{deadline::Deadline, listen::reachable, stop::Stop, table::End};

const TRIES: u32 = 5; // with a timeout of 1 s: 1, 2, 4, 8 and 16 s, and the peer is given up

/// The file that the server hands out: 1 MiB, so that even 256 bytes at a time are soon over.
const NAME: &str = "megabyte";

const PARTS: &str = "are its bytes: an opcode, and strings, which are a name, a mode, and options with \
their values (RFC 2347). tsize=0 asks how long the file is; an OACK says so, and what is agreed.";

fn main() -> ExitCode {
    program::play(both_ends, exchange)
}

/// Sends a packet, and again until its answer comes; one packet is on its way, never two.
fn exchange(line: &mut Line, packet: &Packet, is_answer: IsAnswer) -> io::Result<()> {
    let mut patience = line.timeout;
    for _ in 0..TRIES {
        line.send(packet)?;
        let until = Deadline::after(patience);
        while line.is_readable(until)? {
            let Ok((n, from)) = line.socket.recv_from(&mut line.buf) else {
                continue; // poll spoke of a datagram whose checksum was wrong (select(2), BUGS)
            };
            if line.is_stranger(from) {
                line.turn_away(n, from); // by an ERROR 5; the transfer does not notice
                continue;
            }
            match Packet::parse(&line.buf[..n]) {
                Some(Packet::Error { code, text }) => return Err(tftp::peers_error(code, &text)),
                Some(heard) if is_answer(&heard) => {
                    (line.peer, line.met) = (from, true); // the port it came from is the peer's TID
                    return Ok(());
                }
                // What our ACK was for comes again: the ACK may be lost.
                Some(heard) if packet.is_ack() && heard.wants_ack() => line.send(packet)?,
                // A second ACK 1 must not send block 2 again: all later go twice too (RFC 1123, 4.2.3.1).
                _ => {}
            }
        }
        patience *= 2; // it may be the way that is slow, or the peer: more packets would not help
    }
    let text = format!("{} has not answered {packet}", line.peer);
    Err(io::Error::new(ErrorKind::TimedOut, text))
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let port = program::bind(flags.listen)?;
    let (server, stop) = (port.local_addr()?, Stop::new()?);
    let mut story = Story::begin_with_udp(flags, server)?;
    let temporary = Temporary::new()?.also_at_ctrl_c()?;
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    fs::write(temporary.path().join(NAME), content)?;
    let files = Files::new(Folder::open(temporary.path())?, false);
    thread::scope(|scope| {
        scope.spawn(|| program::serve(&port, &files, &stop, exchange, drop));
        let told = packet_by_packet(&mut story, server)
            .and_then(|()| every_ack_twice(&mut story, server))
            .and_then(|()| what_lock_step_costs(&mut story, server));
        stop.request();
        told
    })?;
    story.end()
}

fn packet_by_packet(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    let mut client = ByHand::new("client", server.ip())?;
    let request = Packet::read_request(NAME, 512, 255);
    client.says(story, server, &request)?;
    story.tell(&format!("{}\n{PARTS}", request.to_bytes().escape_ascii()))?;
    let (_, transfer) = client.socket.peek_from(&mut [0; 4])?; // where its answer comes from
    let its_end = SocketAddr::new(server.ip(), transfer.port());
    story
        .stage("the client has asked at the server's port, and not read the answer yet")
        .expect("server", socket_at(server), unconnected())
        .expect("server's end", socket_at(its_end), unconnected())
        .expect("client", End::of(&client.socket)?, unconnected().recv_q(1..))
        .why("A socket for each transfer: the ports of its two ends are its name (TIDs, RFC 1350, 4).")
        .show()?;
    client.hears(story, "OACK")?;
    client.says(story, transfer, &Packet::Ack(0))?;
    client.hears(story, "DATA 1, 512 bytes")?;
    let mut stranger = ByHand::new("stranger", server.ip())?;
    stranger.says(story, transfer, &Packet::Ack(1))?;
    stranger.hears(story, "ERROR 5")?;
    client.says(story, transfer, &Packet::Ack(1))?;
    client.hears(story, "DATA 2, 512 bytes")?;
    client.says(story, transfer, &Packet::error(Code::NOT_DEFINED, "enough"))?;
    story
        .stage("a stranger has moved nothing, and the client has ended the transfer by an ERROR")
        .expect("server's end", socket_at(its_end), gone())
        .expect("client", End::of(&client.socket)?, unconnected().recv_q(0))
        .show()?;
    story.tell("\nAnother transfer, with the shortest timeout, and an ACK that is not sent:")?;
    client.says(story, server, &Packet::read_request(NAME, 512, 1))?;
    let transfer = client.hears(story, "OACK")?;
    let before = Instant::now();
    client.says(story, transfer, &Packet::Ack(0))?;
    client.hears(story, "DATA 1, 512 bytes")?;
    client.hears_it_again(story)?; // for want of an ACK
    let took = before.elapsed();
    let text = format!("The block came again, {took:.1?} after ACK 0.");
    story.claim(&text, took >= Duration::from_secs(1))
}

fn every_ack_twice(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    let client = ByHand::new("client", server.ip())?.socket;
    client.send_to(&Packet::read_request(NAME, 8192, 255).to_bytes(), server)?;
    let (mut blocks, mut acked, mut len) = (Vec::new(), 0, 8192);
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
        .stage("a client has received a whole file, and sent every ACK twice")
        .expect("client", End::of(&client)?, unconnected().recv_q(0))
        .show()?;
    let text = format!("{} blocks, and each came once.", blocks.len());
    story.claim(&text, blocks.into_iter().eq(1..=acked))
}

fn what_lock_step_costs(story: &mut Story, server: SocketAddr) -> io::Result<()> {
    story.tell("\nA block for each round trip: the file again, as fast as it goes in blocks of")?;
    let mut times = Vec::new();
    for block_size in [tftp::LARGEST_BLOCK, 512, 256] {
        let fetched = program::fetch(reachable(server), NAME, block_size, exchange)?;
        story.tell(&format!("- {block_size} bytes: {fetched}"))?;
        times.push(fetched.took);
    }
    story.claim("So the largest are the fastest.", times[0] < times[2])
}
