//! You want two programs to talk to each other over a network. What must each of them call, and
//! what do the kernels do for them? Here are the smallest server and the smallest client.
//!
//!     cargo run --example hello              plays both ends, stage by stage
//!     cargo run --example hello -- --step    waits for Enter after each stage
//!
//! A server listens at an address: an IP address and a port number. A client connects to it. That
//! makes a connection, and then both programs write and read bytes. A connection has two ends. Four
//! numbers identify it: the IP address and the port of each end.
//!
//! The kernels do the rest. They send each other segments. A segment is a header, often followed by
//! data. Its header carries both ports, and flags. Four flags matter here:
//!
//!     SYN   opens the sender's direction of a connection
//!     ACK   confirms what has arrived
//!     FIN   ends the sender's direction: no data follows
//!     RST   reset: no such listener or connection is here, or the connection ends immediately
//!
//! This is the whole life of the connection in this lesson. The segments are in the middle, and the
//! calls at both sides. A word in capitals is the state of that end in its kernel's table:
//!
//!     client                                               server
//!                                                          bind, listen   LISTEN
//!     connect        ----- SYN ---------------------->
//!                    <---- SYN+ACK -------------------
//!     ESTABLISHED    ----- ACK ---------------------->     ESTABLISHED
//!                                                          accept
//!                    <---- "hello" -------------------     write
//!                    ----- ACK ---------------------->
//!     read: hello
//!                    <---- FIN -----------------------     close
//!     CLOSE_WAIT     ----- ACK ---------------------->     FIN_WAIT2
//!     read: end of file
//!     close          ----- FIN ---------------------->     TIME_WAIT
//!     CLOSED         <---- ACK -----------------------
//!
//! You will see each of these states in the kernel's table of sockets, except CLOSED, which means
//! that there is no row. (Between them are states that pass at once here: lesson `states` holds
//! them still. Lesson `handshake` captures the segments.) The tables are printed as netstat prints
//! them: `examples/README.md` explains the columns, and how to read a lesson.
//!
//! New here: everything. The exercise of this lesson is that of `listener`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::command;
use socket_workshop::fault::Attempt;
use socket_workshop::stage::{Flags, Story, gone, must, time_wait};
use socket_workshop::table::{End, Protocol, State::*};

fn main() -> ExitCode {
    command::run(|flags: Flags| both_ends(&flags))
}

/// Both ends in one program, so that it can stop between its calls and look at both.
fn both_ends(flags: &Flags) -> io::Result<()> {
    // Server: take an address (bind), and let the kernel answer clients there (listen).
    let listener = TcpListener::bind(flags.listen);
    // If bind has failed, the error names the address, and `?` ends the lesson with it.
    let listener = listener.attempt_to_listen(flags.listen, Protocol::Tcp)?;
    let addr = listener.local_addr()?;
    let mut story = Story::begin(flags, addr)?;
    story
        .stage("the server listens")
        .expect("listener", End::listener(addr), Listen)
        .nothing_else()
        .why(
            "One row, for the listening socket. LISTEN: the kernel answers clients that connect to \
              the local address.",
        )
        .show()?;

    // Client: connect sends the SYN, and returns when the SYN+ACK has arrived.
    let mut client = TcpStream::connect(addr)?;
    // Server: accept returns a new socket, the server's end of this connection.
    let (mut server, peer) = listener.accept()?;
    let end = End::of(&client)?; // the four numbers, by which the row is found in the table
    story
        .stage("the client has connected, and the server has accepted")
        .expect("listener", End::listener(addr), Listen)
        .pair(end, Established, Established)
        .nothing_else()
        .asks("A client has connected. How many rows does the table get for this connection?")
        .why(
            "Two new rows, one for each end, with the same four numbers: the local address of \
              one end is the foreign address of the other. ESTABLISHED: the end may send and \
              receive. The listener stays, for the next client.",
        )
        .claim(
            format!("accept names the client: {peer}. The client's kernel chose that port."),
            client.local_addr()? == peer,
        )
        .show()?;

    server.write_all(b"hello")?;
    story
        .stage("the server has written 5 bytes")
        .pair(end, must(Established).recv_q(5), Established)
        .why(
            "The bytes have arrived at the client's kernel. Recv-Q counts the bytes that its \
              program has not read yet.",
        )
        .show()?;

    let mut buf = [0; 100];
    let first = client.read(&mut buf)?; // waits until at least one byte is there
    let is_hello = &buf[..first] == b"hello";
    drop(server); // dropping a socket closes it: the kernel sends a FIN
    let second = client.read(&mut buf)?; // nothing is left to read: waits until the FIN arrives
    story
        .stage("the server has closed its end")
        .pair(end, must(CloseWait).recv_q(0), FinWait2)
        .why(
            "CLOSE_WAIT: a FIN has arrived, and the program must still close its socket. \
             FIN_WAIT2: this end has sent its FIN, the FIN is acknowledged, and this end waits for \
             the FIN of the other end.",
        )
        .claim(
            "The client's first read returned 5, the number of bytes: `hello`.",
            is_hello,
        )
        .claim(
            "Its second read returned 0: end of file. All data is read, and no more comes.",
            second == 0,
        )
        .show()?;

    drop(client);
    drop(listener);
    let refused = TcpStream::connect(addr); // now nothing listens there
    story
        .stage("the client has closed too, and the listener is closed")
        .expect("listener", End::listener(addr), gone())
        .pair(end, gone(), time_wait())
        .timers()
        .why(
            "Both FINs have passed, and the connection is closed. The end that sent its FIN \
              first keeps TIME_WAIT: its kernel remembers the connection for 60 seconds (on \
              Linux). All three sockets are closed by now: this row needs no program.",
        )
        .fails(
            "No socket listens, so the kernel answered a new SYN with a RST: connect",
            refused,
            ErrorKind::ConnectionRefused,
        )
        .show()?;
    story.end()
}
