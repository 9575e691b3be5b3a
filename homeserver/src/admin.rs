//! `hearth admin`: administering the running server, by its socket in the data folder.

mod cli;
mod question;
mod table;

use std::{os::unix::net::UnixStream, time::Duration};

pub use self::cli::Admin;
use self::{
    question::Question,
    table::{as_list, as_table},
};
use crate::{
    ask::{Failure, ask},
    config::Config,
    console::SOCKET,
};

/// How long the server is waited for: deleting much takes long.
const PATIENCE: Duration = Duration::from_secs(600);

/// Asks the server, and prints its answer.
pub fn run(config: &Config, admin: &Admin) -> Result<(), Failure> {
    let Question { method, path, body, shown } = Question::of(&admin.what, &config.server_name)?;
    let socket = config.data.join(SOCKET);
    let connection = UnixStream::connect(&socket).map_err(|error| {
        format!("no server can be asked at {}: {error}; is it running?", socket.display())
    })?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let body = body.map_or_else(String::new, |body| body.to_string());
    let answer = ask(connection, method, &path, &body)?;
    match (admin.json, shown) {
        (true, _) => println!("{}", serde_json::to_string_pretty(&answer)?),
        (false, Some((list, columns))) => print!("{}", as_table(&answer[list], columns)),
        (false, None) => print!("{}", as_list(&answer)),
    }
    Ok(())
}
