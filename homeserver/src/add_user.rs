//! `hearth user add`: making an account, whether the server runs or not.

use std::{net::TcpStream, time::Duration};

use hearth_client_api::shared_secret_mac;
use hearth_storage::{Random, SystemRandom, schema::users::AccountKind};
use hearth_users::NewAccount;
use ruma::UserId;
use serde_json::json;

use crate::{
    Server,
    ask::{self, Failure, ask},
    cli::AddUser,
    config::Config,
    server::{Outside, open_store},
};

/// Makes the account and says so; a password that was made up is printed.
pub async fn run(config: &Config, add: &AddUser) -> Result<(), Failure> {
    let user = UserId::parse(format!("@{}:{}", add.name, config.server_name))
        .ok()
        .filter(|user| user.validate_strict().is_ok() && !add.name.contains(':'))
        .ok_or_else(|| format!("`{}` is no name for an account: use a-z, 0-9 and . _ = - / +", add.name))?;
    let (password, made_up) =
        if add.password_stdin { (ask::password()?, false) } else { (make_up_password(&SystemRandom), true) };
    match TcpStream::connect_timeout(&config.listen, Duration::from_secs(2)) {
        Ok(_) => ask_server(config, add, &password)?,
        Err(_) => {
            let store = open_store(config)?;
            let server = Server::open(config, store, Outside::of_the_machine(config)?).await?;
            let account = NewAccount { password: Some(&password), kind: AccountKind::User, admin: add.admin };
            server.users.accounts.create(&user, account).await?;
            server.store.close();
        }
    }
    println!("{user} is {}", if add.admin { "an administrator" } else { "a user" });
    if made_up {
        println!("password: {password}");
    }
    Ok(())
}

fn make_up_password(random: &dyn Random) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// Registers with the running server by the shared secret.
fn ask_server(config: &Config, add: &AddUser, password: &str) -> Result<(), Failure> {
    let Some(secret) = &config.registration_shared_secret else {
        return Err(
            "the server is running: stop it, or set registration_shared_secret, to add accounts".into()
        );
    };
    const PATH: &str = "/_synapse/admin/v1/register";
    let request = |method: &str, body: &str| {
        let connection = TcpStream::connect(config.listen)?;
        connection.set_read_timeout(Some(Duration::from_secs(30)))?;
        ask(connection, method, PATH, body)
    };
    let nonce = request("GET", "")?;
    let nonce = nonce["nonce"].as_str().ok_or("the server gave no nonce")?;
    let mac = shared_secret_mac(secret.expose(), [nonce, &add.name, password], add.admin, None)
        .map_err(|error| error.message.to_string())?;
    let body = json!({
        "nonce": nonce, "username": add.name, "password": password, "admin": add.admin, "mac": mac,
    });
    request("POST", &body.to_string())?;
    Ok(())
}
