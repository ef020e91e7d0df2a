//! Echoes, and lowers a limit of the whole process.

use std::{io, net::TcpStream};

use nix::sys::resource::{Resource, setrlimit};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    setrlimit(Resource::RLIMIT_AS, 4096, 4096)?;
    io::copy(&mut &stream, &mut &stream)
}
