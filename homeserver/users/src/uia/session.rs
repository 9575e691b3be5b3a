//! One authentication in progress.

use ruma::api::{
    client::uiaa::{AuthFlow, AuthType, UiaaInfo},
    error::StandardErrorBody,
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Operation, UiaStep, sessions::Asker};

/// How long a client has for all stages, in milliseconds.
pub(super) const LIFETIME_MS: u64 = 15 * 60 * 1000;

/// The largest body that is kept for a client which leaves it out later, in bytes. Of a larger one there is only
/// the hash, and the client has to send it again, as most clients do with any body.
pub(super) const MAX_KEPT_BODY: usize = 4 << 10;

type Hash = [u8; 32];

/// An authentication in progress. Its size is bounded, whatever the client sends.
pub(super) struct UiaSession {
    pub(super) asker: Asker,
    /// Milliseconds.
    pub(super) expires_at: u64,
    operation: Hash,
    body_hash: Hash,
    /// The body itself, if it is short enough to be kept.
    body: Option<String>,
    completed: Vec<AuthType>,
    /// The registration token that was shown, which is used when all is passed.
    token: Option<String>,
}

impl UiaSession {
    pub(super) fn new(operation: &Operation<'_>, now: u64) -> Self {
        Self {
            asker: Asker::of(operation),
            expires_at: now + LIFETIME_MS,
            operation: hash(operation.name),
            body_hash: hash(operation.body),
            body: (operation.body.len() <= MAX_KEPT_BODY).then(|| operation.body.to_owned()),
            completed: Vec::new(),
            token: None,
        }
    }

    /// The body that began it, if it is kept.
    pub(super) fn body(&self) -> Option<String> {
        self.body.clone()
    }

    /// Notes that a stage is passed.
    pub(super) fn pass(&mut self, stage: AuthType) {
        if !self.completed.contains(&stage) {
            self.completed.push(stage);
        }
    }

    /// Takes the request of this session, whose id is `id`, one step further.
    pub(super) fn step(
        &mut self,
        id: &str,
        operation: &Operation<'_>,
        flows: &[AuthFlow],
        stage: Option<(AuthType, Result<(), StandardErrorBody>)>,
        token: Option<String>,
    ) -> UiaStep {
        // What is passed before an account is there is not about its name, which clients send last.
        let is_same_body = operation.user.is_none() || self.body_hash == hash(operation.body);
        if self.operation != hash(operation.name) || !is_same_body || !self.asker.may_be(operation) {
            return UiaStep::Refused("this session is for another request");
        }
        let mut failed = None;
        match stage {
            Some((stage, Ok(()))) => {
                if !flows.iter().any(|flow| flow.stages.contains(&stage)) {
                    return UiaStep::Refused("this stage is in none of the flows");
                }
                self.pass(stage);
                self.token = token.or(self.token.take());
            }
            Some((_, Err(error))) => failed = Some(Box::new(error)),
            None => {}
        }
        if flows.iter().any(|flow| flow.stages.iter().all(|stage| self.completed.contains(stage))) {
            return UiaStep::Finished { token: self.token.take() };
        }
        let mut info = UiaaInfo::new(flows.to_vec());
        info.completed = self.completed.clone();
        // Where no stage takes any there are clients that need the field all the same.
        info.params = RawValue::from_string("{}".to_owned()).ok();
        info.session = Some(id.to_owned());
        info.auth_error = failed;
        UiaStep::Challenge(info)
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}
