//! Returns the two numbers in the wrong order.
//!
//! rejected by: returns the bytes of each direction
//! cause: The two numbers are swapped

use std::{io, net::TcpStream};

use crate::right_answers::proxy::clones_and_loops;

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let (there, back) = clones_and_loops::relay(client, server)?;
    Ok((back, there))
}
