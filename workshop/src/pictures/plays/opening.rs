//! How connections begin, and how they fail to.

use std::{io, net::Shutdown};

use socket_workshop::table::State::*;
use socket2::{Domain, Socket, Type};

use super::Ends;

pub(super) fn both_open(ends: &mut Ends) -> io::Result<()> {
    let _under_way = ends.client.connect(&ends.addr.into());
    ends.net.shows(SynSent, Close)?;
    let _under_way = ends.listener.connect(&ends.client.local_addr()?); // it never listens
    ends.net.shows(SynSent, SynSent)?;
    ends.net.to_server()?;
    ends.net.shows(SynSent, SynRecv)?;
    ends.net.to_client()?;
    ends.net.shows(SynRecv, SynRecv)?;
    ends.net.to_client()?;
    ends.net.shows(Established, SynRecv)?;
    ends.net.to_server()?;
    ends.net.shows(Established, Established)
}

pub(super) fn nobody_listens(ends: &mut Ends) -> io::Result<()> {
    let _under_way = ends.client.connect(&ends.addr.into());
    ends.net.shows(SynSent, Close)?;
    ends.net.to_server()?;
    ends.net.to_client()?;
    ends.net.shows(Close, Close)
}

pub(super) fn a_syn_is_lost(ends: &mut Ends) -> io::Result<()> {
    ends.listener.listen(1)?;
    let _under_way = ends.client.connect(&ends.addr.into());
    ends.net.shows(SynSent, Close)?;
    ends.net.lose_to_server()?;
    ends.answer()
}

/// The ACK that ends the handshake is lost, and the FIN brings it once more.
pub(super) fn a_fin_comes_to_syn_recv(ends: &mut Ends) -> io::Result<()> {
    ends.listener.listen(1)?;
    let _under_way = ends.client.connect(&ends.addr.into());
    ends.net.shows(SynSent, Close)?;
    ends.net.to_server()?;
    ends.net.shows(SynSent, SynRecv)?;
    ends.net.to_client()?;
    ends.net.shows(Established, SynRecv)?;
    ends.net.lose_to_server()?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, SynRecv)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)?;
    ends.net.to_client()?;
    ends.net.shows(FinWait2, CloseWait)
}

/// Both have opened at once; one end closes before its SYN is acknowledged.
pub(super) fn closed_in_syn_recv(ends: &mut Ends) -> io::Result<()> {
    let _under_way = ends.client.connect(&ends.addr.into());
    ends.net.shows(SynSent, Close)?;
    let _under_way = ends.listener.connect(&ends.client.local_addr()?);
    ends.net.shows(SynSent, SynSent)?;
    ends.net.to_client()?;
    ends.net.shows(SynRecv, SynSent)?;
    ends.client = Socket::new(Domain::IPV4, Type::STREAM, None)?; // drops the other: close(2)
    ends.net.shows(FinWait1, SynSent)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, SynRecv)?;
    ends.net.to_client()?; // a SYN, ACK: it acknowledges the SYN, not the FIN
    ends.net.shows(FinWait1, SynRecv)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)
}
