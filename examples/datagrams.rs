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
use std::{net::UdpSocket, process::ExitCode, thread, time::Duration};

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
    let mut recv = || server.recv(&mut buf);
    let came = [recv()?, recv()?, recv()?, recv()?];
    let text = "Four recvs into 4 bytes: 3, 0, 4, 4. 0 is an empty message; the fifth byte of \
                `three` is lost.";
    story.claim(text, came == [3, 0, 4, 4] && buf == *b"four")?;
    // 65 535 minus the headers: 8 bytes of UDP and 20 of IPv4.
    let most = 65_527 - 20 * usize::from(client.local_addr()?.is_ipv4());
    client.send(&vec![0; most])?;
    let sent = client.send(&vec![0; most + 1]);
    let error = sent.map_err(|error| error.raw_os_error());
    let text = format!("A datagram can have {most} bytes; one more returns EMSGSIZE.");
    story.claim(&text, error == Err(Some(Errno::EMSGSIZE as i32)))?;
    server.recv(&mut []).map(drop)
}

fn a_slow_reader(story: &mut Story, client: &UdpSocket, server: &UdpSocket) -> io::Result<()> {
    SockRef::from(server).set_recv_buffer_size(16 << 10)?;
    (0..64).try_for_each(|_| client.send(&[0; 1024]).map(drop))?; // UDP has no window to wait for
    let came = arrived(server)?.len() as u32; // recv until EAGAIN
    let left = unconnected().recv_q(0).drops(64 - came);
    story
        .stage("64 sends of 1024 bytes, all Ok; then the server reads what has arrived")
        .expect("server", End::of(server)?, left)
        .why(
            "The receive buffer had no room for the rest. The kernel counts the drops; no call \
              reports them.",
        )
        .show()?;
    story.claim(
        &format!("{came} of 64 have arrived."),
        0 < came && came < 64,
    )
}

fn nobody_there(story: &mut Story, client: &UdpSocket, server: UdpSocket) -> io::Result<()> {
    let end = End::of(&server)?;
    drop(server); // sends nothing
    story
        .stage("the server has closed")
        .expect("server", end, gone())
        .show()?;
    // Ok: it is sent. An ICMP message comes back, and the next call on this socket returns that
    // error (Linux; the socket is connected).
    client.send(b"hello?")?;
    story.fails("The second send", client.send(b"hello?"), ConnectionRefused)?;
    let other = UdpSocket::bind((end.local.ip(), 0))?;
    let sends = [1, 2].map(|_| other.send_to(b"hello?", end.local).is_ok());
    story.claim(
        "On an unconnected socket (Linux, without IP_RECVERR) both sends return Ok.",
        sends == [true; 2],
    )
}

fn sent_once(story: &mut Story, quality: &Quality) -> io::Result<()> {
    let (client, server, link) = quality.connected()?;
    (1..=12).try_for_each(|n| client.send(&[n]).map(drop))?;
    let passed = link.end(); // delivers everything still under way
    let came: Vec<u8> = arrived(&server)?.concat();
    let text = format!("\nOver a lossy link: 1 to 12 were sent, {came:?} arrived. {passed}.");
    let all = came.len() == 12 - passed.lost + passed.repeated;
    story.claim(&text, all && came.is_sorted() == (passed.reordered == 0))
}

fn sent_until_acknowledged(story: &mut Story, quality: &Quality) -> io::Result<()> {
    let (client, server, link) = quality.connected()?;
    let receivers = server.local_addr()?;
    let (sent, received) = thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&server));
        let sent: io::Result<u32> = (1..=20).map(|number| deliver(&client, number)).sum();
        let over = server.send_to(&[], receivers); // not over the link
        (over.and(sent), receiver.join().expect("it only receives"))
    });
    let (sent, (came, again)) = (sent?, received?);
    story
        .stage("20 messages over the same link, each resent until it is acknowledged")
        .expect("receiver", End::of(&server)?, unconnected().drops(0))
        .show()?;
    let passed = link.end();
    story.tell(&format!("{sent} sends; {again} arrived again. {passed}."))?;
    let all = came.into_iter().eq(1..=20);
    story.claim("1 to 20 arrived, once each and in order.", all)
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
