//! A proxy: two connections, a copy in each direction, and each end of file passed on.
//!
//!     cargo run --example proxy                                 stage by stage
//!     cargo run --example kv -- serve                           terminal 1: a server
//!     cargo run --example proxy -- serve --to 127.0.0.1:1234    terminal 2: its proxy, until Ctrl-C
//!     cargo run --example kv -- get k --to 127.0.0.1:8330       terminal 3: a client; curl, nc will do
//!
//! You will see what goes wrong until a FIN is passed on, a thousand connections through a proxy, what
//! a reset becomes, and what the copy costs. New since `latency`: both a server and a client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::{process::ExitCode, thread, time::Duration};

use socket_workshop::serve::{a_thread_each, raise_descriptor_limit};
use socket_workshop::stage::{Flags, Story, Target, gone, must, play_with, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::{dial::resolve, exam, listen::Listen, peer, peer::connected, say};
use socket2::SockRef;

fn main() -> ExitCode {
    play_with(both_ends, |listen, Target { to }| {
        raise_descriptor_limit()?;
        let (server, listener) = (resolve(&to)?, Listen::with_backlog(4096).on(listen)?);
        say!("listening on {}; Ctrl-C ends it", listener.local_addr()?)?;
        Err(proxy(&listener, &server))
    })
}

/// For each client a connection to the server, until the listener fails.
fn proxy(listener: &TcpListener, server: &[SocketAddr]) -> io::Error {
    a_thread_each(listener, |client| {
        let relayed = TcpStream::connect(server).and_then(|server| {
            thread::scope(|scope| {
                thread::Builder::new().spawn_scoped(scope, || one_way(&client, &server))?;
                one_way(&server, &client)
            })
        });
        relayed.inspect_err(|_| abort(&client)) // too late to refuse it: it is connected
    })
}

/// Copies, and passes on how it ended: in a FIN behind the last byte, or in an RST.
fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut &*from, &mut &*to);
    let ended = copied.and_then(|_| to.shutdown(Shutdown::Write));
    ended.inspect_err(|_| [from, to].into_iter().for_each(abort))
}

/// Makes an RST of the close to come. No FIN may go before it, or the peer would take what it has
/// for all there is: `shutdown(Read)` sends nothing, and ends the other thread's read.
fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    by_hand(&mut story, &listener)?;
    closed_too_early(&mut story, &listener)?;

    let any_port = || Listen::with_backlog(4096).on(SocketAddr::from(([127, 0, 0, 1], 0)));
    let (front, back) = (any_port()?, any_port()?);
    let server = [back.local_addr()?];
    thread::scope(|scope| {
        scope.spawn(|| proxy(&front, &server));
        let told = a_thousand(&mut story, &front, &back);
        let told = told.and_then(|()| the_cost(&mut story, &front, &back));
        SockRef::from(&front).shutdown(Shutdown::Read).and(told) // wakes accept: `proxy` ends
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
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    let read = server.read_to_end(&mut question);
    story.fails("The server's read", read, ErrorKind::WouldBlock)?;

    to_server.shutdown(Shutdown::Write)?;
    story
        .stage("the proxy has passed the FIN on: shutdown(Write) of the other connection")
        .proxied(a, b, [FinWait2, CloseWait, FinWait2, CloseWait])
        .show()?;
    server.read_to_end(&mut question)?;
    server.write_all(b"answer")?;
    drop(server);
    io::copy(&mut &to_server, &mut &to_client)?;
    to_client.shutdown(Shutdown::Write)?;
    story
        .stage("the server has answered and closed; the proxy has passed on both")
        .proxied(a, b, [time_wait(), gone(), time_wait(), gone()])
        .why("Of each connection the client has ended first, and the second client is the proxy.")
        .show()?;
    client.read_to_end(&mut answer)?;
    let whole = (question, answer) == (b"question".to_vec(), b"answer".to_vec());
    story.claim("Both have been read, to the end of file.", whole)
}

fn closed_too_early(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, to_client, _) = connected(listener)?;
    let (to_server, mut server, _) = connected(listener)?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut &to_client, &mut &to_server)?;
    drop((to_client, to_server));
    server.write_all(b"answer")?; // succeeds, and reaches nobody: the proxy's kernel sends RST
    let cut = client.read(&mut [0])? == 0;
    story.claim(
        "A proxy that closes at the first end of file cuts the answer off.",
        cut,
    )
}

fn a_thousand(story: &mut Story, front: &TcpListener, back: &TcpListener) -> io::Result<()> {
    let many = raise_descriptor_limit()?.min(4100) as usize / 4 - 25; // each takes four
    let (addr, server) = (front.local_addr()?, back.local_addr()?);
    let clients: io::Result<Vec<_>> = (0..many).map(|_| TcpStream::connect(addr)).collect();
    let servers: io::Result<Vec<_>> = (0..many).map(|_| back.accept()).collect();
    let (clients, servers) = (clients?, servers?);
    let (a, b) = (End::of_all(addr).other(), End::of_all(server).other());
    let all = |state| must(state).rows(many);
    story
        .stage(&format!("{many} clients are connected through the proxy"))
        .proxied(a, b, [all(Established); 4])
        .show()?;
    for (server, _) in &servers {
        server.shutdown(Shutdown::Write)?;
    }
    let half_closed = [CloseWait, FinWait2, CloseWait, FinWait2];
    story
        .stage("their servers have half-closed first")
        .proxied(a, b, half_closed.map(all))
        .show()?;
    clients.iter().for_each(abort);
    drop(clients);
    let read = |mut server: &TcpStream| server.read(&mut [0]).map_err(|error| error.kind());
    let reset = |(server, _): &_| read(server) == Err(ErrorKind::ConnectionReset);
    story.claim(
        "The clients have reset, and every server reads ConnectionReset.",
        servers.iter().all(reset),
    )
}

fn the_cost(story: &mut Story, front: &TcpListener, back: &TcpListener) -> io::Result<()> {
    let (client, server, _) = connected(back)?;
    let direct = peer::throughput(&client, &server)?;
    let client = TcpStream::connect(front.local_addr()?)?;
    let (server, _) = back.accept()?;
    let in_recv = exam::wait_in(exam::Call::Read, 2) != Some(false);
    story.claim(
        "Between two sockets, io::copy waits in recv, not in splice.",
        in_recv,
    )?;
    let ratio = peer::throughput(&client, &server)? / direct;
    story.tell(&format!(
        "Bytes a second through the proxy: {ratio:.2} of a direct connection's."
    ))
}
