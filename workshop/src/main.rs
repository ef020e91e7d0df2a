//! `cargo workshop`: the command line of the workshop, and nothing else.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    process::ExitCode,
};

use bpaf::{Parser, construct, long, positional, pure};
use socket_workshop::{
    command::{
        self,
        arguments::{option, option_or, subcommand},
    },
    stop::Stop,
};
use workshop::{
    book,
    course::{Course, Status, Telling},
    pictures, recording, teach,
    watch::View,
};

/// What the command is told to do.
#[derive(Clone)]
enum Command {
    Overview,
    List,
    Check {
        names: Vec<String>,
        telling: Telling,
    },
    Watch {
        name: Option<String>,
    },
    Hint {
        name: Option<String>,
    },
    Solution {
        name: Option<String>,
    },
    Mistake {
        exercise: String,
        name: Option<String>,
    },
    Reset {
        /// All of them, if it is none.
        name: Option<String>,
    },
    Pictures {
        folder: PathBuf,
        text: bool,
    },
    Record {
        names: Vec<String>,
        folder: Option<PathBuf>,
    },
    Pages {
        folder: PathBuf,
    },
    Book {
        folder: Option<PathBuf>,
    },
    /// For mdbook, which asks first whether a renderer is supported.
    PreprocessBook {
        asked: Vec<String>,
    },
    Teach {
        name: String,
        port: u16,
        pcap: Option<PathBuf>,
    },
    Netstat {
        view: View,
        watch: bool,
    },
}

fn main() -> ExitCode {
    command::run_to_status(run, failed)
}

fn run(command: Command) -> io::Result<ExitCode> {
    let course = Course::open;
    match command {
        Command::Check { names, telling } => {
            return course()?.check(&names, telling).map(ExitCode::from);
        }
        Command::Watch { name } => {
            let stop = Stop::on_ctrl_c()?;
            return course()?.watch(name.as_deref(), &stop).map(ExitCode::from);
        }
        Command::Overview => course()?.overview(),
        Command::List => course()?.list(),
        Command::Hint { name } => course()?.hint(name.as_deref()),
        Command::Solution { name } => course()?.solution(name.as_deref()),
        Command::Mistake { exercise, name } => course()?.mistake(&exercise, name.as_deref()),
        Command::Reset { name } => course()?.reset(name.as_deref(), name.is_none()),
        Command::Pictures { folder, text } => pictures::draw(&folder, text),
        Command::Record { names, folder } => {
            recording::record(course()?.root(), &names, folder.as_deref())
        }
        Command::Pages { folder } => recording::pages(course()?.root(), &folder),
        Command::Book { folder } => book::write(course()?.root(), folder.as_deref()),
        Command::PreprocessBook { asked } if asked.is_empty() => book::preprocess(course()?.root()),
        Command::PreprocessBook { .. } => Ok(()),
        Command::Teach { name, port, pcap } => {
            teach::teach(course()?.root(), &name, port, pcap.as_deref())
        }
        Command::Netstat { view, watch: true } => view.until(&Stop::on_ctrl_c()?),
        Command::Netstat { view, watch: false } => view.once(),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Wrong usage may show later than among the arguments; whatever else stands in the way, nothing
/// has been said of an exercise.
fn failed(error: &io::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::InvalidInput => ExitCode::from(2),
        _ => Status::NotChecked.into(),
    }
}

impl command::Arguments for Command {
    const CALLED: Option<&'static str> = Some("cargo workshop");
    const ABOUT: &'static str = "\
        The Socket Workshop's command: without a subcommand it says where you are and what is next.

NAME is an exercise's name or number: echo, 3, 03 or 03_echo. Exit status: 0 passed, 1 failed, \
        2 wrong usage, 3 could not be checked.";

    fn parser() -> impl Parser<Command> + 'static {
        let about = "Show all exercises, and what is done of each";
        let list = subcommand("list", about, pure(Command::List));
        let about = "Examine the current exercise, or those named";
        let check = subcommand("check", about, check());
        let about = "Examine an exercise whenever its file is saved, until q or Ctrl-C";
        let name = current();
        let watch = subcommand("watch", about, construct!(Command::Watch { name }));
        let about = "Help a little: one hint more each time";
        let name = current();
        let hint = subcommand("hint", about, construct!(Command::Hint { name }));
        let about = "Show the solution: once the exercise has passed, or on a second asking";
        let name = current();
        let solution = subcommand("solution", about, construct!(Command::Solution { name }));
        let about = "Show the mistakes that an exercise's checks know, or the program that makes one \
                     of them";
        let mistake = subcommand("mistake", about, mistake());
        let about = "Restore the starter of an exercise, and keep what is in its file";
        let reset = subcommand("reset", about, reset());
        let about = "Draw what passes between two ends, from connections made for it: sequence \
                     diagrams (SVG)";
        let pictures = subcommand("pictures", about, pictures());
        let about = "Play a lesson on a page in the browser, one stage at a time";
        let teach = subcommand("teach", about, teaching());
        let about = "Write lessons down for the page, each in a file";
        let record = subcommand("record", about, recorded());
        let about =
            "Write a page for each recording of the repository, to be read without a server";
        let folder = positional::<PathBuf>("DIR").help("Where to write them");
        let pages = subcommand("pages", about, construct!(Command::Pages { folder }));
        let about = "Write the book: a page for each chapter, to be read without a server";
        let help = "Where to write it, if not into target/book";
        let folder = long("folder").help(help).argument("DIR").optional();
        let book = subcommand("book", about, construct!(Command::Book { folder }));
        let about = "Replace the directives of the book, for mdbook";
        let asked = positional("ASKED").help("`supports RENDERER`").many();
        let preprocess = construct!(Command::PreprocessBook { asked });
        let preprocess = subcommand("preprocess-book", about, preprocess).hide();
        let about = "Show the kernel's TCP sockets, as `netstat -nat` does";
        let netstat = subcommand("netstat", about, netstat());
        let overview = pure(Command::Overview);
        construct!([
            list, check, watch, hint, solution, mistake, reset, teach, record, pages, pictures,
            book, netstat, preprocess, overview
        ])
    }
}

fn current() -> impl Parser<Option<String>> {
    let name = positional("NAME").help("The current exercise, if left out");
    name.optional()
}

fn teaching() -> impl Parser<Command> {
    let name = positional("LESSON").help("A lesson's name, such as echo");
    let help = "The port of the page; 0 takes a free one";
    let port = option_or("8000", "port", "P", help, str::parse);
    let help = "Keep the frames that pass in FILE, for Wireshark";
    let pcap = long("pcap").help(help).argument("FILE").optional();
    construct!(Command::Teach { port, pcap, name })
}

fn recorded() -> impl Parser<Command> {
    let help = "Where to write them, if not into book/src/recordings";
    let folder = long("to").help(help).argument("DIR").optional();
    let names = positional("LESSON").help("All lessons, if left out").many();
    construct!(Command::Record { folder, names })
}

fn check() -> impl Parser<Command> {
    let help = "Print every failure in full, not only the first";
    let all = long("all").help(help).req_flag(Telling::InFull);
    let help = "A line of JSON for each exercise";
    let json = long("json").help(help).req_flag(Telling::Json);
    let help = "Keep the sockets of a check that fails until Enter, to look at them with netstat";
    let hold = long("hold").help(help).req_flag(Telling::Holding);
    let help =
        "Show the first check that fails on a page: its steps, rows, segments, and your line";
    let page = long("page").help(help).req_flag(Telling::Page);
    let telling = construct!([all, json, hold, page]).fallback(Telling::Words);
    let help = "The current exercise, if left out; `all` for all exercises";
    let names = positional("NAME").help(help).many();
    construct!(Command::Check { telling, names })
}

fn mistake() -> impl Parser<Command> {
    let exercise = positional("EXERCISE").help("Which exercise");
    let help = "The mistake, whose program is printed; all of them are listed, if left out";
    let name = positional("NAME").help(help).optional();
    construct!(Command::Mistake { exercise, name })
}

fn reset() -> impl Parser<Command> {
    let all = long("all").help("All of them").req_flag(None);
    let name = positional("NAME").help("Which one").map(Some);
    let name = construct!([all, name]);
    construct!(Command::Reset { name })
}

fn pictures() -> impl Parser<Command> {
    let help = "As text too, a line for whatever happens at an end, and other connections besides";
    let text = long("text").help(help).switch();
    let folder = positional("DIR").help("The folder to put them in");
    construct!(Command::Pictures { text, folder })
}

fn netstat() -> impl Parser<Command> {
    let help = "Only rows with this port at either end; may be given more than once";
    let ports = option("port", "N", help, str::parse).many();
    let help = "The timers too, as `netstat -nato` shows them";
    let timers = long("timers").help(help).switch();
    let help = "UDP sockets too, as `netstat -nau` shows them";
    let udp = long("udp").help(help).switch();
    let view = construct!(View { ports, timers, udp });
    let help = "Show each change as it happens, until Ctrl-C";
    let watch = long("watch").help(help).switch();
    construct!(Command::Netstat { view, watch })
}
