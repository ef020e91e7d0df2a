//! netstat shows a row in FIN_WAIT2 and another one in CLOSE_WAIT. What has happened on that
//! connection, and which program must act next? The state of each end answers both questions.
//!
//!     cargo run --example states
//!     cargo run --example states -- --predict     asks for each state before showing it
//!
//! You will see the ten states of a normal life, from CLOSED to CLOSED, each held still: the row of
//! each end, and its place in the state diagram of RFC 9293. The eleventh state, CLOSING, is in
//! lesson `rare_states`.
//!
//! New here: what holds a state still. A segment is lost, or a FIN waits after unsent data.
//!
//! Exercise: `cargo workshop check states`

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::command;
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::peer::{bound, narrow, set_min_ttl};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*};

/// A socket with this IP_MINTTL drops segments with a lower TTL (ip(7)). The kernel sends segments
/// with a TTL of 64, so all segments to that socket are lost.
const ALL_HOPS: u8 = 255;

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        story.draw_diagrams();
        it_opens(&mut story, &listener)?;
        it_closes(&mut story, &listener)?;
        story.end()
    })
}

/// CLOSED and LISTEN, then SYN_SENT and SYN_RECV.
fn it_opens(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let addr = reachable(listener.local_addr()?);
    let (client, local) = bound(addr.ip())?; // socket and bind; its connect will not wait
    let end = End::between(local, addr);
    story
        .stage("a server listens; a client has a socket and a port")
        .expect("listener", End::of(listener)?, Listen)
        .client(end, gone())
        .why("CLOSED has no row: netstat's table does not show a socket that only has a port.")
        .show()?;

    set_min_ttl(&client, ALL_HOPS)?; // every segment to the client is lost
    let _under_way = client.connect(&addr.into()); // EINPROGRESS
    story
        .stage("the client connects; the answer to its SYN is lost")
        .expect("listener", End::of(listener)?, must(Listen).recv_q(0))
        .client(end, must(SynSent).drops(1..))
        .expect("server", end.other(), SynRecv)
        .why(
            "Each end waits for the ACK of its own SYN. The server's row is a request, not yet a \
              socket: accept would wait (the listener's Recv-Q is 0).",
        )
        .show()
}

/// ESTABLISHED; then FIN_WAIT1, FIN_WAIT2 and TIME_WAIT at the client, which closes first, and
/// CLOSE_WAIT and LAST_ACK at the server.
fn it_closes(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = narrow(listener)?; // with small buffers
    story
        .stage("another client connects, and no segment is lost")
        .pair(end, Established, Established)
        .why("Both SYNs are acknowledged: each end may send.")
        .show()?;

    shut_down_after_data(&client)?;
    story
        .stage("the client has written too much, and shut down")
        .pair(end, must(FinWait1).send_q(2..), Established)
        .why(
            "FIN_WAIT1 begins with the call. The server has no room for all the data: the rest \
              waits in Send-Q, and the FIN after it.",
        )
        .show()?;

    server.read_to_end(&mut Vec::new())?;
    story
        .stage("the server has read until end of file")
        .pair(
            end,
            must(FinWait2).send_q(0).no_timer(),
            must(CloseWait).recv_q(0).no_timer(),
        )
        .asks("A row is in FIN_WAIT2. Which program must act next?")
        .why(
            "FIN_WAIT2: the FIN is acknowledged. CLOSE_WAIT: the server's program has not closed \
              yet. No timer runs: both states last until it does, if the client keeps its socket.",
        )
        .show()?;

    shut_down_after_data(&server)?;
    story
        .stage("the server has also written too much, and shut down")
        .pair(end, must(FinWait2).recv_q(1..), must(LastAck).send_q(2..))
        .why(
            "On Linux LAST_ACK begins with the call too, before the FIN is sent. (RFC 9293, 3.10.4: \
             when it is sent.)",
        )
        .show()?;

    client.read_to_end(&mut Vec::new())?;
    story
        .stage("the client has read until end of file")
        .pair(end, time_wait(), gone())
        .timers()
        .why(
            "The end that closed first keeps TIME_WAIT: the timer counts down from 60 s. The last \
              ACK has closed the other end.",
        )
        .show()
}

/// Writes more than the peer has room for: the rest stays here, and the FIN after it.
fn shut_down_after_data(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    while stream.write(&[0; 64 << 10]).is_ok() {} // until the kernel takes no more: WouldBlock
    stream.set_nonblocking(false)?;
    stream.shutdown(Shutdown::Write)
}
