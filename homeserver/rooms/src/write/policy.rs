//! Rooms with a policy server (server-server API, "Policy Servers"): it is asked for a signature before an event of a user
//! of this server becomes part of the room, and what comes without one is soft-failed.

use std::sync::Arc;

use hearth_spec::{Pdu, RoomPolicy};

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Room, RoomInner},
    },
    write::{
        receive::Received,
        staged::Staged,
        transactions::ClientTransaction,
        writer::{NewEvent, refuse_create, same_state},
    },
};

impl Room {
    /// Makes an event as of now, has the policy server sign it, and takes it in. What came into the room meanwhile stands
    /// beside it.
    pub(crate) async fn send_recommended(
        &self,
        policy: &RoomPolicy,
        event: NewEvent,
        transaction: Option<ClientTransaction>,
    ) -> Result<Arc<Event>, RoomError> {
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let shared = self.shared();
        {
            let head = self.0.writer.lock().await;
            let staged = Staged::new(shared, head.clone())?;
            if let Some(earlier) = earlier(&staged, &event, transaction.as_ref())? {
                drop((head, staged));
                return self.when_durable(&earlier).await;
            }
            self.refuse(&staged, &event)?;
        }
        refuse_create(&event)?;
        let head = self.head();
        let made = self.0.seal(&**shared, &head, event.clone())?;
        self.0.check_against(&**shared, head.state, &made)?;
        let servers = shared.policy_servers.get().ok_or(RoomError::NoPolicyServer)?;
        let signed = servers.sign(&policy.via, &made).await?;

        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(shared, head.clone())?;
        if let Some(earlier) = earlier(&staged, &event, transaction.as_ref())? {
            drop((head, staged));
            return self.when_durable(&earlier).await;
        }
        let before = self.0.state_before(&mut staged, &signed)?;
        let sent_by = transaction.as_ref().map(ClientTransaction::sent_by);
        let made = match self.0.judge(&mut staged, Arc::new(signed), before, sent_by)? {
            Received::Accepted(event) => event,
            Received::SoftFailed(_, reason) | Received::Rejected(reason) => {
                return Err(RoomError::Forbidden(reason));
            }
            other => return Err(RoomError::Invalid(format!("the event became something else: {other:?}"))),
        };
        if let Some(transaction) = &transaction {
            transaction.remember(&mut staged, &made)?;
        }
        let commit = self.0.commit(&mut head, staged)?;
        drop(head);
        commit.await?;
        shared.referred(made.nid)
    }
}

/// What was sent under the same transaction before, or says the same already.
fn earlier(
    staged: &Staged,
    event: &NewEvent,
    transaction: Option<&ClientTransaction>,
) -> Result<Option<Arc<Event>>, RoomError> {
    let sent = transaction.map(|transaction| transaction.sent(staged)).transpose()?.flatten();
    match sent {
        Some(sent) => Ok(Some(sent)),
        None => same_state(staged, event),
    }
}

impl RoomInner {
    /// Why this server's administrators or the room's policy server have something against an event, if they have.
    pub fn check_advice(&self, staged: &Staged, pdu: &Pdu) -> Result<Result<(), String>, RoomError> {
        if let banned @ Err(_) = self.shared.bans.check_event(pdu) {
            return Ok(banned);
        }
        Ok(match self.policy_in(staged, staged.head.state)? {
            Some(policy) if !policy.recommends(pdu) => {
                Err(format!("the policy server {} does not recommend the event", policy.via))
            }
            _ => Ok(()),
        })
    }
}
