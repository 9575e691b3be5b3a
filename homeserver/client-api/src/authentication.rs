//! Who asks: from an access token to a [`Caller`].

use std::{net::IpAddr, ops::Deref, sync::Arc};

use axum::extract::Query;
use hearth_appservices::Service;
use hearth_http::limits::{Class, Rate};
use hearth_storage::schema::users::AccountKind;
use hearth_users::{Session, UsersError};
use http::{HeaderMap, Uri, header, request::Parts};
use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    api::auth_scheme::{
        AccessToken, AccessTokenOptional, AppserviceToken, AppserviceTokenOptional, AuthScheme,
        NoAccessToken, NoAuthentication,
    },
};
use serde::Deserialize;

use crate::{ClientApi, MatrixError, Result};

/// The session that an access token stands for: user, device, and what the account is.
#[derive(Clone)]
pub struct Requester {
    session: Arc<Session>,
    /// The application service that acts as the user.
    service: Option<Arc<Service>>,
}

impl Deref for Requester {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// An extension of requests that come from whoever owns this server on its machine, by a way that is theirs alone: they
/// are an administrator, without a token.
#[derive(Clone, Copy, Debug)]
pub struct Console;

/// Who an access token stands for.
#[derive(Clone)]
pub enum Caller {
    /// There was none, or nobody asked for it.
    Nobody,
    User(Requester),
    /// An application service that acts for itself.
    Service(Arc<Service>),
}

impl Caller {
    /// Whether limits of rate hold for it.
    pub(crate) fn is_limited(&self) -> bool {
        match self {
            Self::Nobody => true,
            Self::User(requester) => requester.is_limited(),
            Self::Service(service) => service.rate_limited,
        }
    }

    /// How often they may do what is of a class, where that is not what holds for all.
    pub(crate) fn rate_of(&self, class: Class) -> Option<Rate> {
        match self {
            Self::User(requester) => requester.rate_of(class),
            Self::Nobody | Self::Service(_) => None,
        }
    }
}

impl Requester {
    /// The application service that acts as the user, if one does.
    pub fn service(&self) -> Option<&Service> {
        self.service.as_deref()
    }

    /// Whether limits of rate hold for who asks.
    pub fn is_limited(&self) -> bool {
        let is_free = self.rate.is_some_and(|rate| rate.per_second == 0);
        !is_free && self.service.as_ref().is_none_or(|service| service.rate_limited)
    }

    /// How often they may send something, where an administrator said so.
    fn rate_of(&self, class: Class) -> Option<Rate> {
        let rate = self.rate.filter(|rate| class == Class::Message && rate.per_second > 0)?;
        Some(Rate { per_second: rate.per_second.into(), burst: rate.burst.max(1) })
    }

    /// Refuses a service that names no device, for what happens on one.
    pub fn on_a_device(&self) -> Result<()> {
        match self.device.as_str() {
            "" => Err(MatrixError::missing_param("That takes a device: name it by `device_id`.")),
            _ => Ok(()),
        }
    }

    /// Whether it is a guest's.
    pub fn guest(&self) -> bool {
        self.kind == AccountKind::Guest
    }

    /// Refuses a suspended account (`M_USER_SUSPENDED`): for whatever others would see. The specification's
    /// "Account suspension" names what stays allowed.
    pub fn not_suspended(&self) -> Result<()> {
        match self.suspended {
            true => Err(MatrixError::user_suspended("This account is suspended.")),
            false => Ok(()),
        }
    }

    /// Refuses who is not an administrator of this server.
    pub fn is_admin(&self) -> Result<()> {
        match self.admin {
            true => Ok(()),
            false => Err(MatrixError::forbidden("Only an administrator of this server may do that.")),
        }
    }

    /// Refuses who acts for another user, as where a path names the user.
    pub fn is(&self, user_id: &UserId) -> Result<()> {
        match self.user == user_id {
            true => Ok(()),
            false => Err(MatrixError::forbidden("You may only do that for yourself.")),
        }
    }
}

/// Which accounts an endpoint lets in beside the usual ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Admits {
    guests: bool,
    locked: bool,
}

impl Admits {
    /// Guests as well ("Guest access").
    pub const GUESTS: Self = Self { guests: true, locked: false };
    /// Guests and locked accounts as well ("Account locking": logging out).
    pub const LOCKED: Self = Self { guests: true, locked: true };

    fn check(self, api: &ClientApi, requester: &Requester) -> Result<()> {
        // Who is banned finds their account locked.
        if !self.locked && (requester.locked || api.rooms.bans().bans_user(&requester.user)) {
            return Err(MatrixError::user_locked());
        }
        if requester.guest() && !self.guests {
            return Err(MatrixError::guest_access_forbidden("Guests may not do that."));
        }
        Ok(())
    }
}

/// Whether an endpoint asks for an access token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Token {
    Ignored,
    Optional,
    Required,
    /// Only that of an application service says something, and none is as good.
    OfServiceOptional,
    /// That of an application service.
    OfService,
}

/// ruma's authentication schemes, as this server understands them.
pub trait Authentication: AuthScheme {
    /// Whether a token is asked for.
    const TOKEN: Token;
    /// What a handler learns of who asks.
    type Who: Send + 'static;

    /// Turns what the token said into what the handler gets.
    fn who(caller: Caller) -> Result<Self::Who>;

    /// The application service that asks, if one does.
    fn service(_: &Self::Who) -> Option<&Service> {
        None
    }
}

impl Authentication for AccessToken {
    const TOKEN: Token = Token::Required;
    type Who = Requester;

    fn who(caller: Caller) -> Result<Requester> {
        match caller {
            Caller::User(requester) => Ok(requester),
            _ => Err(no_token()),
        }
    }

    fn service(who: &Requester) -> Option<&Service> {
        who.service()
    }
}

impl Authentication for AccessTokenOptional {
    const TOKEN: Token = Token::Optional;
    type Who = Option<Requester>;

    fn who(caller: Caller) -> Result<Option<Requester>> {
        match caller {
            Caller::User(requester) => Ok(Some(requester)),
            _ => Ok(None),
        }
    }
}

impl Authentication for AppserviceTokenOptional {
    const TOKEN: Token = Token::OfServiceOptional;
    type Who = Option<Arc<Service>>;

    fn who(caller: Caller) -> Result<Option<Arc<Service>>> {
        match caller {
            Caller::Service(service) => Ok(Some(service)),
            _ => Ok(None),
        }
    }
}

impl Authentication for AppserviceToken {
    const TOKEN: Token = Token::OfService;
    type Who = Arc<Service>;

    fn who(caller: Caller) -> Result<Arc<Service>> {
        match caller {
            Caller::Service(service) => Ok(service),
            _ => Err(no_token()),
        }
    }
}

/// Schemes without a user.
macro_rules! nobody {
    ($($scheme:ty),*) => {
        $(
            impl Authentication for $scheme {
                const TOKEN: Token = Token::Ignored;
                type Who = ();

                fn who(_: Caller) -> Result<()> {
                    Ok(())
                }
            }
        )*
    };
}

nobody!(NoAuthentication, NoAccessToken);

fn no_token() -> MatrixError {
    MatrixError::missing_token("An access token is required.")
}

/// Looks up the access token of a request, if the endpoint takes one.
pub(crate) async fn caller(
    api: &ClientApi,
    token: Token,
    admits: Admits,
    parts: &Parts,
    address: IpAddr,
) -> Result<Caller> {
    let (headers, uri) = (&parts.headers, &parts.uri);
    if token == Token::Ignored {
        return Ok(Caller::Nobody);
    }
    if parts.extensions.get::<Console>().is_some() {
        let session = Arc::new(Session::of_console(&api.options.server_name)?);
        return Ok(Caller::User(Requester { session, service: None }));
    }
    let Some(access_token) = access_token(headers, uri)? else {
        return match token {
            Token::Required | Token::OfService => Err(no_token()),
            _ => Ok(Caller::Nobody),
        };
    };
    if let Some(service) = api.services.by_token(&access_token) {
        return match token {
            Token::OfService | Token::OfServiceOptional => Ok(Caller::Service(service)),
            // Services ask this before their user is there.
            Token::Optional => Ok(acting(api, service, uri).map_or(Caller::Nobody, Caller::User)),
            _ => {
                let requester = acting(api, service, uri)?;
                admits.check(api, &requester)?;
                Ok(Caller::User(requester))
            }
        };
    }
    match token {
        // Whoever logs in may still show a token of earlier days.
        Token::OfServiceOptional => Ok(Caller::Nobody),
        Token::OfService => Err(MatrixError::unknown_token("That is no application service's token.", false)),
        _ => {
            let session = api.users.sessions.authenticate(&access_token).await?;
            let requester = Requester { session, service: None };
            admits.check(api, &requester)?;
            api.users.devices.seen(&requester, Some(address));
            Ok(Caller::User(requester))
        }
    }
}

/// The user as whom an application service acts, on the device that it names (application service API, "Identity
/// assertion").
fn acting(api: &ClientApi, service: Arc<Service>, uri: &Uri) -> Result<Requester> {
    #[derive(Deserialize)]
    struct Asserted {
        user_id: Option<OwnedUserId>,
        device_id: Option<OwnedDeviceId>,
        #[serde(rename = "org.matrix.msc3202.device_id")]
        device_id_unstable: Option<OwnedDeviceId>,
    }
    let Query(Asserted { user_id, device_id, device_id_unstable }) = Query::try_from_uri(uri)
        .map_err(|_| MatrixError::invalid_param("`user_id` or `device_id` is not valid."))?;
    let user = user_id.as_ref().unwrap_or(&service.sender);
    if !service.covers(user) {
        return Err(MatrixError::forbidden("This application service may not act as that user."));
    }
    let device = device_id.or(device_id_unstable);
    let session = api.users.sessions.of_service(user, device.as_deref()).map_err(|error| match error {
        UsersError::NotFound(_) => MatrixError::unknown_device(),
        UsersError::Forbidden(_) => {
            MatrixError::forbidden("This application service has not registered that user.")
        }
        error => error.into(),
    })?;
    Ok(Requester { session, service: Some(service) })
}

/// The access token of a request: from `Authorization: Bearer` or, deprecated, from `?access_token=`.
pub(crate) fn access_token(headers: &HeaderMap, uri: &Uri) -> Result<Option<String>> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        return token
            .map(Some)
            .ok_or_else(|| MatrixError::missing_token("The Authorization header holds no bearer token."));
    }
    #[derive(Deserialize)]
    struct Shown {
        access_token: Option<String>,
    }
    let query = Query::<Shown>::try_from_uri(uri).ok();
    Ok(query.and_then(|query| query.0.access_token))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(authorization: Option<&'static str>, uri: &'static str) -> Result<Option<String>> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        access_token(&headers, &Uri::from_static(uri))
    }

    #[test]
    fn tokens_come_by_header_or_query() {
        assert_eq!(of(Some("Bearer abc"), "/x?access_token=def").unwrap().as_deref(), Some("abc"));
        assert_eq!(of(Some("bearer abc"), "/x").unwrap().as_deref(), Some("abc"));
        assert_eq!(of(None, "/x?since=1&access_token=d%2Bf").unwrap().as_deref(), Some("d+f"));
        assert_eq!(of(None, "/x").unwrap(), None);
        assert_eq!(of(Some("Basic abc"), "/x").unwrap_err().errcode, Some("M_MISSING_TOKEN"));
    }
}
