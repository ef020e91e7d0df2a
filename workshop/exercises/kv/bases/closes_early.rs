//! Waits for a client no longer than it must: a second, or 1 MiB.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let mut requests = BufReader::new(&stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut requests).take(1025).read_until(b'\n', &mut line)?;
        let Some(request) = line.strip_suffix(b"\n") else {
            if line.len() <= 1024 {
                return Ok(());
            }
            (&stream).write_all(b"ERR too long\n")?;
            return finish(&stream);
        };
        let answer = match str::from_utf8(request) {
            Ok("QUIT") => return finish(&stream),
            Ok(request) => answer(request, store),
            Err(_) => "ERR no text".to_owned(),
        };
        (&stream).write_all(format!("{answer}\n").as_bytes())?;
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

fn finish(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(1)))?;
    let mut rest = (&stream).take(1 << 20);
    match io::copy(&mut rest, &mut io::sink()) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
