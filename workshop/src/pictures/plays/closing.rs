//! How connections end.

use std::{
    io::{self, Write},
    net::Shutdown,
    time::Duration,
};

use socket_workshop::table::State::*;

use super::Ends;

pub(super) fn the_client_closes(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    finish(ends)
}

/// The client closes, then the server: four segments.
pub(super) fn finish(ends: &mut Ends) -> io::Result<()> {
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)?;
    ends.net.to_client()?;
    ends.net.shows(FinWait2, CloseWait)?;
    the_server_is_last(ends)
}

fn the_server_is_last(ends: &mut Ends) -> io::Result<()> {
    ends.server().shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait2, LastAck)?;
    ends.net.to_client()?;
    ends.net.shows(TimeWait, LastAck)?;
    ends.net.to_server()?;
    ends.net.shows(TimeWait, Close)
}

pub(super) fn the_server_closes(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    ends.server().shutdown(Shutdown::Write)?;
    ends.net.shows(Established, FinWait1)?;
    ends.net.to_client()?;
    ends.net.shows(CloseWait, FinWait1)?;
    ends.net.to_server()?;
    ends.net.shows(CloseWait, FinWait2)?;
    ends.client_writes(b"still here")?; // half-closed: this direction is open
    ends.net.shows(CloseWait, FinWait2)?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(LastAck, FinWait2)?;
    ends.net.to_server()?;
    ends.net.shows(LastAck, TimeWait)?;
    ends.net.to_client()?;
    ends.net.shows(Close, TimeWait)
}

pub(super) fn both_close(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, Established)?;
    ends.server().shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, FinWait1)?;
    // The FINs cross: each comes to an end that has sent its own.
    ends.net.to_server()?;
    ends.net.shows(FinWait1, Closing)?;
    ends.net.to_client()?;
    ends.net.shows(Closing, Closing)?;
    ends.net.to_client()?;
    ends.net.shows(TimeWait, Closing)?;
    ends.net.to_server()?;
    ends.net.shows(TimeWait, TimeWait)
}

/// The ACK of the client's FIN is lost, and the server's FIN brings it once more.
pub(super) fn fin_and_ack_together(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)?;
    ends.net.lose_to_client()?;
    ends.server().shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, LastAck)?;
    ends.net.to_client()?;
    ends.net.shows(TimeWait, LastAck)?;
    ends.net.to_server()?;
    ends.net.shows(TimeWait, Close)
}

/// When the client has sent its FIN, an ACK comes of the data before it.
pub(super) fn an_ack_of_the_data_only(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    (&ends.client).write_all(b"hello")?;
    ends.net.shows(Established, Established)?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_server()?;
    ends.net.to_client()?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)?;
    ends.net.to_client()?;
    ends.net.shows(FinWait2, CloseWait)?;
    the_server_is_last(ends)
}

/// The FIN comes before the data that stands before it.
pub(super) fn a_fin_overtakes(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    (&ends.client).write_all(b"hello")?;
    ends.net.shows(Established, Established)?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.let_overtake()?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)
}

/// The data is lost, and the FIN is not: what the client sends last stands before its FIN.
pub(super) fn the_data_before_a_fin_is_lost(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    (&ends.client).write_all(b"hello")?;
    ends.net.shows(Established, Established)?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.lose_to_server()?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_client()?; // it waits for the data
    ends.net.shows(FinWait1, Established)?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)?;
    ends.net.to_client()?;
    ends.net.shows(FinWait2, CloseWait)
}

pub(super) fn a_fin_is_lost(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    ends.client.shutdown(Shutdown::Write)?;
    ends.net.shows(FinWait1, Established)?;
    ends.net.lose_to_server()?;
    ends.net.to_server()?;
    ends.net.shows(FinWait1, CloseWait)?;
    ends.net.to_client()?;
    ends.net.shows(FinWait2, CloseWait)?;
    the_server_is_last(ends)
}

pub(super) fn the_server_resets(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    ends.client_writes(b"hello")?;
    ends.net.shows(Established, Established)?;
    ends.server().set_linger(Some(Duration::ZERO))?;
    ends.server = None; // closed like this, it sends a RST
    ends.net.shows(Established, Close)?;
    ends.net.to_client()?;
    ends.net.shows(Close, Close)
}
