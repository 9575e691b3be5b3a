//! User-interactive authentication (client-server API, "User-Interactive Authentication API"): which stages a
//! request has passed. How a stage is passed is the caller's; nothing here does I/O.

mod registrations;
mod session;
mod sessions;

use std::{net::IpAddr, sync::Arc};

use parking_lot::Mutex;
use ruma::{
    UserId,
    api::{
        client::uiaa::{AuthFlow, AuthType, UiaaInfo},
        error::StandardErrorBody,
    },
};

pub use self::registrations::{Registered, RegistrationAttempt};
use self::{registrations::Registrations, session::UiaSession, sessions::Sessions};
use crate::{shared::Shared, tokens};

/// User-interactive authentications in progress, kept in memory only: a restart begins them anew.
#[derive(Clone)]
pub struct Uia {
    shared: Arc<Shared>,
    sessions: Arc<Mutex<Sessions>>,
    registrations: Arc<Mutex<Registrations>>,
}

/// What is to be allowed. A session holds for this and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The method and path of the endpoint, with its path parameters.
    pub name: &'a str,
    /// Who asks; `None` at registration.
    pub user: Option<&'a UserId>,
    /// Where the request comes from.
    pub address: IpAddr,
    /// The body without `auth`, as JSON in which equal bodies are equal.
    pub body: &'a str,
}

/// The `auth` of a request.
#[derive(Debug, Default)]
pub struct Attempt<'a> {
    /// The session it names.
    pub session: Option<&'a str>,
    /// The stage it submits and how the caller found it; `None` to ask how things stand.
    pub stage: Option<(AuthType, Result<(), StandardErrorBody>)>,
    /// Whether the stage is good in that session alone, and for none that begins with it.
    pub in_session_alone: bool,
    /// The registration token that passed the stage.
    pub token: Option<String>,
}

/// Where an authentication stands.
#[derive(Clone, Debug)]
pub enum UiaStep {
    /// All stages of a flow are passed, and the session is used up: do it. Who registers may have shown a token, in
    /// this request or in one before.
    Finished { token: Option<String> },
    /// 401 with this.
    Challenge(UiaaInfo),
    /// 403 `M_FORBIDDEN` with this text.
    Refused(&'static str),
}

impl Uia {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, sessions: Arc::default(), registrations: Arc::default() }
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
        let attempt = attempt.unwrap_or_default();
        let mut sessions = self.sessions.lock();
        let known = attempt.session.and_then(|id| Some((id.to_owned(), sessions.take(id, now)?)));
        let stage = attempt.stage.filter(|_| known.is_some() || !attempt.in_session_alone);
        let (id, mut session) = known.unwrap_or_else(|| {
            (tokens::new_token(&*self.shared.random, ""), UiaSession::new(operation, now))
        });
        let step = session.step(&id, operation, flows, stage, attempt.token);
        if !matches!(step, UiaStep::Finished { .. }) {
            sessions.put(id, session, now);
        }
        step
    }

    /// Whether a session is there.
    pub fn is_known(&self, session: &str) -> bool {
        self.sessions.lock().get(session, self.shared.clock.now_ms()).is_some()
    }

    /// Notes that a stage of a session was passed on a page of its own; whether the session is there.
    pub fn pass(&self, session: &str, stage: AuthType) -> bool {
        let now = self.shared.clock.now_ms();
        let mut sessions = self.sessions.lock();
        let Some(mut known) = sessions.take(session, now) else { return false };
        known.pass(stage);
        sessions.put(session.to_owned(), known, now);
        true
    }

    /// The body of the request that began a session, without its `auth`: a later one may leave it out. `None` if it
    /// is too large to be kept, or for a session that is not there.
    pub fn body(&self, session: &str) -> Option<String> {
        self.sessions.lock().get(session, self.shared.clock.now_ms())?.body()
    }

    /// What an attempt to register has made, if it was made before: its answer was lost.
    pub fn registered(&self, attempt: RegistrationAttempt) -> Option<Registered> {
        self.registrations.lock().get(attempt, self.shared.clock.now_ms())
    }

    /// Remembers for a while what an attempt to register has made.
    pub fn remember_registered(&self, attempt: RegistrationAttempt, registered: Registered) {
        self.registrations.lock().put(attempt, registered, self.shared.clock.now_ms());
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ruma::{api::error::ErrorKind, user_id};

    use super::{session::LIFETIME_MS, sessions::MAX_OF_ADDRESS, *};
    use crate::testing::World;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const REGISTER: Operation<'_> =
        Operation { name: "POST register", user: None, address: HERE, body: r#"{"username":"alice"}"# };

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
        Some(Attempt { session, stage: Some((stage, Ok(()))), ..Attempt::default() })
    }

    #[test]
    fn all_stages_of_one_flow_finish_it() {
        let world = World::new();
        let uia = &world.users.uia;
        let operation = REGISTER;
        let flows = flows(&[&[AuthType::RegistrationToken, AuthType::Dummy], &[AuthType::Terms]]);
        let info = challenge(uia.step(&operation, &flows, None));
        let session = info.session.unwrap();
        assert!(info.completed.is_empty());
        let next = uia.step(&operation, &flows, passed(Some(&session), AuthType::RegistrationToken));
        assert_eq!(challenge(next).completed, [AuthType::RegistrationToken]);
        let asked = Some(Attempt { session: Some(&session), ..Attempt::default() });
        assert_eq!(challenge(uia.step(&operation, &flows, asked)).completed.len(), 1);
        // The last request may leave the body out.
        assert_eq!(uia.body(&session).as_deref(), Some(operation.body));
        let last = uia.step(&operation, &flows, passed(Some(&session), AuthType::Dummy));
        assert!(matches!(last, UiaStep::Finished { .. }));
        assert_eq!(uia.body(&session), None);
        // What is used up begins anew.
        let again = uia.step(&operation, &flows, passed(Some(&session), AuthType::Dummy));
        let again = challenge(again);
        assert_ne!(again.session.unwrap(), session);
        assert_eq!(again.completed, [AuthType::Dummy]);
    }

    #[test]
    fn a_token_is_remembered_until_all_is_passed() {
        let world = World::new();
        let uia = &world.users.uia;
        let flows = flows(&[&[AuthType::RegistrationToken, AuthType::Terms]]);
        let shown = Some(Attempt {
            token: Some("t".to_owned()),
            ..passed(None, AuthType::RegistrationToken).unwrap()
        });
        let session = challenge(uia.step(&REGISTER, &flows, shown)).session.unwrap();
        let last = uia.step(&REGISTER, &flows, passed(Some(&session), AuthType::Terms));
        assert!(matches!(last, UiaStep::Finished { token: Some(token) } if token == "t"));
    }

    #[test]
    fn a_first_request_may_bring_its_only_stage() {
        let world = World::new();
        let uia = &world.users.uia;
        let step = uia.step(&REGISTER, &flows(&[&[AuthType::Dummy]]), passed(None, AuthType::Dummy));
        assert!(matches!(step, UiaStep::Finished { .. }));
    }

    #[test]
    fn a_stage_of_one_session_begins_no_other() {
        let world = World::new();
        let uia = &world.users.uia;
        let flows = flows(&[&[AuthType::Dummy]]);
        let session = challenge(uia.step(&REGISTER, &flows, None)).session.unwrap();
        let bound = |session| {
            let stage = Some((AuthType::Dummy, Ok(())));
            Some(Attempt { session: Some(session), stage, in_session_alone: true, token: None })
        };
        assert!(challenge(uia.step(&REGISTER, &flows, bound("x"))).completed.is_empty());
        // Who registers says who they are when they have passed it.
        let named = Operation { body: r#"{"username":"bob"}"#, ..REGISTER };
        assert!(matches!(uia.step(&named, &flows, bound(&session)), UiaStep::Finished { .. }));
        assert!(challenge(uia.step(&named, &flows, bound(&session))).completed.is_empty());
    }

    #[test]
    fn a_stage_that_was_passed_on_a_page_is_known() {
        let world = World::new();
        let uia = &world.users.uia;
        let flows = flows(&[&[AuthType::ReCaptcha]]);
        let session = challenge(uia.step(&REGISTER, &flows, None)).session.unwrap();
        assert!(!uia.pass("x", AuthType::ReCaptcha) && uia.pass(&session, AuthType::ReCaptcha));
        let asked = Some(Attempt { session: Some(&session), ..Attempt::default() });
        assert!(matches!(uia.step(&REGISTER, &flows, asked), UiaStep::Finished { .. }));
        assert!(!uia.is_known(&session));
    }

    #[test]
    fn a_failed_stage_is_told_and_can_be_tried_again() {
        let world = World::new();
        let operation = REGISTER;
        let flows = flows(&[&[AuthType::Password]]);
        let error = StandardErrorBody::new(ErrorKind::Forbidden, "wrong password".to_owned());
        let attempt = Attempt { stage: Some((AuthType::Password, Err(error))), ..Attempt::default() };
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
        let body = r#"{"devices":["A"]}"#;
        let operation = Operation { name: "POST delete_devices", user: Some(alice), address: HERE, body };
        let flows = flows(&[&[AuthType::Password]]);
        let session = challenge(uia.step(&operation, &flows, None)).session.unwrap();
        for other in [
            Operation { name: "POST deactivate", ..operation },
            Operation { user: Some(bob), ..operation },
            Operation { user: None, ..operation },
            Operation { body: r#"{"devices":["B"]}"#, ..operation },
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
    fn of_a_long_body_only_the_hash_is_kept() {
        let world = World::new();
        let uia = &world.users.uia;
        let body = format!(r#"{{"x":"{}"}}"#, "y".repeat(session::MAX_KEPT_BODY));
        let (operation, flows) = (Operation { body: &body, ..REGISTER }, flows(&[&[AuthType::Password]]));
        let session = challenge(uia.step(&operation, &flows, None)).session.unwrap();
        assert_eq!(uia.body(&session), None);
        let again = uia.step(&operation, &flows, passed(Some(&session), AuthType::Password));
        assert!(matches!(again, UiaStep::Finished { .. }), "{again:?}");
    }

    #[test]
    fn sessions_end_after_a_while() {
        let world = World::new();
        let uia = &world.users.uia;
        let flows = flows(&[&[AuthType::RegistrationToken, AuthType::Dummy]]);
        let first = challenge(uia.step(&REGISTER, &flows, passed(None, AuthType::Dummy)));
        world.clock.advance(LIFETIME_MS);
        let late = challenge(uia.step(&REGISTER, &flows, passed(first.session.as_deref(), AuthType::Dummy)));
        assert_ne!(late.session, first.session);
    }

    #[test]
    fn who_begins_many_pushes_out_none_but_their_own() {
        let world = World::new();
        let uia = &world.users.uia;
        let flows = flows(&[&[AuthType::Password]]);
        let begin = |operation: &Operation<'_>| challenge(uia.step(operation, &flows, None)).session.unwrap();
        let of_alice = Operation { user: Some(user_id!("@alice:here")), ..REGISTER };
        let elsewhere = Operation { address: Ipv4Addr::new(10, 0, 0, 1).into(), ..REGISTER };
        let kept = [(of_alice, begin(&of_alice)), (elsewhere, begin(&elsewhere))];
        let first = begin(&REGISTER);
        for _ in 0..MAX_OF_ADDRESS {
            begin(&REGISTER);
        }
        let asked = Attempt { session: Some(&first), ..Attempt::default() };
        let again = challenge(uia.step(&REGISTER, &flows, Some(asked)));
        assert_ne!(again.session.unwrap(), first);
        for (operation, session) in kept {
            let step = uia.step(&operation, &flows, passed(Some(&session), AuthType::Password));
            assert!(matches!(step, UiaStep::Finished { .. }));
        }
    }
}
