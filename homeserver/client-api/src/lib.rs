//! The client-server API: handlers between HTTP and the parts that know things.
//!
//! A request comes through [`router`] to [`endpoint`], which checks who asks and how often, reads the body and
//! gives a typed [`Request`] to a handler. Handlers are grouped in families, one module each, named as the
//! specification names them; a handler reads as a story: parse, who is it, may they, do it, answer. Whatever
//! fails becomes a [`MatrixError`], which becomes an HTTP answer in one place, [`hearth_http::error`].
//!
//! No rule of Matrix is in here: those are in `hearth-spec` and in the crates that this one calls.

#[cfg(test)]
mod access_tests;
pub mod account;
pub mod account_data;
pub mod admin;
pub mod api;
pub mod appservice;
mod audit;
pub mod authentication;
pub mod backup;
pub mod delayed_event;
pub mod device;
pub mod directory;
pub mod discovery;
#[cfg(test)]
mod elsewhere_tests;
pub mod endpoint;
#[cfg(test)]
mod endpoint_table_tests;
#[cfg(test)]
mod endpoint_tests;
pub mod filter;
pub mod hearth_admin;
pub mod keys;
mod limits;
#[cfg(test)]
mod limits_tests;
pub mod media;
pub mod membership;
pub mod message;
pub mod openid;
pub mod presence;
pub mod profile;
pub mod push;
pub mod read;
pub mod relations;
pub mod request;
pub mod room;
pub mod router;
pub mod rtc;
pub mod session;
pub mod space;
pub mod state;
pub mod synapse_admin;
pub mod sync;
#[cfg(test)]
pub(crate) mod testing;
pub mod thirdparty;
pub mod to_device;
pub mod uia;
pub mod voip;

pub use hearth_http::{MatrixError, Result};

pub use self::{
    account::shared_secret::shared_secret_mac,
    api::{ClientApi, ClientApiOptions, Parts, Registration, TurnServers},
    authentication::{Admits, Console, Requester},
    endpoint::{Answer, EndpointRouter, Json, JsonText, Served},
    hearth_admin::{
        history::{History, Sample},
        settings::Setting,
    },
    request::{Request, Unspecified, Upload},
    router::{router, served},
    uia::{
        captcha::{Captcha, CaptchaService, Widget},
        terms::{TermsError, read as read_terms},
    },
};
