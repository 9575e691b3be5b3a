//! What happens before and after a handler.
//!
//! ```text
//! limits, keys, body, signature       the same for all endpoints: `serve`
//!   -> typed request                  by ruma's description of the endpoint
//!     -> handler                      business of each family, in `server/`
//!       -> typed answer, or MatrixError
//! ```

use std::{sync::Arc, time::Duration};

use axum::{extract::State, response::Response, routing::on};
use bytes::Bytes;
use futures::future::BoxFuture;
use hearth_http::{
    AnswerTo, MatrixError, Measure, Result, Served,
    body::{self, check_json},
    limits::{Asker, Class},
    request::{arguments, or_empty_object, typed},
    run,
    served::{handler_name, method_filter, method_name},
};
use http::{Method, StatusCode, header, request::Parts};
use ruma::{
    OwnedServerName,
    api::{
        IncomingRequest, Metadata,
        auth_scheme::{AuthScheme, NoAuthentication},
        federation::authentication::ServerSignatures,
        path_builder::PathBuilder as _,
    },
};

use crate::{AskedBy, Federation, limits::class, x_matrix::Claim};

/// How large a body may be: some events with the state that goes along.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// How many values a body may have: 50 PDUs of 64 KiB that consist of long lists.
const MAX_VALUES: usize = 500_000;

/// The same as [`MAX_BODY`] for transactions: 50 PDUs and 100 EDUs, each of at most 64 KiB, and what is around them.
pub const MAX_TRANSACTION: usize = 150 * 64 * 1024 + MAX_BODY;

/// When a server is to try again whose body had no room.
const BUSY: Duration = Duration::from_secs(5);

/// How an endpoint is authenticated, from ruma's description of it.
pub trait Authentication: AuthScheme {
    /// Who asks: a server, or `()` for anyone.
    type Origin: Send + 'static;
    /// Whether the request has to be signed.
    const SIGNED: bool;

    /// Reads it from the server that signed the request.
    fn origin(server: Option<OwnedServerName>) -> Result<Self::Origin>;
}

impl Authentication for ServerSignatures {
    type Origin = OwnedServerName;
    const SIGNED: bool = true;

    fn origin(server: Option<OwnedServerName>) -> Result<Self::Origin> {
        server.ok_or_else(unsigned)
    }
}

impl Authentication for NoAuthentication {
    type Origin = ();
    const SIGNED: bool = false;

    fn origin(_: Option<OwnedServerName>) -> Result<Self::Origin> {
        Ok(())
    }
}

type Scheme<R> = <R as Metadata>::Authentication;

/// A request as a handler takes it.
pub struct Request<R: IncomingRequest<Authentication: Authentication>> {
    /// Path, query and body, typed.
    pub body: R,
    /// The server that asks.
    pub origin: <Scheme<R> as Authentication>::Origin,
    /// The body as it came.
    pub bytes: Bytes,
    /// Where the request comes from.
    pub came_from: AskedBy,
}

/// A request that was let in, before it is typed.
struct Incoming {
    parts: Parts,
    arguments: Vec<String>,
    bytes: Bytes,
    origin: Option<OwnedServerName>,
    came_from: AskedBy,
}

impl<R: IncomingRequest<Authentication: Authentication>> Request<R> {
    fn of(incoming: Incoming) -> Result<Self> {
        let Incoming { parts, arguments, bytes, origin, came_from } = incoming;
        check_json(&bytes, MAX_VALUES)?;
        let body = typed::<R>(&parts, or_empty_object(&parts.method, &bytes), &arguments)?;
        Ok(Self { body, origin: Scheme::<R>::origin(origin)?, bytes, came_from })
    }
}

/// Collects endpoints. Every family of them has a `routes(router: EndpointRouter) -> EndpointRouter`.
#[derive(Default)]
pub struct EndpointRouter {
    router: axum::Router<Federation>,
    served: Vec<Served>,
}

impl EndpointRouter {
    /// Serves an endpoint at all its paths.
    ///
    /// # Panics
    ///
    /// When two handlers serve the same path and method.
    pub fn endpoint<F, R, Fut, O>(self, handler: F) -> Self
    where
        F: Fn(State<Federation>, Request<R>) -> Fut + Send + Sync + 'static,
        R: IncomingRequest<Authentication: Authentication> + Send + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
        O: AnswerTo<R> + 'static,
    {
        self.endpoint_with_body(MAX_BODY, handler)
    }

    /// The same, with bodies of up to `max_body` bytes.
    pub fn endpoint_with_body<F, R, Fut, O>(mut self, max_body: usize, handler: F) -> Self
    where
        F: Fn(State<Federation>, Request<R>) -> Fut + Send + Sync + 'static,
        R: IncomingRequest<Authentication: Authentication> + Send + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
        O: AnswerTo<R> + 'static,
    {
        let handler_name = handler_name::<F>();
        let handler = Arc::new(handler);
        let run: Run = Box::new(move |federation, incoming| {
            let handler = handler.clone();
            Box::pin(async move {
                let request = Request::<R>::of(incoming)?;
                handler(State(federation), request).await?.into_http()
            })
        });
        let endpoint = Arc::new(Endpoint {
            class: class(handler_name),
            max_body,
            signed: Scheme::<R>::SIGNED,
            measure: Measure::new("server_api", handler_name),
            run,
        });
        for path in R::PATH_BUILDER.all_paths() {
            self.served.push(Served { method: method_name(&R::METHOD), path, handler: handler_name });
            let endpoint = endpoint.clone();
            let serve = move |State(federation): State<Federation>, request: axum::extract::Request| {
                serve(endpoint.clone(), federation, request)
            };
            self.router = self.router.route(path, on(method_filter(&R::METHOD), serve));
        }
        self
    }

    /// Everything served so far, for the table of endpoints.
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// The routes, without what is around all of them.
    pub(crate) fn into_routes(self) -> axum::Router<Federation> {
        self.router
    }
}

type Run = Box<dyn Fn(Federation, Incoming) -> BoxFuture<'static, Result<Response>> + Send + Sync>;

struct Endpoint {
    class: Class,
    max_body: usize,
    signed: bool,
    measure: Measure,
    run: Run,
}

/// Serves one request.
async fn serve(endpoint: Arc<Endpoint>, federation: Federation, request: axum::extract::Request) -> Response {
    let span = tracing::info_span!(
        "server request",
        endpoint = endpoint.measure.endpoint(),
        origin = tracing::field::Empty
    );
    endpoint.measure.answer(span, answer(&endpoint, federation, request)).await
}

async fn answer(
    endpoint: &Arc<Endpoint>,
    federation: Federation,
    request: axum::extract::Request,
) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    // Before it is known who asks, which costs more than to refuse them.
    let address = federation.options().trusted_proxies.client(&parts);
    federation.limit(Class::Federation, Asker::Address(address))?;
    // Nothing is read from who does not even say who it is.
    if endpoint.signed && !parts.headers.contains_key(header::AUTHORIZATION) {
        return Err(unsigned());
    }
    let arguments = arguments(&mut parts).await?;
    let came_from = AskedBy::address(address);
    let claim = match endpoint.signed {
        true => Some(Claim::read(&federation, &parts.headers, came_from.clone()).await?),
        false => None,
    };
    let busy = |_| MatrixError::limit_exceeded(BUSY);
    let mut counter = federation.under_way().requests.counter(came_from.clone());
    let admit = |bytes| counter.add(bytes).map_err(busy);
    let bytes = body::read(&parts.headers, body, endpoint.max_body, admit).await?;
    let origin = match claim {
        Some(claim) => Some(signer(claim, &federation, &parts, &bytes)?),
        None => None,
    };
    let asker = origin.as_deref().map_or(Asker::Address(address), Asker::Server);
    federation.limit(endpoint.class, asker)?;
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    let incoming = Incoming { parts, arguments, bytes, origin, came_from: came_from.clone() };
    let endpoint = endpoint.clone();
    run::to_its_end(reads, async move {
        let answer = (endpoint.run)(federation.clone(), incoming).await;
        drop(counter);
        federation.under_way().answers.counter(came_from).hold(answer?).await.map_err(busy)
    })
    .await
}

fn signer(claim: Claim, federation: &Federation, parts: &Parts, body: &[u8]) -> Result<OwnedServerName> {
    let uri = parts.uri.path_and_query().map_or("/", |uri| uri.as_str());
    let origin = claim.check(federation, &parts.method, uri, body)?;
    tracing::Span::current().record("origin", origin.as_str());
    Ok(origin)
}

fn unsigned() -> MatrixError {
    MatrixError::new(StatusCode::UNAUTHORIZED, "M_UNAUTHORIZED", "The request is not signed.")
}
