//! The web client at `/` and the admin page at `/_hearth/admin/`: what `cargo xtask web` made of `client-web/` is embedded
//! by the next build of the server.
//!
//! What the pages load lies below `/_hearth/web/{release}/`, where `{release}` is a hash over all of it: it is kept
//! for ever. The pages themselves, the service worker and the manifest are asked for anew each time.

mod files;

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::files::{FILES, File};

/// Where the files of a release lie.
const RELEASES: &str = "/_hearth/web";

/// Nothing but what this server serves runs in the page. WebAssembly may be compiled, text may not be evaluated. The
/// client speaks to any homeserver and the calls of any, and shows pictures and sound that it decrypted itself (`blob:`).
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' blob:; media-src 'self' blob:; connect-src 'self' https: http://localhost:* http://127.0.0.1:* wss: ws://localhost:* ws://127.0.0.1:*; \
     worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The admin page speaks to its own server alone. The pictures that it shows were fetched with its token (`blob:`).
const ADMIN_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Said at `/` by a server that was built without the client.
const ABSENT: &str = "<!doctype html><meta charset=utf-8><title>Hearth</title><p>This is a Matrix homeserver. \
     Any Matrix client can use it; its own was not built: <code>cargo xtask web</code>, then build the server again.";

/// The routes of the client.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(page))
        .route("/_hearth/admin", get(async || Redirect::permanent("/_hearth/admin/")))
        .route("/_hearth/admin/", get(admin_page))
        .route("/service-worker.js", get(file_at_root))
        .route("/manifest.webmanifest", get(file_at_root))
        .route("/_hearth/web/{*file}", get(file_of_release))
}

async fn page(headers: HeaderMap) -> Response {
    match find("/index.html") {
        Some(file) => answer(file, &headers, "no-cache"),
        None => Html(ABSENT).into_response(),
    }
}

async fn admin_page(headers: HeaderMap) -> Response {
    let Some(file) = find("/admin.html") else { return Html(ABSENT).into_response() };
    let mut response = answer(file, &headers, "no-cache");
    let mut set = |name, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, ADMIN_POLICY);
    // No other page gets hold of its window.
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    response
}

async fn file_at_root(request: Request) -> Response {
    match find(request.uri().path()) {
        Some(file) => answer(file, request.headers(), "no-cache"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn file_of_release(request: Request) -> Response {
    // Only names with a folder: the others change from release to release.
    let path = request.uri().path().strip_prefix(RELEASES).filter(|path| path[1..].contains('/'));
    match path.and_then(find) {
        Some(file) => answer(file, request.headers(), "public, max-age=31536000, immutable"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

fn answer(file: &'static File, asked: &HeaderMap, caching: &'static str) -> Response {
    let brotli = file.brotli.filter(|_| takes_brotli(asked));
    let mut response = Response::new(Body::from(brotli.unwrap_or(file.plain)));
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, file.media_type());
    set(header::CACHE_CONTROL, caching);
    set(header::VARY, "Accept-Encoding");
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    if brotli.is_some() {
        set(header::CONTENT_ENCODING, "br");
    }
    response
}

/// Whether `br` is among the encodings of a request ("br;q=0" is not).
fn takes_brotli(asked: &HeaderMap) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut encodings = values.flat_map(|value| value.split(',')).map(|encoding| encoding.split(';'));
    encodings.any(|mut parts| {
        parts.next().is_some_and(|name| name.trim().eq_ignore_ascii_case("br"))
            && !parts.any(|weight| matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests;
