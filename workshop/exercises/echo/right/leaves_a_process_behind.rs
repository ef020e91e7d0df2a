//! Right, but starts a program that would run for an hour. The examination ends it.

use std::{env, io, net::TcpStream, process::Command};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    if let Ok(seconds) = env::var("LEFT_BEHIND") {
        Command::new("sleep").arg(seconds).spawn()?;
    }
    io::copy(&mut &stream, &mut &stream)
}
