//! Sends the answers to one read together, and at QUIT ends before it has sent them.
//!
//! rejected by: sends end of file at QUIT
//! cause: Answers that were collected are sent before that

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
    time::{Duration, Instant},
};

/// Executes one request. `None` for QUIT.
fn execute(line: &[u8], store: &Mutex<HashMap<String, String>>) -> Option<String> {
    let Ok(line) = std::str::from_utf8(line) else {
        return Some("ERR a request is UTF-8\n".to_owned());
    };
    if line == "QUIT" {
        return None;
    }
    let mut words = line.splitn(3, ' ');
    let answer = match (words.next(), words.next(), words.next()) {
        (Some("PUT"), Some(key), Some(value)) => {
            let mut store = store
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            store.insert(key.to_owned(), value.to_owned());
            "OK\n".to_owned()
        }
        (Some("GET"), Some(key), None) => {
            let store = store
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            match store.get(key) {
                Some(value) => format!("VALUE {value}\n"),
                None => "NONE\n".to_owned(),
            }
        }
        (Some("PUT" | "GET"), ..) => "ERR the request is incomplete\n".to_owned(),
        _ => "ERR there is no such request\n".to_owned(),
    };
    Some(answer)
}

/// Answers one client's requests from the store, to the end of file or to QUIT.
pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let mut socket = &stream;
    let mut arrived: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => arrived.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
        let mut answers = String::new();
        let mut done = 0;
        while let Some(len) = arrived[done..].iter().position(|&byte| byte == b'\n') {
            if len > 1024 {
                break;
            }
            let line = &arrived[done..done + len];
            done += len + 1;
            match execute(line, store) {
                Some(answer) => answers.push_str(&answer),
                None => {
                    socket.shutdown(Shutdown::Write)?;
                    return drain(socket);
                }
            }
        }
        arrived.drain(..done);
        let is_too_long = arrived.len() > 1024;
        if is_too_long {
            answers.push_str("ERR the request has more than 1024 bytes\n");
        }
        socket.write_all(answers.as_bytes())?;
        if is_too_long {
            socket.shutdown(Shutdown::Write)?;
            return drain(socket);
        }
    }
}

/// Discards what the client still sends, so that the close does not reset the connection.
fn drain(mut socket: &TcpStream) -> io::Result<()> {
    let start = Instant::now();
    let mut buffer = [0; 16 * 1024];
    let mut total = 0;
    while total < 1024 * 1024 {
        let rest = Duration::from_millis(500).saturating_sub(start.elapsed());
        if rest.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(rest))?;
        match socket.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => total += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
