//! The hostile server: it answers what its script says, and signs what it likes.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{Method, Response, StatusCode, header},
};
use axum_server::tls_rustls::RustlsConfig;
use futures::{StreamExt as _, stream};
use hearth_spec::{
    SigningKey,
    canonical_json::{self, Numbers},
};
use ruma::{OwnedServerName, ServerName};
use serde_json::{Map, Value, json};

use crate::common::{Certificate, Process};

/// A request as the hostile server gets it.
pub struct Asked {
    pub method: Method,
    /// With its query, as it came.
    pub path: String,
    pub body: Value,
}

/// What it answers.
pub enum Reply {
    Json(Value),
    /// Any bytes that are said to be JSON.
    Text(String),
    /// Something else, with headers.
    Other(Response<Body>),
    /// 200, and then a byte of a list a second, without end.
    Drip,
    /// As [`long`].
    Long(&'static str, &'static str, Option<usize>, &'static str),
    /// Not even a head.
    Silence,
}

/// `None` is what an honest server would answer that knows nothing.
type Script = Box<dyn Fn(&Asked) -> Option<Reply> + Send>;

/// A hostile server, at `localhost` and a port.
pub struct Peer {
    pub name: OwnedServerName,
    pub key: SigningKey,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    keys: Mutex<Value>,
    /// What was asked but for transactions, which come whenever something happens.
    asked: Mutex<Vec<String>>,
}

/// Who answered a request, and what.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// Status and error code.
    pub fn error(&self) -> (u16, &str) {
        (self.status, self.body["errcode"].as_str().unwrap_or_default())
    }
}

impl Peer {
    pub async fn start(certificate: &Certificate) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let name = ServerName::parse(format!("localhost:{port}")).unwrap();
        let key = SigningKey::generate([9; 32], "hostile").unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(|_| None)),
            keys: Mutex::new(keys(&name, &[&key], json!({}), in_a_day())),
            asked: Mutex::default(),
        });
        let tls = RustlsConfig::from_pem_file(&certificate.chain, &certificate.key).await.unwrap();
        let app = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(axum_server::from_tcp_rustls(listener, tls).unwrap().serve(app.into_make_service()));
        Self { name, key, shared }
    }

    /// From now on it answers so.
    pub fn answers(&self, script: impl Fn(&Asked) -> Option<Reply> + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// From now on it gives these keys.
    pub fn publishes(&self, keys: Value) {
        *self.shared.keys.lock().unwrap() = keys;
    }

    /// How often it was asked for something whose path has this part.
    pub fn asked(&self, part: &str) -> usize {
        self.shared.asked.lock().unwrap().iter().filter(|asked| asked.contains(part)).count()
    }

    /// Sends a request with its signature.
    pub async fn call(&self, to: &Process, method: Method, path: &str, body: Option<Value>) -> Answer {
        let signed = self.authorization(&to.name, &method, path, body.as_ref());
        self.call_as(to, method, path, body.map(|body| body.to_string()), &signed).await
    }

    /// Sends a request with any text as its body, and any authorization.
    pub async fn call_as(
        &self,
        to: &Process,
        method: Method,
        path: &str,
        body: Option<String>,
        authorization: &str,
    ) -> Answer {
        let mut request = to.http.request(method, to.url(path)).header(header::AUTHORIZATION, authorization);
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        Answer { status: answer.status().as_u16(), body: answer.json().await.unwrap() }
    }

    /// The header of a request that it signs.
    pub fn authorization(&self, to: &str, method: &Method, path: &str, body: Option<&Value>) -> String {
        let (name, key_id) = (&self.name, self.key.key_id());
        let mut request =
            json!({ "method": method.as_str(), "uri": path, "origin": name, "destination": to });
        if let Some(body) = body {
            request["content"] = body.clone();
        }
        let signed = canonical_json::canonicalise(&request.to_string(), Numbers::Any).unwrap();
        let signature = self.key.sign_base64(signed.as_bytes());
        format!(r#"X-Matrix origin="{name}",destination="{to}",key="{key_id}",sig="{signature}""#)
    }

    /// A transaction of its own.
    pub async fn transaction(&self, to: &Process, pdus: &[Value], edus: &[Value]) -> Answer {
        self.transaction_named(to, &unique().to_string(), pdus, edus).await
    }

    /// A transaction of that id.
    pub async fn transaction_named(&self, to: &Process, id: &str, pdus: &[Value], edus: &[Value]) -> Answer {
        let path = format!("/_matrix/federation/v1/send/{id}");
        let body = json!({ "origin": self.name, "origin_server_ts": now(), "pdus": pdus, "edus": edus });
        self.call(to, Method::PUT, &path, Some(body)).await
    }
}

/// What a server publishes of its keys, signed by the first of them.
pub fn keys(name: &ServerName, keys: &[&SigningKey], old: Value, valid_until_ts: u64) -> Value {
    let verify_keys: Map<String, Value> = keys
        .iter()
        .map(|key| (key.key_id().to_string(), json!({ "key": key.public_key_base64() })))
        .collect();
    let mut response = Map::from_iter([
        ("server_name".to_owned(), json!(name)),
        ("valid_until_ts".to_owned(), json!(valid_until_ts)),
        ("verify_keys".to_owned(), json!(verify_keys)),
        ("old_verify_keys".to_owned(), old),
    ]);
    keys[0].sign_json(&mut response, name).unwrap();
    Value::Object(response)
}

/// Milliseconds since the Unix epoch.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

pub fn in_a_day() -> u64 {
    now() + 24 * 60 * 60 * 1000
}

/// A number that no other is like.
pub fn unique() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Relaxed)
}

async fn answer(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let asked = Asked {
        method: head.method,
        path: head.uri.path_and_query().unwrap().to_string(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let is_transaction = asked.path.starts_with("/_matrix/federation/v1/send/");
    if !is_transaction {
        shared.asked.lock().unwrap().push(format!("{} {}", asked.method, asked.path));
    }
    let scripted = (shared.script.lock().unwrap())(&asked);
    match scripted {
        Some(Reply::Silence) => std::future::pending().await,
        Some(reply) => reply.into_response(),
        None if is_transaction => Reply::Json(json!({ "pdus": {} })).into_response(),
        None if asked.path == "/_matrix/key/v2/server" => {
            Reply::Json(shared.keys.lock().unwrap().clone()).into_response()
        }
        None => refused(StatusCode::NOT_FOUND, "M_NOT_FOUND"),
    }
}

fn refused(status: StatusCode, errcode: &str) -> Response<Body> {
    let body = json!({ "errcode": errcode, "error": "The hostile server has none." });
    Response::builder().status(status).body(Body::from(body.to_string())).unwrap()
}

impl Reply {
    /// Points elsewhere.
    pub fn redirect(location: &str) -> Self {
        let moved = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
        Self::Other(moved.header(header::LOCATION, location).body(Body::empty()).unwrap())
    }

    /// Media: what is known of it, and the file or where it lies.
    pub fn multipart(parts: String) -> Self {
        let response = Response::builder().header(header::CONTENT_TYPE, "multipart/mixed; boundary=x");
        Self::Other(response.body(Body::from(parts)).unwrap())
    }

    fn into_response(self) -> Response<Body> {
        let body = match self {
            Self::Json(value) => Body::from(value.to_string()),
            Self::Text(text) => Body::from(text),
            Self::Other(response) => return response,
            Self::Drip => {
                let drops = stream::repeat(Bytes::from_static(b"[")).then(async |drop| {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok::<_, std::io::Error>(drop)
                });
                Body::from_stream(drops)
            }
            Self::Long(begin, again, bytes, end) => long(begin, again, bytes, end),
            Self::Silence => Body::empty(),
        };
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
    }
}

/// What a body begins with, the same again and again (so many bytes of it, or for ever), and what it ends with.
pub fn long(begin: &'static str, again: &'static str, bytes: Option<usize>, end: &'static str) -> Body {
    // In pieces of a size as other servers send them.
    let piece = Bytes::from(again.repeat((32 << 10) / again.len()));
    let pieces = bytes.map_or(usize::MAX, |bytes| bytes / piece.len());
    let text = |text: &'static str| stream::iter([Bytes::from_static(text.as_bytes())]);
    let again = stream::repeat(piece).take(pieces);
    Body::from_stream(text(begin).chain(again).chain(text(end)).map(Ok::<_, std::io::Error>))
}
