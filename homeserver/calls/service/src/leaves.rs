//! The ends of memberships in calls that clients have handed over
//! ([MSC4195](https://github.com/matrix-org/matrix-spec-proposals/pull/4195)): each is a delayed event (MSC4140), which is put
//! off as long as the SFU has the participant, and sent when it is gone. So nobody stays in a call for the others whose
//! browser was killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use hearth_rooms::{MAX_DELAYED_EVENTS, RoomError, Rooms};
use hearth_sfu::Calls;
use parking_lot::Mutex;
use ruma::OwnedUserId;
use tokio::time::Instant;

use crate::{CallError, Participant};

/// How many are kept in all.
const MAX_LEAVES: usize = 100_000;

/// How often it is looked who is there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long somebody may take to come whose leave is there already.
const ARRIVAL: Duration = Duration::from_secs(60);

/// How long somebody may take to come again.
const RETURN: Duration = Duration::from_secs(5);

/// All of them, by the names of call and participant in the SFU.
#[derive(Default)]
pub struct Leaves(Mutex<BTreeMap<(String, String), Leave>>);

struct Leave {
    user: OwnedUserId,
    delay_id: String,
    /// How long after it was put off it is put off again.
    pause: Duration,
    stands: Stands,
}

/// How a participant stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stands {
    /// Not there, but may come until then.
    Awaited(Instant),
    /// There; then the leave is put off.
    There(Instant),
}

/// What is to be done with a leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    PutOff,
    Send,
}

impl Leave {
    /// What follows from whether the participant is there.
    fn look(&mut self, is_there: bool, now: Instant) -> Option<Act> {
        match (is_there, self.stands) {
            (true, Stands::Awaited(_)) => {
                self.stands = Stands::There(now);
                Some(Act::PutOff)
            }
            (true, Stands::There(due)) => (now >= due).then_some(Act::PutOff),
            (false, Stands::There(_)) => {
                self.stands = Stands::Awaited(now + RETURN);
                None
            }
            (false, Stands::Awaited(until)) => (now >= until).then_some(Act::Send),
        }
    }
}

impl Leaves {
    /// Takes over the leave of a participant, one of the same takes the place of the former.
    ///
    /// # Errors
    /// [`CallError::UnknownLeave`] if no such event of the user's waits, [`CallError::TooManyLeaves`].
    pub fn take_over(
        &self,
        rooms: &Rooms,
        participant: &Participant,
        delay_id: String,
    ) -> Result<(), CallError> {
        let user = &participant.user;
        let waiting = rooms.delayed_events(user)?;
        let waiting = waiting.into_iter().find(|event| {
            event.delay_id == delay_id && event.room_id == participant.room_id && event.row.ended.is_none()
        });
        let delay = waiting.ok_or(CallError::UnknownLeave)?.row.delay;
        // Well before it is sent.
        let pause = Duration::from_millis(delay / 5 * 4);
        let key = (participant.call.clone(), participant.identity.clone());
        let stands = Stands::Awaited(Instant::now() + ARRIVAL);
        let mut leaves = self.0.lock();
        leaves.remove(&key);
        let own = leaves.values().filter(|leave| leave.user == *user).count();
        if own >= MAX_DELAYED_EVENTS || leaves.len() >= MAX_LEAVES {
            return Err(CallError::TooManyLeaves);
        }
        leaves.insert(key, Leave { user: user.clone(), delay_id, pause, stands });
        Ok(())
    }

    /// Looks after all of them, for ever.
    pub async fn look_after(self: Arc<Self>, calls: Calls, rooms: Rooms) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let of: BTreeSet<String> = self.0.lock().keys().map(|(call, _)| call.clone()).collect();
            for call in of {
                let there = calls.identities(call.clone()).await;
                for (identity, delay_id, act) in self.look(&call, &there) {
                    let done = match act {
                        Act::PutOff => rooms.restart_delayed(&delay_id).await,
                        Act::Send => rooms.send_delayed(&delay_id).await,
                    };
                    self.did((call.clone(), identity), &delay_id, act, done);
                }
            }
        }
    }

    /// What is to be done in a call where these are.
    fn look(&self, call: &str, there: &[String]) -> Vec<(String, String, Act)> {
        let now = Instant::now();
        let mut leaves = self.0.lock();
        let own = leaves.range_mut((call.to_owned(), String::new())..).take_while(|((of, _), _)| of == call);
        own.filter_map(|((_, identity), leave)| {
            let act = leave.look(there.contains(identity), now)?;
            Some((identity.clone(), leave.delay_id.clone(), act))
        })
        .collect()
    }

    /// Notes what came of it. What failed for a while is tried again.
    fn did(&self, key: (String, String), delay_id: &str, act: Act, done: Result<(), RoomError>) {
        let mut leaves = self.0.lock();
        // Another one may have taken its place meanwhile.
        let Some(leave) = leaves.get_mut(&key).filter(|leave| leave.delay_id == delay_id) else { return };
        match (act, done) {
            (Act::PutOff, Ok(())) => leave.stands = Stands::There(Instant::now() + leave.pause),
            (_, Err(RoomError::Busy | RoomError::Storage(_))) => {}
            (_, done) => {
                leaves.remove(&key);
                if let Err(error) = done {
                    tracing::info!(%error, "the leave of a participant of a call is let go");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::*;

    #[test]
    fn a_leave_is_put_off_while_its_participant_is_there_and_sent_when_it_is_gone() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut leave = Leave {
            user: owned_user_id!("@alice:hearth.example"),
            delay_id: "1".to_owned(),
            pause: Duration::from_secs(100),
            stands: Stands::Awaited(start + ARRIVAL),
        };
        assert_eq!(leave.look(false, at(59)), None);
        assert_eq!(leave.look(true, at(60)), Some(Act::PutOff));
        // That failed for now.
        assert_eq!(leave.look(true, at(61)), Some(Act::PutOff));
        leave.stands = Stands::There(at(161));
        assert_eq!(leave.look(true, at(160)), None);
        assert_eq!(leave.look(true, at(161)), Some(Act::PutOff));
        // Gone, and back again.
        assert_eq!(leave.look(false, at(170)), None);
        assert_eq!(leave.look(false, at(174)), None);
        assert_eq!(leave.look(true, at(174)), Some(Act::PutOff));
        assert_eq!(leave.look(false, at(180)), None);
        assert_eq!(leave.look(false, at(185)), Some(Act::Send));
        // Until it is sent.
        assert_eq!(leave.look(false, at(186)), Some(Act::Send));
    }
}
