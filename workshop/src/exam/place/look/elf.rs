//! Sections and segments of programs and libraries. Only what is asked for is read: an exercise's
//! program has 30 MB, of which a look needs a third.

use std::{fs::File, io, ops::Range, path::Path};

use object::{
    LittleEndian,
    elf::{self, FileHeader64, ProgramHeader64, SectionHeader64},
    read::{
        ReadCache, ReadRef,
        elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable},
    },
};

/// Both architectures whose registers we can read are little-endian and have 64 bits.
const ENDIAN: LittleEndian = LittleEndian;

/// An ELF file, or its bytes in memory.
#[derive(Clone, Copy)]
pub(super) struct Elf<'a, R: ReadRef<'a>> {
    data: R,
    header: &'a FileHeader64<LittleEndian>,
    sections: SectionTable<'a, FileHeader64<LittleEndian>, R>,
}

/// A file whose parts are read when they are asked for, and kept.
pub(super) fn open(path: &Path) -> io::Result<ReadCache<File>> {
    Ok(ReadCache::new(File::open(path)?))
}

impl<'a, R: ReadRef<'a>> Elf<'a, R> {
    pub(super) fn parse(data: R) -> Option<Elf<'a, R>> {
        let header = FileHeader64::parse(data).ok()?;
        let sections = header.sections(ENDIAN, data).ok()?;
        Some(Elf {
            data,
            header,
            sections,
        })
    }

    /// Where a section is loaded, by the file.
    pub(super) fn addresses(&self, name: &[u8]) -> Option<Range<u64>> {
        let section = self.section(name)?;
        let start = section.sh_addr(ENDIAN);
        Some(start..start.checked_add(section.sh_size(ENDIAN))?)
    }

    /// The bytes of a section, unless there is none, or it is compressed.
    pub(super) fn bytes(&self, name: &[u8]) -> Option<&'a [u8]> {
        let section = self.section(name)?;
        if section.sh_flags(ENDIAN).contains(elf::SHF_COMPRESSED) {
            return None;
        }
        section.data(ENDIAN, self.data).ok()
    }

    fn section(&self, name: &[u8]) -> Option<&'a SectionHeader64<LittleEndian>> {
        Some(self.sections.section_by_name(ENDIAN, name)?.1)
    }

    /// How far from its address in the file each address is in memory, if this part of the file is
    /// mapped there.
    pub(super) fn bias(&self, file_offset: u64, mapped: &Range<u64>) -> Option<u64> {
        let segments: &[ProgramHeader64<_>] = self.header.program_headers(ENDIAN, self.data).ok()?;
        let part = file_offset..file_offset + (mapped.end - mapped.start);
        let segment = segments.iter().find(|segment| {
            segment.p_type(ENDIAN) == elf::PT_LOAD && part.contains(&segment.p_offset(ENDIAN))
        })?;
        let address_of_part = segment
            .p_vaddr(ENDIAN)
            .wrapping_sub(segment.p_offset(ENDIAN))
            .wrapping_add(file_offset);
        Some(mapped.start.wrapping_sub(address_of_part))
    }
}
