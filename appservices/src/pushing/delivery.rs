//! Bringing a transaction to its service, however often it takes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hearth_storage::{Commit, schema::appservices::PendingTransactionRow};
use http::Method;

use crate::{AppServices, AskError, PushError, Service, pinging::PING, wire::Limits};

/// How long is waited before it is sent again: doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Some services answer before they have their device, and drop what is for it: one that encrypts is given so long after it
/// was away.
const UNTIL_READY: Duration = Duration::from_secs(5);

/// Services do much before they answer. What they say is of no interest.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(60), body_bytes: 64 << 10 };

/// Sends a transaction once it is durable, until the service has it; a [ping](AppServices::ping) that it answers
/// makes it be sent again at once. Then what it has goes out of the queues of devices.
pub(super) async fn deliver(
    services: AppServices,
    service: Arc<Service>,
    transaction: PendingTransactionRow,
    written: Option<Commit>,
) -> Result<(), PushError> {
    if let Some(written) = written {
        written.await?;
    }
    let PendingTransactionRow { id, body, to_device } = transaction;
    let paths = [format!("/_matrix/app/v1/transactions/{id}"), format!("/transactions/{id}")];
    let paths = [paths[0].as_str(), paths[1].as_str()];
    let body = Bytes::from(body);
    let mut pause = FIRST_PAUSE;
    loop {
        let sent = services.wire().ask(&service, Method::PUT, &paths, body.clone(), LIMITS).await;
        let result = if sent.is_ok() { "delivered" } else { "failed" };
        metrics::counter!("hearth_appservice_transactions_total", "result" => result, "service" => service.id.clone())
            .increment(1);
        let Err(error) = sent else { break };
        tracing::warn!(service = service.id, %error, ?pause, "an application service did not take a transaction");
        tokio::select! {
            biased;
            () = service.wake.notified() => pause = FIRST_PAUSE,
            () = tokio::time::sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
        }
        if service.encryption && answers(&services, &service).await {
            tokio::time::sleep(UNTIL_READY).await;
        }
    }
    for (user, device, through) in to_device {
        services.parts().users.to_device.delete_through(&user, &device, through).await?;
    }
    Ok(())
}

/// Whether a service is there, also if it does not know what it is asked.
async fn answers(services: &AppServices, service: &Service) -> bool {
    let asked = services.wire().ask(service, Method::POST, &[PING], Bytes::from_static(b"{}"), LIMITS).await;
    matches!(asked, Ok(_) | Err(AskError::Refused { .. }))
}
