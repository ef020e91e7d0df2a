//! The state diagram of RFC 9293 (3.3.2, figure 5), with marks where the kernel has the ends.
//!
//! Left out are a FIN that comes with the ACK of ours (from FIN_WAIT1 straight to TIME_WAIT), the
//! ways back (a close in LISTEN or SYN_SENT, a reset), a listener that connects, for sockets know
//! no such call, and the close in SYN_RECV.

use super::Story;
use crate::table::{End, State};

/// Names are netstat's, but for CLOSED. On an arrow stands what happens, and after a slash what is
/// sent. After each name there is room for two marks. The first line is empty. With a table of
/// three rows and its explanation it fits into 25 lines.
const DIAGRAM: &str = "
 CLOSED        --connect / SYN--> SYN_SENT        --SYN+ACK / ACK-+
   | listen                          | SYN / SYN+ACK              |
   v                                 v                            v
 LISTEN        --SYN / SYN+ACK--> SYN_RECV        --ACK--> ESTABLISHED
                                                             |       |
   +------------------------shutdown / FIN-------------------+       | FIN / ACK
   v                                                                 v
 FIN_WAIT1        --ACK--> FIN_WAIT2                       CLOSE_WAIT
   | FIN / ACK                | FIN / ACK                    | shutdown / FIN
   v                          v                              v
 CLOSING        --ACK-->   TIME_WAIT                       LAST_ACK
 TIME_WAIT ends in CLOSED after 60 s on Linux; LAST_ACK with an ACK.
";

impl Story {
    /// From now on the state diagram is drawn below each table, and in it where the kernel has each
    /// end that the stage names, by the first letter of its role: `[C]` for the client.
    pub fn draw_diagrams(&mut self) {
        self.printer.draws_diagrams = true;
    }
}

/// The lines of the diagram, each end of the stage marked by its role where the table has it.
pub(super) fn diagram(ends: &[(&str, End, State)]) -> Vec<String> {
    let marks = ends
        .iter()
        .filter_map(|(role, _, state)| Some((role.chars().next()?.to_ascii_uppercase(), *state)));
    drawn(&marks.collect::<Vec<_>>())
}

/// With a mark such as `[C]` after the name of each end's state.
fn drawn(marks: &[(char, State)]) -> Vec<String> {
    DIAGRAM.lines().map(|line| marked(line, marks)).collect()
}

fn marked(line: &str, marks: &[(char, State)]) -> String {
    let is_text = line.ends_with('.');
    let line = format!("{line:<80}"); // room after the last name
    let mut marked = line.clone();
    for state in State::ALL {
        let here = marks.iter().filter(|(_, place)| *place == state);
        let here: String = here.map(|(mark, _)| format!("[{mark}]")).collect();
        let name = name(state);
        // A name that is part of another word is not a state's, nor is one in the last line's text.
        let Some(at) = line.find(&format!(" {name} ")).filter(|_| !is_text) else {
            continue;
        };
        let at = at + name.len() + 2;
        let end = (at + here.len()).min(marked.len());
        marked.replace_range(at..end, &here);
    }
    marked.trim_end().to_owned()
}

fn name(state: State) -> &'static str {
    match state {
        State::Close => "CLOSED",
        state => state.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DIAGRAM, State, drawn, name};

    /// Every state alone, and two ends in it.
    #[test]
    fn each_state_has_one_place_with_room_for_two_marks() {
        for state in State::ALL {
            let lines = drawn(&[('C', state), ('S', state)]);
            let marked: Vec<&String> = lines.iter().filter(|line| line.contains('[')).collect();
            assert_eq!(marked.len(), 1, "{state}");
            let text = format!(" {} [C][S]", name(state));
            assert!(marked[0].contains(&text), "{state}: {}", marked[0]);
            let unmarked = marked[0].replace("[C][S]", "      ");
            let unmarked = unmarked.trim_end();
            assert!(DIAGRAM.contains(unmarked), "an arrow is hidden: {unmarked}");
        }
    }

    #[test]
    fn two_ends_stand_in_two_places() {
        let text = drawn(&[('C', State::FinWait2), ('S', State::CloseWait)]).join("\n");
        assert!(
            text.contains(" FIN_WAIT2 [C] ") && text.contains(" CLOSE_WAIT [S]"),
            "{text}"
        );
        assert_eq!(text.matches('[').count(), 2);
    }

    #[test]
    fn fits_into_80_columns() {
        for line in DIAGRAM.lines() {
            assert!(line.len() <= 80 && line.is_ascii(), "{line}");
        }
    }
}
