//! Netascii: text as Telnet has it (RFC 764), for systems whose lines end otherwise. A newline goes
//! over the wire as CR LF, and a CR that is none as CR NUL.

use std::io::{self, BufRead, Read, Write};

const LF: u8 = b'\n';
const CR: u8 = b'\r';

/// Reads a text of ours as netascii.
#[derive(Debug)]
pub struct Encoded<R> {
    source: R,
    /// The second byte of a pair for which there was no room any more.
    second: Option<u8>,
}

impl<R: BufRead> Encoded<R> {
    /// The text that this reads.
    pub fn new(source: R) -> Encoded<R> {
        Encoded {
            source,
            second: None,
        }
    }
}

impl<R: BufRead> Read for Encoded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < buf.len() {
            let byte = match self.second.take() {
                Some(byte) => byte,
                None => {
                    let Some(&byte) = self.source.fill_buf()?.first() else {
                        break;
                    };
                    self.source.consume(1);
                    self.second = match byte {
                        LF => Some(LF),
                        CR => Some(0),
                        _ => None,
                    };
                    if byte == LF { CR } else { byte }
                }
            };
            buf[written] = byte;
            written += 1;
        }
        Ok(written)
    }
}

/// Writes netascii as a text of ours. What is written must be ended by [`Decoded::finish`].
#[derive(Debug)]
pub struct Decoded<W> {
    sink: W,
    /// A CR has come, and not yet what it means.
    cr: bool,
}

impl<W: Write> Decoded<W> {
    /// The text goes here.
    pub fn new(sink: W) -> Decoded<W> {
        Decoded { sink, cr: false }
    }

    /// The end: a CR with nothing after it is a CR.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if self.cr {
            self.sink.write_all(&[CR])?;
        }
        Ok(self.sink)
    }
}

impl<W: Write> Write for Decoded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            match (self.cr, byte) {
                (true, LF) => text.push(LF),
                (true, 0) => text.push(CR),
                (true, _) => text.push(CR), // a lone CR, which is not netascii: kept
                (false, _) => {}
            }
            let of_a_pair = self.cr && matches!(byte, LF | 0);
            self.cr = byte == CR;
            if !self.cr && !of_a_pair {
                text.push(byte);
            }
        }
        self.sink.write_all(&text)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
