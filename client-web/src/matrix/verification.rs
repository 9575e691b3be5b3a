//! Comparing emoji with another session or another person ("Short Authentication String (SAS) verification").

use std::rc::Rc;

use async_stream::stream;
use futures::{Stream, StreamExt, channel::mpsc};
use matrix_sdk::{
    encryption::verification::{
        SasState, SasVerification, Verification, VerificationRequest, VerificationRequestState,
    },
    ruma::{
        UserId,
        events::{
            key::verification::{VerificationMethod, request::ToDeviceKeyVerificationRequestEvent},
            room::message::{MessageType, OriginalSyncRoomMessageEvent},
        },
    },
};

use super::{Account, Problem};

/// A verification that goes on.
#[derive(Clone)]
pub struct Verifying {
    account: Rc<Account>,
    request: VerificationRequest,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The other side asks: by name, and whether it is a session of one's own.
    Asked {
        by: String,
        is_mine: bool,
    },
    /// The other side was asked.
    Waiting,
    /// Seven pictures, each with its word.
    Compare(Vec<(String, String)>),
    /// One has said that they are the same; the other side has not.
    Confirming,
    Done,
    Cancelled,
}

impl PartialEq for Verifying {
    fn eq(&self, other: &Self) -> bool {
        self.request.flow_id() == other.request.flow_id()
    }
}

impl Account {
    /// Those whom others ask for.
    pub fn verifications(self: &Rc<Self>) -> impl Stream<Item = Verifying> + use<> {
        let (sender, receiver) = mpsc::unbounded();
        let to_device = sender.clone();
        self.client.add_event_handler(move |event: ToDeviceKeyVerificationRequestEvent| {
            let _ = to_device.unbounded_send((event.sender, event.content.transaction_id.to_string()));
            std::future::ready(())
        });
        self.client.add_event_handler(move |event: OriginalSyncRoomMessageEvent| {
            if let MessageType::VerificationRequest(_) = &event.content.msgtype {
                let _ = sender.unbounded_send((event.sender, event.event_id.to_string()));
            }
            std::future::ready(())
        });
        let account = self.clone();
        receiver.filter_map(move |(user, flow)| {
            let account = account.clone();
            async move {
                let request = account.client.encryption().get_verification_request(&user, flow).await?;
                let is_theirs = !request.we_started() && !request.is_cancelled() && !request.is_done();
                is_theirs.then_some(Verifying { account, request })
            }
        })
    }

    /// Asks one's other sessions to verify this one.
    pub async fn verify_this_session(self: &Rc<Self>) -> Result<Verifying, Problem> {
        self.verify_user(self.session.user.as_str()).await
    }

    /// Asks a person to compare.
    pub async fn verify_user(self: &Rc<Self>, user: &str) -> Result<Verifying, Problem> {
        let user = UserId::parse(user).map_err(|_| Problem::Known("error-address"))?;
        let other = |error: &dyn std::fmt::Display| Problem::Other(error.to_string());
        let identity = self.client.encryption().request_user_identity(&user).await?;
        let identity = identity.ok_or(Problem::Known("verify-cancelled-hint"))?;
        let request = identity.request_verification_with_methods(vec![VerificationMethod::SasV1]).await;
        let request = request.map_err(|error| other(&error))?;
        Ok(Verifying { account: self.clone(), request })
    }
}

impl Verifying {
    /// How far it has come, until it is over.
    pub fn stages(&self) -> impl Stream<Item = Stage> + use<> {
        let Self { account, request } = self.clone();
        stream! {
            let mut changes = request.changes();
            let mut state = Some(request.state());
            while let Some(now) = state {
                match now {
                    VerificationRequestState::Created { .. } => yield Stage::Waiting,
                    VerificationRequestState::Requested { .. } => yield asked(&account, &request).await,
                    VerificationRequestState::Ready { .. } => {
                        yield Stage::Waiting;
                        // Who asked begins.
                        if request.we_started() {
                            let _ = request.start_sas().await;
                        }
                    }
                    VerificationRequestState::Transitioned { verification: Verification::SasV1(sas) } => {
                        for await stage in comparing(sas) {
                            yield stage;
                        }
                        return;
                    }
                    VerificationRequestState::Transitioned { .. } => yield Stage::Waiting,
                    VerificationRequestState::Done => {
                        yield Stage::Done;
                        return;
                    }
                    VerificationRequestState::Cancelled(_) => {
                        yield Stage::Cancelled;
                        return;
                    }
                }
                state = changes.next().await;
            }
        }
    }

    pub async fn accept(&self) {
        // A failure shows as a verification that is cancelled.
        let _ = self.request.accept_with_methods(vec![VerificationMethod::SasV1]).await;
    }

    pub async fn cancel(&self) {
        let _ = self.request.cancel().await;
    }

    /// Says whether both sides show the same.
    pub async fn answer(&self, is_same: bool) {
        let VerificationRequestState::Transitioned { verification: Verification::SasV1(sas) } =
            self.request.state()
        else {
            return;
        };
        let _ = if is_same { sas.confirm().await } else { sas.mismatch().await };
    }
}

async fn asked(account: &Account, request: &VerificationRequest) -> Stage {
    let by = account.profile_of(request.other_user_id()).await.name;
    Stage::Asked { by, is_mine: request.is_self_verification() }
}

fn comparing(sas: SasVerification) -> impl Stream<Item = Stage> {
    stream! {
        let mut changes = sas.changes();
        let mut state = Some(sas.state());
        while let Some(now) = state {
            match now {
                SasState::Started { .. } if !sas.we_started() => {
                    let _ = sas.accept().await;
                    yield Stage::Waiting;
                }
                SasState::KeysExchanged { emojis: Some(emojis), .. } => {
                    let emojis = emojis.emojis.iter();
                    yield Stage::Compare(
                        emojis.map(|emoji| (emoji.symbol.to_owned(), emoji.description.to_owned())).collect(),
                    );
                }
                SasState::Confirmed => yield Stage::Confirming,
                SasState::Done { .. } => {
                    yield Stage::Done;
                    return;
                }
                SasState::Cancelled(_) => {
                    yield Stage::Cancelled;
                    return;
                }
                _ => yield Stage::Waiting,
            }
            state = changes.next().await;
        }
    }
}
