//! A thread for each connection and nothing else, as lesson `listener` shows it: for a server that
//! needs the stream itself and ends with the process.

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
};

use super::{Concerns, concerns, crew::SHORTEST_REST};

/// Accepts connections and runs `handle` for each on a thread of its own,
/// until the listener fails, and the last of these threads has ended.
/// On Linux `shutdown` of the listener's receiving half makes it fail.
///
/// What goes wrong on a connection ends that connection only; one for
/// which there is no thread is closed.
pub fn a_thread_each(
    listener: &TcpListener,
    handle: impl Fn(TcpStream) -> io::Result<()> + Sync,
) -> io::Error {
    let handle = &handle;
    thread::scope(|connections| {
        loop {
            match listener.accept().map_err(|error| (concerns(&error), error)) {
                Ok((stream, _)) => {
                    let thread = thread::Builder::new();
                    let _ = thread.spawn_scoped(connections, move || handle(stream));
                }
                Err((Concerns::Listener, error)) => return error,
                Err((Concerns::Connection, _)) => {}
                // It lasts: to try again at once would spin.
                Err((Concerns::Process, _)) => thread::sleep(SHORTEST_REST),
            }
        }
    })
}
