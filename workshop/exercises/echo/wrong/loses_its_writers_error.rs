//! Writes on a second thread, and drops the error of that thread.
//!
//! rejected by: returns the error of a reset
//! cause: Return it: the caller must know

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::mpsc,
    thread,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut answers = stream.try_clone()?;
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    let writer = thread::spawn(move || {
        receiver
            .iter()
            .try_for_each(|bytes| answers.write_all(&bytes))
    });
    let (mut buf, mut total) = ([0; 4096], 0);
    let read = loop {
        match stream.read(&mut buf) {
            Ok(0) => break Ok(total),
            Ok(n) => {
                let _ = sender.send(buf[..n].to_vec());
                total += n as u64;
            }
            Err(error) => break Err(error),
        }
    };
    drop(sender);
    let _ = writer.join();
    read
}
