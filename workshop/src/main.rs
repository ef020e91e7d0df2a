//! `cargo workshop`: the command line of the workshop, and nothing else.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use socket_workshop::{command, stop::Stop};
use workshop::{
    course::{Course, Status, Telling},
    pictures,
    watch::View,
};

/// The Socket Workshop's command: without a subcommand it says where you are and what is next.
///
/// NAME is an exercise's name or number: echo, 3, 03 or 03_echo. Exit status: 0 passed, 1 failed,
/// 2 wrong usage, 3 could not be checked.
#[derive(Parser)]
#[command(bin_name = "cargo workshop")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show all exercises, and what is done of each
    List,
    /// Examine the current exercise, or those named
    Check {
        /// The current exercise, if left out; `all` for all exercises
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Print every failure in full, not only the first
        #[arg(long)]
        all: bool,
        /// A line of JSON for each exercise
        #[arg(long, conflicts_with = "hold")]
        json: bool,
        /// Keep the sockets of a check that fails until Enter, to look at them with netstat
        #[arg(long)]
        hold: bool,
    },
    /// Examine an exercise whenever its file is saved, until q or Ctrl-C
    Watch {
        /// The current exercise, if left out
        name: Option<String>,
    },
    /// Help a little: one hint more each time
    Hint {
        /// The current exercise, if left out
        name: Option<String>,
    },
    /// Show the solution: once the exercise has passed, or on a second asking
    Solution {
        /// The current exercise, if left out
        name: Option<String>,
    },
    /// Show the mistakes that an exercise's checks know, or the program that makes one of them
    Mistake {
        /// Which exercise
        exercise: String,
        /// The mistake, whose program is printed; all of them are listed, if left out
        name: Option<String>,
    },
    /// Restore the starter of an exercise, and keep what is in its file
    Reset {
        /// Which one
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// All of them
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
    /// Draw what passes between two ends, from connections made for it: sequence diagrams (SVG)
    Pictures {
        /// The folder to put them in
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// As text too, a line for whatever happens at an end, and other connections besides
        #[arg(long)]
        text: bool,
    },
    /// Show the kernel's TCP sockets, as `netstat -nat` does
    Netstat {
        /// Only rows with this port at either end; may be given more than once
        #[arg(long = "port", value_name = "N")]
        ports: Vec<u16>,
        /// The timers too, as `netstat -nato` shows them
        #[arg(long)]
        timers: bool,
        /// UDP sockets too, as `netstat -nau` shows them
        #[arg(long)]
        udp: bool,
        /// Show each change as it happens, until Ctrl-C
        #[arg(long)]
        watch: bool,
    },
}

fn main() -> ExitCode {
    command::run_to_status(|arguments: Arguments| run(arguments.command), failed)
}

fn run(command: Option<Command>) -> io::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    if let Some(Command::Netstat {
        ports,
        timers,
        udp,
        watch,
    }) = command
    {
        let view = View { ports, timers, udp };
        return match watch {
            true => view.until(&Stop::on_ctrl_c()?).map(done),
            false => view.once().map(done),
        };
    }
    if let Some(Command::Pictures { folder, text }) = command {
        return pictures::draw(&folder, text).map(done);
    }
    let mut course = Course::open()?;
    match command {
        None => course.overview().map(done),
        Some(Command::List) => course.list().map(done),
        Some(Command::Check {
            names,
            all,
            json,
            hold,
        }) => {
            let telling = match (json, hold) {
                (true, _) => Telling::Json,
                (_, true) => Telling::Holding,
                _ if all => Telling::InFull,
                _ => Telling::Words,
            };
            course.check(&names, telling).map(ExitCode::from)
        }
        Some(Command::Watch { name }) => {
            let stop = Stop::on_ctrl_c()?;
            course.watch(name.as_deref(), &stop).map(ExitCode::from)
        }
        Some(Command::Hint { name }) => course.hint(name.as_deref()).map(done),
        Some(Command::Solution { name }) => course.solution(name.as_deref()).map(done),
        Some(Command::Mistake { exercise, name }) => {
            course.mistake(&exercise, name.as_deref()).map(done)
        }
        Some(Command::Reset { name, all }) => course.reset(name.as_deref(), all).map(done),
        Some(Command::Netstat { .. } | Command::Pictures { .. }) => {
            unreachable!("it needs no course")
        }
    }
}

/// Wrong usage may show later than among the arguments; whatever else stands in the way, nothing
/// has been said of an exercise.
fn failed(error: &io::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::InvalidInput => ExitCode::from(2),
        _ => Status::NotChecked.into(),
    }
}
