//! You start a server and clients can connect, even before your code has called accept. Later one
//! bad client, or too many clients, must not stop it. What does the kernel do, and what must you
//! do?
//!
//!     cargo run --example listener              plays both ends, stage by stage
//!     cargo run --example listener -- serve     a server for real clients, until Ctrl-C
//!     nc 127.0.0.1 8330                         one of them, in another terminal
//!
//! You will see that the kernel completes connections without accept and keeps them in a queue,
//! which clients a listener of each IP family gets, and which errors of accept end a server.

use nix::errno::Errno;
use nix::sys::resource::{Resource::RLIMIT_NOFILE, getrlimit, setrlimit};
use socket_workshop::stage::{Flags, Story, must, play};
use socket_workshop::table::{End, Protocol, State::*};
use socket_workshop::{fault::Attempt, say};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::{process::ExitCode, thread, time::Duration};

fn main() -> ExitCode {
    play(both_ends, |addr| {
        let listener = listen(addr)?;
        say!("listening on {}; Ctrl-C ends it", listener.local_addr()?)?;
        Err(serve(&listener))
    })
}

/// What `TcpListener::bind` does, call by call, and one option that it leaves to the system.
fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?; // lesson `reuseaddr` shows why
    socket.set_only_v6(false).ok(); // [::] takes IPv4 clients too; for IPv4 there is no such option
    let bound = socket.bind(&addr.into()); // an address, but no row in the kernel's table yet
    bound.attempt_to_listen(addr, Protocol::Tcp)?;
    socket.listen(128)?; // std's backlog: the kernel queues one more than that, and then drops SYNs
    Ok(socket.into())
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = listen(flags.listen)?;
    let addr = listener.local_addr()?; // the port that the kernel chose, if we asked for port 0
    let mut story = Story::begin(flags, addr)?;
    story
        .stage("socket, bind, listen")
        .expect("listener", End::listener(addr), must(Listen).backlog(128))
        .nothing_else()
        .why("One row, in LISTEN: from now on the kernel answers every client that connects.")
        .show()?;

    let client = TcpStream::connect(addr)?;
    story
        .stage("connect, before anyone calls accept")
        .expect("listener", End::listener(addr), must(Listen).recv_q(1))
        .pair(End::of(&client)?, Established, Established)
        .nothing_else()
        .why(
            "The kernel completed the handshake without accept. A connection is two rows: each \
              end has a state.",
        )
        .show()?;

    let _accepted = listener.accept()?;
    story
        .stage("accept")
        .expect("listener", End::listener(addr), must(Listen).recv_q(0))
        .why(
            "accept sent nothing. It took the connection from the queue (Recv-Q) and gave it a \
              descriptor.",
        )
        .show()?;
    families(&mut story)?;
    thread::scope(|scope| {
        scope.spawn(|| serve(&listener));
        let told = a_thread_each(&mut story, &listener);
        // Makes accept fail with EINVAL, an error of the listener itself: `serve` ends.
        SockRef::from(&listener).shutdown(Shutdown::Read).and(told)
    })?;
    story.end()
}

/// An IPv4 listener, an IPv6 listener, and one that is both.
fn families(story: &mut Story) -> io::Result<()> {
    let v4 = TcpListener::bind("127.0.0.1:0")?; // does all of `listen` above in one call
    let Ok(v6) = TcpListener::bind("[::1]:0") else {
        return story.leave_out(1, "this machine has no IPv6");
    };
    let both = listen(SocketAddr::from(([0u16; 8], 0)))?; // [::] means every local address
    #[cfg(target_os = "linux")]
    SockRef::from(&both).bind_device(Some(b"lo"))?; // on the loopback interface only
    let client = TcpStream::connect(("127.0.0.1", both.local_addr()?.port()))?;
    story
        .stage("listen on 127.0.0.1, on ::1, and on [::] with an IPv4 client")
        .expect("IPv4", End::of(&v4)?, Listen)
        .expect("IPv6", End::of(&v6)?, Listen)
        .expect("dual-stack", End::of(&both)?, must(Listen).recv_q(1))
        .pair(End::of(&client)?, Established, Established)
        .show()?;
    let (_server, peer) = both.accept()?;
    story.claim(
        &format!("The server sees the IPv4 client as {peer}."),
        peer.is_ipv6(),
    )
}

/// Clients of `serve`: two that stay connected, and two that connect when no descriptor is free.
fn a_thread_each(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let addr = listener.local_addr()?;
    let (first, second) = (TcpStream::connect(addr)?, TcpStream::connect(addr)?);
    story
        .stage("two silent clients, a thread for each")
        .expect("first", End::of(&first)?, must(Established).recv_q(1..))
        .expect("second", End::of(&second)?, must(Established).recv_q(1..))
        .why("Both have received the greeting (Recv-Q): neither waits for the other.")
        .show()?;
    let socket = || Socket::new(Domain::for_address(addr), Type::STREAM, None);
    let (third, fourth) = (socket()?, socket()?);
    let (soft, hard) = getrlimit(RLIMIT_NOFILE)?;
    setrlimit(RLIMIT_NOFILE, 0, hard)?; // no new descriptor for this process
    third.connect(&addr.into())?; // may succeed: a blocked accept has reserved a descriptor
    fourth.connect(&addr.into())?;
    let starved = story
        .stage("no descriptor is free; two more clients connect, and wait in the queue")
        .expect("listener", End::listener(addr), must(Listen).recv_q(1..))
        .expect("fourth", End::of(&fourth)?, must(Established).recv_q(0))
        .show();
    let mine = listener.accept().map_err(|error| error.raw_os_error());
    setrlimit(RLIMIT_NOFILE, soft, hard)?;
    starved?;
    story.claim("accept returns EMFILE.", matches!(mine, Err(Some(24))))?;
    story
        .stage("descriptors are free again")
        .expect("fourth", End::of(&fourth)?, must(Established).recv_q(1..))
        .show()
}

/// A thread for each connection, until the listener itself fails.
fn serve(listener: &TcpListener) -> io::Error {
    thread::scope(|connections| {
        loop {
            let begun = listener.accept().and_then(|(stream, peer)| {
                thread::Builder::new().spawn_scoped(connections, move || greet(stream, peer))
            });
            let Err(error) = begun else { continue };
            match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                // An error of this connection only: accept the next one.
                Errno::ECONNABORTED | Errno::EPROTO => {}
                // A shortage in this process or on this machine, and it lasts: retrying at once
                // would spin.
                Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EAGAIN => {
                    thread::sleep(Duration::from_millis(100));
                }
                _ => return error, // an error of the listener itself
            }
        }
    })
}

/// Greets the client, then reads until it closes. An error here ends this connection only.
fn greet(mut stream: TcpStream, peer: SocketAddr) -> io::Result<u64> {
    stream.write_all(format!("hello, {peer}\n").as_bytes())?;
    io::copy(&mut stream, &mut io::sink())
}
