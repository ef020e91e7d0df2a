//! `cargo workshop pictures DIR`: what a connection looks like, drawn from connections.
//!
//! Each picture is a run on this machine's kernel, in a network of its own, through a
//! [`wire::router::Router`] which lets the kernel's table be seen between one segment and the next.

mod plays;
pub mod record;

use std::{fs, io, path::Path};

use socket_workshop::{command::write_line, fault::Attempt};
use wire::{diagram, namespace};

pub use plays::{PLAYS, Play, Run};

/// Plays all, in a network of its own: draws those that are pictures in a folder, and writes down
/// what happened at each end, if `text` asks for it.
///
/// # Errors
/// There is no such network here; the kernel does something else than the play says; a file cannot
/// be written.
pub fn draw(folder: &Path, text: bool) -> io::Result<()> {
    namespace::enter()?;
    fs::create_dir_all(folder).attempt(|| format!("cannot make {}", folder.display()))?;
    for play in PLAYS {
        if play.title.is_none() && !text {
            continue;
        }
        let run = play.run()?;
        let mut files = Vec::new();
        if let Some(title) = play.title {
            files.push(("svg", diagram::svg(&run.conversation, title)));
        }
        if text {
            files.push(("txt", record::write(&run)));
        }
        for (kind, text) in files {
            let path = folder.join(format!("{}.{kind}", play.name));
            fs::write(&path, text).attempt(|| format!("cannot write {}", path.display()))?;
            write_line(format_args!("{}", path.display()))?;
        }
    }
    Ok(())
}
