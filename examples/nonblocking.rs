//! Your thread must wait for several connections at once, or stop a connect that another thread
//! cancels. A blocking call cannot do that. A client that never blocks is a state machine, driven
//! by poll.
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
    let thread = thread::spawn(move || {
        let started = Instant::now();
        let connected = dialer.connect(&silent.into());
        (connected, started.elapsed(), dialer)
    });
    let waits = wait_in(Call::Connect, 1) != Some(false); // None: this machine does not say
    story.claim("\nA thread waits in connect. The server is silent.", waits)?;
    full.accept()?; // now the queue has room: the kernel answers the next SYN
    let (connected, took, _dialer) = thread.join().expect("it only connects");
    story
        .stage("the server has answered, and connect has returned")
        .pair(End::between(local, silent), Established, Established)
        .why(
            "A blocking connect waits for the answer to its SYN: at least a round trip, and longer \
              if a SYN is lost. Until then its thread can do nothing else.",
        )
        .show()?;
    let text = format!("It took {took:.1?}: the first SYN was dropped, the second answered.");
    story.claim(
        &text,
        connected.is_ok() && took >= Duration::from_millis(500),
    )
}

fn three_dials(story: &mut Story, answers: SocketAddr) -> io::Result<Socket> {
    let (_deaf, refuses) = peer::bound([127, 0, 0, 1])?; // bound, but not listening
    let (full, _queued) = peer::silent()?; // its accept queue is full
    let silent = full.local_addr()?;
    let (first, refused, first_is) = dial(refuses)?;
    let (second, unanswered, second_is) = dial(silent)?;
    let (third, answered, third_is) = dial(answers)?;
    story
        .stage(
            "connect to a server that refuses, a silent one and one that answers: no call \
                waited",
        )
        .expect("refused", refused, gone())
        .expect("unanswered", unanswered, must(SynSent).timer(Retransmit))
        .pair(answered, Established, Established)
        .timers()
        .why(
            "Two connects are already over: loopback is fast. Linux returns EINPROGRESS all the \
              same.",
        )
        .show()?;
    let all_are = [first_is, second_is, third_is] == [Connect::InProgress; 3];
    let text = "Each of the three calls returned EINPROGRESS.";
    story.claim(text, all_are || cfg!(not(target_os = "linux")))?;
    let again = second.connect(&silent.into());
    let already = again.is_err_and(|error| error.raw_os_error() == Some(libc::EALREADY));
    let over = third.connect(&answers.into()).is_ok() || cfg!(not(target_os = "linux")); // EISCONN
    let text = "A second connect returns EALREADY while the first is under way, and Ok once it has \
                succeeded.";
    story.claim(text, already && over)?;
    let lost = first_of(vec![dial(refuses)?.0, dial(refuses)?.0], LIMIT);
    story.fails(
        "A race between two refused connects",
        lost,
        ErrorKind::ConnectionRefused,
    )?;
    let winner = first_of(vec![first, second, third], LIMIT)?;
    story
        .stage("poll and SO_ERROR: one connect has won, the others are closed")
        .expect("unanswered", unanswered, gone())
        .client(answered, Established)
        .why(
            "The refused socket was writable too, and earlier. close ended the unanswered connect.",
        )
        .show()
        .and(Ok(winner))
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
fn dial(addr: SocketAddr) -> io::Result<(Socket, End, Connect)> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?; // F_GETFL, then F_SETFL with O_NONBLOCK added
    let connect = match socket.connect(&addr.into()) {
        Ok(()) => Connect::Over,
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Connect::InProgress,
        Err(error) => return Err(error),
    };
    let end = End::between(End::of(&socket)?.local, addr);
    Ok((socket, end, connect))
}

/// The first connect that succeeds, with one deadline for all. Dropping the others closes them.
fn first_of(mut dials: Vec<Socket>, limit: Duration) -> io::Result<Socket> {
    let (deadline, mut outcome) = (Deadline::after(limit), Err(ErrorKind::NotFound.into()));
    while outcome.is_err() && !dials.is_empty() {
        let mut fds: Vec<_> = dials.iter().map(writable).collect();
        let dial = dials.swap_remove(ready(&mut fds, deadline.remaining()?)?);
        // It has ended, but how? SO_ERROR says so once: reading it clears it.
        outcome = dial.take_error()?.map_or(Ok(dial), Err);
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
    let over = ready(&mut [writable(&client)], LIMIT)? == 0 && client.take_error()?.is_none();
    story.claim(
        "A connect may also succeed immediately: to a Unix socket it returned Ok. The socket is \
         writable, and SO_ERROR is 0, so the same code serves.",
        connected.is_ok() && over,
    )
}

/// Client and server on one thread: a call that waited for the other end would wait for itself.
fn one_thread(story: &mut Story, listener: &TcpListener, client: Socket) -> io::Result<()> {
    let (mut server, _) = listener.accept()?;
    server.try_clone()?.set_nonblocking(true)?; // both handles share the flag (fcntl(2))
    let mut buf = vec![0; 1 << 20];
    story.fails("A first read", server.read(&mut buf), ErrorKind::WouldBlock)?;
    let data = vec![0; 64 << 20]; // more than the send buffer holds
    let (end, sent) = (End::of(&client)?, client.send(&data)?);
    story
        .stage("the client has sent what it can; the server has not read")
        .pair(end, Established, must(Established).recv_q(1..))
        .why("send takes what the send buffer has room for at that moment, and returns how much.")
        .show()?;
    let more = (sent + (1 << 20)).min(data.len()); // of the rest a MiB is enough to show
    let mut queued = &data[sent..more]; // the program keeps it until poll reports POLLOUT
    let mut arrived = 0;
    while arrived < more {
        let mut fds = vec![PollFd::new(server.as_fd(), PollFlags::POLLIN)];
        fds.extend((!queued.is_empty()).then(|| writable(&client)));
        match ready(&mut fds, LIMIT)? {
            0 => arrived += server.read(&mut buf)?,
            _ => queued = &queued[client.send(queued)?..],
        }
    }
    let size = data.len();
    let text = format!("send took {sent} of {size} bytes. More was sent when there was room.");
    story.claim(&text, sent < more)
}

#[cfg(target_os = "linux")]
fn called_off(story: &mut Story) -> io::Result<()> {
    let (full, _queued) = peer::silent()?;
    let (client, end, _) = dial(full.local_addr()?)?;
    let cancel = nix::sys::eventfd::EventFd::new()?; // readable after a write to it
    let told = thread::scope(|scope| {
        scope.spawn(|| cancel.write(1));
        let cancel = PollFd::new(cancel.as_fd(), PollFlags::POLLIN);
        ready(&mut [writable(&client), cancel], LIMIT)
    })?;
    story.claim(
        "\nAnother connect; a thread writes to the eventfd, and poll returns.",
        told == 1,
    )?;
    client.set_nonblocking(false)?;
    client.set_write_timeout(Some(LIMIT / 50))?; // 100 ms; by default two minutes
    let started = Instant::now();
    let failed = client.connect(&full.local_addr()?.into()).is_err() && client.send(b"x").is_err();
    let took = started.elapsed();
    story
        .stage("cancelled but not closed: the socket is blocking again")
        .client(end, must(SynSent).timer(Retransmit))
        .why(
            "The kernel does not know that we cancelled, and keeps trying: only close ends a \
              connect.",
        )
        .show()?;
    let text = format!("Before that, connect and send waited for the answer, {took:.0?} in all.");
    story.claim(&text, failed && took >= 2 * (LIMIT / 50))
}
