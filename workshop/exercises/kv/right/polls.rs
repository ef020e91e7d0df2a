//! Never blocks in a read or a write: both are non-blocking, and poll waits for both at once.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    sync::Mutex,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// No more requests are read while this number of bytes of answers waits.
const ENOUGH: usize = 1 << 16;

pub fn serve_client(
    mut stream: TcpStream,
    store: &Mutex<HashMap<String, String>>,
) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let (mut come, mut going, mut buf) = (Vec::new(), Vec::new(), [0; 4096]);
    let (mut ending, mut ended, mut closed) = (false, false, false);
    loop {
        while !ending && let Some(line) = next_line(&mut come) {
            match line.as_deref().map(str::from_utf8) {
                None => ending = going.write_all(b"ERR too long\n").is_ok(),
                Some(Ok("QUIT")) => ending = true,
                Some(Ok(request)) => writeln!(going, "{}", answer(request, store))?,
                Some(Err(_)) => going.write_all(b"ERR no text\n")?,
            }
        }
        if going.is_empty() && closed {
            return Ok(());
        }
        if going.is_empty() && ending && !ended {
            stream.shutdown(Shutdown::Write)?;
            ended = true;
        }
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, !closed && going.len() < ENOUGH);
        flags.set(PollFlags::POLLOUT, !going.is_empty());
        poll(&mut [PollFd::new(stream.as_fd(), flags)], PollTimeout::NONE)?;
        if flags.contains(PollFlags::POLLOUT) {
            let n = unless_it_would_block(stream.write(&going))?.unwrap_or(0);
            going.drain(..n);
        }
        if flags.contains(PollFlags::POLLIN) {
            match unless_it_would_block(stream.read(&mut buf))? {
                Some(0) => closed = true,
                Some(n) if !ending => come.extend(&buf[..n]),
                _ => {}
            }
        }
    }
}

/// A whole line, `Some(None)` for one that is too long, or `None` for a part of one.
fn next_line(come: &mut Vec<u8>) -> Option<Option<Vec<u8>>> {
    match come.iter().position(|byte| *byte == b'\n') {
        Some(end) if end <= 1024 => Some(Some(come.drain(..=end).take(end).collect())),
        None if come.len() <= 1024 => None,
        _ => Some(None),
    }
}

fn unless_it_would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(n) => Ok(Some(n)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn answer(request: &str, store: &Mutex<HashMap<String, String>>) -> String {
    let mut store = store.lock().unwrap();
    let words: Vec<&str> = request.splitn(3, ' ').collect();
    match words[..] {
        ["PUT", key, value] => {
            store.insert(key.to_owned(), value.to_owned());
            "OK".to_owned()
        }
        ["GET", key] => store
            .get(key)
            .map_or("NONE".to_owned(), |value| format!("VALUE {value}")),
        _ => "ERR no such request".to_owned(),
    }
}
