//! Echoes, but first takes as many descriptors as the kernel lets it have.

use std::{io, net::TcpStream};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::leaks_descriptors;

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    leaks_descriptors::echo(stream)
}
