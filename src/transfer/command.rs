//! The program `transfer`: a story, a server that receives files, a sender of one.

use std::{
    io::{self, ErrorKind, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use bpaf::{Parser, construct, long, positional};

use super::{PATIENCE, receive, send};
use crate::{
    command::{
        self,
        arguments::{self, subcommand},
        complain,
    },
    deadline::Deadline,
    dial::{dial, resolve},
    fault::Attempt,
    folder::{Folder, plain_file},
    listen::Listen,
    say,
    serve::{Connection, raise_descriptor_limit, serve},
    stage::Flags,
    stop::Stop,
};

const ADDR: &str = "127.0.0.1:8330";

/// Files are received from this many senders at once; further ones wait.
const SENDERS: usize = 1000;

/// How often a long transfer says how far it has come.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What the program is told: to play both ends, or one of them.
enum Arguments {
    BothEnds(Flags),
    Serve {
        dir: PathBuf,
        listen: SocketAddr,
        replace: bool,
    },
    Send {
        file: PathBuf,
        to: String,
        name: Option<String>,
    },
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str =
        "A lesson: both ends on loopback, and what the kernel shows of them";

    fn parser() -> impl Parser<Arguments> + 'static {
        let dir = positional("DIR").help("The folder that they are put into");
        let listen = arguments::listen(ADDR);
        let help = "Replace a file of the same name; without this it is kept, and the new one \
                    refused";
        let replace = long("replace").help(help).switch();
        let serve = construct!(Arguments::Serve {
            listen,
            replace,
            dir
        });
        let serve = subcommand("serve", "Receive files into DIR, until Ctrl-C", serve);
        let file = positional("FILE").help("The file: a plain one, or a link to one");
        let to = arguments::server(ADDR, "to");
        let name = long("as").help("The name it shall have there; without this, its own");
        let name = name.argument("NAME").optional();
        let send = construct!(Arguments::Send { to, name, file });
        let send = subcommand("send", "Send FILE", send);
        let flags = Flags::parser();
        let both_ends = construct!(Arguments::BothEnds(flags));
        construct!([serve, send, both_ends])
    }
}

/// The `main` of lesson `transfer`, which can be played three ways: both ends as a story, or one of
/// them for real.
pub fn play(both_ends: impl FnOnce(&Flags) -> io::Result<()>) -> ExitCode {
    command::run(|arguments| match arguments {
        Arguments::BothEnds(flags) => both_ends(&flags),
        Arguments::Serve {
            dir,
            listen,
            replace,
        } => receive_files(&Folder::open(&dir)?, listen, replace),
        Arguments::Send { file, to, name } => send_file(&file, &to, name),
    })
}

fn receive_files(folder: &Folder, listen: SocketAddr, replace: bool) -> io::Result<()> {
    raise_descriptor_limit()?; // each sender costs two: a connection, and a file
    let (listener, stop) = (Listen::default().on(listen)?, Stop::on_ctrl_c()?);
    say!("listening on {}; Ctrl-C stops", listener.local_addr()?)?;
    let totals = serve(
        listener,
        &stop,
        SENDERS,
        |connection: &Connection| match receive(connection, folder, replace, PATIENCE) {
            Ok((name, size)) => say!("received {name:?}, {size} bytes"),
            Err(error) => {
                complain(&format!("transfer: nothing received: {error}"));
                Err(error)
            }
        },
    )?;
    say!("{totals}")
}

fn send_file(path: &Path, to: &str, name: Option<String>) -> io::Result<()> {
    let own_name = || path.file_name().and_then(|name| name.to_str());
    let no_name = || {
        let what = format!("{path:?} has no name to send: give it one with --as");
        io::Error::new(ErrorKind::InvalidInput, what)
    };
    let name = name.as_deref().or_else(own_name).ok_or_else(no_name)?;
    let file = plain_file(path)?;
    let size = file.size();
    let stream = dial(&resolve(to)?, Deadline::after(PATIENCE))?;
    let begun = Instant::now();
    let content = Told {
        content: file,
        told: begun,
        done: 0,
        size,
    };
    let sent = send(Deadline::after(PATIENCE).on(stream), name, content, size);
    sent.attempt(|| format!("cannot send {name:?} to {to}"))?;
    say!("sent {name:?}, {size} bytes, in {:.1?}", begun.elapsed())
}

/// A content that says on stderr, once a second, how much of it has been read.
struct Told<R> {
    content: R,
    told: Instant,
    done: u64,
    size: u64,
}

impl<R: Read> Read for Told<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.content.read(buf)?;
        self.done += n as u64;
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            let percent = 100 * u128::from(self.done) / u128::from(self.size.max(1));
            complain(&format!("{percent:>3} % of {} bytes", self.size));
        }
        Ok(n)
    }
}
