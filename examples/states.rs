//! netstat shows a row in FIN_WAIT2 and another one in CLOSE_WAIT. What has happened on that
//! connection, and which program must act next? The state of each end answers both questions.
//!
//!     cargo run --example states
//!     cargo run --example states -- --predict     asks for each state before showing it
//!
//! You will see the ten states of a normal life, from CLOSED to CLOSED. Below each table is the
//! state diagram of TCP's standard (RFC 9293). An arrow leads from a state to the next one. Its
//! label says what happens and, after a slash, what the kernel then sends:
//!
//!     CLOSED --connect / SYN--> SYN_SENT     the program calls connect, and the kernel sends a SYN
//!     SYN_RECV --ACK--> ESTABLISHED          an ACK arrives, and the kernel sends nothing
//!
//! A letter marks the state of each end that the stage is about: [L] the listener, [C] the client,
//! [S] the server's end.
//! The eleventh state, CLOSING, is in lesson `rare_states`.
//!
//! New here: how to stop a connection in a state that lasts microseconds otherwise. An answer is
//! lost, or a FIN must wait in Send-Q until the peer has room for the data before it.
//!
//! Exercise: `cargo workshop check states`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::command;
use socket_workshop::listen::{Listen, reachable};
use socket_workshop::peer::{begin_to_connect, bound, narrow, set_min_ttl};
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, State::*};

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
    let addr = reachable(listener.local_addr()?); // not 0.0.0.0, which no connection has
    let (client, local) = bound(addr.ip())?; // socket and bind; its connect will not wait
    let end = End::between(local, addr);
    story
        .stage("a server listens; a client has a socket and a port")
        .expect("listener", End::of(listener)?, Listen)
        .client(end, gone())
        .why("CLOSED has no row: netstat does not show a socket that only has a port.")
        .show()?;

    // The kernel sends segments with a TTL of 64. For this client it now drops those below 255.
    set_min_ttl(&client, 255)?;
    begin_to_connect(&client, addr)?; // sends the SYN and returns
    story
        .stage("the client connects; the answer to its SYN is lost")
        .expect("listener", End::of(listener)?, must(Listen).recv_q(0))
        .client(end, must(SynSent).drops(1..))
        .expect("server's end", end.other(), SynRecv)
        .why(
            "Each end waits for the ACK of its own SYN. The server's end is not yet in the accept \
             queue (the listener's Recv-Q is 0): accept would wait.",
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
        .why(
            "Both SYNs are acknowledged: each end may send. (The earlier client has closed. The \
             server's end of its connection stays until the SYN+ACK is sent again and answered \
             with a RST.)",
        )
        .show()?;

    fill_and_shut_down(&client)?;
    story
        .stage("the client wrote more than fits, and shut down")
        .pair(end, must(FinWait1).send_q(2..), Established) // data, and 1 for the FIN
        .why(
            "The server has no room for all the data. The rest waits in Send-Q, and the FIN after \
             it. FIN_WAIT1 lasts from the call of shutdown until the ACK of the FIN.",
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
        .timers()
        .asks("A row is in FIN_WAIT2. Which program must act next?")
        .why(
            "FIN_WAIT2: the FIN is acknowledged. CLOSE_WAIT: the server's program must close. \
             Neither has a timer. If the client keeps its socket, both states last until the \
             server closes.",
        )
        .show()?;

    fill_and_shut_down(&server)?;
    story
        .stage("the server also wrote more than fits, and shut down")
        .pair(end, must(FinWait2).recv_q(1..), must(LastAck).send_q(2..))
        .why(
            "LAST_ACK: the server's FIN is not acknowledged. On Linux this state, too, begins at \
             the call of shutdown. (By RFC 9293, 3.10.4, it begins when the FIN is sent.)",
        )
        .show()?;

    client.read_to_end(&mut Vec::new())?;
    story
        .stage("the client has read until end of file")
        .pair(end, time_wait(), gone())
        .timers()
        .why(
            "The end that closed first keeps TIME_WAIT, and its timer counts down from 60 s. The \
             last ACK has closed the other end.",
        )
        .show()
}

/// Writes until both buffers are full. The FIN then waits in Send-Q, after the data.
fn fill_and_shut_down(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    loop {
        match stream.write(&[0; 64 << 10]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break, // the buffers are full
            Err(error) => return Err(error),
        }
    }
    stream.set_nonblocking(false)?;
    stream.shutdown(Shutdown::Write)
}
