//! The socket that receives requests. Its address may be a wildcard; each request was sent to one
//! address of this machine, and the answer must come from there (RFC 1122, 4.1.3.5). The kernel
//! reports that address beside the datagram (ip(7), IP_PKTINFO; ipv6(7), IPV6_RECVPKTINFO).

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use nix::{
    cmsg_space, libc,
    sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
        sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo},
    },
};

use crate::{fault::Attempt, table::Protocol};

/// The longest request there is: any that is longer has been cut, and makes no sense.
pub(super) const LONGEST_REQUEST: usize = 1500;

/// A socket that receives requests.
#[derive(Debug)]
pub struct Port(UdpSocket);

/// A datagram that has been received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    /// How many bytes it has.
    pub(super) len: usize,
    /// Who has sent it.
    pub(super) client: SocketAddr,
    /// The address that it was sent to, with port 0.
    pub(super) asked: SocketAddr,
}

impl Port {
    /// A socket at this address.
    ///
    /// # Errors
    /// As for bind.
    pub fn bind(addr: SocketAddr) -> io::Result<Port> {
        Port::open(addr).attempt_to_listen(addr, Protocol::Udp)
    }

    fn open(addr: SocketAddr) -> io::Result<Port> {
        let socket = UdpSocket::bind(addr)?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, Ipv4PacketInfo, &true)?;
        if addr.is_ipv6() {
            setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
        }
        Ok(Port(socket))
    }

    /// Its address, as it was bound.
    ///
    /// # Errors
    /// As for getsockname.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Receives a datagram. IPv4 at an IPv6 socket becomes what it is: IPv4. `None`: it was sent to
    /// a broadcast or multicast address, and is not to be answered, as all hosts on the network
    /// would answer it (RFC 1123, 4.2.3.5).
    ///
    /// # Errors
    /// As for recvmsg.
    pub(super) fn receive(&self, buf: &mut [u8]) -> io::Result<Option<Arrived>> {
        let mut room = cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo);
        let mut buf = [IoSliceMut::new(buf)];
        let (fd, flags) = (self.0.as_raw_fd(), MsgFlags::empty());
        let received = recvmsg::<SockaddrStorage>(fd, &mut buf, Some(&mut room), flags)?;
        let client = received.address.as_ref().and_then(address);
        let mut asked = None;
        for message in received.cmsgs()? {
            match message {
                // Of a broadcast the kernel gives our address on that network, and the broadcast's.
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let [ours, to] = [info.ipi_spec_dst, info.ipi_addr].map(ipv4);
                    asked = Some(SocketAddrV4::new(ours, 0).into()).filter(|_| ours == to);
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    let to = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    if !to.is_multicast() && to.to_ipv4_mapped().is_none() {
                        // An address of a link is the interface's (ipv6(7), sin6_scope_id).
                        asked = Some(SocketAddrV6::new(to, 0, 0, info.ipi6_ifindex).into());
                    }
                }
                _ => {}
            }
        }
        let len = received.bytes;
        let both = client.zip(asked);
        Ok(both.map(|(client, asked)| Arrived { len, client, asked }))
    }
}

/// For poll(2).
impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn ipv4(addr: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from_be(addr.s_addr))
}

fn address(of: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = of.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    let v6 = SocketAddrV6::from(*of.as_sockaddr_in6()?);
    match v6.ip().to_canonical() {
        IpAddr::V4(ip) => Some(SocketAddrV4::new(ip, v6.port()).into()),
        IpAddr::V6(_) => Some(v6.into()),
    }
}
