//! Which part of a line a column points to. The compiler records where a call or an expression
//! begins. A small scanner finds its end, or marks the whole line if it cannot.

use std::ops::Range;

use super::Column;

/// What a column points to, in bytes of the line: the name of a call, a macro with its arguments,
/// an index, a sum; otherwise the line without the white space around it.
#[must_use]
pub fn span(line: &str, column: Column) -> Range<usize> {
    let found = byte(line, column).and_then(|start| Scanner { line }.at(start));
    found.unwrap_or_else(|| whole(line))
}

/// The line without the white space around it.
fn whole(line: &str) -> Range<usize> {
    let start = line.len() - line.trim_start().len();
    start..line.trim_end().len().max(start)
}

/// The column as an index into the line.
fn byte(line: &str, column: Column) -> Option<usize> {
    match column {
        Column::Byte(column) => {
            let byte = column.checked_sub(1)? as usize;
            line.is_char_boundary(byte).then_some(byte)
        }
        Column::Display(column) => {
            let (target, mut at) = (column.checked_sub(1)? as usize, 0);
            for (byte, c) in line.char_indices() {
                if at >= target {
                    return Some(byte);
                }
                // rustc counts four columns for a tab.
                at += match c {
                    '\t' => 4,
                    c => textwrap::core::display_width(c.encode_utf8(&mut [0; 4])),
                };
            }
            None
        }
    }
}

struct Scanner<'a> {
    line: &'a str,
}

impl Scanner<'_> {
    /// What begins here. rustc records a method call at the method's name;
    /// a function call, an index or a sum at its first character; and the
    /// `next` of a `for` at the expression it iterates over.
    fn at(&self, start: usize) -> Option<Range<usize>> {
        match self.peek(start)? {
            '}' => return Some(start..start + 1), // values are dropped at the end of a scope
            '[' if start > 0 => return self.index(start),
            _ => {}
        }
        let name = self.name(start);
        if let Some(name) = name {
            let is_call = self.peek(self.generics(name)) == Some('(') && !self.is_iterated(start);
            if is_call || is_keyword(&self.line[start..name]) {
                return Some(start..name);
            }
        }
        let end = self.operand(start)?;
        Some(match self.sum(end) {
            Some(end) => start..end,
            None => self.part(start, end).unwrap_or(start..end),
        })
    }

    /// Whether a `for` iterates over the expression that begins here.
    fn is_iterated(&self, start: usize) -> bool {
        let before = self.line[..start].trim_start();
        before.starts_with("for ") && before.ends_with(" in ")
    }

    /// The end of `a - b`, if an operator follows the operand: an overflow comes from both.
    fn sum(&self, operand: usize) -> Option<usize> {
        let operator = self.spaces(operand);
        let length = operator_length(&self.line[operator..])?;
        self.operand(self.spaces(operator + length))
    }

    /// Of a chain, its first index with what is indexed, or else the name
    /// of the last method that it calls.
    fn part(&self, start: usize, end: usize) -> Option<Range<usize>> {
        let (mut at, mut last) = (self.first(start)?, None);
        while at < end {
            let next = self.link(at);
            if self.peek(at) == Some('[') {
                return Some(start..next);
            }
            if let Some('.') = self.peek(at)
                && self.peek(next) == Some('(')
            {
                last = self.name(at + 1).map(|name| at + 1..name);
            }
            if next == at {
                break;
            }
            at = next;
        }
        last
    }

    /// An index in brackets, with what is indexed.
    fn index(&self, bracket: usize) -> Option<Range<usize>> {
        let before = self.line[..bracket].char_indices().rev();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let start = before.take_while(|(_, c)| is_part(*c)).last();
        Some(start.map_or(bracket, |(start, _)| start)..self.group(bracket)?)
    }

    /// The end of an operand: signs, then a name, a literal or a group, then what follows it.
    fn operand(&self, mut at: usize) -> Option<usize> {
        while let Some('&' | '*' | '-' | '!') = self.peek(at) {
            at += 1;
            if self.line[at..].starts_with("mut ") {
                at += "mut ".len();
            }
        }
        Some(self.postfix(self.first(at)?))
    }

    /// The end of a name with its path, of a literal, or of a group in brackets.
    fn first(&self, at: usize) -> Option<usize> {
        match self.peek(at)? {
            '(' | '[' => self.group(at),
            '"' => self.string(at),
            _ => {
                let end = self.name(at)?;
                let is_macro = matches!(self.peek(end), Some('!'))
                    && matches!(self.peek(end + 1), Some('(' | '[' | '{'));
                match is_macro {
                    true => Some(self.group(end + 1).unwrap_or(end + 1)),
                    false => Some(end),
                }
            }
        }
    }

    /// The end of what follows an operand: fields, calls, indexes, question marks.
    fn postfix(&self, mut at: usize) -> usize {
        loop {
            let next = self.link(at);
            if next == at {
                return at;
            }
            at = next;
        }
    }

    /// The end of one such part, or where it would begin.
    fn link(&self, at: usize) -> usize {
        let rest = &self.line[at..];
        match rest.chars().next() {
            Some('(' | '[') => self.group(at).unwrap_or(at),
            Some('?') => at + 1,
            Some('.') if !rest.starts_with("..") => {
                self.name(at + 1).map_or(at, |end| self.generics(end))
            }
            _ => at,
        }
    }

    /// The end of a name and its path: `self`, `TcpStream::connect`, `17`.
    fn name(&self, at: usize) -> Option<usize> {
        let word = |at: usize| {
            let rest = self.line.get(at..)?;
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let end = at + length.unwrap_or(rest.len());
            (end > at).then_some(end)
        };
        let mut end = word(at)?;
        while self.line[end..].starts_with("::") {
            match word(end + 2) {
                Some(next) => end = next,
                None => break, // `::<T>`
            }
        }
        Some(end)
    }

    /// Past the `::<T>` of a call.
    fn generics(&self, at: usize) -> usize {
        if !self.line[at..].starts_with("::<") {
            return at;
        }
        let mut depth = 0;
        for (offset, c) in self.line[at + 2..].char_indices() {
            match c {
                '<' => depth += 1,
                '>' if depth == 1 => return at + 2 + offset + 1,
                '>' => depth -= 1,
                _ => {}
            }
        }
        at
    }

    /// The end of a group in brackets, if it ends in this line.
    fn group(&self, start: usize) -> Option<usize> {
        let (mut depth, mut at) = (0, start);
        while let Some(c) = self.peek(at) {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 1 => return Some(at + 1),
                ')' | ']' | '}' => depth -= 1,
                '"' => {
                    at = self.string(at)?;
                    continue;
                }
                // `'('` is a character, `'a` a lifetime.
                '\'' => at += self.character(at),
                _ => {}
            }
            at += self.peek(at).map_or(1, char::len_utf8);
        }
        None
    }

    /// How many bytes of a character literal come before its closing quote; 0 for a lifetime.
    fn character(&self, start: usize) -> usize {
        let mut rest = self.line[start + 1..].char_indices();
        let first = rest.next().map(|(_, c)| c);
        if first == Some('\\') {
            rest.next();
        }
        match rest.next() {
            Some((offset, '\'')) => offset + 1,
            _ => 0,
        }
    }

    /// The end of a string, if it ends in this line.
    fn string(&self, start: usize) -> Option<usize> {
        let mut escaped = false;
        for (offset, c) in self.line[start + 1..].char_indices() {
            match c {
                '"' if !escaped => return Some(start + 1 + offset + 1),
                _ => escaped = c == '\\' && !escaped,
            }
        }
        None
    }

    fn spaces(&self, at: usize) -> usize {
        let rest = &self.line[at..];
        at + rest.len() - rest.trim_start().len()
    }

    fn peek(&self, at: usize) -> Option<char> {
        self.line.get(at..)?.chars().next()
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "break" | "continue" | "for" | "if" | "let" | "loop" | "match" | "return" | "while"
    )
}

/// The length of an operator that can overflow or divide by zero.
fn operator_length(rest: &str) -> Option<usize> {
    let operator = [
        "<<=", ">>=", "<<", ">>", "+=", "-=", "*=", "/=", "%=", "+", "-", "*", "/", "%",
    ];
    let found = operator
        .into_iter()
        .find(|operator| rest.starts_with(operator))?;
    (!rest.starts_with("->")).then_some(found.len())
}

#[cfg(test)]
mod tests {
    use super::{Column, span};

    /// What is marked of a line, where `|` stands before what the column points to.
    fn marked(line: &str) -> String {
        let start = line.find('|').unwrap();
        let line = line.replacen('|', "", 1);
        line[span(&line, Column::Byte(start as u32 + 1))].to_owned()
    }

    #[test]
    fn of_a_call_its_name_is_marked() {
        assert_eq!(marked("    stream.|read_exact(&mut buf)?;"), "read_exact");
        assert_eq!(marked("    for line in |reader.lines() {"), "lines");
        assert_eq!(
            marked("    let s = |TcpStream::connect(addr)?;"),
            "TcpStream::connect"
        );
        assert_eq!(marked("    |drain(&stream);"), "drain");
        assert_eq!(marked("    let n = it.|sum::<Vec<u8>>();"), "sum");
        assert_eq!(marked("    |self.stream.read(&mut self.buf[..])?;"), "read");
        assert_eq!(marked("    |lock(&m).unwrap();"), "lock");
        assert_eq!(
            marked("    for line in |BufReader::new(s).lines() {"),
            "lines"
        );
        assert_eq!(marked("    |thread.join().unwrap()"), "unwrap");
        assert_eq!(marked("        .|recv()"), "recv");
    }

    #[test]
    fn what_is_no_call_is_marked_to_its_end() {
        assert_eq!(marked("    |panic!(\"no ) {x}\");"), "panic!(\"no ) {x}\")");
        assert_eq!(marked("    |assert_eq!("), "assert_eq!");
        assert_eq!(marked("    let x = |buf[n..m].len();"), "buf[n..m]");
        assert_eq!(marked("    let b = &|buf[..n];"), "buf[..n]");
        assert_eq!(marked("    read(&mut self.buf|[..n])?;"), "self.buf[..n]");
        assert_eq!(marked("    let left = |total - n as u64;"), "total - n");
        assert_eq!(marked("    |count += 1;"), "count += 1");
        assert_eq!(marked("    |loop {"), "loop");
        assert_eq!(marked("    |}"), "}");
        assert_eq!(
            marked("    *m.lock().unwrap() += 1|;"),
            "*m.lock().unwrap() += 1;"
        );
        assert_eq!(marked("    |'('"), "'('"); // the whole line
    }

    #[test]
    fn columns_are_bytes_or_columns_of_a_terminal() {
        let line = "\tlet é = \"日本\"; stream.read(b)";
        let bytes = line.find("read").unwrap();
        assert_eq!(&line[span(line, Column::Byte(bytes as u32 + 1))], "read");
        let columns = 4 + "let é = \"....\"; stream.".chars().count();
        assert_eq!(
            &line[span(line, Column::Display(columns as u32 + 1))],
            "read"
        );
    }

    #[test]
    fn a_column_outside_the_line_marks_all_of_it() {
        for column in [
            Column::Byte(0),
            Column::Byte(99),
            Column::Display(0),
            Column::Byte(7),
        ] {
            assert_eq!(span("  é = 日本; ", column), 2..14);
        }
        assert_eq!(span("   ", Column::Byte(2)), 3..3);
    }
}
