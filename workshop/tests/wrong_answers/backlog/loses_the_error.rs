//! Ends in order when accept fails, and nobody hears why.
//!
//! rejected by: ends with accept's error, once its clients are served
//! cause: error was lost

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
