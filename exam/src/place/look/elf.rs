//! Sections and segments of programs and libraries (elf(5)). Only what is asked for is read: an
//! exercise's program has 35 MB.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
};

/// A segment that is loaded.
const PT_LOAD: u32 = 1;

/// A section whose bytes are compressed.
const SHF_COMPRESSED: u64 = 1 << 11;

/// An ELF file, or its bytes in memory: of 64 bits and little-endian, as on both architectures
/// whose registers we can read.
pub(super) struct Elf<R> {
    data: R,
    segments: Vec<Header>,
    sections: Vec<Header>,
    /// The names of the sections, each with a zero after it.
    names: Vec<u8>,
}

impl Elf<File> {
    pub(super) fn open(path: &Path) -> io::Result<Elf<File>> {
        Elf::read(File::open(path)?)
    }

    pub(super) fn file(&self) -> &File {
        &self.data
    }
}

impl<R: Read + Seek> Elf<R> {
    pub(super) fn read(mut data: R) -> io::Result<Elf<R>> {
        let header = Header(bytes(&mut data, 0, 64)?);
        if !header.0.starts_with(b"\x7fELF\x02\x01") {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut table = |offset, size, count| -> io::Result<Vec<Header>> {
            let (size, count) = (header.half(size), header.half(count));
            let bytes = bytes(&mut data, header.word(offset), size * count)?;
            let headers = bytes.chunks_exact(size.max(1) as usize);
            Ok(headers.map(|header| Header(header.to_vec())).collect())
        };
        let segments = table(32, 54, 56)?; // e_phoff, e_phentsize, e_phnum
        let sections = table(40, 58, 60)?; // e_shoff, e_shentsize, e_shnum
        let names = match sections.get(header.half(62) as usize) {
            Some(section) => bytes(&mut data, section.offset(), section.size())?, // e_shstrndx
            None => Vec::new(),
        };
        Ok(Elf {
            data,
            segments,
            sections,
            names,
        })
    }

    /// Where a section is loaded, by the file.
    pub(super) fn addresses(&self, name: &str) -> Option<Range<u64>> {
        let section = self.section(name)?;
        Some(section.address()..section.address().checked_add(section.size())?)
    }

    /// Where in the file the bytes of a section are, unless there is no such section, or it is
    /// compressed.
    pub(super) fn place_in_file(&self, name: &str) -> Option<Range<usize>> {
        let section = self.section(name)?;
        let (start, size) = (section.offset() as usize, section.size() as usize);
        let compressed = section.flags() & SHF_COMPRESSED != 0;
        (!compressed).then_some(start..start.checked_add(size)?)
    }

    /// The bytes of such a section.
    pub(super) fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let place = self.place_in_file(name)?;
        bytes(&mut self.data, place.start as u64, place.len() as u64).ok()
    }

    fn section(&self, name: &str) -> Option<&Header> {
        self.sections.iter().find(|section| {
            let names = self.names.get(section.name()..);
            let rest = names.and_then(|names| names.strip_prefix(name.as_bytes()));
            rest.is_some_and(|rest| rest.first() == Some(&0))
        })
    }

    /// The load bias (memory address minus file address), from one mapped part of the file.
    pub(super) fn bias(&self, file_offset: u64, mapped: &Range<u64>) -> Option<u64> {
        let part = file_offset..file_offset + (mapped.end - mapped.start);
        let mut segments = self.segments.iter();
        let segment = segments.find(|segment| {
            segment.number(0) == PT_LOAD && part.contains(&segment.word(8)) // p_type, p_offset
        })?;
        let (offset, address) = (segment.word(8), segment.word(16)); // p_offset, p_vaddr
        let address_of_part = address.wrapping_sub(offset).wrapping_add(file_offset);
        Some(mapped.start.wrapping_sub(address_of_part))
    }
}

/// The header of a file, a segment or a section. What is beyond its end is 0.
struct Header(Vec<u8>);

impl Header {
    fn at<const N: usize>(&self, offset: usize) -> [u8; N] {
        let bytes = self.0.get(offset..offset + N);
        bytes.map_or([0; N], |bytes| bytes.try_into().expect("it has N bytes"))
    }

    fn half(&self, offset: usize) -> u64 {
        u16::from_le_bytes(self.at(offset)).into()
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.at(offset))
    }

    fn word(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.at(offset))
    }

    /// Of a section: where among the names its name begins.
    fn name(&self) -> usize {
        self.number(0) as usize
    }

    fn flags(&self) -> u64 {
        self.word(8)
    }

    fn address(&self) -> u64 {
        self.word(16)
    }

    fn offset(&self) -> u64 {
        self.word(24)
    }

    fn size(&self) -> u64 {
        self.word(32)
    }
}

/// Some bytes of a file.
fn bytes(data: &mut (impl Read + Seek), offset: u64, size: u64) -> io::Result<Vec<u8>> {
    data.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::with_capacity(size.min(1 << 28) as usize);
    data.take(size).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}
