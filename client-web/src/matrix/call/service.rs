//! The service by which the SFU of a server is found (MSC4143, MSC4195), and what it gives members of a room.

use hearth_client_state::call::livekit;
use matrix_sdk::ruma::api::client::account::request_openid_token;
use serde_json::{Value, json};

use crate::{
    browser::http::{Answer, ask},
    matrix::{Account, Problem},
};

/// The service of a server.
#[derive(Clone)]
pub struct Service {
    pub url: String,
    /// Whether it sends the leaves of who is gone.
    pub takes_over_leaves: bool,
}

/// Where an SFU is, and what lets one in.
pub struct Ticket {
    pub url: String,
    pub token: String,
}

/// The delayed event by which one leaves, for the service that sends it when one is gone.
pub struct Delay<'a> {
    pub id: &'a str,
    pub milliseconds: u64,
}

impl Account {
    /// Asks one's own server.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Problem> {
        let url = format!("{}/_matrix/client/{path}", self.session.server.trim_end_matches('/'));
        let token = self.client.access_token();
        ask(method, &url, token.as_deref(), body).await.ok_or(Problem::Known("error-offline"))
    }

    /// The service of one's own server: as it says itself, else as its domain says it.
    pub(super) async fn call_service(&self) -> Result<Service, Problem> {
        let url = self.call_service_url().await?;
        // Whatever it says to nothing at all, but that there is no such thing.
        let answer = ask("POST", &format!("{url}/delegate_delayed_leave"), None, None).await;
        Ok(Service { url, takes_over_leaves: answer.is_some_and(|answer| answer.status != 404) })
    }

    async fn call_service_url(&self) -> Result<String, Problem> {
        let answer = self.ask("GET", "unstable/org.matrix.msc4143/rtc/transports", None).await?;
        if let Some(service) = livekit(&answer.body["rtc_transports"]) {
            return Ok(service);
        }
        let url = format!("https://{}/.well-known/matrix/client", self.session.user.server_name());
        let known = ask("GET", &url, None, None).await.map(|answer| answer.body).unwrap_or_default();
        livekit(&known["org.matrix.msc4143.rtc_foci"]).ok_or(Problem::Known("call-no-service"))
    }

    /// Asks a service to be let in to the call of a room, as a member of it that its server knows.
    pub(super) async fn call_ticket(
        &self,
        service: &str,
        room: &str,
        delay: Option<Delay<'_>>,
    ) -> Result<Ticket, Problem> {
        let openid =
            self.client.send(request_openid_token::v3::Request::new(self.session.user.clone())).await?;
        let mut asked = json!({
            "room": room,
            "openid_token": {
                "access_token": openid.access_token,
                "token_type": openid.token_type,
                "matrix_server_name": openid.matrix_server_name,
                "expires_in": openid.expires_in.as_secs(),
            },
            "device_id": self.session.device,
        });
        if let Some(Delay { id, milliseconds }) = delay {
            asked["delay_id"] = id.into();
            asked["delay_timeout"] = milliseconds.into();
            asked["delay_cs_api_url"] = self.session.server.as_str().into();
        }
        let answer = ask("POST", &format!("{service}/sfu/get"), None, Some(&asked)).await;
        let answer = answer.ok_or(Problem::Known("call-no-route"))?;
        let text = |name: &str| answer.body[name].as_str().map(ToOwned::to_owned);
        match (text("url"), text("jwt")) {
            (Some(url), Some(token)) => Ok(Ticket { url, token }),
            _ => Err(match text("error") {
                Some(error) if matches!(answer.status, 401 | 403) => Problem::Forbidden(error),
                Some(error) => Problem::Other(error),
                None => Problem::Known("call-no-route"),
            }),
        }
    }
}
