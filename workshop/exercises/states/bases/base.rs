//! Another right answer, frozen: edits of `mistakes.diff` are made to it.

use socket_workshop::table::State::{self, *};
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// Brings the ends of a connection into these states, the client's first. Returns what stays open.
pub fn bring(
    client: TcpStream,
    server: TcpStream,
    states: (State, State),
) -> io::Result<(Option<TcpStream>, Option<TcpStream>)> {
    match states {
        (FinWait2, CloseWait) => fin(&client)?,
        (FinWait2, LastAck) => {
            fin(&client)?;
            read_to_end(&server)?; // it has the client's FIN: it is the second to close
            fin_behind_data(&server)?;
        }
        (TimeWait, Close) => {
            fin(&client)?;
            read_to_end(&server)?;
            fin(&server)?;
        }
        (FinWait1, Established) => fin_behind_data(&client)?,
        (FinWait1, FinWait1) => two_fins_behind_data(&client, &server)?,
        (Closing, FinWait2) => {
            two_fins_behind_data(&client, &server)?;
            read_to_end(&client)?; // lets the server's FIN through, and not the client's own
        }
        (TimeWait, TimeWait) => {
            two_fins_behind_data(&client, &server)?;
            read_to_end(&client)?;
            read_to_end(&server)?;
        }
        (Close, Close) => {
            // This close sends RST, and neither end keeps a row (RFC 9293, 3.10.5).
            SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
            return Ok((None, Some(server)));
        }
        (CloseWait | LastAck, FinWait2)
        | (FinWait2, Closing)
        | (Established, FinWait1)
        | (Close, TimeWait) => {
            let (server, client) = bring(server, client, (states.1, states.0))?;
            return Ok((client, server));
        }
        _ => return Err(ErrorKind::InvalidInput.into()),
    }
    Ok((Some(client), Some(server)))
}

/// Sends the FIN, or puts it behind what is still to be sent.
fn fin(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)
}

/// Writes more than the other end has room for: the rest stays here, and with it the FIN.
fn fin_behind_data(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?; // a write that blocks would wait for a reader
    let _part = stream.write(&[0; 64 << 10])?;
    stream.set_nonblocking(false)?;
    fin(stream)
}

/// Neither end has the other's FIN when it sends its own.
fn two_fins_behind_data(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    fin_behind_data(client)?;
    fin_behind_data(server)
}

/// Waits for the other end's FIN. What is read is thrown away.
fn read_to_end(mut stream: &TcpStream) -> io::Result<u64> {
    io::copy(&mut stream, &mut io::sink())
}
