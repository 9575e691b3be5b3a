//! A Matrix client on matrix-sdk and matrix-sdk-ui, of which Element X is made, that does what the driver tells it.
//!
//!     hearth-sdk-client URL
//!
//! One JSON object a line on standard input, {id, verb, args}; one a line on standard output, {id, ok, result or error}.
//! `nio_client.py` and `js_client.mjs` speak the same verbs. Logs go to standard error.

// The SDK's futures are deep.
#![recursion_limit = "256"]

mod person;
mod room_list;
mod verbs;
mod views;

use std::{error::Error, io::Write, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::OnceCell,
    task::{LocalSet, spawn_local},
};
use tracing_subscriber::EnvFilter;

use crate::person::Person;

/// Why a verb failed: for the driver to show.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the verbs act upon.
struct Session {
    url: String,
    /// Who has logged in.
    person: OnceCell<Arc<Person>>,
}

impl Session {
    fn person(&self) -> Outcome<&Arc<Person>> {
        Ok(self.person.get().ok_or("nobody has logged in")?)
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().map_err(|_| "there is a provider of cryptography already")?;
    let url = std::env::args().nth(1).ok_or("which server?")?;
    let session = Arc::new(Session { url, person: OnceCell::new() });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let commands = async {
        while let Some(line) = lines.next_line().await? {
            // A command may wait for what a later one causes, so each is a task of its own.
            spawn_local(obey(session.clone(), line));
        }
        Ok(())
    };
    LocalSet::new().run_until(commands).await
}

/// Does what a line asks for, and answers it.
async fn obey(session: Arc<Session>, line: String) {
    let command: Value = serde_json::from_str(&line).unwrap_or_default();
    let verb = command["verb"].as_str().unwrap_or_default();
    let answer = match verbs::run(&session, verb, &command["args"]).await {
        Ok(result) => json!({ "id": command["id"], "ok": true, "result": result }),
        Err(error) => json!({ "id": command["id"], "ok": false, "error": error.to_string() }),
    };
    // Whole lines, whoever else answers now.
    let line = format!("{answer}\n");
    let mut out = std::io::stdout().lock();
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        eprintln!("nobody listens any more");
    }
}
