//! Passes lines on, and a line ends with its newline only.
//!
//! rejected by: passes on what either side sends
//! cause: `lines` for a newline

use std::{
    io::{self, BufRead, BufReader, Write},
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

fn one_way(from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
    let (mut reader, mut line, mut total) = (BufReader::new(from), Vec::new(), 0);
    // hangs here
    while reader.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        total += line.len() as u64;
        line.clear();
    }
    to.shutdown(Shutdown::Write)?;
    Ok(total)
}
