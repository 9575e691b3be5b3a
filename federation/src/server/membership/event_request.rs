//! The request of the first versions of endpoints that take an event.

/// Describes such a request: the path names the event, and the body is the event alone. (ruma's type of invites requires
/// fields that not every event has, and it knows the others no more.)
macro_rules! event_request {
    ($path:tt) => {
        use ruma::api::federation::authentication::ServerSignatures;

        ruma::metadata! {
            method: PUT,
            rate_limited: false,
            authentication: ServerSignatures,
            path: $path,
        }

        #[ruma::api::request]
        pub struct Request {
            #[ruma_api(path)]
            pub room_id: ruma::OwnedRoomId,
            #[ruma_api(path)]
            pub event_id: ruma::OwnedEventId,
            #[ruma_api(body)]
            pub event: Box<serde_json::value::RawValue>,
        }
    };
}

pub(super) use event_request;
