//! Returns the first error of accept, also EMFILE.
//!
//! rejected by: serves again after a shortage of descriptors
//! cause: means that the process has no descriptor left

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    thread,
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
        let greeting = greeting.to_vec();
        thread::spawn(move || {
            stream.write_all(&greeting)?;
            io::copy(&mut stream, &mut io::sink()) // hangs here
        });
    }
}
