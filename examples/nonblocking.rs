//! Your thread must wait for several connections at once, or stop a connect when another thread
//! cancels it. `TcpStream::connect` cannot do that. A client that never blocks is a state machine,
//! driven by poll.
//!
//!     cargo run --example nonblocking
//!
//! You will see a blocking connect that waits for the server's answer, three connects at once and
//! how each ends, a connect that succeeds immediately, both ends of a connection on one thread, and
//! a connect that is cancelled.
//!
//! New here: one thread that waits for several things.

use nix::{libc, poll::*};
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*, TimerKind::Retransmit};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::{command, deadline::Deadline, peer};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::{os::fd::AsFd, process, thread, time::Duration, time::Instant};

const LIMIT: Duration = Duration::from_secs(5);

fn main() -> process::ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        a_connect_that_waits(&mut story)?;
        // 0.0.0.0 and :: are not addresses to dial.
        let client = three_dials(&mut story, reachable(listener.local_addr()?))?;
        #[cfg(target_os = "linux")]
        over_immediately(&mut story)?;
        one_thread(&mut story, &listener, client)?;
        #[cfg(target_os = "linux")]
        called_off(&mut story)?;
        story.end()
    })
}

/// A blocking connect to a server that answers late: its accept queue is full at first.
fn a_connect_that_waits(story: &mut Story) -> io::Result<()> {
    let (full, _queued) = peer::silent()?;
    let silent = full.local_addr()?;
    let (dialer, local) = peer::bound([127, 0, 0, 1])?;
    dialer.set_nonblocking(false)?;
    let handle = dialer.try_clone()?; // for the thread: another descriptor of the same socket
    let thread = thread::spawn(move || {
        let started = Instant::now();
        handle.connect(&silent.into())?;
        Ok::<_, io::Error>(started.elapsed())
    });
    let waited = wait_in(Call::Connect, 1) != Some(false); // None: this machine does not say
    let _first = full.accept()?; // now the queue has room: the kernel answers the next SYN
    let took = thread.join().expect("it only connects")?;
    story
        .stage("the server answered late; connect has returned")
        .pair(End::between(local, silent), Established, Established)
        .why(
            "A blocking connect waits for the answer to its SYN: at least a round trip, and longer \
             if a SYN is lost. Until then its thread can do nothing else.",
        )
        .claim(
            "While the server was silent, a thread waited in connect.",
            waited,
        )
        .claim(
            format!("It took {took:.1?}: the first SYN was dropped, a later one answered."),
            took >= Duration::from_millis(500),
        )
        .show()
}

fn three_dials(story: &mut Story, answers: SocketAddr) -> io::Result<Socket> {
    let (_deaf, refuses) = peer::bound([127, 0, 0, 1])?; // bound, but not listening
    let (full, _queued) = peer::silent()?; // its accept queue is full
    let silent = full.local_addr()?;
    let first = dial(refuses)?;
    let second = dial(silent)?;
    let third = dial(answers)?;
    let unanswered = second.end;
    let answered = third.end;
    let all_are = [first.connect, second.connect, third.connect] == [Connect::InProgress; 3];
    story
        .stage("three connects; no call has waited")
        .expect("refused", first.end, gone())
        .expect("unanswered", unanswered, must(SynSent).timer(Retransmit))
        .pair(answered, Established, Established)
        .timers()
        .why(
            "One server refuses, one is silent, one answers. Two connects are already over: \
             loopback is fast. Linux returns EINPROGRESS all the same.",
        )
        .claim("Each of the three calls returned EINPROGRESS.", all_are)
        .show()?;

    let again = second.socket.connect(&silent.into());
    let already = again.is_err_and(|error| error.raw_os_error() == Some(libc::EALREADY));
    let again = third.socket.connect(&answers.into());
    let over = again.is_ok();
    let mut refused = [writable(&first.socket)];
    poll(&mut refused, PollTimeout::ZERO)?;
    let is_writable = refused[0]
        .revents()
        .is_some_and(|is| is.contains(PollFlags::POLLOUT));
    let lost = first_of(vec![dial(refuses)?.socket, dial(refuses)?.socket], LIMIT);
    let winner = first_of(vec![first.socket, second.socket, third.socket], LIMIT)?;
    story
        .stage("one connect has won, the others are closed")
        .asks("The socket is writable. Is it connected?")
        .expect("unanswered", unanswered, gone())
        .client(answered, Established)
        .why("Writable means only that connect is over. SO_ERROR says how it has ended.")
        .claim("The refused socket was writable, too.", is_writable)
        .claim(
            "Another connect of the unanswered socket gave EALREADY.",
            already,
        )
        .claim(
            "The next connect of the connected socket returned Ok (Linux; after it EISCONN).",
            over,
        )
        .fails(
            "A race between two refused connects",
            lost,
            ErrorKind::ConnectionRefused,
        )
        .show()?;
    Ok(winner)
}

/// A non-blocking connect that has begun.
struct Dial {
    socket: Socket,
    end: End,
    connect: Connect,
}

/// What a non-blocking connect returned.
#[derive(Clone, Copy, PartialEq)]
enum Connect {
    /// EINPROGRESS: poll says when it is over, and SO_ERROR how.
    InProgress,
    /// Ok. poll says immediately that it is over, so this needs no case of its own.
    Over,
}

/// Starts to connect: sends the SYN and does not wait for the answer.
fn dial(addr: SocketAddr) -> io::Result<Dial> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?; // F_GETFL, then F_SETFL with O_NONBLOCK added
    let connect = match socket.connect(&addr.into()) {
        Ok(()) => Connect::Over,
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Connect::InProgress,
        Err(error) => return Err(error),
    };
    let end = End::between(End::of(&socket)?.local, addr);
    Ok(Dial {
        socket,
        end,
        connect,
    })
}

/// The first connect that succeeds, with one deadline for all. Dropping the others closes them.
fn first_of(mut dials: Vec<Socket>, limit: Duration) -> io::Result<Socket> {
    let deadline = Deadline::after(limit);
    let mut outcome = Err(ErrorKind::NotFound.into());
    while outcome.is_err() && !dials.is_empty() {
        let mut fds: Vec<_> = dials.iter().map(writable).collect();
        let dial = dials.swap_remove(ready(&mut fds, deadline.remaining()?)?);
        // It has ended, but how? SO_ERROR says so once: reading it clears it.
        outcome = match dial.take_error()? {
            None => Ok(dial),
            Some(error) => Err(error),
        };
    }
    outcome // if all failed: the error of the last one
}

/// What a client waits for: the end of its connect, then room to send.
fn writable(client: &Socket) -> PollFd<'_> {
    PollFd::new(client.as_fd(), PollFlags::POLLOUT)
}

/// Waits until one of them can continue. Failing counts: poll reports errors without being asked.
fn ready(fds: &mut [PollFd], limit: Duration) -> io::Result<usize> {
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    poll(fds, limit)?;
    let ready = fds.iter().position(|fd| fd.any() == Some(true));
    ready.ok_or(ErrorKind::TimedOut.into())
}

/// A connect that need not wait for another host, to a Unix socket (unix(7)).
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
    ready(&mut [writable(&client)], LIMIT)?;
    let is_connected = client.take_error()?.is_none();
    story.claim(
        "\nA connect may also succeed immediately: to a Unix socket it returned Ok. The socket is \
         writable, and SO_ERROR is 0, so the same code serves.",
        connected.is_ok() && is_connected,
    )
}

/// Client and server on one thread: a call that waited for the other end would wait for itself.
fn one_thread(story: &mut Story, listener: &TcpListener, client: Socket) -> io::Result<()> {
    let (mut server, _) = listener.accept()?;
    server.try_clone()?.set_nonblocking(true)?; // both handles share the flag (fcntl(2))
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
        .why("send takes what the send buffer has room for at that moment, and returns how much.")
        .fails(
            "Before that, a read of the server",
            read,
            ErrorKind::WouldBlock,
        )
        .claim(format!("send took {sent} of {size} bytes."), sent < size)
        .show()?;

    let more = (sent + (1 << 20)).min(size); // of the rest a MiB is enough to show
    let mut queued = &data[sent..more]; // the program keeps it until poll reports POLLOUT
    let mut arrived = 0;
    while arrived < more {
        let mut fds = vec![PollFd::new(server.as_fd(), PollFlags::POLLIN)];
        if !queued.is_empty() {
            fds.push(writable(&client));
        }
        match ready(&mut fds, LIMIT)? {
            0 => arrived += server.read(&mut buf)?,
            _ => {
                let taken = client.send(queued)?;
                queued = &queued[taken..];
            }
        }
    }
    let text = format!(
        "\nThe server has read {arrived} bytes: the client sent more when poll reported room."
    );
    story.claim(&text, arrived > sent)
}

/// Another thread cancels a connect: it makes an eventfd readable, for which poll waits, too.
#[cfg(target_os = "linux")]
fn called_off(story: &mut Story) -> io::Result<()> {
    let (full, _queued) = peer::silent()?;
    let silent = full.local_addr()?;
    let Dial { socket, end, .. } = dial(silent)?;
    let cancel = nix::sys::eventfd::EventFd::new()?; // readable after a write to it
    let which = thread::scope(|scope| {
        scope.spawn(|| cancel.write(1));
        let cancelled = PollFd::new(cancel.as_fd(), PollFlags::POLLIN);
        ready(&mut [writable(&socket), cancelled], LIMIT)
    })?;

    socket.set_nonblocking(false)?;
    let limit = Duration::from_millis(100);
    socket.set_write_timeout(Some(limit))?; // by default it waits for two minutes
    let started = Instant::now();
    let connected = socket.connect(&silent.into());
    let sent = socket.send(b"x");
    let took = started.elapsed();
    story
        .stage("cancelled, not closed; the socket blocks again")
        .client(end, must(SynSent).timer(Retransmit))
        .why(
            "The kernel does not know that we cancelled, and keeps trying. The end of our wait \
             does not end the connect: close the socket.",
        )
        .claim(
            "Another thread wrote to the eventfd, and poll returned: that cancelled our wait.",
            which == 1,
        )
        .claim(
            format!("Then connect and send waited for the answer, {took:.0?} in all."),
            connected.is_err() && sent.is_err() && took >= 2 * limit,
        )
        .show()
}
