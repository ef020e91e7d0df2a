//! A frame as text: its layers one under the other, and of each field its offset, its bytes, its
//! name, what it says, and what that means.

use std::fmt;

use super::{Field, Frame, Layer};

/// How many bytes are shown on a line.
const BYTES: usize = 8;

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
        let lines = self.bytes.chunks(2 * BYTES).zip((0..).step_by(2 * BYTES));
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
        format!("{title}, with what it carries {unit} of {length} bytes")
    }
}

impl Field {
    fn write(&self, f: &mut fmt::Formatter<'_>, frame: &[u8]) -> fmt::Result {
        let bytes = frame.get(self.bytes.clone()).unwrap_or_default();
        let mut lines = bytes.chunks(BYTES).map(hex);
        let first = match self.mask {
            0 => lines.next().unwrap_or_default(),
            mask => bits(bytes, mask),
        };
        let row = format!(
            "{:>4}  {first:<23}  {:<23}  {:<18} {}",
            self.bytes.start, self.name, self.value, self.meaning
        );
        writeln!(f, "{}", row.trim_end())?;
        if self.mask == 0 {
            // Of what is long, three lines show what it is.
            for line in lines.by_ref().take(2) {
                writeln!(f, "      {line}")?;
            }
            if lines.next().is_some() {
                writeln!(f, "      …")?;
            }
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// `45 0100....`: the bytes, and in them the bits that are meant. More than two bytes would be too
/// wide: of these, the digits.
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
        return format!("{} {}", hex(bytes), bits.join(" "));
    }
    let digits = |(nth, byte): (usize, &u8)| match byte_of_mask(nth) {
        0xff => format!("{byte:02x}"),
        _ => format!(".{:x}", byte & 0x0f),
    };
    let digits: Vec<String> = bytes.iter().enumerate().map(digits).collect();
    digits.join(" ")
}
