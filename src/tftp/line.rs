//! The line of one transfer: a UDP socket of its own, and the peer. The code that opens it says by
//! a [`Rule`] how packets are sent, and sent again.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use super::{Code, LARGEST_PACKET, Packet};
use crate::{deadline::Deadline, stop::Stop};

/// How long an end waits for an answer before it sends again, unless both agree on another time.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long an end waits for an answer in all, and sends again.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The opcode of an ACK.
const ACK: [u8; 2] = [0, 4];

/// Lock-step: sends a packet, and again until an answer to it comes. It is asked of each packet of
/// the peer's whether it is the answer, until it is.
///
/// A DATA packet is to be sent again because time has passed, and for no
/// other reason: never because an ACK has come twice (RFC 1123, 4.2.3.1).
/// An ACK is sent again when what it acknowledges is.
///
/// It fails with [`ErrorKind::TimedOut`] when no answer comes within the line's patience, and with
/// [`super::peers_error`] when the peer ends the transfer.
pub type Rule = fn(&mut Line, &Packet<'_>, IsAnswer<'_>) -> io::Result<()>;

/// Asked of a packet whether it is the answer; what is of use in it is taken then.
pub type IsAnswer<'a> = &'a mut dyn FnMut(&Packet<'_>) -> bool;

/// What carries the packets of one transfer.
pub struct Line {
    /// Its port is this end's transfer identifier (TID). It is not connected: the kernel would keep
    /// strangers out, and they could not be answered. It is non-blocking.
    pub socket: UdpSocket,
    /// The other end's address.
    pub peer: SocketAddr,
    /// Whether the peer's port is its TID: not before the server's first answer has come. Until
    /// then it is the port where the server receives requests.
    pub met: bool,
    /// How long to wait for an answer before sending again.
    pub timeout: Duration,
    /// How long to wait for an answer in all. A silent client must not keep a server's place.
    pub patience: Duration,
    /// Room for the largest packet.
    pub buf: Vec<u8>,
    last: Vec<u8>,
    stop: Stop,
    rule: Rule,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { socket, peer, .. } = self;
        write!(f, "Line({socket:?} to {peer})")
    }
}

impl Line {
    /// The server's end, for a client that has asked: from a port of its own (port 0), and not from
    /// the one to which the request came.
    ///
    /// # Errors
    /// As for socket and bind.
    pub fn to_client(
        local: SocketAddr,
        client: SocketAddr,
        stop: &Stop,
        rule: Rule,
    ) -> io::Result<Line> {
        Line::open(local, client, true, stop, rule)
    }

    /// A client's end, for a server that is to be asked at this port.
    ///
    /// # Errors
    /// As for socket and bind.
    pub fn to_server(
        local: IpAddr,
        server: SocketAddr,
        stop: &Stop,
        rule: Rule,
    ) -> io::Result<Line> {
        Line::open((local, 0).into(), server, false, stop, rule)
    }

    fn open(
        local: SocketAddr,
        peer: SocketAddr,
        met: bool,
        stop: &Stop,
        rule: Rule,
    ) -> io::Result<Line> {
        let socket = UdpSocket::bind(local)?; // port 0: a free one
        socket.set_nonblocking(true)?;
        Ok(Line {
            socket,
            peer,
            met,
            timeout: TIMEOUT,
            patience: PATIENCE,
            buf: vec![0; LARGEST_PACKET + 1], // a datagram that is longer shows by its length
            last: Vec::new(),
            stop: stop.clone(),
            rule,
        })
    }

    /// Sends a packet by the line's rule, until its answer comes.
    ///
    /// # Errors
    /// As for [`Rule`].
    pub fn exchange(&mut self, packet: &Packet<'_>, is_answer: IsAnswer<'_>) -> io::Result<()> {
        (self.rule)(self, packet, is_answer)
    }

    /// Sends a packet once.
    ///
    /// # Errors
    /// As for sendto.
    pub fn send(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.last = packet.to_bytes();
        self.socket.send_to(&self.last, self.peer).map(drop)
    }

    /// Waits until a datagram can be received; false if the deadline passes first.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]: the wish to stop has been made.
    pub fn is_readable(&self, until: Deadline) -> io::Result<bool> {
        self.stop.readable(&self.socket, Some(until))
    }

    /// Whether a datagram from this address is none of this transfer's. A
    /// server may answer from any port of its address.
    #[must_use]
    pub fn is_stranger(&self, from: SocketAddr) -> bool {
        match self.met {
            true => from != self.peer,
            false => from.ip() != self.peer.ip(),
        }
    }

    /// Sends an ERROR to a stranger, whose datagram of `n` bytes has just been received: the
    /// transfer is not the stranger's. The transfer goes on, even if the ERROR cannot be sent. An
    /// ERROR is never answered: two ends that each treat the other as a stranger would answer each
    /// other without end.
    pub fn turn_away(&self, n: usize, stranger: SocketAddr) {
        if !matches!(Packet::parse(&self.buf[..n]), Some(Packet::Error { .. })) {
            let error = Packet::error(Code::UNKNOWN_TID, "unknown transfer ID");
            let _ = self.socket.send_to(&error.to_bytes(), stranger);
        }
    }

    /// After the ACK of the last block: waits for twice the timeout, and
    /// if that block comes again, for the ACK was lost, sends the ACK
    /// again (RFC 1350, 6). After any other packet it does nothing.
    pub fn dally(&mut self) {
        if !self.last.starts_with(&ACK) {
            return;
        }
        let until = Deadline::after(2 * self.timeout);
        while let Ok(true) = self.is_readable(until) {
            let is_block = match self.socket.recv_from(&mut self.buf) {
                Ok((n, from)) if from == self.peer => {
                    matches!(Packet::parse(&self.buf[..n]), Some(Packet::Data { .. }))
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ => false,
            };
            if is_block {
                let _ = self.socket.send_to(&self.last, self.peer);
            }
        }
    }
}
