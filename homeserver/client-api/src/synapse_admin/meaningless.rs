//! What has no meaning here, and says so: this server has no third-party identifiers, no other providers of identities,
//! no accounts that end by themselves, no features for some users only, and no updates in the background.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    synapse_admin::{AdminRequest, existing_user, told},
};

/// `GET /_synapse/admin/v1/threepid/{medium}/users/{address}`
pub async fn user_of_third_party_id(State(_): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Err(MatrixError::not_found("Accounts of this server have no third-party identifiers."))
}

/// `GET /_synapse/admin/v1/auth_providers/{provider}/users/{externalId}`
pub async fn user_of_external_id(State(_): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Err(MatrixError::not_found("Accounts of this server have no identities elsewhere."))
}

/// `POST /_synapse/admin/v1/account_validity/validity`
pub async fn account_validity(State(_): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Err(MatrixError::invalid_param("Accounts of this server do not end by themselves."))
}

/// `GET /_synapse/admin/v1/experimental_features/{userId}`
pub async fn experimental_features(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    existing_user(&api, &request)?;
    Ok(told(json!({ "features": {} })))
}

/// `PUT /_synapse/admin/v1/experimental_features/{userId}`
pub async fn set_experimental_features(
    State(api): State<ClientApi>,
    request: AdminRequest,
) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        features: serde_json::Map<String, Value>,
    }
    existing_user(&api, &request)?;
    let Body { features } = request.body()?;
    match features.is_empty() {
        true => Ok(told(json!({}))),
        false => Err(MatrixError::invalid_param("What this server can do, it does for all of its users.")),
    }
}

/// `GET /_synapse/admin/v1/background_updates/status`
pub async fn background_updates(State(_): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Ok(told(json!({ "enabled": true, "current_updates": {} })))
}

/// `GET /_synapse/admin/v1/background_updates/enabled`
pub async fn background_updates_enabled(State(_): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Ok(told(json!({ "enabled": true })))
}

/// `POST /_synapse/admin/v1/background_updates/enabled`
pub async fn enable_background_updates(
    State(_): State<ClientApi>,
    request: AdminRequest,
) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        enabled: bool,
    }
    match request.body()? {
        Body { enabled: true } => Ok(told(json!({ "enabled": true }))),
        Body { enabled: false } => Err(no_updates()),
    }
}

/// `POST /_synapse/admin/v1/background_updates/start_job`
pub async fn start_background_job(State(_): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    Err(no_updates())
}

fn no_updates() -> MatrixError {
    MatrixError::invalid_param("The database is up to date once this server has started: nothing runs.")
}
