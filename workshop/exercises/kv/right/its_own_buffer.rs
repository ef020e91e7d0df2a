//! Without a BufReader: a Vec of what has come, from which whole lines are taken.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let (mut come, mut buf) = (Vec::new(), [0; 700]);
    loop {
        while let Some(end) = come.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = come.drain(..=end).take(end).collect();
            let answer = match str::from_utf8(&line) {
                _ if line.len() > 1024 => return too_long(&stream),
                Ok("QUIT") => return finish(&stream),
                Ok(request) => answer(request, store),
                Err(error) => format!("ERR {error}"),
            };
            (&stream).write_all((answer + "\n").as_bytes())?;
        }
        if come.len() > 1024 {
            return too_long(&stream);
        }
        match (&stream).read(&mut buf)? {
            0 if come.is_empty() => return Ok(()),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => come.extend(&buf[..n]),
        }
    }
}

fn too_long(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"ERR too long\n")?;
    finish(stream)?;
    Err(ErrorKind::InvalidData.into())
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
