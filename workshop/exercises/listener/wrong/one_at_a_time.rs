//! Serves the first client until it leaves.
//!
//! rejected by: greets a client while another is silent
//! cause: Read from each client in a thread of its own

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        if stream.write_all(greeting).is_ok() {
            let _ = io::copy(&mut stream, &mut io::sink()); // hangs here
        }
    }
}
