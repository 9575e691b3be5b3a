//! One request to the server on this machine: too little for a whole HTTP client.

use std::io::{BufRead as _, Read, Write, stdin};

use serde_json::Value;

/// Why a command failed, in words for who gave it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The largest answer, in bytes.
const MAX_ANSWER: u64 = 64 << 20;

/// A password: the first line of the standard input, which must not be empty.
pub fn password() -> Result<String, Failure> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    if line.is_empty() { Err("the password is empty".into()) } else { Ok(line) }
}

/// Asks over a connection, and gives the answer, or what the server says against it.
pub fn ask(
    mut connection: impl Read + Write,
    method: &str,
    path: &str,
    body: &str,
) -> Result<Value, Failure> {
    write!(
        connection,
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    connection.take(MAX_ANSWER).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the server's answer is cut short")?;
    let value: Value = serde_json::from_str(body)?;
    if head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
        return Ok(value);
    }
    Err(value["error"].as_str().unwrap_or("the server refused").to_owned().into())
}
