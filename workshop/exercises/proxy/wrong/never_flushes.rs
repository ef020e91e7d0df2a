//! Writes into a buffer that is flushed only when it is full.
//!
//! rejected by: passes on what either side sends
//! cause: the bytes are in a BufWriter

use std::{
    io::{self, BufWriter, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().unwrap();
        Ok((there?, back?))
    })
}

fn one_way(mut from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let (mut writer, mut buf, mut total) = (BufWriter::new(to), [0; 4096], 0);
    loop {
        let n = from.read(&mut buf)?; // hangs here
        if n == 0 {
            writer.flush()?;
            to.shutdown(Shutdown::Write)?;
            return Ok(total);
        }
        writer.write_all(&buf[..n])?;
        total += n as u64;
    }
}
