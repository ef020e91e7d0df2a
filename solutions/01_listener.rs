//! Exercise 1, done: a listener with the backlog that was asked for, and a server that survives the
//! errors of its clients.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
    thread,
    time::Duration,
};

use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

/// Listens on an address with this backlog: the number of connections that may wait for `accept`.
pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?; // read by `bind`: TIME_WAIT does not block it
    socket.bind(&addr.into())?;
    socket.listen(backlog)?; // LISTEN: from now on the kernel completes connections
    Ok(socket.into())
}

/// Greets every client immediately, keeps each connection until the client closes it, and returns
/// only when the listener fails: with the error of `accept`, after the last client has closed.
pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|connections| {
        loop {
            // This thread waits in accept only. `spawn` panics if no thread can be started.
            let begun = listener.accept().and_then(|(stream, _)| {
                thread::Builder::new().spawn_scoped(connections, || hold(stream, greeting))
            });
            let Err(error) = begun else { continue };
            match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                Errno::ECONNABORTED => {} // one connection, which is gone
                // Network errors of the new connection (accept(2), "Error handling"): the listener
                // is fine, try again.
                Errno::ENETDOWN | Errno::EPROTO | Errno::ENOPROTOOPT | Errno::EHOSTDOWN => {}
                Errno::ENONET | Errno::EHOSTUNREACH | Errno::EOPNOTSUPP | Errno::ENETUNREACH => {}
                // A shortage of the process or the system. The connection stays in the queue, so
                // accept would fail again immediately: wait until a descriptor may be free.
                Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EAGAIN => {
                    thread::sleep(Duration::from_millis(50));
                }
                // A firewall or a security module forbids it, and may forbid the next one, too.
                Errno::EPERM => thread::sleep(Duration::from_millis(50)),
                _ => return Err(error), // the listener itself
            }
        }
    })
}

/// One connection, to its end. An error, such as a reset, ends this function only: `stream` is
/// dropped, and so closed.
fn hold(mut stream: TcpStream, greeting: &[u8]) -> io::Result<u64> {
    stream.write_all(greeting)?;
    io::copy(&mut stream, &mut io::sink()) // reads until Ok(0), the client's FIN
}

fn main() -> ExitCode {
    workshop::checks::listener::SUITE.examine((listen, serve))
}
