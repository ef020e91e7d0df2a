//! By the workshop's deadlines: one for each pause, and none beyond the limit's.

use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let timeout = socket.read_timeout();
    let answer = tries(Deadline::after(limit), socket, request, number);
    socket.set_read_timeout(timeout?)?;
    answer
}

fn tries(over: Deadline, socket: &UdpSocket, request: &[u8], number: u32) -> io::Result<Vec<u8>> {
    let number = number.to_be_bytes();
    let mut pause = Duration::from_millis(50);
    loop {
        over.remaining()?;
        socket.send(&[&number[..], request].concat())?;
        let again = Deadline::after(pause).min(over);
        match answered(again, socket, number) {
            Err(error) if error.kind() == ErrorKind::TimedOut => pause *= 2,
            answer => return answer,
        }
    }
}

fn answered(by: Deadline, socket: &UdpSocket, number: [u8; 4]) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; 65_535];
    loop {
        let n = by.recv(socket, &mut buf)?;
        if let Some(text) = buf[..n].strip_prefix(&number) {
            return Ok(text.to_vec());
        }
    }
}
