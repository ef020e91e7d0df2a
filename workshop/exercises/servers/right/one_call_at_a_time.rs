//! Blocking sockets with calls that do not wait (MSG_DONTWAIT), queues of lines, and one event of
//! one client for each poll.

use std::{
    collections::VecDeque,
    io,
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::socket::{MsgFlags, recv, send},
};
use socket_workshop::stop::Stop;

const NOW: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);

/// A stream, its answers, of which the first may have been sent in part, and its unfinished line.
struct Client(TcpStream, VecDeque<u8>, VecDeque<u8>);

pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    let mut clients: VecDeque<Client> = VecDeque::new();
    loop {
        let stop_and_listener = [stop.as_fd(), listener.as_fd()];
        let mut fds: Vec<PollFd> = stop_and_listener
            .into_iter()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        for Client(stream, answers, _) in &clients {
            let events = if answers.is_empty() {
                PollFlags::POLLIN
            } else {
                PollFlags::POLLOUT
            };
            fds.push(PollFd::new(stream.as_fd(), events));
        }
        match ppoll(&mut fds, None, None) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        // The youngest comes first, and then goes to the end.
        let place = fds.iter().rposition(|fd| fd.any() == Some(true));
        match place.unwrap_or(0) {
            0 if stop.requested() => return Ok(()),
            0 => {}
            _ if fds[0].any() == Some(true) => return Ok(()),
            1 => clients.push_back(Client(
                listener.accept()?.0,
                VecDeque::new(),
                VecDeque::new(),
            )),
            n => {
                let mut client = clients.remove(n - 2).expect("it has just been polled");
                if client.moves() {
                    clients.push_front(client);
                }
            }
        }
    }
}

impl Client {
    /// Makes one call. False if the connection is over.
    fn moves(&mut self) -> bool {
        let Client(stream, answers, line) = self;
        let fd = stream.as_raw_fd();
        if !answers.is_empty() {
            return match send(fd, answers.make_contiguous(), NOW) {
                Ok(n) => {
                    answers.drain(..n);
                    true
                }
                Err(errno) => matches!(errno, Errno::EAGAIN | Errno::EINTR),
            };
        }
        let mut buf = [0; 777];
        match recv(fd, &mut buf, NOW) {
            Ok(0) => false,
            Ok(n) => buf[..n].iter().all(|byte| {
                match byte {
                    b'\n' => {
                        answers.extend(line.drain(..));
                        answers.push_back(b'\n');
                    }
                    byte => line.push_front(*byte),
                }
                line.len() <= 65_536
            }),
            Err(errno) => matches!(errno, Errno::EAGAIN | Errno::EINTR),
        }
    }
}
