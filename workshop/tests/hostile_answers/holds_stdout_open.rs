//! Echoes, and leaves a program in a process group of its own that keeps stdout open for an hour.

use std::{env, io, net::TcpStream, os::unix::process::CommandExt, process::Command};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mut sleep = Command::new("sleep");
    sleep.arg(env::var("MARK").unwrap_or_default());
    sleep.process_group(0).spawn()?;
    io::copy(&mut &stream, &mut &stream)
}
