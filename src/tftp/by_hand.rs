//! A client by hand, of whom each packet is told: what a lesson shows of TFTP.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use super::{LARGEST_PACKET, Packet};
use crate::{
    stage::Story,
    table::{End, Protocol},
};

/// How long a packet may take to come. Longer than any timeout that is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket, and what it is called in the story.
#[derive(Debug)]
pub struct ByHand {
    /// The socket.
    pub socket: UdpSocket,
    name: &'static str,
    last: Vec<u8>,
}

impl ByHand {
    /// A socket on a free port of this address.
    ///
    /// # Errors
    /// As for socket and bind.
    pub fn new(name: &'static str, local: IpAddr) -> io::Result<ByHand> {
        let socket = UdpSocket::bind((local, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(ByHand {
            socket,
            name,
            last: Vec::new(),
        })
    }

    /// Sends a packet, and prints it.
    ///
    /// # Errors
    /// As for sendto; or the output is closed.
    pub fn sends(&self, story: &mut Story, to: SocketAddr, packet: &Packet<'_>) -> io::Result<()> {
        self.socket.send_to(&packet.to_bytes(), to)?;
        story.tell(&format!("{} -> {}  {packet}", self.name, to.port()))
    }

    /// Receives the next packet, whose text must be this or begin with it, and prints it. A packet
    /// that has come before is skipped: a busy machine may have delayed us. Returns where it came
    /// from.
    ///
    /// # Errors
    /// Another one comes, or none within ten seconds; or the output is closed.
    pub fn receives(&mut self, story: &mut Story, expected: &str) -> io::Result<SocketAddr> {
        self.next_packet(story, expected, false)
    }

    /// Waits until the packet that came last comes once more, and prints it.
    ///
    /// # Errors
    /// Another one comes, or none within ten seconds; or the output is closed.
    pub fn receives_again(&mut self, story: &mut Story) -> io::Result<()> {
        self.next_packet(story, "", true).map(drop)
    }

    fn next_packet(
        &mut self,
        story: &mut Story,
        expected: &str,
        again: bool,
    ) -> io::Result<SocketAddr> {
        let mut buf = vec![0; LARGEST_PACKET];
        let (bytes, from) = loop {
            let (n, from) = self.socket.recv_from(&mut buf)?;
            if again || self.last != buf[..n] {
                break (&buf[..n], from);
            }
        };
        let packet = Packet::parse(bytes).map_or("no packet".to_owned(), |is| is.to_string());
        let as_told = match again {
            true => self.last == bytes,
            false => packet.starts_with(expected),
        };
        self.last = bytes.to_vec();
        let told = format!("{} <- {}  {packet}", self.name, from.port());
        story.claim(&told, as_told).and(Ok(from))
    }
}

/// The row of a UDP socket that is bound to this address and not connected.
#[must_use]
pub fn socket_at(local: SocketAddr) -> End {
    let (protocol, peer) = (Protocol::Udp, None);
    End {
        protocol,
        local,
        peer,
    }
}
