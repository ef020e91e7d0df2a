//! What the student's threads wait for in poll and epoll: more than the call's name says.

use std::fs;

use socket_workshop::threads::{Call, SystemCall};

use super::{Exam, Verdict, or_skip, threads::students};

impl Exam {
    /// What the student's threads wait for in poll and epoll, as `/proc/pid/fd` names it:
    /// `socket:[123]`. `None` if one waits in a call of which the kernel does not show that
    /// (select).
    ///
    /// # Errors
    /// The kernel does not show the threads.
    pub fn polled(&self) -> Verdict<Option<Vec<String>>> {
        let threads = or_skip("look at threads", students())?;
        Ok(targets(threads.iter().filter_map(|thread| thread.call)))
    }
}

/// What those of the calls wait for that are poll or epoll_wait.
fn targets(calls: impl Iterator<Item = SystemCall>) -> Option<Vec<String>> {
    let polls = calls.filter(|call| call.call() == Call::Poll);
    let fds: Option<Vec<Vec<i32>>> = polls.map(|call| call.polled()).collect();
    let link = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
    let links = fds?.into_iter().flatten().filter_map(link);
    let names = links.map(|target| target.to_string_lossy().into_owned());
    Some(names.collect())
}

#[cfg(test)]
mod tests {
    use std::{
        net::UdpSocket,
        os::{fd::AsFd, unix::net::UnixStream},
        thread,
        time::Duration,
    };

    use nix::{
        poll::{PollFd, PollFlags, PollTimeout, poll},
        sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    };
    use socket_workshop::{
        deadline::Deadline,
        threads::{Call, others},
    };

    use super::targets;
    use crate::inode_of;

    /// What a thread of this name waits for, as soon as it is blocked in poll or epoll.
    fn targets_of(name: &str) -> Vec<String> {
        let look = || {
            let mut threads = others()?.into_iter().filter(|thread| thread.name == name);
            let call = threads.find_map(|thread| thread.call);
            Ok(call.filter(|call| call.call() == Call::Poll))
        };
        let call = Deadline::after(Duration::from_secs(20)).wait_for(look);
        let call = call.unwrap().expect("the thread blocks");
        targets([call].into_iter()).expect("the kernel shows them")
    }

    fn target(socket: &impl AsFd) -> String {
        format!("socket:[{}]", inode_of(socket).unwrap())
    }

    #[test]
    fn poll_waits_for_the_descriptors_in_its_array() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut expected = vec![target(&theirs), target(&other)];
        let body = move || {
            let fd = |fd| PollFd::new(fd, PollFlags::POLLIN);
            let mut fds = [fd(theirs.as_fd()), fd(other.as_fd())];
            poll(&mut fds, PollTimeout::NONE)
        };
        let thread = thread::Builder::new().name("t-poll".to_owned());
        let thread = thread.spawn(body).unwrap();
        let mut seen = targets_of("t-poll");
        drop(ours); // end of file wakes it
        assert_eq!(thread.join().unwrap(), Ok(1));
        expected.sort();
        seen.sort();
        assert_eq!(seen, expected);
    }

    #[test]
    fn epoll_waits_for_the_descriptors_that_were_added_to_it() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        let event = EpollEvent::new(EpollFlags::EPOLLIN, 0);
        epoll.add(&theirs, event).unwrap();
        let expected = target(&theirs);
        let body = move || epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE);
        let thread = thread::Builder::new().name("t-epoll".to_owned());
        let thread = thread.spawn(body).unwrap();
        let seen = targets_of("t-epoll");
        drop(ours); // end of file wakes it
        assert_eq!(thread.join().unwrap(), Ok(1));
        assert_eq!(seen, [expected]);
        drop(theirs);
    }

    #[test]
    fn poll_waits_for_what_an_epoll_in_its_array_watches() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        let event = EpollEvent::new(EpollFlags::EPOLLIN, 0);
        epoll.add(&theirs, event).unwrap();
        let expected = target(&theirs);
        let body = move || {
            let mut fds = [PollFd::new(epoll.0.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::NONE)
        };
        let thread = thread::Builder::new().name("t-nested".to_owned());
        let thread = thread.spawn(body).unwrap();
        let seen = targets_of("t-nested");
        drop(ours); // end of file wakes it
        assert_eq!(thread.join().unwrap(), Ok(1));
        assert!(seen.contains(&expected), "{seen:?}");
        drop(theirs);
    }
}
