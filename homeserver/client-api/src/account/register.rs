//! `POST /_matrix/client/v3/register` and `GET /_matrix/client/v3/register/available`

use axum::extract::State;
use hearth_storage::schema::users::AccountKind;
use hearth_users::{CONSOLE, NewAccount};
use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    api::client::account::{
        get_username_availability::v3 as available,
        register::{LoginType, RegistrationKind, v3::Request as Register},
    },
    serde::JsonObject,
};

use crate::{Answer, ClientApi, Json, MatrixError, Registration, Request, Result, appservice::service, uia};

/// How long a password may be, in bytes: hashing takes the longer for it.
const MAX_PASSWORD: usize = 512;

/// Makes an account ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register)), which an
/// administrator may have to approve before anybody is logged in to it (MSC3866). Who repeats a request with its session, as its answer was lost, gets the account that it made.
pub async fn register(
    State(api): State<ClientApi>,
    mut request: Request<Register>,
) -> Result<Json<JsonObject>> {
    if request.body.login_type == Some(LoginType::ApplicationService) {
        return register_for_service(&api, request).await;
    }
    if api.options.registration == Registration::Off {
        return Err(MatrixError::forbidden("Registration is off on this server."));
    }
    if request.body.kind == RegistrationKind::Guest {
        return register_guest(&api, request.body).await;
    }
    let attempt = uia::registration_attempt(&request.bytes)?;
    if let Some((user, device)) = attempt.and_then(|attempt| api.users.uia.registered(attempt)) {
        request.body.device_id = device;
        return Ok(Json(log_in(&api, &user, request.body).await?.0));
    }
    let approved = !api.options.approve_registrations;
    // Said before the user goes through any stage, and again by who makes the account if another was quicker.
    Name::of(&api, &request.body).await?;
    if let Some(password) = &request.body.password {
        check_password(password)?;
    }
    if let Some(token) = uia::confirm_registration(&api, &request).await? {
        uia::use_registration_token(&api, &token).await?;
    }

    let body = request.body;
    let password =
        body.password.as_deref().ok_or_else(|| MatrixError::missing_param("The password is missing."))?;
    check_password(password)?;
    let user = match Name::of(&api, &body).await? {
        Name::Guest(user) => {
            api.users.accounts.upgrade_guest(&user, password).await?;
            user
        }
        Name::Free(user) => {
            let account = NewAccount { password: Some(password), kind: AccountKind::User, admin: false };
            if !approved {
                api.users.accounts.create_for_approval(&user, account).await?;
                return Err(MatrixError::awaiting_approval());
            }
            api.users.accounts.create(&user, account).await?;
            user
        }
    };
    let (answer, device) = log_in(&api, &user, body).await?;
    if let Some(attempt) = attempt {
        api.users.uia.remember_registered(attempt, (user, device));
    }
    Ok(Json(answer))
}

/// The name of an account to be.
enum Name {
    /// Nobody has it.
    Free(OwnedUserId),
    /// It is that of a guest who becomes a user.
    Guest(OwnedUserId),
}

impl Name {
    async fn of(api: &ClientApi, body: &Register) -> Result<Self> {
        let Some(token) = &body.guest_access_token else {
            return match &body.username {
                Some(name) => free_user_id(api, name),
                None => random_user_id(api),
            }
            .map(Self::Free);
        };
        let name = body.username.as_deref();
        let name = name.ok_or_else(|| MatrixError::missing_param("A guest's name is needed."))?;
        let session = api.users.sessions.authenticate(token).await?;
        match session.kind == AccountKind::Guest && session.user.localpart() == name {
            true => Ok(Self::Guest(session.user.clone())),
            false => Err(MatrixError::forbidden("That is not the token of a guest of this name.")),
        }
    }
}

/// A service registers one of its users, who has no password. Their names may be older than today's rules.
async fn register_for_service(api: &ClientApi, request: Request<Register>) -> Result<Json<JsonObject>> {
    let service = service::of(&request)?;
    let body = request.body;
    if service.manages_devices && !body.inhibit_login {
        return Err(service::login_unsupported());
    }
    let name = body.username.as_deref();
    let name = name.ok_or_else(|| MatrixError::missing_param("The name of the user is missing."))?;
    let user = UserId::parse_with_server_name(name, &api.options.server_name)
        .ok()
        .filter(|user| !name.starts_with('@') && user.localpart() == name)
        .ok_or_else(|| MatrixError::invalid_username("That is no name of a user."))?;
    let owner = api.services.owner_of_user(&user);
    if !service.covers(&user) || owner.is_some_and(|owner| owner.id != service.id) {
        return Err(MatrixError::exclusive("That user is not in a namespace of this application service."));
    }
    if api.rooms.bans().bans_user(&user) {
        return Err(MatrixError::forbidden("That user is banned by this server."));
    }
    let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
    api.users.accounts.create(&user, account).await?;
    Ok(Json(log_in(api, &user, body).await?.0))
}

/// Guests have no say in anything but their device's name.
async fn register_guest(api: &ClientApi, mut body: Register) -> Result<Json<JsonObject>> {
    // They would go around what is asked of others.
    let options = &api.options;
    let asks = options.approve_registrations || options.captcha.is_some() || options.terms.is_some();
    if options.registration != Registration::Open || asks {
        return Err(MatrixError::guest_access_forbidden("This server takes no guests."));
    }
    let user = random_user_id(api)?;
    let account = NewAccount { password: None, kind: AccountKind::Guest, admin: false };
    api.users.accounts.create(&user, account).await?;
    (body.device_id, body.inhibit_login, body.refresh_token) = (None, false, false);
    Ok(Json(log_in(api, &user, body).await?.0))
}

/// Begins a session unless the client wants none. Gives the answer, which then names no device, and the device.
async fn log_in(
    api: &ClientApi,
    user: &UserId,
    body: Register,
) -> Result<(JsonObject, Option<OwnedDeviceId>)> {
    let mut answer = JsonObject::from_iter([("user_id".to_owned(), user.as_str().into())]);
    if body.inhibit_login {
        return Ok((answer, None));
    }
    let device_name = body.initial_device_display_name.as_deref();
    let tokens =
        api.users.sessions.create(user, body.device_id.as_deref(), device_name, body.refresh_token).await?;
    answer.insert("access_token".to_owned(), tokens.access_token.into());
    answer.insert("device_id".to_owned(), tokens.device.as_str().into());
    if let Some(refresh_token) = tokens.refresh_token {
        answer.insert("refresh_token".to_owned(), refresh_token.into());
    }
    if let Some(expires_in) = tokens.expires_in {
        answer.insert("expires_in_ms".to_owned(), (expires_in.as_millis() as u64).into());
    }
    Ok((answer, Some(tokens.device)))
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
pub(crate) fn free_user_id(api: &ClientApi, name: &str) -> Result<OwnedUserId> {
    let invalid = || MatrixError::invalid_username("A user name is made of a-z, 0-9 and . _ = - / +.");
    let localpart = name.to_lowercase();
    if localpart.is_empty() || localpart.contains(':') || localpart.starts_with('@') {
        return Err(invalid());
    }
    let user = UserId::parse_with_server_name(localpart, &api.options.server_name).map_err(|_| invalid())?;
    user.validate_strict().map_err(|_| invalid())?;
    if user.localpart() == CONSOLE || api.options.server_notices.as_ref() == Some(&user) {
        return Err(MatrixError::exclusive("That user name is the server's own."));
    }
    if api.services.owner_of_user(&user).is_some() {
        return Err(MatrixError::exclusive("That user name is an application service's."));
    }
    if api.rooms.bans().bans_user(&user) {
        return Err(MatrixError::forbidden("That user name is banned by this server."));
    }
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

pub(crate) fn check_password(password: &str) -> Result<()> {
    match password.len() {
        0 => Err(MatrixError::weak_password("The password is empty.")),
        1..=MAX_PASSWORD => Ok(()),
        _ => Err(MatrixError::invalid_param("The password is too long.")),
    }
}
