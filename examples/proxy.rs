//! Your proxy copies every byte, and still clients hang: one end waits for an end of file that the
//! proxy never passed on. A proxy must copy both directions, and the way each one ends.
//!
//!     cargo run --example proxy                                 stage by stage
//!     cargo run --example kv -- serve                           terminal 1: a server
//!     cargo run --example proxy -- serve --to 127.0.0.1:1234    terminal 2: a proxy, until Ctrl-C
//!     cargo run --example kv -- get k --to 127.0.0.1:8330       terminal 3: a client; nc works too
//!
//! You will see what goes wrong until the proxy passes a FIN on, hundreds of connections through a
//! proxy, how it passes a reset on, and what the copy costs.
//!
//! New here: a program that is server and client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use socket_workshop::listen::{Listen, ShutOnDrop};
use socket_workshop::peer::{connected, connected_through};
use socket_workshop::stage::{Flags, Story, Target, gone, must, play_with, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::{dial::resolve, say, serve, threads, throughput};
use socket2::SockRef;

fn main() -> ExitCode {
    play_with(both_ends, |listen, Target { to }| {
        serve::raise_descriptor_limit()?;
        let server = resolve(&to)?;
        let listener = Listen::with_backlog(4096).on(listen)?;
        say!("listening on {}; Ctrl-C ends it", listener.local_addr()?)?;
        Err(proxy(&listener, &server))
    })
}

/// Opens a connection to the server for each client, until the listener fails.
fn proxy(listener: &TcpListener, server: &[SocketAddr]) -> io::Error {
    serve::a_thread_each(listener, |client| {
        let relayed = TcpStream::connect(server).and_then(|server| {
            // Pass small pieces on immediately.
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            thread::scope(|scope| {
                thread::Builder::new().spawn_scoped(scope, || one_way(&client, &server))?;
                one_way(&server, &client)
            })
        });
        relayed.inspect_err(|_| abort(&client)) // the client is already connected, so reset it
    })
}

/// Copies, and passes on how the connection ends: a FIN after the last byte, or a RST. The kernel
/// reports a RST only once. If the other thread's write gets that error, this read returns 0, and a
/// FIN is sent before the RST.
fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut &*from, &mut &*to);
    let ended = copied.and_then(|_| to.shutdown(Shutdown::Write));
    if ended.is_err() {
        abort(from);
        abort(to);
    }
    ended
}

/// Makes the next close send a RST. No FIN may be sent before it: after a FIN the peer would treat
/// what it has received as complete. `shutdown(Read)` sends nothing. On Linux it ends the
/// other thread's read, not a write.
fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    by_hand(&mut story, &listener)?;
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let front = Listen::with_backlog(4096).on(any_port)?; // the proxy's listener
    let back = Listen::with_backlog(4096).on(any_port)?; // the server's
    let addr = front.local_addr()?;
    let server = [back.local_addr()?];
    thread::scope(|scope| {
        // Runs on every path out: accept in `proxy` fails, and queued clients are reset.
        let _ends = [ShutOnDrop(&front), ShutOnDrop(&back)];
        scope.spawn(|| proxy(&front, &server));
        hundreds(&mut story, addr, &back)?;
        the_cost(&mut story, addr, &back)
    })?;
    story.end()
}

/// What a proxy does, call by call, and what is wrong until the last call.
fn by_hand(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, to_client, a) = connected(listener)?;
    let (to_server, mut server, b) = connected(listener)?;
    client.write_all(b"question")?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut &to_client, &mut &to_server)?; // returns at end of file, and passes nothing on
    server.set_read_timeout(Some(Duration::from_millis(100)))?;
    let read = server.read_to_end(&mut Vec::new());
    story
        .stage("the client has asked and half-closed; the proxy has copied its bytes")
        .proxied(a, b, [FinWait2, CloseWait, Established, Established])
        .asks("The client has half-closed. What must a proxy do?")
        .why(
            "The client waits for an answer, the server for the end of the question. Neither will \
              come.",
        )
        .fails(
            "The server's read, with a timeout of 100 ms,",
            read,
            ErrorKind::WouldBlock,
        )
        .show()?;

    to_server.shutdown(Shutdown::Write)?;
    let at_end = server.read(&mut [0])?;
    story
        .stage("the proxy has passed the FIN on: shutdown(Write) on the other connection")
        .proxied(a, b, [FinWait2, CloseWait, FinWait2, CloseWait])
        .why("The other direction of both connections is still open, for the answer.")
        .claim("The server reads end of file.", at_end == 0)
        .show()?;

    server.write_all(b"answer")?;
    drop(server);
    io::copy(&mut &to_server, &mut &to_client)?;
    to_client.shutdown(Shutdown::Write)?;
    let answered = client.read(&mut [0; 8])?;
    story
        .stage("the server has answered and closed; the proxy has passed on both")
        .proxied(a, b, [time_wait(), gone(), time_wait(), gone()])
        .why("In both connections the client closed first; in the second the proxy is the client.")
        .claim("The client received its answer.", answered == 6)
        .show()?;
    too_early(story, listener)
}

/// A proxy that closes both connections at the first end of file.
fn too_early(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, to_client, a) = connected(listener)?;
    let (to_server, mut server, b) = connected(listener)?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut &to_client, &mut &to_server)?;
    drop(to_client);
    drop(to_server);
    server.write_all(b"answer")?; // succeeds, but the proxy's kernel answers with a RST
    let answered = client.read(&mut [0])?;
    story
        .stage("another proxy has closed all at the first end of file; then came the answer")
        .proxied(a, b, [time_wait(), gone(), gone(), gone()])
        .why("The proxy's kernel answered the answer with a RST: no socket can receive it.")
        .claim("The client reads 0 bytes: end of file.", answered == 0)
        .show()
}

fn hundreds(story: &mut Story, proxy: SocketAddr, back: &TcpListener) -> io::Result<()> {
    let many = (serve::raise_descriptor_limit()?.saturating_sub(80) as usize / 4).min(300);
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for _ in 0..many {
        let (client, server) = connected_through(proxy, back)?;
        clients.push(client);
        servers.push(server);
    }
    let a = End::all_to(proxy);
    let b = End::all_to(back.local_addr()?);
    let all = |state| must(state).rows(many);
    story
        .stage(&format!("{many} clients are connected through the proxy"))
        .proxied(a, b, [all(Established); 4])
        .show()?;
    for client in clients {
        abort(&client); // and closes it
    }
    servers[0].set_read_timeout(Some(Duration::from_secs(5)))?; // in case no RST is passed on
    let read = (&servers[0]).read(&mut [0]);
    story
        .stage("the clients have reset, and the proxy has passed the resets on")
        .proxied(a, b, [gone(); 4])
        .fails("A server's read", read, ErrorKind::ConnectionReset)
        .show()?;

    let (client, server) = connected_through(proxy, back)?;
    server.shutdown(Shutdown::Write)?;
    let a = End::of(&client)?;
    let b = End::of(&server)?.other();
    story
        .stage("one more client; the server half-closes first")
        .proxied(a, b, [CloseWait, FinWait2, CloseWait, FinWait2])
        .why("Either end may close first: the proxy passes a FIN on in both directions.")
        .show()
}

fn the_cost(story: &mut Story, proxy: SocketAddr, back: &TcpListener) -> io::Result<()> {
    let _idle = connected_through(proxy, back)?;
    // std splices only to or from a pipe; between two sockets it copies through a buffer of 8 KiB.
    let text = "Both copying threads wait in recv, not in splice.";
    threads::wait_in(threads::Call::Read, 2).map_or(Ok(()), |seen| story.claim(text, seen))?;
    let ratio = throughput::beside_direct(back, || connected_through(proxy, back))?;
    story.tell(&format!(
        "Throughput: {ratio:.2} times that of a direct connection."
    ))
}
