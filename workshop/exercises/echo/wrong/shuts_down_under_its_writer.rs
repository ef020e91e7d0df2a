//! Shuts the connection down at end of file, while another thread has bytes to send.
//!
//! rejected by: echoes what arrived before end of file
//! cause: closed or shut down before they were sent

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc,
    thread,
};

/// Sends back every byte until end of file, and returns how many there were.
pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let (send, receive) = mpsc::sync_channel::<Vec<u8>>(64);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for chunk in receive {
                (&stream).write_all(&chunk)?;
            }
            Ok(())
        });
        let mut buffer = [0; 8192];
        let mut total = 0;
        let result = loop {
            match (&stream).read(&mut buffer) {
                Ok(0) => break Ok(total),
                Ok(n) => {
                    if send.send(buffer[..n].to_vec()).is_err() {
                        // The writer has failed: its error is the reason.
                        drop(send);
                        let error: io::Result<()> = writer.join().unwrap();
                        return error.map(|()| total);
                    }
                    total += n as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        drop(send);
        let _ = stream.shutdown(Shutdown::Both);
        let _ = writer.join();
        result
    })
}
