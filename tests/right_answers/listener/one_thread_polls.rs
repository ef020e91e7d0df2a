//! One thread for all: poll says which connection has something to read, and whether somebody waits
//! in the accept queue.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    thread,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use super::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut clients: Vec<TcpStream> = Vec::new();
    loop {
        let sockets = clients.iter().map(AsFd::as_fd);
        let sockets = std::iter::once(listener.as_fd()).chain(sockets);
        let mut events: Vec<PollFd> = sockets
            .map(|socket| PollFd::new(socket, PollFlags::POLLIN))
            .collect();
        poll(&mut events, PollTimeout::NONE)?;
        let mut ready: Vec<bool> = events.iter().map(|it| it.any() == Some(true)).collect();
        let somebody_waits = ready.remove(0);
        let mut ready = ready.into_iter();
        clients.retain_mut(|client| ready.next() != Some(true) || is_open(client));
        if somebody_waits {
            match listener.accept() {
                Ok((mut client, _)) => {
                    client.set_nonblocking(true)?;
                    if client.write_all(greeting).is_ok() {
                        clients.push(client);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if matches!(error.raw_os_error(), Some(23 | 24)) => {
                    thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_open(client: &mut TcpStream) -> bool {
    match client.read(&mut [0; 4096]) {
        Ok(n) => n > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
