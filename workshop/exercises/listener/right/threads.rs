//! A detached thread for each connection, with a share of the greeting.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

use socket_workshop::listen::Listen;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    Listen::with_backlog(backlog).on(addr)
}

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let greeting: Arc<[u8]> = greeting.into();
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if matches!(error.raw_os_error(), Some(23 | 24)) => {
                thread::sleep(Duration::from_millis(1));
                continue;
            }
            Err(error) => return Err(error),
        };
        let greeting = Arc::clone(&greeting);
        thread::spawn(move || {
            if stream.write_all(&greeting).is_ok() {
                while let Ok(1..) = stream.read(&mut [0; 512]) {}
            }
        });
    }
}
