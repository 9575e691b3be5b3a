//! `POST /_matrix/client/v3/login`

use std::net::IpAddr;

use axum::extract::State;
use hearth_http::limits::{Asker, Class};
use hearth_storage::schema::users::AccountKind;
use hearth_users::{NewAccount, UsersError};
use http::Method;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ruma::{
    OwnedUserId, UserId,
    api::{
        IncomingRequest, Metadata,
        client::{
            session::login::v3::{
                ApplicationService, DiscoveryInfo, HomeserverInfo, LoginInfo, Password, Request as Login,
                Response,
            },
            uiaa::UserIdentifier,
        },
        error::DeserializationError,
    },
    serde::JsonObject,
};
use serde::Deserialize;

use crate::{Answer, ClientApi, MatrixError, Request, Result, appservice::service};

/// The login type of Synapse for JSON Web Tokens.
pub(crate) const JWT: &str = "org.matrix.login.jwt";

/// ruma's request, which panics at a body without a `type`: such a body does not come to it.
pub struct LoginRequest(Login);

impl Metadata for LoginRequest {
    type Authentication = <Login as Metadata>::Authentication;
    type PathBuilder = <Login as Metadata>::PathBuilder;

    const METHOD: Method = Login::METHOD;
    const PATH_BUILDER: Self::PathBuilder = Login::PATH_BUILDER;
    const RATE_LIMITED: bool = Login::RATE_LIMITED;
}

impl IncomingRequest for LoginRequest {
    type EndpointError = <Login as IncomingRequest>::EndpointError;
    type OutgoingResponse = Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> std::result::Result<Self, DeserializationError> {
        #[derive(Deserialize)]
        struct WithType {
            #[serde(rename = "type")]
            _login_type: String,
        }
        serde_json::from_slice::<WithType>(request.body())?;
        Login::try_from_http_request_inner(request, path_args).map(Self)
    }
}

/// Starts a session with a password, a login token or a JSON Web Token, or for an application service
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login)).
pub async fn login(State(api): State<ClientApi>, request: Request<LoginRequest>) -> Result<Answer<Response>> {
    let login = &request.body.0;
    let user = match &login.login_info {
        LoginInfo::Password(given) => by_password(&api, given, request.address).await?,
        LoginInfo::ApplicationService(given) => by_service(&api, &request, given)?,
        LoginInfo::Token(given) => api.users.sessions.use_login_token(&given.token).await?,
        other if other.login_type() == JWT => by_jwt(&api, &other.data()).await?,
        _ => return Err(MatrixError::unknown("This server does not know that login type.")),
    };
    may_log_in(&api, &user)?;
    let tokens = api
        .users
        .sessions
        .create(
            &user,
            login.device_id.as_deref(),
            login.initial_device_display_name.as_deref(),
            login.refresh_token,
        )
        .await?;

    let mut response = Response::new(user, tokens.access_token, tokens.device);
    response.refresh_token = tokens.refresh_token;
    response.expires_in = tokens.expires_in;
    response.well_known =
        api.options.base_url.clone().map(|base_url| DiscoveryInfo::new(HomeserverInfo::new(base_url)));
    Ok(Answer(response))
}

/// Refuses accounts that are deactivated, locked, banned or not approved.
fn may_log_in(api: &ClientApi, user: &UserId) -> Result<()> {
    match api.users.accounts.get(user)? {
        Some(account) if account.deactivated => Err(deactivated()),
        Some(account) if account.locked => Err(MatrixError::user_locked()),
        Some(_) if api.rooms.bans().bans_user(user) => Err(MatrixError::user_locked()),
        Some(_) if api.users.accounts.awaits_approval(user)? => Err(MatrixError::awaiting_approval()),
        Some(_) => Ok(()),
        None => Err(wrong()),
    }
}

/// A service logs in as one of its users: it is known by its token.
fn by_service(
    api: &ClientApi,
    request: &Request<LoginRequest>,
    given: &ApplicationService,
) -> Result<OwnedUserId> {
    let service = service::of(request)?;
    if service.manages_devices {
        return Err(service::login_unsupported());
    }
    let name = match &given.identifier {
        Some(UserIdentifier::Matrix(identifier)) => &identifier.user,
        Some(_) => return Err(MatrixError::unknown("This server knows users by their user id only.")),
        #[expect(deprecated, reason = "services of before r0.4.0")]
        None => given.user.as_ref().ok_or_else(|| MatrixError::bad_json("The identifier is missing."))?,
    };
    let user = user_id(api, name)?;
    match service.covers(&user) {
        true => Ok(user),
        false => Err(MatrixError::forbidden("This application service may not act as that user.")),
    }
}

async fn by_password(api: &ClientApi, given: &Password, address: IpAddr) -> Result<OwnedUserId> {
    let name = match &given.identifier {
        Some(UserIdentifier::Matrix(identifier)) => &identifier.user,
        Some(_) => return Err(MatrixError::unknown("This server knows users by their user id only.")),
        #[expect(deprecated, reason = "clients of before r0.4.0")]
        None => given.user.as_ref().ok_or_else(|| MatrixError::bad_json("The identifier is missing."))?,
    };
    let user = user_id(api, name)?;
    let guess = Asker::Claimant(address, &user);
    api.limit(Class::Guess, guess)?;
    if api.users.accounts.verify_password(&user, &given.password).await? {
        api.limiter().give_back(Class::Guess, guess);
        return Ok(user);
    }
    // A deactivated account has no password left to prove anything with.
    match api.users.accounts.get(&user)?.is_some_and(|account| account.deactivated) {
        true => Err(deactivated()),
        false => Err(wrong()),
    }
}

/// The user of this server whom a whole id or a localpart names.
fn user_id(api: &ClientApi, name: &str) -> Result<OwnedUserId> {
    let server_name = &api.options.server_name;
    let user = UserId::parse_with_server_name(name, server_name).map_err(|_| wrong())?;
    if user.server_name() != server_name {
        return Err(wrong());
    }
    // Names that were made before case was settled stay as they are; others are written in any case.
    match api.users.accounts.exists(&user)? {
        true => Ok(user),
        false => {
            Ok(UserId::parse_with_server_name(user.localpart().to_lowercase(), server_name).unwrap_or(user))
        }
    }
}

/// What is read of a JSON Web Token.
#[derive(Deserialize)]
struct Claims {
    /// The localpart of the user.
    sub: String,
    /// Seconds since the Unix epoch.
    exp: u64,
    nbf: Option<u64>,
}

async fn by_jwt(api: &ClientApi, data: &JsonObject) -> Result<OwnedUserId> {
    let secret = api
        .options
        .jwt_secret
        .as_ref()
        .ok_or_else(|| MatrixError::unknown("This server does not take JSON Web Tokens."))?;
    let token = data
        .get("token")
        .and_then(|token| token.as_str())
        .ok_or_else(|| MatrixError::forbidden("The token is missing."))?;

    // The server's own clock says what is expired, below.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    if let Some(audience) = &api.options.jwt_audience {
        validation.set_audience(&[audience]);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    if let Some(issuer) = &api.options.jwt_issuer {
        validation.set_issuer(&[issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    let claims =
        jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(secret.as_bytes()), &validation)
            .map_err(|error| MatrixError::forbidden(format!("The token is not valid: {error}")))?
            .claims;
    let now = api.now_ms() / 1000;
    if claims.exp <= now || claims.nbf.is_some_and(|begins| begins > now) {
        return Err(MatrixError::forbidden("The token is expired or not valid yet."));
    }

    let user = user_id(api, &claims.sub)?;
    if api.users.accounts.exists(&user)? {
        return Ok(user);
    }
    // Whoever makes the tokens knows the users: one who comes for the first time gets an account.
    user.validate_strict().map_err(|_| MatrixError::invalid_username("The user name is not valid."))?;
    match api
        .users
        .accounts
        .create(&user, NewAccount { password: None, kind: AccountKind::User, admin: false })
        .await
    {
        Ok(()) | Err(UsersError::UserInUse) => Ok(user),
        Err(error) => Err(error.into()),
    }
}

fn wrong() -> MatrixError {
    MatrixError::forbidden("The user name or password is wrong.")
}

fn deactivated() -> MatrixError {
    MatrixError::user_deactivated("This account is deactivated.")
}
