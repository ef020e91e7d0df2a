//! A proxy: two connections, a copy in each direction, and each end of file passed on.
//!
//!     cargo run --example proxy                                 stage by stage
//!     cargo run --example kv -- serve                           terminal 1: a server
//!     cargo run --example proxy -- serve --to 127.0.0.1:1234    terminal 2: its proxy, until Ctrl-C
//!     cargo run --example kv -- get k --to 127.0.0.1:8330       terminal 3: a client; nc will do
//!
//! You will see what goes wrong until a FIN is passed on, hundreds of connections through a proxy, what
//! a reset becomes, and what the copy costs. New since `latency`: both a server and a client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::{process::ExitCode, thread, time::Duration};

use socket_workshop::listen::{Listen, ShutOnDrop};
use socket_workshop::peer::{accept_soon, connected, connected_through};
use socket_workshop::stage::{Flags, Story, Target, gone, must, play_with, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::{dial::resolve, say, serve, threads, throughput};
use socket2::SockRef;

fn main() -> ExitCode {
    play_with(both_ends, |listen, Target { to }| {
        serve::raise_descriptor_limit()?;
        let (server, listener) = (resolve(&to)?, Listen::with_backlog(4096).on(listen)?);
        say!("listening on {}; Ctrl-C ends it", listener.local_addr()?)?;
        Err(proxy(&listener, &server))
    })
}

/// For each client a connection to the server, until the listener fails.
fn proxy(listener: &TcpListener, server: &[SocketAddr]) -> io::Error {
    serve::a_thread_each(listener, |client| {
        let relayed = TcpStream::connect(server).and_then(|server| {
            client.set_nodelay(true).and(server.set_nodelay(true))?; // pieces go on as they come
            thread::scope(|scope| {
                thread::Builder::new().spawn_scoped(scope, || one_way(&client, &server))?;
                one_way(&server, &client)
            })
        });
        relayed.inspect_err(|_| abort(&client)) // too late to refuse it: it is connected
    })
}

/// Copies, and passes on how it ended: in a FIN behind the last byte, or in an RST. An RST is told once:
/// if the other thread's write hears of it first, the read here returns 0, and a FIN goes ahead.
fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut &*from, &mut &*to);
    let ended = copied.and_then(|_| to.shutdown(Shutdown::Write));
    ended.inspect_err(|_| [from, to].into_iter().for_each(abort))
}

/// Makes an RST of the close to come. No FIN may go before it, or the peer would take what it has for
/// all there is: `shutdown(Read)` sends nothing. It ends the other thread's read, but not a write.
fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    by_hand(&mut story, &listener)?;
    let any_port = || Listen::with_backlog(4096).on(SocketAddr::from(([127, 0, 0, 1], 0)));
    let (front, back) = (any_port()?, any_port()?);
    let (addr, server) = (front.local_addr()?, [back.local_addr()?]);
    thread::scope(|scope| {
        // At the end, whichever that is, `proxy` leaves accept, and whoever is queued is reset.
        let _ends = [ShutOnDrop(&front), ShutOnDrop(&back)];
        scope.spawn(|| proxy(&front, &server));
        hundreds(&mut story, addr, &back)?;
        the_cost(&mut story, addr, &back)
    })?;
    story.end()
}

/// What a proxy does, call by call, and what it is like until the last is made.
fn by_hand(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, to_client, a) = connected(listener)?;
    let (to_server, mut server, b) = connected(listener)?;
    client.write_all(b"question")?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut &to_client, &mut &to_server)?; // ends at end of file, of which it tells nobody
    story
        .stage("the client has asked and half-closed; the proxy has copied to the end of file")
        .proxied(a, b, [FinWait2, CloseWait, Established, Established])
        .why("The client waits for an answer, the server for the end of the question: for ever.")
        .show()?;
    server.set_read_timeout(Some(Duration::from_millis(100)))?;
    let read = server.read_to_end(&mut Vec::new());
    story.fails("The server's read", read, ErrorKind::WouldBlock)?;

    to_server.shutdown(Shutdown::Write)?;
    story
        .stage("the proxy has passed the FIN on: shutdown(Write) of the other connection")
        .proxied(a, b, [FinWait2, CloseWait, FinWait2, CloseWait])
        .show()?;
    story.claim("The server reads end of file.", server.read(&mut [0])? == 0)?;
    server.write_all(b"answer")?;
    drop(server);
    io::copy(&mut &to_server, &mut &to_client)?;
    to_client.shutdown(Shutdown::Write)?;
    story
        .stage("the server has answered and closed; the proxy has passed on both")
        .proxied(a, b, [time_wait(), gone(), time_wait(), gone()])
        .why("Of each connection the client has ended first, and the second client is the proxy.")
        .show()?;
    story.claim("The client has its answer.", client.read(&mut [0; 8])? == 6)?;
    let (mut client, to_client, _) = connected(listener)?;
    let (to_server, mut server, _) = connected(listener)?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut &to_client, &mut &to_server)?;
    drop((to_client, to_server));
    server.write_all(b"answer")?; // succeeds, and reaches nobody: the proxy's kernel sends RST
    let text = "A proxy that closes all at the first end of file: the client reads 0 bytes.";
    story.claim(text, client.read(&mut [0])? == 0)
}

fn hundreds(story: &mut Story, proxy: SocketAddr, back: &TcpListener) -> io::Result<()> {
    let many = (serve::raise_descriptor_limit()?.saturating_sub(80) as usize / 4).min(300);
    let clients: Vec<TcpStream> = (0..many)
        .map(|_| TcpStream::connect(proxy))
        .collect::<io::Result<_>>()?;
    let servers: Vec<TcpStream> = (0..many)
        .map(|_| accept_soon(back))
        .collect::<io::Result<_>>()?;
    let (a, b) = (End::all_to(proxy), End::all_to(back.local_addr()?));
    let all = |state| must(state).rows(many);
    story
        .stage(&format!("{many} clients are connected through the proxy"))
        .proxied(a, b, [all(Established); 4])
        .show()?;
    clients.into_iter().for_each(|client| abort(&client));
    story
        .stage("the clients have reset, and the proxy has reset its connections to the server")
        .proxied(a, b, [gone(); 4])
        .show()?;
    let read = (&servers[0]).read(&mut [0]);
    story.fails("A server's read", read, ErrorKind::ConnectionReset)?;
    let (client, server) = connected_through(proxy, back)?;
    server.shutdown(Shutdown::Write)?;
    let (a, b) = (End::of(&client)?, End::of(&server)?.other());
    story
        .stage("one more client: its server has half-closed first")
        .proxied(a, b, [CloseWait, FinWait2, CloseWait, FinWait2])
        .show()
}

fn the_cost(story: &mut Story, proxy: SocketAddr, back: &TcpListener) -> io::Result<()> {
    let _idle = connected_through(proxy, back)?;
    // std splices only where one end is a pipe; between two sockets it has a buffer of 8 KiB.
    let text = "Both copies wait in recv, not in splice.";
    threads::wait_in(threads::Call::Read, 2).map_or(Ok(()), |seen| story.claim(text, seen))?;
    let ratio = throughput::beside_direct(back, || connected_through(proxy, back))?;
    story.tell(&format!("Throughput: {ratio:.2} of a direct connection's."))
}
