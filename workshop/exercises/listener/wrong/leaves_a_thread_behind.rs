//! Accepts in a thread that it leaves behind, and returns at once.
//!
//! rejected by: greets the next client whatever the others do
//! cause: a thread that it has left behind accepts them

use std::{io, net::TcpListener, thread};

use crate::right_answers::listener::threads;

pub use threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let (listener, greeting) = (listener.try_clone()?, greeting.to_vec());
    thread::spawn(move || threads::serve(&listener, &greeting));
    Ok(())
}
