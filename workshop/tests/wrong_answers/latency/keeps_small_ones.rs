//! Collects small requests until they fill a segment, so the last of them are never sent.
//!
//! rejected by: sends the request and nothing else
//! cause: in a buffer of your code's

use std::{
    io::{self, Write},
    net::TcpStream,
    sync::Mutex,
};

static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut kept = KEPT.lock().unwrap();
    write!(kept, "PUT {key} {}\n", value.len())?;
    kept.extend(value);
    if kept.len() > 1400 {
        stream.write_all(&kept)?;
        kept.clear();
    }
    Ok(())
}
