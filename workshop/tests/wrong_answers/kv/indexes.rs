//! Expects that a request has all its words.
//!
//! rejected by: refuses every other request
//! cause: nothing that it does may cause a panic

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
    let mut store = store.lock().unwrap();
    let words: Vec<&str> = request.splitn(3, ' ').collect();
    match words[0] {
        "PUT" => {
            store.insert(words[1].to_owned(), words[2].to_owned()); // panics here
            "OK".to_owned()
        }
        "GET" => match store.get(words[1]) {
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
