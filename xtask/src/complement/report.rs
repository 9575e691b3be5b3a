//! `results.md`: the totals, and every test that fails or is skipped, with why.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use super::results::{End, Results, Test, Totals};
use crate::process::Outcome;

/// What is to be said of a test beside its own words: where it and the specification disagree, or what is not there yet.
/// The key is the package and the test, such as `tests/csapi TestLogin`.
#[derive(Debug, Default)]
pub struct Notes(BTreeMap<String, String>);

impl Notes {
    /// Reads the notes of a JSON file; where there is none, there are none.
    pub fn read(file: &Path) -> Outcome<Self> {
        if !file.exists() {
            return Ok(Self::default());
        }
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read_to_string(file).map_err(|error| told(&error))?;
        serde_json::from_str(&text).map(Self).map_err(|error| told(&error))
    }
}

/// The whole of `results.md`. It has no date and no times, so that two of them are easily compared.
pub fn markdown(results: &Results, notes: &Notes, version: &str) -> String {
    let mut text = format!(
        "# Complement\n\nWritten by `cargo xtask complement`; Complement {version}. Tests and subtests count alike.\n\n\
         | package | passed | failed | skipped |\n|---|---:|---:|---:|\n"
    );
    for (package, tests) in &results.packages {
        row(&mut text, package, Totals::of(tests));
    }
    row(&mut text, "**all**", results.totals());
    let of = |package| results.packages.get(package).map(Totals::of).unwrap_or_default();
    let main = of("tests").and(of("tests/csapi"));
    if main.all() > 0 {
        let percent = 100.0 * main.passed as f64 / main.all() as f64;
        let _ = writeln!(
            text,
            "\nOf `tests` and `tests/csapi`, {} of {} pass ({percent:.1}%).",
            main.passed,
            main.all()
        );
    }
    for (title, end) in [("Failed", End::Failed), ("Skipped", End::Skipped)] {
        let _ = write!(text, "\n## {title}\n");
        list(&mut text, results, notes, end);
    }
    text
}

fn row(text: &mut String, name: &str, Totals { passed, failed, skipped }: Totals) {
    let _ = writeln!(text, "| {name} | {passed} | {failed} | {skipped} |");
}

fn list(text: &mut String, results: &Results, notes: &Notes, end: End) {
    for (package, tests) in &results.packages {
        let mut of_end = tests.iter().filter(|(_, test)| test.end == Some(end)).peekable();
        if of_end.peek().is_some() {
            let _ = write!(text, "\n### {package}\n\n");
        }
        for (name, test) in of_end {
            let _ = write!(text, "- `` {name} ``: {}", plain(reason_of(name, test, tests)));
            if let Some(note) = notes.0.get(&format!("{package} {name}")) {
                let _ = write!(text, " **Note:** {}", plain(note));
            }
            text.push('\n');
        }
    }
}

/// A text that Markdown leaves as it is.
fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut plain, character| {
        if matches!(character, '\\' | '`' | '*' | '_' | '<' | '[' | '|') {
            plain.push('\\');
        }
        plain.push(character);
        plain
    })
}

fn reason_of<'a>(name: &str, test: &'a Test, tests: &BTreeMap<String, Test>) -> &'a str {
    let is_below = |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    let by_subtest = tests.iter().any(|(other, below)| is_below(other) && below.end == test.end);
    match &test.reason {
        _ if by_subtest => "by what is below",
        Some(reason) => reason,
        None => "it says nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_with_their_reasons() {
        let mut results = Results::default();
        for (action, test) in [("fail", "A/b"), ("fail", "A"), ("pass", "C"), ("skip", "D")] {
            let event = serde_json::json!({
                "Action": action, "Package": "github.com/matrix-org/complement/tests", "Test": test,
            });
            results.take_in(event.to_string().as_bytes());
        }
        results.end(false);
        let notes = Notes(BTreeMap::from([("tests D".to_owned(), "not _ours_".to_owned())]));
        let text = markdown(&results, &notes, "v0");
        for line in [
            "| tests | 1 | 2 | 1 |",
            "Of `tests` and `tests/csapi`, 1 of 4 pass (25.0%).",
            "- `` A ``: by what is below",
            "- `` A/b ``: it says nothing",
            "- `` D ``: it says nothing **Note:** not \\_ours\\_",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        }
    }
}
