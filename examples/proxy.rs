//! Your proxy copies every byte, and still clients hang: one end waits for an end of file that the
//! proxy never passed on. A proxy must copy both directions, and the way each one ends.
//!
//!     cargo run --example proxy                                 stage by stage
//!     cargo run --example kv -- serve                           terminal 1: a server
//!     cargo run --example proxy -- serve --to 127.0.0.1:1234    terminal 2: a proxy, until Ctrl-C
//!     cargo run --example kv -- get k --to 127.0.0.1:8330       terminal 3: a client; nc works too
//!
//! A proxy accepts a client, connects to a server for it, and copies the bytes between the two:
//!
//!     client ------------------> proxy ------------------> server
//!             first connection          second connection
//!
//! You will see what goes wrong until the proxy passes a FIN on. Then you will see hundreds of
//! connections through a proxy, a reset that it passes on, and what the copying costs.
//!
//! New here: a program that accepts one connection and dials another, and joins them. Each client
//! takes two of the proxy's descriptors, so the proxy has a limit: further clients wait in its
//! accept queue.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket_workshop::dial::resolve;
use socket_workshop::listen::{Listen, ShutOnDrop};
use socket_workshop::peer::{connected, connected_through};
use socket_workshop::places::Places;
use socket_workshop::serve::Concerns;
use socket_workshop::stage::{Flags, Story, Target, gone, must, play_with, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::{say, serve, throughput};
use socket2::{Domain, SockRef, Socket, Type};

/// How long the proxy waits when the process is out of descriptors or threads.
const REST: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    // With `serve --to ADDR`, a proxy for real clients.
    play_with(both_ends, |listen, target: Target| {
        serve::raise_descriptor_limit()?;
        let mut server = resolve(&target.to)?;
        server.retain(|addr| socket_for(addr).is_ok()); // this machine may have no IPv6
        let listener = Listen::with_backlog(4096).on(listen)?;
        say!("listening on {}; Ctrl-C ends it", listener.local_addr()?)?;
        Err(proxy(&listener, &server, target.max_connections.get()))
    })
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    by_hand(&mut story, &listener)?;
    too_early(&mut story, &listener)?;
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let front = Listen::with_backlog(4096).on(any_port)?; // the proxy's listener
    let back = Listen::with_backlog(4096).on(any_port)?; // the server's listener
    let addr = front.local_addr()?;
    let server = [back.local_addr()?];
    thread::scope(|scope| {
        // At the end of this closure both listeners are shut down, so `proxy` returns.
        let _end_of_proxy = [ShutOnDrop(&front), ShutOnDrop(&back)];
        scope.spawn(|| proxy(&front, &server, 1000));
        hundreds(&mut story, addr, &back)?;
        the_cost(&mut story, addr, &back)
    })?;
    story.end()
}

/// What a proxy does, call by call, and what is wrong until the last call.
fn by_hand(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    // The proxy has an end of each connection: `to_client` and `to_server`.
    let (mut client, to_client, first) = connected(listener)?;
    let (to_server, mut server, second) = connected(listener)?;
    client.write_all(b"question")?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut &to_client, &mut &to_server)?; // returns at end of file; sends no FIN
    server.set_read_timeout(Some(Duration::from_millis(100)))?;
    let read = server.read_to_end(&mut Vec::new());
    story
        .stage("the client has asked and half-closed; the proxy has copied the question")
        .proxied(
            first,
            second,
            [FinWait2, CloseWait, Established, Established],
        )
        .asks("The client has half-closed. What must a proxy do?")
        .why(
            "The client waits for the answer. The server waits for the end of the question. \
             Neither will come. (One listener plays the proxy's and the server's here, so both \
             connections are to the same port.)",
        )
        .fails(
            "The server's read, with a timeout of 100 ms,",
            read,
            ErrorKind::WouldBlock,
        )
        .show()?;

    to_server.shutdown(Shutdown::Write)?;
    server.set_read_timeout(Some(Duration::from_secs(5)))?; // if no FIN comes
    let at_end = server.read(&mut [0])?;
    story
        .stage("the proxy has passed the FIN on: shutdown(Write) on the second connection")
        .proxied(first, second, [FinWait2, CloseWait, FinWait2, CloseWait])
        .why("The other direction of both connections is still open, for the answer.")
        .claim("The server reads end of file.", at_end == 0)
        .show()?;

    server.write_all(b"answer")?;
    drop(server);
    io::copy(&mut &to_server, &mut &to_client)?;
    to_client.shutdown(Shutdown::Write)?;
    let answered = client.read(&mut [0; 8])?;
    story
        .stage("the server has answered and closed; the proxy has passed on answer and FIN")
        .proxied(first, second, [time_wait(), gone(), time_wait(), gone()])
        .why(
            "In each connection the end that had connected sent its FIN first, and keeps \
             TIME_WAIT. In the second one that end is the proxy's.",
        )
        .claim("The client received its answer.", answered == 6)
        .show()
}

/// A proxy that closes both connections at the first end of file.
fn too_early(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, to_client, first) = connected(listener)?;
    let (to_server, mut server, second) = connected(listener)?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut &to_client, &mut &to_server)?;
    drop(to_client);
    drop(to_server);
    server.write_all(b"answer")?; // succeeds, but the proxy's kernel responds with a RST
    let answered = client.read(&mut [0])?;
    story
        .stage("another proxy closed both connections at the client's FIN; the server answered")
        .proxied(first, second, [time_wait(), gone(), gone(), gone()])
        .why(
            "The answer comes to the proxy's machine, where no socket can receive it any more. The \
             kernel responds with a RST, and the answer is lost.",
        )
        .claim("The client reads end of file instead.", answered == 0)
        .show()
}

/// Serves clients until the listener fails. Each client gets a connection to the server and two
/// threads. At most `most` clients are served at once. The others wait in the accept queue. There
/// are no time limits: a client that has vanished keeps its place.
fn proxy(listener: &TcpListener, server: &[SocketAddr], most: usize) -> io::Error {
    let places = Places::new(most);
    thread::scope(|scope| {
        loop {
            let place = places.take(); // waits until one is free
            match next_client(listener, server) {
                Ok((client, sockets)) => {
                    let client = Arc::new(client);
                    let of_thread = Arc::clone(&client);
                    let thread = thread::Builder::new().spawn_scoped(scope, move || {
                        let relayed = relay(&of_thread, sockets, server);
                        drop(of_thread); // closes the connection before its place is free
                        drop(place);
                        relayed
                    });
                    if thread.is_err() {
                        abort(&client); // it is not served: a FIN would say "that was all"
                        drop(client);
                        thread::sleep(REST); // no event says that a thread can be started
                    }
                }
                Err(error) => match serve::concerns(&error) {
                    Concerns::Listener => return error,
                    Concerns::Connection => {}
                    // The kernel has no event for "a descriptor is free": look again later.
                    Concerns::Process => thread::sleep(REST),
                },
            }
        }
    })
}

/// Accepts a client once there is a socket for its connection to the server. Clients that were
/// accepted without one could take the last descriptors, and then none of them could be served.
fn next_client(
    listener: &TcpListener,
    server: &[SocketAddr],
) -> io::Result<(TcpStream, Vec<Socket>)> {
    let mut sockets = Vec::new();
    for addr in server {
        sockets.push(socket_for(addr)?);
    }
    let (client, _) = listener.accept()?;
    Ok((client, sockets))
}

/// A socket that can connect to this address. It is not connected yet.
fn socket_for(addr: &SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(*addr), Type::STREAM, None)
}

fn relay(client: &TcpStream, sockets: Vec<Socket>, server: &[SocketAddr]) -> io::Result<()> {
    let relayed = connect(sockets, server).and_then(|server| {
        client.set_nodelay(true)?; // pass small pieces on immediately: lesson `latency`
        server.set_nodelay(true)?;
        let relayed = thread::scope(|scope| {
            thread::Builder::new().spawn_scoped(scope, || one_way(client, &server))?;
            one_way(&server, client)
        });
        if relayed.is_err() {
            abort(&server); // even if no thread could be started: a FIN would say "that was all"
        }
        relayed
    });
    if relayed.is_err() {
        abort(client); // even if no server was reached: the client is connected
    }
    relayed
}

/// Connects to the first address of the server that answers.
fn connect(sockets: Vec<Socket>, server: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = Err(ErrorKind::AddrNotAvailable.into());
    for (socket, addr) in sockets.into_iter().zip(server) {
        match socket.connect(&(*addr).into()) {
            Ok(()) => return Ok(socket.into()),
            Err(error) => failed = Err(error),
        }
    }
    failed
}

/// Copies one direction, and passes on how it ends: end of file as a FIN, an error as a RST.
///
/// One case is not passed on well. The kernel reports a RST only once. If the other thread's write
/// gets that error, the read here returns 0, and a FIN goes before the RST.
fn one_way(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut from, &mut to);
    let ended = match copied {
        Ok(_) => to.shutdown(Shutdown::Write),
        Err(error) => Err(error),
    };
    if ended.is_err() {
        abort(from);
        abort(to);
    }
    ended
}

/// Ends a connection as broken: its close will send a RST. A FIN would say that all data has come.
fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    // The other thread may wait in read: on Linux this ends its read, and sends nothing. (It does
    // not end a write.)
    let _ = stream.shutdown(Shutdown::Read);
}

fn hundreds(story: &mut Story, proxy: SocketAddr, back: &TcpListener) -> io::Result<()> {
    // A client takes four descriptors of this process, and some others are open.
    let descriptors = serve::raise_descriptor_limit()?.saturating_sub(80);
    let many = (descriptors / 4).min(300) as usize;
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for _ in 0..many {
        let (client, server) = connected_through(proxy, back)?;
        clients.push(client);
        servers.push(server);
    }
    let first = End::all_to(proxy); // all connections to the proxy
    let second = End::all_to(back.local_addr()?);
    let all_established = must(Established).rows(many);
    story
        .stage(&format!("{many} clients are connected through the proxy"))
        .proxied(first, second, [all_established; 4])
        .why(
            "There are four rows for each client: one of its own, two of the proxy's, one of the \
             server's. Of each kind one is shown.",
        )
        .show()?;

    for client in clients {
        abort(&client); // and closes it
    }
    let mut server = &servers[0];
    server.set_read_timeout(Some(Duration::from_secs(5)))?; // if no RST is passed on
    let read = server.read(&mut [0]);
    story
        .stage("the clients have reset, and the proxy has passed the resets on")
        .proxied(first, second, [gone(); 4])
        .why("A FIN would have told the server that these clients were done.")
        .fails("The server's read", read, ErrorKind::ConnectionReset)
        .show()?;

    let (client, server) = connected_through(proxy, back)?;
    server.shutdown(Shutdown::Write)?;
    let first = End::of(&client)?;
    let second = End::of(&server)?.other();
    story
        .stage("one more client; the server half-closes first")
        .proxied(first, second, [CloseWait, FinWait2, CloseWait, FinWait2])
        .why("Either end may close first: the proxy passes a FIN on in both directions.")
        .show()
}

fn the_cost(story: &mut Story, proxy: SocketAddr, back: &TcpListener) -> io::Result<()> {
    let _idle = connected_through(proxy, back)?;
    // None: this machine does not say.
    if let Some(both_wait) = wait_in(Call::Read, 2) {
        story.claim(
            "\nThe proxy's two threads for an idle client wait in recv. So io::copy moves the \
             bytes through a buffer of the program. (From or to a pipe std lets the kernel move \
             them: splice(2).)",
            both_wait,
        )?;
    }
    let ratio = throughput::beside_direct(back, || connected_through(proxy, back))?;
    story.tell(&format!(
        "Throughput: {ratio:.2} times that of a direct connection."
    ))
}
