//! What `go test -json` says: one JSON object a line (`go doc test2json`).

use std::collections::BTreeMap;

use serde_json::Value;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Passed,
    Failed,
    Skipped,
}

/// A test or a subtest.
#[derive(Debug, Default)]
pub struct Test {
    /// None as long as it runs.
    pub end: Option<End>,
    /// What it said of that, in one line.
    pub reason: Option<String>,
    /// Whether the reason is one that Complement marked, not the last thing that was said.
    is_marked: bool,
    /// Whether the next line goes on with it.
    goes_on: bool,
}

/// Tests and subtests, counted alike.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

/// All that ran: tests by the name of their package from `tests` on, and their own.
#[derive(Debug, Default)]
pub struct Results {
    pub packages: BTreeMap<String, BTreeMap<String, Test>>,
}

/// Complement prints what a test fails by in red.
const RED: &str = "\u{1b}[31m";
const NOT_RED: &str = "\u{1b}[39m";
/// The name under which a package stands that fails though no test of it does: it was not built, or it panicked.
const PACKAGE_ITSELF: &str = "(the package)";
const LONGEST_REASON: usize = 300;

impl Results {
    /// Takes in a line; tells how a test of the top level ended.
    pub fn take_in(&mut self, line: &[u8]) -> Option<String> {
        let event: Value = serde_json::from_slice(line).ok()?;
        let package = event["Package"].as_str().or_else(|| event["ImportPath"].as_str())?;
        let package = package.split_once("/complement/").map_or(package, |(_, name)| name);
        let package = package.split(' ').next().unwrap_or(package);
        let name = event["Test"].as_str().unwrap_or(PACKAGE_ITSELF);
        let end = match event["Action"].as_str()? {
            "pass" => End::Passed,
            "fail" | "build-fail" => End::Failed,
            "skip" => End::Skipped,
            "run" => {
                self.test(package, name);
                return None;
            }
            "output" | "build-output" => {
                self.test(package, name).hear(event["Output"].as_str().unwrap_or_default());
                return None;
            }
            _ => return None,
        };
        self.test(package, name).end = Some(end);
        let is_top = name != PACKAGE_ITSELF && !name.contains('/');
        let seconds = event["Elapsed"].as_f64().unwrap_or_default();
        is_top.then(|| format!("{} {package} {name} ({seconds} s)", end.word()))
    }

    /// Nothing more comes: what did not end by itself has failed.
    pub fn end(&mut self, succeeded: bool) {
        for tests in self.packages.values_mut() {
            for test in tests.values_mut().filter(|test| test.end.is_none()) {
                test.end = Some(End::Failed);
                test.reason.get_or_insert_with(|| "it did not end".to_owned());
            }
            let fails =
                |(name, test): (&String, &Test)| name != PACKAGE_ITSELF && test.end == Some(End::Failed);
            let is_explained = tests.iter().any(fails);
            if let Some(package) = tests.remove(PACKAGE_ITSELF)
                && package.end == Some(End::Failed)
                && !is_explained
            {
                tests.insert(PACKAGE_ITSELF.to_owned(), package);
            }
        }
        if !succeeded && self.totals().failed == 0 {
            let reason = Some("`go test` failed".to_owned());
            let test = Test { end: Some(End::Failed), reason, ..Test::default() };
            self.packages.entry("tests".to_owned()).or_default().insert(PACKAGE_ITSELF.to_owned(), test);
        }
    }

    /// Of all packages.
    pub fn totals(&self) -> Totals {
        self.packages.values().map(Totals::of).fold(Totals::default(), Totals::and)
    }

    fn test(&mut self, package: &str, name: &str) -> &mut Test {
        self.packages.entry(package.to_owned()).or_default().entry(name.to_owned()).or_default()
    }
}

impl Totals {
    /// Of the tests of a package.
    pub fn of(tests: &BTreeMap<String, Test>) -> Self {
        let count = |end| tests.values().filter(|test| test.end == Some(end)).count();
        Self { passed: count(End::Passed), failed: count(End::Failed), skipped: count(End::Skipped) }
    }

    /// The sum.
    pub fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// How many there are.
    pub fn all(self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Failed => "FAIL",
            Self::Skipped => "skip",
        }
    }
}

impl Test {
    /// Keeps of a line of output what may be the reason: the first that is marked, or else the last that a test said.
    fn hear(&mut self, line: &str) {
        if self.goes_on {
            self.goes_on = !line.contains(NOT_RED);
            let begun = self.reason.take().unwrap_or_default();
            self.reason = Some(in_one_line(&format!("{begun} {line}")));
            return;
        }
        let said = said_at(line);
        let is_marked = said.is_some_and(|said| said.contains(RED)) || line.starts_with("panic: ");
        let Some(said) = said.or(is_marked.then_some(line)) else { return };
        // The requests of a test are not what it says.
        if self.is_marked || !is_marked && said.starts_with('[') {
            return;
        }
        self.is_marked = is_marked;
        self.goes_on = said.contains(RED) && !said.contains(NOT_RED);
        self.reason = Some(in_one_line(said)).filter(|reason| !reason.is_empty());
    }
}

/// What was said, as one line of no great length.
fn in_one_line(said: &str) -> String {
    let said = without_port(&said.replace(RED, "").replace(NOT_RED, ""));
    let mut line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST_REASON) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// What follows `file.go:12: `, with which each line begins that a test says.
fn said_at(line: &str) -> Option<&str> {
    let (place, said) = line.trim_start().split_once(": ")?;
    let (file, number) = place.rsplit_once(':')?;
    let is_place = file.ends_with(".go") && !file.contains(' ') && number.chars().all(|c| c.is_ascii_digit());
    is_place.then_some(said)
}

/// The text without the port that a container got this time.
fn without_port(text: &str) -> String {
    const HOST: &str = "http://127.0.0.1:";
    let mut parts = text.split(HOST);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(events: &[(&str, &str, &str)]) -> Results {
        let mut results = Results::default();
        for (action, test, output) in events {
            let mut event = serde_json::json!({
                "Action": action,
                "Package": "github.com/matrix-org/complement/tests/csapi",
                "Output": output,
            });
            if !test.is_empty() {
                event["Test"] = (*test).into();
            }
            results.take_in(event.to_string().as_bytes());
        }
        results.end(true);
        results
    }

    #[test]
    fn tests_end_with_their_reasons() {
        let results = results(&[
            ("run", "A", ""),
            ("output", "A", "    a_test.go:1: [CSAPI] POST hs1/_matrix/client/v3/register => 200 OK\n"),
            (
                "output",
                "A",
                "    a_test.go:2: \u{1b}[31mgot 404 of http://127.0.0.1:32768/_matrix\u{1b}[39m\n",
            ),
            ("output", "A", "    a_test.go:3: \u{1b}[31mand then\u{1b}[39m\n"),
            ("fail", "A", ""),
            ("run", "B", ""),
            ("output", "B", "    b_test.go:1: not on this server\n"),
            ("output", "B", "    b_test.go:2: [CSAPI] GET hs1 => 200 OK\n"),
            ("skip", "B", ""),
            ("run", "C", ""),
            ("pass", "C", ""),
            ("run", "E", ""),
            ("output", "E", "    e_test.go:1: \u{1b}[31mtimed out:\n"),
            ("output", "E", "        saw nothing\n"),
            ("output", "E", "        \u{1b}[39m\n"),
            ("output", "E", "    e_test.go:2: \u{1b}[31mno more\u{1b}[39m\n"),
            ("fail", "E", ""),
            ("run", "D", ""),
            ("fail", "", ""),
        ]);
        let tests = &results.packages["tests/csapi"];
        let told: Vec<_> =
            tests.iter().map(|(name, test)| (name.as_str(), test.end, test.reason.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("A", Some(End::Failed), Some("got 404 of /_matrix")),
                ("B", Some(End::Skipped), Some("not on this server")),
                ("C", Some(End::Passed), None),
                ("D", Some(End::Failed), Some("it did not end")),
                ("E", Some(End::Failed), Some("timed out: saw nothing")),
            ]
        );
        assert_eq!(results.totals(), Totals { passed: 1, failed: 3, skipped: 1 });
    }

    #[test]
    fn a_package_that_fails_by_itself_counts() {
        let results = results(&[("output", "", "panic: oh\n"), ("fail", "", "")]);
        assert_eq!(results.packages["tests/csapi"][PACKAGE_ITSELF].reason.as_deref(), Some("panic: oh"));
        assert_eq!(results.totals().failed, 1);
    }
}
