//! Names of exercises, as people type them.

use super::find;

#[test]
fn finds_an_exercise_by_any_of_its_names() {
    for name in [
        "echo",
        "3",
        "03",
        "03_echo",
        "03_echo.rs",
        "exercises/03_echo.rs",
    ] {
        assert_eq!(find(name).unwrap().name, "echo", "{name}");
    }
}

#[test]
fn names_the_nearest_of_a_misspelt_one() {
    let error = |name| find(name).unwrap_err().to_string();
    assert!(
        error("ehco").contains("did you mean `echo`?"),
        "{}",
        error("ehco")
    );
    assert!(error("dialler").contains("did you mean `dialer`?"));
    assert!(
        error("99").contains("cargo workshop list"),
        "{}",
        error("99")
    );
}
