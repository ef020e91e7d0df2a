//! Mistakes as edits: what applies, and in which line an edit that does not is reported.

use std::{fs, path::PathBuf};

use workshop::mistakes::{functions, parse, parse_variants, read, variants};

const BASE: &str = "\
//! Counts.

fn main() {
    one();
    two();

    three();
    two();
}
";

const HEAD: &str = "\
# A comment.

== shouts
Says it
in capitals.
rejected by: says it
cause: in capitals
";

/// The program that these hunks make of `BASE`, or why there is none.
fn edited(hunks: &str) -> Result<String, String> {
    parse(&format!("{HEAD}{hunks}"))?[0].apply(BASE)
}

#[test]
fn an_edit_replaces_its_lines_and_leaves_the_rest() {
    let program = edited("@@\n     one();\n-    two();\n+    2;\n\n     three();\n").unwrap();
    let expected = "fn main() {\n    one();\n    2;\n\n    three();\n    two();\n}\n";
    assert_eq!(program, expected);
}

#[test]
fn hunks_apply_to_the_base_in_any_order() {
    let last_first = "@@\n-    three();\n\n\n@@\n fn main() {\n-    one();\n+    1;\n+    1;\n\n";
    let program = edited(last_first).unwrap();
    let expected = "fn main() {\n    1;\n    1;\n    two();\n\n    two();\n}\n";
    assert_eq!(program, expected);
}

#[track_caller]
fn is_refused(hunks: &str, reason: &str) {
    assert_eq!(edited(hunks).unwrap_err(), reason);
}

#[test]
fn a_hunk_that_does_not_apply_is_refused() {
    let second = "@@\n     one();\n+    1;\n@@\n-    four();\n";
    let reason = "shouts: hunk 2: its lines do not occur in bases/base.rs";
    is_refused(second, reason);
    let too_long = "@@\n     two();\n }\n-}\n";
    let reason = "shouts: hunk 1: its lines do not occur in bases/base.rs";
    is_refused(too_long, reason);
    is_refused("@@\n-//! Counts.\n", reason);
}

#[test]
fn a_hunk_that_applies_twice_is_refused() {
    let reason = "shouts: hunk 1: its lines occur 2 times in bases/base.rs";
    is_refused("@@\n-    two();\n+    2;\n", reason);
}

#[test]
fn hunks_that_overlap_are_refused() {
    let both_have_one = "@@\n     one();\n-    two();\n@@\n fn main() {\n+    0;\n     one();\n";
    is_refused(both_have_one, "shouts: hunks 1 and 2 overlap");
}

#[test]
fn hunks_that_touch_are_applied() {
    let program =
        edited("@@\n fn main() {\n-    one();\n@@\n-    two();\n\n     three();\n").unwrap();
    assert_eq!(program, "fn main() {\n\n    three();\n    two();\n}\n");
}

#[test]
fn a_hunk_must_change_something_and_say_where() {
    is_refused("@@\n     one();\n", "shouts: hunk 1: it changes nothing");
    let reason = "shouts: hunk 1: it has no line that stays or is removed";
    is_refused("@@\n+    1;\n", reason);
    let reason = "shouts: hunk 1: `one();` begins with no space, `-` or `+`";
    is_refused("@@\none();\n", reason);
    is_refused("", "shouts: it has no hunk");
}

#[test]
fn a_mistake_has_each_of_its_lines_once() {
    let hunk = "@@\n-    one();\n";
    for (text, reason) in [
        ("== a\nA.\nrejected by: b\n", "a: it has no line `cause: `"),
        (
            "== a\nA.\nrejected by: b\ncause: \n",
            "a: it has no line `cause: `",
        ),
        ("== a\nA.\ncause: b\n", "a: it has no line `rejected by: `"),
        (
            "== a\nrejected by: b\ncause: c\n",
            "a: it has no description",
        ),
        (
            "== a\nA.\nrejected by: b\ncause: c\ncause: d\n",
            "a: it has two lines `cause: `",
        ),
        (
            "== a\nA.\nrejected by: b\ncause: c\nkause: d\n",
            "a: `kause: d` is not a key, and stands after one",
        ),
        (
            "== A b\n",
            "A b: a name is of small letters, digits and `_`",
        ),
        ("a\n", "`a` stands before the first `== NAME`"),
    ] {
        assert_eq!(parse(&format!("{text}{hunk}")).unwrap_err(), reason);
    }
}

/// An exercise of its own for each test.
fn exercise(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("mistakes")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    for (file, text) in files {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

#[test]
fn edits_and_whole_programs_are_one_list() {
    let edit = format!("{HEAD}@@\n     one();\n-    two();\n");
    let whole = "//! Spins.\n//!\n//! rejected by: ends\n//! cause: without end\n\nloop {}\n";
    let files = [
        ("mistakes.diff", &*edit),
        ("bases/base.rs", BASE),
        ("wrong/a_loop.rs", whole),
    ];
    let mistakes = read(&exercise("one_list", &files)).unwrap();
    let names: Vec<&str> = mistakes.iter().map(|mistake| &*mistake.name).collect();
    assert_eq!(names, ["a_loop", "shouts"]);
    assert_eq!(mistakes[0].program, "loop {}\n");
    assert_eq!(mistakes[0].description, "Spins.");
    assert_eq!(mistakes[0].cause, "without end");
    assert!(mistakes[0].file.is_some() && mistakes[1].file.is_none());
    assert_eq!(mistakes[1].description, "Says it in capitals.");
    assert_eq!(mistakes[1].rejected_by, "says it");
    assert!(!mistakes[1].program.contains("//!"), "{mistakes:?}");
}

#[test]
fn the_exercise_is_named_in_what_is_wrong() {
    let edit = format!("{HEAD}@@\n-    four();\n");
    let files = [("mistakes.diff", &*edit), ("bases/base.rs", BASE)];
    let error = read(&exercise("counting", &files)).unwrap_err();
    let expected = "counting: shouts: hunk 1: its lines do not occur in bases/base.rs";
    assert_eq!(error, expected);
    let whole = (
        "wrong/spins.rs",
        "//! Spins.\n//!\n//! rejected by: ends\n\nloop {}\n",
    );
    let error = read(&exercise("endless", &[whole])).unwrap_err();
    assert_eq!(error, "endless: spins: it has no line `cause: `");
}

#[test]
fn two_mistakes_of_one_name_are_refused() {
    let edit = format!("{HEAD}@@\n-    one();\n");
    let whole = "//! Spins.\n//!\n//! rejected by: ends\n//! cause: without end\n\nloop {}\n";
    let files = [
        ("mistakes.diff", &*edit),
        ("bases/base.rs", BASE),
        ("wrong/shouts.rs", whole),
    ];
    let error = read(&exercise("twice", &files)).unwrap_err();
    assert_eq!(error, "twice: shouts: there are two");
}

#[test]
fn a_right_answer_is_an_edit_with_a_description_only() {
    let variant = "== slow\nCounts slowly.\nbase: other\n@@\n     one();\n+    rest();\n";
    let files = [("variants.diff", variant), ("bases/other.rs", BASE)];
    let right = variants(&exercise("variants", &files)).unwrap();
    assert_eq!(right.len(), 1);
    assert_eq!(right[0].name, "slow");
    assert_eq!(right[0].description, "Counts slowly.");
    let program =
        "fn main() {\n    one();\n    rest();\n    two();\n\n    three();\n    two();\n}\n";
    assert_eq!(right[0].program, program);
    assert!(variants(&exercise("none", &[])).unwrap().is_empty());
}

#[test]
fn a_right_answer_with_a_line_of_a_mistake_is_refused() {
    let hunk = "@@\n-    one();\n";
    for (head, reason) in [
        (
            "Is slow.\nrejected by: b\n",
            "a: `rejected by: b` is a line of a mistake",
        ),
        (
            "Is slow.\ncause: b\n",
            "a: `cause: b` is a line of a mistake",
        ),
        ("base: other\n", "a: it has no description"),
        (
            "Is slow.\nbase: other\nbasis: b\n",
            "a: `basis: b` is not a key, and stands after one",
        ),
    ] {
        let text = format!("== a\n{head}{hunk}");
        assert_eq!(parse_variants(&text).unwrap_err(), reason);
    }
}

#[test]
fn a_right_answer_that_does_not_apply_is_named_with_its_exercise() {
    let variant = "== slow\nIs slow.\n@@\n-    four();\n";
    let files = [("variants.diff", variant), ("bases/base.rs", BASE)];
    let error = variants(&exercise("slowly", &files)).unwrap_err();
    let expected = "slowly: slow: hunk 1: its lines do not occur in bases/base.rs";
    assert_eq!(error, expected);
}

#[test]
fn the_functions_of_a_starter_are_read_from_its_main() {
    let one = "fn main() -> ExitCode {\n    workshop::checks::echo::SUITE.examine(echo)\n}\n";
    assert_eq!(functions(one).unwrap(), ["echo"]);
    let two = "fn main() -> ExitCode {\n    SUITE.examine((listen, serve))\n}\n";
    assert_eq!(functions(two).unwrap(), ["listen", "serve"]);
    assert!(functions("fn main() {}\n").is_err());
}
