//! The program `tftp`: a server for real clients, and a client for real servers. Files and
//! arguments are dealt with here; by what rule packets are sent again is the caller's.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use bpaf::{Parser, construct, long, positional};

use super::{
    Files, Line, Port, Rule, get,
    options::Agreed,
    places::Places,
    port::{Arrived, LONGEST_REQUEST},
    put,
};
use crate::{
    command::{
        self,
        arguments::{self, subcommand},
    },
    dial::resolve,
    fault::Attempt,
    folder::{Folder, plain_file},
    say,
    stage::Flags,
    stop::Stop,
};

/// Where a server receives requests, and a client looks for it, unless it is told another address.
const ADDR: &str = "127.0.0.1:8330";

/// What a client asks for: blocks that fill an Ethernet frame (1500 bytes without the headers of
/// IP, UDP and TFTP), each waited for a second.
const ASKED: Agreed = Agreed {
    block_size: 1468,
    timeout: Some(Duration::from_secs(1)),
    size: None,
};

/// What the program is told: to play both ends, or one of them.
enum Arguments {
    BothEnds(Flags),
    Serve {
        dir: PathBuf,
        listen: SocketAddr,
        replace: bool,
    },
    Get {
        name: String,
        from: String,
    },
    Put {
        file: PathBuf,
        to: String,
    },
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str =
        "A lesson: both ends on loopback, and what the kernel shows of them";

    fn parser() -> impl Parser<Arguments> + 'static {
        let dir = positional("DIR").help("The folder");
        let listen = arguments::listen(ADDR);
        let help = "Let clients replace files that are there";
        let replace = long("replace").help(help).switch();
        let serve = construct!(Arguments::Serve {
            listen,
            replace,
            dir
        });
        let serve = subcommand(
            "serve",
            "Serve the files of a folder to real clients, until Ctrl-C",
            serve,
        );
        let name = positional("NAME").help("Its name");
        let from = arguments::server(ADDR, "from");
        let get = construct!(Arguments::Get { from, name });
        let get = subcommand(
            "get",
            "Fetch a file into the current folder, where it must not be yet",
            get,
        );
        let file = positional("FILE").help("Its path here; its name there is the last part");
        let to = arguments::server(ADDR, "to");
        let put = construct!(Arguments::Put { to, file });
        let put = subcommand("put", "Store a file at the server", put);
        let flags = Flags::parser();
        let both_ends = construct!(Arguments::BothEnds(flags));
        construct!([serve, get, put, both_ends])
    }
}

/// The `main` of a lesson that is also the program: a story, or `serve`,
/// `get` and `put` by this rule.
pub fn play(both_ends: impl FnOnce(&Flags) -> io::Result<()>, rule: Rule) -> ExitCode {
    command::run(|arguments| match arguments {
        Arguments::BothEnds(flags) => both_ends(&flags),
        Arguments::Serve {
            dir,
            listen,
            replace,
        } => {
            let files = Files::new(Folder::open(&dir)?, replace);
            let port = Port::bind(listen)?;
            say!("listening on {}; Ctrl-C stops", port.local_addr()?)?;
            serve(&port, &files, &Stop::on_ctrl_c()?, rule, |done| {
                let _ = say!("{done}"); // a server goes on when its output is closed
            })
        }
        Arguments::Get { name, from } => {
            let mut line = dial(&from, rule)?;
            let mut file = Folder::open(Path::new("."))?.receive(&name, false)?;
            let bytes = get(&mut line, &name, ASKED, &mut file)?;
            file.keep().attempt(|| format!("cannot keep {name:?}"))?;
            say!("{name:?} received: {bytes} bytes")?;
            line.dally(); // the server may not have heard the ACK of the last block
            Ok(())
        }
        Arguments::Put { file, to } => {
            let name = file.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| no_name(&file))?;
            let mut source = plain_file(&file)?;
            let asked = Agreed {
                size: Some(source.size()),
                ..ASKED
            };
            let bytes = put(&mut dial(&to, rule)?, name, asked, &mut source)?;
            say!("{name:?} sent: {bytes} bytes")
        }
    })
}

/// Receives requests at a port, and answers each from a line of its own, on a thread of its own,
/// until the wish to stop has been made. Transfers that are under way are then ended, too. A client
/// for whom there is no place is not answered, and asks again.
///
/// # Errors
/// As for recvfrom.
pub fn serve(
    port: &Port,
    files: &Files,
    stop: &Stop,
    rule: Rule,
    done: impl Fn(String) + Sync,
) -> io::Result<()> {
    let places = Places::default();
    let mut buf = [0; LONGEST_REQUEST];
    thread::scope(|scope| {
        while !stop.requested() {
            let arrived = stop
                .readable(port, None)
                .and_then(|_| port.receive(&mut buf));
            let arrived = match arrived {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                arrived => arrived?,
            };
            let Some(Arrived { len, client, asked }) = arrived else {
                continue; // to a broadcast address
            };
            let Some(place) = places.take(client.ip()) else {
                continue;
            };
            let (request, done) = (buf[..len].to_vec(), &done);
            let transfer = move || {
                let _place = place; // until the thread ends
                let answered = Line::to_client(asked, client, stop, rule).and_then(|mut line| {
                    files.answer(&request, &mut line).map(|said| (said, line))
                });
                match answered {
                    Ok((said, mut line)) => {
                        done(format!("{client}: {said}"));
                        line.dally();
                    }
                    Err(error) => done(format!("{client}: {error}")),
                }
            };
            // Without a thread there is no answer: the client asks again.
            let _ = thread::Builder::new().spawn_scoped(scope, transfer);
        }
        Ok(())
    })
}

/// A file that has been fetched: `40100 blocks, 210.0ms, 98 MB/s`.
#[derive(Clone, Copy, Debug)]
pub struct Fetched {
    /// In what time.
    pub took: Duration,
    /// How many blocks it was, the last and perhaps empty one, too.
    pub blocks: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.bytes as f64 / 1e6 / self.took.as_secs_f64();
        let Fetched { took, blocks, .. } = self;
        write!(f, "{blocks} blocks, {took:.1?}, {rate:.0} MB/s")
    }
}

/// Fetches a file in blocks of this size and throws it away.
///
/// # Errors
/// As for [`get`].
pub fn fetch(server: SocketAddr, name: &str, block_size: u16, rule: Rule) -> io::Result<Fetched> {
    let mut line = Line::to_server(server.ip(), server, &Stop::new()?, rule)?;
    let asked = Agreed {
        block_size,
        ..Agreed::default()
    };
    let started = Instant::now();
    let bytes = get(&mut line, name, asked, &mut io::sink())?;
    Ok(Fetched {
        took: started.elapsed(),
        blocks: bytes / u64::from(block_size) + 1,
        bytes,
    })
}

fn dial(addr: &str, rule: Rule) -> io::Result<Line> {
    let Some(&server) = resolve(addr)?.first() else {
        let what = format!("{addr} has no address");
        return Err(io::Error::new(ErrorKind::NotFound, what));
    };
    let local = match server {
        server if server.ip().is_loopback() => server.ip(),
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    Line::to_server(local, server, &Stop::on_ctrl_c()?, rule)
}

fn no_name(file: &Path) -> io::Error {
    let what = format!("{file:?} has no name that can be sent");
    io::Error::new(ErrorKind::InvalidInput, what)
}
