//! Waits for the server after each read of the client.
//!
//! rejected by: passes on what either side sends
//! cause: cannot know which side sends next

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
};

pub fn relay(mut client: TcpStream, mut server: TcpStream) -> io::Result<(u64, u64)> {
    let (mut buf, mut there, mut back) = ([0; 4096], 0, 0);
    loop {
        let n = client.read(&mut buf)?;
        if n == 0 {
            server.shutdown(Shutdown::Write)?;
            back += io::copy(&mut server, &mut client)?;
            return Ok((there, back));
        }
        server.write_all(&buf[..n])?;
        there += n as u64;
        let n = server.read(&mut buf)?; // hangs here
        client.write_all(&buf[..n])?;
        back += n as u64;
    }
}
