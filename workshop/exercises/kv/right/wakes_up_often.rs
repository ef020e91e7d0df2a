//! Odd: waits for at most 5 ms at a time, and then begins to wait again.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_millis(5)))?;
    let mut requests = BufReader::new(&stream);
    let mut line = Vec::new();
    loop {
        let room = 1025 - line.len() as u64;
        match (&mut requests).take(room).read_until(b'\n', &mut line) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue, // the line keeps its part
            result => result?,
        };
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
        line.clear();
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

fn finish(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(None)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}
