//! `hearth calls test`: what of calls works from where this runs, in words. It asks as a client does, so it can run
//! anywhere: at home, in the office, on the server.

use std::sync::Arc;

use bytes::Bytes;
use hearth_network::{Internet, Network, NetworkOptions, read_body};
use hearth_storage::SystemRandom;
use hearth_turn::{Credentials, TurnUri};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::{self, Failure},
    cli::TestCalls,
    config::Config,
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Prints a line for each way, and says whether all of them work.
pub async fn run(config: &Config, test: &TestCalls) -> Result<bool, Failure> {
    let options = NetworkOptions {
        trusted_ca: config.trusted_ca.clone(),
        // Whoever runs this names the server.
        allow_private_networks: true,
        ..NetworkOptions::default()
    };
    let dialer = Arc::new(Internet::new(&options)?);
    let own = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    let mut client = Client {
        network: Network::new(dialer.clone(), &options),
        url: test.url.clone().unwrap_or(own),
        token: None,
    };
    client.log_in(&test.user, &ask::password()?).await?;
    let told = client.ask(Method::GET, "v3/voip/turnServer", None).await;
    let places = client.ask(Method::GET, PLACES, None).await;
    client.ask(Method::POST, "v3/logout", Some(&json!({}))).await?;

    let mut all_works = true;
    let mut tell = |what: &str, result: Result<String, String>| match result {
        Ok(how) => println!("works: {what} ({how})"),
        Err(problem) => {
            all_works = false;
            println!("FAILS: {what}: {problem}");
        }
    };
    match serde_json::from_value::<Told>(told?) {
        Ok(told) => {
            let credentials = Credentials { username: told.username, password: told.password };
            for uri in told.uris {
                let result = match uri.parse::<TurnUri>() {
                    Ok(parsed) => {
                        let probed = parsed.probe(&credentials, &*dialer, &SystemRandom).await;
                        probed
                            .map(|took| format!("{} ms", took.as_millis()))
                            .map_err(|trouble| trouble.to_string())
                    }
                    Err(problem) => Err(problem.to_owned()),
                };
                tell(&uri, result);
            }
        }
        Err(_) => tell("relays", Err(NO_RELAYS.to_owned())),
    }
    match places {
        Ok(places) if places["rtc_transports"].as_array().is_some_and(|places| !places.is_empty()) => {
            for place in places["rtc_transports"].as_array().into_iter().flatten() {
                let Some(url) = place["livekit_service_url"].as_str() else { continue };
                let asked = client.post(&format!("{url}/sfu/get"), &json!({})).await;
                let known = asked.as_ref().is_ok_and(|answer| answer.get("errcode").is_some());
                let problem =
                    || format!("no token service answers at {url}: the reverse proxy does not lead there");
                tell(
                    &format!("calls at {url}"),
                    if known { Ok("answers".to_owned()) } else { Err(problem()) },
                );
            }
        }
        _ => tell("calls of many", Err(NO_PLACE.to_owned())),
    }
    Ok(all_works)
}

const PLACES: &str = "unstable/org.matrix.msc4143/rtc/transports";
const NO_RELAYS: &str = "the server names no TURN server: set listen_turn; until then people in strict networks cannot \
                         call each other";
const NO_PLACE: &str = "the server names no place for them: set listen_calls, or rtc_livekit";

/// What a client is told about relays.
#[derive(Deserialize)]
struct Told {
    username: String,
    password: String,
    uris: Vec<String>,
}

/// A client of a homeserver.
struct Client {
    network: Network,
    url: String,
    token: Option<String>,
}

impl Client {
    async fn log_in(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        let body = json!({
            "type": "m.login.password", "password": password,
            "identifier": { "type": "m.id.user", "user": user },
            "initial_device_display_name": "hearth calls test",
        });
        let answer = self.ask(Method::POST, "v3/login", Some(&body)).await?;
        self.token = answer["access_token"].as_str().map(str::to_owned);
        self.token.as_ref().map(drop).ok_or_else(|| format!("{} let nobody in", self.url).into())
    }

    /// Asks the client-server API.
    ///
    /// # Errors
    /// What the server says, or why it cannot be asked.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let url: Uri = format!("{}/_matrix/client/{path}", self.url).parse()?;
        let host = url.authority().ok_or("the URL has no host")?.as_str().to_owned();
        let mut request = Request::builder().method(method).uri(url).header(header::HOST, host);
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let answer = self.network.send(request.body(Full::new(body))?).await;
        let answer = answer.map_err(|error| format!("{} cannot be asked: {error}", self.url))?;
        let is_good = answer.status().is_success();
        let text = read_body(answer.into_body(), MAX_ANSWER, |_| Ok(())).await?;
        let answer: Value = serde_json::from_slice(&text).map_err(|_| {
            format!("{} is no homeserver: it answers with something else than JSON", self.url)
        })?;
        match is_good {
            true => Ok(answer),
            false => Err(answer["error"].as_str().unwrap_or("the server refused").to_owned().into()),
        }
    }

    /// Posts to a URL that the server named. Gives the answer, whatever its status.
    async fn post(&self, url: &str, body: &Value) -> Result<Value, Failure> {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        let answer = self.network.post(url, headers, body.to_string().into()).await?;
        Ok(serde_json::from_slice(&read_body(answer.into_body(), MAX_ANSWER, |_| Ok(())).await?)?)
    }
}
