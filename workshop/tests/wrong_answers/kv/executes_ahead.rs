//! Executes every line that has come before it looks for QUIT.
//!
//! rejected by: executes nothing after QUIT
//! cause: Look for the end before you execute the next line

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let mut gathered = Vec::new();
    let mut buf = [0; 512];
    loop {
        let n = (&stream).read(&mut buf)?;
        if n == 0 {
            return Ok(());
        }
        gathered.extend(&buf[..n]);
        let mut answers: Vec<Option<String>> = Vec::new();
        while let Some(end) = gathered.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = gathered.drain(..=end).collect();
            answers.push(match str::from_utf8(&line[..end]) {
                _ if end > 1024 => Some("ERR too long".to_owned()),
                Ok("QUIT") => None,
                Ok(request) => Some(answer(request, store)),
                Err(_) => Some("ERR no text".to_owned()),
            });
        }
        if gathered.len() > 1024 {
            answers.push(Some("ERR too long".to_owned()));
        }
        for answer in answers {
            let Some(answer) = answer else {
                return finish(&stream);
            };
            (&stream).write_all(format!("{answer}\n").as_bytes())?;
            if answer == "ERR too long" {
                return finish(&stream);
            }
        }
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
