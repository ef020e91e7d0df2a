//! TIME_WAIT, and what SO_REUSEADDR has to do with it.
//!
//!     cargo run --example reuseaddr
//!
//! You will see whose the TIME_WAIT is, when it keeps a server from its address and when not, what
//! SO_REUSEADDR never allows and SO_REUSEPORT does, and the same pair of addresses connected again.
//! New since `heartbeat`: what is left of a connection when both ends have closed.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::{command, fault::Attempt, peer::connected};
use socket2::{Domain, Socket, Type};

const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

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
    for option in options {
        option(&socket, true)?;
    }
    let bound = socket.bind(&addr.into());
    bound.attempt(|| format!("cannot listen on {addr}"))?;
    socket.listen(128)?;
    Ok(socket.into())
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
    let listener = listen(FREE_PORT, &[])?;
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
              A minute on Linux, always; two times an MSL of two minutes in RFC 9293 (3.4.2).")
        .show()?;
    drop(listener);
    let again = listen(addr, &[]);
    story.claim("The server has its address again at once.", again.is_ok())
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
    story.claim(
        "With it, while a server listens: in use.",
        is_in_use(&shared),
    )?;

    let listener = listen(FREE_PORT, &[])?;
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
    let old = listen(FREE_PORT, &[Socket::set_reuse_port])?;
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
    let listener = listen(FREE_PORT, &[Socket::set_reuse_address])?;
    let addr = listener.local_addr()?;
    let old_end = served(&listener)?;
    story
        .stage("a server has closed first, and still listens")
        .pair(old_end.other(), gone(), TimeWait)
        .show()?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&old_end.other().local.into())?; // the old client's port
    socket.connect(&addr.into())?;
    story
        .stage("the client has connected from the same port again")
        .pair(old_end.other(), Established, Established)
        .why("Many books forbid it while TIME_WAIT lasts. Linux does not: a newer timestamp or sequence \
              number proves that the SYN is no old duplicate (RFC 6191; RFC 9293, 3.6.1).")
        .show()
}
