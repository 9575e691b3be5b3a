//! One request to the server on this machine: too little for a whole HTTP client.

use std::io::{Read, Write};

use serde_json::Value;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The largest answer, in bytes.
const MAX_ANSWER: u64 = 64 << 20;

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
