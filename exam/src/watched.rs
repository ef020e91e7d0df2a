//! The part of the kernel's table that an exam is about: the rows of the ports that it watches.

use std::{io, os::fd::AsFd};

use socket_workshop::table::{Kernel, State, Table};

use socket2::{SockRef, Type};

use super::{Exam, Unmet, Verdict, evidence::sockets_by_inode};

impl Exam {
    /// The evidence shall show the sockets with this one's port. If it is a UDP socket: all of these
    /// that this process has, for the answer may take any port.
    pub fn watches(&self, socket: &impl AsFd) {
        let socket = SockRef::from(socket);
        if matches!(socket.r#type(), Ok(Type::DGRAM)) {
            return self.udp.set(true);
        }
        let addr = socket.local_addr();
        if let Some(addr) = addr.ok().and_then(|addr| addr.as_socket()) {
            self.watches_port(addr.port());
        }
    }

    /// The evidence shall show the sockets with this port.
    pub fn watches_port(&self, port: u16) {
        if port == 0 || self.ports.borrow().contains(&port) {
            return;
        }
        let mut kernel = self.kernel.borrow_mut();
        let table = kernel.as_mut().map(|kernel| kernel.table_of(&[port]));
        let rows = table.and_then(Result::ok).unwrap_or_default().rows;
        // What others have left at this port, or are still closing.
        let ours = sockets_by_inode();
        let old = rows.iter().filter(|row| match row.state {
            State::Listen => false,
            State::SynRecv | State::Established if row.inode == 0 => false, // not accepted yet
            _ => !ours.contains_key(&row.inode),
        });
        self.old.borrow_mut().extend(old.map(|row| row.end()));
        self.ports.borrow_mut().push(port);
    }

    /// The kernel's rows of the ports that are watched.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub fn table(&self) -> Verdict<Table> {
        let table = self.read_table(Kernel::table_of)?;
        self.just_read.replace(Some(table.clone()));
        Ok(table)
    }

    /// As [`Exam::table`], with the figures of TCP_INFO. Not while a thread of the student's is looked
    /// at: it may have to wait for this.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub fn table_with_info(&self) -> Verdict<Table> {
        self.read_table(Kernel::table_of_with_info)
    }

    /// The UDP sockets of this process, the answer's and the exam's.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub fn udp_table(&self) -> Verdict<Table> {
        let table = self.kernel.borrow_mut().as_mut().map(Kernel::udp_table);
        let mut table = readable(table)?;
        let ours = sockets_by_inode();
        table.rows.retain(|row| ours.contains_key(&row.inode));
        Ok(table)
    }

    /// The rows that the evidence shows.
    pub(super) fn sockets(&self) -> Verdict<Table> {
        let tcp = self.table()?;
        match self.udp.get() {
            true => Ok(tcp.and(self.udp_table()?)),
            false => Ok(tcp),
        }
    }

    fn read_table(&self, read: fn(&mut Kernel, &[u16]) -> io::Result<Table>) -> Verdict<Table> {
        let ports = self.ports.borrow();
        let mut kernel = self.kernel.borrow_mut();
        let mut table = readable(kernel.as_mut().map(|kernel| read(kernel, &ports)))?;
        table
            .rows
            .retain(|row| !self.old.borrow().contains(&row.end()));
        Ok(table)
    }

    /// The rows of these ports, watched or not.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub(super) fn table_of(&self, ports: &[u16], with_info: bool) -> Verdict<Table> {
        let read = match with_info {
            true => Kernel::table_of_with_info,
            false => Kernel::table_of,
        };
        let mut kernel = self.kernel.borrow_mut();
        readable(kernel.as_mut().map(|kernel| read(kernel, ports)))
    }

    /// All rows of this machine.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub(super) fn whole_table(&self) -> Verdict<Table> {
        readable(self.kernel.borrow_mut().as_mut().map(Kernel::table))
    }

    /// Whether datagrams pass in this check.
    pub(super) fn watches_datagrams(&self) -> bool {
        self.udp.get()
    }
}

/// The table that was read, if there is one.
fn readable(table: Option<io::Result<Table>>) -> Verdict<Table> {
    match table {
        Some(Ok(table)) => Ok(table),
        Some(Err(error)) => Err(Unmet::not_here(format!(
            "cannot read the socket table: {error}"
        ))),
        None => Err(Unmet::not_here("there is no socket table to read")),
    }
}
