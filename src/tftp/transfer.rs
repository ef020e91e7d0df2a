//! Both ends of a transfer, from its request to its last block, over a line.

use std::{
    io::{self, BufReader, BufWriter, ErrorKind, Read, Write},
    time::Duration,
};

use super::{
    Code, Line, is_peers,
    line::PATIENCE,
    netascii::{Decoded, Encoded},
    options::{Agreed, Size},
    packet::{Options, Packet},
};
use crate::folder::Folder;

/// What a server hands out, and where it puts what it is sent.
#[derive(Clone, Debug)]
pub struct Files {
    folder: Folder,
    replace: bool,
    patience: Duration,
}

impl Files {
    /// The files of a folder. Unless they may be replaced, a name that is taken is refused.
    #[must_use]
    pub fn new(folder: Folder, replace: bool) -> Files {
        Files {
            folder,
            replace,
            patience: PATIENCE,
        }
    }

    /// The same, but a transfer ends only when its client has been silent for this long; otherwise
    /// that is 30 s. It also limits the timeout that is agreed to: a packet can be sent twice.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Files {
        Files { patience, ..self }
    }

    /// What the server agrees to, and the line that it holds for.
    fn agree(&self, asked: &Options, size: Size, line: &mut Line) -> (Agreed, Options) {
        // A packet is sent, waited for, sent again and waited for twice as long.
        let (agreed, answer) = Agreed::to(asked, size, self.patience / 3);
        line.timeout = agreed.timeout.unwrap_or(line.timeout);
        (agreed, answer)
    }

    /// The server's end of a transfer, to its last packet. The request is a datagram that came to
    /// the server's port; `line` leads to the client that sent it. Returns what has been done, as a
    /// sentence.
    ///
    /// # Errors
    /// What went wrong. The peer has been sent an ERROR, unless it sent one itself.
    pub fn answer(&self, request: &[u8], line: &mut Line) -> io::Result<String> {
        line.patience = self.patience;
        let answered = match Packet::parse(request) {
            Some(Packet::Request {
                write,
                file,
                mode,
                options,
            }) => match (is_text(&mode), write) {
                (Ok(is_text), true) => self.receive(&file, is_text, &options, line),
                (Ok(is_text), false) => self.send(&file, is_text, &options, line),
                (Err(error), _) => Err(error),
            },
            // Never answered, or two servers could be made to answer each other without end.
            Some(Packet::Error { code, text }) => return Err(super::peers_error(code, &text)),
            _ => Err(io::Error::new(
                ErrorKind::InvalidData,
                "this is not a request",
            )),
        };
        tell_the_peer(answered, line)
    }

    fn send(
        &self,
        name: &str,
        is_text: bool,
        asked: &Options,
        line: &mut Line,
    ) -> io::Result<String> {
        let file = self.folder.file(name)?;
        let size = match is_text {
            true => Size::Unknown, // until it has been read
            false => Size::Known(file.size()),
        };
        let (agreed, answer) = self.agree(asked, size, line);
        if !answer.is_empty() {
            line.exchange(&Packet::OptionAck(answer), &mut |heard| {
                *heard == Packet::Ack(0)
            })?;
        }
        let file = BufReader::new(file);
        let sent = match is_text {
            true => send(line, agreed, &mut Encoded::new(file))?,
            false => send(line, agreed, &mut { file })?,
        };
        Ok(format!("{name:?} sent: {sent} bytes"))
    }

    fn receive(
        &self,
        name: &str,
        is_text: bool,
        asked: &Options,
        line: &mut Line,
    ) -> io::Result<String> {
        let mut file = self.folder.receive(name, self.replace)?;
        let size = match is_text {
            true => Size::Unknown,
            false => Size::Announced,
        };
        let (agreed, answer) = self.agree(asked, size, line);
        self.folder.has_room_for(agreed.size.unwrap_or(0))?;
        let invitation = match answer.is_empty() {
            true => Packet::Ack(0),
            false => Packet::OptionAck(answer),
        };
        let mut sink = BufWriter::new(&mut file);
        let (received, last) = match is_text {
            false => receive(line, agreed, invitation, 1, &mut sink)?,
            true => {
                let mut text = Decoded::new(&mut sink);
                let received = receive(line, agreed, invitation, 1, &mut text)?;
                text.finish()?;
                received
            }
        };
        sink.flush()?;
        drop(sink);
        file.keep()?; // before it is acknowledged: of an ACKed file nothing is missing
        line.send(&Packet::Ack(last))?;
        Ok(format!("{name:?} received: {received} bytes"))
    }
}

/// A client's end of a transfer from the server, up to the ACK of its last
/// block: how many bytes came.
///
/// # Errors
/// What went wrong. The peer has been sent an ERROR, unless it sent one itself.
pub fn get(line: &mut Line, name: &str, asked: Agreed, sink: &mut impl Write) -> io::Result<u64> {
    let got = get_all(line, name, asked, sink);
    tell_the_peer(got, line)
}

fn get_all(line: &mut Line, name: &str, asked: Agreed, sink: &mut impl Write) -> io::Result<u64> {
    let (mut answer, mut first) = (None, None);
    line.exchange(&request(false, name, &asked), &mut |heard| {
        match heard {
            Packet::OptionAck(options) => answer = Some(options.clone()),
            // A server that knows no options sends the first block at once.
            Packet::Data { block: 1, bytes } => first = Some(bytes.to_vec()),
            _ => return false,
        }
        true
    })?;
    let agreed = agree(line, asked, answer)?;
    let (received, last) = match first {
        None => receive(line, agreed, Packet::Ack(0), 1, sink)?,
        Some(bytes) => {
            take(&bytes, agreed, sink)?;
            let len = bytes.len() as u64;
            match bytes.len() < agreed.block_size.into() {
                true => (len, 1),
                false => {
                    let (more, last) = receive(line, agreed, Packet::Ack(1), 2, sink)?;
                    (len + more, last)
                }
            }
        }
    };
    line.send(&Packet::Ack(last)).and(Ok(received))
}

/// A client's end of a transfer to the server, up to the ACK of the last
/// block: how many bytes it was.
///
/// # Errors
/// What went wrong. The peer has been sent an ERROR, unless it sent one itself.
pub fn put(line: &mut Line, name: &str, asked: Agreed, source: &mut impl Read) -> io::Result<u64> {
    let put = put_all(line, name, asked, source);
    tell_the_peer(put, line)
}

fn put_all(line: &mut Line, name: &str, asked: Agreed, source: &mut impl Read) -> io::Result<u64> {
    let mut answer = None;
    line.exchange(&request(true, name, &asked), &mut |heard| {
        match heard {
            Packet::OptionAck(options) => answer = Some(options.clone()),
            Packet::Ack(0) => {} // a server that knows no options
            _ => return false,
        }
        true
    })?;
    let agreed = agree(line, asked, answer)?;
    send(line, agreed, source)
}

fn request(write: bool, name: &str, asked: &Agreed) -> Packet<'static> {
    Packet::Request {
        write,
        file: name.to_owned(),
        mode: "octet".to_owned(),
        options: asked.asked(),
    }
}

/// What holds, by the server's OACK or by the want of one.
fn agree(line: &mut Line, asked: Agreed, answer: Option<Options>) -> io::Result<Agreed> {
    let agreed = answer.map_or(Ok(Agreed::default()), |answer| asked.by(&answer))?;
    if let Some(timeout) = agreed.timeout {
        line.timeout = timeout;
    }
    Ok(agreed)
}

/// Sends all there is, block after block. The last is shorter than the others: empty, if need be.
fn send(line: &mut Line, agreed: Agreed, source: &mut impl Read) -> io::Result<u64> {
    let mut buf = vec![0; agreed.block_size.into()];
    let (mut sent, mut block) = (0, 1_u16);
    loop {
        let len = fill(source, &mut buf)?;
        let bytes = &buf[..len];
        let its_ack = Packet::Ack(block);
        line.exchange(&Packet::Data { block, bytes }, &mut |heard| {
            *heard == its_ack
        })?;
        sent += len as u64;
        if len < buf.len() {
            return Ok(sent);
        }
        block = block.wrapping_add(1); // after 65 535 comes 0
    }
}

/// Receives all there is, from this block on: how many bytes, and the number of the last block,
/// which is still to be acknowledged. `invitation` is what makes the peer send the first. It fails
/// with `InvalidData` if the bytes are not as many as both ends have agreed on.
fn receive(
    line: &mut Line,
    agreed: Agreed,
    mut invitation: Packet<'static>,
    mut next: u16,
    sink: &mut impl Write,
) -> io::Result<(u64, u16)> {
    let mut received = 0;
    loop {
        let (mut len, mut written) = (0, Ok(()));
        line.exchange(&invitation, &mut |heard| match heard {
            Packet::Data { block, bytes } if *block == next => {
                len = bytes.len();
                written = take(bytes, agreed, sink);
                true
            }
            _ => false,
        })?;
        written?;
        received += len as u64;
        let is_last = len < agreed.block_size.into();
        if let Some(size) = agreed.size
            && (received > size || is_last && received < size)
        {
            let what = format!("{received} bytes came, but the file has {size} (tsize)");
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        if is_last {
            return Ok((received, next));
        }
        invitation = Packet::Ack(next);
        next = next.wrapping_add(1);
    }
}

/// Writes a block, unless it is longer than agreed.
fn take(block: &[u8], agreed: Agreed, sink: &mut impl Write) -> io::Result<()> {
    let (len, most) = (block.len(), agreed.block_size);
    if len > most.into() {
        let what = format!("a block of {len} bytes, where {most} is the most");
        return Err(io::Error::new(ErrorKind::InvalidData, what));
    }
    sink.write_all(block)
}

/// As many bytes as there are, up to all of the buffer: a read alone may bring fewer.
fn fill(source: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buf.len() {
        match source.read(&mut buf[len..]) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

fn is_text(mode: &str) -> io::Result<bool> {
    match mode.to_ascii_lowercase().as_str() {
        "octet" => Ok(false),
        "netascii" => Ok(true),
        _ => {
            let what = format!("there is no mode {mode:?} here: octet, or netascii");
            Err(io::Error::new(ErrorKind::Unsupported, what))
        }
    }
}

/// An error of ours ends the transfer, and the peer is told by an ERROR
/// packet. An ERROR of the peer's is not answered.
fn tell_the_peer<T>(result: io::Result<T>, line: &mut Line) -> io::Result<T> {
    if let Err(error) = &result
        && !is_peers(error)
    {
        // A courtesy: this end does not wait for it to arrive.
        let _ = line.send(&Packet::error(Code::of(error), &error.to_string()));
    }
    result
}
