//! What whoever registers shows beside a name, so that accounts are not made by the thousand: a proof of work, or the
//! captcha of a service.

use std::time::Duration;

use bytes::Bytes;
use hearth_appservices::encoded;
use hearth_network::{Network, NetworkError, read_body};
use http::{HeaderMap, HeaderValue, header};
use ruma::api::client::uiaa::AuthType;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::uia::proof_of_work;

/// How long the service is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer of a service, and the longest response of a widget that is sent there. In bytes.
const MAX_ANSWER: usize = 64 << 10;
const MAX_RESPONSE: usize = 8 << 10;

/// What is to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Captcha {
    /// So many zero bits.
    ProofOfWork {
        bits: u32,
    },
    Service(CaptchaService),
}

/// An account with a service.
#[derive(Clone, PartialEq, Eq)]
pub struct CaptchaService {
    pub widget: Widget,
    /// Names the account; everybody sees it.
    pub site_key: String,
    /// Proves to the service that this server asks.
    pub secret: String,
    /// Where the service says whether a response is good.
    pub verify_url: String,
}

impl std::fmt::Debug for CaptchaService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptchaService").field("verify_url", &self.verify_url).finish_non_exhaustive()
    }
}

/// What a service puts on a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Widget {
    /// The class of the element that its script looks for.
    pub class: &'static str,
    pub script: &'static str,
    /// The field of a form in which it leaves the response.
    pub field: &'static str,
    /// Where its parts come from, for the Content-Security-Policy.
    pub sources: &'static str,
    pub verify_url: &'static str,
}

impl Widget {
    pub const RECAPTCHA: Self = Self {
        class: "g-recaptcha",
        script: "https://www.google.com/recaptcha/api.js",
        field: "g-recaptcha-response",
        sources: "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
        verify_url: "https://www.google.com/recaptcha/api/siteverify",
    };
    pub const HCAPTCHA: Self = Self {
        class: "h-captcha",
        script: "https://js.hcaptcha.com/1/api.js",
        field: "h-captcha-response",
        sources: "https://hcaptcha.com https://*.hcaptcha.com",
        verify_url: "https://api.hcaptcha.com/siteverify",
    };
    pub const TURNSTILE: Self = Self {
        class: "cf-turnstile",
        script: "https://challenges.cloudflare.com/turnstile/v0/api.js",
        field: "cf-turnstile-response",
        sources: "https://challenges.cloudflare.com",
        verify_url: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    };
}

impl Captcha {
    /// The stage of the authentication.
    pub fn stage(&self) -> AuthType {
        match self {
            Self::ProofOfWork { .. } => AuthType::from(proof_of_work::STAGE),
            Self::Service(_) => AuthType::ReCaptcha,
        }
    }

    /// What clients need to know for it.
    pub fn params(&self, session: &str) -> Value {
        match self {
            Self::ProofOfWork { bits } => json!({ "challenge": session, "bits": bits }),
            Self::Service(service) => json!({ "public_key": service.site_key }),
        }
    }
}

impl CaptchaService {
    /// Whether the service takes a response for good. It is told nothing of who gave it.
    ///
    /// # Errors
    /// [`NetworkError`] if it does not say.
    pub async fn takes(&self, network: &Network, response: &str) -> Result<bool, NetworkError> {
        #[derive(Deserialize)]
        struct Answer {
            success: bool,
        }
        if response.is_empty() || response.len() > MAX_RESPONSE {
            return Ok(false);
        }
        let body = format!("secret={}&response={}", encoded(&self.secret), encoded(response));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form)]);
        let ask = async {
            let answer = network.post(&self.verify_url, headers, Bytes::from(body)).await?;
            read_body(answer.into_body(), MAX_ANSWER, |_| Ok(())).await
        };
        let answer = tokio::time::timeout(PATIENCE, ask).await.unwrap_or(Err(NetworkError::TimedOut))?;
        let answer: Answer =
            serde_json::from_slice(&answer).map_err(|error| NetworkError::Exchange(error.to_string()))?;
        Ok(answer.success)
    }
}
