//! Exercise 1, done: a listener as it was asked for, and a server that outlives its clients' errors.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
    thread,
    time::Duration,
};

use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

/// Listens on an address, with room for so many connections that wait for accept.
pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?; // read by `bind`: what is in TIME_WAIT does not keep the address
    socket.bind(&addr.into())?;
    socket.listen(backlog)?; // LISTEN: from now on the kernel completes connections by itself
    Ok(socket.into())
}

/// Greets every client at once, holds each connection until the client closes it, and returns only
/// when the listener fails: with its error, after the last client has gone.
pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|connections| {
        loop {
            // Only accept is waited for here. `Builder`, because `spawn` panics where no thread is left.
            let begun = listener.accept().and_then(|(stream, _)| {
                thread::Builder::new().spawn_scoped(connections, || hold(stream, greeting))
            });
            let Err(error) = begun else { continue };
            match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                Errno::ECONNABORTED | Errno::EPROTO => {} // of one connection, which is gone
                // Of the process, or of the system. The connection stays queued, so that accept would
                // fail again at once: wait for somebody to close a descriptor.
                Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EAGAIN => {
                    thread::sleep(Duration::from_millis(50));
                }
                _ => return Err(error), // of the listener
            }
        }
    })
}

/// One connection, to its end. A reset is an error here, and nobody else's: the thread returns it to
/// nobody, and `stream` is closed with it.
fn hold(mut stream: TcpStream, greeting: &[u8]) -> io::Result<u64> {
    stream.write_all(greeting)?;
    io::copy(&mut stream, &mut io::sink()) // reads until Ok(0), the client's FIN
}

fn main() -> ExitCode {
    workshop::checks::listener::SUITE.examine((listen, serve))
}
