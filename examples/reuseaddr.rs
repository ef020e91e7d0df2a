//! TIME_WAIT, and what SO_REUSEADDR has to do with it.
//!
//!     cargo run --example reuseaddr
//!
//! You will see whose the TIME_WAIT is, when it keeps a server from its address and when not, what
//! SO_REUSEADDR never allows and SO_REUSEPORT does, and the same pair of addresses connected again.
//! New since `heartbeat`: what is left of a connection when both ends have closed.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, Protocol, State::*};
use socket_workshop::{command, fault::Attempt, peer::connected};
use socket2::{Domain, Socket, Type};

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = listen(flags.listen, &[Socket::set_reuse_address])?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        the_client_closes_first(&mut story)?;
        the_server_closes_first(&mut story, listener)?;
        a_port_shared(&mut story)?;
        the_same_pair(&mut story)?;
        story.end()
    })
}

type Options<'a> = &'a [fn(&Socket, bool) -> io::Result<()>];

/// socket, options, bind, listen: bind is what reads them.
fn listen(addr: SocketAddr, options: Options) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    options.iter().try_for_each(|set| set(&socket, true))?;
    let bound = socket.bind(&addr.into());
    bound.attempt_to_listen(addr, Protocol::Tcp)?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// A free port of an address that no other program uses here: all of 127/8 is loopback on Linux.
fn free_port() -> SocketAddr {
    let last = if cfg!(target_os = "linux") { 2 } else { 1 };
    SocketAddr::from(([127, 0, 0, last], 0))
}

fn is_in_use(bound: &io::Result<TcpListener>) -> bool {
    matches!(bound, Err(error) if error.kind() == ErrorKind::AddrInUse)
}

/// A connection whose server's end sends the first FIN. Returns that end.
fn served(listener: &TcpListener) -> io::Result<End> {
    let (mut client, server, end) = connected(listener)?;
    drop(server);
    client.read_to_end(&mut Vec::new())?; // the FIN has come; now the client closes too
    Ok(end.other())
}

fn the_client_closes_first(story: &mut Story) -> io::Result<()> {
    let listener = listen(free_port(), &[])?;
    let addr = listener.local_addr()?;
    let (client, mut server, end) = connected(&listener)?;
    drop(client);
    server.read_to_end(&mut Vec::new())?;
    drop(server);
    story
        .stage("the client has closed first")
        .pair(end, time_wait(), gone())
        .timers()
        .why("TIME_WAIT is the active closer's: to repeat its last ACK, and to let old segments die. \
              A minute on Linux, and no setting changes it; four in RFC 9293 (twice an MSL of two).")
        .show()?;
    drop(listener);
    story.claim("Its server listens again.", listen(addr, &[]).is_ok())
}

fn the_server_closes_first(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let addr = listener.local_addr()?;
    let old_end = served(&listener)?;
    drop(listener);
    let without = listen(addr, &[]);
    let again = listen(addr, &[Socket::set_reuse_address])?;
    story
        .stage("the server has closed first, and listens again: SO_REUSEADDR")
        .expect("listener", End::of(&again)?, Listen)
        .expect("server's old end", old_end, time_wait())
        .timers()
        .why("Its own TIME_WAIT is in the way. std sets the option on every TcpListener on Unix.")
        .show()?;
    story.claim("Without it: address in use.", is_in_use(&without))?;
    let shared = listen(addr, &[Socket::set_reuse_address]);
    story.claim("With it, beside a live one: in use.", is_in_use(&shared))?;

    let listener = listen(free_port(), &[])?;
    let addr = listener.local_addr()?;
    let old_end = served(&listener)?;
    drop(listener);
    let late = listen(addr, &[Socket::set_reuse_address]);
    story
        .stage("the same, but the old server had not set the option")
        .expect("server's old end", old_end, TimeWait)
        .why("The option on the new socket alone is of no use: on Linux the old one needs it too.")
        .show()?;
    story.claim("bind: address in use.", is_in_use(&late))
}

fn a_port_shared(story: &mut Story) -> io::Result<()> {
    let old = listen(free_port(), &[Socket::set_reuse_port])?;
    let addr = old.local_addr()?;
    let _new = listen(addr, &[Socket::set_reuse_port])?;
    let _clients = (0..32)
        .map(|_| TcpStream::connect(addr))
        .collect::<io::Result<Vec<_>>>()?;
    story
        .stage("two servers on one port, SO_REUSEPORT set by both, and 32 clients")
        .expect("listener", End::listener(addr), must(Listen).rows(2).recv_q(1..))
        .why("A hash of the addresses decides who gets which client (Recv-Q). Right for the workers of \
              one server; as a cure for `address in use` it gives an old process half of the clients.")
        .show()
}

fn the_same_pair(story: &mut Story) -> io::Result<()> {
    let listener = listen(free_port(), &[])?;
    let addr = listener.local_addr()?;
    let dial_from = |local: SocketAddr| -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&local.into())?;
        socket.connect(&addr.into()).and(Ok(socket.into()))
    };
    let mut client = dial_from(free_port())?;
    let end = End::of(&client)?;
    drop(listener.accept()?); // the server closes first
    client.read_to_end(&mut Vec::new())?;
    drop(client);
    story
        .stage("a server has closed first, and still listens")
        .pair(end, gone(), TimeWait)
        .show()?;
    let _again = dial_from(end.local)?;
    story
        .stage("the client has connected from the same port again")
        .pair(end, Established, Established)
        .why(
            "Many books forbid it while TIME_WAIT lasts. Linux does not: a newer timestamp or \
              sequence number proves that the SYN is no duplicate (RFC 6191; RFC 9293, 3.6.1).",
        )
        .show()
}
