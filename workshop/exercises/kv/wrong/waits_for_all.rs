//! Reads all requests before it answers the first.
//!
//! rejected by: answers before it waits for more
//! cause: `read_to_end` and `read_to_string` wait for end of file

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::TcpStream,
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let mut all = Vec::new();
    (&stream).read_to_end(&mut all)?; // hangs here
    for line in all.split_inclusive(|byte| *byte == b'\n') {
        let Some(request) = line.strip_suffix(b"\n") else {
            return Ok(());
        };
        let answer = match str::from_utf8(request) {
            _ if request.len() > 1024 => "ERR too long".to_owned(),
            Ok("QUIT") => return Ok(()),
            Ok(request) => answer(request, store),
            Err(_) => "ERR no text".to_owned(),
        };
        (&stream).write_all(format!("{answer}\n").as_bytes())?;
        if request.len() > 1024 {
            return Ok(());
        }
    }
    Ok(())
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
