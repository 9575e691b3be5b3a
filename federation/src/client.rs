//! Asking other servers.

mod media;
pub(crate) mod multipart;
mod places;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hearth_network::{Network, NetworkError, USER_AGENT, read_body};
use hearth_rooms::Bans;
use hearth_spec::SigningKey;
use hearth_storage::Clock;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use ruma::{
    ServerName,
    api::{
        IncomingResponse as _, OutgoingBody as _, OutgoingRequest,
        auth_scheme::{AuthScheme, NoAuthentication},
        federation::authentication::ServerSignatures,
        path_builder::SinglePath,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};

use self::places::{Place, Places};
pub use self::{media::RemoteMedia, places::Purpose};
use crate::{
    Destinations, FederationError, FederationOptions,
    discovery::{Discovery, OverNetwork},
    x_matrix,
};

/// How deep answers are read at once; what is further inside are events and keys, which are read one by one.
const READ_LEVELS: usize = 2;

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What it is made for: each purpose has a limit of its own on requests at once.
    pub purpose: Purpose,
    /// From the first look-up to the last byte.
    pub timeout: Duration,
    /// The largest answer.
    pub body_bytes: usize,
    /// The longest lists in it, altogether.
    pub values: usize,
    pub back_off: BackOff,
}

/// How a request treats a server that did not answer lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackOff {
    /// The server is not asked before its back-off has passed. A failure of this request counts, also after a restart.
    Obeyed,
    /// The same, but failures are counted in memory and for such requests alone: the server's name may be made up.
    OfStrangers,
    /// The server is asked all the same, and a failure does not count: a user waits, or nothing but its name is known.
    Ignored,
}

impl Limits {
    /// For most requests.
    pub const USUAL: Self = Self {
        purpose: Purpose::Rooms,
        timeout: Duration::from_secs(30),
        body_bytes: 16 << 20,
        values: 200_000,
        back_off: BackOff::Obeyed,
    };

    /// For the state of a whole room (`send_join`, `state`).
    pub const ROOM: Self = Self {
        purpose: Purpose::Rooms,
        timeout: Duration::from_secs(10 * 60),
        body_bytes: 256 << 20,
        values: 500_000,
        back_off: BackOff::Ignored,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Endpoints are asked with our signature, or without.
pub trait Authenticates: AuthScheme {
    const SIGNED: bool;
}

impl Authenticates for ServerSignatures {
    const SIGNED: bool = true;
}

impl Authenticates for NoAuthentication {
    const SIGNED: bool = false;
}

/// What a [`Client`] is made of.
pub(crate) struct ClientParts {
    pub(crate) options: FederationOptions,
    pub(crate) key: SigningKey,
    pub(crate) network: Network,
    pub(crate) destinations: Destinations,
    pub(crate) bans: Bans,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Asks other servers: finds them, signs, keeps within limits, and leaves alone who does not answer. Cheap to
/// clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    options: FederationOptions,
    key: SigningKey,
    network: Network,
    discovery: Discovery<OverNetwork>,
    destinations: Destinations,
    bans: Bans,
    places: Places,
}

/// A request before it has a connection: its path, and a body that may be empty.
pub(crate) struct Unsent {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Bytes,
    pub(crate) signed: bool,
}

/// An answer read whole.
type Answer = Response<Bytes>;

impl Client {
    pub(crate) fn new(parts: ClientParts) -> Self {
        let ClientParts { options, key, network, destinations, bans, clock } = parts;
        let lookup = OverNetwork { network: network.clone(), clock: clock.clone() };
        let discovery = Discovery::new(lookup, options.cached_servers, clock);
        let places = Places::default();
        Self(Arc::new(Inner { options, key, network, discovery, destinations, bans, places }))
    }

    /// Asks a server, within the usual limits.
    ///
    /// # Errors
    /// [`FederationError::Refused`] with the server's own error, [`FederationError::BackingOff`],
    /// [`FederationError::Unreachable`], or [`FederationError::Invalid`] if the answer makes no sense.
    pub async fn send<R>(
        &self,
        server: &ServerName,
        request: R,
    ) -> Result<R::IncomingResponse, FederationError>
    where
        R: OutgoingRequest<PathBuilder = SinglePath>,
        R::Authentication: Authenticates,
    {
        self.send_with(server, request, Limits::USUAL).await
    }

    /// Asks a server, within other limits.
    pub async fn send_with<R>(
        &self,
        server: &ServerName,
        request: R,
        limits: Limits,
    ) -> Result<R::IncomingResponse, FederationError>
    where
        R: OutgoingRequest<PathBuilder = SinglePath>,
        R::Authentication: Authenticates,
    {
        let answer = self.ask(server, &unsent(request)?, limits).await?;
        // Raw values are skipped over without a bound, and would then reach clients.
        hearth_http::body::check_shape(answer.body(), READ_LEVELS, limits.values)
            .map_err(|why| FederationError::Invalid(format!("it {why}")))?;
        let (head, body) = answer.into_parts();
        R::IncomingResponse::try_from_http_response_inner(Response::from_parts(head, &body[..]))
            .map_err(|error| FederationError::Invalid(error.to_string()))
    }

    /// Sends a request and reads the whole answer. An error status is an error.
    #[tracing::instrument(name = "ask server", level = "debug", skip_all, fields(%server))]
    pub(crate) async fn ask(
        &self,
        server: &ServerName,
        request: &Unsent,
        limits: Limits,
    ) -> Result<Answer, FederationError> {
        let mut place = self.place(server, limits).await?;
        let exchange = async {
            let (head, body) = self.begin(server, request).await?.into_parts();
            let body = read_body(body, limits.body_bytes, |bytes| place.count(bytes)).await?;
            accepted(Response::from_parts(head, body))
        };
        let result = tokio::time::timeout(limits.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(NetworkError::TimedOut.into()));
        self.note(server, &result, limits);
        result
    }

    /// Connects to a server and sends nothing: cheaper than to make a transaction for one that cannot be reached.
    pub(crate) async fn reach(&self, server: &ServerName, limits: Limits) -> Result<(), FederationError> {
        let _place = self.place(server, limits).await?;
        let connect = |authority: String, _| async move { self.0.network.connect(&authority).await };
        let result = tokio::time::timeout(limits.timeout, self.by_route(server, connect))
            .await
            .unwrap_or(Err(NetworkError::TimedOut))
            .map_err(FederationError::from);
        // A connection does not show yet that the server answers.
        if result.is_err() {
            self.note(server, &result, limits);
        }
        result
    }

    /// Waits until one more request may be made.
    async fn place(&self, server: &ServerName, limits: Limits) -> Result<Place, FederationError> {
        if server == self.0.options.server_name {
            return Err(FederationError::Unreachable("it is this server itself".to_owned()));
        }
        self.may_ask(server, limits)?;
        // That too many requests wait here does not count as a failure of the other server.
        let place = self.0.places.take(limits.purpose, server).await?;
        // Others who asked it meanwhile may have found out that it does not answer.
        self.may_ask(server, limits)?;
        Ok(place)
    }

    fn may_ask(&self, server: &ServerName, limits: Limits) -> Result<(), FederationError> {
        // Its keys are no dealings with it: rooms have events of its users that came through others, and are checked.
        if limits.purpose != Purpose::ServerKeys && self.0.bans.bans_server(server) {
            return Err(FederationError::Banned);
        }
        let destinations = &self.0.destinations;
        let may = match limits.back_off {
            BackOff::Obeyed => destinations.may_try(server),
            BackOff::OfStrangers => destinations.may_try(server) && destinations.may_try_stranger(server),
            BackOff::Ignored => true,
        };
        if may { Ok(()) } else { Err(FederationError::BackingOff) }
    }

    /// How many requests for a purpose may still be begun at once.
    #[cfg(test)]
    pub(crate) fn free_places(&self, purpose: Purpose) -> usize {
        self.0.places.free(purpose)
    }

    /// Notes for the back-off whether the server answered.
    fn note<T>(&self, server: &ServerName, result: &Result<T, FederationError>, limits: Limits) {
        let destinations = &self.0.destinations;
        let outcome = match result {
            Ok(_) => "answered",
            Err(FederationError::Refused { .. }) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("hearth_federation_requests", "outcome" => outcome).increment(1);
        match result {
            Err(error) if error.is_outage() => {
                tracing::debug!(%server, %error, "a server did not answer");
                match limits.back_off {
                    BackOff::Obeyed => destinations.failed(server),
                    BackOff::OfStrangers => destinations.stranger_failed(server),
                    BackOff::Ignored => {}
                }
            }
            _ => destinations.succeeded(server),
        }
    }

    /// Finds the server, and sends: the head of its answer.
    async fn begin(&self, server: &ServerName, request: &Unsent) -> Result<Response<Incoming>, NetworkError> {
        let send = |authority: String, host: String| async move {
            self.0.network.send(self.complete(server, request, &authority, &host)?).await
        };
        self.by_route(server, send).await
    }

    /// Finds the server, and does something by the first of its authorities that can be connected to.
    async fn by_route<T, F>(
        &self,
        server: &ServerName,
        act: impl Fn(String, String) -> F,
    ) -> Result<T, NetworkError>
    where
        F: Future<Output = Result<T, NetworkError>>,
    {
        let route = self.0.discovery.route(server).await;
        let mut failure = NetworkError::Connect("it has no address".to_owned());
        for authority in &route.authorities {
            match act(authority.clone(), route.host.clone()).await {
                Err(NetworkError::Connect(why)) => failure = NetworkError::Connect(why),
                result => return result,
            }
        }
        self.0.discovery.doubt(server);
        Err(failure)
    }

    fn complete(
        &self,
        server: &ServerName,
        request: &Unsent,
        authority: &str,
        host: &str,
    ) -> Result<Request<Full<Bytes>>, NetworkError> {
        let Unsent { method, path, body, signed } = request;
        let mut complete = Request::builder()
            .method(method)
            .uri(format!("https://{authority}{path}"))
            .header(header::HOST, host)
            .header(header::USER_AGENT, USER_AGENT);
        if !body.is_empty() {
            complete = complete.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if *signed {
            let own = &self.0.options.server_name;
            let authorization = x_matrix::sign(&self.0.key, own, server, method, path, body)
                .map_err(|error| NetworkError::Exchange(format!("the request cannot be signed: {error}")))?;
            complete = complete.header(header::AUTHORIZATION, authorization);
        }
        complete.body(Full::new(body.clone())).map_err(|error| NetworkError::Url(error.to_string()))
    }
}

/// A typed request as it is sent.
pub(crate) fn unsent<R>(request: R) -> Result<Unsent, FederationError>
where
    R: OutgoingRequest<PathBuilder = SinglePath>,
    R::Authentication: Authenticates,
{
    let unwritten =
        |error: &dyn std::fmt::Display| FederationError::Invalid(format!("our own request: {error}"));
    let (head, body) =
        request.try_into_http_request_inner("", ()).map_err(|error| unwritten(&error))?.into_parts();
    let body: Vec<u8> = body.try_into_buf().map_err(|error| {
        let error: ruma::api::error::IntoHttpError = error.into();
        unwritten(&error)
    })?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Unsent { method: head.method, path, body: body.into(), signed: R::Authentication::SIGNED })
}

/// The answer, if it is none of the server's errors.
fn accepted(answer: Answer) -> Result<Answer, FederationError> {
    match answer.status().is_success() {
        true => Ok(answer),
        false => Err(refusal(answer.status(), answer.body())),
    }
}

/// What a server says that does not do what it was asked.
fn refusal(status: StatusCode, body: &[u8]) -> FederationError {
    #[derive(Default, Deserialize)]
    struct StandardError {
        errcode: Option<String>,
        error: Option<String>,
        #[serde(flatten)]
        fields: Map<String, Value>,
    }
    const LONGEST: usize = 4096;
    let said: StandardError = match body.len() <= LONGEST {
        true => serde_json::from_slice(body).unwrap_or_default(),
        false => StandardError::default(),
    };
    FederationError::Refused {
        status,
        errcode: said.errcode.unwrap_or_else(|| "M_UNKNOWN".to_owned()),
        error: said.error.unwrap_or_else(|| "no reason was given".to_owned()),
        fields: said.fields,
    }
}

#[cfg(test)]
mod tests;
