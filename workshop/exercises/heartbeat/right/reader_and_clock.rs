//! One thread reads and tells what it meets, another has the clock; the reader looks now and then
//! whether it is still needed.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, send},
};
use workshop::checks::heartbeat::Ended;

pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let before = stream.read_timeout()?;
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    let done = AtomicBool::new(false);
    let (news, events) = mpsc::channel();
    let ended = thread::scope(|scope| {
        scope.spawn(|| read(stream, news, &done));
        let mut unanswered = 0;
        let ended = loop {
            match events.recv_timeout(interval) {
                Ok(Ok(1..)) => unanswered = 0,
                Ok(Ok(0)) => break Ok(Ended::Closed),
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => {
                    break Ok(Ended::Reset);
                }
                Ok(Err(error)) => break Err(error),
                Err(RecvTimeoutError::Timeout) if unanswered == misses => break Ok(Ended::Silent),
                Err(_) => match ping(stream) {
                    Ok(_) | Err(Errno::EAGAIN) => unanswered += 1,
                    Err(Errno::EPIPE | Errno::ECONNRESET) => break Ok(Ended::Reset),
                    Err(errno) => break Err(errno.into()),
                },
            }
        };
        done.store(true, Relaxed);
        ended
    });
    stream.set_read_timeout(before)?;
    ended
}

fn read(mut stream: &TcpStream, news: Sender<io::Result<usize>>, done: &AtomicBool) {
    let mut buf = vec![0; 64 << 10];
    while !done.load(Relaxed) {
        match stream.read(&mut buf) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => {
                let is_last = !matches!(result, Ok(1..));
                if news.send(result).is_err() || is_last {
                    return;
                }
            }
        }
    }
}

fn ping(stream: &TcpStream) -> nix::Result<usize> {
    use std::os::fd::AsRawFd;
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    send(stream.as_raw_fd(), b"ping\n", flags)
}
