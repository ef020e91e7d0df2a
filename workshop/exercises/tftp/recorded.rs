//! Packets that real programs sent, recorded on loopback, and one from a Windows client.

use super::{Options, Packet};

/// Who sent it, its bytes, and the packet in them.
pub(super) struct Recorded {
    pub(super) whose: &'static str,
    pub(super) bytes: &'static [u8],
    pub(super) packet: Packet,
}

pub(super) fn options(pairs: &[(&str, &str)]) -> Options {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

pub(super) fn request(write: bool, file: &str, mode: &str, pairs: &[(&str, &str)]) -> Packet {
    Packet::Request {
        write,
        file: file.to_owned(),
        mode: mode.to_owned(),
        options: options(pairs),
    }
}

pub(super) fn requests() -> Vec<Recorded> {
    let recorded = |whose, bytes: &'static [u8], packet| Recorded {
        whose,
        bytes,
        packet,
    };
    let of_curl = [("tsize", "0"), ("blksize", "512"), ("timeout", "6")];
    let asked = [("blksize", "512"), ("timeout", "10"), ("tsize", "0")];
    vec![
        recorded(
            "tftp-hpa's read request",
            b"\0\x01file\0octet\0",
            request(false, "file", "octet", &[]),
        ),
        recorded(
            "curl's read request",
            b"\0\x01file\0octet\0tsize\x000\0blksize\x00512\0timeout\x006\0",
            request(false, "file", "octet", &of_curl),
        ),
        recorded(
            "tftp-hpa's write request",
            b"\0\x02f\0netascii\0",
            request(true, "f", "netascii", &[]),
        ),
        recorded(
            "curl's write request",
            b"\0\x02up\0octet\0tsize\x001000\0blksize\x00512\0timeout\x006\0",
            request(
                true,
                "up",
                "octet",
                &[("tsize", "1000"), ("blksize", "512"), ("timeout", "6")],
            ),
        ),
        recorded(
            "a read request from Windows",
            b"\0\x01c:\\qwerq.qwe\0netascii\0blksize\x00512\0timeout\x0010\0tsize\x000\0",
            request(false, r"c:\qwerq.qwe", "netascii", &asked),
        ),
    ]
}

pub(super) fn others() -> Vec<Recorded> {
    let agreed = [("tsize", "40000000"), ("blksize", "512"), ("timeout", "6")];
    vec![
        Recorded {
            whose: "the lesson's OACK for curl",
            bytes: b"\0\x06tsize\x0040000000\0blksize\x00512\0timeout\x006\0",
            packet: Packet::OptionAck(options(&agreed)),
        },
        Recorded {
            whose: "tftp-hpa's ACK of block 1",
            bytes: b"\0\x04\0\x01",
            packet: Packet::Ack(1),
        },
        Recorded {
            whose: "the lesson's ERROR to a stranger",
            bytes: b"\0\x05\0\x05unknown transfer ID\0",
            packet: Packet::Error {
                code: 5,
                text: "unknown transfer ID".to_owned(),
            },
        },
    ]
}
