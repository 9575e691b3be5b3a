//! `/_synapse/admin/v1/register`: whoever knows a secret makes accounts, administrators as well, by Synapse's
//! [documentation](https://element-hq.github.io/synapse/latest/admin_api/register_api.html).

use std::collections::VecDeque;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use hearth_http::limits::{Asker, Class};
use hearth_storage::schema::users::AccountKind;
use hearth_users::NewAccount;
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{json, value::to_raw_value};
use sha1::Sha1;

use crate::{
    ClientApi, MatrixError, Result, Unspecified,
    account::register::{check_password, free_user_id},
    uia::same,
};

/// The path of both.
pub const PATH: &str = "/_synapse/admin/v1/register";

/// How long a nonce is good, in milliseconds.
const LIFETIME: u64 = 60_000;

/// How many nonces there are at most; the oldest goes first.
const MAX_NONCES: usize = 1_000;

/// The nonces that were given out, with when they end, oldest first.
#[derive(Default)]
pub struct Nonces(Mutex<VecDeque<(String, u64)>>);

impl Nonces {
    fn give(&self, nonce: String, now_ms: u64) {
        let mut nonces = self.0.lock();
        nonces.retain(|(_, ends_at)| *ends_at > now_ms);
        if nonces.len() >= MAX_NONCES {
            nonces.pop_front();
        }
        nonces.push_back((nonce, now_ms + LIFETIME));
    }

    /// Takes a nonce back: each is good once.
    fn take(&self, nonce: &str, now_ms: u64) -> bool {
        let mut nonces = self.0.lock();
        let place = nonces.iter().position(|(known, ends_at)| known == nonce && *ends_at > now_ms);
        place.and_then(|place| nonces.remove(place)).is_some()
    }
}

/// `GET`: a nonce.
pub async fn nonce(State(api): State<ClientApi>, _request: Unspecified) -> Result<Response> {
    secret(&api)?;
    let nonce = hex(&api.random_bytes::<32>());
    api.nonces().give(nonce.clone(), api.now_ms());
    Ok(axum::Json(json!({ "nonce": nonce })).into_response())
}

#[derive(Deserialize)]
struct Registration {
    nonce: String,
    username: String,
    displayname: Option<String>,
    password: String,
    #[serde(default)]
    admin: bool,
    user_type: Option<String>,
    mac: String,
    #[serde(default)]
    inhibit_login: bool,
}

/// `POST`: makes an account.
pub async fn register(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    let secret = secret(&api)?;
    let given: Registration = serde_json::from_slice(&request.bytes)?;
    if !api.nonces().take(&given.nonce, api.now_ms()) {
        return Err(MatrixError::unknown("The nonce is not known."));
    }
    let parts = [given.nonce.as_str(), &given.username, &given.password];
    let mac = shared_secret_mac(secret, parts, given.admin, given.user_type.as_deref())?;
    let guess = Asker::Address(request.address);
    api.limit(Class::Guess, guess)?;
    if !same(mac.as_bytes(), given.mac.to_lowercase().as_bytes()) {
        return Err(MatrixError::forbidden("The HMAC is wrong."));
    }
    api.limiter().give_back(Class::Guess, guess);
    check_password(&given.password)?;
    let user = free_user_id(&api, &given.username)?;
    let account = NewAccount { password: Some(&given.password), kind: AccountKind::User, admin: given.admin };
    api.users.accounts.create(&user, account).await?;
    if let Some(name) = &given.displayname {
        api.users.profiles.set(&user, "displayname", &to_raw_value(name)?).await?;
    }

    let mut answer = json!({ "user_id": user, "home_server": api.options.server_name });
    if !given.inhibit_login {
        let tokens = api.users.sessions.create(&user, None, None, false).await?;
        answer["access_token"] = tokens.access_token.into();
        answer["device_id"] = tokens.device.as_str().into();
    }
    Ok(axum::Json(answer).into_response())
}

fn secret(api: &ClientApi) -> Result<&str> {
    let secret = api.options.registration_shared_secret.as_deref();
    secret.ok_or_else(|| MatrixError::unrecognized("Shared-secret registration is off on this server."))
}

/// The lower-case hexadecimal HMAC-SHA1 by which whoever knows the secret registers an account.
pub fn shared_secret_mac(
    secret: &str,
    [nonce, username, password]: [&str; 3],
    admin: bool,
    user_type: Option<&str>,
) -> Result<String> {
    let mut signed = [nonce, username, password, if admin { "admin" } else { "notadmin" }].join("\0");
    if let Some(user_type) = user_type {
        signed.push('\0');
        signed.push_str(user_type);
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes())
        .map_err(|_| MatrixError::internal("The shared secret cannot be used."))?;
    mac.update(signed.as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_good_once_and_for_a_while() {
        let nonces = Nonces::default();
        nonces.give("a".to_owned(), 0);
        assert!(nonces.take("a", 1));
        assert!(!nonces.take("a", 1));
        nonces.give("b".to_owned(), 0);
        assert!(!nonces.take("b", LIFETIME));
        for n in 0..2 * MAX_NONCES {
            nonces.give(n.to_string(), 1);
        }
        assert_eq!(nonces.0.lock().len(), MAX_NONCES);
    }

    #[test]
    fn the_mac_is_synapses() {
        // Computed by Python's hmac, as the script in Synapse's documentation does.
        let parts = ["thisisanonce", "pepper_roni", "pizza"];
        let mac = shared_secret_mac("shared_secret", parts, true, None).unwrap();
        assert_eq!(mac, "48715842ad67d5dc9a9ee938a3bda4fcfae8d7c7");
    }
}
