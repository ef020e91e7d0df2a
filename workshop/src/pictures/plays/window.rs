//! Flow control, a kilobyte at a time: a small receive buffer, and a reader that takes 2 KB of it.

use std::io::{self, Write};

use socket_workshop::table::State::*;

use super::Ends;

const KB: usize = 1024;

/// What the receive buffer is asked to be, in bytes. Linux doubles it (socket(7), SO_RCVBUF), and
/// promises half of that.
const SMALL: usize = 4 * KB;

/// The largest segment: 1 KB, and the 12 bytes that timestamps take of it.
const MSS: u32 = KB as u32 + 12;

pub(super) fn slides(ends: &mut Ends) -> io::Result<()> {
    ends.listener.set_recv_buffer_size(SMALL)?;
    ends.client.set_tcp_mss(MSS)?;
    ends.client.set_tcp_nodelay(true)?; // a write of 1 KB is a segment
    ends.open()?;
    for _ in 0..6 {
        (&ends.client).write_all(&[b'x'; KB])?;
        // What the window has no room for is kept, until the reader has made some.
        while !ends.net.waits_for_server()? {
            ends.server_reads(2 * KB)?;
            if ends.net.waits_for_client()? {
                ends.net.to_client()?; // a window update
            }
        }
        ends.net.to_server()?;
        ends.net.to_client()?;
    }
    ends.server_reads(8 * KB)?;
    if ends.net.waits_for_client()? {
        ends.net.to_client()?;
    }
    ends.net.shows(Established, Established)
}
