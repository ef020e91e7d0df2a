//! A thread for each address. One begins when the one before it has failed, or has had its head
//! start; when one has won, or time is over, the others stop within 20 ms and are joined.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, poll};
use socket2::{Domain, Socket, Type};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    if addrs.is_empty() {
        return Err(ErrorKind::InvalidInput.into());
    }
    if limit.is_zero() {
        return Err(io::Error::new(
            ErrorKind::TimedOut,
            format!("no time for {addrs:?}"),
        ));
    }
    let far = Duration::from_secs(1 << 30); // longer limits would overflow
    let (deadline, stop) = (Instant::now() + limit.min(far), AtomicBool::new(false));
    let results: Vec<io::Result<TcpStream>> = thread::scope(|scope| {
        let mut threads = Vec::new();
        for (i, &addr) in addrs.iter().enumerate() {
            let (over, is_over) = mpsc::channel::<()>();
            let stop = &stop;
            threads.push(scope.spawn(move || {
                let result = connect(addr, deadline, stop);
                stop.fetch_or(result.is_ok(), Ordering::SeqCst);
                drop(over);
                result
            }));
            let remaining = deadline.saturating_duration_since(Instant::now());
            let _ = is_over.recv_timeout(remaining / (addrs.len() - i) as u32); // the head start
            if stop.load(Ordering::SeqCst) {
                break;
            }
        }
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it returns its errors"))
            .collect()
    });
    let (mut kind, mut text) = (ErrorKind::TimedOut, String::new());
    for (addr, result) in addrs.iter().zip(results) {
        match result {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                kind = error.kind();
                text += &format!("{addr}: {error}\n");
            }
        }
    }
    Err(io::Error::new(kind, text))
}

fn connect(addr: SocketAddr, deadline: Instant, stop: &AtomicBool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(115) => return Err(error), // not EINPROGRESS
        _ => {}
    }
    loop {
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
        if poll(&mut fds, 20_u8)? == 1 {
            break;
        }
        if Instant::now() >= deadline || stop.load(Ordering::SeqCst) {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}
