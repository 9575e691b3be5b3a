//! How often other servers may ask.

use axum::body::Body;
use hearth_http::limits::{Class, Rate, RateLimits};
use http::{HeaderValue, Method, Request};
use ruma::owned_server_name;

use crate::{FederationOptions, server::testing::TestServer};

const PROFILE: &str = "/_matrix/federation/v1/query/profile?user_id=@nobody:here";
const ROOMS: &str = "/_matrix/federation/v1/publicRooms";

/// A server on which a class lets two requests in, and hardly ever another.
async fn strict(class: Class) -> TestServer {
    let limits = RateLimits::default().with(class, Rate { per_second: 0.001, burst: 2 });
    let options = FederationOptions::new(owned_server_name!("here"));
    TestServer::with(FederationOptions { rate_limits: Some(limits), ..options }).await
}

async fn from(server: &TestServer, address: &'static str, mut request: Request<Body>) -> u16 {
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static(address));
    server.send(request).await.status().as_u16()
}

#[tokio::test]
async fn an_address_is_limited_before_it_is_known_which_server_asks() {
    let server = strict(Class::Federation).await;
    let unsigned = || Request::get(ROOMS).body(Body::empty()).unwrap();
    for expected in [401, 401, 429] {
        assert_eq!(from(&server, "10.0.0.1", unsigned()).await, expected);
    }
    assert_eq!(from(&server, "10.0.0.1", server.signed(Method::GET, ROOMS, "")).await, 429);
    assert_eq!(from(&server, "10.0.0.2", server.signed(Method::GET, ROOMS, "")).await, 200);
}

#[tokio::test]
async fn a_server_is_limited_from_wherever_it_comes() {
    for (class, limited, other) in [(Class::Server, PROFILE, ROOMS), (Class::ServerRoom, ROOMS, PROFILE)] {
        let server = strict(class).await;
        for address in ["10.0.0.1", "10.0.0.2"] {
            assert_ne!(from(&server, address, server.signed(Method::GET, limited, "")).await, 429);
        }
        assert_eq!(from(&server, "10.0.0.3", server.signed(Method::GET, limited, "")).await, 429);
        assert_ne!(from(&server, "10.0.0.3", server.signed(Method::GET, other, "")).await, 429);
    }
}
