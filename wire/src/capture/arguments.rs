//! The command line of a lesson that captures: its story, or `capture`.

use std::path::PathBuf;

use socket_workshop::stage;

/// What a lesson is told.
#[derive(Clone, Debug, clap::Parser)]
#[command(about = "A lesson: what passes on the wire, and what the kernel shows of it")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// The story's flags.
    #[command(flatten)]
    pub flags: stage::Flags,
    #[command(flatten)]
    files: Files,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// List the segments of any program on loopback, until Ctrl-C; as root
    Capture {
        /// Only those from or to this port
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
        #[command(flatten)]
        files: Files,
    },
}

impl Arguments {
    /// The port of `capture`.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        let Command::Capture { port, .. } = self.command.as_ref()?;
        Some(*port)
    }

    /// Where to keep what has passed.
    #[must_use]
    pub fn files(&self) -> &Files {
        match &self.command {
            Some(Command::Capture { files, .. }) => files,
            None => &self.files,
        }
    }
}

/// What a lesson is told that has a story and nothing else.
#[derive(Clone, Debug, clap::Parser)]
#[command(about = "A lesson: what passes on the wire, and what the kernel shows of it")]
pub struct StoryArguments {
    /// The story's flags.
    #[command(flatten)]
    pub flags: stage::Flags,
    /// Where to keep what has passed.
    #[command(flatten)]
    pub files: Files,
}

/// Where to keep what has passed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Files {
    /// Keep the frames in FILE, for Wireshark
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Draw each conversation as a sequence diagram: in FILE, FILE-2.svg and so on
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}
