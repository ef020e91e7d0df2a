//! The command line of a program: what it takes, read into a type, and `--help` from the same words.
//!
//! bpaf reads it, a crate without dependencies. Its derive macro is not used: the crates that such
//! macros stand on take longer to compile than this whole library.

use std::{
    env, ffi::OsString, fmt::Display, net::SocketAddr, num::NonZeroUsize, process::ExitCode,
    time::Duration,
};

use bpaf::{Args, Doc, OptionParser, ParseFailure, Parser, long};
use bytesize::ByteSize;

use super::{complain, write_line};

/// What a program, or a part of it, is told on its command line.
pub trait Arguments: Sized + 'static {
    /// What the program does, for `--help`.
    const ABOUT: &'static str;

    /// How the program is called, where that is not the name of its file.
    const CALLED: Option<&'static str> = None;

    /// Reads them, and knows what `--help` says of each.
    fn parser() -> impl Parser<Self> + 'static;
}

/// A command among the arguments: `NAME`, then arguments of its own.
pub fn subcommand<T: 'static>(
    name: &'static str,
    about: &'static str,
    parser: impl Parser<T> + 'static,
) -> impl Parser<T> {
    parser.to_options().descr(about).command(name)
}

/// An option whose value is read by a function: `--NAME METAVAR`.
pub fn option<T: 'static, E: Display + 'static>(
    name: &'static str,
    metavar: &'static str,
    help: &'static str,
    read: fn(&str) -> Result<T, E>,
) -> impl Parser<T> {
    let text = long(name).help(help).argument::<String>(metavar);
    text.parse(value_of(name, read))
}

/// As [`option`], with the text that is read if it is not given.
pub fn option_or<T: 'static, E: Display + 'static>(
    default: &'static str,
    name: &'static str,
    metavar: &'static str,
    help: &'static str,
    read: fn(&str) -> Result<T, E>,
) -> impl Parser<T> {
    let text = long(name).help(help).argument::<String>(metavar);
    let text = text.fallback(default.to_owned()).display_fallback();
    text.parse(value_of(name, read))
}

/// Reads a value, and names the option in the error.
fn value_of<T, E: Display>(
    name: &'static str,
    read: fn(&str) -> Result<T, E>,
) -> impl Fn(String) -> Result<T, String> {
    move |text| read(&text).map_err(|error| format!("--{name}: {error}"))
}

/// The option `--listen ADDR`.
pub fn listen(default: &'static str) -> impl Parser<SocketAddr> {
    let help = "The address to listen on; port 0 takes a free port";
    option_or(default, "listen", "ADDR", help, address)
}

/// The option that names the server of a client.
pub fn server(default: &'static str, name: &'static str) -> impl Parser<String> {
    let addr = long(name).help("The server, as HOST:PORT").argument("ADDR");
    addr.fallback(default.to_owned()).display_fallback()
}

/// An address to listen on.
///
/// # Errors
/// Not an IP address with a port.
pub fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(
        |_| "expected an IP address and a port, such as 127.0.0.1:8330, [::1]:8330 or 127.0.0.1:0",
    )
}

/// A duration as humantime writes it, longer than zero.
///
/// # Errors
/// No duration, or zero.
pub fn longer_than_zero(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("it must be longer than zero".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

/// A number of things, 1 or more.
///
/// # Errors
/// No number, or zero.
pub fn count(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "expected a number, 1 or more")
}

/// A number of bytes, larger than zero. `64MiB` is 2^26 of them, `64MB` 64 000 000.
///
/// # Errors
/// No size, or zero, or more than this machine can address.
pub fn size(text: &str) -> Result<usize, &'static str> {
    let size: Result<ByteSize, _> = text.parse();
    match size.map(|size| usize::try_from(size.as_u64())) {
        Ok(Ok(0)) => Err("it must be larger than zero"),
        Ok(Ok(bytes)) => Ok(bytes),
        _ => Err("expected a number of bytes, such as 4096, 64MiB or 1GiB"),
    }
}

/// Reads the arguments of this process. If it is not to run, prints help (status 0), or what is
/// wrong with them (status 2).
pub(super) fn read<A: Arguments>(name: &str) -> Result<A, ExitCode> {
    let given = Args::current_args().set_name(A::CALLED.unwrap_or(name));
    let options = A::parser().to_options().descr(A::ABOUT);
    options.run_inner(given).map_err(|failure| {
        let text = match failure {
            ParseFailure::Stderr(error) => {
                return match with_its_command_first(&options) {
                    Some(given) => {
                        complain(&format!("{name}: the command comes first: {name} {given}"));
                        ExitCode::from(2)
                    }
                    None => usage(name, &error),
                };
            }
            ParseFailure::Stdout(help, _) => help.monochrome(true),
            ParseFailure::Completion(words) => words,
        };
        let _ = write_line(format_args!("{}", text.trim_end()));
        ExitCode::SUCCESS
    })
}

/// The arguments, if they are right once a word that follows an option comes first.
fn with_its_command_first<A>(options: &OptionParser<A>) -> Option<String> {
    let given: Vec<OsString> = env::args_os().skip(1).collect();
    let is_option = |arg: &OsString| arg.to_string_lossy().starts_with('-');
    if !given.first().is_some_and(is_option) {
        return None;
    }
    let words = (1..given.len()).filter(|i| !is_option(&given[*i]));
    let mut moved = words.map(|i| {
        let mut given = given.clone();
        given[..=i].rotate_right(1);
        given
    });
    let right = moved.find(|given| options.run_inner(given.as_slice()).is_ok())?;
    let right: Vec<_> = right.iter().map(|arg| arg.to_string_lossy()).collect();
    Some(right.join(" "))
}

/// What is wrong, in one line.
fn usage(name: &str, error: &Doc) -> ExitCode {
    let text = error.monochrome(true);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let text = lines.join(" ");
    let hint = match text.contains("--help") {
        true => "",
        false => " (`--help` shows how it is used)",
    };
    complain(&format!("{name}: {text}{hint}"));
    ExitCode::from(2)
}
