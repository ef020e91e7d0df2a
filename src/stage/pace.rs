//! The flags that every lesson takes, and the pause between two stages.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    process::ExitCode,
    thread,
    time::Duration,
};

use super::{
    quiz::Quiz,
    text::{WIDTH, wrapped},
};
use crate::{
    command::{self, output_error},
    say,
};

/// The flags that every lesson takes, and all that most of them do.
#[derive(Clone, Debug, clap::Parser)]
#[command(about = "A lesson: both ends on loopback, and what the kernel shows of them")]
pub struct Flags {
    /// The address to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDR", value_parser = command::address)]
    #[arg(default_value = "127.0.0.1:8330")]
    pub listen: SocketAddr,
    /// Wait for Enter after each stage
    #[arg(long)]
    pub step: bool,
    /// Wait this long after each stage, for instance 5s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub pause: Option<Duration>,
    /// Ask what the kernel will show before showing it, and keep the score
    #[arg(long)]
    pub predict: bool,
}

/// The flags of a lesson that has no sockets to show: how it waits between its parts.
#[derive(Clone, Debug, clap::Args)]
pub struct Steps {
    /// Wait for Enter after each part
    #[arg(long)]
    step: bool,
    /// Wait this long after each part, for instance 5s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pause: Option<Duration>,
    /// Ask about each part before explaining it, and keep the score
    #[arg(long)]
    predict: bool,
    #[arg(skip)]
    quiz: Quiz,
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
#[derive(Debug, clap::Parser)]
#[command(about = "A lesson: both ends on loopback, and what the kernel shows of them")]
#[command(args_conflicts_with_subcommands = true)]
struct FlagsOrServe<More: clap::Args> {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Serve<More>>,
}

/// For [`play_with`]: the arguments of a server that passes on what it is sent.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The server to which each connection is passed on, as HOST:PORT
    #[arg(long, value_name = "ADDR")]
    pub to: String,
}

/// What a server needs to know besides its address: nothing, for most.
#[derive(Debug, clap::Args)]
struct NothingMore {}

#[derive(Debug, clap::Subcommand)]
enum Serve<More: clap::Args> {
    /// Serve real clients, until Ctrl-C
    Serve {
        /// The address to listen on; port 0 takes a free port
        #[arg(long, value_name = "ADDR", value_parser = command::address)]
        #[arg(default_value = "127.0.0.1:8330")]
        listen: SocketAddr,
        #[command(flatten)]
        more: More,
    },
}

/// The `main` of a lesson that can be played two ways: both ends as a story, or one end for real.
pub fn play(
    both_ends: impl FnOnce(&Flags) -> io::Result<()>,
    serve: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> ExitCode {
    play_with(both_ends, |addr, NothingMore {}| serve(addr))
}

/// As [`play`], for a server that takes more arguments than its address.
pub fn play_with<More: clap::Args>(
    both_ends: impl FnOnce(&Flags) -> io::Result<()>,
    serve: impl FnOnce(SocketAddr, More) -> io::Result<()>,
) -> ExitCode {
    command::run(|arguments: FlagsOrServe<More>| match arguments.command {
        None => both_ends(&arguments.flags),
        Some(Serve::Serve { listen, more }) => serve(listen, more),
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
