//! What is played: each play says what the two programs call, what the router does with each
//! segment, and which states the kernel must then show.

mod closing;
mod opening;
mod window;

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use socket_workshop::table::State::*;
use socket2::{Domain, Socket, Type};
use wire::{
    conversation::Conversation,
    router::{Event, Router, behind_router},
};

/// A connection as it is to go.
#[derive(Debug)]
pub struct Play {
    /// A file's name, without its end.
    pub name: &'static str,
    /// Of its picture, if it is one.
    pub title: Option<&'static str>,
    /// How many segments are sent again in it.
    again: usize,
    /// Whether its picture begins when the connection is there.
    begins_established: bool,
    act: fn(&mut Ends) -> io::Result<()>,
}

/// What came of a play.
#[derive(Debug)]
pub struct Run {
    /// What passed, and the states of both ends.
    pub conversation: Conversation,
    /// What happened at each end, in its order.
    pub events: Vec<Event>,
}

const fn play(name: &'static str, act: fn(&mut Ends) -> io::Result<()>) -> Play {
    Play {
        name,
        title: None,
        again: 0,
        begins_established: false,
        act,
    }
}

impl Play {
    const fn drawn(self, title: &'static str) -> Play {
        let title = Some(title);
        Play { title, ..self }
    }

    const fn after_the_handshake(self) -> Play {
        Play {
            begins_established: true,
            ..self
        }
    }

    const fn with_repeated(self, again: usize) -> Play {
        Play { again, ..self }
    }
}

/// All of them.
pub const PLAYS: &[Play] = &[
    play("handshake", Ends::open).drawn("The three-way handshake"),
    play("connection", a_whole_connection).drawn("A connection from its first segment to its last"),
    play("close", closing::the_client_closes)
        .drawn("The client closes first")
        .after_the_handshake(),
    play("simultaneous-close", closing::both_close)
        .drawn("Both close at once")
        .after_the_handshake(),
    play("simultaneous-open", opening::both_open).drawn("Both open at once"),
    play("sliding-window", window::slides).drawn("A window that closes, and opens again"),
    play("lost-segment", a_segment_is_lost)
        .drawn("A lost segment is sent again")
        .after_the_handshake()
        .with_repeated(1),
    play("refused", opening::nobody_listens).drawn("No listener: refused"),
    play("server-closes", closing::the_server_closes),
    play("fin-with-ack", closing::fin_and_ack_together),
    play("ack-before-fin", closing::an_ack_of_the_data_only),
    play("fin-behind-gap", closing::a_fin_overtakes).with_repeated(2),
    play("lost-syn", opening::a_syn_is_lost).with_repeated(1),
    play("lost-fin", closing::a_fin_is_lost).with_repeated(1),
    play("data-again", closing::the_data_before_a_fin_is_lost).with_repeated(1),
    play("reset", closing::the_server_resets),
    play("fin-in-syn-recv", opening::a_fin_comes_to_syn_recv),
    play("close-in-syn-recv", opening::closed_in_syn_recv),
];

/// Two programs, and the router between them.
struct Ends {
    client: Socket,
    listener: Socket,
    /// What accept returned, or the server's own socket.
    server: Option<Socket>,
    net: Router,
    addr: SocketAddrV4,
}

impl Play {
    /// Plays it, in a network that must be this process's own.
    ///
    /// # Errors
    /// The kernel does something else than the play says, or refuses the router its raw sockets.
    pub fn run(&self) -> io::Result<Run> {
        let number = PLAYS
            .iter()
            .position(|play| play.name == self.name)
            .unwrap_or_default();
        let mut tries = 0..5_u16;
        loop {
            // A port of its own for each: TIME_WAIT keeps the others.
            let port = 40_000 + 10 * number as u16 + tries.next().unwrap_or_default();
            match self.once(port) {
                Err(error) if error.kind() == ErrorKind::Interrupted && !tries.is_empty() => {}
                run => {
                    return run.map_err(|error| {
                        io::Error::new(error.kind(), format!("{}: {error}", self.name))
                    });
                }
            }
        }
    }

    fn once(&self, port: u16) -> io::Result<Run> {
        let at = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let (local, addr) = (at(port), at(8330));
        let socket = |addr: SocketAddrV4| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            behind_router(&socket)?;
            socket.bind(&addr.into())?;
            socket.set_nonblocking(true)?;
            io::Result::Ok(socket)
        };
        let mut ends = Ends {
            client: socket(local)?,
            listener: socket(addr)?,
            server: None,
            net: Router::between(local, addr)?,
            addr,
        };
        let acted = (self.act)(&mut ends);
        // A segment that was sent again has come at a wrong place: that is why the act has failed.
        let (mut conversation, events) = ends.net.end(self.again)?;
        acted?;
        if self.begins_established {
            let first = conversation.segments.drain(..3).next_back();
            let known = first.map(|segment| segment.at).unwrap_or_default();
            let opening = [None, Some(Listen), Some(SynSent), Some(SynRecv)];
            // Except the last of them, which does not open a connection: CLOSED, where a picture
            // ends.
            let states = &mut conversation.states;
            states.retain(|change| change.at > known || !opening.contains(&change.state));
        }
        // No end is left for the next play.
        let linger = Some(Duration::ZERO);
        let _ = ends.client.set_linger(linger);
        if let Some(server) = &ends.server {
            let _ = server.set_linger(linger);
        }
        Ok(Run {
            conversation,
            events,
        })
    }
}

impl Ends {
    /// The three-way handshake.
    fn open(&mut self) -> io::Result<()> {
        self.listener.listen(1)?;
        let _under_way = self.client.connect(&self.addr.into());
        self.net.shows(SynSent, Close)?;
        self.answer()
    }

    /// What follows the SYN.
    fn answer(&mut self) -> io::Result<()> {
        self.net.to_server()?;
        self.net.shows(SynSent, SynRecv)?;
        self.net.to_client()?;
        self.net.shows(Established, SynRecv)?;
        self.net.to_server()?;
        self.net.shows(Established, Established)?;
        let (server, _) = self.listener.accept()?;
        server.set_nonblocking(true)?;
        self.server = Some(server);
        Ok(())
    }

    fn server(&self) -> &Socket {
        self.server
            .as_ref()
            .expect("the play has opened the connection")
    }

    /// What has come, and no more than this.
    fn server_reads(&self, room: usize) -> io::Result<usize> {
        self.server().read(&mut vec![0; room])
    }

    /// Bytes from the client that the server's kernel acknowledges.
    fn client_writes(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&self.client).write_all(bytes)?;
        self.net.to_server()?;
        self.net.to_client()
    }

    /// Bytes from the server that the client's kernel acknowledges.
    fn server_writes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.server().write_all(bytes)?;
        self.net.to_client()?;
        self.net.to_server()
    }
}

fn a_whole_connection(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    ends.client_writes(b"GET subject\n")?;
    ends.server_reads(64)?;
    ends.server_writes(b"6.824\n")?;
    ends.net.shows(Established, Established)?;
    closing::finish(ends)
}

fn a_segment_is_lost(ends: &mut Ends) -> io::Result<()> {
    ends.open()?;
    (&ends.client).write_all(b"hello")?;
    ends.net.lose_to_server()?;
    ends.net.to_server()?; // the kernel has sent it again
    ends.net.to_client()?;
    ends.net.shows(Established, Established)
}
