//! The socket that sees what passes on loopback (packet(7)).

use std::{
    io::{self, ErrorKind, IoSliceMut},
    net::UdpSocket,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::Duration,
};

use nix::{
    cmsg_space,
    net::if_::if_nametoindex,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        socket::{
            ControlMessageOwned::{RxqOvfl, ScmTimestampns},
            MsgFlags, SockProtocol, recvmsg, setsockopt, sockopt,
        },
        time::TimeSpec,
    },
};
use socket_workshop::{deadline::Deadline, fault::Attempt};
use socket2::{Domain, Protocol, Socket, Type};

use super::{filter, now};
use crate::pcap::SNAPLEN;

/// What may wait to be read, in bytes. Without CAP_NET_ADMIN, which a process has in a network of
/// its own, the kernel gives as much of it as `net.core.rmem_max` allows.
const QUEUE: usize = 32 << 20;

#[derive(Debug)]
pub(super) struct PacketSocket {
    socket: Socket,
    buffer: Box<[u8]>,
    dropped: u32,
}

/// A frame as it passed, with its Ethernet header.
pub(super) struct Frame<'a> {
    /// Since the Unix epoch, by the kernel's clock at that moment.
    pub(super) time: Duration,
    /// Its length, of which `bytes` is all up to [`SNAPLEN`].
    pub(super) length: usize,
    pub(super) bytes: &'a [u8],
}

impl PacketSocket {
    /// Opens it: from now on no TCP segment on loopback, from or to this port, is missed.
    pub(super) fn open(port: Option<u16>) -> io::Result<PacketSocket> {
        let every_protocol = Protocol::from(SockProtocol::EthAll as i32);
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(every_protocol))?;
        socket.set_nonblocking(true)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &QUEUE).is_err() {
            let _as_much_as_is_allowed = socket.set_recv_buffer_size(QUEUE);
        }
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        let mut packets = PacketSocket {
            socket,
            buffer: vec![0; SNAPLEN].into(),
            dropped: 0,
        };
        packets.wait_for_the_clock()?;
        let loopback = if_nametoindex("lo").map_err(io::Error::from)?;
        packets.socket.attach_filter(&filter::tcp(loopback, port))?;
        while packets.next()?.is_some() {} // what came before the filter
        packets.dropped = 0;
        Ok(packets)
    }

    /// How many frames had been dropped when the last one came, for want of room in the queue.
    pub(super) fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The next frame that has passed, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        let mut control = cmsg_space!(TimeSpec, u32);
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let fd = self.socket.as_raw_fd();
        // MSG_TRUNC: how long the frame is, not how much of it there was room for.
        let received = recvmsg::<()>(fd, &mut parts, Some(&mut control), MsgFlags::MSG_TRUNC);
        let received = match received.map_err(io::Error::from) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            other => other?,
        };
        let mut time = None;
        for message in received.cmsgs()? {
            match message {
                ScmTimestampns(stamp) => time = Some(Duration::from(stamp)),
                RxqOvfl(dropped) => self.dropped = dropped,
                _ => {}
            }
        }
        let length = received.bytes;
        Ok(Some(Frame {
            time: time.map_or_else(now, Ok)?,
            length,
            bytes: &self.buffer[..length.min(SNAPLEN)],
        }))
    }

    /// The kernel begins to stamp frames a moment after it is asked to, and stamps the others when
    /// they are read. So datagrams are sent until one has been stamped before it was read.
    fn wait_for_the_clock(&mut self) -> io::Result<()> {
        let probe = UdpSocket::bind("127.0.0.1:0").attempt(|| "loopback is down".to_owned())?;
        let probe_addr = probe.local_addr()?;
        let stamped = || {
            probe.send_to(b"what time is it?", probe_addr)?;
            let mut readable = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            poll(&mut readable, PollTimeout::from(100_u8))?;
            let before = now()?;
            let frame = self.next()?;
            Ok(frame.filter(|frame| frame.time < before).map(drop))
        };
        // Without it all still works, but for the times of the first segments.
        Deadline::after(Duration::from_secs(1)).wait_for(stamped)?;
        Ok(())
    }
}

/// Readable, for poll(2), when a frame waits.
impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
