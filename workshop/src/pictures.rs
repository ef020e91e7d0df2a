//! `cargo workshop pictures DIR`: what a connection looks like, drawn from connections.
//!
//! Each picture is a run on this machine's kernel, in a network of its own, through a
//! [`wire::router::Router`] which lets the kernel's table be seen between one segment and the next.

mod plays;

use std::{fs, io, path::Path};

use socket_workshop::{command::write_line, fault::Attempt};
use wire::{diagram, namespace};

pub use plays::{PLAYS, Play, Run};

/// Plays all, in a network of its own, and draws those that are pictures in a folder.
///
/// # Errors
/// There is no such network here; the kernel does something else than the play says; a file cannot be
/// written.
pub fn draw(folder: &Path) -> io::Result<()> {
    namespace::enter()?;
    fs::create_dir_all(folder).attempt(|| format!("cannot make {}", folder.display()))?;
    for play in PLAYS {
        let Some(title) = play.title else { continue };
        let run = play.run()?;
        let path = folder.join(format!("{}.svg", play.name));
        fs::write(&path, diagram::svg(&run.conversation, title))
            .attempt(|| format!("cannot write {}", path.display()))?;
        write_line(format_args!("{}", path.display()))?;
    }
    Ok(())
}
