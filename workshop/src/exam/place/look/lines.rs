//! From addresses in a program to lines of the student's file.
//!
//! Debug information is kept in units, some thousand in a program. `.debug_aranges` says which unit an
//! address is in. Only units in which the student's file occurs are read; a look needs one or two.

use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
};

use addr2line::{
    Context, Frame,
    gimli::{
        self, DebugAranges, DebugInfo, DebugInfoOffset, Dwarf, EndianSlice, LittleEndian, SectionId,
    },
};
use object::read::ReadCache;

use super::super::{Column, NotSeen, Spot};
use super::elf::Elf;

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The lines of the student's file in a program.
pub(super) struct Lines<'a> {
    elf: Elf<'a, &'a ReadCache<File>>,
    student: &'a Path,
    /// Addresses from, to before, and the unit that has them.
    ranges: Vec<(u64, u64, DebugInfoOffset)>,
    /// The units that were read; `None` where the student's file does not occur.
    units: HashMap<DebugInfoOffset, Option<Context<Bytes<'a>>>>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(program: &'a ReadCache<File>, student: &'a Path) -> Result<Lines<'a>, NotSeen> {
        let elf = Elf::parse(program).ok_or_else(NotSeen::no_debug_information)?;
        let ranges = ranges(&elf).map_err(|_| NotSeen::no_debug_information())?;
        if ranges.is_empty() {
            return Err(NotSeen::no_debug_information());
        }
        Ok(Lines {
            elf,
            student,
            ranges,
            units: HashMap::new(),
        })
    }

    /// The innermost of these addresses that is in the student's file: where it is, and in which
    /// function. The program's `main` is in that file too, and is the exam's.
    pub(super) fn innermost(&mut self, addresses: &[u64]) -> Option<(Spot, String)> {
        let found = addresses.iter().find_map(|address| self.find(*address))?;
        let (_, function) = &found;
        let is_main = function.split("::").count() == 2 && function.ends_with("::main");
        (!is_main).then_some(found)
    }

    fn find(&mut self, address: u64) -> Option<(Spot, String)> {
        let units = self.ranges.iter().filter(|(start, end, _)| (*start..*end).contains(&address));
        let units: Vec<DebugInfoOffset> = units.map(|(_, _, unit)| *unit).collect();
        units.into_iter().find_map(|unit| {
            let context = self
                .units
                .entry(unit)
                .or_insert_with(|| read(&self.elf, unit, self.student).ok().flatten());
            let mut frames = context.as_ref()?.find_frames(address).skip_all_loads().ok()?;
            // Inlined functions first, and what they were inlined into last.
            while let Ok(Some(frame)) = frames.next() {
                if let Some(found) = in_file(&frame, self.student) {
                    return Some(found);
                }
            }
            None
        })
    }
}

/// Which addresses each unit has.
fn ranges<'a>(
    elf: &Elf<'a, &'a ReadCache<File>>,
) -> gimli::Result<Vec<(u64, u64, DebugInfoOffset)>> {
    let bytes = elf.bytes(b".debug_aranges").unwrap_or_default();
    let mut ranges = Vec::new();
    let mut headers = DebugAranges::new(bytes, LittleEndian).headers();
    while let Some(header) = headers.next()? {
        let mut entries = header.entries();
        while let Some(entry) = entries.next()? {
            let end = entry.address().saturating_add(entry.length());
            ranges.push((entry.address(), end, header.debug_info_offset()));
        }
    }
    Ok(ranges)
}

/// Reads a unit, if the student's file occurs in it.
fn read<'a>(
    elf: &Elf<'a, &'a ReadCache<File>>,
    unit: DebugInfoOffset,
    student: &Path,
) -> gimli::Result<Option<Context<Bytes<'a>>>> {
    let info = elf.bytes(b".debug_info").unwrap_or_default();
    let header = DebugInfo::new(info, LittleEndian).header_from_offset(unit)?;
    // A context reads every unit that it is given: it is given this one alone. A unit of rustc's does
    // not refer to another.
    let alone = &info[unit.0..unit.0 + header.length_including_self()];
    let dwarf = Dwarf::load(|id| -> gimli::Result<_> {
        let bytes = match id {
            SectionId::DebugInfo => Some(alone),
            SectionId::DebugAranges => None, // it says where all the others are
            SectionId::DebugLoc | SectionId::DebugLocLists => None, // values of variables
            _ => elf.bytes(id.name().as_bytes()),
        };
        Ok(EndianSlice::new(bytes.unwrap_or_default(), LittleEndian))
    })?;
    let header = dwarf.debug_info.header_from_offset(DebugInfoOffset(0))?;
    match occurs(&dwarf, &dwarf.unit(header)?, student)? {
        true => Context::from_dwarf(dwarf).map(Some),
        false => Ok(None),
    }
}

/// Whether a file of the student's file's name is among those of a unit.
fn occurs<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    unit: &gimli::Unit<Bytes<'a>>,
    student: &Path,
) -> gimli::Result<bool> {
    let Some(program) = &unit.line_program else {
        return Ok(false);
    };
    let name = student.file_name().unwrap_or_default().as_encoded_bytes();
    for file in program.header().file_names() {
        let path = dwarf.attr_string(unit, file.path_name())?;
        if path.slice().ends_with(name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where in the student's file a frame is, if it is there.
fn in_file(frame: &Frame<'_, Bytes>, student: &Path) -> Option<(Spot, String)> {
    let location = frame.location.as_ref()?;
    let file = PathBuf::from(location.file?);
    if !file.ends_with(student) {
        return None;
    }
    let function = frame.function.as_ref();
    let name = function.and_then(|function| function.demangle().ok());
    let spot = Spot {
        file: file.to_string_lossy().into_owned(),
        line: location.line?,
        column: Column::Byte(location.column.unwrap_or(0)),
    };
    Some((spot, name.unwrap_or_default().into_owned()))
}
