//! Reads the stacks of another process's threads: ptrace(2) for the registers, framehop to unwind.
//!
//! A thread is stopped while its stack is unwound, about a tenth of a millisecond, and then
//! continues. Its system call is restarted, but for those that Linux does not restart (signal(7),
//! "Interruption of system calls and library functions by stop signals"): `epoll_wait`, and `recv`
//! and `accept` with a timeout, return EINTR.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Cursor, Read, Seek},
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use framehop::{FrameAddress, Module, ModuleSectionInfo, Unwinder as _};
use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Options},
        signal::Signal,
    },
    unistd::Pid,
};

use super::{super::NotSeen, arch, elf::Elf};

/// A thread that has not stopped by then is left out: it is in a system call that cannot be
/// interrupted (state D).
const STOPS_WITHIN: Duration = Duration::from_millis(500);

/// Unless it is still waiting for a CPU: a thread needs its turn to stop,
/// which takes long on a busy machine.
const STARVES_AT_MOST: Duration = Duration::from_secs(5);

/// Between two looks whether the threads have stopped, at first and at most.
const LOOK_AGAIN: [Duration; 2] = [Duration::from_micros(100), Duration::from_millis(10)];

/// The most frames that are read of a stack. Even in an endless recursion
/// the student's code is among them.
const FRAMES: usize = 256;

/// The stack of a thread.
pub(super) struct Stack {
    pub(super) tid: i32,
    pub(super) thread: String,
    /// The system call in which it was stopped, as in [`Place`](crate::place::Place).
    pub(super) call: Option<i64>,
    /// Addresses in the program file, the innermost first. Frames of shared libraries are left out.
    pub(super) frames: Vec<u64>,
}

/// The stacks of all threads of a process. The calling thread is their
/// tracer. A thread that did not stop in time cannot be detached; the
/// kernel detaches it when the calling thread ends (ptrace(2)).
pub(super) fn stacks(pid: Pid) -> Result<Vec<Stack>, NotSeen> {
    let memory = Memory::open(pid).map_err(|error| NotSeen::refused(pid, &error))?;
    let mut process = Process::read(pid, memory).map_err(|error| NotSeen::refused(pid, &error))?;
    let mut seized = seize(pid)?;
    let (since, mut pause) = (Instant::now(), LOOK_AGAIN[0]);
    let mut stacks = Vec::new();
    loop {
        seized.retain(|thread| match thread.stopped() {
            Ok(false) => true,
            Ok(true) => {
                stacks.extend(process.walk(thread.0));
                false // dropped: it continues
            }
            Err(_) => false,
        });
        let limit = match seized.iter().any(Seized::starves) {
            true => STARVES_AT_MOST,
            false => STOPS_WITHIN,
        };
        if seized.is_empty() || since.elapsed() > limit {
            break;
        }
        // There is no way to wait for a stop with a limit: ptrace(2) knows `waitpid` only.
        thread::sleep(pause);
        pause = (pause * 2).min(LOOK_AGAIN[1]);
    }
    stacks.sort_by_key(|stack| stack.tid);
    Ok(stacks)
}

/// A thread that we trace. Dropped, it is detached and continues.
struct Seized(Pid);

/// Seizes each thread and asks it to stop.
fn seize(pid: Pid) -> Result<Vec<Seized>, NotSeen> {
    let (mut seized, mut refused) = (Vec::new(), None);
    for task in fs::read_dir(format!("/proc/{pid}/task")).map_err(|_| NotSeen::ended())? {
        let name = task.map_err(|_| NotSeen::ended())?.file_name();
        let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let thread = Pid::from_raw(thread);
        match ptrace::seize(thread, Options::empty()) {
            Ok(()) => seized.push(Seized(thread)),
            Err(error) => {
                refused = Some(error); // EPERM also for a thread that is exiting
                continue;
            }
        }
        let _ = ptrace::interrupt(thread); // fails only if it has ended
    }
    match refused {
        Some(error) if seized.is_empty() => Err(NotSeen::refused(pid, &error.into())),
        _ => Ok(seized),
    }
}

impl Seized {
    /// Whether it has stopped. Not by `waitpid`: a thread of ours that waits for the same child
    /// could consume the status first.
    fn stopped(&self) -> nix::Result<bool> {
        match ptrace::getsiginfo(self.0) {
            // For a thread that is seized this includes a stop by SIGSTOP (ptrace(2)).
            Ok(_) => Ok(true),
            Err(Errno::ESRCH) if Path::new(&format!("/proc/{}", self.0)).exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether it runs, or would if it had a CPU (state R; proc_pid_stat(5)).
    fn starves(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        let after_the_name = stat.rsplit(')').next();
        after_the_name.is_some_and(|fields| fields.starts_with(" R"))
    }

    /// The signal whose delivery stopped the thread before our request did. It must be passed on.
    fn signal(&self) -> Option<Signal> {
        /// PTRACE_EVENT_STOP, in the second byte of `si_code`: the stop that we have asked for.
        const OURS: i32 = 128;
        let info = ptrace::getsiginfo(self.0).ok()?;
        if info.si_code >> 8 == OURS {
            return None;
        }
        Signal::try_from(info.si_signo).ok()
    }
}

impl Drop for Seized {
    fn drop(&mut self) {
        let _ = ptrace::detach(self.0, self.signal()); // fails only if it runs, or has ended
    }
}

/// What is needed to unwind the stacks of a process.
struct Process {
    memory: Memory,
    unwinder: arch::Unwinder<Vec<u8>, framehop::MayAllocateDuringUnwind>,
    cache: arch::Cache<framehop::MayAllocateDuringUnwind>,
    /// Where the program is mapped, and its load bias: memory address minus file address.
    program: Range<u64>,
    bias: u64,
}

impl Process {
    /// Reads the mappings, and the unwind information of each mapped file.
    fn read(pid: Pid, memory: Memory) -> io::Result<Process> {
        let executable = fs::read_link(format!("/proc/{pid}/exe"))?;
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let mut process = Process {
            memory,
            unwinder: arch::Unwinder::new(),
            cache: arch::Cache::new(),
            program: 0..0,
            bias: 0,
        };
        for (name, mapped) in executables(&maps) {
            if name == "[vdso]" {
                // The kernel's code for reading a clock without a system call. It is in no file.
                let bytes = process.memory.bytes(&mapped.whole)?;
                process.add(name, &mapped, Elf::read(Cursor::new(bytes))?);
            } else if Path::new(name) == executable {
                // This path works even if the file has been rebuilt since.
                let file = Elf::open(format!("/proc/{pid}/exe").as_ref())?;
                process.bias = process.add(name, &mapped, file).unwrap_or(0);
                process.program = mapped.whole;
            } else if let Ok(file) = Elf::open(name.as_ref()) {
                process.add(name, &mapped, file);
            }
        }
        Ok(process)
    }

    /// Adds the unwind information of an ELF file, and returns its load bias.
    fn add(&mut self, name: &str, mapped: &Mapped, elf: Elf<impl Read + Seek>) -> Option<u64> {
        let bias = elf.bias(mapped.file_offset, &mapped.code)?;
        let module = Module::new(name.to_owned(), mapped.whole.clone(), bias, Sections(elf));
        self.unwinder.add_module(module);
        Some(bias)
    }

    /// The stack of a stopped thread, unless it has ended.
    fn walk(&mut self, thread: Pid) -> Option<Stack> {
        let (at, registers) = arch::registers(thread).ok()?;
        let name = fs::read_to_string(format!("/proc/{thread}/comm")).ok()?;
        self.memory.pages.clear(); // other threads have run since
        let (memory, mut frames) = (&mut self.memory, Vec::new());
        let mut read = |address| memory.word(address).ok_or(());
        let mut callers = self
            .unwinder
            .iter_frames(at, registers, &mut self.cache, &mut read);
        // An error ends the stack: there is no unwind information for the next frame.
        while let Ok(Some(frame)) = callers.next()
            && frames.len() < FRAMES
        {
            frames.push(frame);
        }
        let of_the_program = |frame: FrameAddress| {
            // A return address is that of the next instruction, which may belong to another line.
            let address = frame.address_for_lookup();
            let inside = self.program.contains(&address);
            inside.then(|| address.wrapping_sub(self.bias))
        };
        Some(Stack {
            tid: thread.as_raw(),
            thread: name.trim_end().to_owned(),
            call: call(thread),
            frames: frames.into_iter().filter_map(of_the_program).collect(),
        })
    }
}

/// The number of the system call that a stopped thread is in, or -1 (proc_pid_syscall(5)). `None`
/// where the kernel does not say.
fn call(thread: Pid) -> Option<i64> {
    let call = fs::read_to_string(format!("/proc/{thread}/syscall")).ok()?;
    match call.split_whitespace().next()? {
        "running" => Some(-1),
        number => number.parse().ok(),
    }
}

/// Where a file is mapped.
struct Mapped {
    whole: Range<u64>,
    /// The first part that can be executed, and from where in the file it is.
    code: Range<u64>,
    file_offset: u64,
}

/// What can be executed, by its name in `/proc/PID/maps` (proc_pid_maps(5)).
fn executables(maps: &str) -> BTreeMap<&str, Mapped> {
    let mut files = BTreeMap::new();
    for line in maps.lines() {
        let Some((range, permissions, file_offset, name)) = mapping(line) else {
            continue;
        };
        let file = files.entry(name).or_insert(Mapped {
            whole: range.clone(),
            code: 0..0,
            file_offset,
        });
        file.whole.end = range.end;
        if permissions.contains('x') && file.code.is_empty() {
            (file.code, file.file_offset) = (range, file_offset);
        }
    }
    files.retain(|_, file| !file.code.is_empty());
    files
}

/// The addresses, the permissions, the offset in the file and the name of a line of the maps, if it
/// has a name.
fn mapping(line: &str) -> Option<(Range<u64>, &str, u64, &str)> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let offset = fields.next()?;
    let name = fields.nth(2)?.trim_start();
    let number = |text| u64::from_str_radix(text, 16).ok();
    (!name.is_empty()).then_some(())?;
    Some((
        number(start)?..number(end)?,
        permissions,
        number(offset)?,
        name,
    ))
}

/// The sections that framehop asks for.
struct Sections<R>(Elf<R>);

impl<R: Read + Seek> ModuleSectionInfo<Vec<u8>> for Sections<R> {
    fn base_svma(&self) -> u64 {
        0
    }

    fn section_svma_range(&mut self, name: &[u8]) -> Option<Range<u64>> {
        self.0.addresses(str::from_utf8(name).ok()?)
    }

    fn section_data(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        // framehop asks for the instructions too, but needs them on macOS only.
        let unwinds = name.starts_with(b".eh_frame") || name == b".debug_frame";
        self.0.bytes(str::from_utf8(name).ok().filter(|_| unwinds)?)
    }
}

/// The memory of a process.
struct Memory {
    file: File,
    /// The pages of a stack that were read, by address; `None` where nothing is mapped.
    pages: HashMap<u64, Option<Box<[u8; PAGE as usize]>>>,
}

/// How much of a stack is read at once.
const PAGE: u64 = 4096;

impl Memory {
    fn open(pid: Pid) -> io::Result<Memory> {
        Ok(Memory {
            file: File::open(format!("/proc/{pid}/mem"))?,
            pages: HashMap::new(),
        })
    }

    /// Eight bytes of a stack, unless nothing is mapped there.
    fn word(&mut self, address: u64) -> Option<u64> {
        let offset = (address % PAGE) as usize;
        let file = &self.file;
        let page = self
            .pages
            .entry(address - address % PAGE)
            .or_insert_with_key(|start| {
                let mut page = Box::new([0; PAGE as usize]);
                file.read_exact_at(&mut *page, *start).ok()?;
                Some(page)
            });
        let bytes = page.as_ref()?.get(offset..offset + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    fn bytes(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::executables;

    #[test]
    fn a_file_is_where_all_its_parts_are_and_what_cannot_run_is_left_out() {
        let maps = "\
55d0c0e00000-55d0c0e10000 r--p 00000000 fe:00 1    /tmp/a program
55d0c0e10000-55d0c0e30000 r-xp 00010000 fe:00 1    /tmp/a program
55d0c0e30000-55d0c0e31000 rw-p 00030000 fe:00 1    /tmp/a program
7f0000000000-7f0000001000 rw-p 00000000 00:00 0    
7f0000001000-7f0000002000 r--p 00000000 fe:00 2    /etc/locale
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0    [vdso]
";
        let files = executables(maps);
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            [&"/tmp/a program", &"[vdso]"]
        );
        let program = &files["/tmp/a program"];
        assert_eq!(program.whole, 0x55d0c0e00000..0x55d0c0e31000);
        assert_eq!(program.code, 0x55d0c0e10000..0x55d0c0e30000);
        assert_eq!(program.file_offset, 0x10000);
    }
}
