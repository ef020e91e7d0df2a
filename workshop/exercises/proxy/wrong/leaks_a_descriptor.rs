//! Keeps a handle of the client that is never closed.
//!
//! rejected by: leaves no thread and no descriptor
//! cause: eventually runs out

use std::{io, net::TcpStream};

use crate::right_answers::proxy::clones_and_loops;

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    std::mem::forget(client.try_clone()?);
    clones_and_loops::relay(client, server)
}
