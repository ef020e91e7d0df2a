//! From addresses in a program to lines of the student's file (DWARF 4 and 5).
//!
//! A program has some thousand compilation units. `.debug_aranges` gives the
//! unit of an address. Only units that name the student's file are searched:
//! one or two. addr2line would parse the head of every unit first, and in
//! optimised code it needs all of them for the names of inlined functions.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use gimli::{
    AttributeValue, ColumnType, DebugAranges, DebugInfoOffset, DebuggingInformationEntry, Dwarf,
    Reader, SectionId, Unit,
};

use super::super::{Column, NotSeen, Spot};
use super::{
    elf::Elf,
    part::{Blocks, Part},
};

type Entry<'a> = DebuggingInformationEntry<Part<'a>>;

/// The debug information of a program.
pub(super) struct Information {
    program: Elf<File>,
    blocks: Blocks,
}

impl Information {
    pub(super) fn of(program: Elf<File>) -> io::Result<Information> {
        let blocks = Blocks::of(program.file().try_clone()?);
        Ok(Information { program, blocks })
    }

    fn section(&self, id: SectionId) -> Part<'_> {
        let range = match id {
            // Values of variables, and macros: a line needs none of them.
            SectionId::DebugLoc | SectionId::DebugLocLists | SectionId::DebugMacro => None,
            _ => self.program.place_in_file(id.name()),
        };
        Part::of(&self.blocks, range.unwrap_or(0..0))
    }
}

/// The lines of the student's file in a program.
pub(super) struct Lines<'a> {
    dwarf: Dwarf<Part<'a>>,
    student: &'a Path,
    /// Start, end (exclusive), and the unit.
    ranges: Vec<(u64, u64, DebugInfoOffset)>,
    /// The units that were read; `None` if a unit does not name the student's file.
    units: HashMap<DebugInfoOffset, Option<Unit<Part<'a>>>>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(
        information: &'a Information,
        student: &'a Path,
    ) -> Result<Lines<'a>, NotSeen> {
        let broken = |_| NotSeen::no_debug_information();
        let load = |id| -> gimli::Result<_> { Ok(information.section(id)) };
        let dwarf = Dwarf::load(load).map_err(broken)?;
        let ranges = ranges(&dwarf.debug_aranges).map_err(broken)?;
        if ranges.is_empty() {
            return Err(NotSeen::no_debug_information());
        }
        Ok(Lines {
            dwarf,
            student,
            ranges,
            units: HashMap::new(),
        })
    }

    /// The spot and the function of the innermost of these addresses that is in the student's file.
    /// `main` is in that file too, but calls the exam and is not part of the answer.
    pub(super) fn innermost(&mut self, addresses: &[u64]) -> Option<(Spot, String)> {
        let found = addresses.iter().find_map(|address| self.find(*address))?;
        (found.1 != "main").then_some(found)
    }

    fn find(&mut self, address: u64) -> Option<(Spot, String)> {
        let units = self.ranges.iter();
        let units = units.filter(|(start, end, _)| (*start..*end).contains(&address));
        for (_, _, offset) in units {
            let unit = self.units.entry(*offset).or_insert_with(|| {
                let header = self.dwarf.debug_info.header_from_offset(*offset).ok()?;
                let unit = self.dwarf.unit(header).ok()?;
                occurs(&self.dwarf, &unit, self.student).then_some(unit)
            });
            if let Some(unit) = unit {
                let found = innermost(&self.dwarf, unit, address, self.student);
                if let Ok(Some(found)) = found {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// The address ranges of each unit.
fn ranges(aranges: &DebugAranges<Part>) -> gimli::Result<Vec<(u64, u64, DebugInfoOffset)>> {
    let mut ranges = Vec::new();
    let mut headers = aranges.headers();
    while let Some(header) = headers.next()? {
        let mut entries = header.entries();
        while let Some(entry) = entries.next()? {
            let end = entry.address().saturating_add(entry.length());
            ranges.push((entry.address(), end, header.debug_info_offset()));
        }
    }
    Ok(ranges)
}

/// Whether a unit's line table names a file like the student's.
fn occurs<'a>(dwarf: &Dwarf<Part<'a>>, unit: &Unit<Part<'a>>, student: &Path) -> bool {
    let name = student.file_name().unwrap_or_default().as_encoded_bytes();
    let Some(program) = &unit.line_program else {
        return false;
    };
    program.header().file_names().iter().any(|file| {
        let path = dwarf.attr_string(unit, file.path_name());
        path.and_then(|path| Ok(path.to_slice()?.ends_with(name)))
            .unwrap_or(false)
    })
}

/// Of the functions inlined at an address, and the one they are inlined
/// into, the innermost that is in the student's file.
fn innermost<'a>(
    dwarf: &Dwarf<Part<'a>>,
    unit: &Unit<Part<'a>>,
    address: u64,
    student: &Path,
) -> gimli::Result<Option<(Spot, String)>> {
    let mut at = row(unit, address)?;
    // Code of no line may be outside of the inlined function whose line comes next.
    let address = at.map_or(address, |row| row.begins.max(address));
    let mut functions = functions(dwarf, unit, address)?;
    while let Some(row) = at {
        let function = functions.pop(); // none with `debug = "line-tables-only"`
        let row = match &function {
            Some(function) => after_the_declaration(dwarf, unit, function, row, address)?,
            None => row,
        };
        let file = path(dwarf, unit, row.file)?;
        if file.ends_with(student) {
            let spot = Spot {
                file: file.to_string_lossy().into_owned(),
                line: row.line as u32,
                column: Column::Byte(row.column as u32),
            };
            let name = function.and_then(|function| name(dwarf, unit, &function, 4));
            return Ok(Some((spot, name.unwrap_or_default())));
        }
        at = function.and_then(|function| caller(&function));
    }
    Ok(None)
}

/// The compiler gives code that loads a function's arguments, even in a loop, the line at which the
/// function begins. Such code belongs to the line that comes next.
fn after_the_declaration<'a>(
    dwarf: &Dwarf<Part<'a>>,
    unit: &Unit<Part<'a>>,
    function: &Entry<'a>,
    at: Row,
    address: u64,
) -> gimli::Result<Row> {
    let Some(range) = dwarf.die_ranges(unit, function)?.next()? else {
        return Ok(at);
    };
    let begins = row(unit, range.begin)?;
    if begins.is_none_or(|begins| (begins.file, begins.line) != (at.file, at.line)) {
        return Ok(at);
    }
    let mut next = address;
    while next < range.end
        && let Some((row, end)) = row_and_end(unit, next)?
    {
        if row.file == at.file && row.line > at.line {
            return Ok(row);
        }
        next = end;
    }
    Ok(at)
}

/// Where an inlined function is called, in the function around it.
fn caller(function: &Entry) -> Option<Row> {
    let number = |name| function.attr_value(name)?.udata_value();
    match function.attr_value(gimli::DW_AT_call_file)? {
        AttributeValue::FileIndex(file) => Some(Row {
            file,
            line: number(gimli::DW_AT_call_line)?,
            column: number(gimli::DW_AT_call_column).unwrap_or(0),
            begins: 0,
        }),
        _ => None,
    }
}

/// A row of a unit's line table.
#[derive(Clone, Copy)]
struct Row {
    /// The number of the file in that unit.
    file: u64,
    line: u64,
    column: u64,
    /// The address at which its line begins; before it, code of no line may belong to it.
    begins: u64,
}

/// The row of an address.
fn row(unit: &Unit<Part>, address: u64) -> gimli::Result<Option<Row>> {
    Ok(row_and_end(unit, address)?.map(|(row, _)| row))
}

/// The row of an address, and the address at which the next row begins.
fn row_and_end(unit: &Unit<Part>, address: u64) -> gimli::Result<Option<(Row, u64)>> {
    let Some(program) = unit.line_program.clone() else {
        return Ok(None);
    };
    let (mut rows, mut before) = (program.rows(), None);
    // Where code of no line (DWARF 5, 6.2.2) begins. It loads, at the beginning of a block, what the
    // block needs, and so belongs to the line that comes next: what stands before it in memory may
    // be a block that never runs.
    let mut without = None;
    while let Some((_, row)) = rows.next_row()? {
        if let Some((start, found)) = before
            && (start..row.address()).contains(&address)
            && without.is_none_or(|without| address < without || row.end_sequence())
        {
            return Ok(Some((found, without.unwrap_or(row.address()))));
        }
        match row.line() {
            _ if row.end_sequence() => (before, without) = (None, None),
            None => without = without.or(Some(row.address())),
            Some(line) => {
                let place = Row {
                    file: row.file_index(),
                    line: line.get(),
                    column: match row.column() {
                        ColumnType::LeftEdge => 0,
                        ColumnType::Column(column) => column.get(),
                    },
                    begins: row.address(),
                };
                before = Some((without.take().unwrap_or(row.address()), place));
            }
        }
    }
    Ok(None)
}

/// The function that an address is in, and in it the inlined ones, from the outside to the inside.
fn functions<'a>(
    dwarf: &Dwarf<Part<'a>>,
    unit: &Unit<Part<'a>>,
    address: u64,
) -> gimli::Result<Vec<Entry<'a>>> {
    let mut functions = Vec::new();
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs()? {
        let is_function = matches!(
            entry.tag(),
            gimli::DW_TAG_subprogram | gimli::DW_TAG_inlined_subroutine
        );
        if !is_function {
            continue;
        }
        let mut ranges = dwarf.die_ranges(unit, entry)?;
        while let Some(range) = ranges.next()? {
            if (range.begin..range.end).contains(&address) {
                functions.push(entry.clone());
            }
        }
    }
    Ok(functions)
}

/// The name of a function. An inlined one has it in its abstract origin, perhaps in another unit.
fn name<'a>(
    dwarf: &Dwarf<Part<'a>>,
    unit: &Unit<Part<'a>>,
    entry: &Entry<'a>,
    further: u32,
) -> Option<String> {
    if let Some(name) = entry.attr_value(gimli::DW_AT_name) {
        let name = dwarf.attr_string(unit, name).ok()?;
        return Some(name.to_string_lossy().ok()?.into_owned());
    }
    let further = further.checked_sub(1)?;
    let origin = entry
        .attr_value(gimli::DW_AT_abstract_origin)
        .or_else(|| entry.attr_value(gimli::DW_AT_specification))?;
    match origin {
        AttributeValue::UnitRef(offset) => {
            let origin = unit.entry(offset).ok()?;
            name(dwarf, unit, &origin, further)
        }
        AttributeValue::DebugInfoRef(offset) => {
            // Units that were optimised together (ThinLTO) refer to each other.
            let mut units = dwarf.units();
            while let Some(header) = units.next().ok()? {
                if let Some(inside) = offset.to_unit_offset(&header) {
                    let unit = dwarf.unit(header).ok()?;
                    let origin = unit.entry(inside).ok()?;
                    return name(dwarf, &unit, &origin, further);
                }
            }
            None
        }
        _ => None,
    }
}

/// The path of a file of a unit: absolute, or as the compiler was given it.
fn path<'a>(dwarf: &Dwarf<Part<'a>>, unit: &Unit<Part<'a>>, index: u64) -> gimli::Result<PathBuf> {
    let header = unit.line_program.as_ref().map(|program| program.header());
    let file = header.and_then(|header| Some((header, header.file(index)?)));
    let Some((header, file)) = file else {
        return Ok(PathBuf::new());
    };
    let text = |value| -> gimli::Result<_> {
        let text = dwarf.attr_string(unit, value)?;
        Ok(text.to_string_lossy()?.into_owned())
    };
    let mut path = PathBuf::new();
    if let Some(folder) = &unit.comp_dir {
        path.push(folder.to_string_lossy()?.as_ref());
    }
    if let Some(folder) = file.directory(header) {
        path.push(text(folder)?); // if it is absolute, it stands alone
    }
    path.push(text(file.path_name())?);
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        fs::{self, OpenOptions},
        os::unix::fs::FileExt,
        path::Path,
        process,
    };

    use super::{super::Elf, Information, Lines, NotSeen};

    /// What the lines of a program say. Not the lines themselves: these borrow.
    fn read(program: &Path) -> Result<(), NotSeen> {
        let information = Information::of(Elf::open(program).unwrap()).unwrap();
        Lines::of(&information, Path::new("lines.rs")).map(|_| ())
    }

    #[test]
    fn damaged_debug_information_is_none() {
        let own = env::current_exe().unwrap();
        let copy = env::temp_dir().join(format!("damaged-{}", process::id()));
        fs::copy(&own, &copy).unwrap();
        read(&copy).unwrap();
        let section = Elf::open(&copy).unwrap().place_in_file(".debug_aranges");
        let start = section.expect("it was read").start as u64;
        let file = OpenOptions::new().write(true).open(&copy).unwrap();
        file.write_all_at(&[0xff; 12], start).unwrap(); // a length beyond the end, of 64 bits
        let damaged = read(&copy);
        fs::remove_file(&copy).unwrap();
        assert_eq!(damaged, Err(NotSeen::no_debug_information()));
    }
}
