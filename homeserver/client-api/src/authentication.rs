//! Who asks: from an access token to a [`Requester`].

use std::{net::IpAddr, ops::Deref, sync::Arc};

use hearth_storage::schema::users::AccountKind;
use hearth_users::Session;
use http::{HeaderMap, Uri, header};
use ruma::{
    UserId,
    api::auth_scheme::{
        AccessToken, AccessTokenOptional, AppserviceTokenOptional, AuthScheme, NoAccessToken,
        NoAuthentication,
    },
};

use crate::{ClientApi, MatrixError, Result};

/// The session that an access token stands for: user, device, and what the account is.
#[derive(Clone)]
pub struct Requester(pub Arc<Session>);

impl Deref for Requester {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl Requester {
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

    fn check(self, requester: &Requester) -> Result<()> {
        if requester.locked && !self.locked {
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
}

/// ruma's authentication schemes, as this server understands them.
///
/// Application services come in here: their tokens are looked up in [`requester`], and
/// `AppserviceTokenOptional` gets a `Who` that names them.
pub trait Authentication: AuthScheme {
    /// Whether a token is asked for.
    const TOKEN: Token;
    /// What a handler learns of who asks.
    type Who: Send + 'static;

    /// Turns what the token said into what the handler gets.
    fn who(requester: Option<Requester>) -> Result<Self::Who>;
}

impl Authentication for AccessToken {
    const TOKEN: Token = Token::Required;
    type Who = Requester;

    fn who(requester: Option<Requester>) -> Result<Requester> {
        requester.ok_or_else(|| MatrixError::missing_token("An access token is required."))
    }
}

impl Authentication for AccessTokenOptional {
    const TOKEN: Token = Token::Optional;
    type Who = Option<Requester>;

    fn who(requester: Option<Requester>) -> Result<Option<Requester>> {
        Ok(requester)
    }
}

/// Schemes without a user.
macro_rules! nobody {
    ($($scheme:ty),*) => {
        $(
            impl Authentication for $scheme {
                const TOKEN: Token = Token::Ignored;
                type Who = ();

                fn who(_: Option<Requester>) -> Result<()> {
                    Ok(())
                }
            }
        )*
    };
}

nobody!(NoAuthentication, NoAccessToken, AppserviceTokenOptional);

/// Looks up the access token of a request, if the endpoint takes one.
pub(crate) async fn requester(
    api: &ClientApi,
    token: Token,
    admits: Admits,
    headers: &HeaderMap,
    uri: &Uri,
    address: IpAddr,
) -> Result<Option<Requester>> {
    if token == Token::Ignored {
        return Ok(None);
    }
    let Some(access_token) = access_token(headers, uri)? else {
        return match token {
            Token::Required => Err(MatrixError::missing_token("An access token is required.")),
            _ => Ok(None),
        };
    };
    let requester = Requester(api.users.sessions.authenticate(&access_token).await?);
    admits.check(&requester)?;
    api.users.devices.seen(&requester, Some(address));
    Ok(Some(requester))
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
    #[derive(serde::Deserialize)]
    struct Query {
        access_token: Option<String>,
    }
    let query = axum::extract::Query::<Query>::try_from_uri(uri).ok();
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
