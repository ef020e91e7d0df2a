//! Your server listens on 127.0.0.1, and a client that dials `localhost` is refused: it has tried
//! ::1 only. Or your server logs a client as ::ffff:127.0.0.1. There are two families of IP
//! addresses, IPv4 and IPv6. Which clients does a listener of each get?
//!
//!     cargo run --example families
//!     ping -c1 ::1                             does this machine have IPv6?
//!     getent ahosts localhost                  the addresses of a name, of both families
//!
//! You will see a listener of each family, and one for both. You will see how an IPv6 address is
//! written with a port, and what an IPv4 client looks like to an IPv6 socket.
//!
//! New here: the address family, and dual-stack (one IPv6 socket that takes clients of both). The
//! exercise of this lesson is that of `listener`.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::command;
use socket_workshop::listen::Listen;
use socket_workshop::peer::wait_until;
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State::*};
use socket2::{Domain, Socket, Type};

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        ipv4(&mut story, listener)?;
        match TcpListener::bind("[::1]:0") {
            Ok(listener) => {
                ipv6(&mut story, listener)?;
                both(&mut story)?;
            }
            Err(error) => story.leave_out(2, &format!("no listener on ::1 here: {error}"))?,
        }
        story.end()
    })
}

/// The default address of this lesson, 127.0.0.1, belongs to IPv4.
fn ipv4(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    story
        .stage("a listener, by default on 127.0.0.1, and a client")
        .expect("listener", End::of(&listener)?, must(Listen).recv_q(1))
        .pair(End::of(&client)?, Established, Established)
        .why(
            "netstat prints `tcp` for IPv4 and `tcp6` for IPv6. 127.0.0.1 is IPv4's loopback \
              address: it reaches this machine only.",
        )
        .show()
}

fn ipv6(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    // An IPv6 address has colons. Brackets keep them apart from the colon before the port.
    let written = SocketAddr::from((Ipv6Addr::LOCALHOST, 8330)).to_string();
    let without: Result<SocketAddr, _> = "::1:8330".parse();
    let address: Result<IpAddr, _> = "::1:8330".parse();
    story
        .stage("a listener on ::1, and a client")
        .expect("IPv6", End::of(&listener)?, must(Listen).recv_q(1))
        .pair(End::of(&client)?, Established, Established)
        .why(
            "::1 is IPv6's loopback address. A listener on ::1 gets only the clients that dial \
             ::1, as one on 127.0.0.1 gets only those that dial 127.0.0.1. A name such as \
             localhost may have both addresses, so a client tries one after the other.",
        )
        .claim(
            format!("Address ::1 with port 8330 is written {written}, with brackets."),
            written == "[::1]:8330",
        )
        .claim(
            "Without brackets, Rust does not parse ::1:8330 as an address with a port.",
            without.is_err(),
        )
        .claim(
            "It is another address, without a port: 0:0:0:0:0:0:1:8330. (netstat prints an \
             address and its port as ::1:8330 all the same. ss prints brackets.)",
            address == Ok(IpAddr::from([0, 0, 0, 0, 0, 0, 1, 0x8330])),
        )
        .show()
}

/// An IPv6 socket that is bound to [::] and takes IPv4 clients too.
fn both(story: &mut Story) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    // IPV6_V6ONLY off, and before bind. Without this call a setting of the system decides.
    socket.set_only_v6(false)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
    // [::] is every address of this machine, so others could connect. A backlog of 1 has room for
    // two connections. Ours fill it at once, and no other client gets in.
    socket.listen(1)?;
    let listener = TcpListener::from(socket);
    let port = listener.local_addr()?.port();
    let four = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let queue = End::of(&listener)?;
    wait_until(queue, |row| row.is_some_and(|row| row.recv_q == 1))?; // it is the first there
    let six = TcpStream::connect((Ipv6Addr::LOCALHOST, port))?;
    let four_end = End::of(&four)?;
    let six_end = End::of(&six)?;
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    story
        .stage("a listener on [::], a client that dials 127.0.0.1, and one that dials ::1")
        .expect("dual-stack", queue, must(Listen).recv_q(2))
        .expect("IPv4 client", four_end, Established)
        .expect("server, IPv4", four_end.other(), Established)
        .expect("IPv6 client", six_end, Established)
        .expect("server, IPv6", six_end.other(), Established)
        .asks("A server listens on [::]. Does a client that dials 127.0.0.1 reach it?")
        .why(
            "[::] means every address of this machine. With IPV6_V6ONLY off this listener is \
              dual-stack: it takes IPv4 clients too. The IPv4 connection is `tcp` at the client \
              and `tcp6` at the server.",
        )
        .fails(
            "bind to the same port on 127.0.0.1, which [::] includes,",
            bound,
            ErrorKind::AddrInUse,
        )
        .show()?;

    let (_server, peer) = listener.accept()?;
    let (_other_server, other_peer) = listener.accept()?;
    drop(listener);
    // An IPv6 socket sees an IPv4 client at its mapped address: 127.0.0.1 is ::ffff:127.0.0.1.
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), four_end.local.port()));
    story.claim(
        &format!(
            "accept names the IPv4 client {peer}, a mapped address, and the other {other_peer}."
        ),
        peer == mapped && other_peer == six_end.local,
    )?;
    story.claim(
        "`to_canonical` turns ::ffff:127.0.0.1 into 127.0.0.1: call it before you compare or log.",
        peer.ip().to_canonical() == Ipv4Addr::LOCALHOST,
    )?;

    // A socket that does not listen keeps the port: no other program listens there at 127.0.0.1.
    let other = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    other.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = End::of(&other)?.local;
    let only_six = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    only_six.set_only_v6(true)?; // now [::] means the IPv6 addresses of this machine only
    only_six.set_reuse_address(true)?; // an old connection may have this port: lesson `reuseaddr`
    only_six.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port())).into())?;
    only_six.listen(0)?;
    story.fails(
        "With IPV6_V6ONLY on, a listener on [::] takes no IPv4 client: connect to 127.0.0.1",
        TcpStream::connect(address),
        ErrorKind::ConnectionRefused,
    )
}
