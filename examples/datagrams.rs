//! You send messages with UDP, every send returns Ok, and some never arrive. UDP keeps messages
//! apart, but the kernel does not say whether one has arrived.
//!
//!     cargo run --example datagrams
//!     cargo run --example datagrams -- --loss 0.5 --seed 7      over a worse link
//!
//! You will see messages with boundaries, cut, dropped and refused; and by hand some of what TCP
//! does: numbers, acknowledgements, retransmission, dropped duplicates.
//!
//! New here: no connection.

use std::io::{self, ErrorKind::*};
use std::net::UdpSocket;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use socket_workshop::link::{Arguments, Quality, arrived};
use socket_workshop::stage::{Story, gone, unconnected};
use socket_workshop::table::{End, Protocol, State::Established};
use socket_workshop::{command, deadline::Deadline, fault::Attempt};
use socket2::SockRef;

fn main() -> ExitCode {
    command::run(|arguments: Arguments| {
        let addr = arguments.flags.listen;
        let bound = UdpSocket::bind(addr); // neither listen nor accept
        let server = bound.attempt_to_listen(addr, Protocol::Udp)?;
        let client = UdpSocket::bind((addr.ip(), 0))?;
        client.connect(server.local_addr()?)?; // sends nothing: sets the address for `send`
        let mut story = Story::begin_with_udp(&arguments.flags, server.local_addr()?)?;
        messages(&mut story, &client, &server)?;
        a_slow_reader(&mut story, &client, &server)?;
        nobody_there(&mut story, &client, server)?;
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
        .stage("bind; the client: bind, connect, four sends, of 3, 0, 5 and 4 bytes")
        .expect("server", End::of(server)?, unconnected().recv_q(12..)) // data plus kernel overhead
        .expect("client", End::of(client)?, Established)
        .why(
            "No handshake: here ESTABLISHED means a socket with a peer. Recv-Q counts memory, not \
              data.",
        )
        .show()?;

    let mut buf = [0; 4];
    let mut came = [0; 4];
    for n in &mut came {
        *n = server.recv(&mut buf)?;
    }
    // 65 535 minus the headers: 8 bytes of UDP and 20 of IPv4.
    let most = 65_527 - 20 * usize::from(client.local_addr()?.is_ipv4());
    client.send(&vec![0; most])?;
    server.recv(&mut [])?; // takes the datagram, and drops its bytes
    let sent = client.send(&vec![0; most + 1]);
    let error = sent.map_err(|error| error.raw_os_error());
    story
        .stage("the server has called recv for each, with room for 4 bytes")
        .expect("server", End::of(server)?, unconnected().recv_q(0))
        .claim(
            "recv returned 3, 0, 4, 4. 0 is an empty message; the end of `three` is lost.",
            came == [3, 0, 4, 4] && buf == *b"four",
        )
        .claim(
            format!("A datagram can have {most} bytes; one more returns EMSGSIZE."),
            error == Err(Some(Errno::EMSGSIZE as i32)),
        )
        .show()
}

fn a_slow_reader(story: &mut Story, client: &UdpSocket, server: &UdpSocket) -> io::Result<()> {
    SockRef::from(server).set_recv_buffer_size(16 << 10)?;
    for _ in 0..64 {
        client.send(&[0; 1024])?; // UDP has no window to wait for
    }
    let came = arrived(server)?.len() as u32; // recv until EAGAIN
    let left = unconnected().recv_q(0).drops(64 - came);
    story
        .stage("64 sends of 1024 bytes, all Ok; then the server read what had arrived")
        .expect("server", End::of(server)?, left)
        .why(
            "The receive buffer had no room for the rest. The kernel counts the drops; no call \
              reports them.",
        )
        .claim(format!("{came} of 64 have arrived."), 0 < came && came < 64)
        .show()
}

fn nobody_there(story: &mut Story, client: &UdpSocket, server: UdpSocket) -> io::Result<()> {
    let end = End::of(&server)?;
    drop(server); // sends nothing
    let first = client.send(b"hello?");
    let second = client.send(b"hello?");
    let other = UdpSocket::bind((end.local.ip(), 0))?; // it has no peer
    let its_first = other.send_to(b"hello?", end.local);
    let its_second = other.send_to(b"hello?", end.local);
    story
        .stage("the server has closed; the client has sent twice")
        .expect("server", end, gone())
        .asks("No socket is bound at the address. What does send return?")
        .why(
            "The first datagram was sent. The kernel answered with an ICMP message (port \
              unreachable), and the next call on this socket returned that error (Linux; the \
              socket is connected).",
        )
        .claim("The first send returned Ok.", first.is_ok())
        .fails("The second send", second, ConnectionRefused)
        .claim(
            "On an unconnected socket (Linux, without IP_RECVERR) both sends return Ok.",
            its_first.is_ok() && its_second.is_ok(),
        )
        .show()
}

fn sent_once(story: &mut Story, quality: &Quality) -> io::Result<()> {
    let (client, server, link) = quality.connected()?;
    for n in 1..=12 {
        client.send(&[n])?;
    }
    let passed = link.end(); // delivers everything still under way
    let came: Vec<u8> = arrived(&server)?.concat();
    let all = came.len() == 12 - passed.lost + passed.repeated;
    story
        .stage("12 messages over a link that may lose, repeat or delay them")
        .expect(
            "receiver",
            End::of(&server)?,
            unconnected().recv_q(0).drops(0),
        )
        .why("Each was sent once. The receiver's socket has dropped none.")
        .claim(
            format!("1 to 12 were sent, {came:?} arrived. {passed}."),
            all && came.is_sorted() == (passed.reordered == 0),
        )
        .show()
}

fn sent_until_acknowledged(story: &mut Story, quality: &Quality) -> io::Result<()> {
    let (client, server, link) = quality.connected()?;
    let receivers = server.local_addr()?;
    let (sent, (came, again)) = thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&server));
        let sent: io::Result<u32> = (1..=20).map(|number| deliver(&client, number)).sum();
        let over = server.send_to(&[], receivers); // not over the link: ends the receiver
        let received = receiver.join().expect("it only receives");
        over?;
        io::Result::Ok((sent?, received?))
    })?;
    let passed = link.end();
    story
        .stage("20 messages over such a link, each resent until it is acknowledged")
        .expect("receiver", End::of(&server)?, unconnected().drops(0))
        .why(&format!("{sent} sends; {again} arrived again. {passed}."))
        .claim(
            "1 to 20 were taken, once each and in order.",
            came.into_iter().eq(1..=20),
        )
        .show()
}

/// Sends a message (here just its number) until it is acknowledged. Returns how often.
fn deliver(socket: &UdpSocket, number: u32) -> io::Result<u32> {
    let mut wait = Duration::from_millis(20); // TCP computes this from round trips (RFC 6298)
    for sent in 1..=16 {
        socket.send(&number.to_be_bytes())?;
        let deadline = Deadline::after(wait); // an old acknowledgement does not extend it
        let mut acknowledged = [0; 4];
        loop {
            match deadline.recv(socket, &mut acknowledged) {
                Ok(_) if acknowledged == number.to_be_bytes() => return Ok(sent),
                Err(error) if error.kind() == TimedOut => break,
                old => drop(old?),
            }
        }
        // Back off: it may have been lost because a buffer was full, and more would not help.
        wait = (2 * wait).min(Duration::from_millis(320));
    }
    Err(io::Error::other("sent 16 times and never acknowledged"))
}

/// Takes each message once, and acknowledges it each time: the last ACK may be lost.
fn receive(socket: &UdpSocket) -> io::Result<(Vec<u32>, usize)> {
    let (mut came, mut again, mut number) = (Vec::new(), 0, [0; 4]);
    while let (4, from) = socket.recv_from(&mut number)? {
        match u32::from_be_bytes(number) {
            next if next as usize == came.len() + 1 => came.push(next),
            _ => again += 1,
        }
        socket.send_to(&number, from)?;
    }
    Ok((came, again)) // we agreed that an empty message is the end: UDP has none
}
