//! `spec/endpoints.csv`, to which tests hold what the APIs serve.

use std::collections::BTreeSet;

use crate::Served;

/// One row of the table.
pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    /// Empty for what is not served.
    pub handler: &'static str,
}

impl Row {
    /// The path with something in the place of each variable.
    pub fn example(&self) -> String {
        let fill = |segment: &'static str| if segment.starts_with('{') { "x" } else { segment };
        self.path.split('/').map(fill).collect::<Vec<_>>().join("/")
    }
}

/// The rows of an API: `client-server`, `server-server`.
pub fn table(api: &str) -> Vec<Row> {
    let table = include_str!("../../../spec/endpoints.csv");
    let rows = table.lines().skip(1).filter_map(|line| match line.split(',').collect::<Vec<_>>()[..] {
        [method, path, handler, of] if of == api => Some(Row { method, path, handler }),
        _ => None,
    });
    rows.collect()
}

/// Where the rows and what is served disagree, a line for each. What is served `beyond` the specification is in
/// no row.
pub fn disagreements(rows: &[Row], served: &[Served], beyond: &[&'static str]) -> Vec<String> {
    let find = |row: &Row| {
        let same = |served: &&Served| served.method == row.method && shape(served.path) == shape(row.path);
        served.iter().find(same).map_or("", |served| served.handler)
    };
    let wrong = rows.iter().filter(|row| row.handler != find(row)).map(|row| {
        format!("{} {}: the table says {:?}, it is {:?}", row.method, row.path, row.handler, find(row))
    });
    let known: BTreeSet<&str> = rows.iter().map(|row| row.handler).chain(beyond.iter().copied()).collect();
    let missing = served.iter().filter(|served| !known.contains(served.handler));
    wrong.chain(missing.map(|served| format!("{} is in no row of the table", served.handler))).collect()
}

/// A path without the names of its variables, which differ between the specification and ruma.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}
