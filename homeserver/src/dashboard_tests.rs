//! Holds the dashboard to what this server records: no panel stays empty because a name changed.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

const DASHBOARD: &str = include_str!("../../deploy/grafana.json");

/// The names of metrics that the dashboard asks for.
fn asked_for() -> BTreeSet<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expressions
        .flat_map(|expression| {
            let words = expression.split(move |c| !is_name(c)).map(str::to_owned);
            words.collect::<Vec<_>>()
        })
        .filter(|word| word.starts_with("hearth_") || word.starts_with("process_"))
        .collect()
}

/// All sources of the server, as one text.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("target") {
            sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_panel_asks_for_what_is_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut all = String::new();
    for part in ["homeserver", "federation", "appservices"] {
        sources(&root.join(part), &mut all);
    }
    // These are put together from the name of the API.
    for api in ["client_api", "server_api"] {
        assert!(all.contains(&format!("Measure::new(\"{api}\"")), "{api}");
        all.push_str(&format!("\"hearth_{api}_seconds\" \"hearth_{api}_requests_total\""));
    }
    let asked_for = asked_for();
    assert!(asked_for.len() > 20, "{asked_for:?}");
    let missing: Vec<&String> =
        asked_for.iter().filter(|name| !all.contains(&format!("\"{name}\""))).collect();
    assert!(missing.is_empty(), "the dashboard asks for what nobody records: {missing:?}");
}
