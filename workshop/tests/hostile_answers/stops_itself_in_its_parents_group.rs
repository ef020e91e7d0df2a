//! Joins the examiner's process group, and stops itself there.

use std::{io, net::TcpStream};

use nix::{
    sys::signal::{Signal, raise},
    unistd::{Pid, getpgid, getppid, setpgid},
};

pub fn echo(_: TcpStream) -> io::Result<u64> {
    let _ = setpgid(Pid::from_raw(0), getpgid(Some(getppid()))?);
    raise(Signal::SIGSTOP)?;
    Ok(0)
}
