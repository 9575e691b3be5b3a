//! What happens in rooms at its time.

use hearth_storage::{
    schema::timers::{Timer, TimerKind},
    timers::{Fired, TimerError, Timers},
};

use crate::read::rooms::Rooms;

impl Rooms {
    /// Handles the timers of rooms.
    pub fn handle_timers(&self, timers: &mut Timers) {
        for kind in [
            TimerKind::ForgetTransactions,
            TimerKind::SendDelayedEvent,
            TimerKind::RedactTurnedOut,
            TimerKind::ForgetRedacted,
            TimerKind::Work,
            TimerKind::Retain,
            TimerKind::ForgetSticky,
        ] {
            let rooms = self.clone();
            timers.handle(kind, move |timer| {
                let rooms = rooms.clone();
                async move { rooms.is_due(timer).await }
            });
        }
    }

    async fn is_due(&self, timer: Timer) -> Result<Fired, TimerError> {
        match timer {
            Timer::ForgetTransactions { day } => Ok(self.forget_transactions(day).await?),
            Timer::SendDelayedEvent { user, delay_id } => {
                self.send_due(&user, &delay_id).await?;
                Ok(Fired::Done)
            }
            Timer::ForgetRedacted { day } => Ok(self.forget_redacted(day).await?),
            Timer::RedactTurnedOut { room, user } => Ok(self.redact_turned_out(room, &user).await?),
            Timer::Work { id } => Ok(self.go_on_with(&id).await?),
            Timer::Retain { after } => Ok(self.retain(after).await?),
            Timer::ForgetSticky { .. } => Ok(self.forget_sticky().await?),
            other => Err(format!("{other:?} is no timer of rooms").into()),
        }
    }
}
