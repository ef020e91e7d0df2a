//! Leaves the socket as it is: poll waits with what remains, and the receive that follows does not.

use std::{io, net::TcpStream, os::fd::AsFd, os::fd::AsRawFd, time::Duration, time::Instant};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, recv},
};

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let (mut line, mut buf) = (Vec::new(), [0; 4096]);
    loop {
        wait(stream, deadline)?;
        let room = buf.len().min((max - line.len()).saturating_add(1));
        let flags = MsgFlags::MSG_DONTWAIT;
        let n = match recv(
            stream.as_raw_fd(),
            &mut buf[..room],
            flags | MsgFlags::MSG_PEEK,
        ) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(Errno::EAGAIN | Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let newline = buf[..n].iter().position(|byte| *byte == b'\n');
        let ours = newline.map_or(n, |at| at + 1);
        let taken = recv(stream.as_raw_fd(), &mut buf[..ours], flags)?;
        assert_eq!(taken, ours, "no other thread reads");
        line.extend_from_slice(&buf[..newline.unwrap_or(n)]);
        if newline.is_some() {
            return String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into());
        }
        if line.len() > max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

fn wait(stream: &TcpStream, deadline: Instant) -> io::Result<()> {
    loop {
        // In milliseconds, rounded up: rounded down it would spin through the last one.
        let left = deadline.saturating_duration_since(Instant::now());
        let left = left.as_nanos().div_ceil(1_000_000);
        if left == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}
