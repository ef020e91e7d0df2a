//! You send messages with UDP, every send returns Ok, and some never arrive. UDP sends datagrams
//! (messages that are kept apart). The kernel does not say whether one has arrived.
//!
//!     cargo run --example datagrams
//!     cargo run --example datagrams -- --loss 0.5 --seed 7      loses half in stages 5 and 6
//!
//! You will see datagrams that are cut, dropped and refused. Then you will see some of what TCP
//! does for a program, done by hand: numbers, acknowledgments, sending again, and dropping what
//! has come twice.
//!
//! New here: sockets without a connection. There is no listen, no accept and no end of file.

use std::cmp::Ordering;
use std::io::{self, ErrorKind::*};
use std::net::UdpSocket;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use socket_workshop::command;
use socket_workshop::deadline::Deadline;
use socket_workshop::fault::Attempt;
use socket_workshop::link::{Arguments, Quality, all_arrived, arrived};
use socket_workshop::peer::{wait_ready, wait_until};
use socket_workshop::stage::{Story, gone, unconnected};
use socket_workshop::table::{End, Kernel, Protocol, State::Established};
use socket2::SockRef;

fn main() -> ExitCode {
    command::run(|arguments: Arguments| {
        let addr = arguments.flags.listen;
        let bound = UdpSocket::bind(addr);
        let server = bound.attempt_to_listen(addr, Protocol::Udp)?; // names the address if it fails
        let client = UdpSocket::bind((addr.ip(), 0))?;
        client.connect(server.local_addr()?)?; // sends nothing: `send` sends to this peer
        let mut story = Story::begin_with_udp(&arguments.flags, server.local_addr()?)?;
        messages(&mut story, &client, &server)?;
        a_slow_reader(&mut story, &client, &server)?;
        nobody_there(&mut story, client, server)?;
        sent_once(&mut story, &arguments.quality)?;
        sent_until_acknowledged(&mut story, &arguments.quality)?;
        story.end()
    })
}

fn messages(story: &mut Story, client: &UdpSocket, server: &UdpSocket) -> io::Result<()> {
    for message in ["one", "", "three", "four"] {
        client.send(message.as_bytes())?;
    }
    story
        .stage("the client has sent `one`, an empty message, `three` and `four`")
        .expect("server", End::of(server)?, unconnected().recv_q(12..)) // it has no peer
        .expect("client", End::of(client)?, Established)
        .why(
            "There was no handshake: ESTABLISHED means here that the socket has a peer. The \
             server's socket has none, and no state. Recv-Q counts the memory that the four \
             datagrams take: their 12 bytes, and the kernel's own data.",
        )
        .show()?;

    let mut buf = [0; 4];
    let mut sizes = [0; 4];
    for size in &mut sizes {
        *size = server.recv(&mut buf)?; // takes one datagram
    }
    // 65 535 less the headers: 8 bytes of UDP, and 20 of IPv4. (IPv6 does not count its own.)
    let most = 65_527 - 20 * usize::from(client.local_addr()?.is_ipv4());
    client.send(&vec![0; most])?;
    server.recv(&mut [])?; // takes the datagram, and drops its bytes
    let too_long = client.send(&vec![0; most + 1]);
    let error = too_long.err().and_then(|error| error.raw_os_error());
    story
        .stage("the server has called recv four times, with room for 4 bytes")
        .expect("server", End::of(server)?, unconnected().recv_q(0))
        .why("Each recv takes one datagram. Bytes for which its buffer has no room are lost.")
        .claim(
            "recv returned 3, 0, 4 and 4. The 0 is an empty message, not an end of file.",
            sizes == [3, 0, 4, 4] && buf == *b"four",
        )
        .claim(
            format!("A datagram has room for {most} bytes. To send one byte more gave EMSGSIZE."),
            error == Some(Errno::EMSGSIZE as i32),
        )
        .show()
}

fn a_slow_reader(story: &mut Story, client: &UdpSocket, server: &UdpSocket) -> io::Result<()> {
    SockRef::from(server).set_recv_buffer_size(16 << 10)?;
    for _ in 0..64 {
        client.send(&[0; 1024])?; // does not wait for the server: UDP has no window
    }
    let end = End::of(server)?;
    wait_until(end, |row| row.is_some_and(|row| row.drops != Some(0)))?; // until it is full
    let came = all_but_the_dropped(server, end)?;
    let left = unconnected().recv_q(0).drops(64 - came);
    story
        .stage("64 sends of 1024 bytes, all Ok; then the server has read what had arrived")
        .expect("server", end, left)
        .why(
            "The receive buffer was full, so the kernel dropped the later datagrams. It counts \
             them (drops), but neither send nor recv reports that. (With the option SO_RXQ_OVFL, \
             Linux reports their number in a later recvmsg, a recv that returns more than the \
             data: socket(7).)",
        )
        .claim(format!("{came} of 64 have arrived."), 0 < came && came < 64)
        .show()
}

/// Receives until each of the 64 datagrams is received or dropped. Returns how many it received.
fn all_but_the_dropped(server: &UdpSocket, end: End) -> io::Result<u32> {
    let Ok(mut kernel) = Kernel::open() else {
        return Ok(arrived(server)?.len() as u32); // no table here
    };
    let mut came = 0;
    let look = || {
        came += arrived(server)?.len() as u32; // recv until EAGAIN
        let dropped = kernel.row(end)?.and_then(|row| row.drops);
        Ok((came + dropped.unwrap_or(64) >= 64).then_some(()))
    };
    Deadline::after(Duration::from_secs(5)).wait_for(look)?; // else the stage fails
    Ok(came)
}

fn nobody_there(story: &mut Story, client: UdpSocket, server: UdpSocket) -> io::Result<()> {
    let end = End::of(&server)?;
    drop(server); // sends nothing
    let first = client.send(b"hello?");
    // Until the answer has arrived. poll reports an error (POLLERR) without being asked.
    wait_ready(&client, PollFlags::empty(), Duration::from_secs(5))?;
    let second = client.send(b"hello?");
    let other = UdpSocket::bind((end.local.ip(), 0))?; // it has no peer
    let its_first = other.send_to(b"hello?", end.local);
    let its_second = other.send_to(b"hello?", end.local);
    story
        .stage("the server has closed; the client has sent twice")
        .expect("server", end, gone())
        .asks("No socket is bound at the address. What does send return?")
        .why(
            "The first send only sends. The kernel that gets the datagram answers: port \
             unreachable (a message of ICMP, the protocol in which IP reports errors). Linux \
             reports that to the next call on a socket with a peer.",
        )
        .claim("The first send returned Ok.", first.is_ok())
        .fails("The second send", second, ConnectionRefused)
        .claim(
            "On a socket without a peer both sends returned Ok (Linux; see IP_RECVERR in ip(7)).",
            its_first.is_ok() && its_second.is_ok(),
        )
        .show()
}

/// The link is a thread between client and server. It loses, repeats and delays datagrams, which
/// loopback does not do.
fn sent_once(story: &mut Story, quality: &Quality) -> io::Result<()> {
    let (client, server, link) = quality.connected()?;
    for n in 1..=12 {
        client.send(&[n])?;
    }
    let passed = link.end_after(12); // when it has taken all 12
    let expected = 12 - passed.lost + passed.repeated;
    let came: Vec<u8> = all_arrived(&server, expected)?.concat();
    let all = came.len() == expected;
    let in_order = passed.reordered == 0;
    story
        .stage("12 messages over a link that may lose, repeat or delay them")
        .expect(
            "receiver",
            End::of(&server)?,
            unconnected().recv_q(0).drops(0),
        )
        .why(
            "The link is a thread of this lesson, between the two sockets. The receiver's socket \
             itself has dropped none.",
        )
        .claim(
            format!("1 to 12 were sent, {came:?} arrived. {passed}."),
            // A thread that changes its CPU may change the order, too.
            all && (in_order || !came.is_sorted()),
        )
        .show()
}

fn sent_until_acknowledged(story: &mut Story, quality: &Quality) -> io::Result<()> {
    let (client, server, link) = quality.connected()?;
    let servers_addr = server.local_addr()?;
    server.set_read_timeout(Some(Duration::from_secs(30)))?; // the receiver ends, whatever happens
    let (sends, received) = thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&server));
        let sends = deliver_all(&client);
        let end = server.send_to(&[], servers_addr); // not over the link: ends the receiver
        let received = receiver.join().expect("it only receives");
        end?;
        Ok::<_, io::Error>((sends?, received?))
    })?;
    let again = received.again;
    let acks = received.messages.len() + again; // one for each datagram that it received
    let passed = link.end_after(sends as usize + acks);
    story
        .stage("20 messages over such a link, each sent again until it is acknowledged")
        .expect("receiver", End::of(&server)?, unconnected().drops(0))
        .why(&format!(
            "The client sent {sends} times. {again} datagrams brought a message that the receiver \
             had already. {passed}, messages and ACKs together."
        ))
        .claim(
            "The receiver has taken 1 to 20, once each and in order.",
            received.messages.into_iter().eq(1..=20),
        )
        .show()
}

/// Sends 20 messages, each of them just its number. Returns how many sends that took.
fn deliver_all(socket: &UdpSocket) -> io::Result<u32> {
    let mut sends = 0;
    for number in 1..=20 {
        sends += deliver(socket, number)?; // the next one only when this one is acknowledged
    }
    Ok(sends)
}

/// Sends a message until it is acknowledged. Returns how many sends that took.
fn deliver(socket: &UdpSocket, number: u32) -> io::Result<u32> {
    let mut wait = Duration::from_millis(20); // TCP computes this from round trips (RFC 6298)
    for sends in 1..=16 {
        socket.send(&number.to_be_bytes())?;
        let deadline = Deadline::after(wait);
        let mut acknowledged = [0; 4];
        loop {
            match deadline.recv(socket, &mut acknowledged) {
                Ok(_) if acknowledged == number.to_be_bytes() => return Ok(sends),
                Ok(_) => {} // of an earlier message: it does not extend the deadline
                Err(error) if error.kind() == TimedOut => break,
                Err(error) => return Err(error),
            }
        }
        // Back off: if a full buffer is the reason for the loss, more datagrams make it worse.
        wait = (2 * wait).min(Duration::from_millis(320));
    }
    Err(io::Error::other("sent 16 times and never acknowledged"))
}

/// What the receiver has taken.
struct Received {
    messages: Vec<u32>,
    /// How many datagrams brought a message that it had already.
    again: usize,
}

/// Takes each message once. Acknowledges it each time that it comes: the ACK before may be lost.
fn receive(socket: &UdpSocket) -> io::Result<Received> {
    let mut received = Received {
        messages: Vec::new(),
        again: 0,
    };
    let mut bytes = [0; 4];
    loop {
        let (n, from) = socket.recv_from(&mut bytes)?;
        if n == 0 {
            return Ok(received); // an empty message is the end here: UDP itself has none
        }
        if n < bytes.len() {
            continue; // not a number
        }
        let number = u32::from_be_bytes(bytes);
        let expected = received.messages.len() as u32 + 1;
        match number.cmp(&expected) {
            Ordering::Equal => received.messages.push(number),
            Ordering::Less => received.again += 1,
            Ordering::Greater => continue, // too early: an ACK would say that it has been taken
        }
        socket.send_to(&bytes, from)?; // the ACK: the number
    }
}
