//! Can two processes listen on one port? Can a client connect again from the port of its last
//! connection? You may read that SO_REUSEPORT cures `Address already in use`. Use SO_REUSEADDR for
//! that (lesson `reuseaddr`): SO_REUSEPORT also lets a second live server share the port.
//!
//!     cargo run --example reuseport
//!
//! You will see two listeners that share a port and its clients, and what happens to the clients of
//! one that closes. You will see who may share a port. Then a client connects again, from the same
//! port to the same server, while its last connection is in TIME_WAIT: first with TIME_WAIT at the
//! server, then with TIME_WAIT at the client.
//!
//! New here: SO_REUSEPORT. The four-tuple: both addresses and both ports, by which the kernel tells
//! connections apart. The timestamp: a time that the sender puts into its segments (RFC 7323).
//! With it the kernel distinguishes late segments of an old connection from new ones.
//!
//! Exercise: the one of lesson `reuseaddr`: `cargo workshop check reuseaddr`

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use nix::unistd::{Uid, fchown};
use socket_workshop::command;
use socket_workshop::deadline::Deadline;
use socket_workshop::fault::Attempt;
use socket_workshop::listen::reachable;
use socket_workshop::namespace;
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, Kernel, Protocol, State::*};
use socket2::{Domain, SockRef, Socket, Type};

/// Enough that each of two listeners gets some of them. Few enough that one queue has room for all,
/// even where net.core.somaxconn is small.
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
    socket.set_reuse_address(true)?; // so that TIME_WAIT is not in the way: lesson `reuseaddr`
    listen(socket, addr)
}

fn listen(socket: Socket, addr: SocketAddr) -> io::Result<TcpListener> {
    let bound = socket.bind(&addr.into());
    bound.attempt_to_listen(addr, Protocol::Tcp)?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// A free port of an address that no other program uses here. On Linux all addresses that begin
/// with 127 are loopback.
fn free_port() -> SocketAddr {
    let last = if cfg!(target_os = "linux") { 2 } else { 1 };
    SocketAddr::from(([127, 0, 0, last], 0))
}

fn two_listeners(story: &mut Story, old: TcpListener) -> io::Result<()> {
    let addr = old.local_addr()?;
    let new = share(addr)?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let soon = Duration::from_secs(5); // an error, and no long wait, if a queue is full
        clients.push(TcpStream::connect_timeout(&reachable(addr), soon)?);
    }
    story
        .stage("two servers share a port; 16 clients connect")
        .expect(
            "listener",
            End::listener(addr),
            must(Listen).rows(2).recv_q(1..),
        )
        .why(
            "Both listeners have SO_REUSEPORT. On Linux a hash of the four-tuple decides which \
             listener's queue (Recv-Q) a client enters. This is for workers of one server: each \
             has a queue of its own.",
        )
        .show()?;

    until_all_wait(addr)?; // connect may return a moment before the client is in a queue
    let accepted = greet_all(&new)?;
    drop(old);
    let mut greeted = 0;
    let mut reset = 0;
    for mut client in &clients {
        client.set_read_timeout(Some(Duration::from_secs(5)))?; // an error, if nothing comes
        match client.read(&mut [0]) {
            Ok(1) => greeted += 1,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => reset += 1,
            _ => break, // then the claims below fail
        }
    }
    story
        .stage("the new server accepts, the old one closes")
        .expect("listener", End::listener(addr), must(Listen).rows(1))
        .asks("Two listeners share a port; one closes. Where do its waiting clients go?")
        .why(
            "The kernel resets the clients in the old server's queue, although another listener is \
             there (net.ipv4.tcp_migrate_req=1 would pass them on to it).",
        )
        .claim(
            format!("The new server accepted {greeted} of {CLIENTS} clients."),
            greeted == accepted.len() && greeted > 0,
        )
        .claim(
            format!("{reset} waited for the old server: each read gave ConnectionReset."),
            reset == CLIENTS - greeted,
        )
        .show()?;
    for client in &clients {
        // Closing sends a RST then, so that no TIME_WAIT fills the tables below.
        SockRef::from(client).set_linger(Some(Duration::ZERO))?;
    }
    drop(clients);
    Ok(())
}

/// Accepts the clients that wait in the queue, and sends each a byte.
fn greet_all(listener: &TcpListener) -> io::Result<Vec<TcpStream>> {
    listener.set_nonblocking(true)?; // accept returns an error when the queue is empty
    let mut accepted = Vec::new();
    loop {
        match listener.accept() {
            Ok((mut server, _)) => {
                server.write_all(b"!")?;
                accepted.push(server);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(accepted),
            Err(error) => return Err(error),
        }
    }
}

/// Waits until all clients are in the accept queues of this port's listeners.
fn until_all_wait(addr: SocketAddr) -> io::Result<()> {
    let Ok(mut kernel) = Kernel::open() else {
        return Ok(()); // no table here
    };
    let all = || {
        let table = kernel.table_of(&[addr.port()])?;
        let queues = table.find_all(End::listener(addr)).map(|row| row.recv_q);
        Ok((queues.sum::<u32>() as usize >= CLIENTS).then_some(()))
    };
    let waited = Deadline::after(Duration::from_secs(5)).wait_for(all)?;
    waited.ok_or_else(|| io::Error::new(ErrorKind::TimedOut, "not all clients are in a queue"))
}

fn who_may_share(story: &mut Story) -> io::Result<()> {
    let first = share(free_port())?;
    let addr = first.local_addr()?;
    let without_option = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let without_option = listen(without_option, addr);
    let of_other_user = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    of_other_user.set_reuse_port(true)?;
    // A socket has an owner, as a file has. root may change it.
    let can_change_owner = fchown(&of_other_user, Some(NOBODY), None).is_ok();
    let stage = story
        .stage("another program tries to bind a listener's port")
        .expect("listener", End::listener(addr), must(Listen).rows(1))
        .fails(
            "Without SO_REUSEPORT, bind",
            without_option,
            ErrorKind::AddrInUse,
        );
    if !can_change_owner {
        return stage
            .why(
                "A listener shares its port only if both have SO_REUSEPORT and belong to the same \
                 user (socket(7)). Run this lesson as root to see what another user's bind gives.",
            )
            .show();
    }
    stage
        .why(
            "A listener shares its port only if both have SO_REUSEPORT and belong to the same user \
             (socket(7)).",
        )
        .fails(
            "With it, but as another user, bind",
            listen(of_other_user, addr),
            ErrorKind::AddrInUse,
        )
        .show()
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
        .stage("a server closed first, and still listens")
        .pair(end, gone(), time_wait())
        .why("In TIME_WAIT the server's kernel remembers the four-tuple.")
        .show()?;

    let _again = dial(end.local, addr, false)?;
    story
        .stage("a client connects with the same four-tuple")
        .pair(end, Established, Established)
        .why(
            "Many books say this is impossible while TIME_WAIT lasts. Linux allows it if the SYN \
             has a newer timestamp than the old connection (or a higher sequence number, and no \
             older timestamp): then it is not a late SYN of that connection (RFC 6191; RFC 9293, \
             3.6.1).",
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
        .stage("a client with SO_REUSEADDR closed first")
        .pair(end, time_wait(), gone())
        .why("Now the client's kernel remembers the four-tuple.")
        .fails(
            "Without the option, the next client's bind to that port",
            plain,
            ErrorKind::AddrInUse,
        )
        .show()?;

    let _again = dial(end.local, addr, true)?;
    story
        .stage("the next client has the option too: it connects")
        .pair(end, Established, Established)
        .why(
            "Both clients have the option, so bind allows the port, as for a server. Then connect \
             uses the four-tuple again. Linux allows that because the segments have timestamps: \
             the kernel recognises late segments of the old connection (RFC 7323, 5).",
        )
        .show()
}

/// The last stage once more, in a network where segments have no timestamps.
fn without_timestamps(story: &mut Story) -> io::Result<()> {
    if let Err(refused) = enter_a_network_without_them() {
        return story.tell(&format!(
            "\nWithout timestamps (net.ipv4.tcp_timestamps=0) connect gives AddrNotAvailable. The \
             lesson cannot show that here: it {refused}."
        ));
    }
    story.tell(
        "\nThe same without timestamps (net.ipv4.tcp_timestamps=0, in a network namespace, which \
         only this process uses):",
    )?;
    let (end, listener) = closed_by_the_client()?;
    let again = dial(end.local, listener.local_addr()?, true);
    story.fails("connect", again, ErrorKind::AddrNotAvailable)
}

/// A network namespace: a network that only this process has, with settings of its own. (A
/// container may have one. But often it may not change settings: `/proc/sys` is read-only there.)
fn enter_a_network_without_them() -> io::Result<()> {
    namespace::enter()?;
    let setting = "/proc/sys/net/ipv4/tcp_timestamps";
    fs::write(setting, "0").attempt(|| format!("cannot change `{setting}`"))
}
