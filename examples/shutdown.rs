//! You press Ctrl-C, and the server does not stop: a thread waits in accept. Or it stops, and
//! clients that were waiting are reset. What wakes accept, and how do you stop without losing
//! clients?
//!
//!     cargo run --example shutdown              plays both ends, stage by stage
//!     cargo run --example shutdown -- serve     a server that drains on Ctrl-C: src/serve.rs
//!     nc 127.0.0.1 8330                         its client, in another terminal
//!
//! You will see that dropping a listener does not wake accept, four ways that do and what each
//! costs, and a drain: queued clients are served and calls under way finish, up to a limit.
//!
//! New here: stopping.

use std::io::{self, ErrorKind::*, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{self, ExitCode};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal::SIGINT, raise};
use socket_workshop::stage::{Flags, Story, gone, must, play, time_wait};
use socket_workshop::stop::{EventFd, Stop};
use socket_workshop::{listen::Listen, say, serve::*, table::End, table::State::*};
use socket2::SockRef;

fn main() -> ExitCode {
    play(both_ends, |addr| {
        let listener = Listen::default().on(addr)?;
        let stop = Stop::on_ctrl_c()?;
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
        .stage("a thread waits in accept; another handle of its listener is dropped")
        .expect("listener", End::listener(addr), Listen)
        .asks("The listener is dropped. Does accept return?")
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
        .claim("accept returned this connection.", peer == end.local)
        .show()?;
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
    let listening = End::of(&listener)?;
    let end = End::of(&queued)?;
    SockRef::from(&listener).shutdown(Shutdown::Read)?;
    story
        .stage("the second way: shutdown on the listener, then again with a client queued")
        .expect("other listener", listening, gone())
        .pair(end, gone(), gone())
        .why("It costs the queued clients: the kernel resets them, as when a listener is closed.")
        .fails("accept", woken, InvalidInput) // EINVAL
        .fails("The client's read", queued.read(&mut [0]), ConnectionReset)
        .show()
}

fn a_timeout(story: &mut Story) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let tick = Duration::from_millis(20);
    SockRef::from(&listener).set_read_timeout(Some(tick))?; // SO_RCVTIMEO also limits accept
    let started = Instant::now();
    let wakeups = (0..5).filter(|_| listener.accept().is_err()).count(); // EAGAIN
    let took = started.elapsed();
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    story
        .stage("the third way: a receive timeout on the listener; then a client comes")
        .expect("other listener", End::of(&listener)?, Listen)
        .pair(End::of(&client)?, Established, Established)
        .why("accept returns when the time is over, and the thread can look at a flag.")
        .claim(
            format!("It costs useless wake-ups: here {wakeups} in {took:.0?}."),
            wakeups == 5 && took >= 5 * tick,
        )
        .claim(
            "Accepted sockets inherit the timeout.",
            server.read_timeout()?.is_some(),
        )
        .show()
}

fn an_eventfd_and_a_drain(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let stop = Arc::new(EventFd::new()?);
    let wish = Arc::clone(&stop);
    let mut asked = false;
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
    let mut first = TcpStream::connect(addr)?;
    let mut silent = TcpStream::connect(addr)?;
    let first_end = End::of(&first)?;
    let silent_end = End::of(&silent)?;
    story
        .stage("the fourth way: poll on an eventfd too; Ctrl-C; then two clients connect")
        .expect("listener", End::listener(addr), must(Listen).recv_q(2))
        .expect("first client", first_end, Established)
        .expect("silent client", silent_end, Established)
        .why(
            "It costs one descriptor. Nothing else changes: the queued clients can still be \
              accepted.",
        )
        .claim("The eventfd ended poll.", by_the_eventfd)
        .show()?;

    listener.set_nonblocking(true)?;
    let calls: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect(); // to EAGAIN
    drop(listener); // clients queued after EAGAIN are reset, later ones are refused
    first.write_all(b"hello")?;
    first.shutdown(Shutdown::Write)?;
    io::copy(&mut &calls[0], &mut &calls[0])?; // a call under way: an echo, until end of file
    let (alive, ended) = mpsc::channel::<()>();
    let waited = thread::scope(|scope| {
        let call = &calls[1];
        scope.spawn(move || {
            let copied = io::copy(&mut { call }, &mut { call });
            drop(alive);
            copied
        });
        // Or until every `alive` is dropped.
        let waited = ended.recv_timeout(Duration::from_millis(100));
        SockRef::from(call).set_linger(Some(Duration::ZERO))?; // closing it sends a RST
        call.shutdown(Shutdown::Read)?; // on Linux this ends its thread's read; it sends nothing
        io::Result::Ok(waited)
    })?;
    drop(calls);
    let answer = io::read_to_string(first)?;
    let in_order = answer == "hello" && waited == Err(mpsc::RecvTimeoutError::Timeout);
    let read = silent.read(&mut [0]);
    story
        .stage("the drain: one call has finished, and one was cut off at the limit")
        .expect("listener", End::listener(addr), gone())
        .expect("first client", first_end, time_wait())
        .expect("silent client", silent_end, gone())
        .why(
            "Both clients were accepted: neither was reset in the queue. main must wait for calls \
              that should finish: the process ends when main returns.",
        )
        .claim("The first client received its answer.", in_order)
        .fails("The silent client's read", read, ConnectionReset)
        .show()
}
