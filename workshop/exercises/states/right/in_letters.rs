//! Right: each pair is a word, each letter a move: f is a fill, s a shutdown, r a read to the end
//! of file, x a RST; small for the client, capital for the server.

use socket_workshop::table::State::{self, *};
use socket2::SockRef;
use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

const WORDS: [(State, State, &str); 8] = [
    (FinWait2, CloseWait, "s"),
    (FinWait2, LastAck, "sRFS"),
    (TimeWait, Close, "sRS"),
    (FinWait1, Established, "fs"),
    (FinWait1, FinWait1, "fFsS"),
    (Closing, FinWait2, "fFsSr"),
    (TimeWait, TimeWait, "fFsSrR"),
    (Close, Close, "x"),
];

pub fn bring(
    client: TcpStream,
    server: TcpStream,
    (c, s): (State, State),
) -> io::Result<(Option<TcpStream>, Option<TcpStream>)> {
    let mut ends = [Some(client), Some(server)];
    let word = WORDS.iter().find_map(|&(a, b, word)| match (a, b) {
        _ if (a, b) == (c, s) => Some(word.to_owned()),
        _ if (b, a) == (c, s) => Some(word.chars().map(other).collect()),
        _ => None,
    });
    for letter in word.ok_or(io::ErrorKind::InvalidInput)?.chars() {
        make(letter, &mut ends[usize::from(letter.is_uppercase())])?;
    }
    Ok(ends.into())
}

fn other(letter: char) -> char {
    match letter.is_uppercase() {
        true => letter.to_ascii_lowercase(),
        false => letter.to_ascii_uppercase(),
    }
}

fn make(letter: char, end: &mut Option<TcpStream>) -> io::Result<()> {
    let Some(stream) = end else { return Ok(()) };
    match letter.to_ascii_lowercase() {
        'f' => {
            stream.set_nonblocking(true)?;
            while stream.write(&[b'x'; 1000]).is_ok() {}
            stream.set_nonblocking(false)
        }
        's' => stream.shutdown(Shutdown::Write),
        'r' => stream.read_to_end(&mut Vec::new()).map(drop),
        _ => {
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
            *end = None;
            Ok(())
        }
    }
}
