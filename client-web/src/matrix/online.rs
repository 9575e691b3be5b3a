//! Coming back online by itself.

use std::{rc::Rc, time::Duration};

use eyeball::SharedObservable;
use matrix_sdk::{Client, sleep::sleep};
use matrix_sdk_ui::sync_service::{State, SyncService};

use super::Connection;
use crate::browser;

/// What ran for so long, in milliseconds, begins anew at once; what fails sooner waits longer each time.
const STEADY: i64 = 30_000;

const LONGEST_PAUSE_S: u64 = 30;

/// The SDK would ask the server ten times a second whether it is there again, so it is stopped meanwhile, and the
/// server asked with growing pauses.
pub(super) async fn keep_online(
    client: Client,
    sync: Rc<SyncService>,
    connection: SharedObservable<Connection>,
) {
    let mut states = sync.state();
    let (mut since, mut pause) = (browser::now(), 1);
    while let Some(state) = states.next().await {
        match state {
            State::Running => {
                since = browser::now();
                connection.set_if_not_eq(Connection::Online);
                // A room whose sending failed on the way is switched off until somebody says otherwise.
                client.send_queue().set_enabled(true).await;
            }
            State::Offline | State::Error(_) | State::Terminated => {
                connection.set_if_not_eq(Connection::Offline);
                sync.stop().await;
                if browser::now() - since > STEADY {
                    pause = 1;
                }
                loop {
                    browser::online_or(sleep(Duration::from_secs(pause))).await;
                    pause = (pause * 2).min(LONGEST_PAUSE_S);
                    if client.fetch_server_versions(None).await.is_ok() {
                        break;
                    }
                }
                sync.start().await;
            }
            State::Idle => {}
        }
    }
}
