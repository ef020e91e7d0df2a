//! The glossary: a chapter made of `docs/glossary.md`, and links to it from the first occurrence of
//! each term in the text of a chapter.

use std::collections::BTreeSet;

/// A term, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As it stands in the glossary: `poll` in backticks, `EAGAIN, EWOULDBLOCK` two in one.
    pub term: String,
    /// In Markdown.
    pub meaning: String,
    /// The lesson that shows it best.
    pub lesson: String,
}

/// All terms.
#[derive(Debug, Clone, Default)]
pub struct Glossary {
    introduction: String,
    entries: Vec<Entry>,
    /// What may stand in a text, longest first, and whose entry it is.
    forms: Vec<(String, usize)>,
}

impl Glossary {
    /// The table of `docs/glossary.md`: term, meaning, lesson.
    ///
    /// # Errors
    /// A row that has not these three cells.
    pub fn parse(text: &str) -> Result<Glossary, String> {
        let (mut introduction, mut entries) = (Vec::new(), Vec::new());
        for line in text.lines() {
            match line
                .strip_prefix("| ")
                .and_then(|row| row.strip_suffix(" |"))
            {
                Some(row) if row.starts_with("term |") => {}
                Some(row) => entries.push(entry(row)?),
                None if line.starts_with("# ") || line.starts_with("|--") => {}
                None => introduction.push(line),
            }
        }
        let mut forms = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            for term in entry.term.split(", ") {
                let term = term.replace('`', "");
                forms.extend(plurals(&term).map(|form| (form, index)));
                forms.push((term, index));
            }
        }
        forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        Ok(Glossary {
            introduction: introduction.join("\n").trim().to_owned(),
            entries,
            forms,
        })
    }

    /// The terms.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The text of the chapter: a list of definitions, whose terms are anchors.
    #[must_use]
    pub fn chapter(&self) -> String {
        let definition = |entry: &Entry| {
            let Entry {
                term,
                meaning,
                lesson,
            } = entry;
            format!("{term}\n: {meaning} Lesson [`{lesson}`]({lesson}.md).\n")
        };
        let list: Vec<String> = self.entries.iter().map(definition).collect();
        format!("{}\n\n{}", self.introduction, list.join("\n"))
    }

    /// A chapter in which the first occurrence of each term is a link, in text: not in headings,
    /// code, links, directives or HTML. `up` is the way from the chapter to the glossary's folder.
    #[must_use]
    pub fn link(&self, chapter: &str, up: &str) -> String {
        let mut linker = Linker {
            glossary: self,
            up,
            linked: BTreeSet::new(),
            out: String::new(),
        };
        let mut paragraph = String::new();
        let (mut fence, mut is_html) = (None, false);
        for line in chapter.split_inclusive('\n') {
            let start = line.trim_start();
            let marks = ["```", "~~~"]
                .into_iter()
                .find(|mark| start.starts_with(mark));
            let is_code = fence.is_some() || marks.is_some();
            match (fence, marks) {
                (None, Some(mark)) => fence = Some(mark),
                (Some(open), Some(mark)) if open == mark => fence = None,
                _ => {}
            }
            is_html =
                !start.is_empty() && (is_html || (paragraph.is_empty() && start.starts_with('<')));
            let is_heading = start.starts_with('#');
            let is_other = start.is_empty() || start.starts_with("{{#");
            if is_code || is_html || is_heading || is_other {
                linker.paragraph(&std::mem::take(&mut paragraph));
                linker.out += line;
            } else {
                paragraph += line;
            }
        }
        linker.paragraph(&paragraph);
        linker.out
    }

    /// The form of a term that a text begins with: how long it is there, and whose it is. A space of
    /// the term may be a line break in the text.
    fn at(&self, text: &str) -> Option<(usize, usize)> {
        self.forms
            .iter()
            .find_map(|(form, index)| Some((length(form, text)?, *index)))
    }
}

/// The anchor of a term, as mdbook makes it of the words in a list of definitions.
#[must_use]
pub fn anchor(term: &str) -> String {
    let kept = term
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn entry(row: &str) -> Result<Entry, String> {
    let cells: Vec<&str> = row.split(" | ").collect();
    let [term, meaning, lesson] = cells[..] else {
        return Err(format!("docs/glossary.md: `{row}` has not three cells"));
    };
    let name = lesson.split('`').nth(1);
    let lesson = name.ok_or_else(|| format!("docs/glossary.md: `{term}` names no lesson"))?;
    Ok(Entry {
        term: term.to_owned(),
        meaning: meaning.to_owned(),
        lesson: lesson.to_owned(),
    })
}

/// `address families`, `half-closes`, `segments`.
fn plurals(term: &str) -> impl Iterator<Item = String> {
    let families = term.strip_suffix('y').map(|stem| format!("{stem}ies"));
    let ends_in_hiss = ["s", "x", "ch", "sh"].iter().any(|end| term.ends_with(end));
    let plural = match ends_in_hiss {
        true => format!("{term}es"),
        false => format!("{term}s"),
    };
    [Some(plural), families].into_iter().flatten()
}

/// How long this form is at the beginning of a text, if it is there as a word. A term that begins
/// with a small letter may begin a sentence.
fn length(form: &str, text: &str) -> Option<usize> {
    if text.starts_with("Windows") {
        return None; // the system, and not several windows
    }
    let mut rest = text.chars();
    for (at, wanted) in form.chars().enumerate() {
        let found = rest.next()?;
        let is_same = found == wanted
            || (wanted == ' ' && found == '\n')
            || (at == 0 && wanted.is_lowercase() && found == wanted.to_ascii_uppercase());
        if !is_same {
            return None;
        }
    }
    let after = rest.as_str();
    (!after.starts_with(is_word)).then_some(text.len() - after.len())
}

/// Whether a character is a part of a word, so that a term does not begin or end beside it.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

struct Linker<'a> {
    glossary: &'a Glossary,
    up: &'a str,
    /// Entries that a link leads to already.
    linked: BTreeSet<usize>,
    out: String,
}

impl Linker<'_> {
    /// Passes a paragraph on, with links.
    fn paragraph(&mut self, text: &str) {
        let mut at = 0;
        let mut last = ' ';
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            let length = match untouched(rest) {
                Some(length) => length,
                None if is_word(last) => c.len_utf8(),
                None => match self.glossary.at(rest) {
                    Some((length, index)) if self.linked.insert(index) => {
                        self.link(&rest[..length], index);
                        last = rest[..length].chars().next_back().unwrap_or(last);
                        at += length;
                        continue;
                    }
                    Some((length, _)) => length, // no shorter term begins within it
                    None => c.len_utf8(),
                },
            };
            self.out += &rest[..length];
            last = rest[..length].chars().next_back().unwrap_or(last);
            at += length;
        }
    }

    fn link(&mut self, words: &str, index: usize) {
        let entry = &self.glossary.entries[index];
        let title = entry.meaning.replace('`', "").replace('"', "&quot;");
        let title = title.replace('|', "\\|");
        let (up, anchor) = (self.up, anchor(&entry.term));
        self.out += &format!("[{words}]({up}glossary.md#{anchor} \"{title}\")");
    }
}

/// How long what this text begins with is, if no link may be set in it: code, a link, an HTML tag,
/// an address, an escape.
fn untouched(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    match first {
        '`' => {
            let marks = text.len() - text.trim_start_matches('`').len();
            let (mark, rest) = text.split_at(marks);
            Some(rest.find(mark).map_or(marks, |end| marks + end + marks))
        }
        '\\' => Some(text.chars().take(2).map(char::len_utf8).sum()),
        '<' => {
            let is_tag = text[1..].starts_with(|c: char| c.is_alphabetic() || c == '/' || c == '!');
            is_tag.then(|| text.find('>').map_or(1, |end| end + 1))
        }
        '[' => {
            let mut depth = 0;
            let close = text.char_indices().find(|(_, c)| {
                depth += i32::from(*c == '[') - i32::from(*c == ']');
                depth == 0
            });
            let close = close?.0 + 1;
            let end = match text[close..].chars().next()? {
                '(' => text[close..].find(')')?,
                '[' => text[close..].find(']')?,
                _ => return None,
            };
            Some(close + end + 1)
        }
        'h' if text.starts_with("http://") || text.starts_with("https://") => {
            Some(text.find(char::is_whitespace).unwrap_or(text.len()))
        }
        _ => None,
    }
}
