//! UDP: a datagram is a message, and nobody says whether it has arrived.
//!
//!     cargo run --example datagrams
//!     cargo run --example datagrams -- --loss 0.5 --seed 7      over a worse link
//!
//! You will see messages kept apart, cut, dropped and refused; and, by hand, some of what TCP does:
//! number, acknowledge, send again, drop what comes twice. New since `transfer`: no connection.

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
        let bound = UdpSocket::bind(addr); // no listen, and no accept later
        let server = bound.attempt_to_listen(addr, Protocol::Udp)?;
        let client = UdpSocket::bind((addr.ip(), 0))?;
        client.connect(server.local_addr()?)?; // sends nothing: notes who is meant by `send`
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
        .expect("server", End::of(server)?, unconnected().recv_q(12..)) // and the kernel's own
        .expect("client", End::of(client)?, Established)
        .why("No handshake: ESTABLISHED is a socket with a peer. Recv-Q counts memory, not data.")
        .show()?;
    let mut buf = [0; 4];
    let mut recv = || server.recv(&mut buf);
    let came = [recv()?, recv()?, recv()?, recv()?];
    let text = "Four recvs into 4 bytes: 3, 0, 4, 4. 0 is no end of file; the rest of 5 is lost.";
    story.claim(text, came == [3, 0, 4, 4] && buf == *b"four")?;
    // 65 535 but for the headers that count: UDP's 8 bytes, and 20 of IPv4.
    let most = 65_527 - 20 * usize::from(client.local_addr()?.is_ipv4());
    client.send(&vec![0; most])?;
    let sent = client.send(&vec![0; most + 1]);
    let error = sent.map_err(|error| error.raw_os_error());
    let text = format!("{most} bytes can be sent; one more gives EMSGSIZE.");
    story.claim(&text, error == Err(Some(Errno::EMSGSIZE as i32)))?;
    server.recv(&mut []).map(drop)
}

fn a_slow_reader(story: &mut Story, client: &UdpSocket, server: &UdpSocket) -> io::Result<()> {
    SockRef::from(server).set_recv_buffer_size(16 << 10)?;
    (0..64).try_for_each(|_| client.send(&[0; 1024]).map(drop))?; // no window to wait for
    let came = arrived(server)?.len() as u32; // recv until EAGAIN
    let left = unconnected().recv_q(0).drops(64 - came);
    story
        .stage("64 sends of 1024 bytes, all Ok; then the server reads all there is")
        .expect("server", End::of(server)?, left)
        .why("The receive buffer had no room for the rest. The kernel counts it and tells nobody.")
        .show()?;
    story.claim(&format!("{came} have come."), 0 < came && came < 64)
}

fn nobody_there(story: &mut Story, client: &UdpSocket, server: UdpSocket) -> io::Result<()> {
    let end = End::of(&server)?;
    drop(server); // sends nothing
    story
        .stage("the server has closed")
        .expect("server", end, gone())
        .show()?;
    // Ok: it has left. An ICMP message comes back, and the next call is told: port unreachable.
    client.send(b"hello?")?;
    story.fails("The second send", client.send(b"hello?"), ConnectionRefused)?;
    let other = UdpSocket::bind((end.local.ip(), 0))?;
    let sends = [1, 2].map(|_| other.send_to(b"hello?", end.local).is_ok());
    story.claim("An unconnected socket is told nothing.", sends == [true; 2])
}

fn sent_once(story: &mut Story, quality: &Quality) -> io::Result<()> {
    let (client, server, link) = quality.connected()?;
    (1..=12).try_for_each(|n| client.send(&[n]).map(drop))?;
    let passed = link.end(); // has let through all that was under way
    let came: Vec<u8> = arrived(&server)?.concat();
    let text = format!("\nOver a link: 1 to 12 were sent, {came:?} have come. {passed}.");
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
        .stage("20 messages over such a link, each sent until it was acknowledged")
        .expect("receiver", End::of(&server)?, unconnected().drops(0))
        .show()?;
    let passed = link.end();
    story.tell(&format!("{sent} sends; {again} came again. {passed}."))?;
    let all = came.into_iter().eq(1..=20);
    story.claim("1 to 20 have come, once each and in order.", all)
}

/// Sends a message, here its number alone, until it is acknowledged. Returns how often.
fn deliver(socket: &UdpSocket, number: u32) -> io::Result<u32> {
    let mut wait = Duration::from_millis(20); // TCP has it from the round trips (RFC 6298)
    for sent in 1..=16 {
        socket.send(&number.to_be_bytes())?;
        let deadline = Deadline::after(wait); // which an old acknowledgement does not put off
        let mut acknowledged = [0; 4];
        loop {
            match deadline.recv(socket, &mut acknowledged) {
                Ok(_) if acknowledged == number.to_be_bytes() => return Ok(sent),
                Err(error) if error.kind() == TimedOut => break,
                old => drop(old?),
            }
        }
        // Back off: it may have been lost for want of room, and more of it would not help.
        wait = (2 * wait).min(Duration::from_millis(320));
    }
    Err(io::Error::other("sent 16 times, and never acknowledged"))
}

/// Takes each message once, and acknowledges it each time: the sender may not have heard.
fn receive(socket: &UdpSocket) -> io::Result<(Vec<u32>, usize)> {
    let (mut came, mut again, mut number) = (Vec::new(), 0, [0; 4]);
    while let (4, from) = socket.recv_from(&mut number)? {
        match u32::from_be_bytes(number) {
            next if next as usize == came.len() + 1 => came.push(next),
            _ => again += 1,
        }
        socket.send_to(&number, from)?;
    }
    Ok((came, again)) // an empty one is the end, by agreement: UDP has none
}
