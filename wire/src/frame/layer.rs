//! A header as rows: which bytes are which field, what they say, and what that means.

use std::ops::Range;

use super::{Fault, checksum::Checksum};

/// One header of a frame, or what stands where a header would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its layer's number in the OSI model: 2 link, 3 network, 4 transport, 7 application.
    pub level: u8,
    /// Its protocol's name.
    pub name: &'static str,
    /// Its bytes in the frame.
    pub bytes: Range<usize>,
    /// Its fields, in their order.
    pub fields: Vec<Field>,
    /// Its checksum, where it has one and all that it covers is there.
    pub checksum: Option<Checksum>,
}

/// One field of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the RFC.
    pub name: &'static str,
    /// The bytes in the frame that it is in.
    pub bytes: Range<usize>,
    /// Which of their bits it is, as a number in network byte order; 0: all of them.
    pub mask: u32,
    /// What it says.
    pub value: String,
    /// What that means, where the value does not say it.
    pub meaning: String,
}

impl Layer {
    /// The first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Puts a row of `length` bytes after the last.
    pub(super) fn push(&mut self, name: &'static str, length: usize, cell: Cell) {
        let start = self.bytes.end;
        self.bytes.end += length;
        self.fields.push(cell.at(name, start..self.bytes.end, 0));
    }
}

/// Where in its header a field stands: its name, its bytes, its bits.
pub(super) type Place = (&'static str, Range<usize>, u32);

/// What a field says, and what that means.
pub(super) struct Cell(String, String);

impl Cell {
    fn at(self, name: &'static str, bytes: Range<usize>, mask: u32) -> Field {
        let Cell(value, meaning) = self;
        Field {
            name,
            bytes,
            mask,
            value,
            meaning,
        }
    }
}

/// A value that needs no explanation.
pub(super) fn says(value: impl ToString) -> Cell {
    means(value, "")
}

/// A value and what it means.
pub(super) fn means(value: impl ToString, meaning: impl Into<String>) -> Cell {
    Cell(value.to_string(), meaning.into())
}

/// The header that begins at `start`: a cell for each place.
pub(super) fn layer<const N: usize>(
    level: u8,
    name: &'static str,
    start: usize,
    places: &[Place; N],
    cells: [Cell; N],
) -> Layer {
    let fields: Vec<Field> = places
        .iter()
        .zip(cells)
        .map(|((name, bytes, mask), cell)| {
            cell.at(name, start + bytes.start..start + bytes.end, *mask)
        })
        .collect();
    Layer {
        level,
        name,
        bytes: start..start + size(places),
        fields,
        checksum: None,
    }
}

/// A layer without rows so far.
pub(super) fn empty(level: u8, name: &'static str, start: usize) -> Layer {
    Layer {
        level,
        name,
        bytes: start..start,
        fields: Vec::new(),
        checksum: None,
    }
}

/// How many bytes these places take.
pub(super) fn size(places: &[Place]) -> usize {
    places
        .iter()
        .map(|(_, bytes, _)| bytes.end)
        .max()
        .unwrap_or(0)
}

/// Checks that these bytes hold every place. If they do not, the first that is missing is at fault.
pub(super) fn fits(
    header: &str,
    start: usize,
    places: &[Place],
    bytes: &[u8],
) -> Result<(), Fault> {
    let missing = places.iter().find(|(_, range, _)| range.end > bytes.len());
    missing.map_or(Ok(()), |(name, range, _)| {
        let (length, left) = (range.len(), bytes.len().saturating_sub(range.start));
        Err(Fault::new(
            format!("{header} {name}"),
            start + range.start,
            format!(
                "cut short: it takes {}, and {left} are there",
                count(length)
            ),
        ))
    })
}

/// `1 byte`, `2 bytes`.
pub(super) fn count(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        _ => format!("{bytes} bytes"),
    }
}
