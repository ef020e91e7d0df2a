//! Sends end of file at QUIT, and closes with bytes unread after it.
//!
//! rejected by: does not reset the connection after QUIT
//! cause: an RST after it

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let mut line = Vec::new();
    for byte in (&stream).bytes() {
        match byte? {
            b'\n' => {
                let answer = match str::from_utf8(&line) {
                    Ok("QUIT") => return stream.shutdown(Shutdown::Write),
                    Ok(request) => answer(request, store),
                    Err(_) => "ERR no text".to_owned(),
                };
                (&stream).write_all(format!("{answer}\n").as_bytes())?;
                line.clear();
            }
            _ if line.len() == 1024 => {
                (&stream).write_all(b"ERR too long\n")?;
                return finish(&stream);
            }
            byte => line.push(byte),
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

fn finish(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}
