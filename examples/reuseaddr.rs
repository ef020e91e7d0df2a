//! "I restarted my server and got `Address already in use`." Nothing listens on the port any more;
//! what is in the way is the old server's connection in TIME_WAIT.
//!
//!     cargo run --example reuseaddr
//!
//! You will see which end of a connection keeps TIME_WAIT and for how long, when it blocks a bind
//! and when not, and what SO_REUSEADDR allows and what it never allows.
//!
//! New here: what a connection leaves in the kernel when both ends have closed.
//!
//! Exercise: `cargo workshop check reuseaddr`

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use socket_workshop::command;
use socket_workshop::fault::Attempt;
use socket_workshop::peer::{connected, wait_until};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, Protocol, State::*};
use socket2::{Domain, Socket, Type};

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = listen(flags.listen, true)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        the_client_closes_first(&mut story)?;
        the_server_closes_first(&mut story, listener)?;
        an_open_connection(&mut story)?;
        without_the_option_before(&mut story)?;
        story.end()
    })
}

/// socket, SO_REUSEADDR or not, bind, listen. bind reads the option: set it before.
fn listen(addr: SocketAddr, reuse_address: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(reuse_address)?;
    let bound = socket.bind(&addr.into());
    bound.attempt_to_listen(addr, Protocol::Tcp)?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// A free port of an address that no other program uses here. On Linux all addresses that begin
/// with 127 are loopback.
fn free_port() -> SocketAddr {
    let last = if cfg!(target_os = "linux") { 2 } else { 1 };
    SocketAddr::from(([127, 0, 0, last], 0))
}

fn the_client_closes_first(story: &mut Story) -> io::Result<()> {
    let listener = listen(free_port(), false)?;
    let addr = listener.local_addr()?;
    let (client, mut server, end) = connected(&listener)?;
    drop(client);
    server.read_to_end(&mut Vec::new())?; // until the client's FIN
    drop(server);
    wait_until(end.other(), |row| row.is_none())?; // until the last ACK has arrived
    drop(listener);
    let again = listen(addr, false)?;
    story
        .stage("the client closed first; the server listens again")
        .expect("listener", End::of(&again)?, Listen)
        .pair(end, time_wait(), gone())
        .timers()
        .asks("Who has the TIME_WAIT, client or server?")
        .why(
            "The end that closes first keeps TIME_WAIT, to repeat its last ACK and to discard late \
              segments. It lasts two MSL (the longest life of a segment): 4 minutes in RFC 9293 \
              (3.4.2), 60 s on Linux, where no setting changes it. Here it is at the client, and \
              the server's port is free: bind needs no option.",
        )
        .show()?;
    let counting = time_wait().counted_below(Duration::from_millis(59_900));
    story
        .stage("a moment later")
        .client(end, counting)
        .timers()
        .why("The kernel counts down and removes the row at 0. This lesson does not wait for that.")
        .show()
}

fn the_server_closes_first(story: &mut Story, listener: TcpListener) -> io::Result<()> {
    let addr = listener.local_addr()?;
    let old_end = serve_one_client(&listener)?;
    drop(listener);
    let without = listen(addr, false);
    let again = listen(addr, true)?;
    let second = listen(addr, true);
    story
        .stage("the server closed first, and listens again")
        .expect("listener", End::of(&again)?, Listen)
        .expect("server's old end", old_end, time_wait())
        .timers()
        .why(
            "The old connection's TIME_WAIT is in the way. On Linux, bind ignores it if both its \
              socket and the new one have SO_REUSEADDR. (An accepted socket inherits it from its \
              listener.) On Unix std sets this option on every TcpListener.",
        )
        .fails("Without the option, bind", without, ErrorKind::AddrInUse)
        .fails(
            "With the option, beside a live listener, bind",
            second,
            ErrorKind::AddrInUse,
        )
        .show()
}

/// A connection in which the server sends the first FIN. Returns the server's end.
fn serve_one_client(listener: &TcpListener) -> io::Result<End> {
    let (mut client, server, end) = connected(listener)?;
    drop(server);
    client.read_to_end(&mut Vec::new())?; // the FIN has arrived; now the client closes too
    Ok(end.other())
}

/// A server with a process for each connection, such as sshd: when its listener restarts, the
/// connections stay open.
fn an_open_connection(story: &mut Story) -> io::Result<()> {
    let listener = listen(free_port(), true)?;
    let addr = listener.local_addr()?;
    let (_client, _server, end) = connected(&listener)?;
    drop(listener);
    let without = listen(addr, false);
    let again = listen(addr, true)?;
    story
        .stage("a new listener, beside an old open connection")
        .expect("listener", End::of(&again)?, Listen)
        .pair(end, Established, Established)
        .why(
            "The listener closed, its connection did not. With the option the connection is not in \
              the way: the server listens again.",
        )
        .fails("Without the option, bind", without, ErrorKind::AddrInUse)
        .show()
}

fn without_the_option_before(story: &mut Story) -> io::Result<()> {
    let listener = listen(free_port(), false)?;
    let addr = listener.local_addr()?;
    let old_end = serve_one_client(&listener)?;
    drop(listener);
    let late = listen(addr, true);
    story
        .stage("an old server without the option closed first")
        .expect("server's old end", old_end, must(TimeWait))
        .why(
            "The option on the new socket alone does not help: on Linux the old socket needs it \
              too. Set it every time.",
        )
        .fails("With the option, bind", late, ErrorKind::AddrInUse)
        .show()
}
