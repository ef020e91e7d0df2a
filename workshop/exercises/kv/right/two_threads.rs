//! One thread reads lines, another answers them, with a channel of four between them.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Mutex, mpsc},
    thread,
};

pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let (sender, lines) = mpsc::sync_channel::<Option<Vec<u8>>>(4);
    thread::scope(|scope| {
        let answering = scope.spawn(|| answer_all(&stream, store, lines));
        let mut requests = BufReader::new(&stream);
        let read = loop {
            let mut line = Vec::new();
            match (&mut requests).take(1025).read_until(b'\n', &mut line) {
                Err(error) => break Err(error),
                Ok(1025) if !line.ends_with(b"\n") => {
                    let _ = sender.send(None);
                    break drain(&mut requests);
                }
                Ok(_) if !line.ends_with(b"\n") => break Ok(()),
                Ok(_) => line.truncate(line.len() - 1),
            }
            let quit = line == b"QUIT";
            if sender.send(Some(line)).is_err() {
                break Ok(());
            }
            if quit {
                break drain(&mut requests);
            }
        };
        drop(sender);
        answering.join().expect("it returns its errors").and(read)
    })
}

fn drain(rest: &mut impl Read) -> io::Result<()> {
    io::copy(rest, &mut io::sink()).map(drop)
}

fn answer_all(
    mut stream: &TcpStream,
    store: &Mutex<HashMap<String, String>>,
    lines: mpsc::Receiver<Option<Vec<u8>>>,
) -> io::Result<()> {
    for line in lines {
        let Some(line) = line else {
            stream.write_all(b"ERR too long\n")?;
            return stream.shutdown(Shutdown::Write);
        };
        let answer = match String::from_utf8(line).as_deref() {
            Ok("QUIT") => return stream.shutdown(Shutdown::Write),
            Ok(request) => answer(request, store),
            Err(_) => "ERR no text".to_owned(),
        };
        stream.write_all(format!("{answer}\n").as_bytes())?;
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
