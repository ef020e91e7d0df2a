//! You start a server and clients can connect, even before your code has called accept. What do
//! bind, listen and accept each do, and where does a client wait until its server has time?
//!
//!     cargo run --example listener              plays both ends, stage by stage
//!     cargo run --example listener -- serve     a server for real clients, until Ctrl-C
//!     nc 127.0.0.1 8330                         one of them, in another terminal
//!
//! You will see `TcpListener::bind` taken apart into its calls, connections that are complete
//! before accept, the queue in which they wait, and a server that gives each client a thread.
//!
//! New here: the accept queue (connections that are complete and wait for accept) and the backlog
//! (the limit that `listen` sets for this queue).

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

use socket_workshop::fault::Attempt;
use socket_workshop::listen::ShutOnDrop;
use socket_workshop::peer::wait_until;
use socket_workshop::say;
use socket_workshop::stage::{Flags, Story, gone, must, play};
use socket_workshop::table::{End, Protocol, State::*};
use socket2::{Domain, Socket, Type};

fn main() -> ExitCode {
    play(both_ends, |addr| {
        let listener = TcpListener::bind(addr); // does socket, bind and listen in one call
        let listener = listener.attempt_to_listen(addr, Protocol::Tcp)?; // names the address
        say!("listening on {}; Ctrl-C ends it", listener.local_addr()?)?;
        Err(serve(&listener)) // serve returns only when accept fails
    })
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    // What `TcpListener::bind` does, call by call.
    let socket = Socket::new(Domain::for_address(flags.listen), Type::STREAM, None)?;
    socket.set_reuse_address(true)?; // lesson `reuseaddr` shows why
    let bound = socket.bind(&flags.listen.into());
    bound.attempt_to_listen(flags.listen, Protocol::Tcp)?;
    let addr = End::of(&socket)?.local; // the kernel chose the port, if we asked for port 0
    let mut story = Story::begin(flags, addr)?;
    let too_early = TcpStream::connect(addr);
    let any = TcpListener::bind((addr.ip(), 0))?; // another socket, for port 0
    let chosen = any.local_addr()?;
    story
        .stage("socket, bind")
        .expect("listener", End::listener(addr), gone())
        .nothing_else()
        .why("The socket has its address, but the table has no row yet: no client can reach it.")
        .fails(
            "connect, before listen,",
            too_early,
            ErrorKind::ConnectionRefused,
        )
        .claim(
            format!("For port 0, bind lets the kernel choose a free port. It chose {chosen}."),
            chosen.port() != 0,
        )
        .show()?;

    let listening = socket.listen(128); // the backlog that std asks for
    listening.attempt_to_listen(addr, Protocol::Tcp)?;
    let listener = TcpListener::from(socket);
    story
        .stage("listen")
        .expect("listener", End::listener(addr), must(Listen).backlog(128))
        .nothing_else()
        .why("One row, in LISTEN. From now on the kernel answers clients that connect.")
        .show()?;
    the_queue(&mut story, &listener)?;

    thread::scope(|scope| {
        // The scope waits for its threads, so `serve` must return. At the end of this closure the
        // listener is shut down: then accept fails, and `serve` returns.
        let _end_of_serve = ShutOnDrop(&listener);
        scope.spawn(|| serve(&listener));
        a_thread_each(&mut story, addr)
    })?;
    story.end()
}

/// Two clients connect before anyone calls accept.
fn the_queue(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    let first = TcpStream::connect(listening.local)?;
    wait_until(listening, |row| row.is_some_and(|row| row.recv_q == 1))?; // it is in the queue
    let second = TcpStream::connect(listening.local)?;
    let first_end = End::of(&first)?;
    let second_end = End::of(&second)?;
    story
        .stage("two clients connect, before anyone calls accept")
        .expect("listener", listening, must(Listen).recv_q(2))
        .expect("first client", first_end, Established)
        .expect("server, first", first_end.other(), Established)
        .expect("second client", second_end, Established)
        .expect("server, second", second_end.other(), Established)
        .nothing_else()
        .asks("The server has not called accept. Is the client connected?")
        .why(
            "The kernel completed both connections without accept. They wait in the accept \
              queue. A listener's Recv-Q is the number of connections in it. The backlog is its \
              limit, set by listen, at most net.core.somaxconn (Linux queues one more).",
        )
        .show()?;

    let (server, peer) = listener.accept()?;
    story
        .stage("accept, once")
        .expect("listener", listening, must(Listen).recv_q(1))
        .expect("server, first", first_end.other(), Established)
        .expect("server, second", second_end.other(), Established)
        .why(
            "accept sent nothing, and no state has changed. It took one connection from the \
              queue and gave the program a descriptor (the number of an open file or socket).",
        )
        .claim(
            format!("It took the one that has waited longest: {peer}."),
            peer == first_end.local,
        )
        .show()?;
    drop(server);
    drop(listener.accept()?); // the second connection: the queue is empty again
    Ok(())
}

/// Two clients of `serve`, which stay connected and send nothing.
fn a_thread_each(story: &mut Story, addr: SocketAddr) -> io::Result<()> {
    let third = TcpStream::connect(addr)?;
    let fourth = TcpStream::connect(addr)?;
    let greeted = must(Established).recv_q(1..);
    story
        .stage("a server with a thread for each client, and two silent clients")
        .expect("third client", End::of(&third)?, greeted)
        .expect("fourth client", End::of(&fourth)?, greeted)
        .why(
            "Each client has a thread at the server. The thread has sent the greeting (Recv-Q), \
              and waits in read until its client closes. Neither client waits for the other.",
        )
        .show()
}

/// Gives each connection a thread, until accept fails.
///
/// This server ends at the first error, and panics if the system has no thread left. Lesson
/// `accept_errors` shows which errors must not end a server.
fn serve(listener: &TcpListener) -> io::Error {
    thread::scope(|connections| {
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    connections.spawn(move || greet(stream, peer));
                }
                Err(error) => return error,
            }
        }
    })
}

/// Greets the client, then reads until it closes. An error here ends this connection only.
fn greet(mut stream: TcpStream, peer: SocketAddr) -> io::Result<u64> {
    stream.write_all(format!("hello, {peer}\n").as_bytes())?;
    io::copy(&mut stream, &mut io::sink()) // reads until end of file, and drops what it has read
}
