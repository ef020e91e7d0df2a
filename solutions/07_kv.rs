//! Exercise 7, done: one client of a store that many share.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    net::{Shutdown, TcpStream},
    process::ExitCode,
    sync::Mutex,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

/// Bytes in a request, without its newline.
const LONGEST: usize = 1024;

/// How long the end of a connection waits for the client's.
const LINGER: Duration = Duration::from_secs(1);

/// Answers one client's requests from the store, to the end of file or to QUIT.
pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    // One reader for the whole connection: a `read` brings several lines, or a part of one, and
    // what lies in this buffer is nowhere else any more.
    let mut requests = BufReader::new(&stream);
    let mut answers = BufWriter::new(&stream);
    let mut line = Vec::new();
    loop {
        // The next read may wait, and the client too: for what we have not sent yet.
        if !requests.buffer().contains(&b'\n') {
            answers.flush()?;
        }
        line.clear();
        let longest = LONGEST as u64 + 1; // with its newline; no client fills more memory than that
        (&mut requests).take(longest).read_until(b'\n', &mut line)?;
        let Some(request) = line.strip_suffix(b"\n") else {
            if line.len() <= LONGEST {
                return answers.flush(); // end of file; a cut line is not a request
            }
            answers.write_all(b"ERR a request has at most 1024 bytes\n")?;
            break;
        };
        let answer = match str::from_utf8(request) {
            Ok("QUIT") => break,
            Ok(request) => answer(request, store),
            Err(_) => "ERR a request is UTF-8".to_owned(), // the line's fault, not the connection's
        };
        writeln!(answers, "{answer}")?;
    }
    answers.flush()?;
    finish(&stream)
}

/// What a request is answered. The lock is held here and nowhere else: no client is waited for
/// until this returns, and the guard is gone by then.
fn answer(request: &str, store: &Mutex<HashMap<String, String>>) -> String {
    let mut store = store
        .lock()
        .expect("no thread panics while it holds the lock");
    let words: Vec<&str> = request.splitn(3, ' ').collect();
    match words[..] {
        ["PUT", key, value] => {
            store.insert(key.to_owned(), value.to_owned());
            "OK".to_owned()
        }
        ["GET", key] => match store.get(key) {
            Some(value) => format!("VALUE {value}"),
            None => "NONE".to_owned(),
        },
        _ => "ERR a request is `PUT key value`, `GET key` or `QUIT`".to_owned(),
    }
}

/// Sends the FIN, and reads to the client's. To close a socket with bytes unread sends RST instead,
/// and the client's kernel may then throw away the answers that it has not read yet.
fn finish(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    // Everything is sent. Whether the client closes in time, or resets, does not matter any more.
    let _ = io::copy(&mut Deadline::after(LINGER).on(stream), &mut io::sink());
    Ok(())
}

fn main() -> ExitCode {
    workshop::checks::kv::SUITE.examine(serve_client)
}
