//! The directives of a chapter: lines such as `{{#stage echo 2}}`.

/// What a directive asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive<'a> {
    /// An item of a lesson, or a piece of one.
    Code(&'a str, &'a str, Option<Piece<'a>>),
    /// The stage of a lesson with this number, as a terminal shows it.
    Stage(&'a str, u64),
    /// A recorded lesson, to be played.
    Play(&'a str),
    /// The header of an exercise.
    Rules(&'a str),
    /// A mistake of an exercise.
    Mistake(&'a str, &'a str),
    /// A picture of `docs/pictures`, and its caption.
    Picture(&'a str, &'a str),
    /// All terms.
    Glossary,
    /// All claims, and where each is shown.
    Claims,
    /// The list of all slides.
    Slides,
    /// A document of the repository, by its path from the root.
    Include(&'a str),
}

/// From the first line that contains a text to the next that contains another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// In the first line.
    pub from: &'a str,
    /// In the last one. Without it there is one line.
    pub to: Option<&'a str>,
}

/// How each directive is written.
const FORMS: [(&str, &str); 10] = [
    (
        "code",
        "{{#code LESSON ITEM}} or {{#code LESSON ITEM \"FROM\" \"TO\"}}",
    ),
    ("stage", "{{#stage LESSON NUMBER}}"),
    ("play", "{{#play LESSON}}"),
    ("rules", "{{#rules EXERCISE}}"),
    ("mistake", "{{#mistake EXERCISE MISTAKE}}"),
    ("picture", "{{#picture NAME \"caption\"}}"),
    ("glossary", "{{#glossary}}"),
    ("claims", "{{#claims}}"),
    ("slides", "{{#slides}}"),
    ("include", "{{#include PATH}}"),
];

impl Directive<'_> {
    /// The directive that is this line, if it is one.
    ///
    /// # Errors
    /// It is not written as one is: how that is done.
    pub fn parse(line: &str) -> Option<Result<Directive<'_>, String>> {
        let inside = line.trim().strip_prefix("{{#")?;
        let Some(inside) = inside.strip_suffix("}}") else {
            return Some(Err(
                "a directive is a line of its own, and ends with }}".to_owned()
            ));
        };
        let (words, texts) = match inside.split_once(" \"") {
            Some((words, texts)) => (words, Some(texts)),
            None => (inside, None),
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let kind = words.first().copied().unwrap_or_default();
        Some(read(&words, texts).ok_or_else(|| {
            let form = FORMS.iter().find(|(name, _)| *name == kind);
            match form {
                Some((_, form)) => format!("it is written {form}"),
                None => {
                    let names = FORMS.map(|(name, _)| name);
                    format!(
                        "there is no directive `{kind}`; there are {}",
                        names.join(", ")
                    )
                }
            }
        }))
    }
}

/// `texts` is what follows the first quotation mark.
fn read<'a>(words: &[&'a str], texts: Option<&'a str>) -> Option<Directive<'a>> {
    let texts: Option<Vec<&str>> = match texts {
        Some(texts) => Some(texts.strip_suffix('"')?.split("\" \"").collect()),
        None => None,
    };
    let one = |from| Some(Piece { from, to: None });
    Some(match (words, texts.as_deref()) {
        (["code", lesson, item], None) => Directive::Code(lesson, item, None),
        (["code", lesson, item], Some([from])) => Directive::Code(lesson, item, one(from)),
        (["code", lesson, item], Some([from, to])) => {
            let to = Some(*to);
            Directive::Code(lesson, item, Some(Piece { from, to }))
        }
        (["stage", lesson, number], None) => Directive::Stage(lesson, number.parse().ok()?),
        (["play", lesson], None) => Directive::Play(lesson),
        (["rules", exercise], None) => Directive::Rules(exercise),
        (["mistake", exercise, name], None) => Directive::Mistake(exercise, name),
        (["picture", name], Some([caption])) => Directive::Picture(name, caption),
        (["glossary"], None) => Directive::Glossary,
        (["claims"], None) => Directive::Claims,
        (["slides"], None) => Directive::Slides,
        (["include", path], None) => Directive::Include(path),
        _ => return None,
    })
}
