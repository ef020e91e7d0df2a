//! Slow, but right: a read for every byte, and no buffer that reads ahead.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        let whole = loop {
            let mut byte = [0];
            if (&stream).read(&mut byte)? == 0 {
                return Ok(());
            }
            match byte {
                [b'\n'] => break true,
                _ if line.len() == 1024 => break false,
                [byte] => line.push(byte),
            }
        };
        if !whole {
            (&stream).write_all(b"ERR too long\n")?;
            return finish(&stream);
        }
        match String::from_utf8(line).as_deref() {
            Ok("QUIT") => return finish(&stream),
            Ok(request) => {
                (&stream).write_all(answer(request, store).as_bytes())?;
                (&stream).write_all(b"\n")?;
            }
            Err(_) => (&stream).write_all(b"ERR no UTF-8\n")?,
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
