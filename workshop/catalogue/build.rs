//! Writes the program of each answer that is an edit, and the list of all answers, which
//! `tests/answers.rs` includes. An edit that does not apply to its base fails the build in one
//! line.

#[allow(dead_code, reason = "some of it is for the command")]
#[path = "../src/mistakes.rs"]
mod mistakes;

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use mistakes::Mistake;

/// An answer, as the list has it.
struct Answer {
    kind: &'static str,
    exercise: String,
    name: String,
    file: PathBuf,
    /// The check that must reject it, and a part of the cause.
    rejected: Option<(String, String)>,
}

fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let root = package.ancestors().nth(2).expect("it is in the workspace");
    for folder in ["workshop/exercises", "solutions"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    println!("cargo::rustc-env=CHECKOUT={}", root.display());
    match make(root, &out) {
        Ok(list) => fs::write(out.join("answers.rs"), list).expect("it is our folder"),
        Err(error) => println!("cargo::error={error}"),
    }
}

/// Writes the programs, and returns the list.
fn make(root: &Path, out: &Path) -> Result<String, String> {
    let [programs, variants] = ["mistakes", "variants"].map(|folder| out.join(folder));
    for folder in [&programs, &variants] {
        let _ = fs::remove_dir_all(folder); // programs of edits that are no longer there
    }
    let mut answers = Vec::new();
    let mut functions = BTreeMap::new();
    let folders = fs::read_dir(root.join("workshop/exercises")).map_err(said)?;
    for folder in folders {
        let folder = folder.map_err(said)?.path();
        let exercise = name_of(&folder);
        for mistake in mistakes::read(&folder)? {
            answers.push(wrong(&exercise, mistake, &programs)?);
        }
        let mut right = mistakes::programs(&folder.join("bases"))?;
        right.extend(mistakes::programs(&folder.join("right"))?);
        for variant in mistakes::variants(&folder)? {
            let folder = variants.join(&exercise);
            right.push(written(&folder, &variant.name, &variant.program)?);
        }
        answers.extend(right.into_iter().map(|file| Answer {
            kind: "right_answers",
            name: name_of(&file),
            exercise: exercise.clone(),
            file,
            rejected: None,
        }));
        let starter = folder.join("starter.rs");
        let text = fs::read_to_string(&starter).map_err(said)?;
        let handed = mistakes::functions(&text).map_err(|error| format!("{exercise}: {error}"))?;
        let handed: Vec<String> = handed.into_iter().map(str::to_owned).collect();
        functions.insert(exercise.clone(), handed);
        answers.push(Answer {
            kind: "starters",
            name: "starter".to_owned(),
            exercise,
            file: starter,
            rejected: None,
        });
    }
    for file in mistakes::programs(&root.join("solutions"))? {
        let Some((_, exercise)) = name_of(&file).split_once('_').map(owned) else {
            continue; // the package's `lib.rs`
        };
        answers.push(Answer {
            kind: "solutions",
            name: exercise.clone(),
            exercise,
            file,
            rejected: None,
        });
    }
    answers.sort_by(|a, b| (a.kind, &a.exercise, &a.name).cmp(&(b.kind, &b.exercise, &b.name)));
    Ok(modules(&answers) + &list(&answers, &functions)?)
}

fn owned((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

fn said(error: std::io::Error) -> String {
    error.to_string()
}

fn name_of(file: &Path) -> String {
    let name = file.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The file in this folder to which the program of an edit is written.
fn written(folder: &Path, name: &str, program: &str) -> Result<PathBuf, String> {
    fs::create_dir_all(folder).map_err(said)?;
    let file = folder.join(name).with_extension("rs");
    fs::write(&file, program).map_err(said)?;
    Ok(file)
}

/// A wrong answer, whose program is written if it is an edit.
fn wrong(exercise: &str, mistake: Mistake, programs: &Path) -> Result<Answer, String> {
    let file = match mistake.file {
        Some(file) => file,
        None => written(&programs.join(exercise), &mistake.name, &mistake.program)?,
    };
    Ok(Answer {
        kind: "wrong_answers",
        exercise: exercise.to_owned(),
        name: mistake.name,
        file,
        rejected: Some((mistake.rejected_by, mistake.cause)),
    })
}

/// A module for each answer, such as `right_answers::echo::polls`.
fn modules(answers: &[Answer]) -> String {
    let mut tree: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
    for answer in answers {
        let exercises = tree.entry(answer.kind).or_default();
        exercises.entry(&answer.exercise).or_default().push(answer);
    }
    let mut text = String::new();
    for (kind, exercises) in tree {
        text += "#[allow(dead_code, reason = \"a program has a `main`\")]\n";
        text += &format!("mod {kind} {{\n");
        for (exercise, answers) in exercises {
            text += &format!("pub mod {exercise} {{\n");
            for Answer { name, file, .. } in answers {
                writeln!(text, "#[path = {file:?}] pub mod {name};").expect("a String grows");
            }
            text += "}\n";
        }
        text += "}\n";
    }
    text
}

/// `ANSWERS`.
fn list(answers: &[Answer], functions: &BTreeMap<String, Vec<String>>) -> Result<String, String> {
    let mut text = "const ANSWERS: &[Answer] = &[\n".to_owned();
    for answer in answers {
        let Answer {
            kind,
            exercise,
            name,
            file,
            rejected,
        } = answer;
        let handed = functions.get(exercise);
        let handed = handed.ok_or_else(|| format!("{exercise}: it has a solution only"))?;
        let path = |function: &String| format!("{kind}::{exercise}::{name}::{function}");
        let handed = match &handed[..] {
            [function] => path(function),
            functions => {
                let paths: Vec<String> = functions.iter().map(path).collect();
                format!("({})", paths.join(", "))
            }
        };
        let meant = match *kind {
            "wrong_answers" => "Kind::Wrong",
            "starters" => "Kind::Starter",
            _ => "Kind::Right",
        };
        let trial = match *kind {
            "solutions" => format!("{kind}/{name}"),
            _ => format!("{kind}/{exercise}/{name}"),
        };
        let (check, cause) = rejected.clone().unwrap_or_default();
        write!(
            text,
            "Answer {{
                kind: {meant},
                exercise: {exercise:?},
                name: {name:?},
                trial: {trial:?},
                file: {file:?},
                source: include_str!({file:?}),
                rejected_by: {check:?},
                cause: {cause:?},
                examine: || checks::{exercise}::SUITE.examine_file({file:?}, {handed}),
            }},
            "
        )
        .expect("a String grows");
    }
    Ok(text + "];\n")
}
