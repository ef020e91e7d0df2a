//! Where there is no packet socket: nothing can be captured.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

/// There is none.
#[derive(Debug)]
pub(super) enum PacketSocket {}

pub(super) struct Frame<'a> {
    pub(super) time: Duration,
    pub(super) length: usize,
    pub(super) bytes: &'a [u8],
}

impl PacketSocket {
    pub(super) fn open(_port: Option<u16>) -> io::Result<PacketSocket> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "cannot capture on loopback: packet sockets are Linux's (tcpdump can, and so can \
             Wireshark)",
        ))
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        match *self {}
    }

    pub(super) fn dropped(&self) -> u32 {
        match *self {}
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}
