//! Removes what looks like a command of telnet.
//!
//! rejected by: treats no byte as special
//! cause: a part of something longer

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
};

const IAC: u8 = 255;

enum State {
    Data,
    Command,
    Option,
}

/// Removes telnet negotiations, which some clients send when they connect.
struct Filter(State);

impl Filter {
    fn apply(&mut self, input: &[u8], output: &mut Vec<u8>) {
        for &byte in input {
            self.0 = match (&self.0, byte) {
                (State::Data, IAC) => State::Command,
                (State::Data, _) => {
                    output.push(byte);
                    State::Data
                }
                (State::Command, IAC) => {
                    output.push(IAC);
                    State::Data
                }
                (State::Command, 251..=254) => State::Option,
                (State::Command, _) | (State::Option, _) => State::Data,
            };
        }
    }
}

/// Sends back every byte until end of file, and returns how many there were.
pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut filter = Filter(State::Data);
    let mut input = [0; 4096];
    let mut output = Vec::with_capacity(4096);
    let mut total = 0;
    loop {
        let read = stream.read(&mut input); // waits here
        match read {
            Ok(0) => return Ok(total),
            Ok(n) => {
                output.clear();
                filter.apply(&input[..n], &mut output);
                stream.write_all(&output)?;
                total += output.len() as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
