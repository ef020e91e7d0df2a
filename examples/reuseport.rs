//! "Can two processes listen on one port?" and "Can a client use the same port again at once?" You
//! may find SO_REUSEPORT as the cure for `Address already in use`. It is not that cure: it shares a
//! port between sockets that live at the same time.
//!
//!     cargo run --example reuseport
//!
//! You will see two listeners that share the clients of a port, what happens to the clients of one
//! that closes, who may share, and a connection between the same two addresses and ports again,
//! while TIME_WAIT of the last one is at the server, and at the client.
//!
//! New here: the four-tuple (both addresses and both ports), by which the kernel tells connections
//! apart. Lesson `reuseaddr` comes before.
//!
//! Exercise: the one of lesson `reuseaddr`: `cargo workshop check reuseaddr`

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use nix::unistd::{Uid, fchown};
use socket_workshop::command;
use socket_workshop::fault::Attempt;
use socket_workshop::listen::reachable;
use socket_workshop::namespace;
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, Protocol, State::*};
use socket2::{Domain, SockRef, Socket, Type};

/// Each of two listeners gets some of so many, and all of them have room in one queue, even where
/// net.core.somaxconn is small.
const CLIENTS: usize = 16;
/// Another user than the one who runs this lesson.
const NOBODY: Uid = Uid::from_raw(65534);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = share(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        two_listeners(&mut story, listener)?;
        who_may_share(&mut story)?;
        time_wait_at_the_server(&mut story)?;
        time_wait_at_the_client(&mut story)?;
        without_timestamps(&mut story)?;
        story.end()
    })
}

/// A listener that shares its port with others that do the same.
fn share(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_port(true)?; // before bind, which reads it
    listen(socket, addr)
}

fn listen(socket: Socket, addr: SocketAddr) -> io::Result<TcpListener> {
    let bound = socket.bind(&addr.into());
    bound.attempt_to_listen(addr, Protocol::Tcp)?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// A free port of an address that no other program uses here: all of 127/8 is loopback on Linux.
fn free_port() -> SocketAddr {
    let last = if cfg!(target_os = "linux") { 2 } else { 1 };
    SocketAddr::from(([127, 0, 0, last], 0))
}

fn two_listeners(story: &mut Story, old: TcpListener) -> io::Result<()> {
    let addr = old.local_addr()?;
    let new = share(addr)?;
    let clients = (0..CLIENTS)
        .map(|_| TcpStream::connect(reachable(addr)))
        .collect::<io::Result<Vec<_>>>()?;
    story
        .stage("an old and a new server on one port, both with SO_REUSEPORT; 16 clients")
        .expect(
            "listener",
            End::listener(addr),
            must(Listen).rows(2).recv_q(1..),
        )
        .why(
            "A hash of the four-tuple decides which listener's queue a client comes into (Recv-Q). \
             This is for workers of one server, each with a queue of its own.",
        )
        .show()?;

    new.set_nonblocking(true)?; // accept returns an error when the queue is empty
    let mut accepted = Vec::new();
    while let Ok((server, client)) = new.accept() {
        accepted.push((server, client));
    }
    let count = accepted.len();
    let text =
        format!("The new server accepts {count} of {CLIENTS} clients; then its queue is empty.");
    story.claim(&text, (1..CLIENTS).contains(&count))?;

    drop(old);
    story
        .stage("the old server has closed, and accepted none")
        .expect("listener", End::listener(addr), must(Listen).rows(1))
        .why(
            "The kernel resets the clients in its queue, although another listener is there \
             (net.ipv4.tcp_migrate_req=1 would pass them on to it).",
        )
        .show()?;
    let mut reset = 0;
    for mut client in clients {
        let local = client.local_addr()?;
        if accepted.iter().any(|(_, accepted)| *accepted == local) {
            // It closes with a RST, so that no TIME_WAIT fills the tables below.
            SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
            continue;
        }
        client.set_read_timeout(Some(Duration::from_secs(5)))?; // none is silent
        match client.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => reset += 1,
            _ => break,
        }
    }
    let text =
        format!("{reset} clients waited for the old server: each read gave ConnectionReset.");
    story.claim(&text, reset == CLIENTS - count)
}

fn who_may_share(story: &mut Story) -> io::Result<()> {
    let first = share(free_port())?;
    let addr = first.local_addr()?;
    let plain = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    story.tell("\nA third program binds the address of a listener with SO_REUSEPORT:")?;
    let plain = listen(plain, addr);
    story.fails("Without SO_REUSEPORT, bind", plain, ErrorKind::AddrInUse)?;

    let others = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    others.set_reuse_port(true)?;
    match fchown(&others, Some(NOBODY), None) {
        Ok(()) => story.fails(
            "With it, but as another user, bind",
            listen(others, addr),
            ErrorKind::AddrInUse,
        ),
        Err(_) => story.tell(
            "With it, but as another user, bind fails too (socket(7)). To see that, run the lesson \
             as root, who may give a socket to another user.",
        ),
    }
}

/// Dials from this port.
fn dial(from: SocketAddr, to: SocketAddr, reuse_address: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(reuse_address)?;
    socket.bind(&from.into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

fn time_wait_at_the_server(story: &mut Story) -> io::Result<()> {
    let listener = TcpListener::bind(free_port())?;
    let addr = listener.local_addr()?;
    let mut client = dial(free_port(), addr, false)?;
    let end = End::of(&client)?;
    drop(listener.accept()?); // the server closes first
    client.read_to_end(&mut Vec::new())?;
    drop(client);
    story
        .stage("a server closed a connection first, and still listens")
        .pair(end, gone(), time_wait())
        .show()?;

    let _again = dial(end.local, addr, false)?;
    story
        .stage("the client connects from the same port again: the same four-tuple")
        .pair(end, Established, Established)
        .why(
            "Many books say this is impossible while TIME_WAIT lasts. Linux allows it: a newer \
             timestamp or sequence number proves that the SYN is not a late one (RFC 6191; RFC \
             9293, 3.6.1).",
        )
        .show()
}

/// A connection that its client closes first. Returns the client's end and the listener.
fn closed_by_the_client() -> io::Result<(End, TcpListener)> {
    let listener = TcpListener::bind(free_port())?;
    let client = dial(free_port(), listener.local_addr()?, true)?;
    let end = End::of(&client)?;
    let (mut server, _) = listener.accept()?;
    drop(client);
    server.read_to_end(&mut Vec::new())?;
    Ok((end, listener))
}

fn time_wait_at_the_client(story: &mut Story) -> io::Result<()> {
    let (end, listener) = closed_by_the_client()?;
    let addr = listener.local_addr()?;
    let plain = dial(end.local, addr, false);
    story
        .stage("a client with SO_REUSEADDR closed its connection first")
        .pair(end, time_wait(), gone())
        .show()?;
    story.fails(
        "Without the option, the next client's bind to that port",
        plain,
        ErrorKind::AddrInUse,
    )?;

    let _again = dial(end.local, addr, true)?;
    story
        .stage("with the option too, the client connects from that port")
        .pair(end, Established, Established)
        .why(
            "bind allows the port, as for a server. connect allows the four-tuple because of the \
             timestamps: they tell late segments of the old connection from new ones (RFC 7323, \
             5).",
        )
        .show()
}

/// The other half of the truth, in a network where segments have no timestamps.
fn without_timestamps(story: &mut Story) -> io::Result<()> {
    if let Err(refused) = namespace::enter() {
        return story.tell(&format!(
            "\nWithout timestamps (net.ipv4.tcp_timestamps=0) connect gives AddrNotAvailable. The \
             lesson cannot show that here: it {refused}."
        ));
    }
    fs::write("/proc/sys/net/ipv4/tcp_timestamps", "0")?;
    story.tell("\nThe same in a network of its own, with net.ipv4.tcp_timestamps=0:")?;
    let (end, listener) = closed_by_the_client()?;
    let again = dial(end.local, listener.local_addr()?, true);
    story.fails("connect", again, ErrorKind::AddrNotAvailable)
}
