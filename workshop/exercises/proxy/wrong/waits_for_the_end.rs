//! Reads everything before it passes anything on.
//!
//! rejected by: passes on what either side sends
//! cause: waits for more first

use std::{
    io::{self, Read, Write},
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

fn one_way(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
    let mut all = Vec::new();
    from.read_to_end(&mut all)?; // hangs here
    to.write_all(&all)?;
    to.shutdown(Shutdown::Write)?;
    Ok(all.len() as u64)
}
