//! The part of the kernel's table that an exam is about: the rows of the ports that it watches.

use std::{io, os::fd::AsFd};

use socket_workshop::table::{End, Kernel, Neighbourhood, Row, State, Table};

use socket2::{SockRef, Type};

use super::{CheckError, Exam, Verdict, evidence::sockets_by_inode};

impl Exam {
    /// The evidence shall show the sockets with this one's port. If it is a UDP socket: all of
    /// these that this process has, for the answer may take any port.
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
        let mut neighbourhood = self.neighbourhood.borrow_mut();
        if port == 0 || neighbourhood.ports().contains(&port) {
            return;
        }
        let mut kernel = self.kernel.borrow_mut();
        let table = kernel
            .as_mut()
            .map(|kernel| neighbourhood.watch_from_now(kernel, port));
        let rows = table.and_then(Result::ok).unwrap_or_default().rows;
        // What others have left at this port, or are still closing.
        let ours = sockets_by_inode();
        let old = rows.iter().filter(|row| match row.state {
            State::Listen => false,
            State::SynRecv | State::Established if row.inode == 0 => false, // not accepted yet
            _ => !ours.contains_key(&row.inode),
        });
        self.old.borrow_mut().extend(old.map(|row| row.end()));
        neighbourhood.watch(&[port]); // also where there is no table to read
    }

    /// This connection is new. Its ends may have the addresses of an earlier one whose row in
    /// TIME_WAIT was there before the check (tcp(7), tcp_tw_reuse). From now on they are the
    /// check's.
    pub fn has_opened(&self, end: End) {
        let mut old = self.old.borrow_mut();
        old.retain(|old| *old != end && *old != end.other());
    }

    /// The kernel's rows of the ports that are watched.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub fn table(&self) -> Verdict<Table> {
        let table = self.read_table(Neighbourhood::complete, false)?;
        self.just_read.replace(Some(table.clone()));
        Ok(self.watched(table))
    }

    /// As [`Exam::table`], with the figures of TCP_INFO. Not while a thread of the student's is
    /// looked at: it may have to wait for this.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub fn table_with_info(&self) -> Verdict<Table> {
        let table = self.read_table(Neighbourhood::complete, true)?;
        Ok(self.watched(table))
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
        let tcp = self.watched(self.read_table(Neighbourhood::dump, false)?);
        match self.udp.get() {
            true => Ok(tcp.and(self.udp_table()?)),
            false => Ok(tcp),
        }
    }

    /// As [`Exam::table`], but it may miss a connection that has come and gone since the last look.
    pub(super) fn quick_table(&self) -> Verdict<Table> {
        let table = self.read_table(Neighbourhood::look, false)?;
        self.just_read.replace(Some(table.clone()));
        Ok(self.watched(table))
    }

    /// The watched rows, and those of all other TCP sockets of this process, as a wait looks at
    /// them. What moves in a connection between two sockets of other processes, which may have a
    /// port of this one's, proves nothing.
    pub(super) fn all_sockets(&self, with_info: bool) -> Verdict<Table> {
        let mut table = match self.just_read.take() {
            // `ask` has read it since the look before: a proof takes three looks, and between the
            // second and the third all sockets are read after all threads.
            Some(table) if !with_info => table,
            _ => self.read_table(Neighbourhood::look, with_info)?,
        };
        let neighbourhood = self.neighbourhood.borrow();
        drop_others_connections(&mut table, |inode| neighbourhood.holds(inode));
        Ok(table)
    }

    /// Whether a dump shows connections that the looks of a wait have not known.
    pub(super) fn has_missed_sockets(&self) -> bool {
        let mut kernel = self.kernel.borrow_mut();
        let mut neighbourhood = self.neighbourhood.borrow_mut();
        let missed = kernel
            .as_mut()
            .map(|kernel| neighbourhood.has_missed(kernel));
        missed.and_then(Result::ok) == Some(true)
    }

    /// The rows of the neighbourhood, but for what was there before the check.
    fn read_table(
        &self,
        read: fn(&mut Neighbourhood, &mut Kernel, bool) -> io::Result<Table>,
        with_info: bool,
    ) -> Verdict<Table> {
        let mut kernel = self.kernel.borrow_mut();
        let mut neighbourhood = self.neighbourhood.borrow_mut();
        let table = kernel
            .as_mut()
            .map(|kernel| read(&mut neighbourhood, kernel, with_info));
        let mut table = readable(table)?;
        table
            .rows
            .retain(|row| !self.old.borrow().contains(&row.end()));
        Ok(table)
    }

    /// The rows of the ports that are watched. Without a port there are none.
    fn watched(&self, table: Table) -> Table {
        match self.neighbourhood.borrow().ports() {
            [] => Table::default(),
            ports => table.of_ports(ports),
        }
    }

    /// Whether datagrams pass in this check.
    pub(super) fn watches_datagrams(&self) -> bool {
        self.udp.get()
    }
}

/// Removes the connections between two sockets of other processes: they may have a port that one of
/// these sockets has, or had.
pub(super) fn drop_others_connections(table: &mut Table, is_ours: impl Fn(u32) -> bool) {
    let is_others =
        |row: &&Row| row.inode != 0 && row.state != State::Listen && !is_ours(row.inode);
    let others: Vec<End> = table.rows.iter().filter(is_others).map(Row::end).collect();
    table
        .rows
        .retain(|row| !(is_others(&row) && others.contains(&row.end().other())));
}

/// The table that was read, if there is one.
fn readable(table: Option<io::Result<Table>>) -> Verdict<Table> {
    match table {
        Some(Ok(table)) => Ok(table),
        Some(Err(error)) => Err(CheckError::skipped(format!(
            "cannot read the socket table: {error}"
        ))),
        None => Err(CheckError::skipped("there is no socket table to read")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use socket_workshop::{peer::connected, table::Kernel};

    use super::drop_others_connections;

    #[test]
    fn a_connection_is_kept_if_an_end_of_it_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_client, _server, end) = connected(&listener).unwrap();
        let table = Kernel::open().unwrap().table().unwrap();
        let inode = |end| table.find(end).expect("both are open").inode;
        let (client, server) = (inode(end), inode(end.other()));
        let left = |ours: &[u32]| {
            let mut table = table.clone();
            drop_others_connections(&mut table, |inode| ours.contains(&inode));
            [end, end.other()].map(|end| table.find(end).is_some())
        };
        assert_eq!(left(&[]), [false, false]);
        assert_eq!(left(&[server]), [true, true]);
        assert_eq!(left(&[client]), [true, true]);
    }
}
