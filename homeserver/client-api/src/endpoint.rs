//! Endpoints: a handler, served at every path that its endpoint has or had.
//!
//! ```text
//! rate limits, access token, body     the same for all endpoints: `serve`
//!   -> typed request                  `FromIncoming`, by ruma's description of the endpoint
//!     -> handler                      business of each family
//!       -> typed answer, or MatrixError
//! ```

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRef, State},
    response::Response,
    routing::{MethodRouter, on},
};
use futures::future::BoxFuture;
use hearth_federation::AskedBy;
pub use hearth_http::{Answer, AnswerTo, Json, JsonText, Served};
use hearth_http::{
    Measure, body,
    limits::{Asker, Class},
    request::arguments,
    run,
    served::{handler_name, method_filter, method_name},
};
use http::Method;
use ruma::api::{Metadata, path_builder::PathBuilder as _};

use crate::{
    ClientApi, MatrixError, Result, audit,
    authentication::{self, Admits, Authentication, Caller, Token},
    limits::class,
    request::{
        BodyKind, FromIncoming, Incoming, MAX_BODY, MAX_BODY_OF_STRANGERS, MAX_VALUES, Unspecified,
        VALUE_BYTES,
    },
    router::cross_origin,
    synapse_admin::AdminRequest,
};

/// When a client is to try again whose body, or answer, had no room.
const BUSY: Duration = Duration::from_secs(5);

/// Collects endpoints. Every family of them has a `routes(router: EndpointRouter) -> EndpointRouter`.
#[derive(Default)]
pub struct EndpointRouter {
    router: axum::Router<ClientApi>,
    served: Vec<Served>,
}

impl EndpointRouter {
    /// Serves an endpoint at all its paths (r0, v1, v3, unstable, …), to users.
    ///
    /// # Panics
    ///
    /// When two handlers serve the same path and method, or a handler has no [class](crate::limits).
    pub fn endpoint<F, A, Q, Fut, O>(self, handler: F) -> Self
    where
        F: Fn(State<A>, Q) -> Fut + Send + Sync + 'static,
        A: FromRef<ClientApi> + Send + 'static,
        Q: FromIncoming,
        Fut: Future<Output = Result<O>> + Send + 'static,
        O: AnswerTo<Q::Endpoint> + 'static,
    {
        self.endpoint_admitting(Admits::default(), handler)
    }

    /// The same, to guests or locked accounts as well.
    pub fn endpoint_admitting<F, A, Q, Fut, O>(mut self, admits: Admits, handler: F) -> Self
    where
        F: Fn(State<A>, Q) -> Fut + Send + Sync + 'static,
        A: FromRef<ClientApi> + Send + 'static,
        Q: FromIncoming,
        Fut: Future<Output = Result<O>> + Send + 'static,
        O: AnswerTo<Q::Endpoint> + 'static,
    {
        type Scheme<R> = <R as Metadata>::Authentication;

        let method = Q::Endpoint::METHOD;
        let handler_name = handler_name::<F>();
        let handler = Arc::new(handler);
        let run: Run = Box::new(move |api, incoming| {
            let handler = handler.clone();
            Box::pin(async move {
                let request = Q::from_incoming(incoming)?;
                handler(State(A::from_ref(&api)), request).await?.into_http()
            })
        });
        let paths: Vec<&'static str> = Q::Endpoint::PATH_BUILDER.all_paths().collect();
        let endpoint = Arc::new(Endpoint {
            class: class(handler_name),
            token: <Scheme<Q::Endpoint> as Authentication>::TOKEN,
            admits,
            body: Q::BODY,
            audited: audit::is_audited(&method, handler_name),
            measure: Measure::new("client_api", handler_name),
            run,
        });
        for path in paths.into_iter().flat_map(|path| [Some(path), other_path(path)]).flatten() {
            self.served.push(Served { method: method_name(&method), path, handler: handler_name });
            self = self.register(&method, path, &endpoint);
        }
        self
    }

    /// Serves what ruma has no type for; no token is looked at.
    pub fn unspecified<F, A, Fut>(mut self, method: Method, path: &'static str, handler: F) -> Self
    where
        F: Fn(State<A>, Unspecified) -> Fut + Send + Sync + 'static,
        A: FromRef<ClientApi> + Send + 'static,
        Fut: Future<Output = Result<Response>> + Send + 'static,
    {
        let handler_name = handler_name::<F>();
        let run: Run = Box::new(move |api, incoming| {
            let Incoming { parts, bytes, address, .. } = incoming;
            Box::pin(handler(State(A::from_ref(&api)), Unspecified { parts, bytes, address }))
        });
        let endpoint = Arc::new(Endpoint {
            class: class(handler_name),
            token: Token::Ignored,
            admits: Admits::default(),
            body: BodyKind::Text,
            audited: false,
            measure: Measure::new("client_api", handler_name),
            run,
        });
        self.served.push(Served { method: method_name(&method), path, handler: handler_name });
        self.register(&method, path, &endpoint)
    }

    /// Serves an endpoint of Synapse's admin API, to administrators.
    pub fn admin<F, Fut>(mut self, method: &Method, path: &'static str, handler: F) -> Self
    where
        F: Fn(State<ClientApi>, AdminRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response>> + Send + 'static,
    {
        let handler_name = handler_name::<F>();
        let handler = Arc::new(handler);
        let run: Run = Box::new(move |api, incoming| {
            let handler = handler.clone();
            Box::pin(async move { handler(State(api), AdminRequest::from_incoming(incoming)?).await })
        });
        let endpoint = Arc::new(Endpoint {
            class: class(handler_name),
            token: Token::Required,
            admits: Admits::default(),
            body: BodyKind::Json,
            audited: audit::is_audited(method, handler_name),
            measure: Measure::new("client_api", handler_name),
            run,
        });
        self.served.push(Served { method: method_name(method), path, handler: handler_name });
        self.register(method, path, &endpoint)
    }

    fn register(mut self, method: &Method, path: &str, endpoint: &Arc<Endpoint>) -> Self {
        self.router = self.router.route(path, method_router(method, endpoint));
        // An empty state key may be left out, with or without its slash; and clients differ over the slash at
        // the end of the push rules' paths.
        for other in
            [path.strip_suffix("{state_key}"), path.strip_suffix("/{state_key}"), path.strip_suffix('/')]
                .into_iter()
                .flatten()
        {
            self.router = self.router.route(other, method_router(method, endpoint));
        }
        self
    }

    /// Everything served so far, for the table of endpoints.
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// The routes, without what is around all of them.
    pub(crate) fn into_routes(self) -> axum::Router<ClientApi> {
        self.router
    }
}

/// Where clients look for an endpoint beside the paths that ruma knows: those of the js-sdk for room summaries (MSC3266).
fn other_path(path: &str) -> Option<&'static str> {
    match path {
        "/_matrix/client/v1/room_summary/{room_id_or_alias}" => {
            Some("/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}")
        }
        _ => None,
    }
}

type Run = Box<dyn Fn(ClientApi, Incoming) -> BoxFuture<'static, Result<Response>> + Send + Sync>;

struct Endpoint {
    class: Class,
    token: Token,
    admits: Admits,
    body: BodyKind,
    /// Whether it is written down that an administrator asked it.
    audited: bool,
    measure: Measure,
    run: Run,
}

fn method_router(method: &Method, endpoint: &Arc<Endpoint>) -> MethodRouter<ClientApi> {
    let endpoint = endpoint.clone();
    on(method_filter(method), move |State(api): State<ClientApi>, request: axum::extract::Request| {
        serve(endpoint.clone(), api, request)
    })
}

/// Serves one request.
async fn serve(endpoint: Arc<Endpoint>, api: ClientApi, request: axum::extract::Request) -> Response {
    let span =
        tracing::info_span!("request", id = api.next_request_id(), endpoint = endpoint.measure.endpoint());
    cross_origin(endpoint.measure.answer(span, answer(&endpoint, api, request)).await)
}

async fn answer(
    endpoint: &Arc<Endpoint>,
    api: ClientApi,
    request: axum::extract::Request,
) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let address = api.options.trusted_proxies.client(&parts);
    let caller = authentication::caller(&api, endpoint.token, endpoint.admits, &parts, address).await;
    // Whose token is no good is someone unknown.
    let asker = match &caller {
        Ok(Caller::User(who)) => Asker::User(&who.user),
        _ => Asker::Address(address),
    };
    if caller.as_ref().map_or(true, Caller::is_limited) {
        let own = caller.as_ref().ok().and_then(|caller| caller.rate_of(endpoint.class));
        match own {
            Some(rate) => api.limiter().take_at(rate, endpoint.class, asker, api.now_ms())?,
            None => api.limit(endpoint.class, asker)?,
        }
    }
    let caller = caller?;
    let arguments = arguments(&mut parts).await?;
    let max = if matches!(caller, Caller::Nobody) { MAX_BODY_OF_STRANGERS } else { MAX_BODY };
    let sender = match &caller {
        Caller::User(who) => AskedBy::User(who.user.clone()),
        _ => AskedBy::address(address),
    };
    let busy = |_| MatrixError::limit_exceeded(BUSY);
    let mut counter = api.bodies().counter(sender);
    let (bytes, stream) = match endpoint.body {
        BodyKind::Streamed => (bytes::Bytes::new(), body),
        BodyKind::Json | BodyKind::Text => {
            let admit = |bytes| counter.add(bytes).map_err(busy);
            (body::read(&parts.headers, body, max, admit).await?, Body::empty())
        }
    };
    if endpoint.body == BodyKind::Json {
        let values = body::check_json(&bytes, MAX_VALUES)?;
        counter.add(values * VALUE_BYTES).map_err(busy)?;
    }

    // Whoever gives up a sync, which may be a POST, has nothing of its end.
    let waits = matches!(endpoint.class, Class::Sync);
    let reads = parts.method == Method::GET || parts.method == Method::HEAD || waits;
    let uia = api.users.uia.clone();
    let incoming = Incoming { parts, arguments, bytes, stream, caller, address, uia };
    let endpoint = endpoint.clone();
    let asked = endpoint.audited.then(|| audit::Asked::of(&incoming)).flatten();
    run::to_its_end(reads, async move {
        let noted = match asked {
            Some(asked) => Some(asked.begin(&api).await?),
            None => None,
        };
        let answer = (endpoint.run)(api.clone(), incoming).await;
        if let Some(noted) = noted {
            let status = audit::status(&answer);
            api.users.audit.end(noted, status).await?;
        }
        counter.hold(answer?).await.map_err(busy)
    })
    .await
}
