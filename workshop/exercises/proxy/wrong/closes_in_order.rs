//! Ends both directions after a reset, and closes in order.
//!
//! rejected by: passes on a reset that a read returns
//! cause: to it the data looks complete

use std::{
    io,
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

fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let copied = io::copy(&mut &*from, &mut &*to);
    let ended = copied.and_then(|bytes| to.shutdown(Shutdown::Write).and(Ok(bytes)));
    if ended.is_err() {
        for stream in [from, to] {
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
    ended
}
