//! The application layer: TFTP (RFC 1350, options RFC 2347), and data that is not looked into.

use super::{
    Fault,
    layer::{Layer, count, empty, fits, means, says},
    walk::{Next, Rest},
};

pub(super) const APPLICATION: u8 = 7;

/// Bytes that are not looked into, of this layer.
pub(super) fn data(rest: Rest, level: u8, name: &'static str) -> (Layer, Next) {
    let bytes = rest.left();
    let mut layer = empty(level, name, rest.at);
    layer.push(name, bytes.len(), means(count(bytes.len()), quote(bytes)));
    (layer, Next::End)
}

/// A message of TFTP: who reads a file, and in which mode.
pub(super) fn tftp(rest: Rest) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits("TFTP", rest.at, &[("opcode", 0..2, 0)], bytes)?;
    let opcode = u16::from_be_bytes([bytes[0], bytes[1]]);
    let kind = match opcode {
        1 => "read request",
        2 => "write request",
        3 => "data",
        4 => "acknowledgment",
        5 => "error",
        6 => "options acknowledged",
        _ => return Ok(data(rest, APPLICATION, "data")),
    };
    let mut layer = empty(APPLICATION, "TFTP", rest.at);
    layer.push("opcode", 2, means(opcode, kind));
    match opcode {
        1 | 2 => {
            text(rest, &mut layer, "file")?;
            text(rest, &mut layer, "mode")?;
            pairs(rest, &mut layer)?;
        }
        6 => pairs(rest, &mut layer)?,
        _ => {
            let name = if opcode == 5 { "error code" } else { "block" };
            fits("TFTP", rest.at, &[(name, 2..4, 0)], bytes)?;
            layer.push(name, 2, says(u16::from_be_bytes([bytes[2], bytes[3]])));
            match opcode {
                3 => layer.push(
                    "data",
                    bytes.len() - 4,
                    means(count(bytes.len() - 4), quote(&bytes[4..])),
                ),
                5 => text(rest, &mut layer, "message")?,
                _ => {}
            }
        }
    }
    Ok((layer, Next::End))
}

/// Options: a name and a value, again and again.
fn pairs(rest: Rest, layer: &mut Layer) -> Result<(), Fault> {
    while layer.bytes.end < rest.bytes.len() {
        text(rest, layer, "option")?;
        text(rest, layer, "its value")?;
    }
    Ok(())
}

/// A text that ends with a zero.
fn text(rest: Rest, layer: &mut Layer, name: &'static str) -> Result<(), Fault> {
    let start = layer.bytes.end;
    let left = rest.bytes.get(start..).unwrap_or_default();
    let Some(length) = left.iter().position(|byte| *byte == 0) else {
        let reason = format!("no zero ends it in the {} that are left", count(left.len()));
        return Err(Fault::new(format!("TFTP {name}"), start, reason));
    };
    let text = left[..length].escape_ascii();
    layer.push(name, length + 1, says(format!("\"{text}\"")));
    Ok(())
}

/// The beginning of it, in quotes, if it is text.
fn quote(bytes: &[u8]) -> String {
    const SHOWN: usize = 24;
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if !bytes.iter().all(is_text) {
        return String::new();
    }
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    let shown = &bytes[..bytes.len().min(SHOWN)];
    format!("\"{}\"{more}", shown.escape_ascii())
}
