//! netstat shows a hundred rows in FIN_WAIT2 that belong to no program, or one in CLOSING. Lesson
//! `states` does not explain them: there, one end closed first, and its program waited for the
//! other. What if a program does not wait, or both ends close at once?
//!
//!     cargo run --example rare_states
//!     cargo run --example rare_states -- --predict     asks for each state before showing it
//!
//! You will see orphans, a connection that has no listener, what TIME_WAIT does when the last ACK
//! is lost, and a simultaneous close.
//!
//! New here: orphans (sockets that no program owns any more; the kernel ends the connection).
//!
//! Exercise: the one of lesson `states`: `cargo workshop check states`

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use socket_workshop::command;
use socket_workshop::listen::Listen;
use socket_workshop::peer::{bound, connected, narrow, set_min_ttl, set_ttl};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*, TimerKind};
use socket2::SockRef;

/// A socket with this IP_MINTTL drops segments with a lower TTL (ip(7)). The kernel sends segments
/// with a TTL of 64, unless the sending socket asks for more. So a lesson can choose which segments
/// are lost.
const ALL_HOPS: u8 = 255;
const USUAL: u8 = 64;
const ABORT: Option<Duration> = Some(Duration::ZERO); // as SO_LINGER: close sends RST

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        orphans(&mut story, &listener)?;
        story.draw_diagrams();
        both_connect(&mut story)?;
        fin_and_ack_together(&mut story, &listener)?;
        both_close_at_once(&mut story, &listener)?;
        story.end()
    })
}

fn orphans(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = narrow(listener)?;
    write_too_much(&client)?;
    drop(client);
    story
        .stage("a client has written too much and closed")
        .pair(end, must(FinWait1).send_q(2..).orphan(), Established)
        .why(
            "An orphan: close has returned, and no program owns the socket (`netstat -p` shows -). \
              The kernel still has the data to send, and then the FIN.",
        )
        .show()?;
    drop(server); // with input unread: a RST, which ends the orphan too

    let (client, mut server, end) = narrow(listener)?;
    drop(client);
    let countdown = must(FinWait2).timer(TimerKind::TimeWait);
    story
        .stage("another client has closed, the server has not")
        .pair(end, countdown.orphan(), must(CloseWait).no_timer())
        .timers()
        .why(
            "The orphan has nothing left to send. The kernel counts down \
              (net.ipv4.tcp_fin_timeout, 60 s), then forgets it. CLOSE_WAIT has no timer. Many \
              orphans in FIN_WAIT2 mean: their peers do not close.",
        )
        .show()?;

    server.write_all(b"x")?;
    story
        .stage("the server has written a byte")
        .pair(end, gone(), gone())
        .why(
            "No program can read it, so the client's kernel answered with a RST (RFC 9293, 3.6.1). \
              A half-close, which keeps the socket, would have taken the byte.",
        )
        .show()
}

/// Writes more than the peer has room for: the rest stays here, and a FIN would wait after it.
fn write_too_much(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    while stream.write(&[0; 64 << 10]).is_ok() {} // until the kernel takes no more: WouldBlock
    stream.set_nonblocking(false)
}

fn both_connect(story: &mut Story) -> io::Result<()> {
    let (first, a) = bound([127, 0, 0, 1])?;
    let (second, b) = bound([127, 0, 0, 1])?;
    set_min_ttl(&first, ALL_HOPS)?; // there is no listener at the other end; its RST is lost
    set_min_ttl(&second, ALL_HOPS)?;
    set_ttl(&second, ALL_HOPS)?; // its SYN arrives
    let _under_way = first.connect(&b.into()); // EINPROGRESS: neither connect waits
    let _under_way = second.connect(&a.into());
    story
        .stage("two sockets connect to each other")
        .expect("first", End::between(a, b), SynRecv)
        .expect("second", End::between(b, a), must(SynSent).drops(1..))
        .why(
            "Half of a simultaneous open: the first received a SYN in SYN_SENT. Its answer was \
              lost. This SYN_RECV is a socket, not a listener's request.",
        )
        .show()?;

    set_min_ttl(&second, 0)?;
    story
        .stage("no segment is lost now: the answer is resent")
        .expect("first", End::between(a, b), Established)
        .expect("second", End::between(b, a), Established)
        .why("SYN_SENT, SYN_RECV, ESTABLISHED, and no LISTEN: neither end is the server.")
        .show()?;
    SockRef::from(&first).set_linger(ABORT) // a RST: no TIME_WAIT in the tables below
}

fn fin_and_ack_together(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = connected(listener)?;
    set_min_ttl(&client, ALL_HOPS)?;
    set_min_ttl(&server, ALL_HOPS)?; // both drop what arrives
    set_ttl(&client, ALL_HOPS)?; // the server still receives what the client sends: the FIN
    client.shutdown(Shutdown::Write)?;
    story
        .stage("the client has shut down; the ACK is lost")
        .pair(end, must(FinWait1).send_q(1).drops(1..), CloseWait)
        .why("The client received no ACK of its FIN, so it is not in FIN_WAIT2 yet.")
        .show()?;

    set_ttl(&client, USUAL)?; // from now on the server drops it: the ACK of its FIN
    set_ttl(&server, ALL_HOPS)?; // the client receives the server's FIN
    server.shutdown(Shutdown::Write)?;
    story
        .stage("the server has shut down; the last ACK is lost")
        .pair(end, time_wait(), must(LastAck).drops(3..))
        .why(
            "One segment brought the server's FIN and the ACK of the client's FIN (RFC 9293, \
              3.3.2, note 2). The server's kernel resends its FIN, and TIME_WAIT answers each with \
              a new ACK: that is one of its two purposes.",
        )
        .show()?;
    // Closing would leave LAST_ACK until the kernel stops resending. With SO_LINGER of 0 the kernel
    // forgets the socket. (It sends no RST here: the FIN has been sent.)
    SockRef::from(&server).set_linger(ABORT)
}

fn both_close_at_once(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = narrow(listener)?;
    write_too_much(&client)?;
    client.shutdown(Shutdown::Write)?;
    write_too_much(&server)?;
    server.shutdown(Shutdown::Write)?;
    story
        .stage("both have written too much, and shut down")
        .pair(end, must(FinWait1).send_q(2..), must(FinWait1).send_q(2..))
        .asks("Both ends close at once. Which states do they pass?")
        .why("A simultaneous close: each end queued its FIN before the other's arrived.")
        .show()?;

    client.read_to_end(&mut Vec::new())?;
    story
        .stage("the client has read until end of file")
        .pair(end, must(Closing).send_q(2..), FinWait2)
        .why("CLOSING: the client has the server's FIN, and its own still waits in Send-Q.")
        .show()?;

    server.read_to_end(&mut Vec::new())?;
    story
        .stage("the server has read until end of file too")
        .pair(end, time_wait(), time_wait())
        .why("Each end closed before the other's FIN arrived, so both keep TIME_WAIT.")
        .show()
}
