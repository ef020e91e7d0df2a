//! All at once on one thread, each with a head start of 150 ms to the next (RFC 8305), or an
//! equal share of what remains, by `poll`. After a failure the next begins immediately. The losers
//! are closed because they are dropped.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};

const HEAD_START: Duration = Duration::from_millis(150);

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut outcomes: Vec<Option<io::Error>> = addrs.iter().map(|_| None).collect();
    let mut running: Vec<(usize, Socket)> = Vec::new();
    let (mut next, mut next_at) = (0, Duration::ZERO);
    while (next < addrs.len() || !running.is_empty()) && started.elapsed() < limit {
        if next < addrs.len() && (running.is_empty() || started.elapsed() >= next_at) {
            let begun = begin(addrs[next]);
            next += 1;
            match begun {
                Ok(socket) => running.push((next - 1, socket)),
                Err(error) => {
                    outcomes[next - 1] = Some(error);
                    continue; // it has failed immediately: it is the next one's turn
                }
            }
            let left = limit.saturating_sub(started.elapsed()) / (addrs.len() - next + 1) as u32;
            next_at = started.elapsed() + HEAD_START.min(left);
        }
        let until = if next < addrs.len() {
            limit.min(next_at)
        } else {
            limit
        };
        for (i, socket) in over(&mut running, until.saturating_sub(started.elapsed()))? {
            match socket.take_error()? {
                Some(error) => {
                    outcomes[i] = Some(error);
                    next_at = started.elapsed();
                }
                None => {
                    socket.set_nonblocking(false)?;
                    return Ok(socket.into());
                }
            }
        }
    }
    let kind = |outcome: &Option<io::Error>| {
        outcome
            .as_ref()
            .map_or(ErrorKind::TimedOut, io::Error::kind)
    };
    let each = addrs.iter().zip(&outcomes);
    let text: Vec<String> = each
        .map(|(addr, outcome)| format!("{addr} {:?}", kind(outcome)))
        .collect();
    let last = outcomes.last().map_or(ErrorKind::InvalidInput, kind);
    Err(io::Error::new(last, text.join("; ")))
}

fn begin(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(115) => Err(error), // not EINPROGRESS
        _ => Ok(socket),
    }
}

/// Takes out those whose attempt is over, in their order.
fn over(running: &mut Vec<(usize, Socket)>, time: Duration) -> io::Result<Vec<(usize, Socket)>> {
    let fds = running.iter().map(|(_, socket)| socket.as_fd());
    let mut fds: Vec<PollFd> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLOUT)).collect();
    poll(
        &mut fds,
        PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX),
    )?;
    let over: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
    let mut over = over.into_iter();
    Ok(running
        .extract_if(.., |_| over.next().unwrap_or(false))
        .collect())
}
