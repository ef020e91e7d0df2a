//! A file that gimli reads block by block, as needed: an exercise's program has 35 MB of debug
//! information, and reading all of it takes 30 ms.

use std::{borrow::Cow, cell::OnceCell, fmt, fs::File, ops::Range, os::unix::fs::FileExt};

use gimli::{Error, LittleEndian, Reader, ReaderOffsetId, Result};

/// How much is read at once.
const BLOCK: usize = 16 << 10;

/// A file, and the blocks that were read of it.
pub(super) struct Blocks {
    file: File,
    blocks: Vec<OnceCell<Box<[u8; BLOCK]>>>,
}

impl Blocks {
    pub(super) fn of(file: File) -> Blocks {
        let length = file.metadata().map_or(0, |metadata| metadata.len()) as usize;
        let mut blocks = Vec::new();
        blocks.resize_with(length.div_ceil(BLOCK), OnceCell::new);
        Blocks { file, blocks }
    }

    /// The bytes from here to the end of the block; of the last block, zeros after its end.
    fn from(&self, offset: usize) -> Result<&[u8]> {
        let index = offset / BLOCK;
        let kept = self.blocks.get(index).ok_or(Error::Io)?;
        if kept.get().is_none() {
            let (mut block, mut filled) = (Box::new([0; BLOCK]), 0);
            while filled < BLOCK {
                let at = (index * BLOCK + filled) as u64;
                match self.file.read_at(&mut block[filled..], at) {
                    Ok(0) => break,
                    Ok(n) => filled += n,
                    Err(_) => return Err(Error::Io),
                }
            }
            let _ = kept.set(block); // it was empty
        }
        kept.get()
            .map(|block| &block[offset % BLOCK..])
            .ok_or(Error::Io)
    }
}

/// A part of a file.
#[derive(Clone)]
pub(super) struct Part<'a> {
    blocks: &'a Blocks,
    /// Where in the file.
    range: Range<usize>,
}

impl<'a> Part<'a> {
    pub(super) fn of(blocks: &'a Blocks, range: Range<usize>) -> Part<'a> {
        Part { blocks, range }
    }

    fn ends(&self) -> Error {
        Error::UnexpectedEof(self.offset_id())
    }

    /// The bytes, in pieces that lie in one block each.
    fn pieces(&self) -> impl Iterator<Item = Result<&'a [u8]>> {
        let (blocks, mut range) = (self.blocks, self.range.clone());
        std::iter::from_fn(move || {
            let piece = match range.is_empty() {
                true => return None,
                false => blocks.from(range.start),
            };
            let piece = piece.map(|piece| &piece[..piece.len().min(range.len())]);
            range.start += piece.as_ref().map_or(range.len(), |piece| piece.len());
            Some(piece)
        })
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.range.fmt(f)
    }
}

impl Reader for Part<'_> {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.range.len()
    }

    fn empty(&mut self) {
        self.range.end = self.range.start;
    }

    fn truncate(&mut self, len: usize) -> Result<()> {
        if len > self.len() {
            return Err(self.ends());
        }
        self.range.end = self.range.start + len;
        Ok(())
    }

    fn offset_from(&self, base: &Self) -> usize {
        self.range.start - base.range.start
    }

    fn offset_id(&self) -> ReaderOffsetId {
        ReaderOffsetId(self.range.start as u64)
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        let inside = self.range.contains(&(id.0 as usize));
        inside.then(|| id.0 as usize - self.range.start)
    }

    fn find(&self, byte: u8) -> Result<usize> {
        let mut before = 0;
        for piece in self.pieces() {
            let piece = piece?;
            if let Some(found) = piece.iter().position(|b| *b == byte) {
                return Ok(before + found);
            }
            before += piece.len();
        }
        Err(self.ends())
    }

    fn skip(&mut self, len: usize) -> Result<()> {
        self.split(len).map(|_| ())
    }

    fn split(&mut self, len: usize) -> Result<Self> {
        let mut first = self.clone();
        first.truncate(len)?;
        self.range.start = first.range.end;
        Ok(first)
    }

    fn to_slice(&self) -> Result<Cow<'_, [u8]>> {
        let mut bytes = Vec::with_capacity(self.len());
        for piece in self.pieces() {
            bytes.extend_from_slice(piece?);
        }
        Ok(bytes.into())
    }

    fn to_string(&self) -> Result<Cow<'_, str>> {
        let bytes = self.to_slice()?.into_owned();
        let text = String::from_utf8(bytes);
        text.map(Cow::Owned).map_err(|_| Error::BadUtf8)
    }

    fn to_string_lossy(&self) -> Result<Cow<'_, str>> {
        Ok(String::from_utf8_lossy(&self.to_slice()?)
            .into_owned()
            .into())
    }

    fn read_slice(&mut self, buf: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        for piece in self.split(buf.len())?.pieces() {
            let piece = piece?;
            buf[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use gimli::Reader;

    use super::{BLOCK, Blocks, Part};

    #[test]
    fn a_part_is_read_across_the_borders_of_blocks() {
        let path = std::env::temp_dir().join(format!("blocks-{}", std::process::id()));
        let bytes: Vec<u8> = (0..3 * BLOCK + 7).map(|i| (i % 251) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        let blocks = Blocks::of(File::open(&path).unwrap());
        fs::remove_file(&path).unwrap();

        let range = BLOCK - 3..3 * BLOCK + 7;
        let mut part = Part::of(&blocks, range.clone());
        assert_eq!(*part.to_slice().unwrap(), bytes[range]);
        assert_eq!(
            part.read_u64().unwrap().to_le_bytes(),
            bytes[BLOCK - 3..BLOCK + 5]
        );
        let zero = bytes[BLOCK + 5..].iter().position(|byte| *byte == 0);
        assert_eq!(part.find(0).ok(), zero);
        let last = part.len() - 1;
        part.skip(last).unwrap();
        assert_eq!(part.read_u8().unwrap(), bytes[3 * BLOCK + 6]);
        assert!(part.read_u8().is_err());
        // Past the end of the file.
        assert!(Part::of(&blocks, 4 * BLOCK..5 * BLOCK).to_slice().is_err());
    }
}
