//! netstat shows a row in CLOSING, or a hundred in FIN_WAIT2. How does a connection get there? This
//! lesson brings connections into all eleven states of TCP and holds each one still.
//!
//!     cargo run --example states
//!     cargo run --example states -- --predict     asks for each state before showing it
//!
//! You will see each end's row and its place in the state diagram of RFC 9293, CLOSING and LAST_ACK
//! too, a step from FIN_WAIT1 directly to TIME_WAIT, and a connection that has no listener. New
//! here: what holds a state still: a FIN that waits after unsent data, or a segment that is lost.

use socket_workshop::peer::{bound, narrow, set_min_ttl, set_ttl};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::{command, listen::Listen, listen::reachable, table::End, table::State::*};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{process::ExitCode, time::Duration};

/// A socket with this IP_MINTTL drops segments with a lower TTL (ip(7)). The kernel sends segments
/// with a TTL of 64, unless the sending socket asks for more. So a lesson can choose which segments
/// are lost.
const ALL_HOPS: u8 = 255;

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        story.draw_diagrams();
        a_handshake_that_stops(&mut story, &listener)?;
        one_closes_first(&mut story, &listener)?;
        both_close_at_once(&mut story, &listener)?;
        fin_and_ack_together(&mut story, &listener)?;
        both_connect(&mut story)?;
        story.end()
    })
}

fn a_handshake_that_stops(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let addr = reachable(listener.local_addr()?);
    let (client, local) = bound(addr.ip())?;
    let end = End::between(local, addr);
    story
        .stage("a server listens; a client has a socket and a port")
        .expect("listener", End::of(listener)?, Listen)
        .client(end, gone())
        .why("CLOSED has no row: netstat's table does not show a socket that only has a port.")
        .show()?;
    set_min_ttl(&client, ALL_HOPS)?; // every segment to the client is lost
    let _under_way = client.connect(&addr.into()); // EINPROGRESS: connect does not wait
    story
        .stage("the client connects, and the answer is lost")
        .expect("listener", End::of(listener)?, must(Listen).recv_q(0))
        .client(end, must(SynSent).drops(1..))
        .expect("server's request", end.other(), SynRecv)
        .why("The server's row is a request, not yet a socket: accept would wait (Recv-Q is 0).")
        .show()
}

/// FIN_WAIT1, FIN_WAIT2 and TIME_WAIT at one end, CLOSE_WAIT and LAST_ACK at the other.
fn one_closes_first(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = narrow(listener)?;
    story
        .stage("another client, and no segment is lost")
        .pair(end, Established, Established)
        .show()?;
    shut_down_behind_data(&client)?;
    story
        .stage("the client has written more than the server has room for and shut down")
        .pair(end, must(FinWait1).send_q(2..), Established)
        .why("FIN_WAIT1 begins with the call. The FIN is still in Send-Q, after the data.")
        .show()?;
    server.read_to_end(&mut Vec::new())?;
    story
        .stage("the server has read until end of file")
        .pair(end, must(FinWait2).send_q(0), must(CloseWait).recv_q(0))
        .why(
            "CLOSE_WAIT: the server's kernel has acknowledged the FIN, its program has not closed.",
        )
        .show()?;
    shut_down_behind_data(&server)?;
    story
        .stage("the server has also written too much, and shut down")
        .pair(end, must(FinWait2).recv_q(1..), must(LastAck).send_q(2..))
        .why("LAST_ACK begins with the call too: the server's FIN has not been sent yet.")
        .show()?;
    client.read_to_end(&mut Vec::new())?;
    story
        .stage("the client has read until end of file")
        .pair(end, time_wait(), gone())
        .why("The end that closed first keeps TIME_WAIT; the last ACK has closed the other end.")
        .show()
}

/// Writes more than the peer has room for: the rest stays here, and the FIN after it.
fn shut_down_behind_data(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let _part = stream.write(&[0; 64 << 10])?;
    stream.set_nonblocking(false)?;
    stream.shutdown(Shutdown::Write)
}

fn both_close_at_once(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = narrow(listener)?;
    shut_down_behind_data(&client)?;
    shut_down_behind_data(&server)?;
    story
        .stage("both have written too much and shut down: a simultaneous close")
        .pair(end, must(FinWait1).send_q(2..), must(FinWait1).send_q(2..))
        .show()?;
    client.read_to_end(&mut Vec::new())?;
    story
        .stage("the client has read until end of file")
        .pair(end, must(Closing).send_q(2..), FinWait2)
        .why(
            "CLOSING: the client has acknowledged the server's FIN; its own FIN still waits after \
              its data.",
        )
        .show()?;
    server.read_to_end(&mut Vec::new())?;
    story
        .stage("the server has read until end of file too")
        .pair(end, time_wait(), time_wait())
        .why("Each end closed before the other's FIN arrived, so both keep TIME_WAIT.")
        .show()
}

fn fin_and_ack_together(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = narrow(listener)?;
    set_min_ttl(&client, ALL_HOPS)?;
    set_min_ttl(&server, ALL_HOPS)?; // both drop what arrives
    set_ttl(&client, ALL_HOPS)?; // the server still receives what the client sends: the FIN
    client.shutdown(Shutdown::Write)?;
    story
        .stage("the client has shut down; every segment from the server is lost")
        .pair(end, must(FinWait1).send_q(1).drops(1..), CloseWait)
        .why("The ACK that would lead to FIN_WAIT2 was lost on its way to the client.")
        .show()?;
    set_ttl(&client, 64)?; // from now on the server drops it: the ACK of its FIN
    set_ttl(&server, ALL_HOPS)?; // the client receives the server's FIN
    server.shutdown(Shutdown::Write)?;
    story
        .stage("the server has shut down too: its FIN arrives, the ACK of that FIN is lost")
        .pair(end, time_wait(), must(LastAck).drops(3..))
        .timers()
        .why(
            "One segment brought the server's FIN and the ACK of the client's: TIME_WAIT. (RFC \
              9293 and Linux go through FIN_WAIT2.) The last ACK was lost. The FIN came again (the \
              timer's second figure) and so did the ACK: one of the two things TIME_WAIT is for.",
        )
        .show()?;
    SockRef::from(&server).set_linger(Some(Duration::ZERO)) // so that closing it leaves no LAST_ACK
}

fn both_connect(story: &mut Story) -> io::Result<()> {
    let ((first, a), (second, b)) = (bound([127, 0, 0, 1])?, bound([127, 0, 0, 1])?);
    set_min_ttl(&first, ALL_HOPS)?; // there is no listener at the other end; its RST is lost
    set_min_ttl(&second, ALL_HOPS)?;
    set_ttl(&second, ALL_HOPS)?; // its SYN arrives
    let _under_way = (first.connect(&b.into()), second.connect(&a.into()));
    story
        .stage("two sockets connect to each other, without a listener")
        .expect("first", End::between(a, b), SynRecv)
        .expect("second", End::between(b, a), must(SynSent).drops(1..))
        .why(
            "Half of a simultaneous open: the first received a SYN in SYN_SENT. Its answer was \
              lost.",
        )
        .show()?;
    set_min_ttl(&second, 0)?;
    story
        .stage("segments pass again: the first has resent its answer")
        .expect("first", End::between(a, b), Established)
        .expect("second", End::between(b, a), Established)
        .why("SYN_SENT, SYN_RECV, ESTABLISHED, and no LISTEN: neither end is the server.")
        .show()
}
