//! One client of your server is silent, and all other clients wait. So you give each client a
//! thread, and then ten thousand clients need ten thousand threads. Which other designs are there,
//! what does each cost, and when do you choose it?
//!
//!     cargo run --example servers                           all four, stage by stage
//!     cargo run --example servers -- serve one-by-one       one of them, for real clients
//!     nc 127.0.0.1 8330                                     a client, in another terminal
//!     strace -f -p $(pidof servers)                         the server's system calls
//!
//! (A system call is a call of a program into the kernel, such as accept or read.)
//!
//! Four servers do the same: they send back what they receive. They differ in how they wait:
//!
//!     one-by-one      one client after another, on one thread
//!     thread-each     a new thread for each client
//!     threads-stay    a few threads, each of which accepts a client, serves it, and accepts again
//!     poll            one thread that waits for all clients at once
//!
//! You will see what each server does while one client is silent or does not read. Then you will
//! see what each costs: threads, memory and system calls. And you will see how many requests each
//! answers. (A request is a few bytes here, and its answer is the same bytes.)
//!
//! The lesson starts each server in a process of its own. So the threads, the memory and the system
//! calls that it counts are those of this server alone.
//!
//! New here: one thread for many clients, which notes for each client what is still to be sent; and
//! threads that stay when their client has gone.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use bpaf::{Parser, construct, long, positional};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket_workshop::accept_queue::somaxconn;
use socket_workshop::command;
use socket_workshop::fault::Attempt;
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::peer::wait_until;
use socket_workshop::process::{Calls, Process, inherited_listener};
use socket_workshop::stage::{Flags, Story, must, play_with};
use socket_workshop::table::{End, State::*};
use socket_workshop::throughput::calls_per_second;
use socket_workshop::{say, serve::raise_descriptor_limit};
use socket2::{Domain, SockRef, Socket, Type};

fn main() -> ExitCode {
    play_with(all_four, |addr, Arguments { design, inherit }| {
        raise_descriptor_limit()?; // each client needs a descriptor
        let listener = match inherit {
            true => inherited_listener()?,
            false => Listen::with_backlog(4096).on(addr)?,
        };
        say!("listening on {}; Ctrl-C ends it", listener.local_addr()?)?;
        design.serve(&listener)
    })
}

/// What `serve` needs to know besides its address.
struct Arguments {
    design: Design,
    /// Listen on the socket that is stdin. The lesson starts its servers in this way.
    inherit: bool,
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str = "Serve real clients, until Ctrl-C";

    fn parser() -> impl Parser<Arguments> + 'static {
        let help = "How it waits: one-by-one, thread-each, threads-stay or poll";
        let design = positional::<Design>("DESIGN").help(help);
        let inherit = long("inherit").switch().hide();
        construct!(Arguments { inherit, design })
    }
}

/// How a server waits for its clients.
#[derive(Clone, Copy)]
enum Design {
    OneByOne,
    ThreadEach,
    ThreadsStay,
    Poll,
}

use Design::*;

impl FromStr for Design {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Design, &'static str> {
        let named = [OneByOne, ThreadEach, ThreadsStay, Poll]
            .into_iter()
            .find(|design| design.name() == name);
        named.ok_or("expected one-by-one, thread-each, threads-stay or poll")
    }
}

impl Design {
    fn name(self) -> &'static str {
        match self {
            OneByOne => "one-by-one",
            ThreadEach => "thread-each",
            ThreadsStay => "threads-stay",
            Poll => "poll",
        }
    }

    /// Serves until accept fails. Which errors of accept must not end a server is the subject of
    /// lesson `accept_errors`; here each of them ends the thread that got it.
    fn serve(self, listener: &TcpListener) -> io::Result<()> {
        match self {
            OneByOne => one_by_one(listener),
            ThreadEach => a_thread_for_each(listener),
            ThreadsStay => threads_that_stay(listener),
            Poll => one_thread_and_poll(listener),
        }
    }
}

/// (a) Accepts a client, serves it to its end, and only then accepts the next.
fn one_by_one(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        let _ = echo(client); // an error ends this connection only
    }
}

/// Sends back what arrives, to end of file. It waits in read for a client that is silent, and in
/// write for one that does not read.
fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buf = [0; 4096];
    loop {
        match client.read(&mut buf)? {
            0 => return Ok(()),
            n => client.write_all(&buf[..n])?,
        }
    }
}

/// (b) Accepts a client and starts a thread for it. Only that thread waits for the client.
fn a_thread_for_each(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        // If no thread can be started, the closure is dropped, and the connection with it.
        let _ = thread::Builder::new().spawn(move || echo(client));
    }
}

/// How many threads stay in design (c).
const THREADS: usize = 4;

/// (c) Design (a) on several threads, with one listener. All of them wait in accept, and Linux
/// wakes one for each client (Stevens, UNIX Network Programming, volume 1: "TCP Prethreaded Server,
/// per-Thread accept"). `src/serve.rs` is such a server. It starts more threads when none waits in
/// accept.
fn threads_that_stay(listener: &TcpListener) -> io::Result<()> {
    thread::scope(|scope| {
        for _ in 1..THREADS {
            thread::Builder::new().spawn_scoped(scope, || one_by_one(listener))?;
        }
        one_by_one(listener)
    })
}

/// (d) Waits for the listener and all clients at once. No call on a socket may wait, because all
/// other clients would wait with it.
fn one_thread_and_poll(listener: &TcpListener) -> io::Result<()> {
    // accept(2), "Notes": when accept is called, the client may be gone, and a call that blocks
    // would wait for another one. (On Linux a client that has reset stays in the queue.)
    listener.set_nonblocking(true)?;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let mut fds = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        fds.extend(clients.iter().map(Client::waits_for));
        poll(&mut fds, PollTimeout::NONE)?;
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();

        let mut is_ready = ready[1..].iter();
        clients.retain_mut(|client| match is_ready.next() {
            Some(true) => client.goes_on(),
            _ => true,
        });
        if ready[0] {
            match listener.accept() {
                Ok((stream, _)) => clients.push(Client::new(stream)?),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {} // the client is gone
                Err(error) => return Err(error),
            }
        }
    }
}

/// What design (d) notes for each client. In the other designs a thread does that on its stack.
struct Client {
    stream: TcpStream,
    /// Bytes that the kernel had no room for yet.
    unsent: Vec<u8>,
}

impl Client {
    fn new(stream: TcpStream) -> io::Result<Client> {
        stream.set_nonblocking(true)?;
        let unsent = Vec::new();
        Ok(Client { stream, unsent })
    }

    /// What poll waits for: room to send if bytes are unsent, otherwise bytes to read. So the
    /// server reads no more from a client that does not read, and keeps at most one buffer for it.
    fn waits_for(&self) -> PollFd<'_> {
        let event = match self.unsent.is_empty() {
            true => PollFlags::POLLIN,
            false => PollFlags::POLLOUT,
        };
        PollFd::new(self.stream.as_fd(), event)
    }

    /// Does what can be done now. False if the connection is over.
    fn goes_on(&mut self) -> bool {
        match self.echo() {
            Ok(is_open) => is_open,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    fn echo(&mut self) -> io::Result<bool> {
        if self.unsent.is_empty() {
            let mut buf = [0; 4096];
            let n = self.stream.read(&mut buf)?;
            if n == 0 {
                return Ok(false);
            }
            self.unsent.extend_from_slice(&buf[..n]);
        }
        let n = self.stream.write(&self.unsent)?; // takes what there is room for
        self.unsent.drain(..n);
        Ok(true)
    }
}

fn all_four(flags: &Flags) -> io::Result<()> {
    let descriptors = raise_descriptor_limit()?;
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    all_others_wait(&mut story, &listener)?;
    nobody_waits(&mut story, &listener)?;
    all_threads_wait(&mut story, &listener)?;
    one_thread(&mut story, &listener)?;
    drop(listener); // from here on each server has its own
    let idle = idle_clients(&mut story, descriptors)?;
    let servers = [
        Server::start(OneByOne)?,
        Server::start(ThreadEach)?,
        Server::start(ThreadsStay)?,
        Server::start(Poll)?,
    ];
    let counted = system_calls(&mut story, &servers)?;
    which(&mut story, &servers, &counted, &idle)?;
    story.end()
}

/// Starts a server in a process of its own, which runs this program too. The process is killed when
/// the returned value is dropped.
fn start(design: Design, listener: &TcpListener) -> io::Result<Process> {
    Process::start(&["serve", design.name(), "--inherit"], listener)
}

/// How long a client waits for its answer at most. The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// For the option SO_LINGER: close sends a RST, and no end keeps TIME_WAIT.
const ABORT: Option<Duration> = Some(Duration::ZERO);

/// A client that has sent "hello", which the server may not have read yet.
fn client(server: SocketAddr) -> io::Result<TcpStream> {
    let mut client = TcpStream::connect(reachable(server))?;
    client.set_read_timeout(Some(PATIENCE))?;
    SockRef::from(&client).set_linger(ABORT)?;
    client.write_all(b"hello")?;
    Ok(client)
}

/// Waits for the answer. True if it is right.
fn is_answered(mut client: &TcpStream) -> io::Result<bool> {
    let mut answer = [0; 5];
    client.read_exact(&mut answer)?;
    Ok(&answer == b"hello")
}

/// A client that has been answered, so it is being served. From now on it is silent.
fn silent(server: SocketAddr) -> io::Result<TcpStream> {
    let client = client(server)?;
    match is_answered(&client).attempt(|| "no answer".to_owned())? {
        true => Ok(client),
        false => Err(io::Error::other("another answer than the request")),
    }
}

/// (a), and a silent client.
fn all_others_wait(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    let server = start(OneByOne, listener)?;
    let first = silent(listening.local)?;
    let second = client(listening.local)?;
    wait_until(listening, |row| row.is_some_and(|row| row.recv_q == 1))?; // before the third
    let third = client(listening.local)?;
    let first_end = End::of(&first)?;
    let second_end = End::of(&second)?;
    let third_end = End::of(&third)?;
    let unread = must(Established).recv_q(5);
    let threads = server.threads();
    story
        .stage("(a) one client after another; the first is silent")
        .expect("listener", listening, must(Listen).recv_q(2))
        .expect("silent client", first_end, Established)
        .expect("server, silent", first_end.other(), Established)
        .expect("second client", second_end, Established)
        .expect("server, second", second_end.other(), unread)
        .expect("third client", third_end, Established)
        .expect("server, third", third_end.other(), unread)
        .asks("A server serves one client after another. One is silent. Is the next one answered?")
        .why(
            "The server's only thread waits in read for the silent client, and accepts the next \
             one only when this one has closed. The kernel has completed the other two connections \
             and received their bytes. Both wait in the accept queue: the second until the \
             silent client closes, the third until the second has closed too.",
        )
        .claim("The server has one thread.", threads.is_none_or(|n| n == 1))
        .show()?;
    drop(first);
    let answered = is_answered(&second)?;
    drop(second);
    story.claim(
        "When the silent client closed, the second one was answered, and after it the third.",
        answered && is_answered(&third)?,
    )
}

/// (b), and a silent client.
fn nobody_waits(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    let server = start(ThreadEach, listener)?;
    let first = silent(listening.local)?;
    let second = client(listening.local)?;
    let third = client(listening.local)?;
    let answered = is_answered(&second)? && is_answered(&third)?;
    let threads = server.threads();
    story
        .stage("(b) a thread for each client; the first is silent")
        .expect("listener", listening, must(Listen).recv_q(0))
        .expect("silent client", End::of(&first)?, Established)
        .expect("second client", End::of(&second)?, Established)
        .expect("third client", End::of(&third)?, Established)
        .why(
            "One thread waits for the silent client. Each other client has a thread too, so none \
             waits in the accept queue: the listener's Recv-Q is 0.",
        )
        .claim("The second and the third client were answered.", answered)
        .claim(
            "The server has four threads: one in accept, and one for each client.",
            threads.is_none_or(|n| n == 4),
        )
        .show()
}

/// (c), and as many silent clients as it has threads.
fn all_threads_wait(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    let server = start(ThreadsStay, listener)?;
    let before_a_client = server.comes_to_threads(THREADS);
    let mut silent_clients = Vec::new();
    for _ in 0..THREADS {
        silent_clients.push(silent(listening.local)?);
    }
    let last = client(listening.local)?;
    let last_end = End::of(&last)?;
    let is_four = server.comes_to_threads(THREADS);
    story
        .stage("(c) four threads that stay; four clients are silent")
        .expect("listener", listening, must(Listen).recv_q(1))
        .expect("fifth client", last_end, Established)
        .expect(
            "server, fifth",
            last_end.other(),
            must(Established).recv_q(5),
        )
        .why(
            "Each thread serves one client after another, as in (a). Now each waits for a silent \
             client (the rows without a role), and the fifth client waits in the accept queue.",
        )
        .claim(
            "The server has four threads, as it had before the first client came.",
            before_a_client && is_four,
        )
        .show()?;
    silent_clients.pop();
    story.claim(
        "When one of the silent clients closed, the fifth was answered.",
        is_answered(&last)?,
    )
}

/// What the client of [`one_thread`] sends, in bytes: more than the server and its kernel keep.
const MUCH: usize = 128 << 10;

/// (d), a silent client, and one that does not read.
fn one_thread(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let listening = End::of(listener)?;
    SockRef::from(listener).set_send_buffer_size(4096)?; // small; accepted sockets inherit it
    let server = start(Poll, listener)?;
    let silent_client = silent(listening.local)?;
    let silent_end = End::of(&silent_client)?;
    let greedy = Socket::new(Domain::for_address(listening.local), Type::STREAM, None)?;
    greedy.set_recv_buffer_size(4096)?;
    greedy.set_send_buffer_size(MUCH)?;
    greedy.connect(&reachable(listening.local).into())?;
    let mut greedy = TcpStream::from(greedy);
    greedy.set_read_timeout(Some(PATIENCE))?;
    greedy.set_write_timeout(Some(PATIENCE))?;
    SockRef::from(&greedy).set_linger(ABORT)?;
    greedy.write_all(&vec![b'x'; MUCH])?;
    let greedy_end = End::of(&greedy)?;
    let third = client(listening.local)?;
    let answered = is_answered(&third)?;
    let threads = server.threads();
    let waiting = must(Established).recv_q(1..);
    story
        .stage("(d) one thread and poll; one client does not read")
        .expect("listener", listening, must(Listen).recv_q(0))
        .expect("silent client", silent_end, Established)
        .expect("client, not reading", greedy_end, waiting)
        .expect(
            "server, not reading",
            greedy_end.other(),
            waiting.send_q(1..),
        )
        .expect("third client", End::of(&third)?, Established)
        .why(
            "The client that does not read has filled its receive buffer, and then the server's \
             send buffer. The server keeps at most 4096 bytes for it, and calls poll to wait for \
             room to send them. Until then it reads no more. The other bytes stay in the server's \
             Recv-Q. Those that do not fit there stay in the client's Send-Q.",
        )
        .claim("The third client was answered.", answered)
        .claim("The server has one thread.", threads.is_none_or(|n| n == 1))
        .show()?;
    let mut back = vec![0; MUCH];
    greedy.read_exact(&mut back)?;
    story.claim(
        "Then the client read, and all its bytes came back.",
        back.iter().all(|byte| *byte == b'x'),
    )
}

/// A server with a listener of its own.
struct Server {
    addr: SocketAddr,
    listening: End,
    process: Process,
}

impl Server {
    fn start(design: Design) -> io::Result<Server> {
        let listener = Listen::with_backlog(4096).on(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = listener.local_addr()?;
        Ok(Server {
            addr,
            listening: End::of(&listener)?,
            process: start(design, &listener)?,
        })
    }
}

/// The most clients that [`idle_clients`] connects to each of two servers.
const IDLE: usize = 1000;

/// What [`idle_clients`] has found.
struct Idle {
    clients: usize,
    /// Memory for a client of (b) and of (d), in bytes.
    memory: [Option<f64>; 2],
    /// How fast (b) and (d) answer beside these clients: 1 is as fast as without.
    speed: [f64; 2],
}

/// (b) and (d), with many clients that are idle.
fn idle_clients(story: &mut Story, descriptors: u64) -> io::Result<Idle> {
    let room = descriptors.saturating_sub(100) / 2; // for the clients of two servers
    let wanted = IDLE.min(room as usize);
    let servers = [Server::start(ThreadEach)?, Server::start(Poll)?];
    let [b, d] = &servers;
    let before = servers.each_ref().map(|server| server.process.memory());
    let alone = [rate(b, KEPT)?, rate(d, KEPT)?];
    let of_b = idle_clients_of(b, wanted)?;
    let of_d = idle_clients_of(d, of_b.len())?;
    let clients = of_d.len();
    let is_each = b.process.comes_to_threads(clients + 1);
    let is_one = d.process.comes_to_threads(1);
    let after = servers.each_ref().map(|server| server.process.memory());
    let per_client = |n: usize| Some(after[n]?.saturating_sub(before[n]?) as f64 / clients as f64);
    let memory = [per_client(0), per_client(1)];
    let speed = [rate(b, KEPT)? / alone[0], rate(d, KEPT)? / alone[1]];
    let fewer = match clients {
        IDLE => "",
        _ => " (1000 are too many here: descriptors or threads)",
    };
    let all = must(Established).rows(clients);
    story
        .stage(&format!(
            "{clients} clients of (b) and {clients} of (d) are idle{fewer}"
        ))
        .expect("client of (b)", End::all_to(b.addr), all)
        .expect("client of (d)", End::all_to(d.addr), all)
        .expect(NAMES[1], b.listening, must(Listen).recv_q(0))
        .expect(NAMES[3], d.listening, must(Listen).recv_q(0))
        .why(&format!(
            "One client of each server is shown. In (b) a client costs a thread: the part of its \
             stack that it has used, and memory in the kernel, which is not counted here. In (d) \
             it costs an entry of a list. But poll gets the whole list at each call and looks at \
             each entry. (epoll(7) keeps the list in the kernel.)\n\
             In this run a client of (b) takes {} times the memory of a client of (d). With the \
             idle clients (b) answers {:.2} times as many requests a second as without them, and \
             (d) {:.2} times as many. (On a busy machine these figures say little.)",
            ratio(memory[0], memory[1]),
            speed[0],
            speed[1],
        ))
        .claim(
            format!("(b) has {} threads, (d) has one.", clients + 1),
            is_each && is_one,
        )
        .show()?;
    Ok(Idle {
        clients,
        memory,
        speed,
    })
}

/// No more clients than this connect at a time: an accept queue of 128 has room for them.
const AT_A_TIME: usize = 100;

/// Connects clients that are served and then idle: fewer than wanted if the server can start no
/// further thread, which closes a connection.
fn idle_clients_of(server: &Server, wanted: usize) -> io::Result<Vec<TcpStream>> {
    let mut idle = Vec::new();
    while idle.len() < wanted {
        let mut next = Vec::new();
        let at_a_time = AT_A_TIME.min(somaxconn() as usize).max(1);
        for _ in 0..at_a_time.min(wanted - idle.len()) {
            next.push(client(server.addr)?);
        }
        for client in next {
            match is_answered(&client) {
                Ok(_) => idle.push(client),
                // The read has timed out (PATIENCE), which std on Unix reports as WouldBlock.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(error),
                Err(_) => return Ok(idle),
            }
        }
    }
    Ok(idle)
}

/// The four servers in the tables.
const NAMES: [&str; 4] = ["(a) in turn", "(b) one each", "(c) they stay", "(d) poll"];

/// Connections that [`system_calls`] makes to each server.
const COUNTED: usize = 10;

/// Which system calls the four servers make for a connection with one request. `None` where a
/// program may not trace its child.
fn system_calls(story: &mut Story, servers: &[Server; 4]) -> io::Result<[Option<Calls>; 4]> {
    let mut counted = [None; 4];
    for (server, calls) in servers.iter().zip(&mut counted) {
        *calls = server.process.count_calls(|| {
            for _ in 0..COUNTED {
                one_connection(server.addr)?;
            }
            Ok(())
        })?;
    }
    let row = |kind, of: fn(&Calls) -> usize| row(kind, counted.map(|calls| share(calls, of)));
    let table = [
        String::new(),
        header(),
        row("accept", |calls| calls.accept),
        row("poll", |calls| calls.poll),
        row("read", |calls| calls.read),
        row("write", |calls| calls.write),
        row("close", |calls| calls.close),
        row("others", |calls| calls.other),
        row("in all", Calls::total),
    ];
    let once = |calls: Calls| {
        let of_sockets = [calls.accept, calls.read, calls.write, calls.close];
        of_sockets == [COUNTED, 2 * COUNTED, COUNTED, COUNTED]
    };
    story
        .stage("system calls for a connection with one request")
        .passed(&table.join("\n"))
        .expect(NAMES[0], servers[0].listening, must(Listen).recv_q(0))
        .expect(NAMES[1], servers[1].listening, must(Listen).recv_q(0))
        .expect(NAMES[2], servers[2].listening, must(Listen).recv_q(0))
        .expect(NAMES[3], servers[3].listening, must(Listen).recv_q(0))
        .why(&format!(
            "The mean of {COUNTED} connections. The lesson stopped each server at each system \
             call (ptrace(2), as strace does). Row `others`: (b) starts and ends a thread, (d) \
             makes the socket non-blocking. In a debug build std calls fcntl before close."
        ))
        .claim(
            "All four accept, read, write, read again (end of file), and close.",
            counted.iter().flatten().all(|calls| once(*calls)),
        )
        .show()?;
    Ok(counted)
}

/// Connects, sends one request, and waits until the server has closed its end.
fn one_connection(server: SocketAddr) -> io::Result<()> {
    let mut client = silent(server)?;
    client.shutdown(Shutdown::Write)?;
    client.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The closing table, and when to choose which server.
fn which(
    story: &mut Story,
    servers: &[Server; 4],
    counted: &[Option<Calls>; 4],
    idle: &Idle,
) -> io::Result<()> {
    let clients = idle.clients;
    let [b_memory, d_memory] = idle.memory;
    let [b_speed, d_speed] = idle.speed;
    let none = || "-".to_owned();
    let threads = [1, clients + 1, THREADS, 1].map(|threads| threads.to_string());
    let memory = [
        none(),
        ratio(b_memory, b_memory),
        none(),
        ratio(d_memory, b_memory),
    ];
    let calls = counted.map(|calls| share(calls, Calls::total));
    let short = beside_one_each(servers, NEW)?.map(|ratio| format!("{ratio:.2}"));
    let mut kept = beside_one_each(servers, KEPT)?.map(|ratio| format!("{ratio:.2}"));
    kept[0] = none(); // it serves one connection at a time
    let beside = [
        none(),
        format!("{b_speed:.2}"),
        none(),
        format!("{d_speed:.2}"),
    ];
    let stops = ["all others", "nothing", "one thread", "nothing"].map(str::to_owned);
    let table = [
        String::new(),
        header(),
        row("silent client stops", stops),
        row(&format!("threads, {clients} idle"), threads),
        row("memory per client *", memory),
        row("system calls", calls),
        row("connections/s *", short),
        row("requests/s *", kept),
        row("the same, idle **", beside),
        format!("*  in this run, (b) is 1   ** with {clients} idle clients; without them it is 1"),
    ];
    story
        .stage("which server, when")
        .passed(&table.join("\n"))
        .expect(NAMES[0], servers[0].listening, must(Listen).recv_q(0))
        .expect(NAMES[1], servers[1].listening, must(Listen).recv_q(0))
        .expect(NAMES[2], servers[2].listening, must(Listen).recv_q(0))
        .expect(NAMES[3], servers[3].listening, must(Listen).recv_q(0))
        .why(
            "(a): for one client at a time, as in a tool or a test. (b): the simplest code for up \
             to a few thousand clients. (c): for many short connections, as many at a time as \
             there are threads. (d): for clients that share data: one thread needs no lock. It \
             must never wait for one client, and uses one CPU. For very many clients that are \
             mostly idle, use epoll(7) instead of poll: see the line `the same, idle`.",
        )
        .show()
}

/// Whether [`calls_per_second`] keeps one connection for all requests of a client, or opens a new
/// one for each.
const KEPT: bool = true;
const NEW: bool = false;

/// Requests a second of as many clients as (c) has threads: the median of three.
fn rate(server: &Server, kept: bool) -> io::Result<f64> {
    let mut rates = [0.0; 3];
    for rate in &mut rates {
        *rate = calls_per_second(server.addr, THREADS, kept)?;
    }
    Ok(median(rates))
}

fn median(mut figures: [f64; 3]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[1]
}

/// Requests a second of each server, as a ratio to those of (b): the median of three rounds, in
/// which they take turns. With kept connections (a) would serve one client only: it is left out.
fn beside_one_each(servers: &[Server; 4], kept: bool) -> io::Result<[f64; 4]> {
    let mut ratios = [[0.0; 3]; 4];
    for round in 0..3 {
        let mut rates = [0.0; 4];
        for (server, rate) in servers.iter().zip(&mut rates).skip(usize::from(kept)) {
            *rate = calls_per_second(server.addr, THREADS, kept)?;
        }
        for (ratios, rate) in ratios.iter_mut().zip(rates) {
            ratios[round] = rate / rates[1];
        }
    }
    Ok(ratios.map(median))
}

/// A line of a table: a cell for each of the four servers.
fn row(title: &str, cells: [String; 4]) -> String {
    let [a, b, c, d] = cells;
    format!("{title:<20}{a:>15}{b:>15}{c:>15}{d:>15}")
}

fn header() -> String {
    row("", NAMES.map(str::to_owned))
}

/// How many of some system calls a connection has cost.
fn share(calls: Option<Calls>, of: impl Fn(&Calls) -> usize) -> String {
    match calls.map(|calls| of(&calls)) {
        None => "?".to_owned(), // this machine does not let a program trace its child
        Some(n) if n % COUNTED == 0 => (n / COUNTED).to_string(),
        Some(n) => format!("{:.1}", n as f64 / COUNTED as f64),
    }
}

/// One figure divided by another, where both are known.
fn ratio(a: Option<f64>, b: Option<f64>) -> String {
    match (a, b) {
        (Some(a), Some(b)) if b > 0.0 => format!("{:.2}", a / b),
        _ => "?".to_owned(),
    }
}
