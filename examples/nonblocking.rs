//! Your thread must wait for several connections at once, or stop waiting for a connect when
//! another thread cancels it. `TcpStream::connect` can do neither. Which calls can?
//!
//!     cargo run --example nonblocking
//!
//! A call on a non-blocking socket never waits. It does what it can do now, or fails at once:
//!
//!     read, send     WouldBlock (EAGAIN): no byte has arrived, or there is no room for one
//!     connect        EINPROGRESS: the SYN is sent, and the call does not wait for its answer
//!
//! The program waits in another call, for all its sockets at once. That is `poll`. It takes a list
//! of descriptors and returns when at least one of them is ready:
//!
//!     POLLIN         readable: a read would not wait
//!     POLLOUT        writable: there is room for a send, or a connect has ended
//!
//! After a connect the socket option SO_ERROR says how it has ended: 0, or the error.
//!
//! You will see a blocking connect that waits for a late answer. You will see three connects at
//! once, how each ends, and which one is kept. Then one thread plays both ends of a connection, and
//! another thread cancels the wait for a connect.
//!
//! New here: non-blocking sockets, poll, EINPROGRESS and SO_ERROR.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::process::{self, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use nix::{libc, poll::*};
use socket_workshop::command;
use socket_workshop::deadline::{Deadline, TICK};
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::peer::{bound, silent, wait_until};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*, TimerKind::Retransmit};
use socket_workshop::threads::{Call, wait_in};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

const LIMIT: Duration = Duration::from_secs(5);

/// For the option SO_LINGER: close sends a RST, and no end keeps TIME_WAIT.
const ABORT: Option<Duration> = Some(Duration::ZERO);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        a_connect_that_waits(&mut story)?;
        let addr = reachable(listener.local_addr()?); // not 0.0.0.0, which no connection has
        let client = three_dials(&mut story, addr)?;
        #[cfg(target_os = "linux")]
        over_immediately(&mut story)?;
        one_thread(&mut story, &listener, client)?;
        #[cfg(target_os = "linux")]
        cancelled(&mut story)?;
        story.end()
    })
}

/// A blocking connect to a server that answers late: its accept queue is full at first.
fn a_connect_that_waits(story: &mut Story) -> io::Result<()> {
    let (full, queued) = silent()?; // the queue has room for one, and is full: SYNs are dropped
    let addr = full.local_addr()?;
    let (client, local) = bound([127, 0, 0, 1])?;
    client.set_nonblocking(false)?;
    let handle = client.try_clone()?; // for the thread: another descriptor of the same socket
    let thread = thread::spawn(move || {
        let started = Instant::now();
        handle.connect(&addr.into())?;
        Ok::<_, io::Error>(started.elapsed())
    });
    let waits = wait_in(Call::Connect, 1); // None: this machine does not say
    // The SYN may still be under way: until the listener has dropped it.
    wait_until(End::of(&full)?, |row| {
        row.is_some_and(|row| row.drops != Some(0))
    })?;
    SockRef::from(&queued).set_linger(ABORT)?;
    drop(queued);
    drop(full.accept()?); // now the queue has room: the kernel answers the next SYN
    let took = thread.join().expect("it only connects")?;
    story
        .stage("the server answered late; connect has returned")
        .expect("late server", End::of(&full)?, must(Listen).recv_q(1))
        .pair(End::between(local, addr), Established, Established)
        .why(
            "A blocking connect waits for the answer to its SYN: at least a round trip, and longer \
             if a SYN is lost. Until then its thread can do nothing else.",
        )
        .claim(
            "While the server was silent, a thread waited in connect.",
            waits != Some(false),
        )
        .claim(
            format!("It took {took:.1?}: the first SYN was dropped, and a later one was answered."),
            waits.is_none() || took >= Duration::from_millis(500),
        )
        .show()
}

/// Dials three servers at once, and returns the connection that succeeds first.
fn three_dials(story: &mut Story, answers: SocketAddr) -> io::Result<Socket> {
    let (_not_listening, refuses) = bound([127, 0, 0, 1])?;
    let (full, _queued) = silent()?;
    let refused = dial(refuses)?;
    let unanswered = dial(full.local_addr()?)?;
    let answered = dial(answers)?;
    story
        .stage("three connects; no call has waited")
        .expect("refused client", refused.end, gone())
        .expect("silent server", End::of(&full)?, must(Listen).recv_q(1))
        .expect(
            "unanswered client",
            unanswered.end,
            must(SynSent).timer(Retransmit),
        )
        .pair(answered.end, Established, Established)
        .timers()
        .why(
            "One server refuses, one is silent, one answers. (The two ESTABLISHED rows without a \
             role are the connection that fills the silent server's accept queue.) Two connects \
             have ended already, because loopback is fast. Linux returns EINPROGRESS all the same.",
        )
        .claim(
            "Each of the three calls returned EINPROGRESS.",
            refused.in_progress && unanswered.in_progress && answered.in_progress,
        )
        .show()?;

    let refused_is_writable = is_writable(&refused.socket)?;
    let while_in_progress = connect_again(&unanswered);
    let after_success = connect_again(&answered);
    let after_that = connect_again(&answered);
    let (unanswered_end, answered_end) = (unanswered.end, answered.end);
    let kept = first_of(vec![refused.socket, unanswered.socket, answered.socket])?;
    let none_answers = first_of(vec![dial(refuses)?.socket, dial(refuses)?.socket]);
    story
        .stage("one connection is kept, the others are closed")
        .asks("The socket is writable. Is it connected?")
        .expect("unanswered client", unanswered_end, gone())
        .client(answered_end, Established)
        .why(
            "A program may dial several addresses of a name, and keep the first connection. (RFC \
             8305, 5: it starts a connect every 250 ms, even if earlier ones are still in \
             progress.) Writable means only that a connect has ended. SO_ERROR says how.",
        )
        .claim("The refused client was writable, too.", refused_is_writable)
        .claim(
            "Called again, connect gave EALREADY to the unanswered client: still in progress.",
            while_in_progress == Some(libc::EALREADY),
        )
        .claim(
            "To the connected client it returned Ok (Linux), and after that EISCONN: connected \
             already.",
            after_success.is_none() && after_that == Some(libc::EISCONN),
        )
        .fails(
            "When a server had refused both connects, first_of",
            none_answers,
            ErrorKind::ConnectionRefused,
        )
        .show()?;
    Ok(kept)
}

/// A non-blocking connect that has begun.
struct Dial {
    socket: Socket,
    addr: SocketAddr,
    end: End,
    /// Whether connect returned EINPROGRESS, and not Ok.
    in_progress: bool,
}

/// Starts to connect: sends the SYN and does not wait for the answer.
fn dial(addr: SocketAddr) -> io::Result<Dial> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?; // sets the flag O_NONBLOCK (fcntl(2))
    let in_progress = match socket.connect(&addr.into()) {
        Ok(()) => false, // it is connected: poll will report it as writable at once
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => true,
        Err(error) => return Err(error),
    };
    let end = End::between(End::of(&socket)?.local, addr);
    Ok(Dial {
        socket,
        addr,
        end,
        in_progress,
    })
}

/// Calls connect once more. Returns the number of the error, or `None` for Ok.
fn connect_again(dial: &Dial) -> Option<i32> {
    let error = dial.socket.connect(&dial.addr.into()).err()?;
    error.raw_os_error()
}

/// What a client waits for: the end of its connect, then room to send.
fn writable(client: &Socket) -> PollFd<'_> {
    PollFd::new(client.as_fd(), PollFlags::POLLOUT)
}

fn is_writable(client: &Socket) -> io::Result<bool> {
    let mut fds = [writable(client)];
    poll(&mut fds, PollTimeout::ZERO)?; // does not wait
    let reported = fds[0].revents();
    Ok(reported.is_some_and(|flags| flags.contains(PollFlags::POLLOUT)))
}

/// Waits until a descriptor of the list is ready, and returns its place in the list. A socket with
/// an error is ready: poll reports an error even if the program has not asked for it.
fn ready(fds: &mut [PollFd], limit: Duration) -> io::Result<usize> {
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    poll(fds, limit)?;
    let place = fds.iter().position(|fd| fd.any() == Some(true));
    place.ok_or(ErrorKind::TimedOut.into())
}

/// The first connect that succeeds, with one deadline for all. The others are closed.
fn first_of(mut sockets: Vec<Socket>) -> io::Result<Socket> {
    let deadline = Deadline::after(LIMIT);
    let mut last_error = ErrorKind::NotFound.into(); // stays so if the list is empty
    while !sockets.is_empty() {
        let mut fds: Vec<PollFd> = sockets.iter().map(writable).collect();
        let place = ready(&mut fds, deadline.remaining()?)?;
        let socket = sockets.swap_remove(place); // its connect has ended
        // SO_ERROR: how it has ended. Reading it clears it.
        match socket.take_error()? {
            None => return Ok(socket),
            Some(error) => last_error = error,
        }
    }
    Err(last_error)
}

/// A connect that need not wait for another machine, to a Unix socket (unix(7)).
#[cfg(target_os = "linux")]
fn over_immediately(story: &mut Story) -> io::Result<()> {
    // On Linux a name that begins with a zero byte is not in the file system.
    let name = SockAddr::unix(format!("\0socket-workshop.{}", process::id()))?;
    let server = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    server.bind(&name)?;
    server.listen(1)?;
    let client = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    client.set_nonblocking(true)?;
    let connected = client.connect(&name);
    let writable_now = is_writable(&client)?;
    let is_connected = client.take_error()?.is_none();
    story.claim(
        "\nA non-blocking connect may also return Ok, as here to a Unix socket (which connects \
         programs of one machine). poll reports the socket as writable, and SO_ERROR is 0. So \
         a program that waits in poll needs no extra code.",
        connected.is_ok() && writable_now && is_connected,
    )
}

/// Client and server on one thread. A call that waited would stop the other end, too.
fn one_thread(story: &mut Story, listener: &TcpListener, client: Socket) -> io::Result<()> {
    let (mut server, _) = listener.accept()?;
    let handle = server.try_clone()?; // another descriptor of the same socket
    handle.set_nonblocking(true)?; // the flag belongs to the socket: it is set for `server`, too
    let mut buf = vec![0; 1 << 20];
    let read = server.read(&mut buf);
    let data = vec![0; 64 << 20]; // more than the send buffer holds
    let size = data.len();
    let sent = client.send(&data)?;
    story
        .stage("64 MiB to send; the server has not read yet")
        .pair(
            End::of(&client)?,
            Established,
            must(Established).recv_q(1..),
        )
        .why(
            "send takes what the send buffer has room for at that moment, and returns how many \
             bytes. (Bytes move while the table is read: the queues need not add up.)",
        )
        .fails(
            "Before the client sent, the server's read",
            read,
            ErrorKind::WouldBlock,
        )
        .claim(format!("send took {sent} of {size} bytes."), sent < size)
        .show()?;

    let more = (sent + (1 << 20)).min(size); // of the rest a MiB is enough to show
    let mut queued = &data[sent..more]; // the program keeps it until poll reports room
    let mut arrived = 0;
    while arrived < more {
        let readable = PollFd::new(server.as_fd(), PollFlags::POLLIN);
        let mut fds = vec![readable];
        if !queued.is_empty() {
            fds.push(writable(&client));
        }
        let is_server = ready(&mut fds, LIMIT)? == 0; // its place in the list
        if is_server {
            arrived += server.read(&mut buf)?;
        } else {
            let taken = client.send(queued)?;
            queued = &queued[taken..];
        }
    }
    let text = format!(
        "\nThe server has read {arrived} bytes: the client sent more when poll reported room."
    );
    story.claim(&text, arrived > sent)?;
    client.set_linger(ABORT) // no TIME_WAIT in the next table
}

/// Another thread cancels the wait for a connect. It writes to an eventfd (eventfd(2)), a
/// descriptor that is readable after a write. poll waits for the socket and for the eventfd.
#[cfg(target_os = "linux")]
fn cancelled(story: &mut Story) -> io::Result<()> {
    let (full, _queued) = silent()?;
    let Dial {
        socket, addr, end, ..
    } = dial(full.local_addr()?)?;
    let cancel = nix::sys::eventfd::EventFd::new()?;
    let place = thread::scope(|scope| {
        scope.spawn(|| cancel.write(1));
        let readable = PollFd::new(cancel.as_fd(), PollFlags::POLLIN);
        ready(&mut [writable(&socket), readable], LIMIT)
    })?;
    let is_cancelled = place == 1; // the eventfd's

    socket.set_nonblocking(false)?;
    let limit = Duration::from_millis(100);
    socket.set_write_timeout(Some(limit))?; // limits connect, too, which would wait two minutes
    let started = Instant::now();
    let connected = socket.connect(&addr.into());
    let sent = socket.send(b"x");
    let took = started.elapsed();
    story
        .stage("the wait is cancelled, the connect is not")
        .client(end, must(SynSent).timer(Retransmit))
        .why(
            "The kernel does not know that our program has stopped waiting, and keeps sending the \
             SYN. Close the socket to end the connect.",
        )
        .claim(
            "Another thread wrote to the eventfd, and poll returned: that cancelled our wait.",
            is_cancelled,
        )
        .claim(
            format!(
                "On the socket, now blocking again, connect and send waited for the answer, 100 ms \
                 each (their timeout): {took:.0?} in all."
            ),
            connected.is_err() && sent.is_err() && took + TICK >= 2 * limit,
        )
        .show()
}
