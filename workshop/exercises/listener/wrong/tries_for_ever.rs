//! Tries again until the address is free.
//!
//! rejected by: returns AddrInUse for an address in use
//! cause: Your code tries again after an error

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    loop {
        match Listen::with_backlog(backlog).on(addr) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                thread::sleep(Duration::from_millis(100)); // waits here
            }
            result => return result,
        }
    }
}
