//! The command line of a lesson that captures: its story, or `capture`.

use std::path::PathBuf;

use bpaf::{Parser, construct, long};
use socket_workshop::{
    command::{
        self,
        arguments::{option, subcommand},
    },
    stage::Flags,
};

const ABOUT: &str = "A lesson: what passes on the wire, and what the kernel shows of it";

/// What a lesson is told.
#[derive(Clone, Debug)]
pub enum Arguments {
    /// To tell its story.
    Story(StoryArguments),
    /// To list the segments of any program on loopback, from or to this port.
    Capture(u16, Files),
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str = ABOUT;

    fn parser() -> impl Parser<Arguments> + 'static {
        let port = option("port", "N", "Only those from or to this port", port);
        let files = Files::parser();
        let capture = construct!(Arguments::Capture(port, files));
        let about = "List the segments of any program on loopback, until Ctrl-C; as root";
        let capture = subcommand("capture", about, capture);
        let story = StoryArguments::parser();
        let story = construct!(Arguments::Story(story));
        construct!([capture, story])
    }
}

fn port(text: &str) -> Result<u16, &'static str> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or("expected a port, from 1 to 65535")
}

/// What a lesson is told that has a story and nothing else.
#[derive(Clone, Debug)]
pub struct StoryArguments {
    /// The story's flags.
    pub flags: Flags,
    /// Where to keep what has passed.
    pub files: Files,
}

impl command::Arguments for StoryArguments {
    const ABOUT: &'static str = ABOUT;

    fn parser() -> impl Parser<StoryArguments> + 'static {
        let (flags, files) = (Flags::parser(), Files::parser());
        construct!(StoryArguments { flags, files })
    }
}

/// Where to keep what has passed.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The file for the frames, to be read by Wireshark.
    pub pcap: Option<PathBuf>,
    /// The file for the sequence diagram of the first conversation. The next ones are beside it.
    pub svg: Option<PathBuf>,
}

impl Files {
    fn parser() -> impl Parser<Files> {
        let pcap = long("pcap").help("Keep the frames in FILE, for Wireshark");
        let pcap = pcap.argument("FILE").optional();
        let help = "Draw each conversation as a sequence diagram: in FILE, FILE-2.svg and so on";
        let svg = long("svg").help(help).argument("FILE").optional();
        construct!(Files { pcap, svg })
    }
}
