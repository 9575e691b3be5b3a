//! What both HTTP APIs need: reading requests within bounds, typing them, writing answers, and the one place
//! where a failure becomes an HTTP answer ([`error`]).
//!
//! It knows nothing of who asks: how a client or a server shows who it is, is each API's own.

pub mod answer;
pub mod body;
pub mod byte_budget;
pub mod error;
pub mod file;
pub mod invites;
pub mod keyed;
pub mod limits;
pub mod measure;
pub mod proxies;
pub mod request;
pub mod rooms;
pub mod run;
pub mod served;
pub mod table;
pub mod thumbnail;

pub use self::{
    answer::{Answer, AnswerTo, Json, JsonText},
    error::{MatrixError, Result},
    measure::Measure,
    proxies::TrustedProxies,
    served::Served,
};
