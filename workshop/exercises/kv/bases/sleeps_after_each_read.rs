//! Slow, and right: it sleeps for 20 ms after each read.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
    thread,
    time::Duration,
};

/// The most that a read of the conversation brings; what comes behind it is read in larger pieces.
const PIECE: usize = 16 << 10;

pub fn serve_client(
    mut stream: TcpStream,
    store: &Mutex<HashMap<String, String>>,
) -> io::Result<()> {
    let (mut come, mut buf) = (Vec::new(), vec![0; PIECE]);
    loop {
        while let Some(end) = come.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = come.drain(..=end).take(end).collect();
            let answer = match str::from_utf8(&line) {
                _ if line.len() > 1024 => {
                    come = line;
                    break;
                }
                Ok("QUIT") => return finish(&stream),
                Ok(request) => answer(request, store),
                Err(error) => format!("ERR {error}"),
            };
            stream.write_all((answer + "\n").as_bytes())?;
        }
        if come.len() > 1024 {
            stream.write_all(b"ERR too long\n")?;
            return finish(&stream);
        }
        let n = stream.read(&mut buf)?;
        thread::sleep(Duration::from_millis(20));
        match n {
            0 => return Ok(()),
            n => come.extend(&buf[..n]),
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
    let mut rest = vec![0; 64 << 10];
    while stream.read(&mut rest)? > 0 {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
