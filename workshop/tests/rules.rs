//! The header of an exercise is its contract: each rule stands in it as its checks state it.

use std::{fs, path::Path};

use workshop::{
    checks::{EXERCISES, Exercise},
    exam::{Level, Stated},
};

#[test]
fn the_rules_in_the_header_are_those_that_the_checks_enforce() {
    for exercise in EXERCISES {
        let rules: Vec<Stated> = (exercise.rules)()
            .into_iter()
            .map(|(rule, _)| rule)
            .collect();
        assert_eq!(rules_in_header(exercise), rules, "{}", exercise.path());
    }
}

#[test]
fn each_rule_has_a_check_and_core_rules_come_first() {
    for exercise in EXERCISES {
        let rules = (exercise.rules)();
        for (rule, checks) in &rules {
            assert!(!checks.is_empty(), "{}: rule {rule}", exercise.name);
        }
        assert!(
            rules.is_sorted_by_key(|(rule, _)| rule.level),
            "{}",
            exercise.name
        );
    }
}

#[test]
fn no_two_checks_of_an_exercise_have_the_same_name() {
    for exercise in EXERCISES {
        let mut names = exercise.checks();
        names.sort_unstable();
        assert!(
            names.is_sorted_by(|a, b| a < b),
            "{}: {names:?}",
            exercise.name
        );
    }
}

/// The numbered sentences of an exercise's file. A rule goes on in lines that are indented further.
fn rules_in_header(exercise: &Exercise) -> Vec<Stated> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let text = fs::read_to_string(root.join(exercise.path())).expect("the exercise is there");
    let header = text.lines().map_while(|line| line.strip_prefix("//!"));
    let (mut level, mut rules) = (None, Vec::<Stated>::new());
    for line in header {
        if line.starts_with(" Core rules") {
            level = Some(Level::Core);
        } else if line.starts_with(" Hardened rules") {
            level = Some(Level::Hardened);
        } else if !line.starts_with("   ") {
            level = None; // the list is over
        } else if let Some(level) = level {
            let line = line.trim_start();
            match line.split_once(". ") {
                Some((number, words)) if number.parse::<usize>().is_ok() => rules.push(Stated {
                    number: number.parse().expect("it has just been read"),
                    level,
                    text: words.to_owned(),
                }),
                _ => {
                    let rule = rules.last_mut().expect("a list begins with a number");
                    rule.text = format!("{} {line}", rule.text);
                }
            }
        }
    }
    rules
}
