//! Answers as a person reads them.

use serde_json::Value;

/// A list as a table, a line for each entry.
pub(super) fn as_table(list: &Value, columns: &[&str]) -> String {
    let heading = columns.iter().map(|column| column.to_uppercase()).collect();
    let entries = list.as_array().into_iter().flatten();
    let rows = entries.map(|entry| columns.iter().map(|column| text(&entry[*column])).collect());
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// An object, a line for each of its fields.
pub(super) fn as_list(answer: &Value) -> String {
    let Value::Object(fields) = answer else { return text(answer) + "\n" };
    if fields.is_empty() {
        return "done\n".to_owned();
    }
    fields.iter().map(|(name, value)| format!("{name}: {}\n", text(value))).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let list = json!([{ "a": "long one", "b": 1 }, { "a": null, "b": true, "c": "not asked for" }]);
        assert_eq!(as_table(&list, &["a", "b"]), "A         B\nlong one  1\n-         true\n");
    }

    #[test]
    fn nobody_writes_to_the_terminal_of_who_reads() {
        assert_eq!(as_list(&json!({ "name": "a\u{1b}[2Jb\nc" })), "name: a [2Jb c\n");
        assert_eq!(as_list(&json!({})), "done\n");
    }
}
