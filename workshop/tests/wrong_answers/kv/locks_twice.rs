//! Locks the store again while a guard of it is alive: `match` keeps the one in its head.
//!
//! rejected by: answers before it waits for more
//! cause: while it still holds a guard of it

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
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
    let words: Vec<&str> = request.splitn(3, ' ').collect();
    match words[..] {
        ["PUT", key, value] => {
            match store.lock().unwrap().get_mut(key) {
                Some(old) => *old = value.to_owned(),
                None => {
                    let mut store = store.lock().unwrap(); // hangs here
                    store.insert(key.to_owned(), value.to_owned());
                }
            }
            "OK".to_owned()
        }
        ["GET", key] => match store.lock().unwrap().get(key) {
            Some(value) => format!("VALUE {value}"),
            None => "NONE".to_owned(),
        },
        _ => "ERR no such request".to_owned(),
    }
}

fn finish(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}
