//! `/_hearth/mail/confirm` and `/_hearth/mail/unsubscribe`: where the links of mails lead. What a link does is done by a
//! button, as mail servers look at links by themselves; programs that end mails in one click send the same (RFC 8058).

use axum::{
    extract::State,
    response::{Html, IntoResponse as _, Response},
};
use hearth_push::mail::{EMAIL_APP, of_name};
use http::{HeaderValue, header};
use serde::Deserialize;

use crate::{ClientApi, MatrixError, Result, Unspecified, request::query};

/// `GET`: a button.
pub async fn page(State(_): State<ClientApi>, request: Unspecified) -> Result<Response> {
    let what = match request.parts.uri.path() {
        hearth_push::mail::CONFIRM => "Yes, send me mails about what I have not read",
        _ => "No more mails about what I have not read",
    };
    Ok(html(&format!("<form method=\"post\"><button>{what}</button></form>")))
}

/// `POST /_hearth/mail/confirm`: whoever reads the mails of the address takes them.
pub async fn confirm(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    #[derive(Deserialize)]
    struct Link {
        pusher: String,
        token: String,
    }
    let Link { pusher, token } = query(&request.parts)?;
    let (user, _) = of_name(&pusher).ok_or_else(unknown)?;
    api.users.pushers.activate(&user, EMAIL_APP, &token).await.map_err(|_| unknown())?;
    Ok(html("<p>You will get mails about what you have not read.</p>"))
}

/// `POST /_hearth/mail/unsubscribe`: no more of them.
pub async fn unsubscribe(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    #[derive(Deserialize)]
    struct Link {
        pusher: String,
        signature: String,
    }
    let Link { pusher, signature } = query(&request.parts)?;
    let mails = api.pushes.mails().ok_or_else(unknown)?;
    let (user, address) = mails.unsubscribed(&pusher, &signature).ok_or_else(unknown)?;
    api.users.pushers.delete(&user, EMAIL_APP, &address).await?;
    Ok(html("<p>No more mails about what you have not read.</p>"))
}

fn unknown() -> MatrixError {
    MatrixError::not_found("That link is not known, or is too old.")
}

fn html(body: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Mails</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head><body><main>{body}</main></body></html>"
    );
    let policy = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))], Html(page)).into_response()
}
