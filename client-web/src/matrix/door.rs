//! The way in: finding a server, signing in, registering step by step ("User-Interactive Authentication API").

use std::time::Duration;

use hearth_client_state::work::{self, Work};
use matrix_sdk::{
    Client,
    ruma::{
        api::client::{
            account::register,
            session::login,
            uiaa::{
                AuthData, AuthType, Dummy, LoginTermsParams, MatrixUserIdentifier, RegistrationToken, Terms,
                UiaaInfo, UserIdentifier,
            },
        },
        assign,
    },
    sleep::sleep,
};
use serde_json::Map;

use super::{Problem, Session};
use crate::browser;

/// What sessions made here are called.
const DEVICE: &str = "Hearth";

/// A server that one may enter.
#[derive(Clone)]
pub struct Door {
    client: Client,
}

/// What a registration comes to.
pub enum Registration {
    Done(Session),
    /// The server asks for these first.
    Needs(Steps),
}

/// What a server asks of whoever registers.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Steps {
    /// It wants a token.
    pub token: bool,
    /// It wants one to agree to these, by name and address.
    pub terms: Vec<(String, String)>,
    /// It refused the token that was given.
    pub is_token_wrong: bool,
    session: Option<String>,
}

impl Door {
    /// The server of a name (`example.org`) or a base URL, if there is one.
    pub async fn find(server: &str) -> Result<Self, Problem> {
        let builder = match server.starts_with("http") {
            true => Client::builder().homeserver_url(server),
            false => Client::builder().server_name_or_homeserver_url(server),
        };
        let client = builder.build().await.map_err(|_| Problem::Known("error-server"))?;
        client.server_versions().await.map_err(|_| Problem::Known("error-server"))?;
        Ok(Self { client })
    }

    pub async fn sign_in(&self, name: &str, password: &str) -> Result<Session, Problem> {
        let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(name.trim().to_owned()));
        let login = login::v3::LoginInfo::Password(login::v3::Password::new(user, password.to_owned()));
        let request = assign!(login::v3::Request::new(login), {
            initial_device_display_name: Some(DEVICE.to_owned()),
        });
        let response = self.client.send(request).await.map_err(|error| match error.into() {
            Problem::Forbidden(_) => Problem::Known("error-password"),
            problem => problem,
        })?;
        Ok(self.session(response.user_id, response.device_id, response.access_token))
    }

    /// Registers, or tells what the server asks for first. With `steps` goes what the person entered for them.
    pub async fn register(
        &self,
        name: &str,
        password: &str,
        token: &str,
        steps: Option<&Steps>,
    ) -> Result<Registration, Problem> {
        let mut auth = None;
        let mut session = steps.and_then(|steps| steps.session.clone());
        // Each round completes one stage; a server that asks for more than all there are is asked no further.
        for _ in 0..5 {
            let request = assign!(register::v3::Request::new(), {
                username: Some(name.trim().to_owned()),
                password: Some(password.to_owned()),
                initial_device_display_name: Some(DEVICE.to_owned()),
                auth: auth.take(),
            });
            let error = match self.client.send(request).await {
                Ok(response) => {
                    let (Some(device), Some(access)) = (response.device_id, response.access_token) else {
                        return Err(Problem::Known("error-closed"));
                    };
                    return Ok(Registration::Done(self.session(response.user_id, device, access)));
                }
                Err(error) => error,
            };
            let Some(uiaa) = error.as_uiaa_response().cloned() else {
                return Err(refused(error.into()));
            };
            session = uiaa.session.clone().or(session);
            let asked = asked(&uiaa)?;
            let next = asked.stages.iter().find(|stage| !uiaa.completed.contains(stage));
            let is_token_wrong = uiaa.auth_error.is_some() && next == Some(&AuthType::RegistrationToken);
            let steps_now = Steps { session: session.clone(), is_token_wrong, ..asked.steps.clone() };
            match next {
                // What the person has to enter was not asked for yet, or was wrong.
                Some(AuthType::RegistrationToken) if token.trim().is_empty() || is_token_wrong => {
                    return Ok(Registration::Needs(steps_now));
                }
                Some(AuthType::Terms) if steps.is_none() => return Ok(Registration::Needs(steps_now)),
                Some(AuthType::RegistrationToken) => {
                    let data = assign!(RegistrationToken::new(token.trim().to_owned()), { session: session.clone() });
                    auth = Some(AuthData::RegistrationToken(data));
                }
                Some(stage) if stage.as_str() == work::STAGE => {
                    let work = asked.work.ok_or(Problem::Known("error-closed"))?;
                    let solution = Map::from_iter([("solution".to_owned(), solve(&work).await.into())]);
                    auth = AuthData::new(work::STAGE, session.clone(), solution).ok();
                }
                Some(AuthType::Terms) => {
                    auth = Some(AuthData::Terms(assign!(Terms::new(), { session: session.clone() })));
                }
                _ => auth = Some(AuthData::Dummy(assign!(Dummy::new(), { session: session.clone() }))),
            }
        }
        Err(Problem::Known("error-closed"))
    }

    fn session(
        &self,
        user: matrix_sdk::ruma::OwnedUserId,
        device: matrix_sdk::ruma::OwnedDeviceId,
        token: String,
    ) -> Session {
        Session::new(self.client.homeserver().to_string(), user, device, token)
    }
}

/// Where a sign-in would say that a password is wrong, a registration says that there is none.
fn refused(problem: Problem) -> Problem {
    match problem {
        Problem::Forbidden(_) => Problem::Known("error-closed"),
        problem => problem,
    }
}

/// The solution of a proof of work. The page stays alive: it is looked for in moments, with a little time between them.
async fn solve(work: &Work) -> String {
    /// Less than anybody notices, in milliseconds.
    const MOMENT: i64 = 12;
    /// So many numbers take a small part of that.
    const SOME: u64 = 500;
    let mut next = 0;
    loop {
        let end = browser::now() + MOMENT;
        while browser::now() < end {
            if let Some(solution) = work.solution(next..next + SOME) {
                return solution;
            }
            next += SOME;
        }
        sleep(Duration::ZERO).await;
    }
}

struct Asked {
    stages: Vec<AuthType>,
    work: Option<Work>,
    steps: Steps,
}

/// The first flow that consists of stages which this client knows.
fn asked(uiaa: &UiaaInfo) -> Result<Asked, Problem> {
    let work = uiaa.params::<Work>(&AuthType::from(work::STAGE)).ok().flatten().filter(Work::is_doable);
    let is_known = |stage: &AuthType| match stage {
        AuthType::Dummy | AuthType::RegistrationToken | AuthType::Terms => true,
        stage => stage.as_str() == work::STAGE && work.is_some(),
    };
    let Some(flow) = uiaa.flows.iter().find(|flow| flow.stages.iter().all(is_known)) else {
        return Err(Problem::Known("error-closed"));
    };
    let terms = uiaa.params::<LoginTermsParams>(&AuthType::Terms).ok().flatten();
    let terms = terms.into_iter().flat_map(|terms| terms.policies.into_values()).filter_map(|policy| {
        let translation = policy.translations.get("en").or_else(|| policy.translations.values().next())?;
        Some((translation.name.clone(), translation.url.clone()))
    });
    let steps = Steps {
        token: flow.stages.contains(&AuthType::RegistrationToken),
        terms: terms.collect(),
        ..Steps::default()
    };
    Ok(Asked { stages: flow.stages.clone(), work, steps })
}
