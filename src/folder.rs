//! A folder that files are handed out of and received into: no name leads out of it, and a file
//! that does not arrive whole leaves nothing under its name.

mod temporary;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{libc, sys::statvfs::statvfs};

pub use self::temporary::{Temporary, remove_temporary_folders};
use crate::fault::Attempt;

/// How the names begin of files that are arriving. No other file may be called so.
const ARRIVING: &str = ".incoming-";

/// A folder. Names in it are the last part of a path, nothing else: what a
/// stranger sends is never a path of ours.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// A file that is arriving, under a name of its own beside its later one, which begins with a dot.
/// Unless it is [kept](Incoming::keep), dropping it removes it.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    here: PathBuf,
    goal: PathBuf,
    replace: bool,
}

/// A plain file, or a link to one, at a path that is ours to choose; and its length in bytes.
///
/// # Errors
/// The error of opening it; or it is not a plain file.
pub fn plain_file(path: &Path) -> io::Result<(File, u64)> {
    // Of no kind: what can be done about a port that is denied cannot be done about a file.
    open(path, 0)
        .map_err(|error| io::Error::other(format!("cannot read {}: {error}", path.display())))
}

fn open(path: &Path, flags: i32) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    // A FIFO without a writer does not block us (open(2), O_NONBLOCK).
    let options = options.read(true).custom_flags(flags | libc::O_NONBLOCK);
    let file = options.open(path)?;
    let found = file.metadata()?;
    match found.is_file() {
        true => Ok((file, found.len())),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is not a plain file",
        )),
    }
}

impl Folder {
    /// # Errors
    /// It is not there, or no folder.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let is_folder = fs::metadata(path).and_then(|found| match found.is_dir() {
            true => Ok(()),
            false => Err(ErrorKind::NotADirectory.into()),
        });
        is_folder.attempt(|| format!("cannot use the folder {}", path.display()))?;
        let path = path.to_owned();
        Ok(Folder { path })
    }

    /// A file in it, and its length in bytes.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is more than a name; the error of opening it; or it is not a
    /// plain file, but for example a symbolic link.
    pub fn file(&self, name: &str) -> io::Result<(File, u64)> {
        let path = self.within(name)?;
        let opened = open(&path, libc::O_NOFOLLOW); // not what a link points to
        opened.attempt(|| format!("cannot read {name:?}"))
    }

    /// Begins to receive a file.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is more than a name; `AlreadyExists` for one that is taken
    /// and not to be replaced, or is a folder's; what creating it fails with.
    pub fn receive(&self, name: &str, replace: bool) -> io::Result<Incoming> {
        let goal = self.within(name)?;
        let created = match goal.symlink_metadata() {
            Ok(found) if !replace || found.is_dir() => Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "there is one of this name",
            )),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => self.create(),
        };
        let (file, here) = created.attempt(|| format!("cannot receive {name:?}"))?;
        Ok(Incoming {
            file,
            here,
            goal,
            replace,
        })
    }

    /// A new file under a name that no other file has: a process that was killed may have left a
    /// file, and a later process may have its number.
    fn create(&self) -> io::Result<(File, PathBuf)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let here = self
                .path
                .join(format!("{ARRIVING}{}-{number}", process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&here) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => return Ok((created?, here)),
            }
        }
    }

    /// Whether its disk has room for this many bytes now. Other programs may take it meanwhile.
    ///
    /// # Errors
    /// `StorageFull`: it has not. Or the disk does not report it.
    pub fn has_room_for(&self, bytes: u64) -> io::Result<()> {
        let disk = statvfs(&self.path)?;
        let room = (disk.blocks_available() as u64).saturating_mul(disk.fragment_size() as u64);
        if bytes <= room {
            return Ok(());
        }
        let what = format!("no room for {bytes} bytes: {room} are left on the disk");
        Err(io::Error::new(ErrorKind::StorageFull, what))
    }

    fn within(&self, name: &str) -> io::Result<PathBuf> {
        let mut parts = Path::new(name).components();
        let is_a_name = matches!(parts.next(), Some(Component::Normal(part)) if part == name);
        if !is_a_name || parts.next().is_some() || name.contains(['\0', '\\']) {
            let what = format!("{name:?} is not a file name: it may not lead out of the folder");
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        if name.starts_with(ARRIVING) {
            let what = format!("{name:?} is the name of a file that is arriving");
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        Ok(self.path.join(name))
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming {
    /// It is whole: from now on it is there under its name, all of it.
    ///
    /// # Errors
    /// `AlreadyExists` where another has taken the name in the meantime; what the disk fails with.
    pub fn keep(self) -> io::Result<()> {
        let kept = self.file.sync_all().and_then(|()| match self.replace {
            true => fs::rename(&self.here, &self.goal),
            // Unlike rename(2), link(2) never replaces.
            false => fs::hard_link(&self.here, &self.goal),
        });
        kept.attempt(|| {
            format!(
                "cannot keep {:?}",
                self.goal.file_name().unwrap_or_default()
            )
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.here); // it is gone already where it was renamed
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{ErrorKind, Write},
        os::unix::fs::symlink,
    };

    use super::{Folder, Temporary};

    fn empty() -> (Temporary, Folder) {
        let here = Temporary::new().unwrap();
        let folder = Folder::open(here.path()).unwrap();
        (here, folder)
    }

    #[test]
    fn no_name_leads_out_of_it() {
        let (here, folder) = empty();
        symlink("/etc/hostname", here.path().join("link")).unwrap();
        for name in [
            "",
            ".",
            "..",
            "../x",
            "/etc/hostname",
            "a/b",
            "a/",
            "./a",
            "a\\b",
            "a\0b",
            ".incoming-1-0",
        ] {
            let kind = folder.file(name).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidInput, "{name:?}");
            let kind = folder.receive(name, true).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidInput, "{name:?}");
        }
        assert!(folder.file("link").is_err());
        assert!(folder.receive("link", false).is_err());
    }

    #[test]
    fn a_file_is_there_when_it_is_whole_and_not_before() {
        let (here, folder) = empty();
        let mut cut = folder.receive("a", false).unwrap();
        cut.write_all(b"cut").unwrap();
        assert_eq!(folder.file("a").unwrap_err().kind(), ErrorKind::NotFound);
        drop(cut);
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0);
        let mut whole = folder.receive("a", false).unwrap();
        whole.write_all(b"whole").unwrap();
        whole.keep().unwrap();
        assert_eq!(folder.file("a").unwrap().1, 5);
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_replaced_only_when_told() {
        let (here, folder) = empty();
        let late = folder.receive("a", false).unwrap();
        folder.receive("a", false).unwrap().keep().unwrap();
        assert_eq!(late.keep().unwrap_err().kind(), ErrorKind::AlreadyExists);
        let refused = folder.receive("a", false).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        fs::create_dir(here.path().join("folder")).unwrap();
        let refused = folder.receive("folder", true).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        let mut other = folder.receive("a", true).unwrap();
        other.write_all(b"other").unwrap();
        other.keep().unwrap();
        assert_eq!(folder.file("a").unwrap().1, 5);
    }

    #[test]
    fn there_is_room_for_nothing_and_not_for_everything() {
        let (_here, folder) = empty();
        folder.has_room_for(0).unwrap();
        let full = folder.has_room_for(u64::MAX).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn a_temporary_folder_goes_with_all_that_is_in_it() {
        let (here, folder) = empty();
        folder.receive("a", false).unwrap().keep().unwrap();
        let path = here.path().to_owned();
        drop(here);
        assert!(!path.exists());
    }
}
