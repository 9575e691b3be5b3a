//! `POST /_matrix/client/v3/register` and `GET /_matrix/client/v3/register/available`

use axum::extract::State;
use hearth_storage::schema::users::AccountKind;
use hearth_users::NewAccount;
use ruma::{
    OwnedUserId, UserId,
    api::client::account::{
        get_username_availability::v3 as available,
        register::{
            LoginType, RegistrationKind,
            v3::{Request as Register, Response},
        },
    },
};

use crate::{Answer, ClientApi, MatrixError, Registration, Request, Result, uia};

/// How long a password may be, in bytes: hashing takes the longer for it.
const MAX_PASSWORD: usize = 512;

/// Makes an account ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register)).
pub async fn register(
    State(api): State<ClientApi>,
    mut request: Request<Register>,
) -> Result<Answer<Response>> {
    if request.body.login_type == Some(LoginType::ApplicationService) {
        return Err(MatrixError::forbidden("No application service is known by that token."));
    }
    if api.options.registration == Registration::Off {
        return Err(MatrixError::forbidden("Registration is off on this server."));
    }
    if request.body.kind == RegistrationKind::Guest {
        return register_guest(&api, request.body).await;
    }
    // Said before the user goes through any stage, and again by `create` if another was quicker.
    if let Some(name) = &request.body.username {
        free_user_id(&api, name)?;
    }
    if let Some(password) = &request.body.password {
        check_password(password)?;
    }
    uia::confirm_registration(&api, &mut request).await?;

    let body = request.body;
    let password =
        body.password.as_deref().ok_or_else(|| MatrixError::missing_param("The password is missing."))?;
    check_password(password)?;
    let user = match &body.username {
        Some(name) => free_user_id(&api, name)?,
        None => random_user_id(&api)?,
    };
    let account = NewAccount { password: Some(password), kind: AccountKind::User, admin: false };
    api.users.accounts.create(&user, account).await?;
    log_in(&api, user, body).await
}

/// Guests have no say in anything but their device's name.
async fn register_guest(api: &ClientApi, mut body: Register) -> Result<Answer<Response>> {
    if api.options.registration != Registration::Open {
        return Err(MatrixError::guest_access_forbidden("This server takes no guests."));
    }
    let user = random_user_id(api)?;
    let account = NewAccount { password: None, kind: AccountKind::Guest, admin: false };
    api.users.accounts.create(&user, account).await?;
    (body.device_id, body.inhibit_login, body.refresh_token) = (None, false, false);
    log_in(api, user, body).await
}

async fn log_in(api: &ClientApi, user: OwnedUserId, body: Register) -> Result<Answer<Response>> {
    let mut response = Response::new(user.clone());
    if !body.inhibit_login {
        let device_name = body.initial_device_display_name.as_deref();
        let tokens = api
            .users
            .sessions
            .create(&user, body.device_id.as_deref(), device_name, body.refresh_token)
            .await?;
        response.access_token = Some(tokens.access_token);
        response.device_id = Some(tokens.device);
        response.refresh_token = tokens.refresh_token;
        response.expires_in = tokens.expires_in;
    }
    Ok(Answer(response))
}

/// Whether a name is free
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable)).
pub async fn get_username_availability(
    State(api): State<ClientApi>,
    request: Request<available::Request>,
) -> Result<Answer<available::Response>> {
    free_user_id(&api, &request.body.username)?;
    Ok(Answer(available::Response::new(true)))
}

/// The user id of a name that is valid for a new account and not taken.
pub(super) fn free_user_id(api: &ClientApi, name: &str) -> Result<OwnedUserId> {
    let invalid = || MatrixError::invalid_username("A user name is made of a-z, 0-9 and . _ = - / +.");
    let localpart = name.to_lowercase();
    if localpart.is_empty() || localpart.contains(':') || localpart.starts_with('@') {
        return Err(invalid());
    }
    let user = UserId::parse_with_server_name(localpart, &api.options.server_name).map_err(|_| invalid())?;
    user.validate_strict().map_err(|_| invalid())?;
    match api.users.accounts.exists(&user)? {
        true => Err(MatrixError::user_in_use("That user name is taken.")),
        false => Ok(user),
    }
}

/// A user id of random letters, as no name was wished for.
fn random_user_id(api: &ClientApi) -> Result<OwnedUserId> {
    let letters: String = api.random_bytes::<12>().iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    free_user_id(api, &letters)
}

pub(super) fn check_password(password: &str) -> Result<()> {
    match password.len() {
        0 => Err(MatrixError::weak_password("The password is empty.")),
        1..=MAX_PASSWORD => Ok(()),
        _ => Err(MatrixError::invalid_param("The password is too long.")),
    }
}
