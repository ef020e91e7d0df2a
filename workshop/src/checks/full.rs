//! A connection on which not one more byte can be written: the send buffer is full, and so is the
//! window of a peer that does not read.

use std::{io, mem, net::TcpStream, os::fd::AsRawFd, time::Duration};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, send},
};
use socket_workshop::table::{End, TimerKind};
use socket2::SockRef;

use crate::exam::{CheckError, Exam, Verdict, or_skip};

/// Fills the send buffer of a stream, made small, and its peer's window: there is no room for
/// another byte. Returns how many bytes, each an `x`, that took.
pub(super) fn fill(exam: &Exam, stream: &TcpStream) -> Verdict<usize> {
    let small = SockRef::from(stream).set_send_buffer_size(4096);
    or_skip("set the size of a buffer", small)?;
    fill_buffers(exam, stream)
}

/// As [`fill`], with the send buffer as it is. A write that fails with `EAGAIN` is not enough: what
/// is still on its way to the peer makes room later, and the kernel may enlarge the buffer.
pub(super) fn fill_buffers(exam: &Exam, stream: &TcpStream) -> Verdict<usize> {
    let end = or_skip("read an address", End::of(stream))?;
    // The peer says when its window is zero. Where the kernel does not pass that on, there is the
    // timer: the first probe of a window brings what there was still room for; when one has brought
    // nothing, and its timer has restarted, the window is closed.
    let (mut probe_due, mut filled) = (Duration::MAX, 0);
    let full = || {
        let table = exam.table_with_info().unwrap_or_default();
        let row = table.find(end);
        let timer = row.and_then(|row| row.timer);
        let probe = timer.filter(|timer| timer.kind == TimerKind::WindowProbe);
        let written = or_skip("fill a send buffer", write_what_fits(stream))?;
        let has_room = written > 0;
        filled += written;
        let due = probe.map_or(Duration::MAX, |timer| timer.remaining);
        let before = mem::replace(&mut probe_due, if has_room { Duration::MAX } else { due });
        let closed = match row.and_then(|row| row.window) {
            Some(window) => window == 0,
            None => probe.is_some() && due > before,
        };
        Ok((closed && !has_room).then_some(()))
    };
    if exam.until(full)?.is_none() {
        return Err(CheckError::skipped("the peer's window does not close"));
    }
    exam.step("filled your send buffer and the peer's window; the peer does not read");
    Ok(filled)
}

fn write_what_fits(stream: &TcpStream) -> io::Result<usize> {
    let mut written = 0;
    loop {
        match send(stream.as_raw_fd(), &[b'x'; 1024], MsgFlags::MSG_DONTWAIT) {
            Ok(n) => written += n,
            Err(Errno::EAGAIN) => return Ok(written),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
