//! Your server has run for weeks. Then one line is in the log, `accept: Too many open files`, and
//! the server is gone, or it uses a whole CPU and serves no client. Which errors of accept end a
//! server, and what does it do about the others?
//!
//!     cargo run --example accept_errors
//!     ulimit -n                                how many descriptors a process may have here
//!
//! Each connection needs a descriptor (the number of an open file or socket). A process may have a
//! limited number of them. When all are in use, accept fails with EMFILE: too many open files.
//!
//! You will see a connection that is reset while it waits in the accept queue. Then a server has no
//! descriptor left for a client: you will see how it waits and recovers, and what ends it.
//!
//! New here: three kinds of errors of accept. An error of one connection: take the next. A shortage
//! of the process or the system: wait, then try again. An error of the listener: end.
//!
//! Exercise: the one of lesson `listener`. Its rule 14 is about a shortage of descriptors,
//! and rule 7 about the error that ends the server.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::resource::{Resource::RLIMIT_NOFILE, getrlimit, setrlimit};
use socket_workshop::command;
use socket_workshop::listen::{Listen, ShutOnDrop};
use socket_workshop::peer::wait_until;
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*};
use socket2::{Domain, SockRef, Socket, Type};

/// For the option SO_LINGER: close sends a RST, not a FIN.
const ABORT: Option<Duration> = Some(Duration::ZERO);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        a_reset_in_the_queue(&mut story, &listener)?;
        no_descriptor(&mut story, &listener)?;
        a_server_that_recovers(&mut story, &listener)?;
        a_port_for_some_only(&mut story)?;
        story.end()
    })
}

/// What a server does after an error of accept.
enum Next {
    /// The error is that of one connection: take the next.
    Accept,
    /// Something is used up, and that lasts: wait before you try again.
    Rest,
    /// The listener will never accept again.
    End,
}

/// Sorts the errors of accept(2), and that of `spawn`.
fn what_next(error: &io::Error) -> Next {
    let Some(errno) = error.raw_os_error() else {
        return Next::End;
    };
    match Errno::from_raw(errno) {
        // The connection is gone. On Linux the first read reports that instead.
        Errno::ECONNABORTED => Next::Accept,
        // Network errors of the new connection: accept(2), "Error handling", lists these for TCP.
        // (Today's Linux does not return them from accept.)
        Errno::ENETDOWN | Errno::EPROTO | Errno::ENOPROTOOPT | Errno::EHOSTDOWN => Next::Accept,
        Errno::ENONET | Errno::EHOSTUNREACH | Errno::EOPNOTSUPP | Errno::ENETUNREACH => {
            Next::Accept
        }
        // No descriptor is left for the process, or for the system; or no memory.
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => Next::Rest,
        // A firewall rule forbids it (accept(2)), and may do so again at once.
        Errno::EPERM => Next::Rest,
        // No thread can be started: an error of `spawn`. The connection of this client is closed.
        Errno::EAGAIN => Next::Rest,
        // EINVAL: it does not listen (any more). EBADF: it is closed. ENOTSOCK: it is not a socket.
        _ => Next::End,
    }
}

/// A client connects, and resets the connection before the server accepts it.
fn a_reset_in_the_queue(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    let client = TcpStream::connect(listening.local)?;
    let end = End::of(&client)?;
    wait_until(listening, |row| row.is_some_and(|row| row.recv_q == 1))?; // it is in the queue
    SockRef::from(&client).set_linger(ABORT)?;
    drop(client);
    story
        .stage("the client has sent a RST, before accept")
        .expect("listener", listening, must(Listen).recv_q(1))
        .pair(end, gone(), gone())
        .why(
            "The RST has ended the connection at both ends. Its place in the accept queue (Recv-Q) \
             is still taken.",
        )
        .show()?;

    let (mut server, _) = listener.accept()?;
    let read = server.read(&mut [0; 8]);
    story
        .stage("the server has accepted it, and read")
        .expect("listener", listening, must(Listen).recv_q(0))
        .pair(end, gone(), gone())
        .why(
            "accept returned Ok, and the program has a descriptor for a connection that has ended. \
             (Some other systems return ECONNABORTED from accept.)",
        )
        .fails("The first read", read, ErrorKind::ConnectionReset)
        .show()
}

/// How many descriptors this process may have, once [`leak`] has run.
const DESCRIPTORS: u64 = 100;

/// Opens files until this process has no descriptor left. When the files are dropped, their
/// descriptors are free again.
fn leak() -> io::Result<Vec<File>> {
    // Of the two limits the soft one counts. A process may change it, up to the hard one.
    let (_soft, hard) = getrlimit(RLIMIT_NOFILE)?;
    setrlimit(RLIMIT_NOFILE, DESCRIPTORS.min(hard), hard)?; // as `ulimit -Sn 100` does
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) if is_emfile(&error) => return Ok(files),
            Err(error) => return Err(error),
        }
    }
}

/// EMFILE has no [`ErrorKind`] of its own.
fn is_emfile(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EMFILE as i32)
}

/// A client waits in the queue, and the process has no descriptor for it.
fn no_descriptor(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    let client = TcpStream::connect(listening.local)?;
    let leaked = leak()?;
    let started = Instant::now();
    let mut failed = 0;
    for _ in 0..100 {
        let accepted = listener.accept();
        if accepted.is_err_and(|error| is_emfile(&error)) {
            failed += 1;
        }
    }
    let took = started.elapsed();
    drop(leaked);
    story
        .stage("accept, 100 times, without a free descriptor")
        .expect("listener", listening, must(Listen).recv_q(1))
        .pair(End::of(&client)?, Established, Established)
        .asks("The server has no descriptor left. What becomes of the next client?")
        .why("The client is still in the accept queue, and its connection is unchanged.")
        .claim(
            format!(
                "accept gave EMFILE {failed} times, in {took:.1?}. It does not wait for a \
                 descriptor: a loop that tries again at once uses a whole CPU."
            ),
            failed == 100,
        )
        .show()?;
    SockRef::from(&client).set_linger(ABORT)?; // no TIME_WAIT in the tables below
    drop(client);
    drop(listener.accept()?); // descriptors are free again: accept takes the connection
    Ok(())
}

/// The first pause of [`serve`], and the longest. Each is twice as long as the one before.
const SHORTEST_REST: Duration = Duration::from_millis(10);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How long this lesson waits at most until `serve` reports a pause.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives each connection a thread, until the listener fails. Reports the start of each pause.
fn serve(listener: &TcpListener, rests: &Sender<Instant>) -> io::Error {
    thread::scope(|connections| {
        let mut rest = SHORTEST_REST;
        loop {
            let started = match listener.accept() {
                // `spawn` would panic if no thread can be started; a `Builder` returns the error.
                Ok((stream, peer)) => {
                    thread::Builder::new().spawn_scoped(connections, move || greet(stream, peer))
                }
                Err(error) => Err(error),
            };
            let Err(error) = started else {
                rest = SHORTEST_REST;
                continue;
            };
            match what_next(&error) {
                Next::Accept => {}
                Next::Rest => {
                    let _ = rests.send(Instant::now()); // cannot fail: the receiver lives longer
                    // The kernel has no event for "a descriptor is free": try again later.
                    thread::sleep(rest);
                    rest = LONGEST_REST.min(rest * 2);
                }
                Next::End => return error,
            }
        }
    })
}

/// Greets the client, then reads until it closes. An error here ends this connection only.
fn greet(mut stream: TcpStream, peer: SocketAddr) -> io::Result<u64> {
    stream.write_all(format!("hello, {peer}\n").as_bytes())?;
    io::copy(&mut stream, &mut io::sink())
}

/// A shortage while a server runs, and the end of the server.
fn a_server_that_recovers(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    let (sender, rests) = mpsc::channel();
    let error = thread::scope(|scope| {
        let end_of_serve = ShutOnDrop(listener); // dropped on an error too: `serve` ends
        let server = scope.spawn(move || serve(listener, &sender));
        a_shortage(story, listening.local, &rests)?;
        drop(end_of_serve);
        Ok::<_, io::Error>(server.join().expect("`serve` does not panic"))
    })?;
    story
        .stage("the listener is shut down")
        .expect("listener", listening, gone())
        .why("It does not listen any more, so each accept fails.")
        .claim(
            format!("serve has ended with the error of accept: {error}, EINVAL."),
            error.raw_os_error() == Some(Errno::EINVAL as i32),
        )
        .show()
}

/// Clients of [`serve`]: one while all is well, two more when no descriptor is left.
fn a_shortage(story: &mut Story, addr: SocketAddr, rests: &Receiver<Instant>) -> io::Result<()> {
    let greeted = must(Established).recv_q(1..);
    let first = TcpStream::connect(addr)?;
    let first_end = End::of(&first)?;
    story
        .stage("`serve` has greeted its first client")
        .expect("first client", first_end, greeted)
        .expect("server, first", first_end.other(), Established)
        .why("A thread of the server has sent the greeting (Recv-Q), and waits in read.")
        .show()?;

    let second = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    let third = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    let leaked = leak()?;
    second.connect(&addr.into())?; // may be accepted: a blocked accept has reserved a descriptor
    third.connect(&addr.into())?;
    let mut begun = Vec::new();
    for _ in 0..4 {
        let rest = rests.recv_timeout(PATIENCE); // waits until `serve` has met EMFILE
        begun.push(rest.map_err(io::Error::other)?);
    }
    let took = begun[3] - begun[0];
    drop(leaked);
    let second_end = End::of(&second)?;
    let third_end = End::of(&third)?;
    story
        .stage("two clients came while no descriptor was free")
        .expect("first client", first_end, Established)
        .expect("second client", second_end, greeted)
        .expect("server, second", second_end.other(), Established)
        .expect("third client", third_end, greeted)
        .expect("server, third", third_end.other(), Established)
        .why(
            "Now descriptors are free again. The first client has stayed connected. The other two \
             were neither refused nor reset, and have their greeting now.",
        )
        .claim(
            format!(
                "serve paused for 10, 20 and 40 ms: from its first failure to its fourth, it took \
                 {took:.0?}."
            ),
            took >= Duration::from_millis(70),
        )
        .show()
}

/// An error that ends a server before it begins. Trying again does not help.
fn a_port_for_some_only(story: &mut Story) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let bound = socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 80)).into());
    let kind = bound.as_ref().err().map(io::Error::kind);
    if kind != Some(ErrorKind::PermissionDenied) {
        return story.tell(
            "Not shown here: bind to port 80 gives EACCES to an ordinary user. This program may \
             bind to it: it runs as root, or net.ipv4.ip_unprivileged_port_start is 80 or lower.",
        );
    }
    story.fails("bind to port 80", bound, ErrorKind::PermissionDenied)?;
    story.tell(
        "That is EACCES. A port below net.ipv4.ip_unprivileged_port_start (1024 unless changed) \
         needs the privilege CAP_NET_BIND_SERVICE, which root has.",
    )
}
