//! Your thread must wait for several connections at once, or stop a connect that another thread
//! cancels. A blocking call cannot do that. A client that never blocks is a state machine, driven
//! by poll.
//!
//!     cargo run --example nonblocking
//!
//! You will see three connects at once and how each ends, both ends of a connection on one thread,
//! and a connect that is cancelled.
//!
//! New here: one thread that waits for several things.

use nix::{libc, poll::*};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*, TimerKind::Retransmit};
use socket_workshop::{command, deadline::Deadline, listen::Listen, peer};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::{os::fd::AsFd, process::ExitCode, time::Duration, time::Instant};

const LIMIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        let client = three_dials(&mut story, listener.local_addr()?)?;
        one_thread(&mut story, &listener, client)?;
        #[cfg(target_os = "linux")]
        called_off(&mut story)?;
        story.end()
    })
}

fn three_dials(story: &mut Story, answers: SocketAddr) -> io::Result<Socket> {
    let (_deaf, refuses) = peer::bound([127, 0, 0, 1])?; // bound, but not listening
    let (full, _queued) = peer::silent()?; // its accept queue is full
    let silent = full.local_addr()?;
    let (first, refused) = dial(refuses)?;
    let (second, unanswered) = dial(silent)?;
    let (third, answered) = dial(answers)?;
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
            "Two connects are already over: loopback is fast. On Linux connect returned \
              EINPROGRESS all the same.",
        )
        .show()?;
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

/// Starts to connect: sends the SYN and does not wait for the answer.
fn dial(addr: SocketAddr) -> io::Result<(Socket, End)> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?; // F_GETFL, then F_SETFL with O_NONBLOCK added
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {} // immediate success needs no case of its own: the socket is writable immediately
    }
    let end = End::between(End::of(&socket)?.local, addr);
    Ok((socket, end))
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

/// Client and server on one thread: a call that waited for the other end would wait for itself.
fn one_thread(story: &mut Story, listener: &TcpListener, client: Socket) -> io::Result<()> {
    let (mut server, _) = listener.accept()?;
    server.try_clone()?.set_nonblocking(true)?; // both handles share the flag (fcntl(2))
    let (size, mut arrived, mut buf) = (64 << 20, 0, vec![0; 1 << 20]);
    story.fails("A first read", server.read(&mut buf), ErrorKind::WouldBlock)?;
    let data = vec![0; size]; // more than both buffers hold
    let (end, sent) = (End::of(&client)?, client.send(&data)?);
    story
        .stage("the client has sent what it can; the server has not read")
        .client(end, must(Established).send_q(1..))
        .server(end, must(Established).recv_q(1..))
        .show()?;
    let mut queued = &data[sent..]; // the program keeps it until poll reports POLLOUT
    while arrived < size {
        let mut fds = vec![PollFd::new(server.as_fd(), PollFlags::POLLIN)];
        fds.extend((!queued.is_empty()).then(|| writable(&client)));
        match ready(&mut fds, LIMIT)? {
            0 => arrived += server.read(&mut buf)?,
            _ => queued = &queued[client.send(queued)?..],
        }
    }
    let text = format!("send took {sent} of {size} bytes. The rest was sent when there was room.");
    story.claim(&text, sent < size)
}

#[cfg(target_os = "linux")]
fn called_off(story: &mut Story) -> io::Result<()> {
    let (full, _queued) = peer::silent()?;
    let (client, end) = dial(full.local_addr()?)?;
    let cancel = nix::sys::eventfd::EventFd::new()?; // readable after a write to it
    let told = std::thread::scope(|scope| {
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
