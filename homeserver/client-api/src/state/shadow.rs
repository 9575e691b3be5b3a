//! What users are told who are shadow-banned: that all went well, though nobody else gets anything.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ruma::OwnedEventId;

use crate::{ClientApi, MatrixError, Result, state::send::Sent};

/// An id as of any event.
pub(crate) fn pretended_event(api: &ClientApi) -> Result<OwnedEventId> {
    let id = format!("${}", URL_SAFE_NO_PAD.encode(api.random_bytes::<32>()));
    OwnedEventId::try_from(id).map_err(|error| MatrixError::internal(error.to_string()))
}

/// What is told of an event that is sent, or will be.
pub(crate) fn pretended(api: &ClientApi, is_delayed: bool) -> Result<Sent> {
    let event_id = pretended_event(api)?;
    Ok(match is_delayed {
        true => Sent::Later { delay_id: event_id.localpart().to_owned() },
        false => Sent::Now { event_id },
    })
}
