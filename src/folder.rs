//! A folder that files are handed out of and received into: no name leads out of it, and a file
//! that does not arrive whole leaves nothing under its name.
//!
//! A file arrives under another name, `.incoming-PID-NUMBER`. The process that receives it holds a
//! lock on it (flock(2)), which the kernel releases when the process ends, however it ends. So a
//! file of that name without a lock is left over, and the next process that opens the folder removes
//! it.

mod temporary;

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    libc,
    sys::statvfs::statvfs,
};

pub use self::temporary::{Temporary, remove_temporary_folders};
use crate::fault::Attempt;

/// How the names begin of files that are arriving. No other file may be called so.
const ARRIVING: &str = ".incoming-";

/// A folder. Names in it are the last part of a path, nothing else: what a
/// stranger sends is never a path of ours.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    folder: Arc<File>,
}

/// A file that is arriving, under a name of its own beside its later one, which begins with a dot.
/// Unless it is [kept](Incoming::keep), dropping it removes it.
#[derive(Debug)]
pub struct Incoming {
    file: Flock<File>,
    here: PathBuf,
    goal: PathBuf,
    replace: bool,
    folder: Arc<File>,
}

/// A file to send: as many bytes as it had when it was opened. Reading fails with `UnexpectedEof`
/// if it has become shorter since, and ends at the old length if it has become longer.
#[derive(Debug)]
pub struct Outgoing {
    file: File,
    size: u64,
    left: u64,
}

/// A plain file, or a link to one, at a path that is ours to choose.
///
/// # Errors
/// The error of opening it; or it is not a plain file.
pub fn plain_file(path: &Path) -> io::Result<Outgoing> {
    // Of no kind: what can be done about a port that is denied cannot be done about a file.
    open(path, 0).map_err(|error| io::Error::other(format!("cannot read {path:?}: {error}")))
}

fn open(path: &Path, flags: i32) -> io::Result<Outgoing> {
    let mut options = OpenOptions::new();
    // A FIFO without a writer does not block us (open(2), O_NONBLOCK).
    let options = options.read(true).custom_flags(flags | libc::O_NONBLOCK);
    let file = options.open(path)?;
    let found = file.metadata()?;
    let size = found.len();
    match found.is_file() {
        true => Ok(Outgoing {
            file,
            size,
            left: size,
        }),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is not a plain file",
        )),
    }
}

impl Folder {
    /// Opens a folder, and removes files in it whose process was killed while they arrived.
    ///
    /// # Errors
    /// It is not there, is no folder, or cannot be read.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let mut options = OpenOptions::new();
        let opened = options
            .read(true)
            .custom_flags(libc::O_DIRECTORY)
            .open(path);
        let opened = opened.attempt(|| format!("cannot use the folder {path:?}"))?;
        let folder = Folder {
            path: path.to_owned(),
            folder: Arc::new(opened),
        };
        folder.remove_left_over();
        Ok(folder)
    }

    /// Files that another user has left, or that are another kind of thing, stay.
    fn remove_left_over(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| is_arriving(&entry.file_name())) {
            let path = entry.path();
            let unlocked = open(&path, libc::O_NOFOLLOW).and_then(|file| lock(file.file, &path));
            if let Ok(Some(_locked)) = unlocked {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// A file in it.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is more than a name; the error of opening it; or it is not a
    /// plain file, but for example a symbolic link.
    pub fn file(&self, name: &str) -> io::Result<Outgoing> {
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
            folder: Arc::clone(&self.folder),
        })
    }

    /// A new file, locked, under a name that no other file has: a process that was killed may have
    /// left a file, and a later process may have its number.
    fn create(&self) -> io::Result<(Flock<File>, PathBuf)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let here = self
                .path
                .join(format!("{ARRIVING}{}-{number}", process::id()));
            let file = match OpenOptions::new().write(true).create_new(true).open(&here) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                created => created?,
            };
            // A process that opens the folder at this moment may lock it first, and removes it.
            if let Some(file) = lock(file, &here)? {
                return Ok((file, here));
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
        if name.contains(char::is_control) {
            let what = format!("{name:?} has a control character, which could steer a terminal");
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        if name.starts_with(ARRIVING) {
            let what = format!("{name:?} is the name of a file that is arriving");
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        Ok(self.path.join(name))
    }
}

/// `.incoming-`, and two numbers.
fn is_arriving(name: &OsStr) -> bool {
    let numbers = name.to_str().and_then(|name| name.strip_prefix(ARRIVING));
    let numbers = numbers.and_then(|numbers| numbers.split_once('-'));
    let is_number = |text: &str| text.parse::<u64>().is_ok();
    numbers.is_some_and(|(pid, number)| is_number(pid) && is_number(number))
}

/// Takes the lock of a file that is arriving. `None`: another process has it; or the file has lost
/// its name, because another process had the lock first and removed it.
fn lock(file: File, path: &Path) -> io::Result<Option<Flock<File>>> {
    let locked = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
        locked => locked.map_err(|(_, errno)| errno)?,
    };
    let ours = locked.metadata()?;
    let is_ours = |there: fs::Metadata| (there.dev(), there.ino()) == (ours.dev(), ours.ino());
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        there => Ok(is_ours(there?).then_some(locked)),
    }
}

impl Outgoing {
    /// Its length in bytes, when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for Outgoing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        let n = self.file.read(&mut buf[..most])?;
        if n == 0 && most > 0 {
            let Outgoing { size, left, .. } = self;
            let what = format!("the file has become shorter: {left} of its {size} bytes are gone");
            return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
        }
        self.left -= n as u64;
        Ok(n)
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
    /// It is whole: from now on it is there under its name, all of it, even if the machine crashes.
    ///
    /// # Errors
    /// `AlreadyExists` where another has taken the name in the meantime; what the disk fails with.
    pub fn keep(self) -> io::Result<()> {
        let named = self.file.sync_all().and_then(|()| match self.replace {
            true => fs::rename(&self.here, &self.goal),
            // Unlike rename(2), link(2) never replaces.
            false => fs::hard_link(&self.here, &self.goal),
        });
        // The name is the folder's: it needs an fsync of the folder (fsync(2), "Description").
        let kept = named.and_then(|()| self.folder.sync_all());
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
        io::{ErrorKind, Read, Write},
        os::unix::fs::symlink,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::{Folder, Temporary, lock};

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
            "a\nb",
            "\x1b[2J",
            "\u{9b}2J",
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
        assert_eq!(folder.file("a").unwrap().size(), 5);
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
        assert_eq!(folder.file("a").unwrap().size(), 5);
    }

    #[test]
    fn only_files_that_arrived_and_whose_process_has_ended_are_removed() {
        let (here, folder) = empty();
        let _arriving = folder.receive("a", false).unwrap();
        let arriving = || {
            let names = fs::read_dir(here.path()).unwrap().flatten();
            let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        for name in [
            ".incoming-notes",
            ".incoming-1",
            ".incoming-1-x",
            "incoming-1-0",
        ] {
            fs::write(here.path().join(name), "mine").unwrap();
        }
        fs::create_dir(here.path().join(".incoming-1-1")).unwrap();
        symlink(".incoming-notes", here.path().join(".incoming-1-2")).unwrap();
        mkfifo(&here.path().join(".incoming-1-3"), Mode::S_IRWXU).unwrap();
        let stay = arriving();
        fs::write(here.path().join(".incoming-1-0"), "left over").unwrap();
        Folder::open(here.path()).unwrap();
        assert_eq!(arriving(), stay);
    }

    /// Two processes that open the folder may see the same file: one removes it, and a third
    /// receives a file of that name.
    #[test]
    fn a_lock_is_of_the_file_that_has_the_name_now() {
        let (here, _folder) = empty();
        let path = here.path().join(".incoming-1-0");
        let seen = fs::File::create(&path).unwrap();
        fs::rename(&path, here.path().join("elsewhere")).unwrap();
        assert!(lock(seen.try_clone().unwrap(), &path).unwrap().is_none());
        let new = fs::File::create(&path).unwrap();
        assert!(lock(seen, &path).unwrap().is_none());
        let locked = lock(new, &path).unwrap();
        assert!(locked.is_some());
        let again = fs::File::open(&path).unwrap();
        assert!(lock(again, &path).unwrap().is_none());
    }

    /// Eight threads receive files while another opens the folder again and again.
    #[test]
    fn a_file_that_has_just_been_created_is_not_removed_as_left_over() {
        let (here, folder) = empty();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let opener = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    Folder::open(here.path()).unwrap();
                }
            });
            let receivers: Vec<_> = (0..8)
                .map(|number| {
                    let folder = &folder;
                    scope.spawn(move || {
                        for _ in 0..50 {
                            let name = format!("file {number}");
                            folder.receive(&name, true).unwrap().keep().unwrap();
                        }
                    })
                })
                .collect();
            let received: Vec<_> = receivers.into_iter().map(|thread| thread.join()).collect();
            over.store(true, Ordering::Relaxed);
            opener.join().unwrap();
            assert!(received.iter().all(Result::is_ok));
        });
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 8);
    }

    #[test]
    fn a_file_is_sent_as_long_as_it_was_or_not_at_all() {
        let (here, folder) = empty();
        let path = here.path().join("a");
        let sent_with = |len: u64| {
            fs::write(&path, "bytes").unwrap();
            let mut outgoing = folder.file("a").unwrap();
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(len).unwrap();
            let mut sent = Vec::new();
            outgoing.read_to_end(&mut sent).map(|_| sent)
        };
        assert_eq!(sent_with(5).unwrap(), b"bytes");
        assert_eq!(sent_with(9).unwrap(), b"bytes");
        let short = sent_with(4).unwrap_err();
        assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
        assert!(short.to_string().contains("1 of its 5 bytes"), "{short}");
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
