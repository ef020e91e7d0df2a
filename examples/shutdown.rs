//! You press Ctrl-C, and the server does not stop: a thread waits in accept. Or it stops, and
//! clients that were waiting are reset. What wakes accept, and how do you stop without losing
//! clients?
//!
//!     cargo run --example shutdown              plays both ends, stage by stage
//!     cargo run --example shutdown -- serve     a server that drains on Ctrl-C: src/serve.rs
//!     nc 127.0.0.1 8330                         its client, in another terminal
//!
//! You will see that dropping a listener does not wake accept, four ways that do and what each
//! costs, and a drain: queued clients are served and calls under way finish, up to a limit. New
//! here: stopping.

use std::io::{self, ErrorKind::*, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{mem, os::fd::AsFd, process, process::ExitCode, sync::Arc, sync::mpsc, thread};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal::SIGINT, raise};
use socket_workshop::stage::{Flags, Story, gone, must, play, time_wait};
use socket_workshop::stop::{EventFd, Stop};
use socket_workshop::{listen::Listen, say, serve::*, table::End, table::State::*};
use socket2::SockRef;

fn main() -> ExitCode {
    play(both_ends, |addr| {
        let (listener, stop) = (Listen::default().on(addr)?, Stop::on_ctrl_c()?);
        say!("listening on {}; Ctrl-C drains", listener.local_addr()?)?;
        let echo = |c: &Connection| io::copy(&mut { c }, &mut { c }).map(drop);
        say!("{}", serve(listener, &stop, 1000, echo)?)
    })
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

fn a_connection_to_itself(story: &mut Story, listener: TcpListener) -> io::Result<TcpListener> {
    let addr = listener.local_addr()?;
    let handle = listener.try_clone()?;
    let acceptor = thread::spawn(move || (handle.accept(), handle));
    drop(listener); // closes one descriptor; another still refers to the socket
    story
        .stage("a thread waits in accept; another handle of its listener has been dropped")
        .expect("listener", End::listener(addr), Listen)
        .why(
            "The thread's handle keeps the socket in LISTEN. A flag does not end accept either, \
              nor does a signal: std calls accept again.",
        )
        .show()?;
    let end = End::of(&TcpStream::connect(addr)?)?; // and closed
    let (accepted, listener) = acceptor.join().expect("it only accepts");
    let peer = accepted?.1;
    story
        .stage("the first way: a connection to itself")
        .pair(end, time_wait(), gone())
        .why(
            "accept takes it after the clients that already wait. It costs a TIME_WAIT and a \
              place in the queue (if that is full, connect waits), and needs an address that this \
              host can dial.",
        )
        .show()?;
    story.claim("accept returned this connection.", peer == end.local)?;
    Ok(listener)
}

fn shutdown_on_the_listener(story: &mut Story) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let handle = listener.try_clone()?;
    let acceptor = thread::spawn(move || handle.accept());
    SockRef::from(&listener).shutdown(Shutdown::Read)?;
    let woken = acceptor.join().expect("it only accepts");
    SockRef::from(&listener).listen(1)?; // listen again: Linux allows that
    let mut queued = TcpStream::connect(listener.local_addr()?)?;
    let (listening, end) = (End::of(&listener)?, End::of(&queued)?);
    SockRef::from(&listener).shutdown(Shutdown::Read)?;
    story
        .stage(
            "the second way: shutdown on a listening socket, then again with a client in its queue",
        )
        .expect("other listener", listening, gone())
        .pair(end, gone(), gone())
        .why("It costs the queued clients: the kernel resets them, as when a listener is closed.")
        .show()?;
    story.fails("accept", woken, InvalidInput)?; // EINVAL
    story.fails("The client's read", queued.read(&mut [0]), ConnectionReset)
}

fn a_timeout(story: &mut Story) -> io::Result<()> {
    let (listener, tick) = (TcpListener::bind("127.0.0.1:0")?, Duration::from_millis(20));
    SockRef::from(&listener).set_read_timeout(Some(tick))?; // SO_RCVTIMEO also limits accept
    let started = Instant::now();
    let wakeups = (0..5).filter(|_| listener.accept().is_err()).count(); // EAGAIN
    let took = started.elapsed();
    let text = format!(
        "\nThe third way: a receive timeout. It costs {wakeups} useless wake-ups in {took:.0?}."
    );
    story.claim(&text, wakeups == 5 && took >= 5 * tick)?;
    let _client = TcpStream::connect(listener.local_addr()?)?;
    let inherited = listener.accept()?.0.read_timeout()?.is_some();
    story.claim("Accepted sockets inherit the timeout.", inherited)
}

fn an_eventfd_and_a_drain(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let stop = Arc::new(EventFd::new()?);
    let (wish, mut asked) = (Arc::clone(&stop), false);
    ctrlc::set_handler(move || match mem::replace(&mut asked, true) {
        false => drop(wish.write(1)), // runs on a thread of ctrlc, not in the signal handler
        true => process::exit(130),   // a second Ctrl-C
    })
    .map_err(io::Error::other)?;
    raise(SIGINT)?; // what Ctrl-C sends
    let mut fds = [listener.as_fd(), stop.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    poll(&mut fds, PollTimeout::NONE)?; // poll is not restarted after a signal: it may return EINTR
    let by_the_eventfd = fds.map(|fd| fd.any()) == [Some(false), Some(true)];
    let addr = listener.local_addr()?;
    let (mut first, mut silent) = (TcpStream::connect(addr)?, TcpStream::connect(addr)?);
    let ends = [End::of(&first)?, End::of(&silent)?];
    story
        .stage(
            "the fourth way: poll on the listener and an eventfd; Ctrl-C; then two clients \
                connect",
        )
        .expect("listener", End::listener(addr), must(Listen).recv_q(2))
        .expect("first client", ends[0], Established)
        .expect("silent client", ends[1], Established)
        .why(
            "It costs one descriptor. Nothing else changes: the queued clients can still be \
              accepted.",
        )
        .show()?;
    story.claim("The eventfd ended poll.", by_the_eventfd)?;

    listener.set_nonblocking(true)?;
    let calls: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect(); // to EAGAIN
    drop(listener); // clients queued after EAGAIN are reset, later ones are refused
    first.write_all(b"hello")?;
    first.shutdown(Shutdown::Write)?;
    io::copy(&mut &calls[0], &mut &calls[0])?; // a call under way: an echo, until end of file
    let (alive, ended) = mpsc::channel::<()>();
    let waited = thread::scope(|scope| {
        let call = &calls[1];
        scope.spawn(move || (io::copy(&mut { call }, &mut { call }), drop(alive)));
        // Or until every `alive` is dropped.
        let waited = ended.recv_timeout(Duration::from_millis(100));
        SockRef::from(call).set_linger(Some(Duration::ZERO))?; // closing it sends a RST
        // On Linux this ends its thread's read. It sends nothing.
        call.shutdown(Shutdown::Read).and(Ok(waited))
    })?;
    drop(calls);
    let answer = io::read_to_string(first)?;
    story
        .stage(
            "the drain: both clients were accepted; one call finished, one was cut off at the \
                limit",
        )
        .expect("listener", End::listener(addr), gone())
        .expect("first client", ends[0], time_wait())
        .expect("silent client", ends[1], gone())
        .why(
            "Neither was reset in the queue; the silent one was reset at the limit. main must \
              wait for calls that should finish: the process ends when main returns.",
        )
        .show()?;
    let in_order = answer == "hello" && waited == Err(mpsc::RecvTimeoutError::Timeout);
    story.claim("The first client received its answer.", in_order)?;
    let read = silent.read(&mut [0]);
    story.fails("The silent client's read", read, ConnectionReset)
}
