//! Handles the first line of what a read returns, and drops the rest.
//!
//! rejected by: answers all requests of one read
//! cause: it treats the bytes of one `read` as one request

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let mut gathered = Vec::new();
    let mut buf = [0; 4096];
    loop {
        let n = (&stream).read(&mut buf)?; // hangs here
        if n == 0 {
            return Ok(());
        }
        gathered.extend(&buf[..n]);
        let line = gathered.split(|byte| *byte == b'\n').next().unwrap();
        if line.len() > 1024 {
            (&stream).write_all(b"ERR too long\n")?;
            return finish(&stream);
        }
        if line.len() == gathered.len() {
            continue; // not whole yet
        }
        let answer = match str::from_utf8(line) {
            Ok("QUIT") => return finish(&stream),
            Ok(request) => answer(request, store),
            Err(_) => "ERR no text".to_owned(),
        };
        (&stream).write_all(format!("{answer}\n").as_bytes())?;
        gathered.clear();
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
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}
