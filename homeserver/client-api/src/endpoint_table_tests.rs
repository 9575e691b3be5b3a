//! Holds `spec/endpoints.csv` to what a running server answers.

use axum::body::Body;
use hearth_http::table::{Row, disagreements};
use http::Method;

use crate::{
    served,
    testing::{TestServer, error},
};

/// The rows of the client-server API.
pub(crate) fn table() -> Vec<Row> {
    hearth_http::table::table("client-server")
}

/// What is served beside the specification.
const BEYOND: &[&str] = &[
    "account_data::delete::delete_global_account_data",
    "account_data::delete::delete_room_account_data",
    // Delayed events (MSC4140).
    "delayed_event::act::update_delayed_event",
    "delayed_event::act::update_delayed_event_by_body",
    "delayed_event::get::get_all_delayed_events",
    "delayed_event::get::get_delayed_event",
    "delayed_event::send::send_delayed_event",
    // Thread subscriptions (MSC4306, MSC4308).
    "relations::subscription::get_thread_subscription",
    "relations::subscription::subscribe_thread",
    "relations::subscription::unsubscribe_thread",
    "relations::subscriptions::get_thread_subscriptions",
    // Dehydrated devices (MSC3814).
    "device::dehydrated::delete_dehydrated_device",
    "device::dehydrated::get_dehydrated_device",
    "device::dehydrated::put_dehydrated_device",
    "device::dehydrated_events::get_events",
    "device::dehydrated_events::post_events",
    // What no other server has.
    "hearth_admin::audit_log::audit_log",
    "hearth_admin::bans::ban",
    "hearth_admin::bans::lift",
    "hearth_admin::bans::list",
    "hearth_admin::history::metrics",
    "hearth_admin::overview::overview",
    "hearth_admin::readers::readers",
    "hearth_admin::servers::server",
    "hearth_admin::services::ping",
    "hearth_admin::services::services",
    "hearth_admin::settings::settings",
    "hearth_admin::storage::storage",
    // Before it was part of the specification.
    "membership::mutual_rooms::get_mutual_rooms_unstable",
    // Where the links of mails lead.
    "push::mail::confirm",
    "push::mail::page",
    "push::mail::unsubscribe",
    // Web push (MSC4174).
    "push::pushers::activate_pusher",
    "push::pushers::activate_pusher_unstable",
    // Places for calls (MSC4143).
    "rtc::transports::get_transports",
    // Tokens for them (MSC4195).
    "rtc::service::delegate_delayed_leave::delegate_delayed_leave",
    "rtc::service::get_token::get_token",
    "rtc::service::sfu_get::sfu_get",
    "uia::fallback::page",
    "uia::fallback::pass",
    "sync::sliding::sliding_sync",
    "sync::sliding::unstable_sliding_sync",
];

#[test]
fn the_table_says_who_serves_what() {
    let mut rows = table();
    rows.extend(hearth_http::table::table("synapse-admin"));
    let wrong = disagreements(&rows, &served(), BEYOND);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_running_server_knows_what_the_table_claims_and_no_more() {
    let server = TestServer::new();
    for row in table() {
        let path = row.example();
        let method = Method::from_bytes(row.method.as_bytes()).unwrap();
        // Nobody asks: whatever the answer is, it comes from an endpoint, unless there is none.
        let response = server
            .send(http::Request::builder().method(method.clone()).uri(&path).body(Body::empty()).unwrap());
        let response = response.await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let answer = (status, serde_json::from_slice(&body).unwrap_or_default());
        let unknown = matches!(error(&answer), (404 | 405, "M_UNRECOGNIZED"));
        assert_eq!(unknown, row.handler.is_empty(), "{method} {path}: {answer:?}");
    }
}
