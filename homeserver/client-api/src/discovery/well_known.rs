//! `GET /.well-known/matrix/client` and `GET /.well-known/matrix/support`

use axum::extract::State;
use ruma::api::client::discovery::{
    discover_homeserver::{HomeserverInfo, Request as DiscoverHomeserver, Response as Homeserver},
    discover_support::{Contact, ContactRole, Request as DiscoverSupport, Response as Support},
};

use crate::{Answer, ClientApi, MatrixError, Request, Result, rtc::transports::transports};

/// Where clients reach this server, if it was told
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient)).
pub async fn discover_homeserver(
    State(api): State<ClientApi>,
    _request: Request<DiscoverHomeserver>,
) -> Result<Answer<Homeserver>> {
    let base_url = api.options.base_url.clone();
    let base_url = base_url.ok_or_else(|| MatrixError::not_found("This server was not told its address."))?;
    let mut homeserver = Homeserver::new(HomeserverInfo::new(base_url));
    homeserver.rtc_foci = transports(&api);
    Ok(Answer(homeserver))
}

/// Whom to turn to, if it was told
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport)).
pub async fn discover_support(
    State(api): State<ClientApi>,
    _request: Request<DiscoverSupport>,
) -> Result<Answer<Support>> {
    let options = &api.options;
    if options.support_email.is_none() && options.support_page.is_none() {
        return Err(MatrixError::not_found("This server names no one to turn to."));
    }
    let contact = |email| Contact::with_email_address(ContactRole::Admin, email);
    let mut support =
        Support::with_contacts(options.support_email.clone().map(contact).into_iter().collect());
    support.support_page = options.support_page.clone();
    Ok(Answer(support))
}
