//! The flags that every lesson takes, and the pause between two stages.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};

use bpaf::{Parser, construct, long, pure};

use super::{
    quiz::Quiz,
    text::{WIDTH, wrapped},
};
use crate::{
    command::{
        self,
        arguments::{self, Arguments},
        output_error,
    },
    say,
};

const ABOUT: &str = "A lesson: both ends on loopback, and what the kernel shows of them";

/// Where a lesson listens, unless it is told another address.
const ADDR: &str = "127.0.0.1:8330";

/// The flags that every lesson takes, and all that most of them do.
#[derive(Clone, Debug)]
pub struct Flags {
    /// The address to listen on; with port 0 the kernel chooses a port.
    pub listen: SocketAddr,
    /// Whether to wait for Enter after each stage.
    pub step: bool,
    /// How long to wait after each stage.
    pub pause: Option<Duration>,
    /// Whether to ask what the kernel will show before showing it.
    pub predict: bool,
    /// A file for what happens, as JSON.
    pub record: Option<PathBuf>,
}

impl Flags {
    /// The flags of a lesson that listens on this address, unless it is told another.
    pub fn listening_on(listen: &'static str) -> impl Parser<Flags> + 'static {
        let listen = arguments::listen(listen);
        let step = long("step")
            .help("Wait for Enter after each stage")
            .switch();
        let pause = pause("Wait this long after each stage, for instance 5s");
        let help = "Ask what the kernel will show before showing it, and keep the score";
        let predict = long("predict").help(help).switch();
        let record = long("record")
            .help("Write what happens to FILE too, as JSON: docs/recordings.md")
            .argument::<PathBuf>("FILE")
            .optional();
        construct!(Flags {
            listen,
            step,
            pause,
            predict,
            record
        })
    }
}

impl Arguments for Flags {
    const ABOUT: &'static str = ABOUT;

    fn parser() -> impl Parser<Flags> + 'static {
        Flags::listening_on(ADDR)
    }
}

fn pause(help: &'static str) -> impl Parser<Option<Duration>> {
    arguments::option("pause", "DURATION", help, humantime::parse_duration).optional()
}

/// The flags of a lesson that has no sockets to show: how it waits between its parts.
#[derive(Clone, Debug)]
pub struct Steps {
    step: bool,
    pause: Option<Duration>,
    predict: bool,
    quiz: Quiz,
}

impl Steps {
    /// The flags `--step`, `--pause` and `--predict`.
    pub fn parser() -> impl Parser<Steps> {
        let step = long("step").help("Wait for Enter after each part").switch();
        let pause = pause("Wait this long after each part, for instance 5s");
        let help = "Ask about each part before explaining it, and keep the score";
        let predict = long("predict").help(help).switch();
        let quiz = pure(Quiz::default());
        construct!(Steps {
            step,
            pause,
            predict,
            quiz
        })
    }
}

/// Prints a paragraph, in lines of at most 80 characters.
///
/// # Errors
/// Stdout is closed.
pub fn tell(text: &str) -> io::Result<()> {
    for line in wrapped(text, WIDTH) {
        say!("{line}")?;
    }
    Ok(())
}

impl Steps {
    /// Waits as the flags say. The end of stdin means go on.
    ///
    /// # Errors
    /// Stdout is closed.
    pub fn wait(&mut self) -> io::Result<()> {
        let mut pace = Pace::of(self.step, self.pause);
        pace.pause(&mut io::stdout())?;
        self.step = matches!(pace, Pace::Step);
        Ok(())
    }

    /// If the flags say so, shows this and asks a question about it, whose
    /// answer is a list of names.
    ///
    /// # Errors
    /// Stdout is closed.
    pub fn predict(&mut self, shown: &str, question: &str, names: &[&str]) -> io::Result<()> {
        if !self.predict || self.quiz.is_over() {
            return Ok(());
        }
        say!("\n{shown}")?;
        self.quiz.ask_names(&mut io::stdout(), question, names)
    }

    /// Prints the score of the predictions, if they were asked for.
    ///
    /// # Errors
    /// Stdout is closed.
    pub fn end(&self) -> io::Result<()> {
        match self.predict {
            true => say!("\n{}", self.quiz.score()),
            false => Ok(()),
        }
    }
}

/// The command line of a lesson that is also a server for real clients: `NAME`, or `NAME serve`.
enum Ends<More> {
    Both(Flags),
    Server(SocketAddr, More),
}

impl<More: Arguments> Arguments for Ends<More> {
    const ABOUT: &'static str = ABOUT;

    fn parser() -> impl Parser<Ends<More>> + 'static {
        let (listen, more) = (arguments::listen(ADDR), More::parser());
        let serve = construct!(Ends::Server(listen, more));
        let serve = arguments::subcommand("serve", More::ABOUT, serve);
        let flags = Flags::parser();
        let both = construct!(Ends::Both(flags));
        construct!([serve, both])
    }
}

/// What a server needs to know besides its address: nothing, for most.
#[derive(Clone)]
struct NothingMore;

impl Arguments for NothingMore {
    const ABOUT: &'static str = "Serve real clients, until Ctrl-C";

    fn parser() -> impl Parser<NothingMore> + 'static {
        pure(NothingMore)
    }
}

/// For [`play_with`]: the arguments of a server that passes on what it is sent.
#[derive(Debug)]
pub struct Target {
    /// The server to which each connection is passed on, as HOST:PORT.
    pub to: String,
    /// How many clients are served at once; others wait.
    pub max_connections: NonZeroUsize,
}

impl Arguments for Target {
    const ABOUT: &'static str = "Serve real clients, until Ctrl-C";

    fn parser() -> impl Parser<Target> + 'static {
        let help = "The server to which each connection is passed on, as HOST:PORT";
        let to = long("to").help(help).argument("ADDR");
        let help = "Serve this many clients at once; others wait";
        let max_connections =
            arguments::option_or("1000", "max-connections", "N", help, arguments::count);
        construct!(Target {
            to,
            max_connections
        })
    }
}

/// The `main` of a lesson that can be played two ways: both ends as a story, or one end for real.
pub fn play(
    both_ends: impl FnOnce(&Flags) -> io::Result<()>,
    serve: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> ExitCode {
    play_with(both_ends, |addr, NothingMore| serve(addr))
}

/// As [`play`], for a server that takes more arguments than its address.
pub fn play_with<More: Arguments>(
    both_ends: impl FnOnce(&Flags) -> io::Result<()>,
    serve: impl FnOnce(SocketAddr, More) -> io::Result<()>,
) -> ExitCode {
    command::run(|ends| match ends {
        Ends::Both(flags) => both_ends(&flags),
        Ends::Server(listen, more) => serve(listen, more),
    })
}

/// How a story waits between two stages.
#[derive(Debug)]
pub(super) enum Pace {
    GoOn,
    Step,
    Pause(Duration),
}

impl Flags {
    /// At a terminal, what a prediction has got right is to be read before the lesson goes on.
    pub(super) fn pace(&self) -> Pace {
        let asks = self.predict && self.pause.is_none() && io::stdin().is_terminal();
        Pace::of(self.step || asks, self.pause)
    }
}

impl Pace {
    fn of(step: bool, pause: Option<Duration>) -> Pace {
        match pause {
            _ if step => Pace::Step,
            Some(pause) => Pace::Pause(pause),
            None => Pace::GoOn,
        }
    }

    pub(super) fn pause(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Pace::GoOn => {}
            // This sleep does not synchronise: its length is what the reader asked for.
            Pace::Pause(pause) => thread::sleep(*pause),
            Pace::Step => {
                if ask(out, "[Enter] ")?.is_none() {
                    *self = Pace::GoOn;
                }
            }
        }
        Ok(())
    }
}

/// Prints a prompt and reads a line; `None` at the end of stdin.
pub(super) fn ask(out: &mut impl Write, prompt: &str) -> io::Result<Option<String>> {
    write!(out, "{prompt}")
        .and_then(|()| out.flush())
        .map_err(output_error)?;
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        writeln!(out).map_err(output_error)?;
        return Ok(None);
    }
    Ok(Some(line.trim().to_owned()))
}
