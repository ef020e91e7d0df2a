//! One thread for all: poll says which connection has something to read or room for the rest of the
//! greeting, and whether somebody waits in the accept queue.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    thread,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

struct Client<'g> {
    stream: TcpStream,
    unsent: &'g [u8],
    ended: bool,
}

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let mut events = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        events.extend(clients.iter().map(|client| {
            let events = match client.unsent {
                [] => PollFlags::POLLIN,
                _ if client.ended => PollFlags::POLLOUT,
                _ => PollFlags::POLLIN | PollFlags::POLLOUT,
            };
            PollFd::new(client.stream.as_fd(), events)
        }));
        poll(&mut events, PollTimeout::NONE)?;
        let mut ready: Vec<bool> = events.iter().map(|it| it.any() == Some(true)).collect();
        let somebody_waits = ready.remove(0);
        let mut ready = ready.into_iter();
        clients.retain_mut(|client| ready.next() != Some(true) || client.goes_on());
        if somebody_waits {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    clients.push(Client {
                        stream,
                        unsent: greeting,
                        ended: false,
                    });
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

impl Client<'_> {
    /// Writes what there is room for, and reads what is there.
    fn goes_on(&mut self) -> bool {
        if !self.unsent.is_empty() {
            match self.stream.write(self.unsent) {
                Ok(n) => self.unsent = &self.unsent[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
        if !self.ended {
            match self.stream.read(&mut [0; 4096]) {
                Ok(n) => self.ended = n == 0,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
        !(self.ended && self.unsent.is_empty())
    }
}
