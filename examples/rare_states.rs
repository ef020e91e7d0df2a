//! netstat shows a hundred rows in FIN_WAIT2 that belong to no program, or one in CLOSING. Lesson
//! `states` does not explain them: there, one end closed first, and its program waited for the
//! other. What if a program does not wait, or both ends close at once?
//!
//!     cargo run --example rare_states
//!     cargo run --example rare_states -- --predict     asks for each state before showing it
//!
//! You will see orphans: sockets that no program owns any more, although the kernel is still
//! closing their connections. You will see two clients that connect to each other, without a
//! listener. You will see what TIME_WAIT does when the last ACK is lost, and two ends that close at
//! the same time.
//!
//! New here: orphans, the simultaneous open (both ends connect), and the simultaneous close.
//!
//! Exercise: the one of lesson `states`: `cargo workshop check states`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use socket_workshop::command;
use socket_workshop::listen::Listen;
use socket_workshop::peer::{begin_to_connect, bound, connected, narrow, set_min_ttl, set_ttl};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*, TimerKind};
use socket2::{SockRef, Socket};

/// How this lesson loses segments. After `set_min_ttl(socket, HIGH)` the kernel drops all segments
/// for this socket that have a lower TTL (IP_MINTTL; RFC 5082). Segments have the usual TTL, unless
/// the socket that sends them has been given another one: `set_ttl(socket, HIGH)`.
const USUAL: u8 = 64;
const HIGH: u8 = 255;

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        orphans(&mut story, &listener)?;
        story.draw_diagrams();
        both_connect(&mut story)?;
        the_last_ack_is_lost(&mut story, &listener)?;
        both_close_at_once(&mut story, &listener)?;
        story.end()
    })
}

fn orphans(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = narrow(listener)?;
    fill(&client)?;
    drop(client);
    story
        .stage("a client wrote more than fits, and closed")
        .pair(
            end,
            must(FinWait1).send_q(2..).orphan(),
            must(Established).recv_q(1..),
        )
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
            "The orphan only waits for the server's FIN. Its timer, which netstat calls timewait, \
             counts down from net.ipv4.tcp_fin_timeout, 60 s. Then the kernel removes the row. \
             CLOSE_WAIT has no timer. Many orphans in FIN_WAIT2: their peers do not close.",
        )
        .show()?;

    server.write_all(b"x")?;
    story
        .stage("the server has written a byte")
        .pair(end, gone(), gone())
        .why(
            "No program can read the byte, so the client's kernel answered with a RST (RFC 9293, \
             3.6.1). A client that has only shut down its sending half would receive it.",
        )
        .show()
}

/// Writes until both buffers are full. A FIN would now wait in Send-Q, after the data.
fn fill(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    loop {
        match stream.write(&[0; 64 << 10]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break, // the buffers are full
            Err(error) => return Err(error),
        }
    }
    stream.set_nonblocking(false)
}

fn both_connect(story: &mut Story) -> io::Result<()> {
    let (a, _) = bound([127, 0, 0, 1])?;
    let (b, _) = bound([127, 0, 0, 1])?;
    set_min_ttl(&b, HIGH)?; // loses the SYN+ACK
    let end_a = connect_to_each_other(&a, &b)?;
    story
        .stage("two sockets, A and B, connect to each other")
        .expect("A", end_a, SynRecv)
        .expect("B", end_a.other(), must(SynSent).drops(1..))
        .why(
            "A simultaneous open: A was in SYN_SENT, and received a SYN instead of a SYN+ACK. Now \
             it is in SYN_RECV. Its answer, a SYN+ACK, was lost, so B is still in SYN_SENT.",
        )
        .show()?;
    reset_on_close(&a)?;
    drop(a);
    drop(b);

    let (a, _) = bound([127, 0, 0, 1])?;
    let (b, _) = bound([127, 0, 0, 1])?;
    let end_a = connect_to_each_other(&a, &b)?;
    story
        .stage("two others do the same, and the SYN+ACK arrives")
        .expect("A", end_a, Established)
        .expect("B", end_a.other(), Established)
        .why(
            "A went through SYN_SENT and SYN_RECV, as before. Neither end was in LISTEN: there is \
             no server.",
        )
        .show()?;
    reset_on_close(&a) // no TIME_WAIT in the tables below
}

/// Each connects to the other one, and does not wait. Returns A's end.
///
/// ```text
/// A                                        B
/// SYN_SENT   ----- SYN -------------->     CLOSED
///             lost <------- RST ------
///            <---- SYN ---------------     SYN_SENT
/// SYN_RECV   ----- SYN+ACK ---------->
/// ```
fn connect_to_each_other(a: &Socket, b: &Socket) -> io::Result<End> {
    let addr_a = End::of(a)?.local;
    let addr_b = End::of(b)?.local;
    set_min_ttl(a, HIGH)?; // loses the RST: B's kernel sends it because no socket listens there
    set_ttl(b, HIGH)?; // B's SYN arrives
    begin_to_connect(a, addr_b)?; // sends the SYN and returns
    begin_to_connect(b, addr_a)?;
    Ok(End::between(addr_a, addr_b))
}

/// SO_LINGER 0: close will send a RST, and no end will keep TIME_WAIT.
fn reset_on_close(socket: &impl AsFd) -> io::Result<()> {
    SockRef::from(socket).set_linger(Some(Duration::ZERO))
}

fn the_last_ack_is_lost(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = connected(listener)?;
    set_min_ttl(&client, HIGH)?;
    set_min_ttl(&server, HIGH)?;
    set_ttl(&client, HIGH)?; // the client's FIN arrives, the server's ACK does not
    client.shutdown(Shutdown::Write)?;
    story
        .stage("the client has shut down; the ACK is lost")
        .pair(end, must(FinWait1).send_q(1).drops(1..), CloseWait)
        .why("The client received no ACK of its FIN, so it is not in FIN_WAIT2 yet.")
        .show()?;

    set_ttl(&client, USUAL)?;
    set_ttl(&server, HIGH)?; // the server's FIN arrives, the client's ACK does not
    server.shutdown(Shutdown::Write)?;
    story
        .stage("the server has shut down; the last ACK is lost")
        .pair(end, time_wait(), must(LastAck).drops(3..))
        .why(
            "One segment brought the server's FIN and the ACK of the client's FIN. So the client \
             went from FIN_WAIT1 straight to TIME_WAIT (RFC 9293, 3.3.2, note 2). The server's \
             kernel resends its FIN, and the client's kernel answers each FIN with a new ACK. \
             TIME_WAIT exists for this, and to discard late segments.",
        )
        .show()?;
    // Closing would leave LAST_ACK until the kernel stops resending. With SO_LINGER 0 the kernel
    // forgets the socket. (It sends no RST here: the FIN has been sent.)
    reset_on_close(&server)
}

fn both_close_at_once(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = narrow(listener)?;
    fill(&client)?;
    client.shutdown(Shutdown::Write)?;
    fill(&server)?;
    server.shutdown(Shutdown::Write)?;
    story
        .stage("both wrote more than fits, and shut down")
        .pair(end, must(FinWait1).send_q(2..), must(FinWait1).send_q(2..))
        .asks("Both ends close at once. Which states do they go through?")
        .why("A simultaneous close: each end queued its FIN before the other's arrived.")
        .show()?;

    client.read_to_end(&mut Vec::new())?;
    story
        .stage("the client has read until end of file")
        .pair(end, must(Closing).send_q(2..), FinWait2)
        .why(
            "The server's FIN has arrived, and is acknowledged: the server is in FIN_WAIT2. \
             CLOSING: the client has received this FIN, while its own still waits in Send-Q.",
        )
        .show()?;

    server.read_to_end(&mut Vec::new())?;
    story
        .stage("the server has read until end of file too")
        .pair(end, time_wait(), time_wait())
        .why("Each end closed before the other's FIN arrived, so both keep TIME_WAIT.")
        .show()
}
