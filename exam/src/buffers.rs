//! A connection with buffers of given sizes.

use std::{
    io,
    net::{TcpListener, TcpStream},
};

use socket2::{Domain, SockRef, Socket, Type};

/// The sizes of a connection's buffers, in bytes, as SO_RCVBUF and SO_SNDBUF take them: the kernel
/// doubles each. One of 0 bytes is left as the kernel makes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buffers {
    /// The receive buffer of the answer's end.
    pub your_receive: usize,
    /// The send buffer of the answer's end.
    pub your_send: usize,
    /// The receive buffer of the exam's end.
    pub their_receive: usize,
}

impl Buffers {
    /// Small buffers on the way back: a write of the answer's soon waits for the exam to read.
    #[must_use]
    pub fn back(bytes: usize) -> Buffers {
        Buffers {
            your_send: bytes,
            their_receive: bytes,
            ..Buffers::default()
        }
    }

    /// Connects to a listener and accepts: the exam's end, and the answer's.
    ///
    /// The receive buffers are set before the handshake, which announces their sizes to the peer.
    /// The kernel drops what the peer sends into a buffer that was made smaller afterwards, and the
    /// peer sends it again only after a timeout, each time twice as long.
    pub(super) fn connected(self, listener: &TcpListener) -> io::Result<(TcpStream, TcpStream)> {
        if self.your_receive > 0 {
            // What it accepts inherits it.
            SockRef::from(listener).set_recv_buffer_size(self.your_receive)?;
        }
        let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if self.their_receive > 0 {
            client.set_recv_buffer_size(self.their_receive)?;
        }
        client.connect(&listener.local_addr()?.into())?;
        let (yours, _) = listener.accept()?;
        if self.your_send > 0 {
            SockRef::from(&yours).set_send_buffer_size(self.your_send)?;
        }
        Ok((client.into(), yours))
    }

    /// What a step says of them.
    pub(super) fn described(self) -> &'static str {
        match (
            self.your_receive > 0,
            self.your_send + self.their_receive > 0,
        ) {
            (false, false) => "",
            (true, false) => ", with a small buffer on the way to yours",
            (false, true) => ", with small buffers on the way back",
            (true, true) => ", with small buffers",
        }
    }
}
