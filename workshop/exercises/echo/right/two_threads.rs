//! One thread reads, another writes, with a channel between them.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::mpsc,
    thread,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mut answers = stream.try_clone()?;
    let (sender, receiver) = mpsc::sync_channel::<Vec<u8>>(4);
    let writer = thread::spawn(move || {
        receiver
            .iter()
            .try_for_each(|bytes| answers.write_all(&bytes))
    });
    let (mut reader, mut buf, mut total) = (stream, [0; 4096], 0);
    let read = loop {
        match reader.read(&mut buf) {
            Ok(0) => break Ok(total),
            Ok(n) => {
                total += n as u64;
                if sender.send(buf[..n].to_vec()).is_err() {
                    break Ok(total);
                }
            }
            Err(error) => break Err(error),
        }
    };
    drop(sender);
    writer.join().expect("it returns its errors")?;
    read
}
