//! Keeps a handle of the client that nobody closes.
//!
//! rejected by: leaves nothing behind
//! cause: lives on

use std::{io, net::TcpStream};

use crate::right_answers::proxy::clones_and_loops;

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    std::mem::forget(client.try_clone()?);
    clones_and_loops::relay(client, server)
}
