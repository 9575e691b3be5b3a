//! What administrators do is written down before it is done.

use axum::response::Response;
use hearth_users::AuditKey;
use http::Method;
use serde_json::Value;

use crate::{ClientApi, Result, authentication::Caller, request::Incoming};

/// Whether what an endpoint does is written down: all that administrators alone may do, but for reading.
pub(crate) fn is_audited(method: &Method, handler: &str) -> bool {
    *method != Method::GET
        && ["admin::", "hearth_admin::", "synapse_admin::"].iter().any(|family| handler.starts_with(family))
}

/// Fields that nobody is to read there.
const SECRETS: &[&str] = &["password", "new_password", "access_token", "auth"];

/// What an administrator asks for.
pub(crate) struct Asked {
    who: String,
    request: String,
    body: String,
}

impl Asked {
    /// Nothing for who is no administrator: they are refused.
    pub(crate) fn of(incoming: &Incoming) -> Option<Self> {
        let Caller::User(who) = &incoming.caller else { return None };
        let uri = &incoming.parts.uri;
        // A token may be in the query.
        let query = uri.query().filter(|query| !query.contains("access_token"));
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        who.admin.then(|| Self {
            who: who.user.to_string(),
            request: format!("{} {}{query}", incoming.parts.method, uri.path()),
            body: without_secrets(&incoming.bytes),
        })
    }

    /// Writes it down.
    pub(crate) async fn begin(self, api: &ClientApi) -> Result<AuditKey> {
        Ok(api.users.audit.begin(&self.who, &self.request, self.body).await?)
    }
}

/// What came of it.
pub(crate) fn status(answer: &Result<Response>) -> u16 {
    let status = match answer {
        Ok(response) => response.status(),
        Err(error) => error.status,
    };
    status.as_u16()
}

fn without_secrets(body: &[u8]) -> String {
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else { return String::new() };
    if let Value::Object(fields) = &mut body {
        for (name, value) in fields.iter_mut() {
            if SECRETS.contains(&name.as_str()) {
                *value = "…".into();
            }
        }
    }
    body.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_written_down() {
        let body = br#"{"password":"p","admin":true}"#;
        assert_eq!(without_secrets(body), r#"{"admin":true,"password":"…"}"#);
        assert_eq!(without_secrets(b"no json"), "");
    }

    #[test]
    fn what_changes_something_is() {
        assert!(is_audited(&Method::PUT, "admin::lock::lock_user"));
        assert!(is_audited(&Method::DELETE, "synapse_admin::rooms::delete"));
        assert!(!is_audited(&Method::GET, "synapse_admin::rooms::list"));
        assert!(!is_audited(&Method::PUT, "profile::set::set_profile_field"));
    }
}
