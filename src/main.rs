//! `cargo workshop`: the command line of the workshop, and nothing else.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use socket_workshop::{command, stop::Stop, watch::View};

/// The Socket Workshop's command
#[derive(Parser)]
#[command(bin_name = "cargo workshop")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the kernel's TCP sockets, as `netstat -nat` does
    Netstat {
        /// Only rows with this port at either end; may be given more than once
        #[arg(long = "port", value_name = "N")]
        ports: Vec<u16>,
        /// The timers too, as `netstat -nato` shows them
        #[arg(long)]
        timers: bool,
        /// Show each change as it happens, until Ctrl-C
        #[arg(long)]
        watch: bool,
    },
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| match arguments.command {
        Command::Netstat {
            ports,
            timers,
            watch,
        } => {
            let view = View { ports, timers };
            if watch {
                view.until(&Stop::on_ctrl_c()?)
            } else {
                view.once()
            }
        }
    })
}
