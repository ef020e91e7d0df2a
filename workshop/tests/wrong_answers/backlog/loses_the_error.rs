//! Returns Ok when accept fails.
//!
//! rejected by: returns the error of accept
//! cause: Your code dropped the error of accept

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
};

pub use crate::right_answers::backlog::polls::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                for stream in listener.incoming().map_while(Result::ok) {
                    let _ = handle(stream);
                }
            });
        }
    });
    Ok(())
}
