//! User-interactive authentication (client-server API, "User-Interactive Authentication API"): which stages a
//! request has passed. How a stage is passed is the caller's; nothing here does I/O.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use ruma::{
    OwnedUserId, UserId,
    api::{
        client::uiaa::{AuthFlow, AuthType, UiaaInfo},
        error::StandardErrorBody,
    },
};
use serde_json::value::to_raw_value;

use crate::{shared::Shared, tokens};

type JsonObject = serde_json::Map<String, serde_json::Value>;

/// How long a client has for all stages, in milliseconds.
const LIFETIME_MS: u64 = 15 * 60 * 1000;

/// How many sessions there are at once; beyond that the oldest goes.
const MAX_SESSIONS: usize = 10_000;

/// User-interactive authentications in progress, kept in memory only: a restart begins them anew.
#[derive(Clone)]
pub struct Uia {
    shared: Arc<Shared>,
    sessions: Arc<Mutex<HashMap<String, UiaSession>>>,
}

/// What is to be allowed. A session holds for this and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The method and path of the endpoint, with its path parameters.
    pub name: &'a str,
    /// Who asks; `None` at registration.
    pub user: Option<&'a UserId>,
    /// The body without `auth`.
    pub body: &'a JsonObject,
}

/// The `auth` of a request.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The session it names.
    pub session: Option<&'a str>,
    /// The stage it submits and how the caller found it; `None` to ask how things stand.
    pub stage: Option<(AuthType, Result<(), StandardErrorBody>)>,
}

/// Where an authentication stands.
#[derive(Clone, Debug)]
pub enum UiaStep {
    /// All stages of a flow are passed, and the session is used up: do it.
    Finished {
        /// The body of the request that began the session, which a later one may leave out.
        body: JsonObject,
    },
    /// 401 with this.
    Challenge(UiaaInfo),
    /// 403 `M_FORBIDDEN` with this text.
    Refused(&'static str),
}

struct UiaSession {
    operation: String,
    user: Option<OwnedUserId>,
    body: JsonObject,
    completed: Vec<AuthType>,
    expires_at: u64,
}

impl Uia {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, sessions: Arc::default() }
    }

    /// Takes a request one step further. Without an attempt, or with one that names no session, a session
    /// begins.
    pub fn step(
        &self,
        operation: &Operation<'_>,
        flows: &[AuthFlow],
        attempt: Option<Attempt<'_>>,
    ) -> UiaStep {
        let now = self.shared.clock.now_ms();
        let mut sessions = self.sessions.lock();
        let (session, stage) = match attempt {
            Some(attempt) => (attempt.session, attempt.stage),
            None => (None, None),
        };
        let known = session.filter(|id| sessions.get(*id).is_some_and(|session| session.expires_at > now));
        let id = match known {
            Some(id) => id.to_owned(),
            None => self.begin(&mut sessions, operation, now),
        };
        let Some(state) = sessions.get_mut(&id) else { return UiaStep::Refused("the session has ended") };
        if !state.is_for(operation) {
            return UiaStep::Refused("this session is for another request");
        }
        let mut failed = None;
        match stage {
            Some((stage, Ok(()))) => {
                if !flows.iter().any(|flow| flow.stages.contains(&stage)) {
                    return UiaStep::Refused("this stage is in none of the flows");
                }
                if !state.completed.contains(&stage) {
                    state.completed.push(stage);
                }
            }
            Some((_, Err(error))) => failed = Some(Box::new(error)),
            None => {}
        }
        if flows.iter().any(|flow| flow.stages.iter().all(|stage| state.completed.contains(stage))) {
            let session = sessions.remove(&id);
            let body = session.map(|session| session.body).unwrap_or_default();
            return UiaStep::Finished { body };
        }
        let mut info = UiaaInfo::new(flows.to_vec());
        info.completed = state.completed.clone();
        // No stage here takes any, but there are clients that need the field.
        info.params = to_raw_value(&JsonObject::new()).ok();
        info.session = Some(id);
        info.auth_error = failed;
        UiaStep::Challenge(info)
    }

    fn begin(
        &self,
        sessions: &mut HashMap<String, UiaSession>,
        operation: &Operation<'_>,
        now: u64,
    ) -> String {
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.expires_at > now);
        }
        if sessions.len() >= MAX_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.expires_at);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                sessions.remove(&oldest);
            }
        }
        let id = tokens::new_token(&*self.shared.random, "");
        let session = UiaSession {
            operation: operation.name.to_owned(),
            user: operation.user.map(UserId::to_owned),
            body: operation.body.clone(),
            completed: Vec::new(),
            expires_at: now + LIFETIME_MS,
        };
        sessions.insert(id.clone(), session);
        id
    }
}

impl UiaSession {
    /// A client may leave out the body that it sent at first.
    fn is_for(&self, operation: &Operation<'_>) -> bool {
        self.operation == operation.name
            && self.user.as_deref() == operation.user
            && (operation.body.is_empty() || self.body == *operation.body)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{api::error::ErrorKind, user_id};
    use serde_json::json;

    use super::*;
    use crate::testing::World;

    fn object(json: serde_json::Value) -> JsonObject {
        json.as_object().cloned().unwrap()
    }

    fn flows(flows: &[&[AuthType]]) -> Vec<AuthFlow> {
        flows.iter().map(|stages| AuthFlow::new(stages.to_vec())).collect()
    }

    fn challenge(step: UiaStep) -> UiaaInfo {
        match step {
            UiaStep::Challenge(info) => info,
            other => panic!("{other:?}"),
        }
    }

    fn passed(session: Option<&str>, stage: AuthType) -> Option<Attempt<'_>> {
        Some(Attempt { session, stage: Some((stage, Ok(()))) })
    }

    #[test]
    fn all_stages_of_one_flow_finish_it() {
        let world = World::new();
        let uia = &world.users.uia;
        let body = object(json!({"username": "alice"}));
        let operation = Operation { name: "POST register", user: None, body: &body };
        let flows = flows(&[&[AuthType::RegistrationToken, AuthType::Dummy], &[AuthType::Terms]]);
        let info = challenge(uia.step(&operation, &flows, None));
        let session = info.session.unwrap();
        assert!(info.completed.is_empty());
        let next = uia.step(&operation, &flows, passed(Some(&session), AuthType::RegistrationToken));
        assert_eq!(challenge(next).completed, [AuthType::RegistrationToken]);
        let asked = Some(Attempt { session: Some(&session), stage: None });
        assert_eq!(challenge(uia.step(&operation, &flows, asked)).completed.len(), 1);
        // The last request may leave the body out.
        let empty = Operation { body: &JsonObject::new(), ..operation };
        let last = uia.step(&empty, &flows, passed(Some(&session), AuthType::Dummy));
        assert!(matches!(last, UiaStep::Finished { body: first } if first == body));
        // What is used up begins anew.
        let again = uia.step(&operation, &flows, passed(Some(&session), AuthType::Dummy));
        let again = challenge(again);
        assert_ne!(again.session.unwrap(), session);
        assert_eq!(again.completed, [AuthType::Dummy]);
    }

    #[test]
    fn a_first_request_may_bring_its_only_stage() {
        let world = World::new();
        let body = JsonObject::new();
        let operation = Operation { name: "POST register", user: None, body: &body };
        let step =
            world.users.uia.step(&operation, &flows(&[&[AuthType::Dummy]]), passed(None, AuthType::Dummy));
        assert!(matches!(step, UiaStep::Finished { .. }));
    }

    #[test]
    fn a_failed_stage_is_told_and_can_be_tried_again() {
        let world = World::new();
        let body = JsonObject::new();
        let operation = Operation { name: "POST x", user: None, body: &body };
        let flows = flows(&[&[AuthType::Password]]);
        let error = StandardErrorBody::new(ErrorKind::Forbidden, "wrong password".to_owned());
        let attempt = Attempt { session: None, stage: Some((AuthType::Password, Err(error))) };
        let info = challenge(world.users.uia.step(&operation, &flows, Some(attempt)));
        assert_eq!(info.auth_error.unwrap().message, "wrong password");
        let again = passed(info.session.as_deref(), AuthType::Password);
        assert!(matches!(world.users.uia.step(&operation, &flows, again), UiaStep::Finished { .. }));
    }

    #[test]
    fn a_session_is_for_one_request_of_one_user() {
        let world = World::new();
        let uia = &world.users.uia;
        let (alice, bob) = (user_id!("@alice:here"), user_id!("@bob:here"));
        let (body, other_body) = (object(json!({"devices": ["A"]})), object(json!({"devices": ["B"]})));
        let operation = Operation { name: "POST delete_devices", user: Some(alice), body: &body };
        let flows = flows(&[&[AuthType::Password]]);
        let session = challenge(uia.step(&operation, &flows, None)).session.unwrap();
        for other in [
            Operation { name: "POST deactivate", ..operation },
            Operation { user: Some(bob), ..operation },
            Operation { user: None, ..operation },
            Operation { body: &other_body, ..operation },
        ] {
            let step = uia.step(&other, &flows, passed(Some(&session), AuthType::Password));
            assert!(matches!(step, UiaStep::Refused(_)), "{other:?}");
        }
        let foreign = uia.step(&operation, &flows, passed(Some(&session), AuthType::Dummy));
        assert!(matches!(foreign, UiaStep::Refused(_)));
        let step = uia.step(&operation, &flows, passed(Some(&session), AuthType::Password));
        assert!(matches!(step, UiaStep::Finished { .. }));
    }

    #[test]
    fn sessions_end_after_a_while_and_are_bounded() {
        let world = World::new();
        let uia = &world.users.uia;
        let body = JsonObject::new();
        let operation = Operation { name: "POST x", user: None, body: &body };
        let flows = flows(&[&[AuthType::RegistrationToken, AuthType::Dummy]]);
        let first = challenge(uia.step(&operation, &flows, passed(None, AuthType::Dummy)));
        world.clock.advance(LIFETIME_MS);
        let late = challenge(uia.step(&operation, &flows, passed(first.session.as_deref(), AuthType::Dummy)));
        assert_ne!(late.session, first.session);
        for _ in 0..MAX_SESSIONS + 5 {
            uia.step(&operation, &flows, None);
        }
        assert!(uia.sessions.lock().len() <= MAX_SESSIONS);
    }
}
