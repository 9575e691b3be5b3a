//! Media of other servers.

use std::time::Duration;

use hearth_federation::AskedBy;
use hearth_http::run;
use ruma::ServerName;

use crate::{ClientApi, Result};

/// Brings media of another server here, if it is not: also when the client hangs up, as then the next one finds it.
pub(super) async fn bring(
    api: &ClientApi,
    asked_by: AskedBy,
    server: &ServerName,
    media_id: &str,
    timeout: Duration,
) -> Result<()> {
    if api.federation.is_own(server) || api.media.has(server, media_id)? {
        return Ok(());
    }
    let (federation, server, media_id) = (api.federation.clone(), server.to_owned(), media_id.to_owned());
    run::detached(async move { Ok(federation.fetch_media(asked_by, &server, &media_id, timeout).await?) })
        .await
}
