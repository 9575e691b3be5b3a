//! The way in: finding a server, signing in, registering step by step ("User-Interactive Authentication API").

use hearth_client_design::page;
use hearth_client_state::proof_of_work::{self, Work};
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
};

use super::{Problem, Session};

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
                Some(AuthType::Terms) => {
                    auth = Some(AuthData::Terms(assign!(Terms::new(), { session: session.clone() })));
                }
                Some(stage) if stage.as_str() == proof_of_work::STAGE => {
                    let work = uiaa.params::<Work>(stage).ok().flatten();
                    let solution = solved(work.ok_or(Problem::Known("error-closed"))?).await?;
                    let data = [("solution".to_owned(), solution.into())].into_iter().collect();
                    auth = AuthData::new(proof_of_work::STAGE, session.clone(), data).ok();
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

/// Computes for a moment, and lets the page go on meanwhile.
async fn solved(work: Work) -> Result<String, Problem> {
    /// So many numbers are tried at once: some hundredths of a second.
    const AT_ONCE: u64 = 10_000;
    if !work.is_bearable() {
        return Err(Problem::Known("error-closed"));
    }
    let mut from = 0;
    loop {
        if let Some(solution) = work.solve(from..from + AT_ONCE) {
            return Ok(solution);
        }
        from += AT_ONCE;
        page::wait(0).await;
    }
}

/// Where a sign-in would say that a password is wrong, a registration says that there is none.
fn refused(problem: Problem) -> Problem {
    match problem {
        Problem::Forbidden(_) => Problem::Known("error-closed"),
        problem => problem,
    }
}

struct Asked {
    stages: Vec<AuthType>,
    steps: Steps,
}

/// The first flow that consists of stages which this client knows.
fn asked(uiaa: &UiaaInfo) -> Result<Asked, Problem> {
    let is_known = |stage: &AuthType| {
        matches!(stage, AuthType::Dummy | AuthType::RegistrationToken | AuthType::Terms)
            || stage.as_str() == proof_of_work::STAGE
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
    Ok(Asked { stages: flow.stages.clone(), steps })
}
