//! Passes what it reads to a writing thread, and returns without joining it.
//!
//! rejected by: echoes what arrived before end of file
//! cause: join the thread first

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::mpsc,
    thread,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut answers = stream.try_clone()?;
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        receiver
            .iter()
            .try_for_each(|bytes| answers.write_all(&bytes))
    });
    let (mut buf, mut total) = ([0; 4096], 0);
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        let _ = sender.send(buf[..n].to_vec());
        total += n as u64;
    }
}
