//! One direction of a connection, look by look: what stands in the sender's Send-Q and the
//! receiver's Recv-Q, and the window between them; and a picture of that.

use std::{fs, io};

use crate::{
    counters::counter,
    plot::Plot,
    table::{End, Kernel},
};

/// The queues of one direction, each time somebody looked.
#[derive(Debug)]
pub struct Queues {
    kernel: Option<Kernel>,
    sender: End,
    looks: Vec<Look>,
}

/// What the kernel showed of both ends, one right after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The sender's: bytes written that are not acknowledged.
    pub send_q: u32,
    /// The receiver's: bytes that have come and are not read.
    pub recv_q: u32,
    /// How much more the receiver takes, as the sender was told last; `None` as for
    /// [`Row::window`](crate::table::Row::window).
    pub window: Option<u32>,
}

impl Queues {
    /// The direction that begins at this end. Where there is no table to
    /// read, there will be no looks.
    #[must_use]
    pub fn of(sender: End) -> Queues {
        Queues {
            kernel: Kernel::open().ok(),
            sender,
            looks: Vec::new(),
        }
    }

    /// Looks, and keeps what is seen. `None` where there is no table, or no such connection in it.
    ///
    /// # Errors
    /// The table could be read before, and now it cannot.
    pub fn look(&mut self) -> io::Result<Option<Look>> {
        let Some(kernel) = &mut self.kernel else {
            return Ok(None);
        };
        let sender = kernel.row_with_info(self.sender)?;
        let receiver = kernel.row_with_info(self.sender.other())?;
        let look = sender.zip(receiver).map(|(sender, receiver)| Look {
            send_q: sender.send_q,
            recv_q: receiver.recv_q,
            window: sender.window,
        });
        self.looks.extend(look);
        Ok(look)
    }

    /// All that was seen, oldest first.
    #[must_use]
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// The window of the first look.
    #[must_use]
    pub fn first_window(&self) -> Option<u32> {
        self.looks.first()?.window
    }

    /// The window of the last look.
    #[must_use]
    pub fn window(&self) -> Option<u32> {
        self.looks.last()?.window
    }

    /// How many bytes the receiver had not read at the last look.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.looks.last().map_or(0, |look| look.recv_q as usize)
    }

    /// A column for each look.
    #[must_use]
    pub fn plot(&self) -> Plot<'static> {
        let panel = |of: fn(&Look) -> u32| self.looks.iter().map(of);
        Plot::default()
            .panel("Send-Q", panel(|look| look.send_q))
            .panel("window", panel(|look| look.window.unwrap_or(0))) // 0 where it is not told
            .panel("Recv-Q", panel(|look| look.recv_q))
    }
}

/// How often a kernel that had something to send has asked whether a closed window has opened:
/// TcpExtTCPWinProbe, as `nstat -az` shows it. All connections of the network namespace move it.
/// `None` where the kernel does not report it (Linux before 4.0).
#[must_use]
pub fn window_probes() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    counter(&text, "TcpExt", "TCPWinProbe")
}

#[cfg(test)]
mod tests {
    use super::Queues;
    use crate::{deadline::Deadline, peer::connected};
    use std::{io::Write, net::TcpListener, time::Duration};

    #[test]
    fn bytes_that_are_not_read_stand_in_recv_q_and_the_window_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut client, _server, end) = connected(&listener).unwrap();
        let mut queues = Queues::of(end);
        client.write_all(b"hello").unwrap();
        let seen = Deadline::after(Duration::from_secs(5)).wait_for(|| {
            let look = queues.look()?;
            Ok(look.filter(|look| (look.send_q, look.recv_q) == (0, 5)))
        });
        let look = seen.unwrap().expect("both ends are in the table");
        assert!(look.window.is_none_or(|window| window > 0));
        assert_eq!(queues.looks().last(), Some(&look));
        assert!(queues.plot().to_string().contains("\nRecv-Q, up to 5\n"));
    }
}
