//! A client by hand, of whom each packet is told: what a lesson shows of TFTP.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use super::{LARGEST_PACKET, Packet};
use crate::stage::Story;

/// How long a packet may take to come. Longer than any timeout that a lesson asks for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket, and what it is called in the story.
#[derive(Debug)]
pub struct ByHand {
    /// The socket.
    pub socket: UdpSocket,
    name: &'static str,
}

impl ByHand {
    /// A socket on a free port of this address.
    ///
    /// # Errors
    /// As for socket and bind.
    pub fn new(name: &'static str, local: IpAddr) -> io::Result<ByHand> {
        let socket = UdpSocket::bind((local, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(ByHand { socket, name })
    }

    /// Sends a packet, and tells it.
    ///
    /// # Errors
    /// As for sendto; or the output is closed.
    pub fn says(&self, story: &mut Story, to: SocketAddr, packet: &Packet<'_>) -> io::Result<()> {
        self.socket.send_to(&packet.to_bytes(), to)?;
        story.tell(&format!("  {:>8} -> {:<5}  {packet}", self.name, to.port()))
    }

    /// Receives the next packet, which must be told as this or begin with it, and tells it.
    ///
    /// # Errors
    /// Another one comes, or none within ten seconds; or the output is closed.
    pub fn hears(&self, story: &mut Story, expected: &str) -> io::Result<()> {
        let mut buf = vec![0; LARGEST_PACKET];
        let (n, from) = self.socket.recv_from(&mut buf)?;
        let packet = Packet::parse(&buf[..n]).map_or("no packet".to_owned(), |is| is.to_string());
        let told = format!("  {:>8} <- {:<5}  {packet}", self.name, from.port());
        story.claim(&told, packet.starts_with(expected))
    }
}
