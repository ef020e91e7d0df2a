//! Echoes, and kills the examiner.

use std::{io, net::TcpStream};

use nix::{
    sys::signal::{Signal, kill},
    unistd::getppid,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let _ = kill(getppid(), Signal::SIGKILL);
    io::copy(&mut &stream, &mut &stream)
}
