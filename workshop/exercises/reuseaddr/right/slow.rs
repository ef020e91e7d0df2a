//! Slow, but it neither waits nor tries again: it has a lot to compute before each call.

use std::{
    hint::black_box,
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let computed = (0..1_000_000_u64).fold(1, |sum, i| black_box(sum ^ i.wrapping_mul(31)));
    black_box(computed);
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
