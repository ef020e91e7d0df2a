//! What an answer prints: the beginning is kept, the rest is counted.

use std::{
    io::{PipeReader, Read},
    os::fd::{AsFd, BorrowedFd},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What is kept of it.
const KEPT: usize = 2 << 10;

/// More than a pipe holds. So much may be left of what a process has printed when it has ended.
const LEFT: u64 = 2 << 20;

/// The output of a process, read as it comes.
pub(super) struct Output {
    /// `None` when everybody has closed the other end.
    pipe: Option<PipeReader>,
    kept: Vec<u8>,
    pub(super) bytes: u64,
}

impl Output {
    pub(super) fn of(pipe: PipeReader) -> Output {
        Output {
            pipe: Some(pipe),
            kept: Vec::new(),
            bytes: 0,
        }
    }

    /// To be polled, unless nothing more can come.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there. To be called when there is something.
    pub(super) fn read(&mut self) {
        let mut buf = [0; 64 << 10];
        match self.pipe.as_mut().map(|pipe| pipe.read(&mut buf)) {
            Some(Ok(n @ 1..)) => {
                self.bytes += n as u64;
                let room = KEPT - self.kept.len();
                self.kept.extend(&buf[..n.min(room)]);
            }
            _ => self.pipe = None,
        }
    }

    /// Reads what is there without waiting: a program that could not be killed may keep the pipe
    /// open.
    pub(super) fn rest(mut self) -> (String, u64) {
        let most = self.bytes + LEFT;
        while self.bytes < most
            && let Some(fd) = self.fd()
            && poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(1)
        {
            self.read();
        }
        let kept = String::from_utf8_lossy(&self.kept).into_owned();
        (kept, self.bytes)
    }
}
