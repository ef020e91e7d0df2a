//! Always asks epoll for EPOLLRDHUP too, which stays set after a client has half-closed.
//!
//! rejected by: waits for a client that does not read
//! cause: POLLIN or POLLRDHUP after

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
};
use socket_workshop::stop::Stop;

const STOP: u64 = u64::MAX;
const LISTENER: u64 = u64::MAX - 1;
const LONGEST: usize = 64 << 10;

#[derive(Default)]
struct State {
    line: Vec<u8>,
    answers: Vec<u8>,
    sent: usize,
    over: bool,
}

#[rustfmt::skip] // a mark stays on its line
pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    let mut clients: HashMap<u64, (TcpStream, State)> = HashMap::new();
    let mut events = [EpollEvent::empty(); 16];
    loop { // spins here
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) { // spins here
            Err(Errno::EINTR) => continue, // spins here
            count => count?, // spins here
        };
        for event in &events[..count] { // spins here
            match event.data() { // spins here
                STOP => return Ok(()),
                LISTENER => {
                    let Ok((stream, _)) = listener.accept() else {
                        continue;
                    };
                    stream.set_nonblocking(true)?;
                    let key = stream.as_raw_fd() as u64;
                    epoll.add(
                        &stream,
                        EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP, key),
                    )?;
                    clients.insert(key, (stream, State::default()));
                }
                key => { // spins here
                    // spins here
                    let (stream, state) = clients.get_mut(&key).expect("it is removed when closed");
                    match state.step(stream) { // spins here
                        Ok(events) => { // spins here
                            let mut event = EpollEvent::new(events, key); // spins here
                            epoll.modify(&*stream, &mut event)?; // spins here
                        }
                        Err(_) => drop(clients.remove(&key)),
                    }
                }
            }
        }
    }
}

impl State {
    /// What to wait for next. An error if the connection is over.
    #[rustfmt::skip] // a mark stays on its line
    fn step(&mut self, mut stream: &TcpStream) -> io::Result<EpollFlags> {
        let mut buf = [0; 2000]; // spins here
        if self.sent == self.answers.len() { // spins here
            self.answers.clear();
            self.sent = 0;
            match stream.read(&mut buf) {
                Ok(0) => self.over = true,
                Ok(n) => self.takes(&buf[..n])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {} // spins here
                Err(error) => return Err(error),
            }
        }
        if self.sent < self.answers.len() { // spins here
            match stream.write(&self.answers[self.sent..]) { // spins here
                Ok(n) => self.sent += n, // spins here
                Err(error) if error.kind() == ErrorKind::WouldBlock => {} // spins here
                Err(error) => return Err(error),
            }
        }
        match self.sent < self.answers.len() { // spins here
            true => Ok(EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP), // spins here
            false if self.over => Err(ErrorKind::UnexpectedEof.into()),
            false => Ok(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP),
        }
    }

    fn takes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            if *byte == b'\n' {
                self.answers.extend(self.line.iter().rev());
                self.answers.push(b'\n');
                self.line.clear();
            } else if self.line.len() == LONGEST {
                return Err(ErrorKind::InvalidData.into());
            } else {
                self.line.push(*byte);
            }
        }
        Ok(())
    }
}
