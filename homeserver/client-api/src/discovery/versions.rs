//! `GET /_matrix/client/versions`

use axum::extract::State;
use ruma::api::client::discovery::get_supported_versions::{Request as GetVersions, Response};

use crate::{Answer, ClientApi, Request, Result, rtc::transports::transports};

/// The versions of the specification that this server serves: only what is true. A test holds it to the table of
/// endpoints.
pub const VERSIONS: &[&str] = &[
    "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11",
    "v1.12", "v1.13", "v1.14", "v1.15", "v1.16", "v1.17", "v1.18", "v1.19",
];

/// What it serves beyond them.
pub const UNSTABLE_FEATURES: &[&str] = &[
    "com.beeper.msc4169",
    "com.beeper.msc4446",
    "fi.mau.msc2659.stable",
    "fi.mau.msc2815",
    "org.matrix.e2e_cross_signing",
    "org.matrix.msc2285.stable",
    "org.matrix.msc3026.busy_presence",
    "org.matrix.msc3030.stable",
    "org.matrix.msc3266",
    "org.matrix.msc3391",
    "org.matrix.msc3440.stable",
    "org.matrix.msc3771",
    "org.matrix.msc3773",
    "org.matrix.msc3814",
    "org.matrix.msc3827.stable",
    "org.matrix.msc3874",
    "org.matrix.msc3881",
    "org.matrix.msc3912",
    "org.matrix.msc3916.stable",
    "org.matrix.msc3981",
    "org.matrix.msc4028",
    "org.matrix.msc4140",
    "org.matrix.msc4155",
    "org.matrix.msc4174",
    "org.matrix.msc4222",
    "org.matrix.msc4262",
    "org.matrix.msc4293",
    "org.matrix.msc4306",
    "org.matrix.msc4354",
    "org.matrix.msc4380.stable",
    "org.matrix.msc4429",
    "org.matrix.simplified_msc3575",
    "uk.half-shot.msc2666.query_mutual_rooms",
    "uk.half-shot.msc2666.query_mutual_rooms.stable",
    "uk.tcpip.msc4133",
    "uk.tcpip.msc4133.stable",
    "uk.timedout.msc4323",
];

/// The versions
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions)).
pub async fn get_supported_versions(
    State(api): State<ClientApi>,
    _request: Request<GetVersions>,
) -> Result<Answer<Response>> {
    let mut response = Response::new(VERSIONS.iter().map(|&version| version.to_owned()).collect());
    response.unstable_features =
        UNSTABLE_FEATURES.iter().map(|&feature| (feature.to_owned(), true)).collect();
    if !transports(&api).is_empty() {
        response.unstable_features.insert("org.matrix.msc4143".to_owned(), true);
    }
    Ok(Answer(response))
}
