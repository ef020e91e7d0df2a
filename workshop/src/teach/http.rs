//! As much of HTTP/1.1 (RFC 9112) as a page on this machine needs: a request without a body, its
//! answer, and the end of the connection.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::Duration,
};

use socket_workshop::serve::Connection;

/// How long a request may take from its first byte to its last, and its answer too.
const LIMIT: Duration = Duration::from_secs(30);

/// The longest head of a request, in bytes.
const LONGEST: usize = 8 << 10;

/// A request: `GET /events?from=3`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    query: String,
}

impl Request {
    /// The value of a parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = { pairs }.find(|(other, _)| *other == name)?;
        decoded(value)
    }
}

/// `%20` and `+` are spaces. `None` if it is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Reads a request. `Err` is the answer to one that is not for this server.
///
/// # Errors
/// The connection has failed, or ended before the request did.
pub(super) fn read(
    mut browser: &Connection,
    addr: SocketAddr,
) -> io::Result<Result<Request, Answer>> {
    browser.within_message(LIMIT);
    let mut head = Vec::new();
    let mut buf = [0; 1 << 10];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > LONGEST {
            return Ok(Err(Answer::text(
                "431 Request Header Fields Too Large",
                "too long",
            )));
        }
        match browser.read(&mut buf)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => head.extend(&buf[..n]),
        }
    }
    Ok(parse(&String::from_utf8_lossy(&head), addr))
}

/// A request by its head. It must be for this address, and from no page of another server.
fn parse(head: &str, addr: SocketAddr) -> Result<Request, Answer> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(_)) = (words.next(), words.next(), words.next()) else {
        return Err(Answer::text("400 Bad Request", "not HTTP/1.1"));
    };
    let port = addr.port();
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let header = |name: &str| {
        lines.clone().find_map(|line| {
            let (other, value) = line.split_once(':')?;
            other
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let is_own = |host: &str| own.iter().any(|own| own.eq_ignore_ascii_case(host));
    if !header("Host").is_some_and(|host| is_own(&host)) {
        return Err(Answer::text(
            "403 Forbidden",
            "this page is at 127.0.0.1 only",
        ));
    }
    let foreign = |origin: String| !origin.strip_prefix("http://").is_some_and(is_own);
    if header("Origin").is_some_and(foreign) {
        return Err(Answer::text(
            "403 Forbidden",
            "not from a page of another server",
        ));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
    })
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn text(status: &'static str, text: &str) -> Answer {
        Answer {
            status,
            kind: "text/plain; charset=utf-8",
            body: format!("{text}\n"),
        }
    }

    pub(super) fn html(body: String) -> Answer {
        let (status, kind) = ("200 OK", "text/html; charset=utf-8");
        Answer { status, kind, body }
    }

    pub(super) fn json(body: String) -> Answer {
        let (status, kind) = ("200 OK", "application/json");
        Answer { status, kind, body }
    }

    pub(super) fn done() -> Answer {
        Answer::json("{}".to_owned())
    }

    pub(super) fn not_found() -> Answer {
        Answer::text("404 Not Found", "there is nothing here")
    }

    /// Writes it. It ends with the connection.
    pub(super) fn write(&self, mut browser: &Connection) -> io::Result<()> {
        let Answer { status, kind, body } = self;
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             X-Frame-Options: DENY\r\nConnection: close\r\n\r\n",
            body.len()
        );
        browser.within_message(LIMIT);
        browser.write_all(&[head.as_bytes(), body.as_bytes()].concat())
    }
}
