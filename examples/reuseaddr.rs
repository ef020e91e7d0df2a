//! "I restarted my server and got `Address already in use`." Nothing listens on the port any more;
//! what is in the way is the old server's connection in TIME_WAIT.
//!
//!     cargo run --example reuseaddr
//!
//! You will see which end of a connection keeps TIME_WAIT, when it blocks a bind and when not,
//! what SO_REUSEADDR never allows and SO_REUSEPORT does, and the same pair of addresses connected
//! again.
//!
//! New here: what a connection leaves in the kernel when both ends have closed.

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

/// socket, options, bind, listen. Set the options before bind, which reads them.
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

/// A connection in which the server sends the first FIN. Returns the server's end.
fn served(listener: &TcpListener) -> io::Result<End> {
    let (mut client, server, end) = connected(listener)?;
    drop(server);
    client.read_to_end(&mut Vec::new())?; // the FIN has arrived; now the client closes too
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
        .stage("the client closed first")
        .pair(end, time_wait(), gone())
        .timers()
        .why(
            "The end that closes first keeps TIME_WAIT, to repeat its last ACK and to discard late \
              segments: 60 s on Linux, fixed; 4 minutes in RFC 9293 (twice an MSL of 2 minutes).",
        )
        .show()?;
    drop(listener);
    story.claim(
        "The server can listen on its address again.",
        listen(addr, &[]).is_ok(),
    )
}

fn the_server_closes_first(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let addr = listener.local_addr()?;
    let old_end = served(&listener)?;
    drop(listener);
    let without = listen(addr, &[]);
    let again = listen(addr, &[Socket::set_reuse_address])?;
    story
        .stage("the server closed first, and listens again with SO_REUSEADDR")
        .expect("listener", End::of(&again)?, Listen)
        .expect("server's old end", old_end, time_wait())
        .timers()
        .why(
            "The server's own TIME_WAIT is in the way. On Unix std sets the option on every \
              TcpListener.",
        )
        .show()?;
    story.claim(
        "Without the option bind fails: address in use.",
        is_in_use(&without),
    )?;
    let shared = listen(addr, &[Socket::set_reuse_address]);
    story.claim(
        "With the option, beside a live listener: still in use.",
        is_in_use(&shared),
    )?;

    let listener = listen(free_port(), &[])?;
    let addr = listener.local_addr()?;
    let old_end = served(&listener)?;
    drop(listener);
    let late = listen(addr, &[Socket::set_reuse_address]);
    story
        .stage("the same, but the old server did not set the option")
        .expect("server's old end", old_end, TimeWait)
        .why(
            "The option on the new socket alone does not help: on Linux the old socket needs it \
              too.",
        )
        .show()?;
    story.claim("bind fails: address in use.", is_in_use(&late))
}

fn a_port_shared(story: &mut Story) -> io::Result<()> {
    let old = listen(free_port(), &[Socket::set_reuse_port])?;
    let addr = old.local_addr()?;
    let _new = listen(addr, &[Socket::set_reuse_port])?;
    let _clients = (0..32)
        .map(|_| TcpStream::connect(addr))
        .collect::<io::Result<Vec<_>>>()?;
    story
        .stage("two servers on one port, both with SO_REUSEPORT, and 32 clients")
        .expect(
            "listener",
            End::listener(addr),
            must(Listen).rows(2).recv_q(1..),
        )
        .why(
            "A hash of the addresses decides which server gets a client (Recv-Q). Use it for \
              workers of one server. As a cure for `address in use` it gives an old process half \
              of the clients.",
        )
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
        .stage("a server closed a connection first, and still listens")
        .pair(end, gone(), TimeWait)
        .show()?;
    let _again = dial_from(end.local)?;
    story
        .stage("the client connects from the same port again")
        .pair(end, Established, Established)
        .why(
            "Many books say this is impossible while TIME_WAIT lasts. Linux allows it: a newer \
              timestamp or sequence number proves that the SYN is not a duplicate (RFC 6191; RFC \
              9293, 3.6.1).",
        )
        .show()
}
