//! What the client knows and decides, without a browser and without a network: plain values and pure functions.
//!
//! `matrix/` of the application fills these values from the SDK, `views/` show them. What is here is tested natively:
//! `cargo test -p hearth-client-state` in `client-web/`.

pub mod admin;
pub mod call;
pub mod chime;
pub mod compose;
pub mod emoji;
pub mod highlight;
pub mod names;
pub mod rich;
pub mod rooms;
pub mod route;
pub mod texts;
pub mod timeline;
pub mod when;
pub mod work;
