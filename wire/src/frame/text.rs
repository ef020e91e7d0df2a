//! A frame as text: its layers one under the other, and of each field its offset, its bytes, its
//! name, what it says, and what that means.

use std::fmt;

use super::{Field, Frame, Layer};

/// How many bytes a dump shows on a line.
const BYTES_OF_A_DUMP: usize = 16;

/// How many bytes of a field are shown on a line: a hardware address.
const BYTES_OF_A_FIELD: usize = 6;

/// A terminal's width. A meaning for which a line has no room gets a line of its own.
const WIDTH: usize = 80;

impl Frame<'_> {
    /// What is inside what, and how long each is: `Ethernet 14 [ ARP 28 ] padding 18`.
    #[must_use]
    pub fn encapsulation(&self) -> String {
        let (mut text, mut open) = (String::new(), 0);
        for (nth, layer) in self.layers.iter().enumerate() {
            let length = layer.bytes.len();
            text += &match (nth, layer.name) {
                (0, name) => format!("{name} {length}"),
                (_, name @ "padding") => {
                    format!(" {} {name} {length}", "]".repeat(std::mem::take(&mut open)))
                }
                (_, name) => {
                    open += 1;
                    format!(" [ {name} {length}")
                }
            };
        }
        match open {
            0 => text,
            _ => format!("{text} {}", "]".repeat(open)),
        }
    }

    /// The names of its headers from the outermost, without data and padding.
    #[must_use]
    pub fn headers(&self) -> Vec<&'static str> {
        let names = self.layers.iter().map(|layer| layer.name);
        names
            .filter(|name| !["data", "padding"].contains(name))
            .collect()
    }

    /// Its bytes, each line with its offset.
    #[must_use]
    pub fn dump(&self) -> String {
        let lines = self.bytes.chunks(BYTES_OF_A_DUMP);
        let lines = lines.zip((0..).step_by(BYTES_OF_A_DUMP));
        let lines: Vec<String> = lines
            .map(|(bytes, at)| format!("{at:>4}  {}", hex(bytes)))
            .collect();
        lines.join("\n")
    }

    /// Where what the headers account for ends.
    fn end(&self) -> usize {
        let padding = self.layer("padding").map(|layer| layer.bytes.start);
        padding.unwrap_or(self.bytes.len())
    }
}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, layer) in self.layers.iter().enumerate() {
            let gap = if nth == 0 { "" } else { "\n" };
            writeln!(f, "{gap}{}", layer.title(self.end(), self.bytes.len()))?;
            for field in &layer.fields {
                field.write(f, self.bytes)?;
            }
        }
        Ok(())
    }
}

impl Layer {
    /// Its layer, its name, and what it is called with all that it holds.
    fn title(&self, end: usize, whole: usize) -> String {
        let level = match self.level {
            2 => "link",
            3 => "network",
            4 => "transport",
            _ => "application",
        };
        let title = format!("layer {}, {level}: {}", self.level, self.name);
        let (unit, end) = match self.name {
            "Ethernet" => ("a frame", whole),
            "IPv4" | "IPv6" => ("a packet", end),
            "TCP" => ("a segment", end),
            "UDP" => ("a datagram", end),
            _ => return title,
        };
        let length = end - self.bytes.start;
        format!("{title}, the header of {unit} of {length} bytes")
    }
}

impl Field {
    fn write(&self, f: &mut fmt::Formatter<'_>, frame: &[u8]) -> fmt::Result {
        let bytes = frame.get(self.bytes.clone()).unwrap_or_default();
        let mut lines = bytes.chunks(BYTES_OF_A_FIELD).map(hex);
        let first = match self.mask {
            0 => lines.next().unwrap_or_default(),
            mask => bits(bytes, mask),
        };
        let row = format!(
            "{:>4}  {first:<20}  {:<23}  {}",
            self.bytes.start, self.name, self.value
        );
        let with_meaning = format!("{row}  {}", self.meaning);
        let fits = with_meaning.chars().count() <= WIDTH;
        writeln!(f, "{}", if fits { with_meaning.trim_end() } else { &row })?;
        let more = if self.mask == 0 { lines.len() } else { 0 };
        // Of a field that is long, three lines show what it is.
        let mut more: Vec<String> = lines.by_ref().take(more.min(2)).collect();
        if !fits && more.is_empty() {
            more.push(String::new());
        }
        for (nth, line) in more.iter().enumerate() {
            let meaning = if nth == 0 && !fits { &self.meaning } else { "" };
            let row = format!("      {line:<20}  {meaning}");
            writeln!(f, "{}", row.trim_end())?;
        }
        if self.mask == 0 && lines.next().is_some() {
            writeln!(f, "      …")?;
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// `45 0100....`: a byte, and in it the bits that are meant. Of two bytes, the bits alone. More
/// bytes would be too wide: of these, the digits.
fn bits(bytes: &[u8], mask: u32) -> String {
    let byte_of_mask = |nth: usize| (mask >> (8 * (bytes.len() - 1 - nth))) as u8;
    let shown = |(nth, byte): (usize, &u8)| {
        let mask = byte_of_mask(nth);
        let bit = |bit: u8| match (mask >> bit & 1, byte >> bit & 1) {
            (0, _) => '.',
            (_, 0) => '0',
            _ => '1',
        };
        (0..8).rev().map(bit).collect::<String>()
    };
    if bytes.len() <= 2 {
        let bits: Vec<String> = bytes.iter().enumerate().map(shown).collect();
        let bits = bits.join(" ");
        return match bytes {
            [_] => format!("{} {bits}", hex(bytes)),
            _ => bits,
        };
    }
    let digits = |(nth, byte): (usize, &u8)| match byte_of_mask(nth) {
        0xff => format!("{byte:02x}"),
        _ => format!(".{:x}", byte & 0x0f),
    };
    let digits: Vec<String> = bytes.iter().enumerate().map(digits).collect();
    digits.join(" ")
}
