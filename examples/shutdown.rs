//! Your server handles Ctrl-C: it sets a flag. But it does not stop, because a thread waits in
//! accept. Or it stops, and clients that were waiting are reset. What wakes accept, and how do you
//! stop without losing clients?
//!
//!     cargo run --example shutdown              plays both ends, stage by stage
//!     cargo run --example shutdown -- serve     an echo server, until Ctrl-C: src/serve.rs
//!     nc 127.0.0.1 8330                         its client, in another terminal
//!
//! You will see that dropping a listener does not wake accept. You will see four ways to wake it,
//! and what each costs. At the end a server drains: it accepts the clients that wait in the queue,
//! and gives each client time to finish, up to a limit.
//!
//! New here: waking a thread that waits in a call, and the drain.

use std::io::{self, ErrorKind::*, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{self, ExitCode};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal::SIGINT, raise};
use socket_workshop::deadline::TICK;
use socket_workshop::listen::Listen;
use socket_workshop::peer::{accept_soon, wait_ready, wait_until};
use socket_workshop::say;
use socket_workshop::serve::serve;
use socket_workshop::stage::{Flags, Story, gone, must, play, time_wait};
use socket_workshop::stop::{EventFd, Stop};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket2::SockRef;

fn main() -> ExitCode {
    play(both_ends, |addr| {
        let listener = Listen::default().on(addr)?;
        let stop = Stop::on_ctrl_c()?;
        say!("listening on {}; Ctrl-C drains", listener.local_addr()?)?;
        // A thread for each client, 1000 at most. At Ctrl-C it empties the queue, echoes what has
        // arrived, and sends each client a FIN. (The last stage gives its client 100 ms instead.)
        let totals = serve(listener, &stop, 1000, |client| echo(client, client))?;
        say!("{totals}")
    })
}

/// Sends each byte back until end of file.
fn echo(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    Ok(())
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    let listener = a_connection_to_itself(&mut story, listener)?;
    shutdown_on_the_listener(&mut story)?;
    a_timeout(&mut story)?;
    an_eventfd_and_a_drain(&mut story, listener)?;
    story.end()
}

/// Returns the listener, which is open again: the thread hands its handle back.
fn a_connection_to_itself(story: &mut Story, listener: TcpListener) -> io::Result<TcpListener> {
    let addr = listener.local_addr()?;
    let handle = listener.try_clone()?; // another descriptor of the same socket
    let acceptor = thread::spawn(move || (handle.accept(), handle));
    drop(listener); // closes one of the two descriptors
    let still_waits = wait_in(Call::Accept, 1) != Some(false); // None: this machine does not say
    story
        .stage("a thread waits in accept; the main thread has dropped the listener")
        .expect("listener", End::listener(addr), Listen)
        .asks("The listener is dropped. Does accept return?")
        .why(
            "The thread has a descriptor of the same socket (try_clone). The socket stays in \
             LISTEN until both are closed. Setting a flag does not end accept either. A \
             signal that the program handles does not end it: std calls accept again.",
        )
        .claim("The thread still waits in accept.", still_waits)
        .show()?;

    let client = TcpStream::connect(addr)?; // the server itself is the client
    let end = End::of(&client)?;
    drop(client);
    let (accepted, listener) = acceptor.join().expect("it only accepts");
    let (mut server, peer) = accepted?;
    let end_of_file = server.read(&mut [0])? == 0; // until the client's FIN: it closes first
    drop(server);
    story
        .stage("the first way to wake it: the server connects to itself")
        .pair(end, time_wait(), gone())
        .why(
            "The connection waits in the queue like any other. When accept returns, the thread can \
             look at a flag, and end. This costs a TIME_WAIT, and a place in the queue: if the \
             queue is full, connect waits. And the server must be able to dial its own address.",
        )
        .claim(
            "accept returned this connection.",
            peer == end.local && end_of_file,
        )
        .show()?;
    Ok(listener)
}

fn shutdown_on_the_listener(story: &mut Story) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let handle = listener.try_clone()?;
    let acceptor = thread::spawn(move || handle.accept());
    let waited = wait_in(Call::Accept, 1) != Some(false); // None: this machine does not say
    SockRef::from(&listener).shutdown(Shutdown::Read)?;
    let woken = acceptor.join().expect("it only accepts");

    // Once more, with a client in the queue. On Linux the socket can listen again.
    SockRef::from(&listener).listen(1)?;
    let listening = End::of(&listener)?; // bind had port 0, so listen chooses a new port
    let mut queued = TcpStream::connect(listening.local)?;
    let end = End::of(&queued)?;
    // connect may return a moment before the client is in the queue.
    wait_ready(&listener, PollFlags::POLLIN, Duration::from_secs(5))?;
    SockRef::from(&listener).shutdown(Shutdown::Read)?;
    queued.set_read_timeout(Some(Duration::from_secs(5)))?; // if no RST comes
    let read = queued.read(&mut [0]);
    story
        .stage("the second way: shutdown(Read) on a listener; again, with a client queued")
        .expect("other listener", listening, gone())
        .pair(end, gone(), gone())
        .why(
            "On Linux the socket leaves LISTEN, and accept fails. (Other systems may refuse the \
             call.) The clients in the queue are lost: the kernel resets them, as when a listener \
             is closed.",
        )
        .claim(
            "Before the first shutdown a thread waited in accept.",
            waited,
        )
        .fails("The first time accept", woken, InvalidInput) // EINVAL
        .fails("The second time the client's read", read, ConnectionReset)
        .show()
}

fn a_timeout(story: &mut Story) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let limit = Duration::from_millis(20);
    SockRef::from(&listener).set_read_timeout(Some(limit))?; // Linux: it limits accept, too
    let started = Instant::now();
    let mut wakeups = 0;
    for _ in 0..5 {
        if listener.accept().is_err() {
            wakeups += 1; // EAGAIN: no client within 20 ms
        }
    }
    let took = started.elapsed();
    let client = TcpStream::connect(listener.local_addr()?)?;
    let server = accept_soon(&listener)?; // waits longer than the timeout, if it must
    story
        .stage("the third way: a receive timeout on a listener; then a client connects")
        .expect("other listener", End::of(&listener)?, Listen)
        .pair(End::of(&client)?, Established, Established)
        .why(
            "accept fails when no client comes within 20 ms, and the thread can look at a flag. \
             This costs CPU time while there is nothing to do.",
        )
        .claim(
            format!("Before the client came, the thread woke up {wakeups} times in {took:.0?}."),
            wakeups == 5 && took + TICK >= 5 * limit,
        )
        .claim(
            "The accepted socket has inherited the timeout (Linux).",
            server.read_timeout()?.is_some(),
        )
        .show()
}

fn an_eventfd_and_a_drain(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let stop = Arc::new(EventFd::new()?); // poll finds it readable once it has been written to
    write_at_ctrl_c(Arc::clone(&stop))?;
    raise(SIGINT)?; // the signal that Ctrl-C sends
    let mut fds = [
        PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        PollFd::new(stop.as_fd(), PollFlags::POLLIN),
    ];
    // A signal that comes while it waits ends it with EINTR (signal(7)): then it waits again.
    while let Err(errno) = poll(&mut fds, PollTimeout::NONE) {
        if errno != Errno::EINTR {
            return Err(errno.into());
        }
    }
    let a_client_waits = fds[0].any() == Some(true);
    let must_stop = fds[1].any() == Some(true);
    let addr = listener.local_addr()?;
    let mut first = TcpStream::connect(addr)?;
    let queue = End::listener(addr);
    wait_until(queue, |row| row.is_some_and(|row| row.recv_q == 1))?; // it is the first there, too
    let mut silent = TcpStream::connect(addr)?;
    let first_end = End::of(&first)?;
    let silent_end = End::of(&silent)?;
    story
        .stage("the fourth way: poll on listener and eventfd; Ctrl-C; two clients connect")
        .expect("listener", End::listener(addr), must(Listen).recv_q(2))
        .expect("first client", first_end, Established)
        .expect("silent client", silent_end, Established)
        .why(
            "An eventfd is a descriptor that is readable once a program has written to it. At \
             Ctrl-C this program writes to it, and poll returns. This costs one descriptor. The \
             listener has not changed: the queued clients can still be accepted.",
        )
        .claim(
            "poll returned because of the eventfd, before a client came.",
            must_stop && !a_client_waits,
        )
        .show()?;

    listener.set_nonblocking(true)?; // accept fails with EAGAIN when the queue is empty
    let mut servers = Vec::new(); // the server's ends of the two connections
    loop {
        match listener.accept() {
            Ok((server, _)) => servers.push(server),
            Err(error) if error.kind() == WouldBlock => break, // the queue is empty
            Err(error) => return Err(error), // a server goes on after some: lesson `accept_errors`
        }
    }
    drop(listener); // a client queued after the last accept is reset; later ones are refused
    first.write_all(b"hello")?;
    first.shutdown(Shutdown::Write)?;
    let [of_first, of_silent] = &servers[..] else {
        return Err(io::Error::other("two clients were to be in the queue"));
    };
    echo(of_first, of_first)?;
    let limit = Duration::from_millis(100);
    let in_time = echo_until(of_silent, limit)?; // the silent client sends nothing
    drop(servers);
    let answer = io::read_to_string(first)?;
    let read = silent.read(&mut [0]);
    story
        .stage("the drain: one client has its answer, the other was cut off after 100 ms")
        .expect("listener", End::listener(addr), gone())
        .expect("first client", first_end, time_wait())
        .expect("silent client", silent_end, gone())
        .why(
            "Both clients were accepted: neither was reset in the queue. The process ends when \
             main returns, so main must wait for its clients' threads, up to the limit.",
        )
        .claim("The first client received its answer.", answer == "hello")
        .claim("After 100 ms the silent client had not finished.", !in_time)
        .fails("The silent client's read", read, ConnectionReset)
        .show()
}

/// Ctrl-C writes to the eventfd. A second Ctrl-C ends the process.
fn write_at_ctrl_c(stop: Arc<EventFd>) -> io::Result<()> {
    let mut pressed_before = false;
    // This runs on a thread of `ctrlc`, not in the signal handler.
    let on_ctrl_c = move || {
        if pressed_before {
            process::exit(130);
        }
        pressed_before = true;
        let _ = stop.write(1);
    };
    ctrlc::set_handler(on_ctrl_c).map_err(io::Error::other)
}

/// Serves a client on a thread of its own. Cuts the client off when the limit has passed: returns
/// false then.
fn echo_until(server: &TcpStream, limit: Duration) -> io::Result<bool> {
    let (done, is_done) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let echoed = echo(server, server);
            let _ = done.send(()); // nobody receives it after the limit
            echoed
        });
        let in_time = is_done.recv_timeout(limit).is_ok();
        if !in_time {
            SockRef::from(server).set_linger(Some(Duration::ZERO))?; // its close will send a RST
            // Ends the thread's read (Linux), and sends nothing. Fails if a RST has come.
            let _ = server.shutdown(Shutdown::Read);
        }
        Ok(in_time)
    })
}
