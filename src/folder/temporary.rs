//! A folder that is there for as long as its owner is.

use std::{
    env,
    fs::{self, DirBuilder},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::fault::Attempt;

/// A new, empty folder among the system's temporary ones, of this user only. Dropping it removes
/// it, with all that is in it.
#[derive(Debug)]
pub struct Temporary(PathBuf);

/// Those that exist now.
static THERE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn there() -> MutexGuard<'static, Vec<PathBuf>> {
    THERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every [`Temporary`] of this process: [`process::exit`] drops
/// nothing and would leave them.
pub fn remove_temporary_folders() {
    for path in there().drain(..) {
        // This fails if another thread creates a file in the folder
        // meanwhile: try again, within bounds.
        let _ = (0..100).find(|_| fs::remove_dir_all(&path).is_ok() || !path.exists());
    }
}

impl Temporary {
    /// # Errors
    /// What creating it fails with.
    pub fn new() -> io::Result<Temporary> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("socket-workshop-{}-{number}", process::id());
            let path = env::temp_dir().join(name);
            // mkdir(2) never takes what is there already, a link of somebody else's for one.
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => {
                    created.attempt(|| format!("cannot create the folder {path:?}"))?;
                    there().push(path.clone());
                    return Ok(Temporary(path));
                }
            }
        }
    }

    /// The same, but Ctrl-C removes it too, and ends the process with status 130.
    ///
    /// # Errors
    /// The process handles Ctrl-C already.
    pub fn also_at_ctrl_c(self) -> io::Result<Temporary> {
        ctrlc::set_handler(|| {
            remove_temporary_folders();
            process::exit(130); // 128 + SIGINT, as a shell reports it
        })
        .map_err(io::Error::other)?;
        Ok(self)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        there().retain(|path| *path != self.0);
    }
}
