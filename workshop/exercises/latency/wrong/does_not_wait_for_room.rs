//! Sends with MSG_DONTWAIT, and returns WouldBlock where there is no room.
//!
//! rejected by: returns only when the kernel has the whole request
//! cause: its write does not wait for room

use std::{
    io::{self, IoSlice},
    net::TcpStream,
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, sendmsg},
};

/// Prepares a new connection for requests that do not wait for each other.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// Sends one request.
pub fn put(stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let header = format!("PUT {key} {}\n", value.len());
    let (mut header, mut value) = (header.as_bytes(), value);
    // Never wait for the server: the kernel takes the request, or there is an error.
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    while !(header.is_empty() && value.is_empty()) {
        let parts = [IoSlice::new(header), IoSlice::new(value)];
        let sent = match sendmsg::<()>(stream.as_raw_fd(), &parts, &[], flags, None) {
            Ok(n) => n,
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e.into()),
        };
        let of_header = sent.min(header.len());
        header = &header[of_header..];
        value = &value[sent - of_header..];
    }
    Ok(())
}
