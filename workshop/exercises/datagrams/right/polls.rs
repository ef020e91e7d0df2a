//! Waits in poll, and receives without waiting: no timeout of the socket's is touched.

use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let begun = Instant::now();
    let question = [&number.to_be_bytes(), request].concat();
    let (mut sends, mut buf) = (0, vec![0; 1 << 16]);
    loop {
        let age = begun.elapsed();
        if age >= limit {
            return Err(ErrorKind::TimedOut.into());
        }
        // 0, 50, 150, 350: 50 * (2^n - 1).
        let due = |sends: u32| Duration::from_millis(50 * ((1 << sends) - 1));
        if age >= due(sends) {
            socket.send(&question)?;
            sends += 1;
        }
        let left = due(sends).min(limit).saturating_sub(age) + Duration::from_millis(1);
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], left) {
            Ok(0) | Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        let n = socket.recv(&mut buf)?;
        if n >= 4 && buf[..4] == number.to_be_bytes() {
            buf.truncate(n);
            return Ok(buf.split_off(4));
        }
    }
}
