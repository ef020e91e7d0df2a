//! Accepts in a thread that it does not join, and returns at once.
//!
//! rejected by: goes on while the listener is open
//! cause: another thread of your code accepts them

use std::{io, net::TcpListener, thread};

use crate::right_answers::listener::threads;

pub use threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let (listener, greeting) = (listener.try_clone()?, greeting.to_vec());
    thread::spawn(move || threads::serve(&listener, &greeting));
    Ok(())
}
