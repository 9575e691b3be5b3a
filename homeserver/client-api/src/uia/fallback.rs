//! `/_matrix/client/v3/auth/{authType}/fallback/web`: pages on which a person passes a stage that their client does not know
//! ([spec](https://spec.matrix.org/v1.19/client-server-api/#fallback)).

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, header};
use ruma::api::client::uiaa::{AuthType, LoginTermsParams};
use serde::Deserialize;
use url::form_urlencoded;

use super::{
    captcha::{Captcha, CaptchaService},
    proof_of_work, terms,
};
use crate::{ClientApi, MatrixError, Result, Unspecified, request::query};

/// The paths of all stages.
pub const PROOF_OF_WORK: &str = "/_matrix/client/v3/auth/app.hearth.login.proof_of_work/fallback/web";
pub const RECAPTCHA: &str = "/_matrix/client/v3/auth/m.login.recaptcha/fallback/web";
pub const TERMS: &str = "/_matrix/client/v3/auth/m.login.terms/fallback/web";

/// Tells the client that the page was opened by, or in, that it may go on.
const DONE: &str = "if (window.onAuthDone) window.onAuthDone(); \
    else if (window.opener && window.opener.postMessage) window.opener.postMessage('authDone', '*');";

/// What a page is for.
enum Stage<'a> {
    Captcha(&'a Captcha),
    Terms(&'a LoginTermsParams),
}

/// The page.
pub async fn page(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    #[derive(Deserialize)]
    struct Asked {
        session: String,
    }
    let stage = asked_for(&api, &request)?;
    let Asked { session } = query(&request.parts)?;
    match api.users.uia.is_known(&session) {
        true => Ok(form(&api, &request, &stage, &session, StatusCode::OK)),
        false => Err(unknown()),
    }
}

/// What is sent from the page.
pub async fn pass(State(api): State<ClientApi>, request: Unspecified) -> Result<Response> {
    let stage = asked_for(&api, &request)?;
    let field = |name: &str| {
        let mut fields = form_urlencoded::parse(&request.bytes);
        fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let session = field("session");
    let (auth_type, passed) = match &stage {
        Stage::Captcha(captcha) => {
            let passed = match captcha {
                Captcha::ProofOfWork { bits } => proof_of_work::solves(&session, &field("response"), *bits),
                Captcha::Service(service) => takes(&api, service, &field(service.widget.field)).await?,
            };
            (captcha.stage(), passed)
        }
        // Whoever sends the page has accepted them.
        Stage::Terms(_) => (AuthType::Terms, true),
    };
    if !passed {
        return Ok(form(&api, &request, &stage, &session, StatusCode::FORBIDDEN));
    }
    match api.users.uia.pass(&session, auth_type) {
        true => Ok(html(&api, StatusCode::OK, None, "<p>Done. You may go back to your client.</p>", DONE)),
        false => Err(unknown()),
    }
}

/// Whether a service takes the response of its widget.
pub(crate) async fn takes(api: &ClientApi, service: &CaptchaService, response: &str) -> Result<bool> {
    service.takes(&api.network, response).await.map_err(|error| {
        tracing::warn!(%error, url = service.verify_url, "a captcha service does not answer");
        MatrixError::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", "The captcha service does not answer.")
    })
}

/// What this server asks for, if it is what the page is for.
fn asked_for<'a>(api: &'a ClientApi, request: &Unspecified) -> Result<Stage<'a>> {
    let path = request.parts.uri.path();
    let terms = api.options.terms.as_ref().filter(|_| path == TERMS).map(Stage::Terms);
    let captcha = api.options.captcha.as_ref();
    let captcha = captcha.filter(|captcha| path.contains(captcha.stage().as_str())).map(Stage::Captcha);
    terms.or(captcha).ok_or_else(|| MatrixError::not_found("This server does not ask for that."))
}

fn unknown() -> MatrixError {
    MatrixError::not_found("That authentication has ended: begin again.")
}

fn form(
    api: &ClientApi,
    request: &Unspecified,
    stage: &Stage<'_>,
    session: &str,
    status: StatusCode,
) -> Response {
    let session = escaped(session);
    let hidden = format!("<input type=\"hidden\" name=\"session\" value=\"{session}\">");
    match stage {
        Stage::Terms(policies) => {
            let accepted = request.parts.headers.get(header::ACCEPT_LANGUAGE);
            let accepted = accepted.and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
            let texts = policies.policies.values().filter_map(|policy| terms::in_language(policy, accepted));
            let links: String = texts
                .map(|text| {
                    let (url, name) = (escaped(&text.url), escaped(&text.name));
                    format!(
                        "<li><a href=\"{url}\" target=\"_blank\" rel=\"noopener noreferrer\">{name}</a></li>"
                    )
                })
                .collect();
            let body = format!(
                "<p>Whoever registers here accepts:</p><ul>{links}</ul>\
                 <form method=\"post\">{hidden}<button>Accept</button></form>"
            );
            html(api, status, None, &body, "")
        }
        Stage::Captcha(Captcha::ProofOfWork { bits }) => {
            let body = format!(
                "<p>Your device computes something for a moment, so that nobody makes accounts by the thousand.</p>\
                 <noscript><p>It takes JavaScript.</p></noscript>\
                 <form method=\"post\" data-challenge=\"{session}\" data-bits=\"{bits}\">{hidden}\
                 <input type=\"hidden\" name=\"response\"></form>"
            );
            html(api, status, None, &body, include_str!("proof_of_work.js"))
        }
        Stage::Captcha(Captcha::Service(service)) => {
            let widget = &service.widget;
            let body = format!(
                "<p>Show that you are a person.</p><form method=\"post\">{hidden}\
                 <div class=\"{}\" data-sitekey=\"{}\"></div><button>Go on</button></form>\
                 <script src=\"{}\" async defer></script>",
                widget.class,
                escaped(&service.site_key),
                widget.script,
            );
            html(api, status, Some(widget.sources), &body, "")
        }
    }
}

/// A page with a script of this server's, and what else comes from `sources`.
fn html(api: &ClientApi, status: StatusCode, sources: Option<&str>, body: &str, script: &str) -> Response {
    let nonce = STANDARD.encode(api.random_bytes::<16>());
    let sources = sources.unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' {sources}; frame-src {sources}; style-src {sources}; \
         connect-src {sources}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Registration</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head>\
         <body><main>{body}</main><script nonce=\"{nonce}\">{script}</script></body></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (status, headers, page).into_response()
}

/// A text as it stands in an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
