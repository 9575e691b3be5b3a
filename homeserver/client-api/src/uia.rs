//! User-Interactive Authentication: whoever holds an access token proves that they are the person as well.

pub mod captcha;
#[cfg(test)]
mod captcha_tests;
pub mod fallback;
pub mod proof_of_work;
pub mod terms;
#[cfg(test)]
mod terms_tests;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use hearth_http::limits::{Asker, Class};
use hearth_users::{Attempt, Operation, RegistrationAttempt, UiaStep};
use ruma::{
    UserId,
    api::{
        IncomingRequest,
        client::uiaa::{AuthData, AuthFlow, AuthType, Password, UserIdentifier},
        error::{ErrorKind, StandardErrorBody},
    },
    serde::JsonObject,
};
use serde::Deserialize;
use serde_json::{json, value::to_raw_value};

use self::captcha::Captcha;
use crate::{ClientApi, MatrixError, Registration, Request, Result, authentication::Authentication};

/// Lets a request of this user through once its `auth` holds their password; until then the answer is 401. An
/// application service, which is known by its token, need not prove anything more.
/// `operation` names what is confirmed, with what the path says: a session is good for one operation only.
pub async fn confirm<R>(api: &ClientApi, request: &Request<R>, user: &UserId, operation: &str) -> Result<()>
where
    R: IncomingRequest<Authentication: Authentication>,
{
    if R::Authentication::service(&request.who).is_some() {
        return Ok(());
    }
    let flows = [AuthFlow::new(vec![AuthType::Password])];
    step(api, request, Some(user), operation, &flows).await?;
    Ok(())
}

/// The same for who is nobody yet: making an account. Gives the registration token, if one was shown.
pub async fn confirm_registration<R>(api: &ClientApi, request: &Request<R>) -> Result<Option<String>>
where
    R: IncomingRequest<Authentication: Authentication>,
{
    let shown = match (&api.options.registration, &api.options.captcha) {
        (Registration::Token(_) | Registration::Tokens, _) => Some(AuthType::RegistrationToken),
        (Registration::Open | Registration::Off, captcha) => captcha.as_ref().map(Captcha::stage),
    };
    let accepted = api.options.terms.as_ref().map(|_| AuthType::Terms);
    let mut stages: Vec<_> = shown.into_iter().chain(accepted).collect();
    if stages.is_empty() {
        stages.push(AuthType::Dummy);
    }
    step(api, request, None, "register", &[AuthFlow::new(stages)]).await
}

async fn step<R>(
    api: &ClientApi,
    request: &Request<R>,
    user: Option<&UserId>,
    operation: &str,
    flows: &[AuthFlow],
) -> Result<Option<String>>
where
    R: IncomingRequest<Authentication: Authentication>,
{
    let (body, auth) = without_auth(&request.bytes)?;
    let stage = match &auth {
        Some(auth) => stage(api, auth, user, request.address).await?,
        None => None,
    };
    let session = auth.as_ref().and_then(AuthData::session);
    // The work was done for that session.
    let in_session_alone = matches!(&stage, Some((stage, _)) if stage.as_str() == proof_of_work::STAGE);
    let token = match &auth {
        Some(AuthData::RegistrationToken(given)) => Some(given.token.clone()),
        _ => None,
    };
    let attempt = auth.as_ref().map(|_| Attempt { session, stage, in_session_alone, token });
    let operation = Operation { name: operation, user, address: request.address, body: &body };
    match api.users.uia.step(&operation, flows, attempt) {
        UiaStep::Finished { token } => Ok(token),
        UiaStep::Challenge(mut info) => {
            if let (None, Some(session)) = (user, &info.session) {
                info.params = Some(to_raw_value(&registration_params(api, session))?);
            }
            Err(MatrixError::authentication_required(&info))
        }
        UiaStep::Refused(reason) => Err(MatrixError::forbidden(reason)),
    }
}

/// What clients need to know for the stages of a registration.
fn registration_params(api: &ClientApi, session: &str) -> JsonObject {
    let captcha = api.options.captcha.as_ref();
    let captcha = captcha.map(|captcha| (captcha.stage(), captcha.params(session)));
    let terms = api.options.terms.as_ref().map(|terms| (AuthType::Terms, json!(terms)));
    captcha.into_iter().chain(terms).map(|(stage, params)| (stage.as_str().to_owned(), params)).collect()
}

/// A body without its `auth`, as JSON in which equal bodies are equal, and the `auth`.
fn without_auth(bytes: &[u8]) -> Result<(String, Option<AuthData>)> {
    let mut body: JsonObject = match bytes.is_empty() {
        true => JsonObject::new(),
        false => serde_json::from_slice(bytes)?,
    };
    let auth = body.remove("auth").map(Option::<AuthData>::deserialize).transpose()?.flatten();
    // An object is written in the order of its keys, in whichever order they came.
    Ok((serde_json::to_string(&body)?, auth))
}

/// The attempt to register that a request is, where it names a session.
pub fn registration_attempt(bytes: &[u8]) -> Result<Option<RegistrationAttempt>> {
    let (body, auth) = without_auth(bytes)?;
    let session = auth.as_ref().and_then(AuthData::session);
    Ok(session.map(|session| RegistrationAttempt::new(session, &body)))
}

/// How a stage went.
type Outcome = std::result::Result<(), StandardErrorBody>;

/// How the stage that the client attempts goes. `None` where it only asks how far it has come.
async fn stage(
    api: &ClientApi,
    auth: &AuthData,
    user: Option<&UserId>,
    address: IpAddr,
) -> Result<Option<(AuthType, Outcome)>> {
    let Some(auth_type) = auth.auth_type() else { return Ok(None) };
    let passed = match auth {
        // What no flow has is refused.
        AuthData::Dummy(_) | AuthData::Terms(_) => Ok(()),
        AuthData::Password(password) => match user {
            Some(user) => check_password(api, user, password, address).await?,
            None => Err(failure(ErrorKind::Unrecognized, "A password proves nothing here.")),
        },
        AuthData::RegistrationToken(given) => match registration_token(api, &given.token)? {
            TokenKind::Wrong => Err(failure(ErrorKind::Unauthorized, "The registration token is not valid.")),
            TokenKind::Settings | TokenKind::Made => Ok(()),
        },
        _ => captcha_stage(api, auth).await?,
    };
    Ok(Some((auth_type, passed)))
}

/// How the stage of a captcha goes.
async fn captcha_stage(api: &ClientApi, auth: &AuthData) -> Result<Outcome> {
    let passed = match (auth, &api.options.captcha) {
        (AuthData::ReCaptcha(given), Some(Captcha::Service(service))) => {
            fallback::takes(api, service, &given.response).await?
        }
        (auth, Some(Captcha::ProofOfWork { bits }))
            if auth.auth_type().is_some_and(|stage| stage.as_str() == proof_of_work::STAGE) =>
        {
            let data = auth.data();
            let solution = data.get("solution").and_then(|solution| solution.as_str()).unwrap_or_default();
            auth.session().is_some_and(|session| proof_of_work::solves(session, solution, *bits))
        }
        _ => return Ok(Err(failure(ErrorKind::Unrecognized, "This server does not know that stage."))),
    };
    Ok(match passed {
        true => Ok(()),
        false => Err(failure(ErrorKind::Forbidden, "That is not the answer.")),
    })
}

/// What a registration token is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// That of the settings.
    Settings,
    /// One that an administrator made, and that may be used.
    Made,
    Wrong,
}

pub(crate) fn registration_token(api: &ClientApi, token: &str) -> Result<TokenKind> {
    let registration = &api.options.registration;
    if let Registration::Token(known) = registration
        && same(known.as_bytes(), token.as_bytes())
    {
        return Ok(TokenKind::Settings);
    }
    let tokens = &api.users.registration_tokens;
    let takes_made = matches!(registration, Registration::Token(_) | Registration::Tokens);
    let is_good = takes_made && tokens.get(token)?.is_some_and(|row| tokens.is_valid(&row));
    Ok(if is_good { TokenKind::Made } else { TokenKind::Wrong })
}

/// Counts the use of the token with which somebody registers.
pub(crate) async fn use_registration_token(api: &ClientApi, token: &str) -> Result<()> {
    if registration_token(api, token)? == TokenKind::Settings {
        return Ok(());
    }
    match api.users.registration_tokens.take(token).await? {
        true => Ok(()),
        false => Err(MatrixError::forbidden("The registration token was used as often as it may be.")),
    }
}

async fn check_password(
    api: &ClientApi,
    user: &UserId,
    given: &Password,
    address: IpAddr,
) -> Result<Outcome> {
    let UserIdentifier::Matrix(identifier) = &given.identifier else {
        return Ok(Err(failure(ErrorKind::Forbidden, "Only a user id identifies you here.")));
    };
    let named = UserId::parse_with_server_name(identifier.user.as_str(), &api.options.server_name);
    if named.ok().as_deref() != Some(user) {
        // No password helps: this is no failed stage, which could be tried again.
        return Err(MatrixError::forbidden("That is another user."));
    }
    let guess = Asker::Claimant(address, user);
    api.limit(Class::Guess, guess)?;
    match api.users.accounts.verify_password(user, &given.password).await? {
        true => {
            api.limiter().give_back(Class::Guess, guess);
            Ok(Ok(()))
        }
        false => Ok(Err(failure(ErrorKind::Forbidden, "The password is wrong."))),
    }
}

fn failure(kind: ErrorKind, message: &str) -> StandardErrorBody {
    StandardErrorBody::new(kind, message.to_owned())
}

/// Compares secrets in a time that does not tell where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
